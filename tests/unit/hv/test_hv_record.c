/* SPDX-License-Identifier: Apache-2.0 */
/* What hv remembers of its domains, and what becomes of one that ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hv/hv_record.h"

static char dir[] = "/tmp/test-hv-record-XXXXXX";

static int
make_dir(void **state)
{
        (void)state;
        return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
        (void)state;
        return rmdir(dir);
}

static struct hv_record
sample(void)
{
        struct hv_record r = {.op = 9, .domid = 4, .complete = true};

        domain_config_init(&r.config);
        str_copy(r.config.name, sizeof(r.config.name), "vm1");
        r.config.uuid[0] = 0xab;
        return r;
}

static void
count(void *arg, const struct hv_record *record)
{
        (void)record;
        ++*(int *)arg;
}

static void
a_saved_record_is_read_back_and_found_in_the_folder(void **state)
{
        struct hv_record r = sample(), back;
        int n = 0;

        (void)state;
        assert_int_equal(hv_record_save(dir, &r), 0);
        assert_int_equal(hv_record_load(dir, r.config.uuid, &back), 0);
        assert_true(rec_equal(&hv_record_desc, &r, &back));
        assert_int_equal(hv_record_each(dir, count, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(hv_record_delete(dir, r.config.uuid), 0);
        assert_int_equal(hv_record_load(dir, r.config.uuid, &back), -ENOENT);
        assert_int_equal(hv_record_delete(dir, r.config.uuid), 0);
}

static void
a_cut_record_is_refused(void **state)
{
        struct hv_record r = sample(), back;
        char path[200], text[UUID_TEXT_SIZE];

        (void)state;
        assert_int_equal(hv_record_save(dir, &r), 0);
        snprintf(path, sizeof(path), "%s/%s", dir, uuid_text(r.config.uuid, text));
        assert_int_equal(truncate(path, 20), 0);
        assert_int_equal(hv_record_load(dir, r.config.uuid, &back), -EBADMSG);
        assert_int_equal(hv_record_delete(dir, r.config.uuid), 0);
}

static void
the_action_is_the_one_configured_for_the_kind_of_end(void **state)
{
        struct hv_record r = sample();

        (void)state;
        r.config.on_poweroff = ACTION_PRESERVE;
        r.config.on_reboot = ACTION_RESTART;
        r.config.on_crash = ACTION_RENAME_RESTART;
        assert_int_equal(hv_end_decide(&r, HV_END_POWEROFF, 1000000).action, ACTION_PRESERVE);
        assert_int_equal(hv_end_decide(&r, HV_END_REBOOT, 1000000).action, ACTION_RESTART);
        assert_int_equal(hv_end_decide(&r, HV_END_CRASH, 1000000).action, ACTION_RENAME_RESTART);
}

static void
what_is_not_supported_is_replaced_and_says_so(void **state)
{
        struct hv_record r = sample();
        struct hv_end_decision d;

        (void)state;
        r.config.on_crash = ACTION_COREDUMP_RESTART;
        d = hv_end_decide(&r, HV_END_CRASH, 1000000);
        assert_int_equal(d.action, ACTION_RESTART);
        assert_non_null(strstr(d.note, "core dump"));
        d = hv_end_decide(&r, HV_END_SOFT_RESET, 1000000);
        assert_int_equal(d.action, ACTION_DESTROY);
        assert_non_null(strstr(d.note, "soft reset"));
}

static void
a_domain_that_keeps_ending_at_once_is_not_restarted_for_ever(void **state)
{
        struct hv_record r = sample();
        struct hv_end_decision d;
        unsigned restarts = 0;

        (void)state;
        r.config.on_reboot = ACTION_RESTART;
        r.started_ms = 100;
        for (;;) {
                d = hv_end_decide(&r, HV_END_REBOOT, r.started_ms + 100);
                if (d.action != ACTION_RESTART)
                        break;
                r.n_fast = d.n_fast;
                restarts++;
                assert_true(restarts < 100);
        }
        assert_int_equal(restarts, HV_FAST_MAX - 1);
        assert_int_equal(d.action, ACTION_DESTROY);
        assert_true(*d.note);
        /* one long life clears the count */
        assert_int_equal(hv_end_decide(&r, HV_END_REBOOT, r.started_ms + HV_FAST_MS).n_fast, 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_saved_record_is_read_back_and_found_in_the_folder),
                cmocka_unit_test(a_cut_record_is_refused),
                cmocka_unit_test(the_action_is_the_one_configured_for_the_kind_of_end),
                cmocka_unit_test(what_is_not_supported_is_replaced_and_says_so),
                cmocka_unit_test(a_domain_that_keeps_ending_at_once_is_not_restarted_for_ever),
        };

        return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
