/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment rules against machines, and the share of addresses that machines under inspection may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bootcfg/enrol_choice.h"
#include "bootcfg/guest_share.h"

static const struct config_network lan = {.net = 0x0a580000, .prefix = 24, .range_first = 0x0a580064, .range_last = 0x0a580083},
                                   lab = {.name = "lab", .net = 0x0a590000, .prefix = 24};
static const struct host_hardware dell = {.manufacturer = "Dell Inc.", .product = "OptiPlex 7060", .time_ms = 1};

static void
each_condition_must_be_met_and_what_is_not_known_meets_none(void **state)
{
        static const struct {
                struct enrol_rule rule;
                bool unknown, inspected; /* does it match before and after the inspection? */
        } cases[] = {
                {{.name = "all"}, true, true},
                {{.macs = "02:00 52:54:00"}, true, true},
                {{.macs = "52:54:01"}, false, false},
                {{.networks = "10.88.0.0/24"}, true, true},
                {{.networks = "lab, 10.88.0.0/24"}, true, true},
                {{.networks = "lab"}, false, false},
                {{.firmware = QUIRK_EFI | QUIRK_IPXE}, true, true},
                {{.firmware = QUIRK_BIOS}, false, false},
                {{.smbios = "dell*/OPTIPLEX*"}, false, true},
                {{.smbios = "*"}, false, true},
                {{.smbios = "HP/*"}, false, false},
                {{.days = 2, .from = 480, .to = 600}, true, true}, /* Tuesday, 08:00-10:00 */
                {{.days = 1}, false, false},
                {{.from = 600, .to = 700}, false, false},
                {{.macs = "52", .smbios = "dell*", .networks = "lab"}, false, false},
        };
        struct enrol_facts f = {.mac = {{0x52, 0x54, 0, 1, 2, 3}}, .network = &lan, .firmware = QUIRK_EFI, .time = {1, 500}};

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                f.hardware = NULL;
                if ((enrol_choose(&cases[i].rule, 1, &f) != NULL) != cases[i].unknown)
                        fail_msg("case %zu, unknown", i);
                f.hardware = &dell;
                if ((enrol_choose(&cases[i].rule, 1, &f) != NULL) != cases[i].inspected)
                        fail_msg("case %zu, inspected", i);
        }
        f = (struct enrol_facts){.mac = f.mac}; /* nothing is known of where and how it asks */
        assert_null(enrol_choose(&(struct enrol_rule){.networks = "lab"}, 1, &f));
        assert_null(enrol_choose(&(struct enrol_rule){.firmware = QUIRK_BIOS}, 1, &f));
}

static void
the_first_rule_that_matches_wins(void **state)
{
        static const struct enrol_rule rules[] = {
                {.name = "a", .macs = "02", .action = ENROL_ENROL},
                {.name = "b", .smbios = "dell*", .action = ENROL_ENROL},
                {.name = "c", .networks = "lab", .action = ENROL_REFUSE},
                {.name = "d", .action = ENROL_INSPECT},
        };
        struct enrol_facts f = {.mac = {{0x52, 0x54, 0, 1, 2, 3}}, .network = &lan};

        (void)state;
        assert_string_equal(enrol_choose(rules, 4, &f)->name, "d");
        f.network = &lab;
        assert_string_equal(enrol_choose(rules, 4, &f)->name, "c");
        f.hardware = &dell;
        assert_string_equal(enrol_choose(rules, 4, &f)->name, "b");
        f.mac.b[0] = 2;
        assert_string_equal(enrol_choose(rules, 4, &f)->name, "a");
        assert_null(enrol_choose(rules, 0, &f));
}

