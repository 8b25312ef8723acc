/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_GUEST_NET_H
#define DOMPOOL_INIT_INIT_GUEST_NET_H
/*
 * Guests' networks, as model/guest_net.h pictures them: made once, before the root is mounted, and found there by whoever runs
 * after a switch of the root. All bridges are there from the start, also that of a card which is not, so that a guest that
 * names one can be made; a card that appears within INIT_GUEST_NIC_MS is put in.
 *
 * Where guests have a card of their own, or VLANs, the host is no part of them: no address, no answer to ARP, nothing accepted.
 */
#include <stdbool.h>

#include "base/error.h"
#include "init/init_net.h"
#include "init/init_options.h"

/* Drivers load firmware, cards find their PHYs. */
#define INIT_GUEST_NIC_MS 20000

struct init_guest_net {
        bool begun; /* the bridges are there */
        bool done;  /* nothing is left to do */
        int64_t since_ms;
        char card[16]; /* of guests; empty: not found, or not in its bridge */
        uint32_t made; /* a bit for each VLAN of the options: its bridge leads to the card */
};

/* The next step, once the host's own card is known (@net). 0: @x->done; -EAGAIN: the guests' card is not there yet, to be
 * called again; else what went wrong, told once, and the host goes on with what there is. */
int init_guest_net_step(struct init_guest_net *x, const struct init_options *o, const struct init_net *net, int64_t now_ms,
                        struct error *err);

/* What was made: "xenbr0 with eth1; vlan10 is VLAN 10, labs is VLAN 20 and leads nowhere"; "": one bridge with the host's card,
 * as ever. Returns @buf. */
char *init_guest_net_text(const struct init_guest_net *x, const struct init_options *o, const struct init_net *net, char *buf,
                          size_t size);

#endif
