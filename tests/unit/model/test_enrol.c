/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment's pure parts: names out of patterns and hostile firmware, UUIDs that say nothing, what a sighting tells, twins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "model/enrol.h"
#include "model/enrol_name.h"
#include "model/machine_id.h"
#include "model/twin.h"

static const struct mac mac = {{0x52, 0x54, 0, 0xab, 0xcd, 0xef}};

/* --- names --- */

static void
a_pattern_gives_names_with_numbers_and_words(void **state)
{
        static const struct host_hardware hw = {.serial = "5CG123", .asset = "Room 7 / PC 3"};
        static const struct {
                const char *pattern;
                uint32_t n;
                const char *name;
        } cases[] = {
                {"pc-{n:03}", 1, "pc-001"},
                {"pc-{n:03}", 1234, "pc-1234"},
                {"pc{n}", 12, "pc12"},
                {"{n}-lab", 7, "7-lab"},
                {"{mac}", 1, "525400abcdef"},
                {"{mac}", 2, "525400abcdef-2"},
                {"n-{serial}", 1, "n-5cg123"},
                {"{asset}", 1, "room-7-pc-3"},
                {"{asset}-{serial}", 3, "room-7-pc-3-5cg123-3"},
                {"Room.A_{n:02}", 9, "Room.A_09"},
        };
        char name[NAME_SIZE];
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                assert_int_equal(enrol_pattern_check(cases[i].pattern, &err), 0);
                enrol_name(cases[i].pattern, &mac, &hw, cases[i].n, name);
                assert_string_equal(name, cases[i].name);
        }
}

