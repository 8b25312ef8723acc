/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of other HTTP servers, made impossible in our `files` role. See cve.h. */
#include "cve.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/http_range.h"
#include "server/role_files.h"
#include "stage.h"

#define WAIT_MS 700
#define FILE_SIZE 100000u

static int
setup(void **state)
{
        struct stage *s = stage_new(&role_files_def);
        static char body[FILE_SIZE];

        memset(body, 'b', sizeof(body));
        stage_file(s, "images/loaders/file", body, sizeof(body));
        stage_file(s, "images/secret", "a secret", 8);
        *state = s;
        return 0;
}

static int
teardown(void **state)
{
        stage_remove_files(*state);
        return 0;
}

struct response {
        char text[FILE_SIZE + 2000];
        size_t size;
        unsigned status;
        const char *body; /* NULL: there is no end of the head */
        size_t body_size;
};

/* Reads until the server closes, or is quiet for as long as one waits. */
static void
receive(struct stage *s, int fd, struct response *ret)
{
        ssize_t n = 1;

        ret->size = 0;
        while (n > 0 && ret->size < sizeof(ret->text) - 1 && stage_wait(s, fd, WAIT_MS)) {
                n = recv(fd, ret->text + ret->size, sizeof(ret->text) - 1 - ret->size, MSG_DONTWAIT);
                if (n > 0)
                        ret->size += (size_t)n;
        }
        ret->text[ret->size] = '\0';
        ret->status = strncmp(ret->text, "HTTP/1.1 ", 9) == 0 ? (unsigned)atoi(ret->text + 9) : 0;
        ret->body = strstr(ret->text, "\r\n\r\n");
        ret->body = ret->body ? ret->body + 4 : NULL;
        ret->body_size = ret->body ? ret->size - (size_t)(ret->body - ret->text) : 0;
}

static struct response *
talk(struct stage *s, const char *request, size_t size)
{
        static struct response response;
        int fd = stage_client(s, SOCK_STREAM, 1, 0);
        size_t sent = 0;

        assert_true(fd >= 0);
        for (unsigned turns = 0; sent < size && turns < 1000; turns++) {
                ssize_t n = send(fd, request + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        break; /* the server has heard enough */
                sent += n > 0 ? (size_t)n : 0;
                stage_turn(s, 0);
        }
        receive(s, fd, &response);
        close(fd);
        return &response;
}

static struct response *
get(struct stage *s, const char *path, const char *more)
{
        char request[1000];
        int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", path, more);

        return talk(s, request, (size_t)n);
}

static void
assert_alive(struct stage *s)
{
        const struct response *r = get(s, "/file", "");

        assert_int_equal(r->status, 200);
        assert_int_equal(r->body_size, FILE_SIZE);
}

/* nginx: numbers of a range ran over, and bytes before the file were sent. */
static void
cve_2017_7529_ranges_that_run_over(void **state)
{
        static const char *const ranges[] = {
                "bytes=18446744073709551615-",  "bytes=18446744073709551616-",
                "bytes=18446744073709551617-5", "bytes=0-18446744073709551616",
                "bytes=-18446744073709551615",  "bytes=-18446744073709551617",
                "bytes=-9223372036854775808",   "bytes=9223372036854775807-9223372036854775808",
                "bytes=36893488147419103233-",  "bytes=99999999999999999999999999999999999999-1",
        };
        static const uint64_t sizes[] = {0, 1, 1000, UINT64_MAX};

        (void)state;
        for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
                for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
                        uint64_t start = 0, length = 0;

                        if (http_range_parse(ranges[i], sizes[k], &start, &length) != HTTP_RANGE_PART)
                                continue;
                        assert_true(length > 0 && start < sizes[k] && length <= sizes[k] - start);
                }
        assert_int_equal(http_range_parse("bytes=18446744073709551617-", 1000, &(uint64_t){0}, &(uint64_t){0}), HTTP_RANGE_BAD);
}

/* lighttpd: /alias../ leads to the folder above the alias. */
static void
cve_2018_19052_names_behind_an_alias(void **state)
{
        static const char *const paths[] = {
                "/loaders../secret",   "/loaders/../secret",
                "/loaders..%2fsecret", "/loaders%2f..%2fsecret",
                "/blob../secret",      "/blob/../secret",
                "/i../secret",         "/i/../secret",
                "/loaders./secret",    "/loaders../loaders/../secret",
        };
        struct stage *s = *state;

        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
                const struct response *r = get(s, paths[i], "");

                if (r->status != 404 || strstr(r->text, "a secret") || strstr(r->text, s->path))
                        fail_msg("%s: %s", paths[i], r->text);
        }
        assert_alive(s);
}

