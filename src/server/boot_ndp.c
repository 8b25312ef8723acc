/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends a loader's wait for an IPv6 router that is not there. iPXE - inside of many network cards, and of QEMU's - has its
 * address from DHCP and yet asks for a router for 16 s before it fetches anything. A host that just got its boot file named is
 * told that there is none: an advertisement without router, prefix or flags changes nothing for whoever else would read it, and
 * goes to that host alone. Everybody else is left to the LAN's own routers.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "proto/ndp.h"
#include "server/boot.h"

#define EXPECT_SLOTS                                                                                                           \
        4096            /* direct-mapped by the MAC: hosts that start in the same minute and collide wait as they did before */
#define EXPECT_MS 60000 /* from the ACK; a host's own system asks later and is not answered */
#define BATCH 32        /* solicitations a wake-up */

struct expected {
        struct mac mac;
        int64_t until_ms;
};

struct boot_ndp {
        struct boot *boot;
        uv_poll_t poll;
        int fd;
        bool complained;
        struct expected expected[EXPECT_SLOTS];
};

static struct expected *
slot_of(struct boot_ndp *n, const struct mac *mac)
{
        return &n->expected[mac_hash(mac) % EXPECT_SLOTS];
}

void
boot_ndp_expect(struct boot_ndp *n, const struct mac *mac, int64_t now_ms)
{
        if (n)
                *slot_of(n, mac) = (struct expected){.mac = *mac, .until_ms = now_ms + EXPECT_MS};
}

static bool
expected(struct boot_ndp *n, const struct mac *mac, int64_t now_ms)
{
        const struct expected *e = slot_of(n, mac);

        return mac_eq(&e->mac, mac) && now_ms < e->until_ms;
}

static void
answer(struct boot_ndp *n, const struct sockaddr_in6 *to, const struct mac *mac)
{
        uint8_t advert[NDP_EMPTY_ADVERT_SIZE];
        char text[MAC_TEXT_SIZE];

        ndp_empty_advert(advert);
        if (sendto(n->fd, advert, sizeof(advert), MSG_DONTWAIT, (const struct sockaddr *)to, sizeof(*to)) >= 0) {
                log_debug("ndp: told mac=%s that there is no router", mac_text(mac, text));
        } else if (!n->complained) {
                n->complained = true;
                log_notice("ndp: router solicitations cannot be answered, iPXE waits 16 s for them error=\"%s\"",
                           strerror(errno));
        }
}

/* One packet; false when there is no further one. */
static bool
receive(struct boot_ndp *n)
{
        uint8_t data[DHCP_MAX_SIZE];
        struct sockaddr_in6 from;
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec v = {.iov_base = data, .iov_len = sizeof(data)};
        struct msghdr m = {.msg_name = &from,
                           .msg_namelen = sizeof(from),
                           .msg_iov = &v,
                           .msg_iovlen = 1,
                           .msg_control = control.space,
                           .msg_controllen = sizeof(control.space)};
        ssize_t size = recvmsg(n->fd, &m, MSG_DONTWAIT);
        const struct cmsghdr *c = size > 0 ? CMSG_FIRSTHDR(&m) : NULL;
        struct mac mac;
        int hops = 0;

        if (size <= 0)
                return false;
        if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
                memcpy(&hops, CMSG_DATA(c), sizeof(hops));
        if (hops == NDP_HOP_LIMIT && IN6_IS_ADDR_LINKLOCAL(&from.sin6_addr) && ndp_parse_solicit(data, (size_t)size, &mac) &&
            expected(n, &mac, clock_mono_ms(&n->boot->ctx->clock)))
                answer(n, &from, &mac);
        return true;
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
        (void)events;
        for (int i = 0; status == 0 && i < BATCH && receive(poll->data); i++)
                ;
}

int
boot_ndp_start(struct boot *b, int fd, struct error *err)
{
        struct boot_ndp *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return error_errno_set(err, ENOMEM, "ndp");
        n->boot = b;
        n->fd = fd;
        b->ndp = n;
        r = uv_poll_init(b->ctx->loop, &n->poll, fd);
        if (r < 0)
                return error_errno_set(err, -r, "ndp socket");
        n->poll.data = n;
        return uv_poll_start(&n->poll, UV_READABLE, on_readable);
}
