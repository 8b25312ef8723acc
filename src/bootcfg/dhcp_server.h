/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_DHCP_SERVER_H
#define DOMPOOL_BOOTCFG_DHCP_SERVER_H
/*
 * The DHCP server's decision: a parsed packet, the policy, the leases and the time in; an answer, a lease to write down, or
 * silence with a reason out. No socket, no disk. RFC 2131, 4.3; the boot options by the firmware's architecture (loader.h).
 *
 *     dhcp_network.h   which network the packet comes from --+--> mode "dhcp":  this file
 *                                                            +--> mode "proxy": dhcp_proxy.h
 *
 * A machine that core has let in for an inspection is in the policy as a guest: it gets an address for a short time, out of a share
 * of its own (guest_share.h). Who is not in the policy gets no answer, so another DHCP server may serve the rest of the same LAN.
 */
#include "bootcfg/guest_share.h"
#include "bootcfg/loader.h"
#include "bootcfg/policy.h"
#include "model/lease.h"
#include "proto/dhcp.h"

/* A DECLINE later than this after the ACK is not believed: who has it that long has tested it (RFC 5227: 9 s). */
#define DHCP_SERVER_DECLINE_MS (30 * 1000)

struct dhcp_server {
        const struct policy *policy;           /* NULL: none yet, nobody is known */
        uint32_t address;                      /* ours on the boot LAN: server identifier, next server */
        struct lease_table *leases;            /* proxy: addresses that hosts were seen with */
        struct loader_memory *memory;          /* NULL: none */
        struct guest_share guests;             /* addresses of machines under inspection */
        const struct config_network *networks; /* the policy's; set by dhcp_server_configure */
        uint32_t n_networks;
};

/* Where a packet came in. */
struct dhcp_arrival {
        uint16_t port;    /* of ours: DHCP_SERVER_PORT or DHCP_PXE_PORT */
        uint32_t network; /* position of the network whose interface received it */
        uint32_t source;  /* the sender's address and port: answers of port 4011 go there */
        uint16_t source_port;
};

enum dhcp_event {
        DHCP_EVENT_NONE,
        DHCP_EVENT_UNKNOWN, /* a MAC that is no host of ours */
        DHCP_EVENT_BOOT,    /* firmware has an address and its boot file: a boot begins */
        DHCP_EVENT_LEASE,   /* a lease was granted, prolonged, given back or declined */
        DHCP_EVENT_FOREIGN, /* the host took an address of another server, `foreign`, on a network where addresses are ours */
};

struct dhcp_decision {
        uint8_t reply;      /* enum dhcp_type; 0: silence */
        const char *reason; /* static text for the log: why silence or NAK; NULL otherwise */
        enum dhcp_event event;
        const struct loader *failed; /* for BOOT_NOTE_LOADER: it was offered the last time */
        enum boot_note_kind note; /* what is worth telling of a boot; BOOT_NOTE_NONE: nothing */
        const struct policy_host *host; /* `known`; NULL: it is none of ours */
        struct policy_host known;
        const struct config_network *network; /* the packet's; NULL: none of ours */
        struct firmware firmware;             /* that looks for a boot file; client 0: it does not */
        const struct loader *loader;          /* named as boot file; NULL: none */
        char boot_name[LOADER_URL_SIZE];      /* by which it is named */

        bool lease_changed; /* already in the table; must be written down and told before the reply leaves, */
        bool lease_urgent;  /* and be on disk too */
        struct lease lease;

        uint32_t foreign; /* DHCP_EVENT_FOREIGN: identifier of that server, */
        uint32_t wanted;  /* the address it gave, */
        bool offered;     /* and whether we had offered one too */

        uint8_t data[DHCP_MAX_SIZE]; /* the reply */
        size_t size;
        uint32_t destination;
        uint16_t port;
};

/* Decides, and enters the lease into the table. */
void
dhcp_server_decide(struct dhcp_server *s, const struct dhcp_packet *p, const struct dhcp_arrival *from, int64_t now_ms,
                        struct dhcp_decision *ret);

/* Takes networks, pools and fixed addresses from the policy. 0 or -ENOMEM (then pools and fixed addresses are the old ones). */
int
dhcp_server_configure(struct dhcp_server *s);

#endif
