/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_GUEST_SHARE_H
#define DOMPOOL_BOOTCFG_GUEST_SHARE_H
/*
 * The addresses that machines under inspection may hold: a small share of each network's range, for a short time, so that
 * whoever invents MAC addresses cannot take from the hosts what is theirs. Kept in memory only: after a restart a share may be
 * held twice for the length of one such lease. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/config.h"

#define GUEST_SHARE_MAX 32       /* in all networks together */
#define GUEST_LEASE_SECONDS 600u /* at most; an inspection takes a few minutes */

struct guest_share {
        struct {
                struct mac mac; /* zero: of nobody any more, the address was declined */
                uint32_t address;
                int64_t until_ms; /* wall */
        } held[GUEST_SHARE_MAX];
};

/* How many addresses of the network guests may hold: a quarter of its range, at least one. */
uint32_t guest_share_limit(const struct config_network *n);

/* Enters that @mac holds @address of @n until then; false: the share is used up, nothing is entered. */
bool guest_share_take(struct guest_share *g, const struct config_network *n, const struct mac *mac, uint32_t address,
                      int64_t until_ms, int64_t now_ms);

/* @mac has declined its address, which nobody gets until then: it counts on, and @mac may take another one. */
void guest_share_decline(struct guest_share *g, const struct mac *mac, int64_t until_ms);

#endif