/* nginx: the size of a chunk was a signed number. Here also a body in small chunks that never ends. */
static void
cve_2013_2028_chunks(void **state)
{
        static const char head[] =
                "POST /boot/report HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        static const char *const sizes[] = {"FFFFFFFFFFFFFFFF", "8000000000000000", "-1", "7fffffffffffffff",
                                            "10000000000000001"};
        static char request[70000];
        struct stage *s = *state;
        const struct response *r;
        size_t n;

        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                n = (size_t)snprintf(request, sizeof(request), "%s%s\r\n%0*d\r\n0\r\n\r\n", head, sizes[i], 5000, 0);
                r = talk(s, request, n);
                assert_true(r->status == 0 || r->status >= 400);
        }
        n = (size_t)snprintf(request, sizeof(request), "%s", head);
        while (n + 300 < sizeof(request))
                n += (size_t)snprintf(request + n, sizeof(request) - n, "f0\r\n%0*d\r\n", 0xf0, 0);
        n += (size_t)snprintf(request + n, sizeof(request) - n, "0\r\n\r\n");
        r = talk(s, request, n);
        assert_int_equal(r->status, 413);
        assert_alive(s);
}

/* shim: an HTTP client that trusts Content-Length must be told the truth, also of a part. */
static void
cve_2023_40547_content_length_is_the_size_of_the_body(void **state)
{
        static const char *const ranges[] = {"",
                                             "Range: bytes=0-9\r\n",
                                             "Range: bytes=99990-\r\n",
                                             "Range: bytes=-7\r\n",
                                             "Range: bytes=200000-\r\n",
                                             "Range: bytes=99999-4000000000\r\n"};
        struct stage *s = *state;

        for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
                const struct response *r = get(s, "/file", ranges[i]);
                const char *length = strcasestr(r->text, "\r\nContent-Length: ");

                assert_non_null(length);
                assert_non_null(r->body);
                assert_int_equal(strtoull(length + 18, NULL, 10), r->body_size);
        }
}

/* Kea: what is nested deeply, or is large, ran over the stack. */
static void
cve_2026_3608_reports_that_are_deep_or_large(void **state)
{
        static char text[FILES_REPORT_MAX + 1];
        struct msg_init_report report;
        struct error err = {0};

        (void)state;
        memset(text, '[', sizeof(text));
        assert_true(files_report_parse(text, FILES_REPORT_MAX, &report, &err) < 0);
        assert_int_equal(err.code, ERR_INVALID);
        assert_true(files_report_parse(text, sizeof(text), &report, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
}

#define FEW_FILES 560u
#define FEW_CONNECTIONS ((FEW_FILES - 256) * 3 / 4)

/* The role starts where there may be few files only, and so takes few connections; the test itself has as many as it likes. */
static int
setup_with_few_files(void **state)
{
        struct rlimit limit;
        int r;

        getrlimit(RLIMIT_NOFILE, &limit);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){FEW_FILES, limit.rlim_max});
        r = setup(state);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit.rlim_max, limit.rlim_max});
        return r;
}

/* ISC dhcpd: a control channel took connections without limit. */
static void
cve_2016_2774_connections_have_a_limit(void **state)
{
        struct stage *s = *state;
        unsigned before = stage_n_fds(), n = 2 * FEW_CONNECTIONS;
        int fds[2 * FEW_CONNECTIONS];

        for (unsigned i = 0; i < n; i++) {
                fds[i] = stage_client(s, SOCK_STREAM, 1, 0);
                assert_true(fds[i] >= 0);
                (void)!send(fds[i], "GET /fi", 7, MSG_NOSIGNAL);
                stage_turn(s, 1);
        }
        stage_turn(s, 20);
        assert_true(stage_n_fds() - before - n <= FEW_CONNECTIONS); /* the role's side of them */
        assert_alive(s);
        for (unsigned i = 0; i < n; i++)
                close(fds[i]);
        stage_turn(s, 20);
        assert_alive(s);
}

/* ISC dhcpd: connections that ended left their descriptors behind. */
static void
cve_2017_3144_descriptors_are_given_back(void **state)
{
        struct stage *s = *state;
        unsigned before;

        assert_alive(s);
        before = stage_n_fds();
        for (unsigned i = 0; i < 20; i++) {
                int fd = stage_client(s, SOCK_STREAM, 1, 0);

                (void)!send(fd, "GET /file HTTP/1.1\r\nHost: x\r\n\r\n", 32, MSG_NOSIGNAL);
                stage_turn(s, 1);
                close(fd); /* in the middle of the answer */
                assert_int_equal(get(s, "/file", "If-None-Match: *\r\n")->status, 304);
                assert_int_equal(get(s, "/file", "Range: bytes=100000-\r\n")->status, 416);
                assert_int_equal(get(s, "/file", "Range: bytes=5-9\r\n")->status, 206);
                assert_int_equal(get(s, "/loaders", "")->status, 404); /* a folder: opened and refused */
        }
        stage_turn(s, 20);
        assert_int_equal(stage_n_fds(), before);
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cve_2017_7529_ranges_that_run_over),
        CASE(cve_2018_19052_names_behind_an_alias),
        CASE(cve_2013_2028_chunks),
        CASE(cve_2023_40547_content_length_is_the_size_of_the_body),
        cmocka_unit_test(cve_2026_3608_reports_that_are_deep_or_large),
        cmocka_unit_test_setup_teardown(cve_2016_2774_connections_have_a_limit, setup_with_few_files, teardown),
        CASE(cve_2017_3144_descriptors_are_given_back),
};

CVE_MAIN(tests)
