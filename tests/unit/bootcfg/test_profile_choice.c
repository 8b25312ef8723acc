/* SPDX-License-Identifier: Apache-2.0 */
/* Rules: which hosts they match, and in which order settings, rules, hosts and defaults decide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/profile_choice.h"

static const struct host_brief desk = {
        .name = "desk-12", .mac = {{0x52, 0x54, 0x00, 1, 2, 3}}, .labels = "room-a, desks", .profile = ""};
static const struct host_setting no_setting;
static const struct profile_facts facts = {
        .host = &desk, .setting = &no_setting, .manufacturer = "Dell Inc.", .product = "OptiPlex 9020"};

static void
a_rule_without_conditions_matches_every_host(void **state)
{
        (void)state;
        assert_true(profile_rule_matches(&(struct rule){.name = "all"}, &facts));
}

static void
each_condition_is_looked_at(void **state)
{
        static const struct {
                struct rule rule;
                bool matches;
        } cases[] = {
                {{.hosts = "desk-*"}, true},
                {{.hosts = "lab-*, desk-1[0-3]"}, true},
                {{.hosts = "desk"}, false},
                {{.labels = "desks"}, true},
                {{.labels = "room-b room-a"}, true},
                {{.labels = "room"}, false},
                {{.mac = "52:54:00"}, true},
                {{.mac = "52:54:00:01:02:03"}, true},
                {{.mac = "52:54:01"}, false},
                {{.smbios = "dell*/optiplex*"}, true}, /* without regard to case */
                {{.smbios = "HP/*"}, false},
                {{.hosts = "desk-*", .labels = "servers"}, false}, /* all that are given */
                {{.hosts = "desk-*", .labels = "desks", .mac = "52", .smbios = "Dell*"}, true},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                if (profile_rule_matches(&cases[i].rule, &facts) != cases[i].matches)
                        fail_msg("case %zu", i);
}

static void
hardware_that_is_not_known_matches_no_smbios_rule(void **state)
{
        struct profile_facts f = facts;

        (void)state;
        f.manufacturer = f.product = "";
        assert_false(profile_rule_matches(&(struct rule){.smbios = "*"}, &f));
}

/* --- the order of who decides --- */

static struct config *
config(void)
{
        struct config *c = calloc(1, sizeof(*c));

        strcpy(c->default_profile, "local");
        return c;
}

static void
add_rule(struct config *c, const char *name, const char *profile, uint32_t from, uint32_t to)
{
        struct rule *r = &c->rules[c->n_rules++];

        strcpy(r->name, name);
        strcpy(r->profile, profile);
        r->from = from;
        r->to = to;
}

/* Who decides for desk-12 on Monday at @minute, and what. */
static void
check(const struct config *c, const struct host_setting *s, const char *own, uint16_t minute, const char *profile,
      enum policy_by by)
{
        struct host_brief h = desk;
        const struct profile_facts f = {.host = &h, .setting = s};
        const struct policy_time t = {.minute = minute};
        struct policy_choice choice;

        h.profile = own;
        profile_choose(c, &f, &t, &choice);
        assert_string_equal(config_profile_at(c, choice.profile)->name, profile);
        assert_int_equal(choice.by, by);
}

static void
next_boot_setting_rule_host_default_in_this_order(void **state)
{
        struct host_setting s = {.profile = "pool", .once = "inspect"};
        struct config *c = config();

        (void)state;
        add_rule(c, "work", "rescue", 480, 1200);
        check(c, &s, "pool", 600, "inspect", POLICY_BY_ONCE);
        s.once[0] = '\0';
        check(c, &s, "local", 600, "pool", POLICY_BY_SETTING);
        check(c, &no_setting, "pool", 600, "rescue", POLICY_BY_RULE);
        check(c, &no_setting, "pool", 479, "pool", POLICY_BY_HOST);
        check(c, &no_setting, "", 1200, "local", POLICY_BY_DEFAULT);
        strcpy(c->default_profile, "pool");
        check(c, &no_setting, "", 1200, "pool", POLICY_BY_DEFAULT);
        free(c);
}

