/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_TCP_H
#define DOMPOOL_NET_TCP_H
/* What Linux knows of a TCP connection and libc's headers do not tell. */
#include <stdint.h>

struct tcp_progress {
        uint64_t acked_bytes; /* that the other side has acknowledged */
        uint64_t held_up_us;  /* time in which there was something to send and its receive window did not let us */
};
/* 0 or negative errno. */
int
tcp_progress_get(int fd, struct tcp_progress *ret);

/* @name is one of net.ipv4.tcp_allowed_congestion_control; "reno" is always. On a listener it counts for what it accepts. 0 or
 * negative errno. */
int
tcp_set_congestion(int fd, const char *name);

#endif
