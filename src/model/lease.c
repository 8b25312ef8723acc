/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of DHCP leases. Pure data: no packets, no disk, no clock. Lives in dompoold's `boot` role, and in `files`.
 *
 * Entries lie in one array and name each other by position. Every one is in the map by address; those that are a MAC's (all but
 * DECLINED) are in the map by MAC too; and each whose address is in a pool is in the pool's list of its state, appended when it
 * is put. As all leases of a state and pool last equally long, a list's head is the one that ends first.
 */
#include "model/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/index_map.h"

#define NO_POOL UINT8_MAX
#define NONE UINT32_MAX /* a position that names nothing */
#define MAX_LOOKS 64    /* at entries of a list that turn out to be unusable */

const char *const lease_state_names[] = {"offered", "bound", "released", "declined", NULL};

struct entry {
        struct lease lease;  /* address 0: the entry is free */
        uint32_t prev, next; /* in its pool's list; of a free entry: the next free one */
        uint8_t pool;        /* position; NO_POOL */
};

struct fixed {
        uint32_t address;
        struct mac mac;
};

struct list {
        uint32_t first, last;
};

struct pool {
        uint32_t net, mask;
        uint32_t first, n;
        uint32_t exclude[4];
        uint64_t *taken; /* a bit for each address that is in by_address, fixed or excluded */
        struct list by_state[LEASE_N];
};

struct lease_table {
        struct entry *entries;
        uint32_t n_entries, n_room, first_free;
        struct index_map by_mac, by_address;
        struct pool pools[LEASE_MAX_POOLS];
        uint8_t n_pools;
        struct fixed *fixed; /* array */
        struct index_map fixed_by_address, fixed_by_mac;
};

struct lease_table *
lease_table_new(void)
{
        struct lease_table *t = calloc(1, sizeof(*t));

        if (t)
                t->first_free = NONE;
        return t;
}

static void
free_taken(struct pool *pools, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(pools[i].taken);
}

static void
free_fixed(struct lease_table *t)
{
        index_map_free(&t->fixed_by_address);
        index_map_free(&t->fixed_by_mac);
        free(t->fixed);
}

void
lease_table_free(struct lease_table *t)
{
        if (!t)
                return;
        index_map_free(&t->by_mac);
        index_map_free(&t->by_address);
        free(t->entries);
        free_fixed(t);
        free_taken(t->pools, t->n_pools);
        free(t);
}

static uint32_t
hash_of_mac(const struct mac *mac)
{
        uint64_t key = 0;

        memcpy(&key, mac->b, sizeof(mac->b));
        return index_map_hash(key);
}

/* --- Lists of a pool. --- */

static void
list_append(struct lease_table *t, struct entry *e)
{
        struct list *l = &t->pools[e->pool].by_state[e->lease.state];
        uint32_t at = (uint32_t)(e - t->entries);

        e->prev = l->last;
        e->next = NONE;
        if (l->last != NONE)
                t->entries[l->last].next = at;
        else
                l->first = at;
        l->last = at;
}

static void
list_delete(struct lease_table *t, const struct entry *e)
{
        struct list *l = &t->pools[e->pool].by_state[e->lease.state];

        if (e->prev != NONE)
                t->entries[e->prev].next = e->next;
        else
                l->first = e->next;
        if (e->next != NONE)
                t->entries[e->next].prev = e->prev;
        else
                l->last = e->prev;
}

/* --- Pools. --- */

static bool
in_subnet(const struct pool *p, uint32_t address)
{
        return (address & p->mask) == p->net;
}

static bool
in_pool(const struct pool *p, uint32_t address)
{
        return address >= p->first && address - p->first < p->n;
}

/* The pool that the address may be given from; NO_POOL: none. */
static uint8_t
pool_find(const struct lease_table *t, uint32_t address)
{
        for (uint8_t i = 0; i < t->n_pools; i++)
                if (in_pool(&t->pools[i], address))
                        return i;
        return NO_POOL;
}

static bool
excluded(const struct pool *p, uint32_t address)
{
        for (size_t i = 0; i < N_ELEMENTS(p->exclude); i++)
                if (p->exclude[i] == address)
                        return true;
        return false;
}

