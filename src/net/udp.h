/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_UDP_H
#define DOMPOOL_NET_UDP_H
/* What Linux does with UDP beyond RFC 768, and where libc's headers are older than it. */
#include <stdbool.h>

/* Segmentation offload: a packet that the kernel cuts into datagrams of the size in this control message (udp(7)). */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Does the errno of a sendmsg with UDP_SEGMENT say that this kernel, interface or route has no such thing? */
bool udp_lacks_segmentation(int e);

/* From now on a packet that the interface's own full queue drops fails with ENOBUFS instead of counting as sent (ip(7),
 * IP_RECVERR). ICMP errors then wait in the socket, which stays readable until udp_drop_errors(). 0 or negative errno. */
int udp_report_drops(int fd);

/* The negative errno of a send; -ENOBUFS whenever there is no room now but will be in a moment: in the interface's queue, or
 * among what this socket has waiting there (EAGAIN). */
int udp_send_error(int e);

/* Forgets what ICMP errors wait there, a bounded number of them. */
void udp_drop_errors(int fd);

#endif
