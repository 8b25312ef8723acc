/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A room after a blackout: so many hosts that are switched on together, each from DHCP to its last file. One process, epoll.
 *
 *     blackout server=IP relay=IP from=IP hosts=N tftp=FILE menu=/PATH files=/A,/B,/C [per-second=10000] [patience=600]
 *
 * Host i has the MAC 02-00-00-00-hi-lo and must be given the address `from` + i, all of which are this machine's. It asks for
 * its lease through the relay agent `relay` (this machine), fetches the TFTP file (blksize 1468, windowsize 16), its menu ("%m"
 * is its MAC) and the files by HTTP, each on a connection of its own. It gives up as firmware does: DHCP after 4, 8, 16 and 32
 * s without an answer; TFTP after 10 s without a block, asking again each second; HTTP after 30 s without a byte, or when it is
 * refused. Nothing is tried twice.
 *
 * Prints one JSON object: hosts that came through and that failed by phase, times, bytes of data.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"

#define EVENTS 256
#define LOOK_US 50000
#define BLKSIZE 1468
#define WINDOW 16
#define N_FILES 3
#define XID 0x42000000u
#define DHCP_TRIES 4
#define TFTP_AGAIN_US 1000000
#define TFTP_TRIES 10
#define HTTP_PATIENCE_US 30000000
/* Between the end of a handshake and the request. The kernel's ACK is sent where the SYN-ACK comes in, the request where this
 * runs: two CPUs. Over veth those are also the two that take them in, as no network card does (one connection, one queue), and
 * Linux before 6.19 then answers one of 10,000 such pairs by RST, for it looks the connection up while it is in neither table
 * (inet_ehash_insert). */
#define HTTP_AFTER_US 2000
#define FAILURES_TOLD 20

enum phase { OFF, DISCOVER, REQUEST, TFTP, MENU, FILES, DONE, N_PHASES };
static const char *const phase_names[N_PHASES] = {"off", "discover", "request", "tftp", "menu", "files", "done"};

struct host {
        enum phase phase;
        bool failed;
        int fd; /* -1: none */
        int64_t started_us, sent_us, leased_us;
        unsigned tries, file;
        uint32_t dhcp_server;
        /* TFTP */
        bool connected;
        uint16_t port, block;
        unsigned in_window;
        /* HTTP: what is missing of the body; -1: of the head too */
        int64_t left;
};

static struct {
        uint32_t server, relay, from;
        unsigned n;
        double per_second, patience;
        const char *tftp, *menu;
        char *files[N_FILES];
} opt;

static struct {
        unsigned finished, failed[N_PHASES], again[N_PHASES]; /* asked once more */
        uint64_t bytes;
        int64_t first_data_us, last_data_us;
        struct samples lease, boot;
} sum;

static struct host *hosts;
static struct {
        struct host **ring; /* connected, and yet to ask; opt.n places */
        unsigned first, n;
} asking;
static int epoll_fd, dhcp_fd;
static uint8_t buffer[1 << 20];

static void ask(struct host *h);

static unsigned
index_of(const struct host *h)
{
        return (unsigned)(h - hosts);
}

static void
let_go(struct host *h)
{
        if (h->fd >= 0)
                close(h->fd);
        h->fd = -1;
}

static void
fail(struct host *h, const char *why)
{
        let_go(h);
        if (sum.failed[h->phase]++ < FAILURES_TOLD)
                fprintf(stderr, "blackout: host %u fails in %s after %.1f s, with %u blocks by TFTP: %s\n", index_of(h),
                        phase_names[h->phase], (double)(now_us() - h->started_us) / 1e6, h->block, why);
        h->failed = true;
        sum.finished++;
}

static void
enter(struct host *h, enum phase phase)
{
        let_go(h);
        h->phase = phase;
        h->tries = 0;
        if (phase == TFTP) {
                h->leased_us = now_us();
                samples_add(&sum.lease, h->leased_us - h->started_us);
        }
        if (phase == DONE) {
                samples_add(&sum.boot, now_us() - h->started_us);
                sum.finished++;
                return;
        }
        ask(h);
}