static void
behind_an_order_for_the_next_boot_stands_what_follows(void **state)
{
        const struct host_setting s = {.once = "inspect", .once_set_ms = 7900};
        const struct profile_facts f = {.host = &desk, .setting = &s};
        struct policy_choice choices[POLICY_MAX_CHOICES];
        struct config *c = config();
        uint32_t left_out, n;

        (void)state;
        for (int i = 0; i < POLICY_MAX_CHOICES; i++)
                add_rule(c, "timed", "rescue", 600, 660);
        n = profile_choices(c, &f, choices, &left_out);
        assert_int_equal(n, POLICY_MAX_CHOICES);
        assert_int_equal(left_out, 2);
        assert_int_equal(choices[0].by, POLICY_BY_ONCE);
        assert_int_equal(choices[0].set_s, 7);
        assert_int_equal(choices[1].by, POLICY_BY_RULE);
        assert_int_equal(choices[n - 1].by, POLICY_BY_DEFAULT);
        free(c);
}

static void
a_profile_that_does_not_exist_is_passed_over(void **state)
{
        struct host_setting s = {.profile = "gone", .once = "gone-too"};
        struct config *c = config();

        (void)state;
        add_rule(c, "old", "gone", 0, 0);
        strcpy(c->default_profile, "gone");
        check(c, &s, "gone", 600, "local", POLICY_BY_DEFAULT);
        check(c, &s, "pool", 600, "pool", POLICY_BY_HOST);
        free(c);
}

static void
the_first_rule_wins_and_one_without_a_time_hides_what_follows(void **state)
{
        struct policy_choice choices[POLICY_MAX_CHOICES];
        struct config *c = config();
        uint32_t left_out;

        (void)state;
        add_rule(c, "one", "rescue", 600, 660);
        add_rule(c, "two", "pool", 0, 0);
        add_rule(c, "three", "inspect", 0, 0);
        assert_int_equal(profile_choices(c, &facts, choices, &left_out), 2);
        assert_int_equal(choices[1].rule, 1);
        assert_int_equal(left_out, 0);
        check(c, &no_setting, "local", 600, "rescue", POLICY_BY_RULE);
        check(c, &no_setting, "local", 660, "pool", POLICY_BY_RULE);
        free(c);
}

static void
rules_beyond_the_snapshots_room_are_counted_and_the_last_resort_stays(void **state)
{
        struct policy_choice choices[POLICY_MAX_CHOICES];
        struct config *c = config();
        uint32_t left_out, n;

        (void)state;
        for (int i = 0; i < POLICY_MAX_CHOICES + 1; i++)
                add_rule(c, "r", "pool", 600, 601);
        n = profile_choices(c, &facts, choices, &left_out);
        assert_int_equal(n, POLICY_MAX_CHOICES);
        assert_int_equal(left_out, 2);
        assert_int_equal(choices[n - 1].by, POLICY_BY_DEFAULT);
        free(c);
}

static void
built_in_profiles_are_there_and_can_be_described_anew(void **state)
{
        struct config *c = config();
        uint32_t n = 0;

        (void)state;
        while (config_profile_at(c, n))
                n++;
        assert_int_equal(n, 4);
        assert_int_equal(config_profile(c, "rescue")->kind, PROFILE_RESCUE);
        assert_null(config_profile(c, "chain"));
        c->n_profiles = 1;
        c->profiles[0] = (struct profile){.name = "pool", .kind = PROFILE_POOL, .image = "big"};
        assert_string_equal(config_profile(c, "pool")->image, "big");
        assert_int_equal(config_profile_index(c, "pool"), 3); /* once, behind the built-in ones */
        assert_null(config_profile_at(c, 4));
        free(c);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rule_without_conditions_matches_every_host),
                cmocka_unit_test(each_condition_is_looked_at),
                cmocka_unit_test(hardware_that_is_not_known_matches_no_smbios_rule),
                cmocka_unit_test(next_boot_setting_rule_host_default_in_this_order),
                cmocka_unit_test(behind_an_order_for_the_next_boot_stands_what_follows),
                cmocka_unit_test(a_profile_that_does_not_exist_is_passed_over),
                cmocka_unit_test(the_first_rule_wins_and_one_without_a_time_hides_what_follows),
                cmocka_unit_test(rules_beyond_the_snapshots_room_are_counted_and_the_last_resort_stays),
                cmocka_unit_test(built_in_profiles_are_there_and_can_be_described_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
