/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_DHCP_H
#define DOMPOOL_PROTO_DHCP_H
/*
 * DHCPv4 packets: bytes to struct and back. No I/O, no decisions. RFC 2131 (the protocol), 2132 (options), 3396 (long options),
 * 4578 (PXE), 3046 (relays). Addresses are in host byte order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_PXE_PORT 4011 /* PXE 2.1's boot servers and proxies */
#define DHCP_MAX_SIZE 1500      /* longer packets are refused: no firmware sends them and no Ethernet frame holds them */
#define DHCP_MIN_REPLY_SIZE 300 /* BOOTP's size; some clients drop shorter answers (Linux's in-kernel one) */
#define DHCP_FILE_SIZE 128
#define DHCP_SNAME_SIZE 64

#define DHCP_FLAG_BROADCAST 0x8000u

enum dhcp_op { DHCP_BOOTREQUEST = 1, DHCP_BOOTREPLY = 2 };

enum dhcp_type {
        DHCP_DISCOVER = 1,
        DHCP_OFFER,
        DHCP_REQUEST,
        DHCP_DECLINE,
        DHCP_ACK,
        DHCP_NAK,
        DHCP_RELEASE,
        DHCP_INFORM,
};
/* "discover"; "?" for what is none. */
const char *
dhcp_type_name(unsigned type);

enum dhcp_option_code {
        DHCP_OPT_PAD = 0,
        DHCP_OPT_NETMASK = 1,
        DHCP_OPT_ROUTER = 3,
        DHCP_OPT_DNS = 6,
        DHCP_OPT_HOSTNAME = 12,
        DHCP_OPT_BROADCAST = 28,
        DHCP_OPT_VENDOR = 43,
        DHCP_OPT_REQUESTED_ADDRESS = 50,
        DHCP_OPT_LEASE_TIME = 51,
        DHCP_OPT_OVERLOAD = 52,
        DHCP_OPT_TYPE = 53,
        DHCP_OPT_SERVER_ID = 54,
        DHCP_OPT_PARAMETER_LIST = 55,
        DHCP_OPT_MESSAGE = 56,
        DHCP_OPT_MAX_SIZE = 57,
        DHCP_OPT_T1 = 58,
        DHCP_OPT_T2 = 59,
        DHCP_OPT_VENDOR_CLASS = 60,
        DHCP_OPT_CLIENT_ID = 61,
        DHCP_OPT_TFTP_SERVER = 66,
        DHCP_OPT_BOOT_FILE = 67,
        DHCP_OPT_USER_CLASS = 77,
        DHCP_OPT_RELAY_AGENT = 82,
        DHCP_OPT_CLIENT_ARCH = 93,
        DHCP_OPT_CLIENT_NDI = 94,
        DHCP_OPT_CLIENT_UUID = 97,
        DHCP_OPT_SUBNET_SELECTION = 118, /* RFC 3011 */
        DHCP_OPT_GRUB_MENU = 150, /* GRUB legacy's; elsewhere a list of TFTP servers (RFC 5859) */
        DHCP_OPT_IPXE = 175, /* iPXE's own settings, encapsulated: code, size, data (ipxe.org/howto/dhcpd) */
        DHCP_OPT_PXELINUX_PREFIX = 210, /* RFC 5071 */
        DHCP_OPT_END = 255,
};

/* The fixed part of RFC 2131, figure 1. */
struct dhcp_header {
        uint8_t op; /* enum dhcp_op */
        uint8_t hops;
        uint32_t xid;
        uint16_t secs, flags;
        uint32_t ciaddr, yiaddr, siaddr, giaddr;
        struct mac mac;              /* htype 1, hlen 6: nothing else is understood */
        char sname[DHCP_SNAME_SIZE]; /* NUL-terminated on both ways; empty when overloaded by option 52 */
        char file[DHCP_FILE_SIZE];
};

struct dhcp_slot {
        uint16_t offset, size;
        bool present;
};

struct dhcp_packet {
        struct dhcp_header h;
        uint8_t type; /* enum dhcp_type, from option 53; never 0 */
        struct dhcp_slot slots[256];
        uint8_t data[DHCP_MAX_SIZE]; /* of all options, each in one piece */
};

