/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a TLS stream in one loop, over a real socket of 127.0.0.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the above first */
#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls_stream.h"

#define MAX_LINES 300

struct end {
        struct tls_stream *stream;
        unsigned n_open, n_closed, n_lines;
        size_t line_sizes[MAX_LINES];
        char last_line[64];
        char reason[200];
        bool free_in_line; /* frees the stream from inside the line callback */
        const char *answer;
};

struct pair {
        uv_loop_t loop;
        struct tls_server *server;
        uint8_t fingerprint[32];
        int listener;
        uint16_t port;
        struct end a; /* server side */
        struct end b; /* client side */
};

static void
on_open(void *arg, struct tls_stream *s)
{
        struct end *e = arg;

        assert_ptr_equal(e->stream, s);
        e->n_open++;
}

static void
on_line(void *arg, struct tls_stream *s, const char *line, size_t size)
{
        struct end *e = arg;

        assert_int_equal(strlen(line), size);
        assert_true(e->n_lines < MAX_LINES);
        e->line_sizes[e->n_lines++] = size;
        snprintf(e->last_line, sizeof(e->last_line), "%s", line);
        if (e->answer)
                assert_int_equal(tls_stream_send_line(s, e->answer, strlen(e->answer)), 0);
        if (e->free_in_line) {
                tls_stream_free(s);
                e->stream = NULL;
        }
}

static void
on_closed(void *arg, struct tls_stream *s, const char *reason)
{
        struct end *e = arg;

        e->n_closed++;
        snprintf(e->reason, sizeof(e->reason), "%s", reason);
        tls_stream_free(s);
        e->stream = NULL;
}

static const struct tls_stream_events events = {.open = on_open, .line = on_line, .closed = on_closed};

static int
pair_setup(void **state)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct pair *p = calloc(1, sizeof(*p));
        socklen_t size = sizeof(at);
        char *cert, *key;
        struct error err;

        uv_loop_init(&p->loop);
        assert_int_equal(tls_make_certificate("dompool", 1800000000, &cert, &key, &err), 0);
        assert_int_equal(tls_certificate_fingerprint(cert, strlen(cert), p->fingerprint, &err), 0);
        assert_int_equal(tls_server_new(cert, strlen(cert), key, strlen(key), &p->server, &err), 0);
        free(cert);
        free(key);
        p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(p->listener, 4), 0);
        getsockname(p->listener, (struct sockaddr *)&at, &size);
        p->port = ntohs(at.sin_port);
        *state = p;
        return 0;
}

static int
pair_teardown(void **state)
{
        struct pair *p = *state;

        tls_stream_free(p->a.stream);
        tls_stream_free(p->b.stream);
        uv_run(&p->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&p->loop), 0); /* no handle was forgotten */
        tls_server_free(p->server);
        close(p->listener);
        free(p);
        return 0;
}

static void
accept_one(struct pair *p)
{
        int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(tls_server_accept(p->server, &p->loop, fd, &events, &p->a, &p->a.stream), 0);
}

static void
connect_pair(struct pair *p)
{
        struct error err;

        assert_int_equal(
                tls_stream_connect(&p->loop, INADDR_LOOPBACK, p->port, p->fingerprint, &events, &p->b, &p->b.stream, &err), 0);
        accept_one(p);
}

/* Turns the loop until *what reaches @n; fails after ten seconds. */
static void
run_until(struct pair *p, const unsigned *what, unsigned n)
{
        uint64_t end = uv_hrtime() + 10000000000ull;

        while (*what < n && uv_hrtime() < end)
                uv_run(&p->loop, UV_RUN_NOWAIT);
        assert_true(*what >= n);
}

static void
open_pair(struct pair *p)
{
        connect_pair(p);
        run_until(p, &p->a.n_open, 1);
        run_until(p, &p->b.n_open, 1);
}

static void
lines_go_both_ways_whole_and_in_order(void **state)
{
        struct pair *p = *state;
        char *large = malloc(200000);

        open_pair(p);
        assert_int_equal(tls_stream_peer(p->a.stream), INADDR_LOOPBACK);
        memset(large, 'x', 200000);
        assert_int_equal(tls_stream_send_line(p->b.stream, "hello", 5), 0);
        assert_int_equal(tls_stream_send_line(p->b.stream, "", 0), 0);
        assert_int_equal(tls_stream_send_line(p->b.stream, large, 200000), 0);
        assert_int_equal(tls_stream_send_line(p->b.stream, "end", 3), 0);
        run_until(p, &p->a.n_lines, 4);
        assert_int_equal(p->a.line_sizes[0], 5);
        assert_int_equal(p->a.line_sizes[1], 0);
        assert_int_equal(p->a.line_sizes[2], 200000);
        assert_string_equal(p->a.last_line, "end");
        assert_int_equal(tls_stream_send_line(p->a.stream, "welcome", 7), 0);
        run_until(p, &p->b.n_lines, 1);
        assert_string_equal(p->b.last_line, "welcome");
        free(large);
}

