/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks of dompoold.conf(5) as a whole: what a subnet takes from the network section, and whether every packet will
 * belong to one of them. Pure. Runs in the parent, before any role is started.
 */
#include "server/config_network.h"

#include <stdio.h>
#include <string.h>

#define UNSET UINT32_MAX /* a text gives neither a mode nor a time of this value; what is 0 when it is absent needs none */

void
config_network_unset(struct config_network *subnet)
{
        subnet->mode = UNSET;
        subnet->pxe_timeout_seconds = UNSET;
}

static void
inherit(struct config_network *n, const struct config_network *lan)
{
        if (n->mode == UNSET)
                n->mode = lan->mode;
        if (n->pxe_timeout_seconds == UNSET)
                n->pxe_timeout_seconds = lan->pxe_timeout_seconds;
        if (n->dns == 0)
                n->dns = lan->dns;
        if (n->lease_seconds == 0)
                n->lease_seconds = lan->lease_seconds;
}

/* What is wrong with it alone; NULL: nothing. */
static const char *
fault_of(const struct config_network *n)
{
        if (n->address && !*n->interface)
                return "the server has an address in a subnet only with an interface there";
        if (n->address && !config_network_has(n, n->address))
                return "the server's address lies outside the subnet";
        if (n->range_first && (!config_network_has(n, n->range_first) || !config_network_has(n, n->range_last)))
                return "the range does not lie inside the subnet";
        if (n->address && n->range_first && n->address >= n->range_first && n->address <= n->range_last)
                return "the server's own address lies in the range";
        if (n->router && !config_network_has(n, n->router))
                return "the router lies outside the subnet";
        return NULL;
}

/* By what a packet could belong to both; NULL: by nothing. */
static const char *
common_of(const struct config_network *n, const struct config_network *other)
{
        uint32_t mask = prefix_mask(n->prefix < other->prefix ? n->prefix : other->prefix);

        if ((n->net & mask) == (other->net & mask))
                return "overlaps with";
        if (*n->interface && strcmp(n->interface, other->interface) == 0)
                return "has the interface of";
        if (n->relay && n->relay == other->relay)
                return "has the relay agent of";
        return NULL;
}

static int
check_against_earlier(const struct config *c, uint32_t at, char *text, size_t size)
{
        const struct config_network *n = config_network_at(c, at);

        for (uint32_t i = 0; i < at; i++) {
                const struct config_network *other = config_network_at(c, i);
                const char *common = common_of(n, other);

                if (!common)
                        continue;
                snprintf(text, size, "subnet '%s' %s %s%s%s", n->name, common,
                         *other->name ? "subnet '" : "the network section", other->name, *other->name ? "'" : "");
                return -1;
        }
        return 0;
}

int
config_networks_finish(struct config *c, uint32_t *ret_at, char *text, size_t size)
{
        for (uint32_t i = 0; i < c->n_subnets; i++)
                inherit(&c->subnets[i], &c->network);
        for (uint32_t i = 0; i <= c->n_subnets; i++) {
                const char *fault = fault_of(config_network_at(c, i));

                *ret_at = i;
                if (fault) {
                        snprintf(text, size, "%s", fault);
                        return -1;
                }
                if (check_against_earlier(c, i, text, size) < 0)
                        return -1;
        }
        return 0;
}
