/* SPDX-License-Identifier: Apache-2.0 */
/* One machine's frames as a classic BPF program. Pure; the parent of dompoold runs it on sockets that it hands on. */
#include "net/capture_filter.h"

#include <assert.h>

#define WHOLE_FRAME 0x40000u /* more than any frame, segmentation offload included */

/* Offsets in an Ethernet frame; the kernel has taken a VLAN tag out. IP header's own length comes on top where X is added. */
enum {
        AT_DESTINATION = 0,
        AT_SOURCE = 6,
        AT_TYPE = 12,
        AT_IP = 14,
        AT_FRAGMENT = AT_IP + 6,
        AT_PROTOCOL = AT_IP + 9,
        AT_IP_SOURCE = AT_IP + 12,
        AT_IP_DESTINATION = AT_IP + 16,
        AT_SOURCE_PORT = AT_IP,          /* + X */
        AT_DESTINATION_PORT = AT_IP + 2, /* + X */
        AT_CHADDR = AT_IP + 8 + 28,      /* + X */
};

/* Where a jump goes, until the program is whole. */
enum { NEXT = 0, TO_DROP = 255, TO_ACCEPT = 254, TO_CUT = 253, TO_WHOLE = 252, TO_FIRST = TO_WHOLE };

struct filter {
        struct sock_filter *prog;
        size_t n;
        size_t labels[4]; /* of TO_WHOLE.. */
};

static void
emit(struct filter *f, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t k)
{
        assert(f->n < CAPTURE_FILTER_MAX);
        f->prog[f->n++] = (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = k};
}

static void
load(struct filter *f, uint16_t size, uint32_t offset)
{
        emit(f, BPF_LD | BPF_ABS | size, NEXT, NEXT, offset);
}

static void
load_behind_ip(struct filter *f, uint16_t size, uint32_t offset)
{
        emit(f, BPF_LD | BPF_IND | size, NEXT, NEXT, offset);
}

static void
jump_equal(struct filter *f, uint32_t value, uint8_t if_true, uint8_t if_false)
{
        emit(f, BPF_JMP | BPF_JEQ | BPF_K, if_true, if_false, value);
}

static void
label(struct filter *f, uint8_t name)
{
        f->labels[name - TO_FIRST] = f->n;
}

/* A jump counts from behind itself; all labels lie ahead. */
static void
resolve(struct filter *f)
{
        for (size_t i = 0; i < f->n; i++) {
                struct sock_filter *s = &f->prog[i];

                if (BPF_CLASS(s->code) != BPF_JMP)
                        continue;
                if (s->jt >= TO_FIRST)
                        s->jt = (uint8_t)(f->labels[s->jt - TO_FIRST] - i - 1);
                if (s->jf >= TO_FIRST)
                        s->jf = (uint8_t)(f->labels[s->jf - TO_FIRST] - i - 1);
        }
}

static uint32_t
bytes32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t
bytes16(const uint8_t *p)
{
        return (uint32_t)p[0] << 8 | p[1];
}

static void
only_interfaces(struct filter *f, const struct capture_wish *w)
{
        if (w->n_interfaces == 0)
                return;
        emit(f, BPF_LD | BPF_W | BPF_ABS, NEXT, NEXT, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX));
        for (size_t i = 0; i < w->n_interfaces; i++) /* over the other comparisons and the drop */
                jump_equal(f, w->interfaces[i], (uint8_t)(w->n_interfaces - i), NEXT);
        emit(f, BPF_RET | BPF_K, NEXT, NEXT, 0);
}

/* Two loads, for a MAC has six bytes; the first comparison that fails skips the second. */
static void
accept_mac(struct filter *f, const struct mac *mac)
{
        load(f, BPF_W, AT_SOURCE);
        jump_equal(f, bytes32(mac->b), NEXT, 2);
        load(f, BPF_H, AT_SOURCE + 4);
        jump_equal(f, bytes16(mac->b + 4), TO_ACCEPT, NEXT);
        load(f, BPF_W, AT_DESTINATION);
        jump_equal(f, bytes32(mac->b), NEXT, 2);
        load(f, BPF_H, AT_DESTINATION + 4);
        jump_equal(f, bytes16(mac->b + 4), TO_ACCEPT, NEXT);
}

/* Behind it X is the length of the IP header, and the frame holds the beginning of UDP; any other goes to @otherwise. */
static void
only_udp(struct filter *f, uint8_t otherwise)
{
        load(f, BPF_B, AT_PROTOCOL);
        jump_equal(f, 17, NEXT, otherwise);
        load(f, BPF_H, AT_FRAGMENT);
        emit(f, BPF_JMP | BPF_JSET | BPF_K, otherwise, NEXT, 0x1fff);
        emit(f, BPF_LDX | BPF_B | BPF_MSH, NEXT, NEXT, AT_IP);
}

static void
accept_ip(struct filter *f, const struct capture_wish *w)
{
        load(f, BPF_H, AT_TYPE);
        jump_equal(f, 0x0800, NEXT, TO_DROP);
        if (w->address) {
                load(f, BPF_W, AT_IP_SOURCE);
                jump_equal(f, w->address, TO_ACCEPT, NEXT);
                load(f, BPF_W, AT_IP_DESTINATION);
                jump_equal(f, w->address, TO_ACCEPT, NEXT);
        }
        only_udp(f, TO_DROP);
        load_behind_ip(f, BPF_H, AT_DESTINATION_PORT);
        jump_equal(f, 68, 1, NEXT);
        jump_equal(f, 67, NEXT, TO_DROP);
        load_behind_ip(f, BPF_W, AT_CHADDR);
        jump_equal(f, bytes32(w->mac.b), NEXT, TO_DROP);
        load_behind_ip(f, BPF_H, AT_CHADDR + 4);
        jump_equal(f, bytes16(w->mac.b + 4), TO_ACCEPT, TO_DROP);
}

static void
cut(struct filter *f, uint32_t snap)
{
        static const uint32_t ports[] = {67, 68, 4011};

        if (snap > 0) {
                load(f, BPF_H, AT_TYPE);
                jump_equal(f, 0x0800, NEXT, TO_CUT);
                only_udp(f, TO_CUT);
                load_behind_ip(f, BPF_H, AT_SOURCE_PORT);
                for (int i = 0; i < 3; i++)
                        jump_equal(f, ports[i], TO_WHOLE, NEXT);
                load_behind_ip(f, BPF_H, AT_DESTINATION_PORT);
                for (int i = 0; i < 3; i++)
                        jump_equal(f, ports[i], TO_WHOLE, NEXT);
                label(f, TO_CUT);
                emit(f, BPF_RET | BPF_K, NEXT, NEXT, snap);
        }
        label(f, TO_WHOLE);
        emit(f, BPF_RET | BPF_K, NEXT, NEXT, WHOLE_FRAME);
}

size_t
capture_filter_make(const struct capture_wish *w, struct sock_filter prog[CAPTURE_FILTER_MAX])
{
        struct filter f = {.prog = prog};

        assert(w->n_interfaces <= CAPTURE_MAX_INTERFACES);
        only_interfaces(&f, w);
        accept_mac(&f, &w->mac);
        accept_ip(&f, w);
        label(&f, TO_DROP);
        emit(&f, BPF_RET | BPF_K, NEXT, NEXT, 0);
        label(&f, TO_ACCEPT);
        cut(&f, w->snap);
        resolve(&f);
        return f.n;
}
