/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_QEMU_H
#define DOMPOOL_LAB_LAB_QEMU_H
/* A diskless PC: a QEMU process (no KVM) that boots from its network card. */
#include <stdio.h>

#include "lab/lab_room.h"

#define LAB_QEMU "qemu-system-x86_64"
#define LAB_QEMU_MAX_ARGS 64

/* A command line; free with lab_argv_free. */
struct lab_argv {
        unsigned n;
        char *v[LAB_QEMU_MAX_ARGS];
};

void lab_argv_add(struct lab_argv *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lab_argv_free(struct lab_argv *a);

/* The command line of a host; touches nothing. */
void lab_qemu_argv(const struct lab_room *room, const struct lab_host *h, struct lab_argv *ret);

/* Is all there that a host needs? ERR_NOT_FOUND names the package. */
int lab_qemu_check(const struct lab_room *room, struct error *err);

/* Power on. ERR_STATE: it is on. */
int lab_qemu_start(const struct lab_room *room, const struct lab_host *h, struct error *err);

/* The plug is pulled. */
void lab_qemu_stop(const struct lab_room *room, const struct lab_host *h);

/* The reset button. */
int lab_qemu_reset(const struct lab_room *room, const struct lab_host *h, struct error *err);

/* Makes one line after the other out of a serial console's bytes: no escape sequences, no control bytes but newline. In place.
 */
void lab_console_clean(char *text);

/* Prints the last @n_lines of the host's serial console, each behind @prefix. */
void lab_console_tail(const struct lab_room *room, const struct lab_host *h, unsigned n_lines, const char *prefix, FILE *f);

#endif
