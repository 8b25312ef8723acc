/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes to positions, see index_map.h. Pure; knows no keys. */
#include "base/index_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define MIN_BITS 4

/* At most three quarters full, so that every probe ends soon, and at a free slot. */
static uint32_t
fits_in(uint32_t n_slots)
{
        return n_slots / 4 * 3;
}

static void
put(struct index_map *m, const struct index_map_slot *s)
{
        uint32_t i = s->hash >> m->shift;

        while (m->slots[i].at_plus_1 != 0)
                i = (i + 1) & (m->n_slots - 1);
        m->slots[i] = *s;
}

int
index_map_reserve(struct index_map *m, uint32_t n)
{
        struct index_map fresh = {.n = m->n};
        unsigned bits = MIN_BITS;

        if (n <= fits_in(m->n_slots))
                return 0;
        while (fits_in(1u << bits) < n)
                if (++bits == 31)
                        return -ENOMEM;
        fresh.n_slots = 1u << bits;
        fresh.shift = 32 - bits;
        fresh.slots = calloc(fresh.n_slots, sizeof(*fresh.slots));
        if (!fresh.slots)
                return -ENOMEM;
        for (uint32_t i = 0; i < m->n_slots; i++)
                if (m->slots[i].at_plus_1 != 0)
                        put(&fresh, &m->slots[i]);
        free(m->slots);
        *m = fresh;
        return 0;
}

void
index_map_add(struct index_map *m, uint32_t hash, uint32_t at)
{
        assert(m->n < fits_in(m->n_slots) && at != INDEX_MAP_NONE);
        put(m, &(struct index_map_slot){.hash = hash, .at_plus_1 = at + 1});
        m->n++;
}

/* Closes the gap at @i: what was probed past it moves up, so that no probe ends too soon. */
static void
close_gap(struct index_map *m, uint32_t i)
{
        const uint32_t mask = m->n_slots - 1;

        for (uint32_t j = (i + 1) & mask; m->slots[j].at_plus_1 != 0; j = (j + 1) & mask) {
                uint32_t home = m->slots[j].hash >> m->shift;

                if (((j - home) & mask) < ((j - i) & mask))
                        continue; /* it lies behind the gap by right */
                m->slots[i] = m->slots[j];
                i = j;
        }
        m->slots[i] = (struct index_map_slot){0};
}

void
index_map_remove(struct index_map *m, uint32_t hash, uint32_t at)
{
        uint32_t i = hash >> m->shift;

        while (m->slots[i].at_plus_1 != at + 1) {
                assert(m->slots[i].at_plus_1 != 0);
                i = (i + 1) & (m->n_slots - 1);
        }
        close_gap(m, i);
        m->n--;
}

void
index_map_free(struct index_map *m)
{
        free(m->slots);
        *m = (struct index_map){0};
}
