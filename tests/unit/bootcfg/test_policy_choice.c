/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a host's choices counts at which moment: windows, midnight, days, summer time, images, menus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "fixture.h"

enum { MON, TUE, WED, THU, FRI, SAT, SUN };
#define AT(DAY, HOUR, MINUTE) (&(struct policy_time){.weekday = DAY, .minute = (HOUR)*60 + (MINUTE)})
#define MON_FRI 0x1f

static struct policy_choice
window(uint32_t profile, uint8_t days, unsigned from_hour, unsigned to_hour)
{
        return (struct policy_choice){.profile = profile,
                                      .rule = POLICY_NONE,
                                      .image = POLICY_HOSTS_IMAGE,
                                      .by = POLICY_BY_RULE,
                                      .days = days,
                                      .from = (uint16_t)(from_hour * 60),
                                      .to = (uint16_t)(to_hour * 60)};
}

static void
a_window_begins_at_its_minute_and_ends_before_its_last(void **state)
{
        const struct policy_choice c = window(PROFILE_LOCAL, MON_FRI, 8, 20);

        (void)state;
        assert_false(policy_choice_is_due(&c, AT(MON, 7, 59)));
        assert_true(policy_choice_is_due(&c, AT(MON, 8, 0)));
        assert_true(policy_choice_is_due(&c, AT(FRI, 19, 59)));
        assert_false(policy_choice_is_due(&c, AT(FRI, 20, 0)));
        assert_false(policy_choice_is_due(&c, AT(SAT, 12, 0)));
        assert_false(policy_choice_is_due(&c, AT(SUN, 12, 0)));
}

static void
a_window_past_midnight_belongs_to_the_day_it_begins_on(void **state)
{
        const struct policy_choice c = window(PROFILE_POOL, MON_FRI, 22, 6);

        (void)state;
        assert_false(policy_choice_is_due(&c, AT(MON, 5, 59))); /* began on Sunday, which is not in it */
        assert_true(policy_choice_is_due(&c, AT(MON, 22, 0)));
        assert_true(policy_choice_is_due(&c, AT(TUE, 5, 59)));
        assert_false(policy_choice_is_due(&c, AT(TUE, 6, 0)));
        assert_true(policy_choice_is_due(&c, AT(SAT, 5, 59))); /* began on Friday */
        assert_false(policy_choice_is_due(&c, AT(SAT, 22, 0)));
}

static void
equal_times_are_the_whole_of_its_days(void **state)
{
        const struct policy_choice c = window(PROFILE_POOL, 1 << SAT | 1 << SUN, 0, 0);

        (void)state;
        assert_true(policy_choice_is_due(&c, AT(SAT, 0, 0)));
        assert_true(policy_choice_is_due(&c, AT(SUN, 23, 59)));
        assert_false(policy_choice_is_due(&c, AT(MON, 0, 0)));
}

static void
until_midnight_is_24_00(void **state)
{
        const struct policy_choice c = window(PROFILE_POOL, 0, 20, 24);

        (void)state;
        assert_true(policy_choice_is_due(&c, AT(SUN, 23, 59)));
        assert_false(policy_choice_is_due(&c, AT(MON, 0, 0)));
}

/* A host with these choices, in a snapshot of its own. */
static struct policy *
policy_with(const struct policy_choice *choices, uint8_t n)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host host;

        fixture_header(&header);
        fixture_image(&image);
        fixture_host(&host, "n1", &mac_pool, PROFILE_LOCAL, 0, 0);
        host.n_choices = n;
        host.choices = choices;
        return fixture_build(&header, &image, 1, &host, 1);
}

static enum profile_kind
kind_at(const struct policy *p, const struct policy_time *t)
{
        struct policy_chosen chosen;

        policy_choose(p, fixture_find(p, &mac_pool), t, &chosen);
        return chosen.profile->kind;
}

static void
the_first_choice_that_is_due_counts_and_the_last_one_always_is(void **state)
{
        const struct policy_choice choices[] = {
                window(PROFILE_LOCAL, MON_FRI, 8, 20), window(PROFILE_RESCUE, 0, 12, 13),
                window(PROFILE_POOL, MON_FRI, 9, 10), /* not due on Sunday, but there is nothing else */
        };
        struct policy *p = policy_with(choices, 3);

        (void)state;
        assert_int_equal(kind_at(p, AT(MON, 12, 30)), PROFILE_LOCAL);
        assert_int_equal(kind_at(p, AT(SAT, 12, 30)), PROFILE_RESCUE);
        assert_int_equal(kind_at(p, AT(SUN, 20, 0)), PROFILE_POOL);
        policy_free(p);
}

static void
an_image_set_goes_before_the_profiles_and_that_before_the_hosts(void **state)
{
        struct policy_choice c = window(PROFILE_POOL, 0, 0, 0);
        struct policy *p = policy_with(&c, 1);
        struct policy_chosen chosen = fixture_choose(p, fixture_find(p, &mac_pool));

        (void)state;
        assert_string_equal(chosen.image->id, IMAGE_ID); /* the host's */
        policy_free(p);
        c.image = POLICY_NONE; /* one was set, and it is not there */
        p = policy_with(&c, 1);
        chosen = fixture_choose(p, fixture_find(p, &mac_pool));
        assert_null(chosen.image);
        policy_free(p);
        c = window(PROFILE_LOCAL, 0, 0, 0);
        p = policy_with(&c, 1);
        assert_null(fixture_choose(p, fixture_find(p, &mac_pool)).image); /* a kind that boots none */
        policy_free(p);
}

static void
an_unknown_host_has_no_profile(void **state)
{
        struct policy *p = fixture_policy();
        struct policy_chosen chosen = fixture_choose(p, NULL);

        (void)state;
        assert_null(chosen.profile);
        chosen = fixture_choose(NULL, NULL);
        assert_null(chosen.profile);
        policy_free(p);
}

static void
local_time_follows_summer_time(void **state)
{
        /* Friday 2026-10-23 and Monday 2026-10-26, 06:30 UTC: the clocks of Berlin went back in between. */
        struct policy_time t;

        (void)state;
        setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
        tzset();
        policy_time_at(1792737000000, &t);
        assert_int_equal(t.weekday, FRI);
        assert_int_equal(t.minute, 8 * 60 + 30);
        policy_time_at(1792996200000, &t);
        assert_int_equal(t.weekday, MON);
        assert_int_equal(t.minute, 7 * 60 + 30);
        unsetenv("TZ");
        tzset();
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_window_begins_at_its_minute_and_ends_before_its_last),
                cmocka_unit_test(a_window_past_midnight_belongs_to_the_day_it_begins_on),
                cmocka_unit_test(equal_times_are_the_whole_of_its_days),
                cmocka_unit_test(until_midnight_is_24_00),
                cmocka_unit_test(the_first_choice_that_is_due_counts_and_the_last_one_always_is),
                cmocka_unit_test(an_image_set_goes_before_the_profiles_and_that_before_the_hosts),
                cmocka_unit_test(an_unknown_host_has_no_profile),
                cmocka_unit_test(local_time_follows_summer_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
