/* SPDX-License-Identifier: Apache-2.0 */
/* Who of the machines under inspection holds which address. Pure. Lives in dompoold's `boot` role. */
#include "bootcfg/guest_share.h"

#include <string.h>

uint32_t
guest_share_limit(const struct config_network *n)
{
        uint32_t size = n->range_first != 0 && n->range_last >= n->range_first ? n->range_last - n->range_first + 1 : 0;
        uint32_t quarter = size / 4 > 0 ? size / 4 : 1;

        return quarter < GUEST_SHARE_MAX ? quarter : GUEST_SHARE_MAX;
}

bool
guest_share_take(struct guest_share *g, const struct config_network *n, const struct mac *mac, uint32_t address,
                 int64_t until_ms, int64_t now_ms)
{
        uint32_t held = 0, slot = GUEST_SHARE_MAX;

        for (uint32_t i = 0; i < GUEST_SHARE_MAX; i++) {
                if (mac_eq(&g->held[i].mac, mac) && g->held[i].address == address) {
                        g->held[i].until_ms = until_ms;
                        return true;
                }
                if (g->held[i].until_ms <= now_ms || mac_eq(&g->held[i].mac, mac))
                        slot = i; /* free, or what it had before */
                else if (config_network_has(n, g->held[i].address))
                        held++;
        }
        if (slot == GUEST_SHARE_MAX || held >= guest_share_limit(n))
                return false;
        g->held[slot].mac = *mac;
        g->held[slot].address = address;
        g->held[slot].until_ms = until_ms;
        return true;
}

void
guest_share_decline(struct guest_share *g, const struct mac *mac, int64_t until_ms)
{
        for (uint32_t i = 0; i < GUEST_SHARE_MAX; i++)
                if (mac_eq(&g->held[i].mac, mac)) {
                        memset(&g->held[i].mac, 0, sizeof(g->held[i].mac));
                        g->held[i].until_ms = until_ms;
                }
}
