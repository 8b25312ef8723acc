/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, addresses, sizes and names: exactly the documented forms, whole texts only, results untouched on failure. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/parse.h"

#define UNTOUCHED 0x5a5a5a5a5a5a5a5aull

static void
numbers_are_whole_decimal_and_in_range(void **state)
{
        static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "a"};
        uint64_t v = UNTOUCHED;
        uint32_t w = 7;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(parse_u64(bad[i], UINT64_MAX, &v), -EINVAL);
        assert_int_equal(parse_u64("18446744073709551616", UINT64_MAX, &v), -ERANGE);
        assert_int_equal(parse_u64("11", 10, &v), -ERANGE);
        assert_int_equal(parse_u32("4294967296", UINT32_MAX, &w), -ERANGE);
        assert_true(v == UNTOUCHED && w == 7);
        assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &v), 0);
        assert_true(v == UINT64_MAX);
        assert_int_equal(parse_u32("0", 0, &w), 0);
        assert_int_equal(w, 0);
}

static void
mac_addresses_are_six_pairs_with_one_kind_of_separator(void **state)
{
        static const char *const bad[] = {"",
                                          "00:11:22:33:44",
                                          "00:11:22:33:44:5",
                                          "00:11:22:33:44:555",
                                          "00:11-22:33:44:55",
                                          "001122334455",
                                          "0:11:22:33:44:55",
                                          "00:11:22:33:44:5g",
                                          " 00:11:22:33:44:55",
                                          "00:11:22:33:44:55:66"};
        static const uint8_t want[6] = {0x00, 0x1a, 0x2b, 0xc3, 0xd4, 0xff};
        struct mac m = {{9, 9, 9, 9, 9, 9}}, old = m;
        char text[MAC_TEXT_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(parse_mac(bad[i], &m), -EINVAL);
        assert_true(mac_eq(&m, &old));
        assert_int_equal(parse_mac("00:1A:2b:C3:d4:ff", &m), 0);
        assert_memory_equal(m.b, want, 6);
        assert_int_equal(parse_mac("00-1a-2b-c3-d4-ff", &m), 0);
        assert_string_equal(mac_text(&m, text), "00:1a:2b:c3:d4:ff");
        assert_false(mac_zero(&m));
        assert_true(mac_zero(&(struct mac){{0}}));
}

static void
addresses_and_subnets_are_strict(void **state)
{
        static const char *const bad[] = {"",         "1.2.3",  "1.2.3.4.5", "01.2.3.4", "1.2.3.256",
                                          "1.2.3.4 ", "1..3.4", "a.b.c.d",   "1.2.3.-4"};
        static const char *const bad_nets[] = {"10.0.0.0",  "10.0.0.1/24",  "10.0.0.0/33",
                                               "10.0.0.0/", "10.0.0.0/24x", "10.0.0.0/ 24"};
        char text[IP4_TEXT_SIZE];
        unsigned prefix;
        uint32_t ip = 5;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_true(parse_ip4(bad[i], &ip) < 0);
        for (size_t i = 0; i < sizeof(bad_nets) / sizeof(bad_nets[0]); i++)
                assert_true(parse_subnet(bad_nets[i], &ip, &prefix) < 0);
        assert_int_equal(ip, 5);
        assert_int_equal(parse_ip4("10.0.255.1", &ip), 0);
        assert_int_equal(ip, 0x0a00ff01);
        assert_string_equal(ip4_text(ip, text), "10.0.255.1");
        assert_int_equal(parse_subnet("10.77.0.0/16", &ip, &prefix), 0);
        assert_int_equal(ip, 0x0a4d0000);
        assert_int_equal(prefix, 16);
        assert_int_equal(prefix_mask(16), 0xffff0000);
        assert_int_equal(prefix_mask(0), 0);
        assert_int_equal(prefix_mask(32), 0xffffffff);
}

static void
sizes_and_durations_have_units(void **state)
{
        static const struct {
                const char *text;
                uint64_t want;
        } sizes[] = {{"0", 0}, {"4096", 4096}, {"64K", 65536}, {"2m", 2 << 20}, {"1GiB", 1 << 30}, {"1TB", 1ull << 40}},
          times[] = {{"90", 90}, {"90s", 90}, {"10m", 600}, {"1h", 3600}, {"2d", 172800}};
        static const char *const bad_sizes[] = {"", "K", "1KK", "1 K", "1X", "-1K", "1iB"}, *const bad_times[] = {"",    "s",
                                                                                                                  "1x",  "1ss",
                                                                                                                  "1 s", "-1s"};
        uint64_t v = UNTOUCHED;

        (void)state;
        for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++)
                assert_int_equal(parse_size(bad_sizes[i], &v), -EINVAL);
        for (size_t i = 0; i < sizeof(bad_times) / sizeof(bad_times[0]); i++)
                assert_int_equal(parse_duration(bad_times[i], &v), -EINVAL);
        assert_int_equal(parse_size("99999999999999T", &v), -ERANGE);
        assert_int_equal(parse_duration("18446744073709551615d", &v), -ERANGE);
        assert_true(v == UNTOUCHED);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                assert_int_equal(parse_size(sizes[i].text, &v), 0);
                assert_true(v == sizes[i].want);
        }
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
                assert_int_equal(parse_duration(times[i].text, &v), 0);
                assert_true(v == times[i].want);
        }
}

static void
hex_is_exactly_as_long_as_asked_for(void **state)
{
        uint8_t b[3] = {1, 1, 1};
        char text[7];

        (void)state;
        assert_true(parse_hex("00ff", b, 3) < 0);
        assert_true(parse_hex("00ffaabb", b, 3) < 0);
        assert_true(parse_hex("00ffag", b, 3) < 0);
        assert_int_equal(b[0], 1);
        assert_int_equal(parse_hex("00FFaa", b, 3), 0);
        assert_string_equal(hex_text(b, 3, text), "00ffaa");
}

static void
names_are_short_and_plain(void **state)
{
        static const char long_name[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 64 */
        static const char *const bad[] = {"", "-a", ".a", "_a", "a b", "a/b", "\xc3\xa9", "a\n", long_name};

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(name_ok(bad[i]));
        assert_true(name_ok(long_name + 1));
        assert_true(name_ok("n1.room-2_x"));
}

static void
str_copy_cuts_and_terminates(void **state)
{
        char buf[4] = "zzz";

        (void)state;
        assert_true(str_copy(buf, sizeof(buf), "abc"));
        assert_string_equal(buf, "abc");
        assert_false(str_copy(buf, sizeof(buf), "wxyz"));
        assert_string_equal(buf, "wxy");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(numbers_are_whole_decimal_and_in_range),
                cmocka_unit_test(mac_addresses_are_six_pairs_with_one_kind_of_separator),
                cmocka_unit_test(addresses_and_subnets_are_strict),
                cmocka_unit_test(sizes_and_durations_have_units),
                cmocka_unit_test(hex_is_exactly_as_long_as_asked_for),
                cmocka_unit_test(names_are_short_and_plain),
                cmocka_unit_test(str_copy_cuts_and_terminates),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