static void
a_queue_larger_than_the_socket_takes_arrives_whole(void **state)
{
        struct pair *p = *state;
        char *line = malloc(100000);

        open_pair(p);
        memset(line, 'y', 100000);
        for (unsigned i = 0; i < 150; i++)
                assert_int_equal(tls_stream_send_line(p->a.stream, line, 100000), 0);
        run_until(p, &p->b.n_lines, 150);
        for (unsigned i = 0; i < 150; i++)
                assert_int_equal(p->b.line_sizes[i], 100000);
        free(line);
}

static void
the_send_queue_has_a_limit(void **state)
{
        struct pair *p = *state;
        char *line = calloc(1, 1000000);
        unsigned n = 0;
        int r;

        open_pair(p);
        memset(line, 'z', 1000000);
        while ((r = tls_stream_send_line(p->a.stream, line, 1000000)) == 0)
                n++;
        assert_int_equal(r, -ENOBUFS);
        assert_int_equal(n, 16);
        free(line);
}

static void
a_line_over_the_limit_closes_the_stream(void **state)
{
        struct pair *p = *state;
        char *line = malloc(TLS_LINE_MAX + 1);

        open_pair(p);
        memset(line, 'x', TLS_LINE_MAX + 1);
        assert_int_equal(tls_stream_send_line(p->b.stream, line, TLS_LINE_MAX + 1), 0);
        run_until(p, &p->a.n_closed, 1);
        assert_string_equal(p->a.reason, "a line is longer than 1 MiB");
        assert_int_equal(p->a.n_lines, 0);
        run_until(p, &p->b.n_closed, 1);
        free(line);
}

static void
a_client_refuses_a_certificate_that_is_not_the_pinned_one(void **state)
{
        struct pair *p = *state;

        p->fingerprint[31] ^= 1;
        connect_pair(p);
        run_until(p, &p->b.n_closed, 1);
        run_until(p, &p->a.n_closed, 1);
        assert_non_null(strstr(p->b.reason, "not the pinned one"));
        assert_int_equal(p->b.n_open, 0);
        assert_int_equal(p->a.n_open, 0);
}

static void
plain_text_to_a_tls_port_is_cut(void **state)
{
        struct pair *p = *state;
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(p->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

        assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        accept_one(p);
        assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
        run_until(p, &p->a.n_closed, 1);
        assert_int_equal(p->a.n_open, 0);
        close(fd);
}

static void
the_last_words_before_a_free_still_arrive(void **state)
{
        struct pair *p = *state;

        open_pair(p);
        p->a.answer = "refused";
        p->a.free_in_line = true;
        assert_int_equal(tls_stream_send_line(p->b.stream, "hello", 5), 0);
        run_until(p, &p->b.n_lines, 1);
        assert_string_equal(p->b.last_line, "refused");
        run_until(p, &p->b.n_closed, 1);
        assert_string_equal(p->b.reason, "closed by the peer");
        assert_int_equal(p->a.n_closed, 0); /* who frees it gets no callback */
}

static void
nobody_listening_is_told_with_the_reason(void **state)
{
        struct pair *p = *state;
        struct error err;

        close(p->listener);
        p->listener = -1;
        assert_int_equal(
                tls_stream_connect(&p->loop, INADDR_LOOPBACK, p->port, p->fingerprint, &events, &p->b, &p->b.stream, &err), 0);
        run_until(p, &p->b.n_closed, 1);
        assert_string_equal(p->b.reason, "connecting: Connection refused");
}

static void
sending_before_it_is_open_is_refused(void **state)
{
        struct pair *p = *state;

        connect_pair(p);
        assert_int_equal(tls_stream_send_line(p->b.stream, "x", 1), -EPIPE);
}

static void
a_fingerprint_needs_a_certificate(void **state)
{
        uint8_t fingerprint[32];
        struct error err;

        (void)state;
        assert_int_equal(tls_certificate_fingerprint("no PEM", 6, fingerprint, &err), -EINVAL);
        assert_int_equal(err.code, ERR_CONFIG);
}

#define PAIR_TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                PAIR_TEST(lines_go_both_ways_whole_and_in_order),
                PAIR_TEST(a_queue_larger_than_the_socket_takes_arrives_whole),
                PAIR_TEST(the_send_queue_has_a_limit),
                PAIR_TEST(a_line_over_the_limit_closes_the_stream),
                PAIR_TEST(a_client_refuses_a_certificate_that_is_not_the_pinned_one),
                PAIR_TEST(plain_text_to_a_tls_port_is_cut),
                PAIR_TEST(the_last_words_before_a_free_still_arrive),
                PAIR_TEST(nobody_listening_is_told_with_the_reason),
                PAIR_TEST(sending_before_it_is_open_is_refused),
                cmocka_unit_test(a_fingerprint_needs_a_certificate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
