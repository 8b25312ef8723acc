/* SPDX-License-Identifier: Apache-2.0 */
/* Socket options of UDP. Runs in boot. */
#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define DROPS_AT_ONCE 64

bool
udp_lacks_segmentation(int e)
{
        return e == EINVAL || e == EIO || e == ENOPROTOOPT || e == EMSGSIZE || e == EOPNOTSUPP;
}

int
udp_send_error(int e)
{
        return e == EAGAIN ? -ENOBUFS : -e;
}

int
udp_report_drops(int fd)
{
        const int on = 1;

        return setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) < 0 ? -errno : 0;
}

void
udp_drop_errors(int fd)
{
        char nothing[1];

        for (unsigned i = 0; i < DROPS_AT_ONCE && recv(fd, nothing, sizeof(nothing), MSG_ERRQUEUE | MSG_DONTWAIT) >= 0; i++)
                ;
}
