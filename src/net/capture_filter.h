/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_CAPTURE_FILTER_H
#define DOMPOOL_NET_CAPTURE_FILTER_H
/*
 * The filter of a packet capture, for SO_ATTACH_FILTER: the kernel itself lets through one machine's Ethernet frames and cuts
 * them, so that nobody else's bytes reach the process that reads the socket. Pure.
 *
 * A frame belongs to the machine if its source or destination is the MAC; if it is DHCP for the MAC (chaddr, RFC 2131), which
 * servers and relay agents may broadcast; or if it is IPv4 from or to `address`.
 */
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

#define CAPTURE_FILTER_MAX 160 /* instructions; 64 interfaces have room */
#define CAPTURE_MAX_INTERFACES 64

struct capture_wish {
        const uint32_t *interfaces; /* indices; frames of others are dropped */
        size_t n_interfaces;        /* 0: of all, up to CAPTURE_MAX_INTERFACES */
        struct mac mac;
        uint32_t address; /* 0: none */
        uint32_t snap;    /* bytes kept of a frame, DHCP's (ports 67, 68, 4011) whole; 0: all whole */
};

/* The number of instructions. */
size_t
capture_filter_make(const struct capture_wish *w, struct sock_filter prog[CAPTURE_FILTER_MAX]);

#endif
