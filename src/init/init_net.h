/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_NET_H
#define DOMPOOL_INIT_INIT_NET_H
/* The host's network: its card, inside a bridge from the start where guests share it, and the lease on what has the address. */
#include "base/error.h"
#include "base/parse.h"
#include "init/init_plan.h"
#include "model/guest_net.h"

struct init_net {
        char card[16];   /* the network card that boots */
        char device[16]; /* has the host's address: GUEST_BRIDGE with the card in it, or the card itself */
        struct mac mac;  /* of both */
};

/* Finds the card by MAC (zero: the first one). @bridged: it goes into the bridge, which takes its MAC; else guests have another
 * card, and this one has the host's address. -EAGAIN: there is none yet. */
int init_net_card(const struct mac *wanted, bool bridged, struct init_net *ret, struct error *err);

/* Into the bridge, unless it is in one. 0 or negative errno. */
int init_net_join(const char *card, const char *bridge);

/* Has the card a carrier? */
bool init_net_carrier(const char *card);

/* The names and MACs of the Ethernet interfaces there are, but for bridges, for a message: "eth0 52:54:..., eth1 ..."; "none".
 */
void init_net_describe(char *buf, size_t size);

/* Makes the device carry @is instead of @was. */
int init_net_lease(const char *device, const struct init_lease *was, const struct init_lease *is, struct error *err);

/* Starts the DHCP client: an unprivileged child that got a socket on the device and says changes of the lease on *ret_fd, each
 * INIT_LEASE_WIRE_SIZE bytes of init_lease_desc. @wanted: address to ask for, 0 any. Returns its pid or negative errno. */
int init_dhcp_start(const struct init_net *net, uint32_t wanted, int *ret_fd);

#endif
