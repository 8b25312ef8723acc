/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host that boots from a satellite wants of the main server: its agent's connection always, its root where that is
 * neither in RAM nor fetched by HTTP. Both go over the route between the LANs. Pure.
 */
#include "bootcfg/guard_private.h"

/* Is a host of the network told how to leave it? Where another server gives the addresses it may be told by that. */
static bool
is_routed(const struct config_network *n, uint32_t server)
{
        return n->router || n->mode != NETWORK_DHCP || config_network_has(n, server);
}

/* The network without a way out that the host is, or by all that is known must be, in; NULL: none. */
static const struct config_network *
dead_end(const struct guard_satellite *s)
{
        for (uint32_t i = 0; i < s->n_networks; i++)
                if (config_network_has(&s->networks[i], s->address))
                        return is_routed(&s->networks[i], s->server) ? NULL : &s->networks[i];
        for (uint32_t i = 0; i < s->n_networks; i++)
                if (is_routed(&s->networks[i], s->server))
                        return NULL;
        return s->n_networks > 0 ? &s->networks[0] : NULL;
}

void
guard_satellite(const struct guard_request *r, struct guard_report *report)
{
        const struct guard_satellite *s = r->satellite;
        const struct config_network *n;
        char server[IP4_TEXT_SIZE], net[IP4_TEXT_SIZE];

        if (!s)
                return;
        ip4_text(s->server, server);
        if (r->root == ROOT_AOE && !s->foreign_root)
                guard_add(report, GUARD_SATELLITE_LAYER2,
                          "root aoe is Ethernet without IP and ends at the LAN of the main server %s, this host is on that of "
                          "satellite '%s'",
                          server, s->name);
        else if (root_is_exported(r->root) && !s->foreign_root)
                guard_add(report, GUARD_SATELLITE_ROOT,
                          "root %s comes from the main server %s, not from satellite '%s': while that is away the host neither "
                          "boots nor goes on",
                          root_names[r->root], server, s->name);
        n = dead_end(s);
        if (n)
                guard_add(report, GUARD_SATELLITE_ROUTE,
                          "satellite '%s' tells hosts of %s/%u no router: its agent%s the main server %s", s->name,
                          ip4_text(n->net, net), n->prefix,
                          root_is_exported(r->root) && !s->foreign_root ? " and its root would not reach" : " would not reach",
                          server);
}
