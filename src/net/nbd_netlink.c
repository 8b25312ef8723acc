/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generic netlink messages of the nbd family, built in a buffer on the stack as netlink.c does for rtnetlink. Runs in the
 * children of dompool-init that have a root on NBD.
 */
#include "net/nbd_netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MESSAGE_SIZE 1024
#define ANSWER_SIZE 8192

struct message {
        union {
                struct nlmsghdr header;
                uint8_t bytes[MESSAGE_SIZE];
        } u;
};

/* The kernel's, of fixed sizes: they fit. */
static struct nlattr *
message_put(struct message *m, uint16_t type, const void *data, size_t size)
{
        size_t at = NLMSG_ALIGN(m->u.header.nlmsg_len);
        struct nlattr *a = (struct nlattr *)(m->u.bytes + at);

        if (at + NLA_HDRLEN + NLA_ALIGN(size) > sizeof(m->u.bytes))
                __builtin_trap();
        a->nla_type = type;
        a->nla_len = (uint16_t)(NLA_HDRLEN + size);
        if (size > 0)
                memcpy((uint8_t *)a + NLA_HDRLEN, data, size);
        m->u.header.nlmsg_len = (uint32_t)(at + NLA_HDRLEN + NLA_ALIGN(size));
        return a;
}

static void
message_end(struct message *m, struct nlattr *nest)
{
        nest->nla_len = (uint16_t)(m->u.bytes + m->u.header.nlmsg_len - (uint8_t *)nest);
}

static void
message_put_u64(struct message *m, uint16_t type, uint64_t value)
{
        message_put(m, type, &value, sizeof(value));
}

static void
message_init(struct message *m, uint16_t family, uint8_t command)
{
        struct genlmsghdr *g;

        memset(m, 0, sizeof(*m));
        m->u.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
        m->u.header.nlmsg_type = family;
        m->u.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        g = NLMSG_DATA(&m->u.header);
        g->cmd = command;
        g->version = 1;
}

/* Sends and waits for the acknowledgement; an answer before it goes to @answer. */
static int
message_send(int fd, const struct message *m, uint8_t answer[ANSWER_SIZE], ssize_t *ret_size)
{
        uint8_t own[ANSWER_SIZE];
        bool acknowledged = false;
        int r = 0;

        if (send(fd, m->u.bytes, m->u.header.nlmsg_len, 0) < 0)
                return -errno;
        while (!acknowledged) {
                ssize_t n = recv(fd, own, sizeof(own), 0);
                uint32_t left;

                if (n < 0)
                        return -errno;
                left = (uint32_t)n;
                for (const struct nlmsghdr *h = (const void *)own; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
                        if (h->nlmsg_type == NLMSG_ERROR) {
                                acknowledged = true;
                                r = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
                        } else if (answer) {
                                memcpy(answer, h, h->nlmsg_len);
                                *ret_size = (ssize_t)h->nlmsg_len;
                        }
                }
        }
        return r;
}

static const struct nlattr *
attribute_find(const void *data, size_t size, uint16_t type)
{
        for (const uint8_t *p = data; size >= NLA_HDRLEN;) {
                const struct nlattr *a = (const struct nlattr *)p;
                size_t step = NLA_ALIGN(a->nla_len);

                if (a->nla_len < NLA_HDRLEN || a->nla_len > size)
                        return NULL;
                if ((a->nla_type & NLA_TYPE_MASK) == type)
                        return a;
                if (step >= size)
                        return NULL;
                p += step;
                size -= step;
        }
        return NULL;
}

static const void *
attribute_data(const struct nlattr *a, size_t *ret_size)
{
        *ret_size = a->nla_len - NLA_HDRLEN;
        return (const uint8_t *)a + NLA_HDRLEN;
}

static uint32_t
attribute_u32(const struct nlattr *a)
{
        uint32_t v = 0;

        if (a && a->nla_len >= NLA_HDRLEN + sizeof(v))
                memcpy(&v, (const uint8_t *)a + NLA_HDRLEN, sizeof(v));
        return v;
}

