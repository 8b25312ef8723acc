/* SPDX-License-Identifier: Apache-2.0 */
/* The Range header: a table of what is asked and what comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http_range.h"

static const struct {
        const char *text;
        uint64_t size;
        int result;
        uint64_t start, length;
} cases[] = {
        {NULL, 100, 200, 0, 0},
        {"bytes=0-0", 100, 206, 0, 1},
        {"bytes=0-", 100, 206, 0, 100},
        {"bytes=10-19", 100, 206, 10, 10},
        {"BYTES=10-19", 100, 206, 10, 10},
        {"bytes=90-1000", 100, 206, 90, 10},
        {"bytes= 5-6 ", 100, 206, 5, 2},
        {"bytes=-1", 100, 206, 99, 1},
        {"bytes=-200", 100, 206, 0, 100},
        {"bytes=-0", 100, 416, 0, 0},
        {"bytes=100-", 100, 416, 0, 0},
        {"bytes=100-200", 100, 416, 0, 0},
        {"bytes=0-", 0, 416, 0, 0},
        {"bytes=-1", 0, 416, 0, 0},
        {"bytes=9-5", 100, 200, 0, 0},
        {"bytes=0-1,4-5", 100, 200, 0, 0},
        {"bytes=", 100, 200, 0, 0},
        {"bytes=-", 100, 200, 0, 0},
        {"bytes=a-b", 100, 200, 0, 0},
        {"bytes=1", 100, 200, 0, 0},
        {"bytes=+1-2", 100, 200, 0, 0},
        {"lines=1-2", 100, 200, 0, 0},
        {"", 100, 200, 0, 0},
        /* CVE-2017-7529: sums that wrap. */
        {"bytes=-18446744073709551615", 100, 206, 0, 100},
        {"bytes=-99999999999999999999999999", 100, 206, 0, 100},
        {"bytes=99999999999999999999999999-", 100, 416, 0, 0},
        {"bytes=0-18446744073709551615", UINT64_MAX, 206, 0, UINT64_MAX},
        {"bytes=1-99999999999999999999999999", 100, 206, 1, 99},
};

static void
each_range_gives_what_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t start = 0, length = 0;

                if ((int)http_range_parse(cases[i].text, cases[i].size, &start, &length) != cases[i].result)
                        fail_msg("'%s' of %llu", cases[i].text ? cases[i].text : "(none)", (unsigned long long)cases[i].size);
                assert_int_equal(start, cases[i].start);
                assert_int_equal(length, cases[i].length);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(each_range_gives_what_the_table_says)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
