/* SPDX-License-Identifier: Apache-2.0 */
/* The line that enrols a satellite, and the key that is derived for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "model/satellite.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LINE "dompool-satellite-1 north 10.77.0.1:8444 " HEX " " HEX

static void
a_line_comes_back_as_it_was_written(void **state)
{
        const struct satellite_enrolment e = {
                .name = "north", .address = 0x0a4d0001, .port = 8444, .fingerprint = {1, 2}, .secret = {3, 4}};
        struct satellite_enrolment back;
        char text[SATELLITE_ENROLMENT_TEXT_SIZE];
        struct error err;

        (void)state;
        satellite_enrolment_text(&e, text);
        assert_int_equal(satellite_enrolment_parse(text, strlen(text), &back, &err), 0);
        assert_memory_equal(&e, &back, sizeof(e));
}

static void
comments_and_empty_lines_are_skipped(void **state)
{
        static const char text[] = "# of the main server\n\n  " LINE "\r\n\n";
        struct satellite_enrolment e;
        struct error err;

        (void)state;
        assert_int_equal(satellite_enrolment_parse(text, strlen(text), &e, &err), 0);
        assert_string_equal(e.name, "north");
        assert_int_equal(e.address, 0x0a4d0001);
        assert_int_equal(e.port, 8444);
        assert_int_equal(e.secret[1], 0x11);
}

static void
what_is_no_line_is_refused_and_the_secret_is_never_told(void **state)
{
        static const struct {
                const char *text, *why;
        } rows[] = {
                {"", "there is no line"},
                {"# only this", "there is no line"},
                {LINE "\n" LINE, "several lines"},
                {LINE " more", "not 5 words"},
                {"dompool-satellite-1 north 10.77.0.1:8444 " HEX, "not 5 words"},
                {"dompool-satellite-9 north 10.77.0.1:8444 " HEX " " HEX, "does not begin"},
                {"dompool-satellite-1 no/rth 10.77.0.1:8444 " HEX " " HEX, "no name"},
                {"dompool-satellite-1 north 10.77.0.1 " HEX " " HEX, "no address and port"},
                {"dompool-satellite-1 north 10.77.0.1:0 " HEX " " HEX, "no address and port"},
                {"dompool-satellite-1 north 0.0.0.0:8444 " HEX " " HEX, "no address and port"},
                {"dompool-satellite-1 north 10.77.0.1:8444 xx " HEX, "no fingerprint"},
                {"dompool-satellite-1 north 10.77.0.1:8444 " HEX " " HEX "00", "no secret"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct satellite_enrolment e;
                struct error err = {0};

                assert_true(satellite_enrolment_parse(rows[i].text, strlen(rows[i].text), &e, &err) < 0);
                assert_int_equal(err.code, ERR_CONFIG);
                if (!strstr(err.message, rows[i].why))
                        fail_msg("row %zu: %s", i, err.message);
                assert_null(strstr(err.message, HEX));
        }
}

static void
each_satellite_and_each_enrolment_has_a_key_of_its_own(void **state)
{
        const uint8_t token_key[32] = {7};
        struct satellite a = {.name = "north", .secret_sha256 = {1}}, b = {.name = "south", .secret_sha256 = {1}},
                         c = {.name = "north", .secret_sha256 = {2}};
        uint8_t x[32], y[32];

        (void)state;
        satellite_key(token_key, &a, x);
        satellite_key(token_key, &a, y);
        assert_memory_equal(x, y, sizeof(x));
        assert_memory_not_equal(x, token_key, sizeof(x));
        satellite_key(token_key, &b, y);
        assert_memory_not_equal(x, y, sizeof(x));
        satellite_key(token_key, &c, y);
        assert_memory_not_equal(x, y, sizeof(x));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_comes_back_as_it_was_written),
                cmocka_unit_test(comments_and_empty_lines_are_skipped),
                cmocka_unit_test(what_is_no_line_is_refused_and_the_secret_is_never_told),
                cmocka_unit_test(each_satellite_and_each_enrolment_has_a_key_of_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
