/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_DHCP_SERVER_H
#define DOMPOOL_BOOTCFG_DHCP_SERVER_H
/*
 * The DHCP server's decision: a parsed packet, the policy, the leases and the time in; an answer, a lease to write down, or
 * silence with a reason out. No socket, no disk. RFC 2131, 4.3; the boot options by the firmware's architecture (menu.h).
 *
 * Who is not in the policy gets no answer, so another DHCP server may serve the rest of the same LAN.
 */
#include "bootcfg/menu.h"
#include "bootcfg/policy.h"
#include "model/lease.h"
#include "proto/dhcp.h"

/* A DECLINE later than this after the ACK is not believed: who has used the address that long has tested it. */
#define DHCP_SERVER_DECLINE_MS (2 * 60 * 1000)

struct dhcp_server {
        const struct policy *policy; /* NULL: none yet, nobody is known */
        uint32_t address;            /* ours on the boot LAN: server identifier, next server */
        struct lease_table *leases;
};

enum dhcp_event {
        DHCP_EVENT_NONE,
        DHCP_EVENT_UNKNOWN, /* a MAC that is no host of ours */
        DHCP_EVENT_BOOT,    /* ACK to firmware: a boot begins */
        DHCP_EVENT_LEASE,   /* a lease was granted, prolonged, given back or declined */
};

struct dhcp_decision {
        uint8_t reply;      /* enum dhcp_type; 0: silence */
        const char *reason; /* static text for the log: why silence or NAK; NULL otherwise */
        enum dhcp_event event;
        enum boot_note_kind note; /* what is worth telling of a boot; BOOT_NOTE_NONE: nothing */
        uint32_t other_server;    /* for BOOT_NOTE_OTHER_SERVER */
        const struct policy_host *host;
        const struct menu_loader *loader; /* named as boot file; NULL: none */

        bool lease_changed; /* already in the table; must be on disk before the reply leaves */
        struct lease lease;

        uint8_t data[DHCP_MAX_SIZE]; /* the reply */
        size_t size;
        uint32_t destination;
        uint16_t port;
};

/* Is the packet from firmware or a network loader that looks for a boot file? *ret_arch: option 93, UINT32_MAX when it says
 * none. */
bool
dhcp_server_wants_boot(const struct dhcp_packet *p, uint32_t *ret_arch);

/* Decides, and enters the lease into the table. */
void
dhcp_server_decide(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *ret);

/* Tells the table of pool and fixed addresses what the policy says of them. 0 or -ENOMEM. */
int
dhcp_server_configure(struct dhcp_server *s);

#endif