static void
take_bytes(struct host *h, uint64_t n)
{
        h->sent_us = sum.last_data_us = now_us();
        if (sum.bytes == 0)
                sum.first_data_us = sum.last_data_us;
        sum.bytes += n;
}

/* ---- DHCP ---- */

static size_t
add_option(uint8_t *p, size_t at, uint8_t code, const void *value, uint8_t size)
{
        p[at] = code;
        p[at + 1] = size;
        memcpy(p + at + 2, value, size);
        return at + 2 + size;
}

static void
ask_dhcp(struct host *h)
{
        static const char class[] = "PXEClient:Arch:00000:UNDI:002001";
        const uint32_t i = index_of(h), xid = htonl(XID | i), giaddr = htonl(opt.relay), wanted = htonl(opt.from + i);
        const uint8_t mac[6] = {2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}, list[] = {1, 3, 43, 54, 60, 66, 67};
        const uint8_t type = h->phase == DISCOVER ? 1 : 3;
        struct sockaddr_in to = socket_address(opt.server, 67);
        uint8_t p[400] = {1, 1, 6, 1};
        size_t at = 240;

        memcpy(p + 4, &xid, 4);
        memcpy(p + 24, &giaddr, 4);
        memcpy(p + 28, mac, 6);
        memcpy(p + 236, "\x63\x82\x53\x63", 4);
        at = add_option(p, at, 53, &type, 1);
        at = add_option(p, at, 55, list, sizeof(list));
        at = add_option(p, at, 60, class, sizeof(class) - 1);
        at = add_option(p, at, 93, "\0\0", 2);
        at = add_option(p, at, 94, "\1\2\1", 3);
        if (type == 3) {
                at = add_option(p, at, 50, &wanted, 4);
                at = add_option(p, at, 54, &h->dhcp_server, 4);
        }
        p[at++] = 255;
        (void)!sendto(dhcp_fd, p, at < 300 ? 300 : at, 0, (struct sockaddr *)&to, sizeof(to));
        h->sent_us = now_us();
}

static const uint8_t *
find_option(const uint8_t *p, size_t size, uint8_t code)
{
        for (size_t at = 240; at + 1 < size && p[at] != 255; at += p[at] ? 2u + p[at + 1] : 1u)
                if (p[at] == code)
                        return p + at;
        return NULL;
}

static void
take_dhcp(void)
{
        static uint8_t p[1500];
        ssize_t n;

        while ((n = recv(dhcp_fd, p, sizeof(p), MSG_DONTWAIT)) > 0) {
                const uint8_t *type, *server;
                uint32_t xid, yiaddr;
                struct host *h;

                if (n < 244)
                        continue;
                memcpy(&xid, p + 4, 4);
                memcpy(&yiaddr, p + 16, 4);
                xid = ntohl(xid) ^ XID;
                type = find_option(p, (size_t)n, 53);
                server = find_option(p, (size_t)n, 54);
                h = xid < opt.n ? &hosts[xid] : NULL;
                if (!h || h->failed || !type || !server || (h->phase != DISCOVER && h->phase != REQUEST))
                        continue;
                if (type[2] == 6)
                        fail(h, "NAK");
                else if (ntohl(yiaddr) != opt.from + xid)
                        fail(h, "not its address");
                else if (type[2] == 2 && h->phase == DISCOVER) {
                        memcpy(&h->dhcp_server, server + 2, 4);
                        enter(h, REQUEST);
                } else if (type[2] == 5 && h->phase == REQUEST)
                        enter(h, TFTP);
        }
}

/* ---- sockets of a host ---- */

static bool
open_socket(struct host *h, int type, uint32_t events)
{
        struct sockaddr_in local = socket_address(opt.from + index_of(h), 0);
        struct epoll_event e = {.events = events, .data.ptr = h};

        h->fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (h->fd < 0 || bind(h->fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, h->fd, &e) < 0) {
                fail(h, strerror(errno));
                return false;
        }
        return true;
}

