/* SPDX-License-Identifier: Apache-2.0 */
/* Socket options of TCP. A file of its own because <linux/tcp.h>, which has all of struct tcp_info, and <netinet/tcp.h>, which
 * libuv's header takes in, exclude one another. Runs in files. */
#include "net/tcp.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int
tcp_progress_get(int fd, struct tcp_progress *ret)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof(info);

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return -errno;
        *ret = (struct tcp_progress){.acked_bytes = info.tcpi_bytes_acked,
                                     .held_up_us = info.tcpi_rwnd_limited,
                                     .waiting_bytes = info.tcpi_notsent_bytes + (uint64_t)info.tcpi_unacked * info.tcpi_snd_mss,
                                     .repeated = info.tcpi_total_retrans};
        return 0;
}

int
tcp_set_congestion(int fd, const char *name)
{
        return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) < 0 ? -errno : 0;
}

int
tcp_set_unsent_limit(int fd, unsigned bytes)
{
        return setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes)) < 0 ? -errno : 0;
}
