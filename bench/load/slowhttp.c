/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slow HTTP clients by the thousand, one process, epoll. Prints {"connected":N} when all have connected, and at the end how
 * many were cut and after what time.
 *
 *     slowhttp server=IP [port=8080] [n=10000] [kind=mixed] [path=/] [from=IP] [sources=N] [every=5] [seconds=45] [again=1]
 *
 * kinds: idle (sends nothing), headers (a request without end, a line every so many seconds), post (a report's body, a byte
 * each time), read (asks for `path` and takes a byte each time through a small window), mixed (all four). `from`: connection i
 * comes from this address + i % sources. `again`: who is cut comes back at once. SIGTERM ends it early.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"

#define EVENTS 256
#define TICK_MS 100
#define SMALL_WINDOW 2048
#define CONNECTING_AT_ONCE 512

enum kind { IDLE, HEADERS, POST, READ, N_KINDS };
static const char *const kind_names[] = {"idle", "headers", "post", "read", "mixed"};

struct client {
        int fd; /* -1: not connected */
        enum kind kind;
        bool connected;
        int64_t started_us, next_us;
};

static struct {
        uint32_t server, from;
        unsigned port, n, kind, sources, again;
        double every, seconds;
        const char *path;
} opt;

static struct {
        uint64_t connected, refused, cut;
        int64_t cut_after_max_us;
        struct samples cut_after;
} sum;

static struct client *clients;
static int epoll_fd;
static unsigned n_connecting;
static volatile sig_atomic_t stopped;

static void
on_signal(int signal)
{
        stopped = signal;
}

static void
start(struct client *c)
{
        const unsigned i = (unsigned)(c - clients);
        struct sockaddr_in local = socket_address(opt.from ? opt.from + i % opt.sources : 0, 0);
        struct sockaddr_in to = socket_address(opt.server, (uint16_t)opt.port);
        struct epoll_event e = {.events = EPOLLOUT | EPOLLRDHUP, .data.ptr = c};
        const int window = SMALL_WINDOW, on = 1;

        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        /* The port is left to connect(): bind() would look for one that nobody uses, among thousands. */
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (c->fd < 0 || (opt.from && bind(c->fd, (struct sockaddr *)&local, sizeof(local)) < 0))
                die("socket");
        if (c->kind == READ)
                setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
        c->connected = false;
        n_connecting++;
        if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
                die("connect");
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void
end(struct client *c)
{
        if (!c->connected) {
                n_connecting--;
                sum.refused++;
        } else {
                int64_t after = now_us() - c->started_us;

                sum.cut++;
                samples_add(&sum.cut_after, after);
                if (after > sum.cut_after_max_us)
                        sum.cut_after_max_us = after;
        }
        close(c->fd);
        c->fd = -1;
}

static void
say(const struct client *c, const char *text)
{
        (void)!send(c->fd, text, strlen(text), MSG_NOSIGNAL);
}

/* The slow thing this client does. */
static void
go_on(struct client *c, bool first)
{
        char text[300], byte;

        switch (c->kind) {
        case HEADERS:
                say(c, first ? "GET / HTTP/1.1\r\nHost: slow\r\n" : "X-More: yes\r\n");
                break;
        case POST:
                say(c, first ? "POST /boot/report HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000\r\n\r\n{" : " ");
                break;
        case READ:
                snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: slow\r\n\r\n", opt.path);
                if (first)
                        say(c, text);
                else
                        (void)!recv(c->fd, &byte, 1, 0);
                break;
        default:
                break;
        }
        /* Spread over time: all at once would be the generator's own load. */
        c->next_us = now_us() + (int64_t)(opt.every * 1e6 * (first ? (double)((c - clients) % 97) / 97 : 1));
}

static void
on_event(struct client *c, uint32_t events)
{
        if (c->fd < 0)
                return;
        if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
                const bool was_cut = c->connected;

                end(c);
                if (was_cut && opt.again && n_connecting < CONNECTING_AT_ONCE)
                        start(c); /* not with the next tick: that would bring them all together */
                return;
        }
        if (!c->connected) {
                struct epoll_event e = {.events = EPOLLRDHUP, .data.ptr = c};

                c->connected = true;
                c->started_us = now_us();
                n_connecting--;
                sum.connected++;
                epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
                go_on(c, true);
        }
}

static unsigned
count_open(void)
{
        unsigned n = 0;

        for (unsigned i = 0; i < opt.n; i++)
                n += clients[i].fd >= 0 && clients[i].connected;
        return n;
}

static void
run(void)
{
        const int64_t stop = now_us() + (int64_t)(opt.seconds * 1e6);
        struct epoll_event events[EVENTS];
        unsigned next_new = 0;
        int64_t tick = 0;
        bool told = false;

        while (!stopped && now_us() < stop) {
                int n;

                while (next_new < opt.n && n_connecting < CONNECTING_AT_ONCE)
                        start(&clients[next_new++]);
                n = epoll_wait(epoll_fd, events, EVENTS, TICK_MS);
                for (int i = 0; i < n; i++)
                        on_event(events[i].data.ptr, events[i].events);
                if (!told && sum.connected >= opt.n) {
                        printf("{\"connected\":%llu}\n", (unsigned long long)sum.connected);
                        fflush(stdout);
                        told = true;
                }
                if (now_us() < tick)
                        continue;
                tick = now_us() + TICK_MS * 1000;
                for (unsigned i = 0; i < next_new; i++) {
                        struct client *c = &clients[i];

                        if (c->fd < 0 && opt.again && n_connecting < CONNECTING_AT_ONCE)
                                start(c);
                        else if (c->fd >= 0 && c->connected && now_us() >= c->next_us)
                                go_on(c, false);
                }
        }
}

static unsigned
kind_of(const char *name)
{
        for (unsigned i = 0; i <= N_KINDS; i++)
                if (strcmp(kind_names[i], name) == 0)
                        return i;
        fprintf(stderr, "slowhttp: no kind '%s'\n", name);
        exit(2);
}

int
main(int argc, char **argv)
{
        (void)argc;
        opt.server = option_address(argv, "server");
        opt.from = option_address(argv, "from");
        opt.port = (unsigned)option_number(argv, "port", 8080);
        opt.n = (unsigned)option_number(argv, "n", 10000);
        opt.sources = (unsigned)option_number(argv, "sources", 1);
        opt.every = option_number(argv, "every", 5);
        opt.seconds = option_number(argv, "seconds", 45);
        opt.again = (unsigned)option_number(argv, "again", 0);
        opt.path = option_text(argv, "path", "/");
        opt.kind = kind_of(option_text(argv, "kind", "mixed"));
        clients = calloc(opt.n, sizeof(*clients));
        signal(SIGTERM, on_signal);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){opt.n + 100, opt.n + 100});
        samples_init(&sum.cut_after, 1u << 20);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        for (unsigned i = 0; i < opt.n; i++) {
                clients[i].fd = -1;
                clients[i].kind = opt.kind == N_KINDS ? i % N_KINDS : opt.kind;
        }
        run();
        printf("{\"connected\":%llu,\"refused\":%llu,\"cut\":%llu,\"open\":%u,\"cut_p50_s\":%.3f,\"cut_max_s\":%.3f}\n",
               (unsigned long long)sum.connected, (unsigned long long)sum.refused, (unsigned long long)sum.cut, count_open(),
               samples_percentile(&sum.cut_after, 50) / 1000, (double)sum.cut_after_max_us / 1e6);
        return 0;
}
