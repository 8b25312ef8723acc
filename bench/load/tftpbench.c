/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TFTP load: so many clients at once, each with a socket of its own, transfer after transfer for some seconds. One process, one
 * core, epoll and recvmmsg. Prints one JSON object.
 *
 *     tftpbench server=IP name=FILE [size=N] [clients=N] [blksize=N] [window=N] [seconds=S] [transfers=N] [from=IP] [gro=1]
 *     tftpbench server=IP name=FILE from=IP half-open=N   asks N times, acknowledges nothing, waits until standard input ends
 *
 * `from`: client i has this address + i. A "%m" in the name is client i's MAC, 02-00-00-00-hi-lo. `transfers`: ends after so
 * many, or after `seconds`. Loss is met as iPXE does: the last ACK again after 250 ms, and for a repeated or unexpected block.
 * A transfer's bytes are counted against `size` and against the tsize that the server tells.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#define BATCH 64
#define BUFFER_SIZE 65536
#define RETRY_US 250000
#define MAX_TRIES 20
#define MAX_SAMPLES (4u << 20)

enum { RRQ = 1, DATA = 3, ACK, ERROR, OACK };

struct client {
        int fd;
        bool connected;
        uint16_t port; /* the server's, of this transfer */
        uint64_t block; /* last in order */
        uint64_t bytes, tsize;
        unsigned in_window, out_of_order, tries;
        int64_t started_us, sent_us;
};

static struct {
        uint32_t server, from;
        const char *name;
        uint64_t size;
        unsigned n_clients, blksize, window, gro;
        double seconds, transfers;
        uint64_t started;
} opt;

static struct {
        uint64_t bytes, wrong, errors, retries, packets;
        struct samples took;
} sum;

static struct client *clients;
static int epoll_fd;
static struct mmsghdr messages[BATCH];
static uint8_t buffers[BATCH][BUFFER_SIZE];
static char controls[BATCH][64];

static size_t
build_request(unsigned index, uint8_t *buf)
{
        size_t n = 2;
        const char *mark = strstr(opt.name, "%m");

        buf[0] = 0;
        buf[1] = RRQ;
        if (mark)
                n += (size_t)sprintf((char *)buf + n, "%.*s02-00-00-00-%02x-%02x%s", (int)(mark - opt.name), opt.name,
                                     (index >> 8) & 0xff, index & 0xff, mark + 2) +
                     1;
        else
                n += (size_t)sprintf((char *)buf + n, "%s", opt.name) + 1;
        n += (size_t)sprintf((char *)buf + n, "octet") + 1;
        n += (size_t)sprintf((char *)buf + n, "tsize%c0", 0) + 1;
        if (opt.blksize != 512)
                n += (size_t)sprintf((char *)buf + n, "blksize%c%u", 0, opt.blksize) + 1;
        if (opt.window > 1)
                n += (size_t)sprintf((char *)buf + n, "windowsize%c%u", 0, opt.window) + 1;
        return n;
}

static void
send_request(struct client *c)
{
        struct sockaddr_in to = socket_address(opt.server, 69);
        uint8_t buf[600];
        size_t n = build_request((unsigned)(c - clients), buf);

        (void)!sendto(c->fd, buf, n, 0, (struct sockaddr *)&to, sizeof(to));
        c->sent_us = now_us();
}

static void
send_ack(struct client *c)
{
        uint8_t buf[4] = {0, ACK, (uint8_t)(c->block >> 8), (uint8_t)c->block};

        (void)!send(c->fd, buf, sizeof(buf), 0);
        c->sent_us = now_us();
        c->in_window = 0;
}

static int
open_socket(unsigned index)
{
        struct sockaddr_in local = socket_address(opt.from ? opt.from + index : 0, 0);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 4 << 20, on = 1;

        if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
                die("socket");
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        if (opt.gro)
                setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
        return fd;
}

static void
start(struct client *c)
{
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

        *c = (struct client){.fd = open_socket((unsigned)(c - clients)), .tsize = UINT64_MAX};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
                die("epoll_ctl");
        c->started_us = now_us();
        opt.started++;
        send_request(c);
}

