/* SPDX-License-Identifier: Apache-2.0 */
/* keep's decisions: when it looks, what an answer means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keep_plan.h"
#include "model/keep.h"

static void
test_what_is_large_is_not_sent_each_minute(void **state)
{
        (void)state;
        assert_int_equal(keep_next_look_ms(3000), KEEP_LOOK_MS);
        assert_int_equal(keep_next_look_ms(KEEP_LARGE + 1), KEEP_LARGE_LOOK_MS);
}

static void
test_an_answer_counts_for_what_is_offered_now(void **state)
{
        const uint8_t mine[SHA256_SIZE] = {7}, old[SHA256_SIZE] = {6};
        struct msg_agent_keep_answer m = {.verdict = KEEP_HAVE};

        (void)state;
        memcpy(m.sha256, old, sizeof(old));
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_NOTHING);
        memcpy(m.sha256, mine, sizeof(mine));
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_DONE);
        m.verdict = KEEP_TOO_LARGE;
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_DONE);
        m.verdict = KEEP_BUSY;
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_LATER);
        m.verdict = KEEP_DROPPED;
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_STOP);
        m.verdict = KEEP_WANT;
        m.offset = 9;
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_SEND);
        m.offset = 10; /* behind the end: nothing is read there */
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_NOTHING);
        m.offset = 0; /* it was only asked whether so much may come */
        assert_int_equal(keep_step(&m, mine, 0), KEEP_STEP_LOOK);
        m.verdict = KEEP_ASK;
        memset(m.sha256, 0, sizeof(m.sha256));
        assert_int_equal(keep_step(&m, mine, 10), KEEP_STEP_OFFER);
}

static void
test_parts_follow_each_other_and_keep_to_the_size_that_the_first_one_said(void **state)
{
        struct msg_agent_keep_part first = {.size = 1000, .data = {.size = 600}}, next = first;

        (void)state;
        assert_true(keep_part_fits(&first, 0, 0));
        next.offset = 600;
        next.data.size = 400;
        assert_true(keep_part_fits(&next, 600, 1000));
        next.data.size = 401;
        assert_false(keep_part_fits(&next, 600, 1000));
        next.data.size = 0;
        assert_false(keep_part_fits(&next, 600, 1000));
        next.data.size = 400;
        assert_false(keep_part_fits(&next, 500, 1000));
        next.size = 500; /* less than is there already */
        assert_false(keep_part_fits(&next, 600, 1000));
        next.size = 1001;
        assert_false(keep_part_fits(&next, 600, 1000));
        next.size = next.offset = 600;
        assert_false(keep_part_fits(&next, 600, 600));
        first.size = KEEP_LIMIT_MAX + 1;
        assert_false(keep_part_fits(&first, 0, 0));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_large_is_not_sent_each_minute),
                cmocka_unit_test(test_an_answer_counts_for_what_is_offered_now),
                cmocka_unit_test(test_parts_follow_each_other_and_keep_to_the_size_that_the_first_one_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
