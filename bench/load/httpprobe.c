/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An honest HTTP client: so many requests a second, each on a connection of its own, one after the other. Prints one JSON
 * object: how many were answered with 200 and as many bytes as were promised, how many were not, and how long they took from
 * connect to the last byte.
 *
 *     httpprobe server=IP [port=8080] path=/FILE [rate=100] [seconds=10] [patience=10] [from=IP]
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadgen.h"

static struct {
        uint32_t server, from;
        unsigned port;
        double rate, seconds, patience;
        const char *path;
} opt;

/* Connects, with all waiting limited. The socket or -1. */
static int
open_connection(void)
{
        const struct timeval patience = {.tv_sec = (time_t)opt.patience,
                                         .tv_usec = (suseconds_t)(opt.patience * 1e6) % 1000000};
        const struct sockaddr_in local = socket_address(opt.from, 0), to = socket_address(opt.server, (uint16_t)opt.port);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                die("socket");
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if ((opt.from && bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0) ||
            connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

/* true: a whole answer of 200. */
static bool
request(void)
{
        char buf[65536], text[512];
        size_t have = 0, wanted = 0, got = 0;
        int fd = open_connection();
        ssize_t n;

        if (fd < 0)
                return false;
        n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n", opt.path);
        if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
                goto bad;
        while ((n = recv(fd, buf + have, sizeof(buf) - 1 - have, 0)) > 0) {
                char *body, *length;

                if (wanted) {
                        got += (size_t)n;
                        continue;
                }
                have += (size_t)n;
                buf[have] = '\0';
                body = strstr(buf, "\r\n\r\n");
                if (!body)
                        continue;
                length = strcasestr(buf, "content-length:");
                if (strncmp(buf, "HTTP/1.1 200", 12) != 0 || !length || length > body)
                        goto bad;
                wanted = strtoull(length + 15, NULL, 10);
                got = have - (size_t)(body + 4 - buf);
                have = 0;
        }
        close(fd);
        return n == 0 && wanted && got == wanted;
bad:
        close(fd);
        return false;
}

int
main(int argc, char **argv)
{
        unsigned long good = 0, bad = 0;
        struct samples took;
        int64_t begin, next, worst = 0;

        (void)argc;
        opt.server = option_address(argv, "server");
        opt.from = option_address(argv, "from");
        opt.port = (unsigned)option_number(argv, "port", 8080);
        opt.rate = option_number(argv, "rate", 100);
        opt.seconds = option_number(argv, "seconds", 10);
        opt.patience = option_number(argv, "patience", 10);
        opt.path = option_text(argv, "path", "/");
        samples_init(&took, 1u << 20);
        begin = next = now_us();
        while (next < begin + (int64_t)(opt.seconds * 1e6)) {
                int64_t start = now_us();

                if (request()) {
                        int64_t us = now_us() - start;

                        good++;
                        worst = us > worst ? us : worst;
                        samples_add(&took, us);
                } else {
                        bad++;
                }
                next += (int64_t)(1e6 / opt.rate);
                if (next > now_us())
                        usleep((useconds_t)(next - now_us()));
        }
        printf("{\"good\":%lu,\"bad\":%lu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n", good, bad,
               samples_percentile(&took, 50), samples_percentile(&took, 99), (double)worst / 1000);
        return 0;
}
