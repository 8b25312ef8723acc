/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_DHCP_CLIENT_H
#define DOMPOOL_PROTO_DHCP_CLIENT_H
/*
 * A DHCP client without I/O (RFC 2131, 4.4), used by dompool-init's unprivileged child. The caller owns the socket and the
 * clock; this owns what to send and when.
 *
 *         dhcp_client_init(&c, &mac, random_xid, now);
 *         for (;;) {
 *                 wait for a packet until dhcp_client_deadline(&c);
 *                 event = got ? dhcp_client_input(&c, data, size, now, random, &out)
 *                             : dhcp_client_tick(&c, now, random, &out);
 *                 if (out.size)
 *                         send out.data from out.source:68 to out.destination:67;
 *                 if (event == DHCP_CLIENT_BOUND)  put c.lease on the bridge
 *                 if (event == DHCP_CLIENT_LOST)   take the address away
 *         }
 *
 *   INIT --discover--> SELECTING --offer/request--> REQUESTING --ack--> BOUND --T1--> RENEWING --T2--> REBINDING
 *     ^                                                 | nak, silence    ^               | ack           | ack
 *     +-------------------------------------------------+                 +---------------+---------------+
 *     +<------------------------------ nak, or the lease's end -------------------------------------------+
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"
#include "proto/dhcp.h"

enum dhcp_client_state {
        DHCP_CLIENT_INIT,
        DHCP_CLIENT_SELECTING,
        DHCP_CLIENT_REQUESTING,
        DHCP_CLIENT_BOUND_STATE,
        DHCP_CLIENT_RENEWING,
        DHCP_CLIENT_REBINDING,
        DHCP_CLIENT_STOPPED, /* released; nothing more is sent */
};

/* What the caller has to do after a call. */
enum dhcp_client_event {
        DHCP_CLIENT_NOTHING,
        DHCP_CLIENT_BOUND,   /* a new lease: c->lease */
        DHCP_CLIENT_RENEWED, /* the same address for longer; the other values of c->lease may have changed */
        DHCP_CLIENT_LOST,    /* the address must not be used any more */
};

struct dhcp_client_lease {
        uint32_t address, netmask, broadcast;
        uint32_t router, dns; /* 0: none */
        uint32_t server;      /* server identifier */
        uint32_t lease_seconds, t1_seconds, t2_seconds;
        char hostname[64]; /* option 12, printable; empty: none */
        int64_t bound_ms;  /* `now` when the request that got it was sent: times count from there (RFC 2131, 4.4.1) */
};

struct dhcp_client {
        enum dhcp_client_state state;
        struct mac mac;
        uint32_t xid;
        uint32_t wanted;  /* address to ask for in DISCOVER; 0: any. May be set after init. */
        int64_t start_ms; /* of the exchange, for `secs` */
        int64_t deadline_ms;
        int64_t request_ms; /* when the last REQUEST was sent first */
        unsigned tries;
        uint32_t offered, offer_server;
        struct dhcp_client_lease lease; /* valid from BOUND to LOST */
};

struct dhcp_client_out {
        uint8_t data[DHCP_MAX_SIZE];
        size_t size;          /* 0: nothing to send */
        uint32_t source;      /* 0.0.0.0, or the lease's address */
        uint32_t destination; /* 255.255.255.255, or the server */
};

void
dhcp_client_init(struct dhcp_client *c, const struct mac *mac, uint32_t xid, int64_t now_ms);

/* When dhcp_client_tick wants to be called; INT64_MAX: never. */
int64_t
dhcp_client_deadline(const struct dhcp_client *c);

/* @random: any random number, fresh for each call; it gives the jitter and, when an exchange starts anew, the xid. */
enum dhcp_client_event
dhcp_client_tick(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out);

/* A UDP payload from port 67. What is not for us or malformed changes nothing. */
enum dhcp_client_event
dhcp_client_input(struct dhcp_client *c, const uint8_t *data, size_t size, int64_t now_ms, uint32_t random,
                  struct dhcp_client_out *out);

/* Gives the lease back; *out is the RELEASE to send (size 0 when there is no lease). */
void
dhcp_client_release(struct dhcp_client *c, struct dhcp_client_out *out);

/* The address is in use by somebody else (ARP said so): *out is the DECLINE; starts anew after 10 s. Returns LOST. */
enum dhcp_client_event
dhcp_client_decline(struct dhcp_client *c, int64_t now_ms, struct dhcp_client_out *out);

#endif
