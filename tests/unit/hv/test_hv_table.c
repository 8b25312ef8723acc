/* SPDX-License-Identifier: Apache-2.0 */
/* Each difference between two looks at a host is reported once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hv/hv_table.h"

static char seen[500]; /* "what:domid " for each report */

static void
note(void *arg, const struct domain_info *info, const char *what)
{
        size_t n = strlen(seen);

        (void)arg;
        snprintf(seen + n, sizeof(seen) - n, "%s:%u ", what, info->domid);
}

static struct domain_info
domain(uint8_t uuid, uint32_t domid, uint32_t domain_state)
{
        struct domain_info d = {.uuid = {uuid}, .domid = domid, .state = domain_state, .vcpus = 1, .memory_kib = 65536};

        return d;
}

static const char *
look(struct hv_table *t, const struct domain_info *list, uint32_t n)
{
        seen[0] = '\0';
        hv_table_update(t, list, n, note, NULL);
        return seen;
}

static void
reports_appearance_change_end_and_absence(void **state)
{
        struct hv_table t = {0};
        struct domain_info one = domain(1, 5, DOMAIN_RUNNING);

        (void)state;
        assert_string_equal(look(&t, &one, 1), "appeared:5 ");
        assert_string_equal(look(&t, &one, 1), "");
        one.memory_kib = 1;
        assert_string_equal(look(&t, &one, 1), "changed:5 ");
        one.state = DOMAIN_SHUTDOWN;
        assert_string_equal(look(&t, &one, 1), "shutdown:5 ");
        one.state = DOMAIN_CRASHED;
        assert_string_equal(look(&t, &one, 1), "crashed:5 ");
        assert_string_equal(look(&t, NULL, 0), "gone:5 ");
}

static void
a_new_domid_under_the_same_uuid_is_a_restart(void **state)
{
        struct hv_table t = {0};
        struct domain_info before = domain(1, 5, DOMAIN_RUNNING), after = domain(1, 6, DOMAIN_RUNNING);

        (void)state;
        look(&t, &before, 1);
        assert_string_equal(look(&t, &after, 1), "restarted:6 ");
}

static void
processor_time_alone_is_no_change(void **state)
{
        struct hv_table t = {0};
        struct domain_info d = domain(1, 5, DOMAIN_RUNNING);

        (void)state;
        look(&t, &d, 1);
        d.cpu_time_ns = 12345;
        assert_string_equal(look(&t, &d, 1), "");
        assert_int_equal(hv_table_find(&t, d.uuid)->cpu_time_ns, 12345);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reports_appearance_change_end_and_absence),
                cmocka_unit_test(a_new_domid_under_the_same_uuid_is_a_restart),
                cmocka_unit_test(processor_time_alone_is_no_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
