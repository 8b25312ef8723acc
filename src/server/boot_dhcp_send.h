/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_BOOT_DHCP_SEND_H
#define DOMPOOL_SERVER_BOOT_DHCP_SEND_H
/*
 * How the answers to a batch of DHCP packets leave: by one system call. Those to one relay agent travel through the kernel as
 * one packet (UDP segmentation offload), filled up with pad options to one size: in a room that starts, that is most of what an
 * exchange costs. Who has no address yet and is answered by broadcast reads raw frames in front of the kernel's segmentation
 * where the link is a veth, so these answers, and those to single hosts, leave one by one. A relay agent of that kind is
 * noticed by boot_dhcp.c.
 *
 * Includes no decision; for boot_dhcp.c and its test only.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define BOOT_DHCP_BATCH 64       /* answers at a time: what UDP_SEGMENT takes */
#define BOOT_DHCP_PADDED_MAX 548 /* every client takes that much (RFC 2131, 2); longer answers are not filled up */

/* Has room for BOOT_DHCP_PADDED_MAX bytes; those behind @size may be overwritten. */
struct boot_dhcp_answer {
        uint8_t *data;
        size_t size;
        uint32_t to;
        uint16_t port;
};

/* Answers that the interface's full queue has dropped (ip(7), IP_RECVERR) and that are sent again soon: a room that starts at
 * once fills it, and firmware asks again only after four seconds, then eight. */
#define BOOT_DHCP_HELD 2048    /* more are dropped */
#define BOOT_DHCP_HELD_MS 2000 /* then it is too late for one */
struct boot_dhcp_held {
        uint32_t to;
        uint16_t port, size;
        int64_t until_ms;
        uint8_t data[BOOT_DHCP_PADDED_MAX];
};

/* One a socket; all zero at first. */
struct boot_dhcp_sender {
        bool no_gso; /* answers leave one by one: this kernel or interface has no UDP_SEGMENT, or a relay agent takes none */

        struct boot_dhcp_held *held; /* a ring of BOOT_DHCP_HELD; NULL: there was none yet */
        unsigned held_first, n_held;

        struct mmsghdr messages[BOOT_DHCP_BATCH];
        struct iovec iov[BOOT_DHCP_BATCH];
        struct sockaddr_in to[BOOT_DHCP_BATCH];
        union boot_dhcp_control {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
        } control[BOOT_DHCP_BATCH];
};

/* Sends @n answers (at most BOOT_DHCP_BATCH) from the address @from, also on an interface with several. 0, or the negative
 * errno of the last one that did not leave; it keeps none of the others. Those that found the interface's queue full are held:
 * while there are some (s->n_held), boot_dhcp_send_held() is to be called. */
int boot_dhcp_send(struct boot_dhcp_sender *s, int fd, uint32_t from, struct boot_dhcp_answer *answers, unsigned n,
                   int64_t now_ms);

/* Tries those that are held once more, in their order, until the queue is full again. */
void boot_dhcp_send_held(struct boot_dhcp_sender *s, int fd, uint32_t from, int64_t now_ms);

#endif
