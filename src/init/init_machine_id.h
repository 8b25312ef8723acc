/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_MACHINE_ID_H
#define DOMPOOL_INIT_INIT_MACHINE_ID_H
/*
 * machine-id(5) of a host whose root is a whole system. The image, which all hosts share, has an empty one; a host has the same
 * at each boot, and no other host has it. Written by the first stage, for systemd reads it before it starts anything.
 */
#include "base/error.h"
#include "base/parse.h"

#define INIT_MACHINE_ID_SIZE 33

/* 32 hex digits of the MAC address that the server knows the host by, formed as a random UUID. Pure. */
void init_machine_id(const struct mac *mac, char ret[INIT_MACHINE_ID_SIZE]);

/* Into etc/machine-id of the tree @root, where there is such a file and it is empty. */
int init_machine_id_write(const char *root, const struct mac *mac, struct error *err);

#endif
