/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DHCPv4 packets from and to bytes. Decides nothing, does no I/O. Runs in dompoold's `boot` role and in dompool-init's
 * DHCP child, both unprivileged: the bytes are a stranger's.
 */
#include "proto/dhcp.h"

#include <string.h>

#include "base/cleanup.h"
#include "proto/wire.h"

/* Offsets of RFC 2131, figure 1. */
enum {
        AT_OP = 0,
        AT_HTYPE = 1,
        AT_HLEN = 2,
        AT_HOPS = 3,
        AT_XID = 4,
        AT_SECS = 8,
        AT_FLAGS = 10,
        AT_CIADDR = 12,
        AT_YIADDR = 16,
        AT_SIADDR = 20,
        AT_GIADDR = 24,
        AT_CHADDR = 28,
        AT_SNAME = 44,
        AT_FILE = 108,
        AT_COOKIE = 236,
        AT_OPTIONS = 240,
};

#define HTYPE_ETHERNET 1
#define HLEN_ETHERNET 6
#define COOKIE 0x63825363u
#define SAFE_PAYLOAD 548 /* RFC 2131, 2: 576 bytes of IP packet less the IP and UDP headers */

enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };

const char *
dhcp_type_name(unsigned type)
{
        static const char *const names[] = {
                [DHCP_DISCOVER] = "discover", [DHCP_OFFER] = "offer", [DHCP_REQUEST] = "request", [DHCP_DECLINE] = "decline",
                [DHCP_ACK] = "ack",           [DHCP_NAK] = "nak",     [DHCP_RELEASE] = "release", [DHCP_INFORM] = "inform",
        };

        return type < N_ELEMENTS(names) && names[type] ? names[type] : "?";
}

const char *
dhcp_refusal_text(enum dhcp_refusal why)
{
        static const char *const texts[] = {
                [DHCP_REFUSED_SHORT] = "too short",
                [DHCP_REFUSED_LONG] = "too long",
                [DHCP_REFUSED_HEADER] = "op, hardware type or address length not understood",
                [DHCP_REFUSED_COOKIE] = "no DHCP cookie",
                [DHCP_REFUSED_OPTIONS] = "options run over their field",
                [DHCP_REFUSED_TYPE] = "no known message type",
                [DHCP_REFUSED_MAC] = "hardware address is zero or a group",
        };

        return why < N_ELEMENTS(texts) && texts[why] ? texts[why] : "?";
}

/* One of the up to three fields that hold options. */
struct option_field {
        const uint8_t *data;
        size_t size;
};

/* The next option of a field from *pos on; false at the end or, with *ret_bad, where an option does not fit in the field. */
static bool
option_next(const struct option_field *f, size_t *pos, uint8_t *ret_code, const uint8_t **ret_data, size_t *ret_size,
            bool *ret_bad)
{
        *ret_bad = false;
        while (*pos < f->size && f->data[*pos] == DHCP_OPT_PAD)
                (*pos)++;
        if (*pos >= f->size || f->data[*pos] == DHCP_OPT_END)
                return false;
        if (f->size - *pos < 2 || f->data[*pos + 1] > f->size - *pos - 2) {
                *ret_bad = true;
                return false;
        }
        *ret_code = f->data[*pos];
        *ret_size = f->data[*pos + 1];
        *ret_data = f->data + *pos + 2;
        *pos += 2 + *ret_size;
        return true;
}

/* Adds the sizes of a field's options to their slots. */
static bool
measure_field(const struct option_field *f, struct dhcp_slot slots[256])
{
        const uint8_t *data;
        size_t pos = 0, size;
        uint8_t code;
        bool bad;

        while (option_next(f, &pos, &code, &data, &size, &bad)) {
                slots[code].present = true;
                slots[code].size = (uint16_t)(slots[code].size + size);
        }
        return !bad;
}

/* Appends the options' data to their slots, which have offsets now; `size` counts up from 0 a second time. */
static void
copy_field(const struct option_field *f, struct dhcp_packet *p)
{
        const uint8_t *data;
        size_t pos = 0, size;
        uint8_t code;
        bool bad;

        while (option_next(f, &pos, &code, &data, &size, &bad)) {
                struct dhcp_slot *s = &p->slots[code];

                memcpy(p->data + s->offset + s->size, data, size);
                s->size = (uint16_t)(s->size + size);
        }
}

/* Option 52 counts only where it stands in the options field itself (RFC 2132, 9.3). -1: it is nonsense. */
static int
overload_of(const struct option_field *f)
{
        const uint8_t *data;
        size_t pos = 0, size;
        uint8_t code;
        bool bad;

        while (option_next(f, &pos, &code, &data, &size, &bad)) {
                if (code != DHCP_OPT_OVERLOAD)
                        continue;
                if (size != 1 || data[0] < 1 || data[0] > 3)
                        return -1;
                return data[0];
        }
        return 0;
}

