/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_PEER_COUNT_H
#define DOMPOOL_NET_PEER_COUNT_H
/*
 * How many connections or transfers each address has just now: counted, not searched. An address without any takes no memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <uthash.h>

struct peer_count {
        uint32_t address;
        unsigned n;
        UT_hash_handle hh;
};

/*
 * One more of @address in the table @all, which begins as NULL. @size: of the caller's struct, if a peer_count is the first member
 * of a larger one, zero when new; else sizeof(struct peer_count). NULL: no memory.
 */
struct peer_count *
peer_count_take(struct peer_count **all, uint32_t address, size_t size);

/* One less; with its last one the entry is freed. */
void
peer_count_give(struct peer_count **all, struct peer_count *p);

/* NULL: the address has none. */
struct peer_count *
peer_count_find(struct peer_count *all, uint32_t address);

#endif
