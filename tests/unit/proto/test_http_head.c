/* SPDX-License-Identifier: Apache-2.0 */
/* A table of response heads: bytes in, verdict out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "proto/http_head.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
        const char *text;
        int result;
        unsigned status;
        uint64_t length;
} rows[] = {
        {OK "Content-Length: 5\r\n\r\nhello", 1, 200, 5},
        {OK "content-length:5\r\nX-Y: a: b\r\n\r\n", 1, 200, 5},
        {"HTTP/1.0 404 Not Found\r\nServer: x\r\nContent-Length: 0\r\n\r\n", 1, 404, 0},
        {"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 1, 503, 0},
        {OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 1, 200, 5},
        {"", 0, 0, 0},
        {"HTTP/1.1 2", 0, 0, 0},
        {OK "Content-Length: 5\r\n", 0, 0, 0},
        {"HTTP/2 200 OK\r\n\r\n", -EBADMSG, 0, 0},
        {"HTTP/1.1 2x0 OK\r\n\r\n", -EBADMSG, 0, 0},
        {"HTTP/1.1 099 OK\r\n\r\n", -EBADMSG, 0, 0},
        {"\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", -EBADMSG, 0, 0},
        {OK "Content-Length: 5\n\n", -EBADMSG, 0, 0},
        {OK "\r\n", -EBADMSG, 0, 0}, /* no length */
        {OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", -EBADMSG, 0, 0},
        {OK "Content-Length: -5\r\n\r\n", -EBADMSG, 0, 0},
        {OK "Content-Length: 5, 5\r\n\r\n", -EBADMSG, 0, 0},
        {OK "Content-Length: 99999999999999999999999\r\n\r\n", -EBADMSG, 0, 0},
        {OK "Content-Length : 5\r\n\r\n", -EBADMSG, 0, 0},
        {OK " Content-Length: 5\r\n\r\n", -EBADMSG, 0, 0},
        {OK ": 5\r\n\r\n", -EBADMSG, 0, 0},
        {OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", -EBADMSG, 0, 0},
};

static void
reads_status_and_length_and_refuses_what_is_ambiguous(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct http_head head = {0};
                int r = http_head_parse(rows[i].text, strlen(rows[i].text), &head);

                if (r != rows[i].result)
                        fail_msg("row %zu: %d instead of %d", i, r, rows[i].result);
                if (r != 1)
                        continue;
                assert_int_equal(head.status, rows[i].status);
                assert_int_equal(head.content_length, rows[i].length);
                assert_int_equal(head.size, (size_t)(strstr(rows[i].text, "\r\n\r\n") - rows[i].text) + 4);
        }
}

static void
a_head_may_come_byte_by_byte(void **state)
{
        static const char text[] = OK "Content-Length: 5\r\n\r\n";
        struct http_head head;

        (void)state;
        for (size_t n = 0; n < sizeof(text) - 1; n++)
                assert_int_equal(http_head_parse(text, n, &head), 0);
        assert_int_equal(http_head_parse(text, sizeof(text) - 1, &head), 1);
}

static void
a_head_without_end_is_refused_at_its_limit(void **state)
{
        char text[HTTP_HEAD_MAX];
        struct http_head head;

        (void)state;
        memset(text, 'a', sizeof(text));
        memcpy(text, OK "X: ", 20);
        assert_int_equal(http_head_parse(text, sizeof(text) - 1, &head), 0);
        assert_int_equal(http_head_parse(text, sizeof(text), &head), -EBADMSG);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_status_and_length_and_refuses_what_is_ambiguous),
                cmocka_unit_test(a_head_may_come_byte_by_byte),
                cmocka_unit_test(a_head_without_end_is_refused_at_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