static int
parse_options(const uint8_t *data, size_t size, int overload, struct dhcp_packet *p)
{
        /* RFC 3396, 5: joined in the order options, file, sname. */
        const struct option_field fields[] = {
                {data + AT_OPTIONS, size - AT_OPTIONS},
                {data + AT_FILE, overload & OVERLOAD_FILE ? DHCP_FILE_SIZE : 0},
                {data + AT_SNAME, overload & OVERLOAD_SNAME ? DHCP_SNAME_SIZE : 0},
        };
        size_t offset = 0;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                if (!measure_field(&fields[i], p->slots))
                        return DHCP_REFUSED_OPTIONS;
        for (size_t code = 0; code < N_ELEMENTS(p->slots); code++) {
                p->slots[code].offset = (uint16_t)offset;
                offset += p->slots[code].size;
                p->slots[code].size = 0;
        }
        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                copy_field(&fields[i], p);
        return 0;
}

/* Fixed fields may fill their field without a NUL on the wire; here the last byte then gives way to one. */
static void
copy_text(char *dst, size_t dst_size, const uint8_t *src)
{
        memcpy(dst, src, dst_size - 1);
        dst[dst_size - 1] = '\0';
}

static void
parse_header(const uint8_t *data, struct dhcp_header *h)
{
        h->op = data[AT_OP];
        h->hops = data[AT_HOPS];
        h->xid = get_be32(data + AT_XID);
        h->secs = get_be16(data + AT_SECS);
        h->flags = get_be16(data + AT_FLAGS);
        h->ciaddr = get_be32(data + AT_CIADDR);
        h->yiaddr = get_be32(data + AT_YIADDR);
        h->siaddr = get_be32(data + AT_SIADDR);
        h->giaddr = get_be32(data + AT_GIADDR);
        memcpy(h->mac.b, data + AT_CHADDR, sizeof(h->mac.b));
}

int
dhcp_parse(const uint8_t *data, size_t size, struct dhcp_packet *ret)
{
        const struct option_field options = {data + AT_OPTIONS, size < AT_OPTIONS ? 0 : size - AT_OPTIONS};
        int overload, why;

        if (size < AT_OPTIONS)
                return DHCP_REFUSED_SHORT;
        if (size > DHCP_MAX_SIZE)
                return DHCP_REFUSED_LONG;
        if (data[AT_HTYPE] != HTYPE_ETHERNET || data[AT_HLEN] != HLEN_ETHERNET ||
            (data[AT_OP] != DHCP_BOOTREQUEST && data[AT_OP] != DHCP_BOOTREPLY))
                return DHCP_REFUSED_HEADER;
        if (get_be32(data + AT_COOKIE) != COOKIE)
                return DHCP_REFUSED_COOKIE;
        memset(ret->slots, 0, sizeof(ret->slots));
        memset(&ret->h, 0, sizeof(ret->h));
        parse_header(data, &ret->h);
        if (mac_zero(&ret->h.mac) || ret->h.mac.b[0] & 1)
                return DHCP_REFUSED_MAC;
        overload = overload_of(&options);
        if (overload < 0)
                return DHCP_REFUSED_OPTIONS;
        why = parse_options(data, size, overload, ret);
        if (why != 0)
                return why;
        if (!(overload & OVERLOAD_FILE))
                copy_text(ret->h.file, sizeof(ret->h.file), data + AT_FILE);
        if (!(overload & OVERLOAD_SNAME))
                copy_text(ret->h.sname, sizeof(ret->h.sname), data + AT_SNAME);
        if (!dhcp_option_u8(ret, DHCP_OPT_TYPE, &ret->type) || ret->type < DHCP_DISCOVER || ret->type > DHCP_INFORM)
                return DHCP_REFUSED_TYPE;
        return 0;
}

const uint8_t *
dhcp_option(const struct dhcp_packet *p, uint8_t code, size_t *ret_size)
{
        const struct dhcp_slot *s = &p->slots[code];

        if (!s->present)
                return NULL;
        *ret_size = s->size;
        return p->data + s->offset;
}

/* The option if it has exactly @size bytes. */
static const uint8_t *
option_of_size(const struct dhcp_packet *p, uint8_t code, size_t size)
{
        size_t have;
        const uint8_t *data = dhcp_option(p, code, &have);

        return data && have == size ? data : NULL;
}

bool
dhcp_option_u8(const struct dhcp_packet *p, uint8_t code, uint8_t *ret)
{
        const uint8_t *data = option_of_size(p, code, 1);

        if (!data)
                return false;
        *ret = data[0];
        return true;
}

bool
dhcp_option_u16(const struct dhcp_packet *p, uint8_t code, uint16_t *ret)
{
        const uint8_t *data = option_of_size(p, code, 2);

        if (!data)
                return false;
        *ret = get_be16(data);
        return true;
}

bool
dhcp_option_u32(const struct dhcp_packet *p, uint8_t code, uint32_t *ret)
{
        const uint8_t *data = option_of_size(p, code, 4);

        if (!data)
                return false;
        *ret = get_be32(data);
        return true;
}

bool
dhcp_option_first_ip4(const struct dhcp_packet *p, uint8_t code, uint32_t *ret)
{
        size_t size;
        const uint8_t *data = dhcp_option(p, code, &size);

        if (!data || size < 4)
                return false;
        *ret = get_be32(data);
        return true;
}

