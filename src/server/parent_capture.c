/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of a packet capture, which only root can open: on core's word for one machine's frames (net/capture_filter.h), the
 * filter set and locked before a packet can arrive, then handed to the capture role and closed here. Runs in the parent, which
 * reads nothing from it.
 *
 * The socket is bound to no interface, so that nothing can be sent on it without an address, and the capture role has no system
 * call that takes one: see docs/decisions/0014-captures.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "net/capture_filter.h"
#include "server/parent.h"

#define BUFFER_SIZE (8 << 20) /* of the kernel, until capture reads on */

_Static_assert(CONFIG_MAX_NETWORKS <= CAPTURE_MAX_INTERFACES, "an interface a network");

/* The interfaces that we serve, by their indices now. */
static size_t
find_interfaces(const struct parent *p, uint32_t ret[CONFIG_MAX_NETWORKS])
{
        const struct config_network *n;
        size_t found = 0;

        for (uint32_t i = 0; (n = config_network_at(p->config, i)); i++)
                if (*n->interface && (ret[found] = if_nametoindex(n->interface)) > 0)
                        found++;
        return found;
}

/* As tcpdump does: frames between the machine and another server that pass by here are seen, too. */
static int
set_promiscuous(int fd, const uint32_t *interfaces, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct packet_mreq m = {.mr_ifindex = (int)interfaces[i], .mr_type = PACKET_MR_PROMISC};

                if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) < 0)
                        return -errno;
        }
        return 0;
}

static int
set_filter(int fd, const struct msg_capture_socket *m, const uint32_t *interfaces, size_t n)
{
        const struct capture_wish wish = {
                .interfaces = interfaces, .n_interfaces = n, .mac = m->mac, .address = m->address, .snap = m->snap};
        struct sock_filter prog[CAPTURE_FILTER_MAX];
        const struct sock_fprog filter = {.len = (unsigned short)capture_filter_make(&wish, prog), .filter = prog};
        const int on = 1;

        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0)
                return -errno;
        return 0;
}

/* The descriptor, or a negative errno. */
static int
open_capture(const struct parent *p, const struct msg_capture_socket *m)
{
        const struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
        uint32_t interfaces[CONFIG_MAX_NETWORKS];
        const size_t n = find_interfaces(p, interfaces);
        const int on = 1, buffer = BUFFER_SIZE;
        _cleanup_close_ int fd = -1;
        int r;

        if (n == 0)
                return -ENODEV;
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* protocol 0: nothing arrives yet */
        if (fd < 0)
                return -errno;
        r = set_filter(fd, m, interfaces, n);
        if (r == 0)
                r = set_promiscuous(fd, interfaces, n);
        if (r < 0)
                return r;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
            bind(fd, (const struct sockaddr *)&all, sizeof(all)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static void
refuse(struct parent *p, uint64_t session, enum error_code code, const char *text)
{
        struct msg_capture_close m = {.session = session};

        str_copy(m.code, sizeof(m.code), error_text(code));
        str_copy(m.text, sizeof(m.text), text);
        if (p->children[ROLE_CORE].channel)
                channel_send(p->children[ROLE_CORE].channel, MSG_CAPTURE_CLOSE, &m, -1);
}

void
parent_capture(struct parent *p, const struct msg_capture_socket *m)
{
        const struct child *capture = &p->children[ROLE_CAPTURE];
        char mac[MAC_TEXT_SIZE], text[200];
        _cleanup_close_ int fd = -1;

        if (capture->state != CHILD_READY || !capture->channel) {
                refuse(p, m->session, ERR_UNREACHABLE, "the process that captures is being started again");
                return;
        }
        fd = open_capture(p, m);
        if (fd < 0 || channel_send(capture->channel, MSG_CAPTURE_SOCKET, m, fd) < 0) {
                snprintf(text, sizeof(text), "cannot open a packet socket: %s", strerror(fd < 0 ? -fd : EPIPE));
                log_error("no capture mac=%s error=\"%s\"", mac_text(&m->mac, mac), text);
                refuse(p, m->session, ERR_INTERNAL, text);
                return;
        }
        log_notice("capture begins mac=%s session=%llu", mac_text(&m->mac, mac), (unsigned long long)m->session);
}
