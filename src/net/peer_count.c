/* SPDX-License-Identifier: Apache-2.0 */
/* A table of addresses with a count each, see peer_count.h. Which count is too many is the caller's business. Runs in: api,
 * boot. */
#include "net/peer_count.h"

struct peer_count *
peer_count_find(struct peer_count *all, uint32_t address)
{
        struct peer_count *p;

        HASH_FIND(hh, all, &address, sizeof(address), p);
        return p;
}

struct peer_count *
peer_count_take(struct peer_count **all, uint32_t address, size_t size)
{
        struct peer_count *p = peer_count_find(*all, address);

        if (!p) {
                p = calloc(1, size);
                if (!p)
                        return NULL;
                p->address = address;
                HASH_ADD(hh, *all, address, sizeof(p->address), p);
        }
        p->n++;
        return p;
}

void
peer_count_give(struct peer_count **all, struct peer_count *p)
{
        if (--p->n > 0)
                return;
        HASH_DEL(*all, p);
        free(p);
}