static void
taken_set(struct lease_table *t, uint8_t pool, uint32_t address, bool on)
{
        struct pool *p = pool == NO_POOL ? NULL : &t->pools[pool];
        uint32_t i;

        if (!p || !in_pool(p, address))
                return;
        i = address - p->first;
        if (on)
                p->taken[i / 64] |= 1ull << (i % 64);
        else
                p->taken[i / 64] &= ~(1ull << (i % 64));
}

static const struct fixed *
fixed_find(const struct lease_table *t, uint32_t address)
{
        uint32_t hash = index_map_hash(address), cursor, at = index_map_first(&t->fixed_by_address, hash, &cursor);

        while (at != INDEX_MAP_NONE && t->fixed[at].address != address)
                at = index_map_next(&t->fixed_by_address, hash, &cursor);
        return at != INDEX_MAP_NONE ? &t->fixed[at] : NULL;
}

static uint32_t
fixed_of(const struct lease_table *t, const struct mac *mac)
{
        uint32_t hash = hash_of_mac(mac), cursor, at = index_map_first(&t->fixed_by_mac, hash, &cursor);

        while (at != INDEX_MAP_NONE && !mac_eq(&t->fixed[at].mac, mac))
                at = index_map_next(&t->fixed_by_mac, hash, &cursor);
        return at != INDEX_MAP_NONE ? t->fixed[at].address : 0;
}

/* --- Configuration. --- */

/* What must not be picked as "never used", besides leases. */
static void
take_unusable(struct lease_table *t, uint32_t n_fixed)
{
        for (uint8_t i = 0; i < t->n_pools; i++) {
                struct pool *p = &t->pools[i];

                for (size_t k = 0; k < N_ELEMENTS(p->exclude); k++)
                        taken_set(t, i, p->exclude[k], true);
                for (uint32_t k = p->n; k % 64 != 0; k++) /* no address behind the end */
                        p->taken[k / 64] |= 1ull << (k % 64);
        }
        for (uint32_t i = 0; i < n_fixed; i++)
                taken_set(t, pool_find(t, t->fixed[i].address), t->fixed[i].address, true);
}

static int
compare_ends(const void *a, const void *b)
{
        const struct entry *const *x = a, *const *y = b;
        int64_t m = lease_end(&(*x)->lease), n = lease_end(&(*y)->lease);

        return (m > n) - (m < n);
}

/* Sorts the leases into fresh pools, those that end first in front. @order has room for all. */
static void
sort_into_pools(struct lease_table *t, struct entry **order)
{
        size_t n = 0;

        for (uint32_t i = 0; i < t->n_entries; i++) {
                struct entry *e = &t->entries[i];

                if (e->lease.address == 0)
                        continue;
                e->pool = pool_find(t, e->lease.address);
                if (e->pool != NO_POOL)
                        order[n++] = e;
        }
        qsort(order, n, sizeof(struct entry *), compare_ends);
        for (size_t i = 0; i < n; i++) {
                taken_set(t, order[i]->pool, order[i]->lease.address, true);
                list_append(t, order[i]);
        }
}

/* Bitmaps and all; 0 or -ENOMEM with nothing left behind. */
static int
make_pools(const struct lease_pool *from, size_t n, struct pool *pools)
{
        for (size_t i = 0; i < n; i++) {
                const struct lease_pool *l = &from[i];
                uint64_t size = l->first != 0 && l->last >= l->first ? (uint64_t)l->last - l->first + 1 : 0;

                pools[i] = (struct pool){.net = l->net & l->mask, .mask = l->mask, .first = l->first};
                pools[i].n = (uint32_t)(size < LEASE_POOL_MAX ? size : LEASE_POOL_MAX);
                memcpy(pools[i].exclude, l->exclude, sizeof(pools[i].exclude));
                for (size_t k = 0; k < LEASE_N; k++)
                        pools[i].by_state[k] = (struct list){NONE, NONE};
                pools[i].taken = calloc(pools[i].n / 64 + 1, sizeof(*pools[i].taken));
                if (!pools[i].taken) {
                        free_taken(pools, i);
                        return -ENOMEM;
                }
        }
        return 0;
}