bool
dhcp_option_text(const struct dhcp_packet *p, uint8_t code, char *buf, size_t size)
{
        size_t have, n = 0;
        const uint8_t *data = dhcp_option(p, code, &have);

        if (!data)
                return false;
        for (; n < have && n < size - 1 && data[n] != '\0'; n++)
                buf[n] = data[n] >= 0x20 && data[n] < 0x7f ? (char)data[n] : '?';
        buf[n] = '\0';
        return true;
}

const uint8_t *
dhcp_suboption(const uint8_t *data, size_t size, uint8_t code, size_t *ret_size)
{
        const struct option_field f = {data, size};
        const uint8_t *found;
        size_t pos = 0, found_size;
        uint8_t c;
        bool bad;

        while (option_next(&f, &pos, &c, &found, &found_size, &bad))
                if (c == code) {
                        *ret_size = found_size;
                        return found;
                }
        return NULL;
}

bool
dhcp_option_begins(const struct dhcp_packet *p, uint8_t code, const char *prefix)
{
        size_t size;
        const uint8_t *data = dhcp_option(p, code, &size);

        return data && size >= strlen(prefix) && memcmp(data, prefix, strlen(prefix)) == 0;
}

void
dhcp_build_start(struct dhcp_builder *b, const struct dhcp_header *h, uint8_t type, size_t max_size)
{
        if (max_size < SAFE_PAYLOAD)
                max_size = SAFE_PAYLOAD;
        memset(b, 0, sizeof(*b));
        b->limit = max_size < sizeof(b->data) ? max_size : sizeof(b->data);
        b->data[AT_OP] = h->op;
        b->data[AT_HTYPE] = HTYPE_ETHERNET;
        b->data[AT_HLEN] = HLEN_ETHERNET;
        b->data[AT_HOPS] = h->hops;
        put_be32(b->data + AT_XID, h->xid);
        put_be16(b->data + AT_SECS, h->secs);
        put_be16(b->data + AT_FLAGS, h->flags);
        put_be32(b->data + AT_CIADDR, h->ciaddr);
        put_be32(b->data + AT_YIADDR, h->yiaddr);
        put_be32(b->data + AT_SIADDR, h->siaddr);
        put_be32(b->data + AT_GIADDR, h->giaddr);
        memcpy(b->data + AT_CHADDR, h->mac.b, sizeof(h->mac.b));
        memcpy(b->data + AT_SNAME, h->sname, strnlen(h->sname, DHCP_SNAME_SIZE - 1));
        memcpy(b->data + AT_FILE, h->file, strnlen(h->file, DHCP_FILE_SIZE - 1));
        put_be32(b->data + AT_COOKIE, COOKIE);
        b->size = AT_OPTIONS;
        dhcp_build_u8(b, DHCP_OPT_TYPE, type);
}

void
dhcp_build_option(struct dhcp_builder *b, uint8_t code, const void *data, size_t size)
{
        const uint8_t *from = data;

        do {
                size_t part = size > 255 ? 255 : size;

                if (b->size + 2 + part + 1 > b->limit) { /* one byte for the end */
                        b->overflow = true;
                        return;
                }
                b->data[b->size++] = code;
                b->data[b->size++] = (uint8_t)part;
                if (part > 0)
                        memcpy(b->data + b->size, from, part);
                b->size += part;
                from += part;
                size -= part;
        } while (size > 0);
}

void
dhcp_build_u8(struct dhcp_builder *b, uint8_t code, uint8_t value)
{
        dhcp_build_option(b, code, &value, 1);
}

void
dhcp_build_u16(struct dhcp_builder *b, uint8_t code, uint16_t value)
{
        uint8_t buf[2];

        put_be16(buf, value);
        dhcp_build_option(b, code, buf, sizeof(buf));
}

void
dhcp_build_u32(struct dhcp_builder *b, uint8_t code, uint32_t value)
{
        uint8_t buf[4];

        put_be32(buf, value);
        dhcp_build_option(b, code, buf, sizeof(buf));
}

void
dhcp_build_text(struct dhcp_builder *b, uint8_t code, const char *text)
{
        dhcp_build_option(b, code, text, strlen(text));
}

size_t
dhcp_build_finish(struct dhcp_builder *b)
{
        if (b->overflow)
                return 0;
        b->data[b->size++] = DHCP_OPT_END;
        if (b->size < DHCP_MIN_REPLY_SIZE)
                b->size = DHCP_MIN_REPLY_SIZE; /* the rest is zero: pad options */
        return b->size;
}

void
dhcp_reply_destination(const struct dhcp_header *request, uint8_t reply_type, uint32_t *ret_address, uint16_t *ret_port)
{
        *ret_port = DHCP_CLIENT_PORT;
        *ret_address = 0xffffffffu;
        if (request->giaddr != 0) {
                *ret_address = request->giaddr;
                *ret_port = DHCP_SERVER_PORT;
        } else if (request->ciaddr != 0 && reply_type != DHCP_NAK) {
                *ret_address = request->ciaddr;
        }
}
