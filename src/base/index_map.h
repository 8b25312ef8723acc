/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_INDEX_MAP_H
#define DOMPOOL_BASE_INDEX_MAP_H
/*
 * From hashes to positions in an array of the caller's: open addressing, linear probing, eight bytes a slot. For tables of tens
 * of thousands of entries that are asked for each packet: a lookup touches one cache line here and the entry itself, where a
 * chain of pointers touches one line a link. The caller compares keys:
 *
 *     uint32_t cursor, at = index_map_first(&m, hash, &cursor);
 *     while (at != INDEX_MAP_NONE && !is_mine(&array[at]))
 *             at = index_map_next(&m, hash, &cursor);
 *
 * Hashes must be good in their upper bits (index_map_hash). An all-zero struct is an empty map.
 */
#include <stdint.h>

#define INDEX_MAP_NONE UINT32_MAX

struct index_map {
        struct index_map_slot {
                uint32_t hash, at_plus_1; /* 0: free */
        } * slots;
        uint32_t n_slots, n; /* n_slots: a power of two, or 0 */
        unsigned shift;
};

/* Fibonacci hashing: one multiplication, and every bit of the key reaches the upper bits that count. */
static inline uint32_t
index_map_hash(uint64_t key)
{
        return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/* Room for @n entries in all; 0 or -ENOMEM (then nothing has changed). */
int index_map_reserve(struct index_map *m, uint32_t n);

/* Room for it must be reserved. @at is not INDEX_MAP_NONE. */
void index_map_add(struct index_map *m, uint32_t hash, uint32_t at);

/* It must be in there. */
void index_map_remove(struct index_map *m, uint32_t hash, uint32_t at);

void index_map_free(struct index_map *m);

static inline uint32_t
index_map_next(const struct index_map *m, uint32_t hash, uint32_t *cursor)
{
        for (;; *cursor = (*cursor + 1) & (m->n_slots - 1)) {
                const struct index_map_slot *s = &m->slots[*cursor];

                if (s->at_plus_1 == 0)
                        return INDEX_MAP_NONE;
                if (s->hash != hash)
                        continue;
                *cursor = (*cursor + 1) & (m->n_slots - 1);
                return s->at_plus_1 - 1;
        }
}

static inline uint32_t
index_map_first(const struct index_map *m, uint32_t hash, uint32_t *cursor)
{
        if (m->n_slots == 0)
                return INDEX_MAP_NONE;
        *cursor = hash >> m->shift;
        return index_map_next(m, hash, cursor);
}

#endif