/* @t is one of its own, empty: the caller takes the parts over once nothing can fail any more. */
static int
make_fixed(struct lease_table *t, const struct lease_reservation *from, uint32_t n, uint32_t *ret_n)
{
        uint32_t n_fixed = 0;

        t->fixed = calloc((size_t)n + 1, sizeof(*t->fixed));
        if (!t->fixed || index_map_reserve(&t->fixed_by_address, n) < 0 || index_map_reserve(&t->fixed_by_mac, n) < 0)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                /* Two hosts with one address: the first keeps it, the other is as if it had none. */
                if (from[i].address == 0 || fixed_find(t, from[i].address))
                        continue;
                t->fixed[n_fixed] = (struct fixed){.address = from[i].address, .mac = from[i].mac};
                index_map_add(&t->fixed_by_address, index_map_hash(from[i].address), n_fixed);
                index_map_add(&t->fixed_by_mac, hash_of_mac(&from[i].mac), n_fixed++);
        }
        *ret_n = n_fixed;
        return 0;
}

int
lease_table_configure(struct lease_table *t, const struct lease_pool *pools, size_t n_pools,
                      const struct lease_reservation *fixed, size_t n_fixed)
{
        _cleanup_free_ struct entry **order = malloc(((size_t)t->n_entries + 1) * sizeof(struct entry *));
        struct pool fresh[LEASE_MAX_POOLS];
        struct lease_table made = {0};
        uint32_t n;

        if (n_pools > LEASE_MAX_POOLS)
                n_pools = LEASE_MAX_POOLS;
        if (!order || make_fixed(&made, fixed, (uint32_t)n_fixed, &n) < 0 || make_pools(pools, n_pools, fresh) < 0) {
                free_fixed(&made);
                return -ENOMEM;
        }
        free_fixed(t);
        t->fixed = made.fixed;
        t->fixed_by_address = made.fixed_by_address;
        t->fixed_by_mac = made.fixed_by_mac;
        free_taken(t->pools, t->n_pools);
        memcpy(t->pools, fresh, n_pools * sizeof(*fresh));
        t->n_pools = (uint8_t)n_pools;
        take_unusable(t, n);
        sort_into_pools(t, order);
        return 0;
}

/* --- Looking up. --- */

size_t
lease_table_count(const struct lease_table *t)
{
        return t->by_address.n;
}

static struct entry *
entry_by_mac(const struct lease_table *t, const struct mac *mac)
{
        uint32_t hash = hash_of_mac(mac), cursor, at = index_map_first(&t->by_mac, hash, &cursor);

        while (at != INDEX_MAP_NONE && !mac_eq(&t->entries[at].lease.mac, mac))
                at = index_map_next(&t->by_mac, hash, &cursor);
        return at != INDEX_MAP_NONE ? &t->entries[at] : NULL;
}

static struct entry *
entry_by_address(const struct lease_table *t, uint32_t address)
{
        uint32_t hash = index_map_hash(address), cursor, at = index_map_first(&t->by_address, hash, &cursor);

        while (at != INDEX_MAP_NONE && t->entries[at].lease.address != address)
                at = index_map_next(&t->by_address, hash, &cursor);
        return at != INDEX_MAP_NONE ? &t->entries[at] : NULL;
}

const struct lease *
lease_by_mac(const struct lease_table *t, const struct mac *mac)
{
        const struct entry *e = entry_by_mac(t, mac);

        return e ? &e->lease : NULL;
}

const struct lease *
lease_by_address(const struct lease_table *t, uint32_t address)
{
        const struct entry *e = entry_by_address(t, address);

        return e ? &e->lease : NULL;
}

int64_t
lease_end(const struct lease *l)
{
        return l->state == LEASE_BOUND && l->held_ms > l->expiry_ms ? l->held_ms : l->expiry_ms;
}

bool
lease_active(const struct lease *l, int64_t now_ms)
{
        return (l->state == LEASE_OFFERED || l->state == LEASE_BOUND) && now_ms < lease_end(l);
}

bool
lease_kept(const struct lease *l, int64_t now_ms)
{
        return lease_active(l, now_ms) || (l->state == LEASE_RELEASED && now_ms < lease_end(l));
}

static bool
held_by_other(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct lease *l = lease_by_address(t, address);

        return l && lease_active(l, now_ms) && !mac_eq(&l->mac, mac);
}

/* Is the address kept for somebody else, or was it declined lately? */
static bool
blocked_for(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct lease *l = lease_by_address(t, address);

        return l && ((lease_kept(l, now_ms) && !mac_eq(&l->mac, mac)) || (l->state == LEASE_DECLINED && now_ms < l->expiry_ms));
}