/* ---- TFTP ---- */

static void
send_ack(struct host *h)
{
        uint8_t p[4] = {0, 4, (uint8_t)(h->block >> 8), (uint8_t)h->block};

        (void)!send(h->fd, p, sizeof(p), 0);
        h->in_window = 0;
        h->sent_us = now_us();
}

static void
ask_tftp(struct host *h)
{
        struct sockaddr_in to = socket_address(opt.server, 69);
        uint8_t p[300];
        int n;

        if (h->fd < 0) {
                h->connected = false;
                h->block = 0;
                h->in_window = 0;
                if (!open_socket(h, SOCK_DGRAM, EPOLLIN))
                        return;
        }
        n = sprintf((char *)p, "%c%c%s%coctet%ctsize%c0%cblksize%c%d%cwindowsize%c%d", 0, 1, opt.tftp, 0, 0, 0, 0, 0, BLKSIZE,
                    0, 0, WINDOW);
        (void)!sendto(h->fd, p, (size_t)n + 1, 0, (struct sockaddr *)&to, sizeof(to));
        h->sent_us = now_us();
}

/* true: the host has gone on to something else. */
static bool
take_tftp_packet(struct host *h, const uint8_t *p, size_t size)
{
        if (size < 4 || p[1] == 5) {
                fail(h, "TFTP error");
                return true;
        }
        if (p[1] == 6 && h->block == 0)
                send_ack(h);
        if (p[1] != 3)
                return false;
        if ((uint16_t)(p[2] << 8 | p[3]) != (uint16_t)(h->block + 1)) {
                if (h->in_window++ % WINDOW == 0)
                        send_ack(h);
                return false;
        }
        h->block++;
        h->tries = 0;
        h->in_window++;
        take_bytes(h, size - 4);
        if (size - 4 < BLKSIZE) {
                send_ack(h);
                enter(h, MENU);
                return true;
        }
        if (h->in_window >= WINDOW)
                send_ack(h);
        return false;
}

static void
take_tftp(struct host *h)
{
        static uint8_t packets[WINDOW][BLKSIZE + 100];
        static struct sockaddr_in from[WINDOW];
        struct iovec iov[WINDOW];
        struct mmsghdr m[WINDOW];
        int n;

        for (int i = 0; i < WINDOW; i++) {
                iov[i] = (struct iovec){packets[i], sizeof(packets[i])};
                m[i].msg_hdr = (struct msghdr){
                        .msg_name = &from[i], .msg_namelen = sizeof(from[i]), .msg_iov = &iov[i], .msg_iovlen = 1};
        }
        n = recvmmsg(h->fd, m, WINDOW, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
                if (!h->connected) {
                        h->connected = connect(h->fd, (struct sockaddr *)&from[i], sizeof(from[i])) == 0;
                        h->port = from[i].sin_port;
                }
                if (from[i].sin_port == h->port && take_tftp_packet(h, packets[i], m[i].msg_len))
                        return;
        }
}

/* ---- HTTP ---- */

static void
ask_http(struct host *h)
{
        struct sockaddr_in to = socket_address(opt.server, 8080);

        if (!open_socket(h, SOCK_STREAM, EPOLLOUT))
                return;
        h->left = -1;
        h->connected = false;
        h->sent_us = now_us();
        if (connect(h->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
                fail(h, strerror(errno));
}

static void
http_connected(struct host *h)
{
        struct epoll_event e = {.data.ptr = h};

        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, h->fd, &e);
        h->sent_us = now_us();
        h->connected = true;
        asking.ring[(asking.first + asking.n++) % opt.n] = h;
}

static void
send_http_request(struct host *h)
{
        const char *path = h->phase == MENU ? opt.menu : opt.files[h->file], *mark = strstr(path, "%m");
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = h};
        const unsigned i = index_of(h);
        char text[500], name[300];
        int n;

        snprintf(name, sizeof(name), "%s", path);
        if (mark)
                snprintf(name, sizeof(name), "%.*s02-00-00-00-%02x-%02x%s", (int)(mark - path), path, i >> 8 & 0xff, i & 0xff,
                         mark + 2);
        n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: server\r\nUser-Agent: blackout\r\n\r\n", name);
        if (send(h->fd, text, (size_t)n, MSG_NOSIGNAL) != n) {
                fail(h, errno == EPIPE ? "refused" : strerror(errno));
                return;
        }
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, h->fd, &e);
}

