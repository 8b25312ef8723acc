/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_NBD_NETLINK_H
#define DOMPOOL_NET_NBD_NETLINK_H
/*
 * The kernel's NBD devices by generic netlink (linux/nbd-netlink.h): unlike the old ioctls it waits for a lost server and takes
 * a new connection. Root only; all functions: 0 or negative errno.
 */
#include <stdint.h>

struct nbd_device {
        uint32_t index;       /* /dev/nbdN */
        uint64_t size;        /* bytes, in blocks of 4096 */
        uint16_t flags;       /* the server's transmission flags */
        uint64_t timeout_s;   /* a request without an answer for so long: the connection counts as dead */
        uint64_t dead_conn_s; /* what is asked waits so long for a new connection, then fails */
};

/* @socket is past the handshake; the kernel takes a reference. */
int nbd_netlink_connect(const struct nbd_device *d, int socket);

/* A new connection for the dead one. -ENOSPC: none is dead. */
int nbd_netlink_reconfigure(const struct nbd_device *d, int socket);

int nbd_netlink_disconnect(uint32_t index);

/* A socket that becomes readable when a connection of any device dies. */
int nbd_netlink_watch(void);

/* Takes what is there. 1: the connection of device @index may have died; 0: no. */
int nbd_netlink_watch_read(int fd, uint32_t index);

#endif
