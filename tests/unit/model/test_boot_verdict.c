/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of boots that do not go on: each cause by its name, and nothing of those on their way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/boot_verdict.h"

static struct boot_verdict
judge(const struct boot *b, int64_t now_ms)
{
        struct boot_verdict v;

        boot_judge(b, now_ms, &v);
        return v;
}

/* A boot that reached every stage up to @furthest (-1: none), a second each, the last one at @furthest seconds. */
static struct boot
boot_up_to(int furthest)
{
        struct boot b = {.number = 1, .last_ms = 0};

        for (int stage = 0; stage <= furthest; stage++)
                boot_reach(&b, (enum boot_stage)stage, stage * 1000, "");
        return b;
}

static void
a_boot_on_its_way_gets_no_verdict(void **state)
{
        struct boot b = boot_up_to(STAGE_MENU);

        (void)state;
        assert_null(judge(&b, 20000).name);
        assert_string_equal(judge(&b, 20000).text, "");
}

static void
a_finished_boot_gets_no_verdict(void **state)
{
        struct boot b = boot_up_to(STAGE_READY);

        (void)state;
        boot_note(&b, BOOT_NOTE_CUT, 20000, "x");
        assert_null(judge(&b, 1000000000).name);
}

static void
a_failure_of_init_is_told_at_once(void **state)
{
        struct boot b = boot_up_to(STAGE_INIT);

        (void)state;
        b.failed = true;
        strcpy(b.failure, "network: no NIC");
        assert_string_equal(judge(&b, b.last_ms + 1).name, "init-failed");
        assert_non_null(strstr(judge(&b, b.last_ms + 1).text, "no NIC"));
}

static void
silence_after_each_stage_has_a_name_and_tells_the_files_looked_for(void **state)
{
        static const char *const names[STAGE_READY] = {
                [STAGE_DHCP] = "no-loader-asked-for",
                [STAGE_LOADER] = "loader-silent",
                [STAGE_MENU] = "menu-not-followed",
                [STAGE_XEN] = "stopped-after-xen",
                [STAGE_KERNEL] = "stopped-after-kernel",
                [STAGE_INITRD] = "dom0-unheard",
                [STAGE_INIT] = "no-agent",
                [STAGE_AGENT] = "agent-mute",
        };

        (void)state;
        for (int stage = 0; stage < STAGE_READY; stage++) {
                struct boot b = boot_up_to(stage);
                struct boot_verdict v;

                for (int i = 0; i < BOOT_MAX_SEARCH; i++) {
                        memset(b.search[i].text, 'a' + i, BOOT_TEXT_SIZE - 1);
                        b.n_search = (uint32_t)i + 1;
                }
                v = judge(&b, 3600 * 1000);
                assert_string_equal(v.name, names[stage]);
                assert_non_null(strstr(v.text, boot_stage_names[stage]));
                assert_non_null(strstr(v.text, b.search[BOOT_MAX_SEARCH - 1].text));
                assert_in_range(strlen(v.text), 50, sizeof(v.text) - 1);
        }
}

struct noted {
        int furthest;
        enum boot_note_kind note;
        const char *name;
};

static const struct noted noted[] = {
        {-1, BOOT_NOTE_OTHER_SERVER, "other-dhcp-server"},
        {-1, BOOT_NOTE_NO_ADDRESS, "no-free-address"},
        {-1, BOOT_NOTE_UNREQUESTED, "offer-unheard"},
        {STAGE_DHCP, BOOT_NOTE_NO_LOADER, "no-loader-for-firmware"},
        {STAGE_DHCP, BOOT_NOTE_MISSING, "missing-file"},
        {STAGE_LOADER, BOOT_NOTE_FOREIGN_MENU, "another-hosts-menu"},
        {STAGE_KERNEL, BOOT_NOTE_DAMAGED, "damaged-file"},
        {STAGE_KERNEL, BOOT_NOTE_CUT, "transfer-broken-off"},
        {STAGE_INITRD, BOOT_NOTE_UNREQUESTED, "dom0-hears-nothing"},
        {STAGE_INITRD, BOOT_NOTE_TOKEN, "token-refused"},
};

static void
what_was_seen_comes_before_what_silence_tells(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++) {
                struct boot b = boot_up_to(noted[i].furthest);
                struct boot_verdict v;

                boot_note(&b, noted[i].note, b.last_ms + 1, "10.0.0.9");
                v = judge(&b, b.last_ms + 60000);
                assert_non_null(v.name);
                assert_string_equal(v.name, noted[i].name);
                assert_non_null(strstr(v.text, "10.0.0.9"));
        }
}

static void
a_note_from_before_the_last_stage_is_no_cause(void **state)
{
        struct boot b = {.number = 1};

        (void)state;
        boot_note(&b, BOOT_NOTE_OTHER_SERVER, 1000, "10.0.0.9");
        assert_string_equal(judge(&b, 20000).name, "other-dhcp-server");
        boot_reach(&b, STAGE_DHCP, 21000, ""); /* it came to us after all */
        assert_null(judge(&b, 40000).name);
}

static void
every_name_is_listed_once(void **state)
{
        size_t n = 0;

        (void)state;
        for (const char *name; (name = boot_verdict_name(n)); n++)
                for (size_t i = 0; i < n; i++)
                        assert_string_not_equal(name, boot_verdict_name(i));
        assert_true(n >= 12);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_boot_on_its_way_gets_no_verdict),
                cmocka_unit_test(a_finished_boot_gets_no_verdict),
                cmocka_unit_test(a_failure_of_init_is_told_at_once),
                cmocka_unit_test(silence_after_each_stage_has_a_name_and_tells_the_files_looked_for),
                cmocka_unit_test(what_was_seen_comes_before_what_silence_tells),
                cmocka_unit_test(a_note_from_before_the_last_stage_is_no_cause),
                cmocka_unit_test(every_name_is_listed_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