static void
send_due_requests(int64_t now)
{
        for (; asking.n > 0 && now - asking.ring[asking.first]->sent_us >= HTTP_AFTER_US; asking.n--) {
                if (asking.ring[asking.first]->fd >= 0)
                        send_http_request(asking.ring[asking.first]);
                asking.first = (asking.first + 1) % opt.n;
        }
}

/* The head, which must come in one piece, and what of the body is with it. false: it is no good. */
static bool
take_head(struct host *h, char *text, size_t size)
{
        char *body, *length;

        text[size] = '\0';
        body = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "content-length:");
        if (strncmp(text, "HTTP/1.1 200", 12) != 0 || !body || !length || length > body) {
                fail(h, text);
                return false;
        }
        h->left = strtoll(length + 15, NULL, 10) - (int64_t)(size - (size_t)(body + 4 - text));
        take_bytes(h, size - (size_t)(body + 4 - text));
        return true;
}

static void
take_http(struct host *h)
{
        ssize_t n;

        if (!h->connected) {
                http_connected(h);
                return;
        }
        /* MSG_TRUNC: the kernel throws the body away for us. */
        n = recv(h->fd, buffer, h->left < 0 ? 65536 : sizeof(buffer), h->left < 0 ? 0 : MSG_TRUNC);
        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0) {
                fail(h, n < 0 ? strerror(errno) : "closed");
                return;
        }
        if (h->left < 0) {
                if (!take_head(h, (char *)buffer, (size_t)n))
                        return;
        } else {
                h->left -= n;
                take_bytes(h, (uint64_t)n);
        }
        if (h->left < 0)
                fail(h, "more than was promised");
        else if (h->left == 0 && h->phase == MENU)
                enter(h, FILES);
        else if (h->left == 0 && ++h->file == N_FILES)
                enter(h, DONE);
        else if (h->left == 0)
                enter(h, FILES);
}

/* ---- all hosts ---- */

static void
ask(struct host *h)
{
        switch (h->phase) {
        case DISCOVER:
        case REQUEST:
                ask_dhcp(h);
                break;
        case TFTP:
                ask_tftp(h);
                break;
        default:
                ask_http(h);
        }
}

/* Asks again or gives up. */
static void
look(struct host *h, int64_t now)
{
        const int64_t waited = now - h->sent_us;
        const unsigned tries = h->tries;

        switch (h->phase) {
        case DISCOVER:
        case REQUEST:
                if (waited < 4000000LL << h->tries)
                        return;
                if (++h->tries == DHCP_TRIES)
                        fail(h, "no answer");
                else
                        ask_dhcp(h);
                break;
        case TFTP:
                if (waited < TFTP_AGAIN_US)
                        return;
                if (++h->tries == TFTP_TRIES)
                        fail(h, "no answer");
                else if (h->connected)
                        send_ack(h);
                else
                        ask_tftp(h);
                break;
        case MENU:
        case FILES:
                if (waited >= HTTP_PATIENCE_US)
                        fail(h, "no answer");
                break;
        default:
                break;
        }
        if (h->tries > tries && !h->failed)
                sum.again[h->phase]++;
}

