/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of DHCP leases. Pure data: no packets, no disk, no clock. Lives in dompoold's `boot` role.
 *
 * Every entry is in the hash by address; those that are a MAC's (all but DECLINED) are in the hash by MAC too; and each is in
 * the list of its state, appended when it is put. As all leases of a state last equally long, a list's head is the one that
 * ends first.
 */
#include "model/lease.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/cleanup.h"

const char *const lease_state_names[] = {"offered", "bound", "released", "declined", NULL};

struct entry {
        struct lease lease;
        UT_hash_handle by_mac, by_address;
        struct entry *prev, *next;
};

struct fixed {
        uint32_t address;
        struct mac mac;
        UT_hash_handle by_address, by_mac;
};

struct lease_table {
        struct entry *by_mac, *by_address;
        struct entry *by_state[LEASE_N];

        uint32_t first, n_pool;
        uint32_t exclude[2];
        uint64_t *taken;     /* a bit for each pool address that is in by_address, fixed or excluded */
        struct fixed *fixed; /* array */
        struct fixed *fixed_by_address, *fixed_by_mac;
};

struct lease_table *
lease_table_new(void)
{
        return calloc(1, sizeof(struct lease_table));
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
        free(t->taken);
        free(t);
}

static bool
in_pool(const struct lease_table *t, uint32_t address)
{
        return address >= t->first && address - t->first < t->n_pool;
}

static bool
excluded(const struct lease_table *t, uint32_t address)
{
        return address == t->exclude[0] || address == t->exclude[1];
}

