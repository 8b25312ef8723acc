/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of reports to the server and their HTTP form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rec_json.h"
#include "init/init_report.h"

static const struct init_options options = {.server = 0x0a4d0001, .http_port = 8080, .token = "v1.52.1.2.ff"};

static void
test_a_report_is_a_post_whose_body_the_server_can_read(void **state)
{
        struct msg_init_report back;
        struct report_queue q = {0};
        char text[REPORT_HTTP_MAX], length[64];
        const char *body;
        struct error err;
        json_t *obj;
        size_t n;

        (void)state;
        report_add(&q, &options, "network", "10.77.0.50/24 \"on\" xenbr0", false, 4711);
        n = report_request(&q.waiting[0], &options, text);
        assert_true(n > 0);
        assert_int_equal(strncmp(text, "POST /boot/report HTTP/1.1\r\nHost: 10.77.0.1:8080\r\n", 50), 0);
        body = strstr(text, "\r\n\r\n") + 4;
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
        assert_non_null(strstr(text, length));
        obj = json_parse(body, strlen(body), 4096, &err);
        assert_non_null(obj);
        assert_int_equal(rec_from_json(message_desc(MSG_INIT_REPORT), obj, &back, &err), 0);
        json_decref(obj);
        assert_string_equal(back.token, "v1.52.1.2.ff");
        assert_string_equal(back.stage, "network");
        assert_string_equal(back.text, "10.77.0.50/24 \"on\" xenbr0");
        assert_int_equal(back.uptime_ms, 4711);
}

static void
test_the_longest_report_fits(void **state)
{
        struct report_queue q = {0};
        char long_text[1000], text[REPORT_HTTP_MAX];

        (void)state;
        memset(long_text, 'x', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        report_add(&q, &options, "error", long_text, true, UINT64_MAX);
        assert_true(report_request(&q.waiting[0], &options, text) > 0);
}

static void
test_a_full_queue_forgets_progress_before_failures(void **state)
{
        struct report_queue q = {0};

        (void)state;
        report_add(&q, &options, "error", "first", true, 1);
        for (int i = 0; i < 40; i++)
                report_add(&q, &options, "network", "more", false, 2);
        assert_int_equal(q.n, REPORT_QUEUE);
        assert_string_equal(q.waiting[0].text, "first");
        for (int i = 0; i < 40; i++)
                report_add(&q, &options, "error", "again", true, 3);
        assert_int_equal(q.n, REPORT_QUEUE);
        assert_string_equal(q.waiting[REPORT_QUEUE - 1].text, "again");
}

static void
test_what_was_sent_leaves_the_queue_and_what_failed_is_tried_again_later(void **state)
{
        struct report_queue q = {0};

        (void)state;
        report_add(&q, &options, "init", "a", false, 1);
        report_add(&q, &options, "xen", "b", false, 2);
        q.n_sending = 2;
        report_add(&q, &options, "agent", "c", false, 3);
        report_ended(&q, false, 1000);
        assert_int_equal(q.n, 3);
        assert_true(q.not_before_ms > 1000);
        q.n_sending = 2;
        report_ended(&q, true, 5000);
        assert_int_equal(q.n, 1);
        assert_string_equal(q.waiting[0].text, "c");
        assert_int_equal(q.not_before_ms, 0);
}

static void
test_only_a_2xx_answer_is_success(void **state)
{
        (void)state;
        assert_int_equal(report_answer("HTTP/1.1 204 No Content\r\n", 25), 0);
        assert_int_equal(report_answer("HTTP/1.0 200 ", 13), 0);
        assert_int_equal(report_answer("HTTP/1.1 403 Forbidden\r\n", 24), -EPROTO);
        assert_int_equal(report_answer("HTTP/1.1 20", 11), -EAGAIN);
        assert_int_equal(report_answer("SSH-2.0-OpenSSH", 15), -EPROTO);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_report_is_a_post_whose_body_the_server_can_read),
                cmocka_unit_test(test_the_longest_report_fits),
                cmocka_unit_test(test_a_full_queue_forgets_progress_before_failures),
                cmocka_unit_test(test_what_was_sent_leaves_the_queue_and_what_failed_is_tried_again_later),
                cmocka_unit_test(test_only_a_2xx_answer_is_success),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