static void
run(int64_t begin)
{
        struct epoll_event events[EVENTS];
        int64_t looked = begin;
        unsigned started = 0;

        while (sum.finished < opt.n) {
                int64_t now = now_us();
                int n;

                if ((double)(now - begin) > opt.patience * 1e6)
                        break;
                for (; started < opt.n && (double)(now - begin) / 1e6 * opt.per_second >= started; started++) {
                        hosts[started].started_us = now;
                        enter(&hosts[started], DISCOVER);
                }
                n = epoll_wait(epoll_fd, events, EVENTS, 1);
                for (int i = 0; i < n; i++) {
                        struct host *h = events[i].data.ptr;

                        if (!h)
                                take_dhcp();
                        else if (h->fd >= 0 && h->phase == TFTP)
                                take_tftp(h);
                        else if (h->fd >= 0)
                                take_http(h);
                }
                send_due_requests(now_us());
                if (now - looked < LOOK_US)
                        continue;
                looked = now;
                for (unsigned i = 0; i < started; i++)
                        if (!hosts[i].failed)
                                look(&hosts[i], now);
        }
}

static void
open_dhcp(void)
{
        struct sockaddr_in local = socket_address(opt.relay, 67);
        struct epoll_event e = {.events = EPOLLIN};
        const int size = 32 << 20, on = 1;

        dhcp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        setsockopt(dhcp_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        setsockopt(dhcp_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (dhcp_fd < 0 || bind(dhcp_fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, dhcp_fd, &e) < 0)
                die("relay agent's socket");
}

static void
print(int64_t begin)
{
        const double seconds = (double)(sum.last_data_us - begin) / 1e6,
                     data = (double)(sum.last_data_us - sum.first_data_us) / 1e6;
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        printf("{\"hosts\":%u,\"through\":%zu,\"seconds\":%.3f,\"data_seconds\":%.3f,\"bytes\":%llu,"
               "\"lease_p50_ms\":%.1f,\"lease_p99_ms\":%.1f,\"boot_p50_ms\":%.1f,\"boot_p99_ms\":%.1f,\"generator_cpu\":%.2f,"
               "\"failed\":{",
               opt.n, sum.boot.n, seconds, data, (unsigned long long)sum.bytes, samples_percentile(&sum.lease, 50),
               samples_percentile(&sum.lease, 99), samples_percentile(&sum.boot, 50), samples_percentile(&sum.boot, 99),
               (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
        for (unsigned i = DISCOVER; i < DONE; i++)
                printf("%s\"%s\":%u", i > DISCOVER ? "," : "", phase_names[i], sum.failed[i]);
        printf("},\"again\":{");
        for (unsigned i = DISCOVER; i <= TFTP; i++)
                printf("%s\"%s\":%u", i > DISCOVER ? "," : "", phase_names[i], sum.again[i]);
        printf("}}\n");
}

int
main(int argc, char **argv)
{
        char *files = strdup(option_text(argv, "files", ""));
        int64_t begin;

        (void)argc;
        opt.server = option_address(argv, "server");
        opt.relay = option_address(argv, "relay");
        opt.from = option_address(argv, "from");
        opt.n = (unsigned)option_number(argv, "hosts", 100);
        opt.per_second = option_number(argv, "per-second", 10000);
        opt.patience = option_number(argv, "patience", 600);
        opt.tftp = option_text(argv, "tftp", "");
        opt.menu = option_text(argv, "menu", "");
        for (unsigned i = 0; i < N_FILES; i++)
                opt.files[i] = strtok(i == 0 ? files : NULL, ",");
        if (!opt.server || !opt.relay || !opt.from || !opt.n || opt.n > 65535 || !*opt.tftp || !*opt.menu ||
            !opt.files[N_FILES - 1]) {
                fprintf(stderr, "blackout: see the head of blackout.c\n");
                return 2;
        }
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){opt.n + 100, opt.n + 100});
        hosts = calloc(opt.n, sizeof(*hosts));
        asking.ring = calloc(opt.n, sizeof(struct host *));
        for (unsigned i = 0; i < opt.n; i++)
                hosts[i].fd = -1;
        samples_init(&sum.lease, opt.n);
        samples_init(&sum.boot, opt.n);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        open_dhcp();
        begin = now_us();
        run(begin);
        print(begin);
        return 0;
}
