/* SPDX-License-Identifier: Apache-2.0 */
/* An operation that is sent twice is begun once, and its result is kept until it is acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hv/hv_oplog.h"

static void
begins_an_operation_once_and_keeps_its_latest_epoch(void **state)
{
        struct hv_oplog log = {0};
        const struct hv_oplog_entry *e = NULL;
        uint64_t epoch = 0;

        (void)state;
        assert_int_equal(hv_oplog_begin(&log, 7, 1, &e), HV_OPLOG_NEW);
        assert_int_equal(hv_oplog_begin(&log, 7, 3, &e), HV_OPLOG_RUNNING);
        assert_int_equal(hv_oplog_begin(&log, 7, 2, &e), HV_OPLOG_RUNNING);
        assert_true(hv_oplog_running(&log, 7, &epoch));
        assert_int_equal(epoch, 3);
        hv_oplog_deinit(&log);
}

static void
repeats_the_result_of_a_done_operation_under_the_new_epoch(void **state)
{
        struct hv_oplog log = {0};
        const struct hv_oplog_entry *e = NULL;
        struct msg_agent_op_result r = {.id = 7, .epoch = 1, .code = "none", .text = "kept"};

        (void)state;
        hv_oplog_begin(&log, 7, 1, &e);
        assert_non_null(hv_oplog_done(&log, &r));
        assert_false(hv_oplog_running(&log, 7, &r.epoch));
        assert_int_equal(hv_oplog_begin(&log, 7, 2, &e), HV_OPLOG_DONE);
        assert_int_equal(e->result->epoch, 2);
        assert_string_equal(e->result->text, "kept");
        hv_oplog_deinit(&log);
}

static void
an_ack_forgets_only_what_is_done(void **state)
{
        struct hv_oplog log = {0};
        const struct hv_oplog_entry *e = NULL;
        struct msg_agent_op_result r = {.id = 7};

        (void)state;
        hv_oplog_begin(&log, 7, 1, &e);
        hv_oplog_ack(&log, 7);
        assert_int_equal(hv_oplog_begin(&log, 7, 1, &e), HV_OPLOG_RUNNING);
        hv_oplog_done(&log, &r);
        hv_oplog_ack(&log, 7);
        assert_int_equal(hv_oplog_begin(&log, 7, 1, &e), HV_OPLOG_NEW);
        hv_oplog_deinit(&log);
}

static void
refuses_more_operations_than_its_limit(void **state)
{
        struct hv_oplog log = {0};
        const struct hv_oplog_entry *e = NULL;

        (void)state;
        for (uint64_t id = 1; id <= HV_OPLOG_MAX; id++)
                assert_int_equal(hv_oplog_begin(&log, id, 1, &e), HV_OPLOG_NEW);
        assert_int_equal(hv_oplog_begin(&log, HV_OPLOG_MAX + 1, 1, &e), HV_OPLOG_FULL);
        assert_int_equal(hv_oplog_begin(&log, 1, 1, &e), HV_OPLOG_RUNNING);
        hv_oplog_deinit(&log);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(begins_an_operation_once_and_keeps_its_latest_epoch),
                cmocka_unit_test(repeats_the_result_of_a_done_operation_under_the_new_epoch),
                cmocka_unit_test(an_ack_forgets_only_what_is_done),
                cmocka_unit_test(refuses_more_operations_than_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
