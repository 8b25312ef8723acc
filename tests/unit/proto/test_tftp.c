/* SPDX-License-Identifier: Apache-2.0 */
/* TFTP packets: requests as clients send them and as nobody should, and what we build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tftp.h"

#define REQUEST(TEXT) "\0\1" TEXT, sizeof("\0\1" TEXT) /* the literal's own NUL ends the last text */

struct request_case {
        const char *data;
        size_t size;
        int why;
        const char *name;
        struct tftp_options options;
};

static const struct request_case cases[] = {
        {REQUEST("pxelinux.0\0octet"), 0, "pxelinux.0", {0}},
        {REQUEST("a\0OcTeT"), 0, "a", {0}},
        {REQUEST("a\0netascii"), 0, "a", {0}},
        /* as seen from EDK2, iPXE, GRUB, PXELINUX */
        {REQUEST("x\0octet\0tsize\0"
                 "0\0blksize\0"
                 "1468\0windowsize\0"
                 "4"),
         0,
         "x",
         {1468, 4, 0, true}},
        {REQUEST("x\0octet\0blksize\0"
                 "1432\0tsize\0"
                 "0"),
         0,
         "x",
         {1432, 0, 0, true}},
        {REQUEST("/grub/grub.cfg\0octet\0blksize\0"
                 "1024\0tsize\0"
                 "0"),
         0,
         "/grub/grub.cfg",
         {1024, 0, 0, true}},
        {REQUEST("x\0octet\0BLKSIZE\0"
                 "8\0TimeOut\0"
                 "255"),
         0,
         "x",
         {8, 0, 255, false}},
        /* values that the RFCs do not allow are as if never named */
        {REQUEST("x\0octet\0blksize\0"
                 "7"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0blksize\0"
                 "0"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0blksize\0"
                 "-1"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0blksize\0"
                 "abc"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0blksize\0"
                 "65465"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0blksize\0"
                 "65464"),
         0,
         "x",
         {65464, 0, 0, false}},
        {REQUEST("x\0octet\0blksize\0"
                 "4294967808"),
         0,
         "x",
         {0}}, /* 2^32 + 512 */
        {REQUEST("x\0octet\0blksize\0"), 0, "x", {0}},
        {REQUEST("x\0octet\0windowsize\0"
                 "0"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0windowsize\0"
                 "65536"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0timeout\0"
                 "0"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0timeout\0"
                 "256"),
         0,
         "x",
         {0}},
        {REQUEST("x\0octet\0utimeout\0"
                 "1\0multicast\0"
                 ",,"),
         0,
         "x",
         {0}}, /* CVE-2011-2199: no such option here */
        {REQUEST("x\0octet\0blksize\0"
                 "100\0blksize\0"
                 "200"),
         0,
         "x",
         {100, 0, 0, false}},
        {"\0\1x\0octet\0blksize", sizeof("\0\1x\0octet\0blksize"), 0, "x", {0}}, /* CVE-2009-2958: no value */
        {"\0\1x\0octet\0blksize\0"
         "512",
         sizeof("\0\1x\0octet\0blksize\0"
                "512") -
                 1,
         0,
         "x",
         {0}}, /* no NUL behind it */
        {REQUEST("\0octet"), TFTP_REFUSED_NAME, NULL, {0}},
        {REQUEST("x\0mail"), TFTP_REFUSED_MODE, NULL, {0}},
        {REQUEST("x"), TFTP_REFUSED_MALFORMED, NULL, {0}},
        {"\0\1x\0octet", sizeof("\0\1x\0octet") - 1, TFTP_REFUSED_MALFORMED, NULL, {0}},
        {"\0\1", 2, TFTP_REFUSED_MALFORMED, NULL, {0}},
        {"\0", 1, TFTP_REFUSED_SHORT, NULL, {0}},
        {"", 0, TFTP_REFUSED_SHORT, NULL, {0}},
        /* CVE-2024-2169: never an answer to these */
        {"\0\5\0\1x", 6, TFTP_REFUSED_OPCODE, NULL, {0}},
        {"\0\4\0\1", 4, TFTP_REFUSED_OPCODE, NULL, {0}},
        {"\0\3\0\1", 4, TFTP_REFUSED_OPCODE, NULL, {0}},
        {"\0\6x", 4, TFTP_REFUSED_OPCODE, NULL, {0}},
};

