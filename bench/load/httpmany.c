/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many hosts that ask for the same kind of thing by HTTP: so many keep-alive connections at a time, each from a host's own
 * address and for its own path. After some answers a connection is closed and the next host comes, until the time is over; one
 * process, one core, epoll.
 *
 *     httpmany server=IP [port=8080] from=IP hosts=N path=/PATH [first=0] [connections=64] [requests=100]
 *         [seconds=3]
 *
 * Host i asks from the address `from` + i, all of which are this machine's; "%m" in the path is its MAC, 02-00-00-00-hi-lo.
 * Prints one JSON object: answers, answers a second, hosts that were served, what an answer's body was at least and at most,
 * latency from the request to the last byte.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"

#define MAX_CONNECTIONS 1024
#define EVENTS 64
#define MAX_SAMPLES (8u << 20)
#define ANSWER_SIZE 65536

struct connection {
        int fd;
        unsigned answers;
        size_t have, wanted; /* bytes of this answer; wanted 0: its head is not all there */
        size_t request_size;
        int64_t asked_us;
        char request[512];
        char answer[ANSWER_SIZE];
};

static struct {
        struct sockaddr_in server;
        uint32_t from;
        unsigned n_hosts, n_connections, n_requests;
        double seconds;
        const char *path;
} opt;

static struct {
        uint64_t answers, hosts;
        size_t least, most;
        struct samples took;
} sum = {.least = SIZE_MAX};

static struct connection *connections;
static int epoll_fd;
static unsigned next_host;

static void
ask(struct connection *c)
{
        c->have = c->wanted = 0;
        c->asked_us = now_us();
        if (send(c->fd, c->request, c->request_size, MSG_NOSIGNAL) != (ssize_t)c->request_size)
                die("send");
}

static void
next(struct connection *c)
{
        const unsigned i = next_host++ % opt.n_hosts;
        const struct sockaddr_in local = socket_address(opt.from + i, 0);
        const char *mark = strstr(opt.path, "%m");
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        char path[256];

        snprintf(path, sizeof(path), "%s", opt.path);
        if (mark)
                snprintf(path, sizeof(path), "%.*s02-00-00-00-%02x-%02x%s", (int)(mark - opt.path), opt.path, i >> 8 & 0xff,
                         i & 0xff, mark + 2);
        c->request_size = (size_t)snprintf(c->request, sizeof(c->request), "GET %s HTTP/1.1\r\nHost: server\r\n\r\n", path);
        c->answers = 0;
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || bind(c->fd, (const struct sockaddr *)&local, sizeof(local)) < 0 ||
            connect(c->fd, (const struct sockaddr *)&opt.server, sizeof(opt.server)) < 0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) < 0)
                die("connect");
        ask(c);
}

/* The head's promise; anything but 200 ends the run. */
static void
take_head(struct connection *c)
{
        char *body, *length;

        c->answer[c->have] = '\0';
        body = strstr(c->answer, "\r\n\r\n");
        if (!body)
                return;
        length = strcasestr(c->answer, "content-length:");
        if (strncmp(c->answer, "HTTP/1.1 200", 12) != 0 || !length || length > body) {
                fprintf(stderr, "httpmany: %s got %s\n", c->request, c->answer);
                exit(1);
        }
        c->wanted = (size_t)(body + 4 - c->answer) + strtoull(length + 15, NULL, 10);
        if (c->wanted >= ANSWER_SIZE) {
                fprintf(stderr, "httpmany: an answer of %zu bytes\n", c->wanted);
                exit(1);
        }
}

static void
take_answer(struct connection *c)
{
        samples_add(&sum.took, now_us() - c->asked_us);
        sum.answers++;
        if (c->wanted < sum.least)
                sum.least = c->wanted;
        if (c->wanted > sum.most)
                sum.most = c->wanted;
        if (++c->answers < opt.n_requests) {
                ask(c);
                return;
        }
        sum.hosts++;
        close(c->fd);
        next(c);
}

static void
take(struct connection *c)
{
        ssize_t n = recv(c->fd, c->answer + c->have, ANSWER_SIZE - 1 - c->have, MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0)
                die("closed");
        c->have += (size_t)n;
        if (c->wanted == 0)
                take_head(c);
        if (c->wanted > 0 && c->have >= c->wanted)
                take_answer(c);
}

int
main(int argc, char **argv)
{
        struct epoll_event events[EVENTS];
        int64_t start, end;

        (void)argc;
        opt.server = socket_address(option_address(argv, "server"), (uint16_t)option_number(argv, "port", 8080));
        opt.from = option_address(argv, "from");
        opt.n_hosts = (unsigned)option_number(argv, "hosts", 1);
        opt.n_connections = (unsigned)option_number(argv, "connections", 64);
        opt.n_requests = (unsigned)option_number(argv, "requests", 100);
        next_host = (unsigned)option_number(argv, "first", 0);
        opt.seconds = option_number(argv, "seconds", 3);
        opt.path = option_text(argv, "path", "/");
        if (!opt.from || opt.n_hosts == 0 || opt.n_connections > MAX_CONNECTIONS) {
                fprintf(stderr, "usage: httpmany server=IP from=IP hosts=N path=/PATH ...\n");
                return 2;
        }
        samples_init(&sum.took, MAX_SAMPLES);
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        connections = calloc(opt.n_connections, sizeof(*connections));
        if (epoll_fd < 0 || !connections)
                die("start");
        start = now_us();
        end = start + (int64_t)(opt.seconds * 1e6);
        for (unsigned i = 0; i < opt.n_connections; i++)
                next(&connections[i]);
        while (now_us() < end) {
                int n = epoll_wait(epoll_fd, events, EVENTS, 100);

                for (int i = 0; i < n; i++)
                        take(events[i].data.ptr);
        }
        printf("{\"answers\": %llu, \"per_s\": %.1f, \"hosts\": %llu, \"least\": %zu, \"most\": %zu, \"p50_ms\": %.3f, "
               "\"p99_ms\": %.3f}\n",
               (unsigned long long)sum.answers, (double)sum.answers * 1e6 / (double)(now_us() - start),
               (unsigned long long)sum.hosts, sum.least, sum.most, samples_percentile(&sum.took, 50),
               samples_percentile(&sum.took, 99));
        return 0;
}
