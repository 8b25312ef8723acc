/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_MENU_SERVER_H
#define DOMPOOL_BOOTCFG_MENU_SERVER_H
/*
 * Who may read which menu, and the boot token in it: the same for TFTP (`boot`) and HTTP (`files`). Each of the two has the
 * leases and the attempts of all hosts and tells the other what is new, so that a host gets the same bytes by either door.
 *
 *     boot --LEASE_EVENT--> files        a lease is known there before its ACK has left
 *     boot <--BOOT_ATTEMPT--> files      whoever begins an attempt says so; the later one counts
 *
 * No I/O. Attempts are kept for hosts of the policy only, so nothing here grows by strangers.
 */
#include "bootcfg/menu_cache.h"
#include "model/lease.h"

struct menu_attempts;

/* NULL: out of memory. */
struct menu_attempts *menu_attempts_new(void);

void menu_attempts_free(struct menu_attempts *a);

/* core accepted a token: the next menu of this host gets a new one. */
void menu_attempts_used(struct menu_attempts *a, const struct mac *mac, int64_t attempt_ms);

/* The other role has begun an attempt. */
void menu_attempts_learn(struct menu_attempts *a, const struct mac *mac, int64_t attempt_ms);

/* Attempt of the token in force; 0: none yet. */
int64_t menu_attempts_get(const struct menu_attempts *a, const struct mac *mac);

/* Calls @fn for each attempt that is still in force: for a role that comes back. */
void menu_attempts_each(const struct menu_attempts *a, void (*fn)(void *arg, const struct mac *mac, int64_t attempt_ms),
                        void *arg);

struct menu_server {
        const struct policy *policy; /* NULL: none yet */
        const struct lease_table *leases;
        struct menu_attempts *attempts;
        struct menu_cache *cache;
        uint32_t address;                                                    /* ours, as hosts see it */
        void (*begun)(void *arg, const struct mac *mac, int64_t attempt_ms); /* a new attempt, for the other role */
        void *arg;
};

struct menu_served {
        const struct policy_host *host; /* `known`; NULL: not known by this address */
        struct policy_host known;
        struct menu_rendered menu; /* its text is good until the next call */
};

/* The menu @doc of the host with @mac for whoever asks from @address. false: the address belongs to another host, which must
 * not read it. */
bool menu_serve(const struct menu_server *s, const struct menu_doc *doc, const struct mac *mac, uint32_t address,
                int64_t now_ms, struct menu_served *ret);

/* The menu of last resort, for whoever asks. */
void menu_serve_default(const struct menu_server *s, const struct menu_doc *doc, struct menu_served *ret);

#endif