/* The family's number, and that of its only group. */
static int
find_family(int fd, uint16_t *ret_family, uint32_t *ret_group)
{
        uint8_t answer[ANSWER_SIZE];
        const struct nlattr *a, *groups;
        struct message m;
        ssize_t size = 0;
        size_t n;
        int r;

        message_init(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
        message_put(&m, CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME, sizeof(NBD_GENL_FAMILY_NAME));
        r = message_send(fd, &m, answer, &size);
        if (r < 0)
                return r;
        if ((size_t)size < NLMSG_LENGTH(GENL_HDRLEN))
                return -EPROTO;
        n = (size_t)size - NLMSG_LENGTH(GENL_HDRLEN);
        a = attribute_find(answer + NLMSG_LENGTH(GENL_HDRLEN), n, CTRL_ATTR_FAMILY_ID);
        if (!a)
                return -ENOENT;
        memcpy(ret_family, attribute_data(a, &n), sizeof(*ret_family));
        n = (size_t)size - NLMSG_LENGTH(GENL_HDRLEN);
        groups = attribute_find(answer + NLMSG_LENGTH(GENL_HDRLEN), n, CTRL_ATTR_MCAST_GROUPS);
        if (!groups || !ret_group)
                return ret_group ? -ENOENT : 0;
        /* A list of one, each of id and name */
        groups = attribute_data(groups, &n);
        groups = attribute_data(groups, &n);
        *ret_group = attribute_u32(attribute_find(groups, n, CTRL_ATTR_MCAST_GRP_ID));
        return *ret_group ? 0 : -ENOENT;
}

static int
open_family(uint16_t *ret_family, uint32_t *ret_group)
{
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
        int r;

        if (fd < 0)
                return -errno;
        r = find_family(fd, ret_family, ret_group);
        return r < 0 ? r : TAKE_FD(fd);
}

static void
put_socket(struct message *m, int socket)
{
        uint32_t number = (uint32_t)socket;
        struct nlattr *list = message_put(m, NBD_ATTR_SOCKETS | NLA_F_NESTED, NULL, 0);
        struct nlattr *item = message_put(m, NBD_SOCK_ITEM | NLA_F_NESTED, NULL, 0);

        message_put(m, NBD_SOCK_FD, &number, sizeof(number));
        message_end(m, item);
        message_end(m, list);
}

/* A command about one device, begun. The socket that it is to be sent on, or negative errno. */
static int
begin(struct message *m, uint8_t command, uint32_t index)
{
        uint16_t family;
        int fd = open_family(&family, NULL);

        if (fd < 0)
                return fd;
        message_init(m, family, command);
        message_put(m, NBD_ATTR_INDEX, &index, sizeof(index));
        return fd;
}

static int
configure(const struct nbd_device *d, uint8_t command, int socket)
{
        struct message m;
        _cleanup_close_ int fd = begin(&m, command, d->index);

        if (fd < 0)
                return fd;
        message_put_u64(&m, NBD_ATTR_SIZE_BYTES, d->size);
        message_put_u64(&m, NBD_ATTR_BLOCK_SIZE_BYTES, 4096);
        message_put_u64(&m, NBD_ATTR_TIMEOUT, d->timeout_s);
        message_put_u64(&m, NBD_ATTR_SERVER_FLAGS, d->flags);
        message_put_u64(&m, NBD_ATTR_DEAD_CONN_TIMEOUT, d->dead_conn_s);
        put_socket(&m, socket);
        return message_send(fd, &m, NULL, NULL);
}

int
nbd_netlink_connect(const struct nbd_device *d, int socket)
{
        return configure(d, NBD_CMD_CONNECT, socket);
}

int
nbd_netlink_reconfigure(const struct nbd_device *d, int socket)
{
        return configure(d, NBD_CMD_RECONFIGURE, socket);
}

int
nbd_netlink_disconnect(uint32_t index)
{
        struct message m;
        _cleanup_close_ int fd = begin(&m, NBD_CMD_DISCONNECT, index);

        return fd < 0 ? fd : message_send(fd, &m, NULL, NULL);
}

int
nbd_netlink_watch(void)
{
        _cleanup_close_ int fd = -1;
        uint16_t family;
        uint32_t group;

        fd = open_family(&family, &group);
        if (fd < 0)
                return fd;
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int
nbd_netlink_watch_read(int fd, uint32_t index)
{
        uint8_t data[ANSWER_SIZE];
        ssize_t n = recv(fd, data, sizeof(data), 0);
        uint32_t left;

        /* Overrun: what was lost may have been ours. */
        if (n < 0)
                return errno == EINTR ? 0 : 1;
        left = (uint32_t)n;
        for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
                const struct genlmsghdr *g = NLMSG_DATA(h);
                const struct nlattr *a;

                if (h->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN) || g->cmd != NBD_CMD_LINK_DEAD)
                        continue;
                a = attribute_find((const uint8_t *)g + GENL_HDRLEN, h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), NBD_ATTR_INDEX);
                if (!a || attribute_u32(a) == index)
                        return 1;
        }
        return 0;
}
