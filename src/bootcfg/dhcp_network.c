/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a packet to the network that it comes from. Pure. Runs in dompoold's `boot` role.
 */
#include "bootcfg/dhcp_network.h"

#include "proto/wire.h"

#define RELAY_LINK_SELECTION 5 /* RFC 3527 */

static const struct config_network *
network_of(const struct dhcp_server *s, uint32_t address)
{
        for (uint32_t i = 0; i < s->n_networks; i++)
                if (config_network_has(&s->networks[i], address))
                        return &s->networks[i];
        return NULL;
}

static const struct config_network *
network_of_agent(const struct dhcp_server *s, uint32_t giaddr)
{
        for (uint32_t i = 0; i < s->n_networks; i++)
                if (s->networks[i].relay == giaddr)
                        return &s->networks[i];
        return NULL;
}

/* The subnet that a relay agent or, behind one, the client names. An agent names it by the subnet's or any other address of it.
 */
static bool
selected(const struct dhcp_packet *p, uint32_t *ret)
{
        const uint8_t *relay, *link;
        size_t relay_size, size;

        relay = dhcp_option(p, DHCP_OPT_RELAY_AGENT, &relay_size);
        link = relay ? dhcp_suboption(relay, relay_size, RELAY_LINK_SELECTION, &size) : NULL;
        if (!link || size != 4)
                return dhcp_option_u32(p, DHCP_OPT_SUBNET_SELECTION, ret);
        *ret = get_be32(link);
        return true;
}

static const struct config_network *
network_of_link(const struct dhcp_server *s, uint32_t link)
{
        for (uint32_t i = 0; i < s->n_networks; i++)
                if ((link & prefix_mask(s->networks[i].prefix)) == s->networks[i].net)
                        return &s->networks[i];
        return NULL;
}

static const struct config_network *
relayed(const struct dhcp_server *s, const struct dhcp_packet *p, const char **ret_why)
{
        const struct config_network *agent = network_of_agent(s, p->h.giaddr), *at = network_of(s, p->h.giaddr), *n;
        uint32_t link;

        if (!agent && !at) {
                *ret_why = "relayed from a network that is not ours";
                return NULL;
        }
        if (!selected(p, &link))
                return agent ? agent : at;
        n = network_of_link(s, link);
        if (!n)
                *ret_why = "relayed for a subnet that is not ours";
        return n;
}

const struct config_network *
dhcp_network_find(const struct dhcp_server *s, const struct dhcp_packet *p, const struct dhcp_arrival *from,
                  const char **ret_why)
{
        const struct config_network *n;

        if (p->h.giaddr != 0)
                return relayed(s, p, ret_why);
        if (from->port == DHCP_PXE_PORT) {
                n = network_of(s, from->source);
                if (!n)
                        *ret_why = "from a network that is not ours";
                return n;
        }
        n = p->h.ciaddr != 0 ? network_of(s, p->h.ciaddr) : NULL;
        if (n && !*n->interface)
                return n; /* a renewal, unicast through routers: RFC 2131, 4.3.2 */
        return &s->networks[from->network < s->n_networks ? from->network : 0];
}
