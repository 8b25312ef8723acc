/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of DHCP answers: grouping, segmentation offload, the source address. Knows no DHCP but its port numbers and that
 * zeros behind an answer are pad options. Runs in dompoold's `boot` role.
 */
#include "server/boot_dhcp_send.h"

#include <errno.h>
#include <string.h>

#include "proto/dhcp.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

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

static bool
lacks_segmentation(int e)
{
        return e == EINVAL || e == EIO || e == ENOPROTOOPT || e == EMSGSIZE || e == EOPNOTSUPP;
}

/* The messages of @s one by one without offload, from number @at to @n. */
static int
send_singly(const struct boot_dhcp_sender *s, int fd, unsigned at, unsigned n)
{
        int r = 0;

        for (; at < n; at++)
                for (size_t i = 0; i < s->messages[at].msg_hdr.msg_iovlen; i++) {
                        struct msghdr m = s->messages[at].msg_hdr;

                        m.msg_iov += i;
                        m.msg_iovlen = 1;
                        m.msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
                        if (sendmsg(fd, &m, MSG_DONTWAIT) < 0)
                                r = -errno;
                }
        return r;
}

int
boot_dhcp_send(struct boot_dhcp_sender *s, int fd, uint32_t from, struct boot_dhcp_answer *answers, unsigned n)
{
        struct group groups[BOOT_DHCP_BATCH];
        unsigned order[BOOT_DHCP_BATCH], n_groups, sent = 0;
        int r = 0;

        n_groups = make_groups(s, answers, n, groups, order);
        for (unsigned i = 0; i < n_groups; i++)
                make_message(s, i, from, answers, &groups[i], order);
        while (sent < n_groups) {
                int done = sendmmsg(fd, s->messages + sent, n_groups - sent, MSG_DONTWAIT);

                if (done > 0) {
                        sent += (unsigned)done;
                } else if (groups[sent].n > 1 && lacks_segmentation(errno)) {
                        s->no_gso = true;
                        return send_singly(s, fd, sent, n_groups);
                } else {
                        r = -errno;
                        sent++;
                }
        }
        return r;
}
