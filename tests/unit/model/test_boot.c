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
a_note_is_kept_once_a_kind_and_counted(void **state)
{
        struct boot b = {.number = 1};

        (void)state;
        assert_null(boot_note_find(&b, BOOT_NOTE_CUT));
        boot_note(&b, BOOT_NOTE_CUT, 10, "first");
        boot_note(&b, BOOT_NOTE_DAMAGED, 11, "initrd");
        boot_note(&b, BOOT_NOTE_CUT, 12, "second");
        assert_int_equal(b.n_notes, 2);
        assert_int_equal(boot_note_find(&b, BOOT_NOTE_CUT)->count, 2);
        assert_int_equal(boot_note_find(&b, BOOT_NOTE_CUT)->time_ms, 12);
        assert_string_equal(boot_note_find(&b, BOOT_NOTE_CUT)->text, "second");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_stage_counts_once),
                cmocka_unit_test(late_word_of_a_stage_takes_its_place_in_time),
                cmocka_unit_test(the_latest_missing_files_are_kept),
                cmocka_unit_test(a_note_is_kept_once_a_kind_and_counted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
