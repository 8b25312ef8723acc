/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of DHCP leases. Pure data: no packets, no disk, no clock. Lives in dompoold's `boot` role.
 *
 * Every entry is in the hash by address; those that are a MAC's (all but DECLINED) are in the hash by MAC too; and each whose
 * address is in a pool is in the pool's list of its state, appended when it is put. As all leases of a state and pool last
 * equally long, a list's head is the one that ends first.
 */
#include "model/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/cleanup.h"

const char *const lease_state_names[] = {"offered", "bound", "released", "declined", NULL};

struct pool;

struct entry {
        struct lease lease;
        UT_hash_handle by_mac, by_address;
        struct pool *pool; /* whose list it is in; NULL: none */
        struct entry *prev, *next;
};

struct fixed {
        uint32_t address;
        struct mac mac;
        UT_hash_handle by_address, by_mac;
};

struct pool {
        uint32_t net, mask;
        uint32_t first, n;
        uint32_t exclude[4];
        uint64_t *taken; /* a bit for each address that is in by_address, fixed or excluded */
        struct entry *by_state[LEASE_N];
};

struct lease_table {
        struct entry *by_mac, *by_address;
        struct pool pools[LEASE_MAX_POOLS];
        size_t n_pools;
        struct fixed *fixed; /* array */
        struct fixed *fixed_by_address, *fixed_by_mac;
};

struct lease_table *
lease_table_new(void)
{
        return calloc(1, sizeof(struct lease_table));
}

static void
free_taken(struct pool *pools, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(pools[i].taken);
}

static void
free_fixed(struct fixed *array, struct fixed *by_address, struct fixed *by_mac)
{
        HASH_CLEAR(by_address, by_address);
        HASH_CLEAR(by_mac, by_mac);
        free(array);
}

void
lease_table_free(struct lease_table *t)
{
        struct entry *e, *next;

        if (!t)
                return;
        HASH_CLEAR(by_mac, t->by_mac);
        HASH_ITER(by_address, t->by_address, e, next)
        {
                HASH_DELETE(by_address, t->by_address, e);
                free(e);
        }
        free_fixed(t->fixed, t->fixed_by_address, t->fixed_by_mac);
        free_taken(t->pools, t->n_pools);
        free(t);
}

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

/* The pool that the address may be given from; NULL: none. */
static struct pool *
pool_find(struct lease_table *t, uint32_t address)
{
        for (size_t i = 0; i < t->n_pools; i++)
                if (in_pool(&t->pools[i], address))
                        return &t->pools[i];
        return NULL;
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
taken_set(struct pool *p, uint32_t address, bool on)
{
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
        struct fixed *f;

        HASH_FIND(by_address, t->fixed_by_address, &address, sizeof(address), f);
        return f;
}

static uint32_t
fixed_of(const struct lease_table *t, const struct mac *mac)
{
        struct fixed *f;

        HASH_FIND(by_mac, t->fixed_by_mac, mac, sizeof(*mac), f);
        return f ? f->address : 0;
}

/* Tells fresh pools what must not be picked as "never used", and sorts the leases into them; the hash keeps the order in which
 * they were put. */
static void
fill_pools(struct lease_table *t)
{
        struct entry *e, *next_entry;
        struct fixed *f, *next_fixed;

        for (size_t i = 0; i < t->n_pools; i++) {
                struct pool *p = &t->pools[i];

                for (size_t k = 0; k < N_ELEMENTS(p->exclude); k++)
                        taken_set(p, p->exclude[k], true);
                for (uint32_t k = p->n; k % 64 != 0; k++) /* no address behind the end */
                        p->taken[k / 64] |= 1ull << (k % 64);
        }
        HASH_ITER(by_address, t->by_address, e, next_entry)
        {
                e->pool = pool_find(t, e->lease.address);
                if (!e->pool)
                        continue;
                taken_set(e->pool, e->lease.address, true);
                DL_APPEND(e->pool->by_state[e->lease.state], e);
        }
        HASH_ITER(by_address, t->fixed_by_address, f, next_fixed)
        taken_set(pool_find(t, f->address), f->address, true);
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
                pools[i].taken = calloc(pools[i].n / 64 + 1, sizeof(*pools[i].taken));
                if (!pools[i].taken) {
                        free_taken(pools, i);
                        return -ENOMEM;
                }
        }
        return 0;
}

static void
take_fixed(struct lease_table *t, struct fixed *array, const struct lease_reservation *from, size_t n)
{
        struct fixed *seen;

        free_fixed(t->fixed, t->fixed_by_address, t->fixed_by_mac);
        t->fixed = array;
        t->fixed_by_address = t->fixed_by_mac = NULL;
        for (size_t i = 0; i < n; i++) {
                if (from[i].address == 0)
                        continue;
                array[i] = (struct fixed){.address = from[i].address, .mac = from[i].mac};
                HASH_FIND(by_address, t->fixed_by_address, &array[i].address, sizeof(array[i].address), seen);
                if (seen) /* two hosts with one address: the first keeps it, the other is as if it had none */
                        continue;
                HASH_ADD(by_address, t->fixed_by_address, address, sizeof(array[i].address), &array[i]);
                HASH_ADD(by_mac, t->fixed_by_mac, mac, sizeof(array[i].mac), &array[i]);
        }
}

