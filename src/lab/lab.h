/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_H
#define DOMPOOL_LAB_LAB_H
/*
 * The virtual room: `dompool lab`. A boot server and N diskless PCs (QEMU, real firmware) in one network namespace.
 * Needs root, not KVM. See dompool-lab(1).
 */
#include <stddef.h>

/* Runs one command; argv[0] is the verb ("up", "down", "status", "power", "demo"). Returns the exit code. Prints its own
 * errors. */
int lab_command(int argc, char **argv);

/* Its options by number, for completion: the name without dashes, and what it is. NULL behind the last. */
const char *lab_option_at(size_t i, const char **ret_help);

#endif
