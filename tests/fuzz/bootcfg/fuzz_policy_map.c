/* SPDX-License-Identifier: Apache-2.0 */
/* A policy snapshot of any bytes: refused, or every lookup in it is safe. */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bootcfg/policy_choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("policy", MFD_CLOEXEC);
        struct policy *p = NULL;
        struct error err;

        if (fd < 0 || write(fd, data, size) != (ssize_t)size || policy_map(fd, &p, &err) < 0) {
                if (fd >= 0)
                        close(fd);
                return 0;
        }
        close(fd);
        assert(strlen(policy_header(p)->console) < NAME_SIZE);
        for (uint32_t i = 0; i < policy_header(p)->n_hosts; i++) {
                struct policy_chosen chosen;
                const struct policy_host *h = policy_host_at(p, i);
                const struct policy_image *image = policy_image_at(p, h->image);

                assert(policy_host_by_mac(p, &h->mac) == h);
                policy_choose(p, h, &(struct policy_time){.weekday = data[size - 1] % 7, .minute = data[size / 2] * 5}, &chosen);
                assert(strlen(h->name) < NAME_SIZE && chosen.profile && chosen.profile->kind < PROFILE_N);
                assert(!image || strlen(image->id) == IMAGE_ID_SIZE - 1);
        }
        policy_free(p);
        return 0;
}