static const struct pool *
subnet_find(const struct lease_table *t, uint32_t address)
{
        for (size_t i = 0; i < t->n_pools; i++)
                if (in_subnet(&t->pools[i], address))
                        return &t->pools[i];
        return NULL;
}

bool
lease_address_free_for(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct fixed *f = fixed_find(t, address);
        const struct pool *p = subnet_find(t, address);
        uint32_t own = fixed_of(t, mac);

        if (f) /* a quarantine, or another's lease that was given back, only makes lease_pick look elsewhere first */
                return mac_eq(&f->mac, mac) && !held_by_other(t, mac, address, now_ms);
        if (!p || !in_pool(p, address) || excluded(p, address))
                return false;
        if (own != 0 && in_subnet(p, own) && !blocked_for(t, mac, own, now_ms))
                return false; /* it has a fixed address here and is to use that */
        return !blocked_for(t, mac, address, now_ms);
}

static uint32_t
pick_never_used(const struct pool *p)
{
        for (uint32_t w = 0; w < (p->n + 63) / 64; w++)
                if (p->taken[w] != UINT64_MAX)
                        return p->first + w * 64 + (uint32_t)__builtin_ctzll(~p->taken[w]);
        return 0;
}

/* The head of each list is its oldest; entries that became unusable (fixed since) are passed over, a few of them. */
static uint32_t
pick_ended(const struct lease_table *t, const struct pool *p, const struct mac *mac, int64_t now_ms)
{
        static const enum lease_state order[] = {LEASE_RELEASED, LEASE_OFFERED, LEASE_BOUND, LEASE_DECLINED};

        for (size_t i = 0; i < N_ELEMENTS(order); i++) {
                uint32_t at = p->by_state[order[i]].first;

                for (unsigned looks = 0; at != NONE && looks < MAX_LOOKS; looks++, at = t->entries[at].next)
                        if (lease_address_free_for(t, mac, t->entries[at].lease.address, now_ms))
                                return t->entries[at].lease.address;
        }
        return 0;
}

/* The last resort of a pool that is used up: the address that was given back first. Until then it was kept for its host, as a
 * RELEASE is easily forged. */
static uint32_t
pick_given_back(const struct lease_table *t, const struct pool *p)
{
        uint32_t at = p->by_state[LEASE_RELEASED].first;

        for (unsigned looks = 0; at != NONE && looks < MAX_LOOKS; looks++, at = t->entries[at].next) {
                uint32_t address = t->entries[at].lease.address;

                if (!fixed_find(t, address) && !excluded(p, address))
                        return address;
        }
        return 0;
}

/* Is it an address of this subnet that the host may have? */
static bool
fits(const struct lease_table *t, const struct pool *p, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        return address != 0 && in_subnet(p, address) && lease_address_free_for(t, mac, address, now_ms);
}

uint32_t
lease_pick(const struct lease_table *t, size_t pool, const struct mac *mac, uint32_t wanted, int64_t now_ms)
{
        const struct lease *had = lease_by_mac(t, mac);
        uint32_t fixed = fixed_of(t, mac), address;
        const struct pool *p = &t->pools[pool];

        if (pool >= t->n_pools)
                return 0;
        if (!in_subnet(p, fixed))
                fixed = 0;
        if (fixed != 0 && !blocked_for(t, mac, fixed, now_ms))
                return fixed;
        if (had && had->address != fixed && fits(t, p, mac, had->address, now_ms))
                return had->address;
        if (wanted != fixed && fits(t, p, mac, wanted, now_ms))
                return wanted;
        address = pick_never_used(p);
        if (address == 0)
                address = pick_ended(t, p, mac, now_ms);
        if (address == 0 && fits(t, p, mac, fixed, now_ms))
                address = fixed;
        if (address == 0)
                address = pick_given_back(t, p);
        return address;
}

