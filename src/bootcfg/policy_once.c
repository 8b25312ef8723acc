/* SPDX-License-Identifier: Apache-2.0 */
/* Ends an order for the next boot only in a snapshot, see policy_once.h. Pure. Runs in satellite. */
#include "bootcfg/policy_once.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/policy_format.h"

const struct policy_choice *
policy_once_of(const struct policy_host *h)
{
        return h->n_choices > 1 && h->choices[0].by == POLICY_BY_ONCE ? h->choices : NULL;
}

static const void *
table(const struct policy *p, enum policy_part part)
{
        return p->bytes + p->at[part];
}

/* The same but for the first of its choices; -ENOENT: whoever made the snapshot left it out. */
static int
setting_after(const struct policy *p, const struct policy_setting *s, uint32_t *ret)
{
        const struct policy_setting *settings = table(p, PART_SETTINGS);
        const struct policy_choice *choices = table(p, PART_CHOICES);
        const size_t rest = (s->n_choices - 1u) * sizeof(*choices);

        for (uint32_t i = 0; i < policy_header(p)->n_settings; i++) {
                struct policy_setting like = settings[i];

                if (like.n_choices != s->n_choices - 1 || memcmp(&choices[like.choices], &choices[s->choices + 1], rest) != 0)
                        continue;
                like.choices = s->choices;
                like.n_choices = s->n_choices;
                if (memcmp(&like, s, sizeof(like)) != 0)
                        continue;
                *ret = i;
                return 0;
        }
        return -ENOENT;
}

int
policy_once_end(const struct policy *p, const struct mac *mac, uint64_t generation, uint8_t **ret, size_t *ret_size)
{
        const struct policy_setting *settings = table(p, PART_SETTINGS);
        struct policy_host host;
        struct policy_row *row;
        uint32_t after;
        uint8_t *bytes;
        int r;

        if (!policy_host_by_mac(p, mac, &host) || !policy_once_of(&host))
                return -ENOENT;
        row = (struct policy_row *)(uintptr_t)table(p, PART_HOSTS) + host.index;
        r = setting_after(p, &settings[row->setting], &after);
        if (r < 0)
                return r;
        bytes = malloc(p->size);
        if (!bytes)
                return -ENOMEM;
        memcpy(bytes, p->bytes, p->size);
        row = (struct policy_row *)(void *)(bytes + p->at[PART_HOSTS]) + host.index;
        row->setting = after;
        ((struct policy_header *)(void *)bytes)->generation = generation;
        policy_checksum(bytes, p->size);
        *ret = bytes;
        *ret_size = p->size;
        return 0;
}
