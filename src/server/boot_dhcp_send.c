/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of DHCP answers: grouping, segmentation offload, the source address. Knows no DHCP but its port numbers and that
 * zeros behind an answer are pad options. Runs in dompoold's `boot` role.
 */
#include "server/boot_dhcp_send.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/udp.h"
#include "proto/dhcp.h"

/* Answers that leave as one packet: `first` and what hangs on it. */
struct group {
        unsigned first, n;
        size_t size; /* of the longest */
};

static bool
may_join(const struct boot_dhcp_sender *s, const struct boot_dhcp_answer *a)
{
        return !s->no_gso && a->port == DHCP_SERVER_PORT && a->size <= BOOT_DHCP_PADDED_MAX;
}

/* Sorts the answers into groups: order[] has their numbers, those of a group beside each other. */
static unsigned
make_groups(const struct boot_dhcp_sender *s, const struct boot_dhcp_answer *answers, unsigned n,
            struct group groups[BOOT_DHCP_BATCH], unsigned order[BOOT_DHCP_BATCH])
{
        unsigned n_groups = 0, n_order = 0;
        uint64_t done = 0; /* a bit an answer */

        for (unsigned i = 0; i < n; i++) {
                struct group *g = &groups[n_groups];

                if (done & 1ull << i)
                        continue;
                *g = (struct group){.first = n_order, .n = 1, .size = answers[i].size};
                order[n_order++] = i;
                n_groups++;
                for (unsigned k = i + 1; k < n && may_join(s, &answers[i]); k++) {
                        const struct boot_dhcp_answer *a = &answers[k];

                        if (done & 1ull << k || a->to != answers[i].to || !may_join(s, a))
                                continue;
                        done |= 1ull << k;
                        order[n_order++] = k;
                        g->n++;
                        g->size = a->size > g->size ? a->size : g->size;
                }
        }
        return n_groups;
}

static size_t
add_control(void *space, size_t at, int level, int type, const void *value, size_t size)
{
        struct cmsghdr *c = (struct cmsghdr *)(void *)((char *)space + at);

        c->cmsg_level = level;
        c->cmsg_type = type;
        c->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(c), value, size);
        return at + CMSG_SPACE(size);
}

/* Message @at of the sender: a group, in answers that are of one size then. */
static void
make_message(struct boot_dhcp_sender *s, unsigned at, uint32_t from, struct boot_dhcp_answer *answers, const struct group *g,
             const unsigned *order)
{
        const struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(from)};
        const struct boot_dhcp_answer *first = &answers[order[g->first]];
        const uint16_t segment = (uint16_t)g->size;
        void *control = s->control[at].space;
        size_t size = add_control(control, 0, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));

        if (g->n > 1)
                size = add_control(control, size, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
        s->to[at] = (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons(first->port), .sin_addr.s_addr = htonl(first->to)};
        for (unsigned i = g->first; i < g->first + g->n; i++) {
                struct boot_dhcp_answer *a = &answers[order[i]];

                memset(a->data + a->size, 0, g->size - a->size);
                s->iov[i] = (struct iovec){.iov_base = a->data, .iov_len = g->size};
        }
        s->messages[at].msg_hdr = (struct msghdr){.msg_name = &s->to[at],
                                                  .msg_namelen = sizeof(s->to[at]),
                                                  .msg_iov = &s->iov[g->first],
                                                  .msg_iovlen = g->n,
                                                  .msg_control = control,
                                                  .msg_controllen = size};
}

static void
hold(struct boot_dhcp_sender *s, const struct boot_dhcp_answer *a, int64_t now_ms)
{
        struct boot_dhcp_held *h;

        if (!s->held)
                s->held = calloc(BOOT_DHCP_HELD, sizeof(*s->held));
        if (!s->held || s->n_held == BOOT_DHCP_HELD || a->size > sizeof(h->data))
                return; /* as if lost on the wire */
        h = &s->held[(s->held_first + s->n_held++) % BOOT_DHCP_HELD];
        *h = (struct boot_dhcp_held){
                .to = a->to, .port = a->port, .size = (uint16_t)a->size, .until_ms = now_ms + BOOT_DHCP_HELD_MS};
        memcpy(h->data, a->data, a->size);
}

/* One message without offload. An ICMP error that came for an earlier one is told in its place, once. 0 or negative errno. */
static int
send_message(int fd, const struct msghdr *m)
{
        ssize_t n = sendmsg(fd, m, MSG_DONTWAIT);

        if (n < 0 && (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH))
                n = sendmsg(fd, m, MSG_DONTWAIT);
        return n < 0 ? udp_send_error(errno) : 0;
}

/* The answers of group @g, one by one; @m is its message. */
static int
send_singly(struct boot_dhcp_sender *s, int fd, const struct group *g, const struct msghdr *m,
            const struct boot_dhcp_answer *answers, const unsigned *order, int64_t now_ms)
{
        int r = 0;

        for (unsigned i = 0; i < g->n; i++) {
                struct msghdr one = *m;
                int e;

                one.msg_iov += i;
                one.msg_iovlen = 1;
                one.msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
                e = send_message(fd, &one);
                if (e == -ENOBUFS)
                        hold(s, &answers[order[g->first + i]], now_ms);
                else if (e < 0)
                        r = e;
        }
        return r;
}

int
boot_dhcp_send(struct boot_dhcp_sender *s, int fd, uint32_t from, struct boot_dhcp_answer *answers, unsigned n, int64_t now_ms)
{
        struct group groups[BOOT_DHCP_BATCH];
        unsigned order[BOOT_DHCP_BATCH], n_groups, sent = 0;
        int r = 0;

        n_groups = make_groups(s, answers, n, groups, order);
        for (unsigned i = 0; i < n_groups; i++)
                make_message(s, i, from, answers, &groups[i], order);
        while (sent < n_groups) {
                int done = sendmmsg(fd, s->messages + sent, n_groups - sent, MSG_DONTWAIT), e;

                if (done > 0) {
                        sent += (unsigned)done;
                        continue;
                }
                if (groups[sent].n > 1 && udp_lacks_segmentation(errno))
                        s->no_gso = true;
                /* What is left of it is small, and finds room sooner than all at once. */
                e = send_singly(s, fd, &groups[sent], &s->messages[sent].msg_hdr, answers, order, now_ms);
                r = e < 0 ? e : r;
                sent++;
        }
        return r;
}

void
boot_dhcp_send_held(struct boot_dhcp_sender *s, int fd, uint32_t from, int64_t now_ms)
{
        while (s->n_held > 0) {
                struct boot_dhcp_held *h = &s->held[s->held_first];
                struct boot_dhcp_answer a = {.data = h->data, .size = h->size, .to = h->to, .port = h->port};
                const struct group g = {.first = 0, .n = 1, .size = h->size};
                const unsigned order = 0;

                make_message(s, 0, from, &a, &g, &order);
                if (now_ms < h->until_ms && send_message(fd, &s->messages[0].msg_hdr) == -ENOBUFS)
                        return;
                s->held_first = (s->held_first + 1) % BOOT_DHCP_HELD;
                s->n_held--;
        }
}
