/* SPDX-License-Identifier: Apache-2.0 */
/* See iscsi_netlink.h. Runs in the child of dompool-init that keeps a root on iSCSI. */
#include "net/iscsi_netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"

#define STOP_CONN 18     /* ISCSI_UEVENT_STOP_CONN */
#define STOP_RECOVER 3   /* STOP_CONN_RECOVER */
#define ANSWER_WAIT_S 10 /* the kernel sends what was queued back to the upper layers before it answers */

/* struct iscsi_uevent with its msg_stop_conn. The kernel refuses one that is shorter than its own, and looks at no more. */
struct event {
        uint32_t type;
        uint32_t error;
        uint64_t transport;
        uint32_t session;
        uint32_t connection;
        uint64_t unused;
        uint32_t how;
        uint32_t padding;
        int32_t result;
        uint8_t room[68];
};

struct message {
        struct nlmsghdr header;
        struct event event;
};

int
iscsi_netlink_lost(uint64_t transport, uint32_t session)
{
        struct message m = {
                .header = {.nlmsg_len = sizeof(m), .nlmsg_type = STOP_CONN, .nlmsg_flags = NLM_F_REQUEST},
                .event = {.type = STOP_CONN, .transport = transport, .session = session, .how = STOP_RECOVER},
        };
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ISCSI);
        const struct timeval limit = {.tv_sec = ANSWER_WAIT_S};
        ssize_t n;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 || send(fd, &m, sizeof(m), 0) < 0)
                return -errno;
        n = recv(fd, &m, sizeof(m), 0);
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if ((size_t)n < sizeof(m.header) + offsetof(struct event, room) || m.header.nlmsg_type != STOP_CONN)
                return -EPROTO;
        return m.event.result;
}
