/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_NETLINK_H
#define DOMPOOL_NET_NETLINK_H
/*
 * The few rtnetlink requests that dompool-init, the vif helper and the lab need, blocking, by name of the interface.
 * rtnetlink(7), linux/if_link.h. All return 0 or negative errno.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/parse.h"

int netlink_link_up(const char *name, bool up);
/* STP off, forward delay 0. -EEXIST when it is there. */
int netlink_bridge_add(const char *name, const struct mac *mac);
/* An interface for the frames of @link that carry the tag; -EOPNOTSUPP: the kernel has no VLANs (module 8021q). */
int netlink_vlan_add(const char *name, const char *link, uint32_t tag);
int netlink_veth_add(const char *a, const char *b);
int netlink_link_delete(const char *name);
/* NULL @bridge: leaves the bridge it is in. */
int netlink_set_master(const char *name, const char *bridge);
int netlink_set_mac(const char *name, const struct mac *mac);
int netlink_set_mtu(const char *name, uint32_t mtu);
/* Moves an interface into the network namespace of @netns_fd. */
int netlink_set_netns(const char *name, int netns_fd);
/* Adds or replaces. Broadcast address is set as well. */
int netlink_address_set(const char *name, uint32_t address, unsigned prefix);
int netlink_address_delete(const char *name, uint32_t address, unsigned prefix);
/* Default route; replaces. */
int netlink_route_default(uint32_t gateway, const char *name);
/* Finds the Ethernet interface (ARPHRD_ETHER, neither a bridge nor a VLAN) with this MAC; -ENODEV. */
int netlink_find_by_mac(const struct mac *mac, char ret_name[16]);
/* Name of the first Ethernet interface that is not loopback, bridge, VLAN or vif; -ENODEV. */
int netlink_first_ethernet(char ret_name[16]);
/* The first of them that is not @than. */
int netlink_other_ethernet(const char *than, char ret_name[16]);
int netlink_get_mac(const char *name, struct mac *ret);
/* First IPv4 address and prefix of an interface; -EADDRNOTAVAIL. */
int netlink_get_address(const char *name, uint32_t *ret_address, unsigned *ret_prefix);

#endif
