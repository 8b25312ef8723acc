/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_CONSOLE_H
#define DOMPOOL_LAB_LAB_CONSOLE_H
/* Runs a program on a terminal of its own and reads along: how the demo uses `dompool domain console` as a person would. */
#include <stddef.h>

#include "base/error.h"

/*
 * Starts argv[0], waits up to @timeout_ms for a whole line that contains @text, copies that line to @ret (no control bytes),
 * then types Ctrl-] and waits for the program's end. ERR_TIMEOUT has the last line seen.
 */
int lab_console_expect(char *const argv[], const char *text, int timeout_ms, char *ret, size_t ret_size, struct error *err);

#endif