static void
requests_give_what_the_table_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const struct request_case *c = &cases[i];
                struct tftp_request r;

                if (tftp_parse_request((const uint8_t *)c->data, c->size, &r) != c->why)
                        fail_msg("case %zu", i);
                if (c->why != 0)
                        continue;
                assert_string_equal(r.name, c->name);
                if (r.options.blksize != c->options.blksize || r.options.windowsize != c->options.windowsize ||
                    r.options.timeout != c->options.timeout || r.options.tsize != c->options.tsize)
                        fail_msg("options of case %zu", i);
        }
}

/* CVE-2009-2957, CVE-2021-44429: a name longer than any buffer. */
static void
long_names_are_refused(void **state)
{
        uint8_t data[TFTP_MAX_REQUEST] = {0, 1};
        struct tftp_request r;

        (void)state;
        memset(data + 2, 'a', TFTP_NAME_SIZE);
        memcpy(data + 2 + TFTP_NAME_SIZE, "\0octet", 7);
        assert_int_equal(tftp_parse_request(data, sizeof(data), &r), TFTP_REFUSED_NAME);
        memset(data + 2, 'a', sizeof(data) - 2);
        assert_int_equal(tftp_parse_request(data, sizeof(data), &r), TFTP_REFUSED_MALFORMED);
}

static void
an_oack_names_what_is_granted_and_nothing_else(void **state)
{
        const struct tftp_options o = {.blksize = 1468, .tsize = true};
        uint8_t buf[TFTP_MAX_ANSWER];

        (void)state;
        assert_int_equal(tftp_build_oack(buf, &o, 301056), 2 + sizeof("tsize\0"
                                                                      "301056\0blksize\0"
                                                                      "1468"));
        assert_memory_equal(buf,
                            "\0\6tsize\0"
                            "301056\0blksize\0"
                            "1468",
                            2 + sizeof("tsize\0"
                                       "301056\0blksize\0"
                                       "1468"));
}

static void
the_longest_oack_fits(void **state)
{
        const struct tftp_options o = {.blksize = 65464, .windowsize = 65535, .timeout = 255, .tsize = true};
        uint8_t buf[TFTP_MAX_ANSWER];

        (void)state;
        assert_true(tftp_build_oack(buf, &o, UINT64_MAX) < sizeof(buf));
}

static void
an_error_is_cut_to_its_buffer(void **state)
{
        uint8_t buf[TFTP_MAX_ANSWER];
        char text[1000], back[20];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(tftp_build_error(buf, TFTP_ERR_ACCESS, text), TFTP_MAX_ANSWER);
        assert_int_equal(buf[TFTP_MAX_ANSWER - 1], 0);
        tftp_error_text(buf, TFTP_MAX_ANSWER, back, sizeof(back));
        assert_string_equal(back, "xxxxxxxxxxxxxxxxxxx");
}

/* CVE-2019-11365, CVE-2021-46671: ERROR packets without an end. */
static void
replies_of_any_length_are_read_within_their_bounds(void **state)
{
        static const uint8_t error[] = {0, 5, 0, 8, 'n', 'o', '\n'};
        uint16_t value;
        char text[64];

        (void)state;
        for (size_t n = 0; n < 4; n++)
                assert_int_equal(tftp_parse_reply(error, n, &value), 0);
        assert_int_equal(tftp_parse_reply(error, sizeof(error), &value), TFTP_ERROR);
        assert_int_equal(value, 8);
        tftp_error_text(error, sizeof(error), text, sizeof(text));
        assert_string_equal(text, "no?");
        tftp_error_text(error, 2, text, sizeof(text));
        assert_string_equal(text, "");
        assert_int_equal(tftp_parse_reply((const uint8_t *)"\0\4\xff\xff", 4, &value), TFTP_ACK);
        assert_int_equal(value, 65535);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(requests_give_what_the_table_says),
                cmocka_unit_test(long_names_are_refused),
                cmocka_unit_test(an_oack_names_what_is_granted_and_nothing_else),
                cmocka_unit_test(the_longest_oack_fits),
                cmocka_unit_test(an_error_is_cut_to_its_buffer),
                cmocka_unit_test(replies_of_any_length_are_read_within_their_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