int
lease_table_configure(struct lease_table *t, const struct lease_pool *pools, size_t n_pools,
                      const struct lease_reservation *fixed, size_t n_fixed)
{
        struct fixed *array = calloc(n_fixed + 1, sizeof(*array));
        struct pool fresh[LEASE_MAX_POOLS];

        if (n_pools > LEASE_MAX_POOLS)
                n_pools = LEASE_MAX_POOLS;
        if (!array || make_pools(pools, n_pools, fresh) < 0) {
                free(array);
                return -ENOMEM;
        }
        take_fixed(t, array, fixed, n_fixed);
        free_taken(t->pools, t->n_pools);
        memcpy(t->pools, fresh, n_pools * sizeof(*fresh));
        t->n_pools = n_pools;
        fill_pools(t);
        return 0;
}

size_t
lease_table_count(const struct lease_table *t)
{
        return HASH_CNT(by_address, t->by_address);
}

static struct entry *
entry_by_mac(const struct lease_table *t, const struct mac *mac)
{
        struct entry *e;

        HASH_FIND(by_mac, t->by_mac, mac, sizeof(*mac), e);
        return e;
}

static struct entry *
entry_by_address(const struct lease_table *t, uint32_t address)
{
        struct entry *e;

        HASH_FIND(by_address, t->by_address, &address, sizeof(address), e);
        return e;
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

static bool
held_by_other(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct lease *l = lease_by_address(t, address);

        return l && lease_active(l, now_ms) && !mac_eq(&l->mac, mac);
}

/* Does somebody else use the address, or was it declined lately? */
static bool
blocked_for(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct lease *l = lease_by_address(t, address);

        return held_by_other(t, mac, address, now_ms) || (l && l->state == LEASE_DECLINED && now_ms < l->expiry_ms);
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

        if (f) /* a quarantine only makes lease_pick look elsewhere first */
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
        const struct entry *e;

        for (size_t i = 0; i < N_ELEMENTS(order); i++) {
                unsigned looks = 64;

                DL_FOREACH(p->by_state[order[i]], e)
                {
                        if (looks-- == 0)
                                break;
                        if (lease_address_free_for(t, mac, e->lease.address, now_ms))
                                return e->lease.address;
                }
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
        return address;
}

static void
entry_remove(struct lease_table *t, struct entry *e)
{
        if (e->lease.state != LEASE_DECLINED)
                HASH_DELETE(by_mac, t->by_mac, e);
        HASH_DELETE(by_address, t->by_address, e);
        if (e->pool) {
                DL_DELETE(e->pool->by_state[e->lease.state], e);
                if (!fixed_find(t, e->lease.address) && !excluded(e->pool, e->lease.address))
                        taken_set(e->pool, e->lease.address, false);
        }
        free(e);
}

/* The usual case, a host and its address again: the hashes stay as they are. */
static bool
put_again(struct lease_table *t, const struct lease *l)
{
        struct entry *e = entry_by_address(t, l->address);

        if (!e || e->lease.state == LEASE_DECLINED || l->state == LEASE_DECLINED || !mac_eq(&e->lease.mac, &l->mac))
                return false;
        if (e->pool)
                DL_DELETE(e->pool->by_state[e->lease.state], e);
        e->lease = *l;
        if (e->pool)
                DL_APPEND(e->pool->by_state[l->state], e);
        return true;
}

int
lease_put(struct lease_table *t, const struct lease *l)
{
        struct entry *fresh, *old;

        if (put_again(t, l))
                return 0;
        if (lease_table_count(t) >= LEASE_TABLE_MAX && !entry_by_address(t, l->address) && !entry_by_mac(t, &l->mac))
                return -ENOSPC;
        fresh = calloc(1, sizeof(*fresh));
        if (!fresh)
                return -ENOMEM;
        fresh->lease = *l;
        old = entry_by_address(t, l->address);
        if (old)
                entry_remove(t, old);
        old = l->state == LEASE_DECLINED ? NULL : entry_by_mac(t, &l->mac);
        if (old)
                entry_remove(t, old);
        if (l->state != LEASE_DECLINED)
                HASH_ADD(by_mac, t->by_mac, lease.mac, sizeof(fresh->lease.mac), fresh);
        HASH_ADD(by_address, t->by_address, lease.address, sizeof(fresh->lease.address), fresh);
        fresh->pool = pool_find(t, l->address);
        if (fresh->pool) {
                DL_APPEND(fresh->pool->by_state[l->state], fresh);
                taken_set(fresh->pool, l->address, true);
        }
        return 0;
}

void
lease_table_each(const struct lease_table *t, void (*fn)(void *arg, const struct lease *l), void *arg)
{
        struct entry *e, *next;

        HASH_ITER(by_address, t->by_address, e, next)
        fn(arg, &e->lease);
}