/* `boot` does not know the hardware: it may be wrong towards asking, never towards silence. */
static void
only_a_certain_refusal_is_not_worth_a_question(void **state)
{
        static const struct enrol_rule by_hardware[] = {{.smbios = "dell*", .action = ENROL_ENROL}},
                                       refused[] = {{.macs = "52", .action = ENROL_REFUSE}, {.action = ENROL_ENROL}},
                                       refused_by_hardware[] = {{.smbios = "dell*", .action = ENROL_REFUSE},
                                                                {.action = ENROL_INSPECT}};
        const struct enrol_facts f = {.mac = {{0x52, 0x54, 0, 1, 2, 3}}, .network = &lan};

        (void)state;
        assert_false(enrol_may_let_in(NULL, 0, &f));
        assert_true(enrol_may_let_in(by_hardware, 1, &f));
        assert_false(enrol_may_let_in(refused, 2, &f));
        assert_true(enrol_may_let_in(refused_by_hardware, 2, &f));
}

/* --- addresses --- */

static struct mac
mac_number_of(uint8_t i)
{
        return (struct mac){{2, 0, 0, 0, 0, i}};
}

static void
guests_hold_a_quarter_of_a_range_and_only_for_their_time(void **state)
{
        struct guest_share g = {0};
        struct mac mac;

        (void)state;
        assert_int_equal(guest_share_limit(&lan), 8); /* of 32 */
        for (uint8_t i = 0; i < 8; i++) {
                mac = mac_number_of(i + 1);
                assert_true(guest_share_take(&g, &lan, &mac, lan.range_first + i, 1000, 0));
        }
        mac = mac_number_of(99);
        assert_false(guest_share_take(&g, &lan, &mac, lan.range_first + 20, 1000, 0));
        mac = mac_number_of(1); /* its own again, and then another one instead */
        assert_true(guest_share_take(&g, &lan, &mac, lan.range_first, 2000, 0));
        assert_true(guest_share_take(&g, &lan, &mac, lan.range_first + 21, 2000, 0));
        mac = mac_number_of(99);
        assert_false(guest_share_take(&g, &lan, &mac, lan.range_first + 20, 1000, 999));
        assert_true(guest_share_take(&g, &lan, &mac, lan.range_first + 20, 3000, 1000));
}

/* Or a guest could decline address after address, each of which nobody gets for a while. */
static void
a_declined_address_counts_on(void **state)
{
        struct guest_share g = {0};
        struct mac mac = mac_number_of(1);

        (void)state;
        for (uint32_t i = 0; i < 8; i++) {
                assert_true(guest_share_take(&g, &lan, &mac, lan.range_first + i, 1000, 0));
                guest_share_decline(&g, &mac, 5000);
        }
        assert_false(guest_share_take(&g, &lan, &mac, lan.range_first + 8, 1000, 4999));
        assert_true(guest_share_take(&g, &lan, &mac, lan.range_first + 8, 6000, 5000));
}

static void
all_networks_together_have_a_limit(void **state)
{
        struct config_network big = {.net = 0x0a000000, .prefix = 8, .range_first = 0x0a000100, .range_last = 0x0a00ffff};
        struct guest_share g = {0};
        struct mac mac;

        (void)state;
        assert_int_equal(guest_share_limit(&lab), 1);
        assert_int_equal(guest_share_limit(&big), GUEST_SHARE_MAX);
        for (uint8_t i = 0; i < GUEST_SHARE_MAX; i++) {
                mac = mac_number_of(i + 1);
                assert_true(guest_share_take(&g, &big, &mac, big.range_first + i, 1000, 0));
        }
        mac = mac_number_of(200);
        assert_false(guest_share_take(&g, &lab, &mac, 0x0a590005, 1000, 0));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_condition_must_be_met_and_what_is_not_known_meets_none),
                cmocka_unit_test(the_first_rule_that_matches_wins),
                cmocka_unit_test(only_a_certain_refusal_is_not_worth_a_question),
                cmocka_unit_test(guests_hold_a_quarter_of_a_range_and_only_for_their_time),
                cmocka_unit_test(a_declined_address_counts_on),
                cmocka_unit_test(all_networks_together_have_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
