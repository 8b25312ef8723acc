/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_DHCP_NETWORK_H
#define DOMPOOL_BOOTCFG_DHCP_NETWORK_H
/*
 * Which of our networks a packet comes from:
 *
 *     through a relay agent (giaddr)   the network whose `relay` is the agent; else the one that holds the agent's link
 * selection (RFC 3527, 82.5), the subnet selection (RFC 3011, 118), giaddr itself to port 4011                     the one that
 * holds the sender's address from a renewing client (ciaddr)  the one that holds its address, if it is reached through routers
 *     else                             the one of the interface that received it
 *
 * An answer to a relayed packet goes to giaddr, which anybody can write into a packet: it must be in a network of ours.
 */
#include "bootcfg/dhcp_server.h"

/* NULL: none; *ret_why then says why (static text). */
const struct config_network *
dhcp_network_find(const struct dhcp_server *s, const struct dhcp_packet *p,
                                               const struct dhcp_arrival *from, const char **ret_why);

#endif
