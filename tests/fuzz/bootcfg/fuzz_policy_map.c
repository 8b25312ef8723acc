/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy snapshot of any bytes: refused, or every lookup in it is safe. The checksum is put right, as whoever owns core can
 * do.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sealed.h"
#include "bootcfg/enrol_choice.h"
#include "bootcfg/quirk_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const struct policy *p, uint32_t i, const struct policy_time *t)
{
        struct policy_host h, found;
        struct policy_chosen chosen;
        struct quirk_effects effects;
        const struct policy_image *image;

        assert(policy_host_at(p, i, &h) && h.index == i);
        image = policy_image_at(p, h.image);
        if (policy_host_by_mac(p, &h.mac, &found)) /* an index may leave hosts out, and no more */
                assert(found.index == i);
        if (policy_host_by_name(p, h.name, &found))
                assert(strcmp(found.name, h.name) == 0);
        if (policy_host_by_address(p, h.address, &found))
                assert(found.address == h.address);
        policy_choose(p, &h, t, &chosen);
        quirk_effects(p, &h, QUIRK_ANY_FIRMWARE, &effects);
        assert(strlen(h.name) < NAME_SIZE && strlen(h.xen_args) < ARGS_SIZE && strlen(h.kernel_args) < ARGS_SIZE);
        assert(strlen(h.console) < NAME_SIZE && strlen(h.loader) < NAME_SIZE);
        assert(chosen.profile && chosen.profile->kind < PROFILE_N);
        assert(!image || strlen(image->id) == IMAGE_ID_SIZE - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size + 1);
        struct policy *p = NULL;
        struct error err;
        int fd = -1;

        memcpy(copy, data, size);
        policy_checksum(copy, size);
        if (sealed_file_new("policy", copy, size, &fd) == 0 && policy_map(fd, &p, &err) == 0) {
                const struct policy_time t = {.weekday = data[size - 1] % 7, .minute = data[size / 2] * 5};

                assert(strlen(policy_header(p)->console) < NAME_SIZE);
                for (uint32_t i = 0; i < policy_header(p)->n_hosts; i++)
                        look_at(p, i, &t);
                const struct enrol_facts f = {.mac = {{2, 0, 0, 0, 0, data[0]}}, .network = policy_header(p)->networks, .firmware = data[1]};

                (void)enrol_choose(policy_enrols(p), policy_header(p)->n_enrols, &f);
                (void)enrol_may_let_in(policy_enrols(p), policy_header(p)->n_enrols, &f);
        }
        policy_free(p);
        if (fd >= 0)
                close(fd);
        free(copy);
        return 0;
}
