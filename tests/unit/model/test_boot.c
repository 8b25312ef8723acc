/* SPDX-License-Identifier: Apache-2.0 */
/* A boot's stages, its search trail and the words about a stuck one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "model/boot.h"

static void
a_stage_counts_once(void **state)
{
        struct boot b = {.number = 1};

        (void)state;
        assert_true(boot_reach(&b, STAGE_DHCP, 1000, "first"));
        assert_false(boot_reach(&b, STAGE_DHCP, 2000, "again"));
        assert_int_equal(b.n_steps, 1);
        assert_int_equal(b.steps[0].time_ms, 1000);
        assert_string_equal(b.steps[0].text, "first");
        assert_int_equal(boot_furthest(&b), STAGE_DHCP);
}

static void
late_word_of_a_stage_takes_its_place_in_time(void **state)
{
        struct boot b = {.number = 1, .started_ms = 5000, .last_ms = 5000};

        (void)state;
        boot_reach(&b, STAGE_AGENT, 5000, "");
        boot_reach(&b, STAGE_DHCP, 1000, "");
        boot_reach(&b, STAGE_MENU, 2000, "");
        assert_int_equal(b.steps[0].stage, STAGE_DHCP);
        assert_int_equal(b.steps[1].stage, STAGE_MENU);
        assert_int_equal(b.steps[2].stage, STAGE_AGENT);
        assert_int_equal(b.started_ms, 1000);
        assert_int_equal(b.last_ms, 5000);
}

static void
the_latest_missing_files_are_kept(void **state)
{
        struct boot b = {.number = 1};
        char name[32];

        (void)state;
        for (int i = 0; i < BOOT_MAX_SEARCH + 5; i++) {
                snprintf(name, sizeof(name), "file-%d", i);
                assert_true(boot_missing(&b, name));
                assert_false(boot_missing(&b, name));
        }
        assert_int_equal(b.n_search, BOOT_MAX_SEARCH);
        assert_string_equal(b.search[0].text, "file-5");
        assert_string_equal(b.search[BOOT_MAX_SEARCH - 1].text, name);
}

static void
a_boot_on_its_way_is_not_stuck(void **state)
{
        struct boot b = {.number = 1, .started_ms = 0, .last_ms = 10000};
        char text[1200];

        (void)state;
        boot_reach(&b, STAGE_MENU, 10000, "");
        assert_string_equal(boot_stuck(&b, 20000, text, sizeof(text)), "");
}

static void
a_stuck_boot_names_stage_time_cause_and_files(void **state)
{
        struct boot b = {.number = 1, .started_ms = 0, .last_ms = 10000};
        char text[1200];

        (void)state;
        boot_reach(&b, STAGE_DHCP, 9000, "");
        boot_reach(&b, STAGE_LOADER, 10000, "");
        boot_missing(&b, "ldlinux.c32");
        boot_stuck(&b, 100000, text, sizeof(text));
        assert_non_null(strstr(text, "'loader'"));
        assert_non_null(strstr(text, "90 s"));
        assert_non_null(strstr(text, "usually"));
        assert_non_null(strstr(text, "ldlinux.c32"));
}

static void
a_failure_of_init_is_told_at_once(void **state)
{
        struct boot b = {.number = 1, .last_ms = 10000, .failed = true, .failure = "network: no NIC"};
        char text[1200];

        (void)state;
        boot_reach(&b, STAGE_INIT, 10000, "");
        assert_non_null(strstr(boot_stuck(&b, 10001, text, sizeof(text)), "no NIC"));
}

static void
a_finished_boot_is_never_stuck(void **state)
{
        struct boot b = {.number = 1, .last_ms = 10000};
        char text[1200];

        (void)state;
        boot_reach(&b, STAGE_READY, 10000, "");
        assert_string_equal(boot_stuck(&b, 10000000, text, sizeof(text)), "");
}

static void
every_stage_before_ready_has_advice_that_fits_its_buffer(void **state)
{
        char text[1200];

        (void)state;
        for (int stage = 0; stage < STAGE_READY; stage++) {
                struct boot b = {.number = 1};

                boot_reach(&b, stage, 0, "");
                for (int i = 0; i < BOOT_MAX_SEARCH; i++) {
                        memset(b.search[i].text, 'a' + i, BOOT_TEXT_SIZE - 1);
                        b.n_search = (uint32_t)i + 1;
                }
                boot_stuck(&b, 3600 * 1000, text, sizeof(text));
                assert_non_null(strstr(text, boot_stage_names[stage]));
                assert_null(strstr(text, "(null)"));
                assert_in_range(strlen(text), 50, sizeof(text) - 1);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_stage_counts_once),
                cmocka_unit_test(late_word_of_a_stage_takes_its_place_in_time),
                cmocka_unit_test(the_latest_missing_files_are_kept),
                cmocka_unit_test(a_boot_on_its_way_is_not_stuck),
                cmocka_unit_test(a_stuck_boot_names_stage_time_cause_and_files),
                cmocka_unit_test(a_failure_of_init_is_told_at_once),
                cmocka_unit_test(a_finished_boot_is_never_stuck),
                cmocka_unit_test(every_stage_before_ready_has_advice_that_fits_its_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