/* Why a packet was refused. */
enum dhcp_refusal {
        DHCP_REFUSED_SHORT = 1, /* less than the fixed part and the cookie */
        DHCP_REFUSED_LONG,      /* more than DHCP_MAX_SIZE */
        DHCP_REFUSED_HEADER,    /* op, htype or hlen is not ours */
        DHCP_REFUSED_COOKIE,    /* BOOTP or noise */
        DHCP_REFUSED_OPTIONS,   /* an option runs over its field's end, bad overload */
        DHCP_REFUSED_TYPE,      /* no or unknown message type (53) */
        DHCP_REFUSED_MAC,       /* zero or a group address */
};
const char *
dhcp_refusal_text(enum dhcp_refusal why);

/* 0 and *ret filled, or a positive enum dhcp_refusal (*ret then holds rubbish). */
int
dhcp_parse(const uint8_t *data, size_t size, struct dhcp_packet *ret);

/* Data of an option, repeated ones joined (RFC 3396), or NULL when it is absent. Not NUL-terminated; the size may be 0. */
const uint8_t *
dhcp_option(const struct dhcp_packet *p, uint8_t code, size_t *ret_size);

/* The option as a number of exactly 1, 2 or 4 bytes (network order on the wire). false: absent or of another size. */
bool
dhcp_option_u8(const struct dhcp_packet *p, uint8_t code, uint8_t *ret);
bool
dhcp_option_u16(const struct dhcp_packet *p, uint8_t code, uint16_t *ret);
bool
dhcp_option_u32(const struct dhcp_packet *p, uint8_t code, uint32_t *ret);
/* The first address of a list of them (3, 6). */
bool
dhcp_option_first_ip4(const struct dhcp_packet *p, uint8_t code, uint32_t *ret);

/* As text: at most size - 1 bytes, cut at the first NUL, unprintable bytes as '?'. false: absent. */
bool
dhcp_option_text(const struct dhcp_packet *p, uint8_t code, char *buf, size_t size);

/* The first sub-option @code of an option that encapsulates them (43, 82): code, size, data. NULL: absent, or cut. 0 and 255 are
 * padding and end in 43; RFC 3046 has no such in 82 and nobody uses these codes there. */
const uint8_t *
dhcp_suboption(const uint8_t *data, size_t size, uint8_t code, size_t *ret_size);

/* Does the option's data begin with @prefix? */
bool
dhcp_option_begins(const struct dhcp_packet *p, uint8_t code, const char *prefix);

/*
 * Building: dhcp_build_start, options in the wanted order (53 first), dhcp_build_finish. What does not fit is not written
 * and makes finish return 0. Data longer than 255 bytes is split (RFC 3396).
 */
struct dhcp_builder {
        uint8_t data[DHCP_MAX_SIZE];
        size_t size;
        size_t limit;
        bool overflow;
};

/* @max_size: UDP payload that the receiver takes (option 57 minus 28 bytes); 0: the 548 that everybody must take. */
void
dhcp_build_start(struct dhcp_builder *b, const struct dhcp_header *h, uint8_t type, size_t max_size);
void
dhcp_build_option(struct dhcp_builder *b, uint8_t code, const void *data, size_t size);
void
dhcp_build_u8(struct dhcp_builder *b, uint8_t code, uint8_t value);
void
dhcp_build_u16(struct dhcp_builder *b, uint8_t code, uint16_t value);
void
dhcp_build_u32(struct dhcp_builder *b, uint8_t code, uint32_t value);
/* Without the NUL. */
void
dhcp_build_text(struct dhcp_builder *b, uint8_t code, const char *text);
/* Ends and pads to DHCP_MIN_REPLY_SIZE; returns the packet's size, 0 when something did not fit. */
size_t
dhcp_build_finish(struct dhcp_builder *b);

/* Where an answer to a request with header @request goes (RFC 2131, 4.1). A client without an address is answered by
 * broadcast even if it says that it takes unicast: that needs no raw socket and no entry in the ARP table. */
void
dhcp_reply_destination(const struct dhcp_header *request, uint8_t reply_type, uint32_t *ret_address, uint16_t *ret_port);

#endif
