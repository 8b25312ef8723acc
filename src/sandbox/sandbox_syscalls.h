/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SANDBOX_SANDBOX_SYSCALLS_H
#define DOMPOOL_SANDBOX_SANDBOX_SYSCALLS_H
/* The system calls of each group of enum sandbox_syscalls. Private to src/sandbox and its tests. */
#include "sandbox/sandbox.h"

struct sandbox_group {
        unsigned bit;             /* one of enum sandbox_syscalls */
        const char *const *names; /* NULL-terminated; names as libseccomp knows them */
};

extern const struct sandbox_group sandbox_groups[];
extern const size_t sandbox_n_groups;

#endif