bool
lease_may_decline(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        unsigned n = 0, n_own = 0, limit;
        const struct pool *p;
        uint8_t pool = pool_find(t, address);

        if (pool == NO_POOL) /* a fixed address outside: nobody else can have it, so it is its host's loss alone */
                return true;
        p = &t->pools[pool];
        limit = p->n / 4 < LEASE_MAX_DECLINED ? p->n / 4 : LEASE_MAX_DECLINED;
        /* The latest is at the end. */
        for (uint32_t at = p->by_state[LEASE_DECLINED].last; at != NONE; at = t->entries[at].prev) {
                const struct lease *l = &t->entries[at].lease;

                if (now_ms >= l->expiry_ms || n > limit)
                        break;
                n++;
                n_own += mac_eq(&l->mac, mac);
        }
        return n < limit && n_own < LEASE_MAX_DECLINED_BY_ONE;
}

/* --- Changing. --- */

static void
entry_remove(struct lease_table *t, struct entry *e)
{
        uint32_t at = (uint32_t)(e - t->entries);

        if (e->lease.state != LEASE_DECLINED)
                index_map_remove(&t->by_mac, hash_of_mac(&e->lease.mac), at);
        index_map_remove(&t->by_address, index_map_hash(e->lease.address), at);
        if (e->pool != NO_POOL) {
                list_delete(t, e);
                if (!fixed_find(t, e->lease.address) && !excluded(&t->pools[e->pool], e->lease.address))
                        taken_set(t, e->pool, e->lease.address, false);
        }
        e->lease = (struct lease){0};
        e->next = t->first_free;
        t->first_free = at;
}

/* Room for one more in the array and both maps. */
static int
make_room(struct lease_table *t)
{
        uint32_t room = t->n_room ? t->n_room * 2 : 64;
        struct entry *grown;

        if (index_map_reserve(&t->by_mac, t->by_mac.n + 1) < 0 || index_map_reserve(&t->by_address, t->by_address.n + 1) < 0)
                return -ENOMEM;
        if (t->first_free != NONE || t->n_entries < t->n_room)
                return 0;
        grown = reallocarray(t->entries, room, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        t->entries = grown;
        t->n_room = room;
        return 0;
}

static struct entry *
entry_new(struct lease_table *t, const struct lease *l)
{
        uint32_t at = t->first_free;
        struct entry *e;

        if (at != NONE)
                t->first_free = t->entries[at].next;
        else
                at = t->n_entries++;
        e = &t->entries[at];
        *e = (struct entry){.lease = *l, .pool = pool_find(t, l->address)};
        if (l->state != LEASE_DECLINED)
                index_map_add(&t->by_mac, hash_of_mac(&l->mac), at);
        index_map_add(&t->by_address, index_map_hash(l->address), at);
        return e;
}

/* The usual case, a host and its address again: the maps stay as they are. */
static bool
put_again(struct lease_table *t, const struct lease *l)
{
        struct entry *e = entry_by_address(t, l->address);

        if (!e || e->lease.state == LEASE_DECLINED || l->state == LEASE_DECLINED || !mac_eq(&e->lease.mac, &l->mac))
                return false;
        if (e->pool != NO_POOL)
                list_delete(t, e);
        e->lease = *l;
        if (e->pool != NO_POOL)
                list_append(t, e);
        return true;
}

int
lease_put(struct lease_table *t, const struct lease *l)
{
        const struct lease put = *l; /* it may be one of ours, which move */
        struct entry *e;

        if (put_again(t, &put))
                return 0;
        if (lease_table_count(t) >= LEASE_TABLE_MAX && !entry_by_address(t, put.address) && !entry_by_mac(t, &put.mac))
                return -ENOSPC;
        if (make_room(t) < 0)
                return -ENOMEM;
        e = entry_by_address(t, put.address);
        if (e)
                entry_remove(t, e);
        e = put.state == LEASE_DECLINED ? NULL : entry_by_mac(t, &put.mac);
        if (e)
                entry_remove(t, e);
        e = entry_new(t, &put);
        if (e->pool != NO_POOL) {
                list_append(t, e);
                taken_set(t, e->pool, put.address, true);
        }
        return 0;
}

void
lease_remove(struct lease_table *t, const struct mac *mac)
{
        struct entry *e = entry_by_mac(t, mac);

        if (e)
                entry_remove(t, e);
}

void
lease_table_each(const struct lease_table *t, void (*fn)(void *arg, const struct lease *l), void *arg)
{
        for (uint32_t i = 0; i < t->n_entries; i++)
                if (t->entries[i].lease.address != 0)
                        fn(arg, &t->entries[i].lease);
}