static void
taken_set(struct lease_table *t, uint32_t address, bool on)
{
        uint32_t i = address - t->first;

        if (!in_pool(t, address))
                return;
        if (on)
                t->taken[i / 64] |= 1ull << (i % 64);
        else
                t->taken[i / 64] &= ~(1ull << (i % 64));
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

/* Marks what must not be picked as "never used" in a fresh bitmap. */
static void
fill_taken(struct lease_table *t)
{
        struct entry *e, *next_entry;
        struct fixed *f, *next_fixed;

        for (size_t i = 0; i < N_ELEMENTS(t->exclude); i++)
                taken_set(t, t->exclude[i], true);
        HASH_ITER(by_address, t->by_address, e, next_entry)
        taken_set(t, e->lease.address, true);
        HASH_ITER(by_address, t->fixed_by_address, f, next_fixed)
        taken_set(t, f->address, true);
        for (uint32_t i = t->n_pool; i % 64 != 0; i++) /* no address behind the end */
                t->taken[i / 64] |= 1ull << (i % 64);
}

int
lease_table_configure(struct lease_table *t, const struct lease_pool *pool, const struct lease_reservation *fixed,
                      size_t n_fixed)
{
        uint64_t n = pool->first != 0 && pool->last >= pool->first ? (uint64_t)pool->last - pool->first + 1 : 0;
        uint64_t *taken = calloc(LEASE_POOL_MAX / 64, sizeof(*taken));
        struct fixed *array = calloc(n_fixed + 1, sizeof(*array)), *seen;

        if (!taken || !array) {
                free(taken);
                free(array);
                return -ENOMEM;
        }
        free_fixed(t->fixed, t->fixed_by_address, t->fixed_by_mac);
        t->fixed = array;
        t->fixed_by_address = t->fixed_by_mac = NULL;
        for (size_t i = 0; i < n_fixed; i++) {
                if (fixed[i].address == 0)
                        continue;
                array[i] = (struct fixed){.address = fixed[i].address, .mac = fixed[i].mac};
                HASH_FIND(by_address, t->fixed_by_address, &array[i].address, sizeof(array[i].address), seen);
                if (seen) /* two hosts with one address: the first keeps it, the other is as if it had none */
                        continue;
                HASH_ADD(by_address, t->fixed_by_address, address, sizeof(array[i].address), &array[i]);
                HASH_ADD(by_mac, t->fixed_by_mac, mac, sizeof(array[i].mac), &array[i]);
        }
        free(t->taken);
        t->taken = taken;
        t->first = pool->first;
        t->n_pool = (uint32_t)(n < LEASE_POOL_MAX ? n : LEASE_POOL_MAX);
        memcpy(t->exclude, pool->exclude, sizeof(t->exclude));
        fill_taken(t);
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

bool
lease_active(const struct lease *l, int64_t now_ms)
{
        return (l->state == LEASE_OFFERED || l->state == LEASE_BOUND) && now_ms < l->expiry_ms;
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

bool
lease_address_free_for(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct fixed *f = fixed_find(t, address);

        if (f) /* a quarantine only makes lease_pick look elsewhere first */
                return mac_eq(&f->mac, mac) && !held_by_other(t, mac, address, now_ms);
        if (fixed_of(t, mac) != 0 && !blocked_for(t, mac, fixed_of(t, mac), now_ms))
                return false; /* it has a fixed address and is to use that */
        return in_pool(t, address) && !excluded(t, address) && !blocked_for(t, mac, address, now_ms);
}

static uint32_t
pick_never_used(const struct lease_table *t)
{
        for (uint32_t w = 0; w < (t->n_pool + 63) / 64; w++)
                if (t->taken[w] != UINT64_MAX)
                        return t->first + w * 64 + (uint32_t)__builtin_ctzll(~t->taken[w]);
        return 0;
}

/* The head of each list is its oldest; entries that became unusable (fixed since, outside the pool) are passed over, a few of
 * them. */
static uint32_t
pick_ended(const struct lease_table *t, const struct mac *mac, int64_t now_ms)
{
        static const enum lease_state order[] = {LEASE_RELEASED, LEASE_OFFERED, LEASE_BOUND, LEASE_DECLINED};
        const struct entry *e;

        for (size_t i = 0; i < N_ELEMENTS(order); i++) {
                unsigned looks = 64;

                DL_FOREACH(t->by_state[order[i]], e)
                {
                        if (looks-- == 0)
                                break;
                        if (lease_address_free_for(t, mac, e->lease.address, now_ms))
                                return e->lease.address;
                }
        }
        return 0;
}

uint32_t
lease_pick(const struct lease_table *t, const struct mac *mac, uint32_t wanted, int64_t now_ms)
{
        const struct lease *had = lease_by_mac(t, mac);
        uint32_t fixed = fixed_of(t, mac), address;

        if (fixed != 0 && !blocked_for(t, mac, fixed, now_ms))
                return fixed;
        if (had && had->address != fixed && lease_address_free_for(t, mac, had->address, now_ms))
                return had->address;
        if (wanted != 0 && wanted != fixed && lease_address_free_for(t, mac, wanted, now_ms))
                return wanted;
        address = pick_never_used(t);
        if (address == 0)
                address = pick_ended(t, mac, now_ms);
        if (address == 0 && fixed != 0 && lease_address_free_for(t, mac, fixed, now_ms))
                address = fixed;
        return address;
}

static void
entry_remove(struct lease_table *t, struct entry *e)
{
        if (e->lease.state != LEASE_DECLINED)
                HASH_DELETE(by_mac, t->by_mac, e);
        HASH_DELETE(by_address, t->by_address, e);
        DL_DELETE(t->by_state[e->lease.state], e);
        if (!fixed_find(t, e->lease.address) && !excluded(t, e->lease.address))
                taken_set(t, e->lease.address, false);
        free(e);
}

int
lease_put(struct lease_table *t, const struct lease *l)
{
        struct entry *fresh, *old;

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
        DL_APPEND(t->by_state[l->state], fresh);
        taken_set(t, l->address, true);
        return 0;
}

void
lease_table_each(const struct lease_table *t, void (*fn)(void *arg, const struct lease *l), void *arg)
{
        struct entry *e, *next;

        HASH_ITER(by_address, t->by_address, e, next)
        fn(arg, &e->lease);
}
