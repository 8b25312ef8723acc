/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_LEASE_H
#define DOMPOOL_MODEL_LEASE_H
/*
 * The table of DHCP leases: one a MAC, one an address. Pure data; decisions about packets are src/bootcfg/dhcp_server.c's,
 * durability is the journal's (src/server/boot_journal.c). Times are wall clock milliseconds, given by the caller.
 *
 *   (none) --offer--> OFFERED --ack--> BOUND --release--> RELEASED --ack--> BOUND ...
 *                        |               |
 *                        +---decline-----+---> DECLINED  (address only: the MAC gets another one; 10 minutes)
 *
 * A RELEASE is easily forged, so the address stays its host's until its lease would have ended; only a pool that has no other
 * one left gives it away before. A lease that has ended stays in the table, so that its MAC gets the same address again, until
 * its address is needed for another. There is a pool for each subnet; a MAC has one lease in all of them together. Picking an
 * address is O(1) but for the number of pools and a bitmap of the pool (at most LEASE_POOL_MAX bits).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

#define LEASE_MAX_POOLS 32
#define LEASE_POOL_MAX 65536       /* addresses; a longer pool is cut */
#define LEASE_TABLE_MAX 200000     /* leases */
#define LEASE_OFFER_MS (60 * 1000) /* an offer is kept free that long */
#define LEASE_QUARANTINE_MS (10 * 60 * 1000)
#define LEASE_MAX_DECLINED 64       /* addresses of a pool in quarantine, and at most a quarter of it, */
#define LEASE_MAX_DECLINED_BY_ONE 3 /* and so many of one host */

enum lease_state {
        LEASE_OFFERED,
        LEASE_BOUND,
        LEASE_RELEASED,
        LEASE_DECLINED,
        LEASE_N,
};
extern const char *const lease_state_names[]; /* "offered", ..., NULL */

struct lease {
        struct mac mac;
        uint32_t address;
        uint32_t state;    /* enum lease_state */
        int64_t expiry_ms; /* RELEASED: until then it is kept for its MAC; DECLINED: end of the quarantine */
        int64_t held_ms;   /* BOUND: on record until then, maybe longer than promised: nobody else gets it before */
};

/* A subnet, and what addresses of it there are to give to hosts without a fixed one there. */
struct lease_pool {
        uint32_t net, mask;
        uint32_t first, last; /* within the subnet; 0: no pool */
        uint32_t exclude[4];  /* addresses of the server, the router, the relay, which may lie in between; 0: none */
};

struct lease_reservation {
        struct mac mac;
        uint32_t address;
};

struct lease_table;

/* NULL: out of memory. */
struct lease_table *lease_table_new(void);

void lease_table_free(struct lease_table *t);

/* Sets pools (at most LEASE_MAX_POOLS, of subnets that do not overlap) and fixed addresses (copied); leases stay, whether they
 * still fit is asked at their next renewal. 0 or -ENOMEM (then nothing has changed). */
int lease_table_configure(struct lease_table *t, const struct lease_pool *pools, size_t n_pools,
                          const struct lease_reservation *fixed, size_t n_fixed);

size_t lease_table_count(const struct lease_table *t);

/* NULL: none. A declined address has no MAC's lease any more. Valid until the table changes. */
const struct lease *lease_by_mac(const struct lease_table *t, const struct mac *mac);

const struct lease *lease_by_address(const struct lease_table *t, uint32_t address);

/* When the address may go to another: held_ms or expiry_ms. */
int64_t lease_end(const struct lease *l);

/* Offered or bound, and not at its end. */
bool lease_active(const struct lease *l, int64_t now_ms);

/* Active, or given back before its end: nobody else gets it while the pool has another address. */
bool lease_kept(const struct lease *l, int64_t now_ms);

/* Is there room in the quarantine for an address that @mac declines? What many addresses are declined by is no clash. */
bool lease_may_decline(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms);

/* May @mac have @address now: it is its fixed one, or a pool address that is nobody's fixed one, is kept for no other MAC and
 * is not in quarantine? Who has a fixed address in a subnet gets no other one there. */
bool lease_address_free_for(const struct lease_table *t, const struct mac *mac, uint32_t address, int64_t now_ms);

/* The address of the subnet @pool (an index) to offer to @mac: its fixed one, the one it had, @wanted (0: no wish), one never
 * used, the one unused for longest, one that was given back before its end. A fixed address in quarantine gives way to a pool
 * address while there is one. 0: the pool is used up. Changes nothing. */
uint32_t lease_pick(const struct lease_table *t, size_t pool, const struct mac *mac, uint32_t wanted, int64_t now_ms);

/* Records a lease as it is (also from the journal); what the MAC or the address had before is forgotten. 0, -ENOMEM, -ENOSPC
 * (limit). */
int lease_put(struct lease_table *t, const struct lease *l);

/* Forgets the MAC's lease, as if it had never been. */
void lease_remove(struct lease_table *t, const struct mac *mac);

/* Calls @fn for each lease; @fn must not change the table. */
void lease_table_each(const struct lease_table *t, void (*fn)(void *arg, const struct lease *l), void *arg);

#endif
