/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_ROOT_KEEPER_H
#define DOMPOOL_INIT_ROOT_KEEPER_H
/*
 * A process that keeps a root's connection for as long as the machine runs: it works when no page of the root can be had, since
 * all of it is of the initrd's memory, locked. It must open no file.
 */
#include "base/error.h"

/* Starts it; @main runs in it, and does not return. 0 once its memory is locked, or an error. @name: of the process. */
int init_root_keeper_start(const char *name, void (*main)(const void *arg), const void *arg, struct error *err);

#endif