static void
stop(struct client *c, bool tell)
{
        static const uint8_t error[] = {0, ERROR, 0, 0, 'e', 'n', 'd', 0};

        if (tell && c->connected)
                (void)!send(c->fd, error, sizeof(error), 0);
        close(c->fd);
        c->fd = -1;
}

static void
next(struct client *c)
{
        stop(c, false);
        if (opt.transfers == 0 || (double)opt.started < opt.transfers)
                start(c);
}

static void
done(struct client *c)
{
        samples_add(&sum.took, now_us() - c->started_us);
        if ((opt.size && c->bytes != opt.size) || (c->tsize != UINT64_MAX && c->tsize != c->bytes))
                sum.wrong++;
        next(c);
}

static void
take_oack(struct client *c, const uint8_t *p, size_t size)
{
        const char *at = (const char *)p + 2, *end = (const char *)p + size;

        while (at < end) {
                const char *value = at + strlen(at) + 1;

                if (value < end && strcasecmp(at, "tsize") == 0)
                        c->tsize = strtoull(value, NULL, 10);
                at = value + strlen(value) + 1;
        }
        send_ack(c);
}

/* true: the transfer is over, the socket closed. */
static bool
take_data(struct client *c, const uint8_t *p, size_t size)
{
        uint16_t block = (uint16_t)(p[2] << 8 | p[3]);

        if (block != (uint16_t)(c->block + 1)) { /* a gap or a repeated one; said once a window */
                if (c->out_of_order++ % opt.window == 0)
                        send_ack(c);
                return false;
        }
        c->out_of_order = 0;
        c->tries = 0;
        c->block++;
        c->in_window++;
        c->bytes += size - 4;
        sum.bytes += size - 4;
        if (size - 4 < opt.blksize) {
                send_ack(c);
                done(c);
                return true;
        }
        if (c->in_window >= opt.window)
                send_ack(c);
        return false;
}

static bool
take_packet(struct client *c, uint8_t *p, size_t size, const struct sockaddr_in *from)
{
        sum.packets++;
        if (!c->connected) {
                if (connect(c->fd, (const struct sockaddr *)from, sizeof(*from)) < 0)
                        die("connect");
                c->connected = true;
                c->port = from->sin_port;
        }
        if (size < 4 || from->sin_port != c->port)
                return false;
        p[size] = 0;
        switch (p[1]) {
        case DATA:
                return take_data(c, p, size);
        case OACK:
                if (c->block == 0 && c->bytes == 0)
                        take_oack(c, p, size);
                return false;
        default:
                if (sum.errors++ == 0)
                        fprintf(stderr, "tftpbench: error %u: %s\n", p[3], (char *)p + 4);
                next(c);
                return true;
        }
}

/* The size of the pieces that the kernel joined. */
static size_t
segment_of(struct msghdr *m, size_t whole)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
                if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
                        int size;

                        memcpy(&size, CMSG_DATA(c), sizeof(size));
                        return (size_t)size;
                }
        return whole;
}

static bool
take_message(struct client *c, unsigned i, const struct sockaddr_in *from)
{
        size_t whole = messages[i].msg_len, segment = opt.gro ? segment_of(&messages[i].msg_hdr, whole) : whole;
        uint8_t saved;

        for (size_t at = 0; at < whole; at += segment) {
                size_t size = whole - at < segment ? whole - at : segment;
                bool over;

                saved = buffers[i][at + size]; /* take_packet ends its packet with a NUL */
                over = take_packet(c, buffers[i] + at, size, from);
                buffers[i][at + size] = saved;
                if (over)
                        return true;
        }
        return false;
}

