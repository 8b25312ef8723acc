/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP client of a diskless dom0: a child of dompool-init that got a bound UDP socket and a pipe, gave up everything else,
 * and then reads the network's answers (src/proto/dhcp_client.h decides). It cannot set an address: init does, after checking.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "init/init_net.h"
#include "init/init_system.h"
#include "proto/dhcp_client.h"
#include "sandbox/sandbox.h"

struct dhcp_child {
        struct dhcp_client client;
        struct clock clock;
        int socket, pipe;
        uint32_t sent_address; /* what init knows */
};

/* Broadcasts arrive before the bridge has an address, and unicasts after: a UDP socket bound to the device is enough. */
static int
open_socket(const char *device)
{
        const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0 ||
            bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static uint32_t
random_number(void)
{
        uint32_t n = 0;

        /* Early in a boot the pool may be empty; then the kernel gives what it has, which is enough for jitter and xid. */
        if (getrandom(&n, sizeof(n), GRND_INSECURE) != sizeof(n))
                n = (uint32_t)getpid();
        return n;
}

static void
send_out(struct dhcp_child *c, const struct dhcp_client_out *out)
{
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT), .sin_addr.s_addr = htonl(out->destination)};
        struct iovec v = {.iov_base = (void *)out->data, .iov_len = out->size};
        struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &v, .msg_iovlen = 1};

        /* A packet that is not sent is a packet that is lost: the client sends it again when it is time. */
        if (out->size > 0 && sendmsg(c->socket, &m, MSG_DONTWAIT) < 0)
                log_debug("dhcp: sending failed errno=%d", errno);
}

static unsigned
prefix_of(uint32_t netmask)
{
        return netmask ? (unsigned)__builtin_popcount(netmask) : 24;
}

/* One write of less than PIPE_BUF is whole or not at all. */
static void
tell_init(struct dhcp_child *c, bool bound)
{
        const struct dhcp_client_lease *l = &c->client.lease;
        uint8_t wire[INIT_LEASE_WIRE_SIZE];
        struct init_lease lease = {0};

        if (bound)
                lease = (struct init_lease){.address = l->address,
                                            .prefix = prefix_of(l->netmask),
                                            .router = l->router,
                                            .dns = l->dns,
                                            .seconds = l->lease_seconds};
        rec_encode(&init_lease_desc, &lease, wire);
        if (write(c->pipe, wire, sizeof(wire)) != (ssize_t)sizeof(wire))
                _exit(1); /* init is gone or confused; a new child starts from the beginning */
}

static void
handle(struct dhcp_child *c, enum dhcp_client_event event, const struct dhcp_client_out *out)
{
        send_out(c, out);
        if (event != DHCP_CLIENT_NOTHING)
                tell_init(c, event != DHCP_CLIENT_LOST);
}

static void
receive(struct dhcp_child *c)
{
        uint8_t data[DHCP_MAX_SIZE + 1];
        struct sockaddr_in from;
        struct iovec v = {.iov_base = data, .iov_len = sizeof(data)};
        struct dhcp_client_out out = {0};
        struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &v, .msg_iovlen = 1};
        ssize_t n = recvmsg(c->socket, &m, MSG_DONTWAIT);

        if (n <= 0 || m.msg_namelen != sizeof(from) || from.sin_port != htons(DHCP_SERVER_PORT))
                return;
        handle(c, dhcp_client_input(&c->client, data, (size_t)n, clock_mono_ms(&c->clock), random_number(), &out), &out);
}

static void
tick(struct dhcp_child *c)
{
        struct dhcp_client_out out = {0};

        handle(c, dhcp_client_tick(&c->client, clock_mono_ms(&c->clock), random_number(), &out), &out);
}

static int
milliseconds_left(const struct dhcp_child *c)
{
        int64_t left = dhcp_client_deadline(&c->client) - clock_mono_ms(&c->clock);

        return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static _Noreturn void
child_main(struct dhcp_child *c, const struct mac *mac, uint32_t wanted)
{
        const struct sandbox s = {.user = INIT_NET_USER,
                                  .fallback_uid = INIT_NET_UID,
                                  .syscalls = SYS_FD_PASSING,
                                  .max_files = 16,
                                  .no_new_processes = true};
        struct error err;

        prctl(PR_SET_NAME, "dompool-dhcp");
        clock_init_real(&c->clock);
        dhcp_client_init(&c->client, mac, random_number(), clock_mono_ms(&c->clock));
        c->client.wanted = wanted;
        /* The first question leaves before the doors are shut, which takes a while; nothing is read before. */
        tick(c);
        if (sandbox_enter(&s, &err) < 0) {
                log_error("dhcp: %s", err.message);
                _exit(1);
        }
        for (;;) {
                struct pollfd p[] = {{.fd = c->socket, .events = POLLIN}, {.fd = c->pipe}};
                int n = poll(p, N_ELEMENTS(p), milliseconds_left(c));

                if (n > 0 && p[1].revents)
                        _exit(0); /* nobody is at the other end any more */
                if (n > 0)
                        receive(c);
                else if (n == 0)
                        tick(c);
        }
}

int
init_dhcp_start(const struct init_net *net, uint32_t wanted, int *ret_fd)
{
        struct dhcp_child c = {0};
        int ends[2];
        pid_t pid;

        c.socket = open_socket(net->device);
        if (c.socket < 0)
                return c.socket;
        if (pipe2(ends, O_CLOEXEC) < 0) {
                close(c.socket);
                return -errno;
        }
        c.pipe = ends[1];
        pid = fork();
        if (pid == 0) {
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                close(ends[0]);
                child_main(&c, &net->mac, wanted);
        }
        close(c.socket);
        close(ends[1]);
        if (pid < 0) {
                close(ends[0]);
                return -EAGAIN;
        }
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        *ret_fd = ends[0];
        return pid;
}
