/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_NET_H
#define DOMPOOL_INIT_INIT_NET_H
/* The host's network: its card inside a bridge from the start, and the lease on the bridge. */
#include "base/error.h"
#include "base/parse.h"
#include "init/init_plan.h"

#define INIT_BRIDGE "xenbr0"

/* Finds the card by MAC (zero: the first one) and puts it into the bridge, which takes its MAC. -EAGAIN: there is none yet. */
int init_net_bridge(const struct mac *wanted, char ret_card[16], struct mac *ret_mac, struct error *err);

/* Has the card a carrier? */
bool init_net_carrier(const char *card);

/* The names and MACs of the Ethernet interfaces there are, for a message: "eth0 52:54:..., eth1 ..."; "none". */
void init_net_describe(char *buf, size_t size);

/* Makes the bridge carry @is instead of @was. */
int init_net_lease(const struct init_lease *was, const struct init_lease *is, struct error *err);

/* Starts the DHCP client: an unprivileged child that got a socket on the bridge and says changes of the lease on *ret_fd, each
 * INIT_LEASE_WIRE_SIZE bytes of init_lease_desc. @wanted: address to ask for, 0 any. Returns its pid or negative errno. */
int init_dhcp_start(const struct mac *mac, uint32_t wanted, int *ret_fd);

#endif
