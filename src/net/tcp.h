/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_TCP_H
#define DOMPOOL_NET_TCP_H
/* What Linux knows of a TCP connection and libc's headers do not tell. */
#include <stdint.h>

struct tcp_progress {
        uint64_t acked_bytes;   /* that the other side has acknowledged */
        uint64_t held_up_us;    /* time in which there was something to send and its receive window did not let us */
        uint64_t waiting_bytes; /* that were written and that it has not acknowledged; rounded up to whole segments */
        uint32_t repeated;      /* segments that were sent again */
};
/* 0 or negative errno. */
int tcp_progress_get(int fd, struct tcp_progress *ret);

/* @name is one of net.ipv4.tcp_allowed_congestion_control; "reno" is always. On a listener it counts for what it accepts. 0 or
 * negative errno. */
int tcp_set_congestion(int fd, const char *name);

/* How much may wait in the kernel that has not been sent even once (tcp(7) TCP_NOTSENT_LOWAT). Without it a slow connection
 * takes megabytes at once, and nobody hears of it again until a third of them is gone. 0 or negative errno. */
int tcp_set_unsent_limit(int fd, unsigned bytes);

#endif
