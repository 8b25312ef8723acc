/* SPDX-License-Identifier: Apache-2.0 */
/* RUN_DIR/kept: how kept files were put back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/keep_state.h"

static void
test_the_state_is_one_line_and_comes_back(void **state)
{
        struct keep_state s = {.ok = true, .sha256 = {1, 2, 3}}, back;
        char text[KEEP_STATE_SIZE];

        (void)state;
        keep_state_write(&s, text);
        assert_int_equal(keep_state_read(text, &back), 0);
        assert_true(back.ok);
        assert_memory_equal(back.sha256, s.sha256, sizeof(s.sha256));
        s = (struct keep_state){.trouble = "no server within 60 s"};
        keep_state_write(&s, text);
        assert_int_equal(keep_state_read(text, &back), 0);
        assert_false(back.ok);
        assert_string_equal(back.trouble, s.trouble);
        text[strlen(text) - 1] = '\0'; /* as dompool-init reads it, who takes a line */
        assert_int_equal(keep_state_read(text, &back), 0);
        assert_string_equal(back.trouble, s.trouble);
}

static void
test_a_state_that_cannot_be_read_allows_nothing(void **state)
{
        struct keep_state s;

        (void)state;
        assert_true(keep_state_read("", &s) < 0);
        assert_true(keep_state_read("ok", &s) < 0);
        assert_true(keep_state_read("ok 12\n", &s) < 0);
        assert_true(keep_state_read("trouble \n", &s) < 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_state_is_one_line_and_comes_back),
                cmocka_unit_test(test_a_state_that_cannot_be_read_allows_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
