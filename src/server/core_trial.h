/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CORE_TRIAL_H
#define DOMPOOL_SERVER_CORE_TRIAL_H
/* The guest that shows that a host can start one: trial_guest.S, in the place of a file of the guest-files directory. */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

#define CORE_TRIAL_KERNEL "dompool:trial-guest"
#define CORE_TRIAL_MEMORY_KIB (16u << 10)

/* Is this path that guest's? Then *ret is its size and hash. */
bool core_trial_known(const char *path, struct store_guest_file *ret);

/* Its bytes, in an open file. */
int core_trial_open(int *ret_fd, struct error *err);

#endif