static void
a_pattern_that_makes_no_name_is_refused(void **state)
{
        static const char *const bad[] = {"",
                                          "pc {n}",
                                          "{n",
                                          "n}",
                                          "{}",
                                          "{nn}",
                                          "{n:3}",
                                          "{n:00}",
                                          "{n:010}",
                                          "{uuid}",
                                          "-{n}",
                                          "pc/{n}",
                                          "pc\"{n}",
                                          "{n}{n}",
                                          ".{n}",
                                          "{Serial}",
                                          "pc;{n}",
                                          "{{n}}",
                                          "\xc3\xa9{n}",
                                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{n}"};
        struct error err;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (enrol_pattern_check(bad[i], &err) == 0)
                        fail_msg("'%s' was taken", bad[i]);
}

/* What is put into a menu, a DHCP option and a kernel's command line is a name, whatever the firmware says. */
static void
hostile_words_of_firmware_leave_letters_digits_and_dashes(void **state)
{
        static const struct {
                const char *serial, *name;
        } cases[] = {
                {"../../etc/passwd", "x-etc-passwd"},
                {"a\nkernel /evil", "x-a-kernel-evil"},
                {"$(reboot)`id`\"'\\", "x-reboot-id"},
                {"---", "x-525400abcdef"},
                {"\x01\x7f\xff\xfe", "x-525400abcdef"},
                {"", "x-525400abcdef"},
                {"0000000", "x-525400abcdef"},
                {"To Be Filled By O.E.M.", "x-525400abcdef"},
                {"default string", "x-525400abcdef"},
                {"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJK", "x-abcdefghijklmnopqrstuvwxyz012345"},
        };
        struct host_hardware hw = {0};
        char name[NAME_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                snprintf(hw.serial, sizeof(hw.serial), "%s", cases[i].serial);
                enrol_name("x-{serial}", &mac, &hw, 1, name);
                assert_string_equal(name, cases[i].name);
                assert_true(name_ok(name));
        }
}

static void
a_long_name_is_cut_before_its_number(void **state)
{
        const char *pattern = "a-rather-long-beginning-of-{serial}-{asset}";
        struct host_hardware hw = {.serial = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABC", .asset = "0123456789abcdef"};
        char one[NAME_SIZE], two[NAME_SIZE];

        (void)state;
        enrol_name(pattern, &mac, &hw, 1, one);
        enrol_name(pattern, &mac, &hw, 16384, two);
        assert_int_equal(strlen(one), NAME_SIZE - 1);
        assert_int_equal(strlen(two), NAME_SIZE - 1);
        assert_string_equal(two + strlen(two) - 6, "-16384");
        assert_true(name_ok(one) && name_ok(two));
        assert_true(enrol_pattern_needs_hardware(pattern));
        assert_false(enrol_pattern_needs_hardware("pc-{n}-{mac}"));
}

/* --- rules --- */

static void
a_rule_that_cannot_mean_what_it_says_is_refused(void **state)
{
        static const struct enrol_rule good = {.name = "r",
                                               .action = ENROL_ENROL,
                                               .names = "pc-{n}",
                                               .profile = "pool",
                                               .labels = "a,b"},
                                       bad[] = {
                                               {.name = "-r"},
                                               {.name = "r", .action = 7},
                                               {.name = "r", .macs = "52:5"},
                                               {.name = "r", .macs = "52:54:00:11:22:33:44"},
                                               {.name = "r", .action = ENROL_INSPECT, .names = "pc-{n}"},
                                               {.name = "r", .action = ENROL_INSPECT, .profile = "pool"},
                                               {.name = "r", .action = ENROL_REFUSE, .labels = "a"},
                                               {.name = "r", .action = ENROL_ENROL, .names = "pc {n}"},
                                               {.name = "r", .action = ENROL_ENROL, .profile = "a b"},
                                               {.name = "r", .action = ENROL_ENROL, .labels = "a*"},
                                               {.name = "r", .from = 1441},
                                       };
        struct error err;

        (void)state;
        assert_int_equal(enrol_rule_check(&good, &err), 0);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (enrol_rule_check(&bad[i], &err) == 0)
                        fail_msg("case %zu was taken", i);
}

/* --- UUIDs and serial numbers --- */

static void
uuid(const char *hex, uint8_t ret[16])
{
        assert_int_equal(parse_hex(hex, ret, 16), 0);
}

static void
uuids_that_many_boards_have_are_none(void **state)
{
        static const char *const junk[] = {
                "00000000000000000000000000000000",
                "ffffffffffffffffffffffffffffffff",
                "fefefefefefefefefefefefefefefefe",
                "03000200040005000006000700080009",
                "00020003000400050006000700080009",
                "000102030405060708090a0b0c0d0e0f",
                "03020100050407060809"
                "0a0b0c0d0e0f",
                "12345678123456789"
                "0abcddeefaabbcc",
        };
        uint8_t u[16], key[16];

        (void)state;
        for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
                uuid(junk[i], u);
                if (machine_uuid_key(u, key))
                        fail_msg("%s was taken for a UUID", junk[i]);
                assert_false(machine_uuid_same(u, u));
        }
}

static void
a_uuid_is_the_same_in_either_byte_order(void **state)
{
        uint8_t a[16], b[16], c[16];

        (void)state;
        uuid("4c4c4544004235108052b3c04f4b4e32", a);
        uuid("44454c4c420010358052b3c04f4b4e32", b);
        uuid("44454c4c420010358052b3c04f4b4e33", c);
        assert_true(machine_uuid_same(a, b));
        assert_true(machine_uuid_same(a, a));
        assert_false(machine_uuid_same(b, c));
}

static void
fillers_of_makers_are_junk_and_numbers_are_not(void **state)
{
        static const char *const junk[] = {"",         "None",    "To be filled by O.E.M.", "DEFAULT STRING", "0",
                                           "00000000", "XXXXXXX", "System Serial Number",   "123456789",      "N/A"},
                                 *const good[] = {"5CG1234XYZ", "1234567", "PF0ABCDE", "VMware-56 4d", "0001"};

        (void)state;
        for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
                assert_true(machine_text_is_junk(junk[i]));
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                assert_false(machine_text_is_junk(good[i]));
}

/* --- sightings --- */

static struct machine_seen
sighting(const char *hex, uint32_t network, int64_t time_ms)
{
        struct machine_seen s = {.network = network, .time_ms = time_ms, .arch = 7};

        if (hex)
                uuid(hex, s.uuid);
        return s;
}

static void
another_uuid_or_two_networks_at_once_are_news(void **state)
{
        struct machine_seen s = {0}, first = sighting("4c4c4544004235108052b3c04f4b4e32", 0, 1000),
                            turned = sighting("44454c4c420010358052b3c04f4b4e32", 0, 2000), silent = sighting(NULL, 0, 3000),
                            junk = sighting("03000200040005000006000700080009", 0, 4000),
                            other = sighting("99112233445566778899aabbccddeeff", 0, 5000), moved, at_once;

        (void)state;
        assert_int_equal(machine_seen_update(&s, &first), MACHINE_AS_BEFORE);
        assert_int_equal(machine_seen_update(&s, &turned), MACHINE_AS_BEFORE);
        assert_int_equal(machine_seen_update(&s, &silent), MACHINE_AS_BEFORE);
        assert_int_equal(machine_seen_update(&s, &junk), MACHINE_AS_BEFORE);
        assert_true(machine_uuid_same(s.uuid, first.uuid)); /* who says none takes nothing away */
        assert_int_equal(machine_seen_update(&s, &other), MACHINE_OTHER_UUID);
        assert_true(machine_uuid_same(s.other_uuid, first.uuid));
        assert_int_equal(s.other_uuid_ms, 4000);
        moved = sighting("99112233445566778899aabbccddeeff", 1, 5000 + MACHINE_MOVE_MS + 1);
        assert_int_equal(machine_seen_update(&s, &moved), MACHINE_AS_BEFORE);
        assert_int_equal(s.network, 1);
        at_once = sighting("99112233445566778899aabbccddeeff", 0, moved.time_ms + 1000);
        assert_int_equal(machine_seen_update(&s, &at_once), MACHINE_OTHER_NETWORK);
        assert_int_equal(s.other_network, 1);
}

/* --- twins --- */

static void
twins_are_named_by_uuid_and_serial_number_and_further_cards_are_not_twins(void **state)
{
        uint8_t a[16], a_turned[16], junk[16];
        struct host_hardware one = {.manufacturer = "ACME", .serial = "S1234567", .time_ms = 1}, two = one, filler = one;
        struct host_hardware carded = {.time_ms = 1, .n_nics = 1, .nics = {{.mac = {{2, 0, 0, 0, 0, 8}}}}};
        struct twin_machine m[] = {
                {.name = "n1", .mac = {{2, 0, 0, 0, 0, 1}}, .uuid = a},
                {.name = "n2", .mac = {{2, 0, 0, 0, 0, 2}}, .uuid = a_turned},
                {.name = "n3", .mac = {{2, 0, 0, 0, 0, 3}}, .uuid = junk, .hardware = &one},
                {.name = "n4", .mac = {{2, 0, 0, 0, 0, 4}}, .uuid = junk, .hardware = &two},
                {.name = "n5", .mac = {{2, 0, 0, 0, 0, 5}}, .hardware = &filler},
                {.name = "n6", .mac = {{2, 0, 0, 0, 0, 6}}},
                {.name = "n7", .mac = {{2, 0, 0, 0, 0, 7}}, .hardware = &carded},
                {.name = "n8", .mac = {{2, 0, 0, 0, 0, 8}}, .uuid = carded.uuid},
        };
        char text[200];

        (void)state;
        uuid("4c4c4544004235108052b3c04f4b4e32", a);
        uuid("44454c4c420010358052b3c04f4b4e32", a_turned);
        uuid("03000200040005000006000700080009", junk);
        uuid("77112233445566778899aabbccddeeff", carded.uuid);
        strcpy(filler.serial, "Default string");
        assert_int_equal(twins_find(m, sizeof(m) / sizeof(m[0])), 0);
        assert_string_equal(twin_text(&m[0].twin, text, sizeof(text)), "its UUID is also that of n2");
        assert_string_equal(twin_text(&m[1].twin, text, sizeof(text)), "its UUID is also that of n1");
        assert_string_equal(twin_text(&m[2].twin, text, sizeof(text)), "its serial number is also that of n4");
        assert_string_equal(twin_text(&m[3].twin, text, sizeof(text)), "its serial number is also that of n3");
        assert_int_equal(m[4].twin.by, TWIN_NONE);
        assert_int_equal(m[5].twin.by, TWIN_NONE);
        assert_string_equal(twin_text(&m[7].twin, text, sizeof(text)), "a further network card of n7");
}

static void
a_uuid_of_a_whole_room_is_found_in_one_go(void **state)
{
        enum { N = 10000 };
        struct twin_machine *m = calloc(N, sizeof(*m));
        uint8_t u[16];
        char text[200];

        (void)state;
        uuid("4c4c4544004235108052b3c04f4b4e32", u);
        for (int i = 0; i < N; i++)
                m[i] = (struct twin_machine){.name = "pc", .mac = {{2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}}, .uuid = u};
        assert_int_equal(twins_find(m, N), 0);
        assert_string_equal(twin_text(&m[77].twin, text, sizeof(text)), "its UUID is also that of pc and 9998 more");
        free(m);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pattern_gives_names_with_numbers_and_words),
                cmocka_unit_test(a_pattern_that_makes_no_name_is_refused),
                cmocka_unit_test(hostile_words_of_firmware_leave_letters_digits_and_dashes),
                cmocka_unit_test(a_long_name_is_cut_before_its_number),
                cmocka_unit_test(a_rule_that_cannot_mean_what_it_says_is_refused),
                cmocka_unit_test(uuids_that_many_boards_have_are_none),
                cmocka_unit_test(a_uuid_is_the_same_in_either_byte_order),
                cmocka_unit_test(fillers_of_makers_are_junk_and_numbers_are_not),
                cmocka_unit_test(another_uuid_or_two_networks_at_once_are_news),
                cmocka_unit_test(twins_are_named_by_uuid_and_serial_number_and_further_cards_are_not_twins),
                cmocka_unit_test(a_uuid_of_a_whole_room_is_found_in_one_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