static void
readable(struct client *c)
{
        static struct iovec iov[BATCH];
        static struct sockaddr_in from[BATCH];
        unsigned room = opt.gro ? 4 : opt.window < BATCH ? opt.window : BATCH;
        int n;

        for (unsigned i = 0; i < room; i++) {
                iov[i] = (struct iovec){.iov_base = buffers[i], .iov_len = BUFFER_SIZE - 1};
                messages[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                                      .msg_namelen = sizeof(from[i]),
                                                      .msg_iov = &iov[i],
                                                      .msg_iovlen = 1,
                                                      .msg_control = controls[i],
                                                      .msg_controllen = opt.gro ? sizeof(controls[i]) : 0};
        }
        n = recvmmsg(c->fd, messages, room, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
                if (take_message(c, (unsigned)i, &from[i]))
                        return;
}

static void
retry(struct client *c, int64_t now)
{
        if (c->fd < 0 || now - c->sent_us < RETRY_US)
                return;
        sum.retries++;
        if (++c->tries > MAX_TRIES) {
                sum.errors++;
                next(c);
        } else if (c->connected) {
                send_ack(c);
        } else {
                send_request(c);
        }
}

static void
half_open(unsigned n)
{
        clients = calloc(n, sizeof(*clients));
        for (unsigned i = 0; i < n; i++) {
                clients[i].fd = open_socket(i);
                send_request(&clients[i]);
                if (i % 64 == 63) /* no queue holds thousands */
                        usleep(2000);
        }
        printf("{\"half_open\": %u}\n", n);
        fflush(stdout);
        while (getchar() != EOF)
                ;
}

static void
run(void)
{
        int64_t begin = now_us(), end = begin + (int64_t)(opt.seconds * 1e6), now = begin, looked = begin;
        struct epoll_event events[BATCH];
        struct rusage usage;
        double seconds;

        for (unsigned i = 0; i < opt.n_clients; i++)
                start(&clients[i]);
        while (now < end && (opt.transfers == 0 || (double)(sum.took.n + sum.errors) < opt.transfers)) {
                int n = epoll_wait(epoll_fd, events, BATCH, 10);

                for (int i = 0; i < n; i++)
                        readable(events[i].data.ptr);
                now = now_us();
                if (now - looked >= 10000) {
                        looked = now;
                        for (unsigned i = 0; i < opt.n_clients; i++)
                                retry(&clients[i], now);
                }
        }
        seconds = (double)(now - begin) / 1e6;
        for (unsigned i = 0; i < opt.n_clients; i++)
                if (clients[i].fd >= 0)
                        stop(&clients[i], true);
        getrusage(RUSAGE_SELF, &usage);
        printf("{\"seconds\": %.4f, \"mb_s\": %.2f, \"files_s\": %.1f, \"transfers\": %zu, \"wrong\": %llu, \"errors\": %llu, "
               "\"retries\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"busy\": %.3f}\n",
               seconds, (double)sum.bytes / 1e6 / seconds, (double)sum.took.n / seconds, sum.took.n, (unsigned long long)sum.wrong,
               (unsigned long long)sum.errors, (unsigned long long)sum.retries, samples_percentile(&sum.took, 50),
               samples_percentile(&sum.took, 99),
               ((double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6) /
                       seconds);
}

int
main(int argc, char **argv)
{
        struct rlimit files = {65536, 65536};
        unsigned n_half_open;

        (void)argc;
        setrlimit(RLIMIT_NOFILE, &files);
        opt.server = option_address(argv, "server");
        opt.from = option_address(argv, "from");
        opt.name = option_text(argv, "name", "");
        opt.size = (uint64_t)option_number(argv, "size", 0);
        opt.n_clients = (unsigned)option_number(argv, "clients", 1);
        opt.blksize = (unsigned)option_number(argv, "blksize", 1468);
        opt.window = (unsigned)option_number(argv, "window", 1);
        opt.seconds = option_number(argv, "seconds", 1);
        opt.transfers = option_number(argv, "transfers", 0);
        opt.gro = (unsigned)option_number(argv, "gro", 0);
        n_half_open = (unsigned)option_number(argv, "half-open", 0);
        samples_init(&sum.took, MAX_SAMPLES);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (n_half_open > 0) {
                half_open(n_half_open);
                return 0;
        }
        clients = calloc(opt.n_clients, sizeof(*clients));
        if (!clients)
                die("clients");
        run();
        return sum.wrong > 0;
}
