/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_GUEST_NET_H
#define DOMPOOL_MODEL_GUEST_NET_H
/*
 * A host's networks for its guests: the network card whose bridge they use, and a bridge for each VLAN of that card. Their two
 * settings, as a profile and the kernel's command line (dompool.guest-nic=, dompool.vlans=) say them. Pure.
 *
 *     guest-nic = boot        NIC --- xenbr0 (the host's address) --- guests
 *     guest-nic = other       NIC (the host's address)      NIC 2 --- xenbr0 --- guests
 *     vlans = "10, 20:labs"   the NIC of xenbr0 --- trunk.10 --- vlan10 --- guests
 *                                              `--- trunk.20 --- labs --- guests
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/parse.h"

#define GUEST_BRIDGE "xenbr0" /* of guests that name none */
#define GUEST_TRUNK "trunk."  /* and the tag: the VLAN's interface on the card */
#define BRIDGE_NAME_SIZE 16   /* IFNAMSIZ, with NUL */
#define GUEST_NIC_SIZE 20     /* a setting's text and NUL */
#define GUEST_VLANS_SIZE 232  /* likewise */
#define GUEST_MAX_VLANS 16
#define GUEST_VLAN_TAG_MAX 4094u /* IEEE 802.1Q-2018, table 9-2: 4095 is reserved, 0 is no VLAN */

enum guest_nic_kind {
        GUEST_NIC_BOOT,  /* the one that boots: host and guests share a bridge */
        GUEST_NIC_OTHER, /* the first that does not boot */
        GUEST_NIC_NAME,  /* by its interface's name */
        GUEST_NIC_MAC,
        GUEST_NIC_NONE, /* a wrong word on the command line: rather no network than the host's */
};

struct guest_nic {
        enum guest_nic_kind kind;
        char name[BRIDGE_NAME_SIZE]; /* GUEST_NIC_NAME */
        struct mac mac;              /* GUEST_NIC_MAC */
};

struct guest_vlan {
        uint32_t tag; /* 1 to GUEST_VLAN_TAG_MAX */
        char bridge[BRIDGE_NAME_SIZE];
};

struct guest_vlans {
        uint32_t n;
        struct guest_vlan list[GUEST_MAX_VLANS];
};

/* "" or "boot", "other", "eth1", "52:54:00:12:34:56". 0 or ERR_INVALID, and *ret untouched. */
int guest_nic_parse(const char *text, struct guest_nic *ret, struct error *err);

/* Tags with blanks or commas between, each perhaps with ":BRIDGE"; else its bridge is vlanTAG. "": none. No tag and no bridge
 * twice. 0 or ERR_INVALID, and *ret untouched. */
int guest_vlans_parse(const char *text, struct guest_vlans *ret, struct error *err);

/* "10,20:labs": a form that a command line can hold, never longer than the text it was read from. Returns @buf. */
char *guest_vlans_text(const struct guest_vlans *v, char buf[GUEST_VLANS_SIZE]);

#endif
