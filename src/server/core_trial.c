/* SPDX-License-Identifier: Apache-2.0 */
/* The trial guest as a guest file. Process: core. */
#include "server/core_trial.h"

#include <string.h>

#include "base/digest.h"
#include "base/sealed.h"

extern const uint8_t trial_guest[], trial_guest_end[];

static size_t
size(void)
{
        return (size_t)(trial_guest_end - trial_guest);
}

bool
core_trial_known(const char *path, struct store_guest_file *ret)
{
        if (strcmp(path, CORE_TRIAL_KERNEL) != 0)
                return false;
        *ret = (struct store_guest_file){.size = size()};
        digest_sha256(trial_guest, size(), ret->sha256);
        return true;
}

int
core_trial_open(int *ret_fd, struct error *err)
{
        int r = sealed_file_new("trial-guest", trial_guest, size(), ret_fd);

        return r < 0 ? error_errno_set(err, -r, "the trial guest") : 0;
}
