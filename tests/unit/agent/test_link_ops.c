/* SPDX-License-Identifier: Apache-2.0 */
/* link hands an operation on once, keeps its result until the ack, and repeats what was lost on either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/link_ops.h"

static char said[1000]; /* "server:45:7 hv:52:7 " */

static void
note(const char *to, enum msg_type type, const void *payload)
{
        uint64_t id = type == MSG_AGENT_OP            ? ((const struct msg_agent_op *)payload)->id
                      : type == MSG_AGENT_OP_RESULT   ? ((const struct msg_agent_op_result *)payload)->id
                      : type == MSG_AGENT_OP_PROGRESS ? ((const struct msg_agent_op_progress *)payload)->id
                                                      : ((const struct msg_agent_op_ack *)payload)->id;
        size_t n = strlen(said);

        snprintf(said + n, sizeof(said) - n, "%s:%s:%llu ", to, message_name(type), (unsigned long long)id);
}

static void
to_server(void *arg, enum msg_type type, const void *payload)
{
        (void)arg;
        note("server", type, payload);
        if (type == MSG_AGENT_OP_RESULT) {
                size_t n = strlen(said);

                snprintf(said + n, sizeof(said) - n, "(%s,%llu) ", ((const struct msg_agent_op_result *)payload)->code,
                         (unsigned long long)((const struct msg_agent_op_result *)payload)->epoch);
        }
}

static void
to_hv(void *arg, enum msg_type type, const void *payload)
{
        (void)arg;
        note("hv", type, payload);
}

static const struct link_ops_events events = {to_server, to_hv};

static const char *
take_said(void)
{
        static char copy[sizeof(said)];

        memcpy(copy, said, sizeof(copy));
        said[0] = '\0';
        return copy;
}

static struct link_ops *
begin(uv_loop_t *loop)
{
        struct link_ops *ops;

        said[0] = '\0';
        uv_loop_init(loop);
        ops = link_ops_new(loop, "/nonexistent", &events, NULL);
        assert_non_null(ops);
        return ops;
}

static void
end(uv_loop_t *loop, struct link_ops *ops)
{
        link_ops_free(ops);
        uv_run(loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(loop), 0);
}

static const struct msg_agent_op destroy_7 = {.id = 7, .epoch = 1, .kind = OP_DOMAIN_DESTROY};
static const struct msg_agent_op destroy_7_again = {.id = 7, .epoch = 2, .kind = OP_DOMAIN_DESTROY};
static const struct msg_agent_op_result result_7 = {.id = 7, .epoch = 1, .code = "none"};

static void
a_result_is_repeated_until_it_is_acknowledged(void **state)
{
        uv_loop_t loop;
        struct link_ops *ops = begin(&loop);

        (void)state;
        link_ops_take(ops, &destroy_7);
        assert_string_equal(take_said(), "hv:AGENT_OP:7 ");
        link_ops_result(ops, &result_7);
        assert_string_equal(take_said(), "server:AGENT_OP_RESULT:7 (none,1) ");
        link_ops_repeat_results(ops);
        assert_string_equal(take_said(), "server:AGENT_OP_RESULT:7 (none,1) ");
        link_ops_take(ops, &destroy_7_again);
        assert_string_equal(take_said(), "server:AGENT_OP_RESULT:7 (none,2) ");
        link_ops_ack(ops, 7);
        assert_string_equal(take_said(), "hv:AGENT_OP_ACK:7 ");
        link_ops_repeat_results(ops);
        assert_string_equal(take_said(), "");
        end(&loop, ops);
}

static void
a_new_hv_gets_what_the_old_one_had_not_ended(void **state)
{
        uv_loop_t loop;
        struct link_ops *ops = begin(&loop);

        (void)state;
        link_ops_take(ops, &destroy_7);
        take_said();
        link_ops_repeat_to_hv(ops);
        assert_string_equal(take_said(), "hv:AGENT_OP:7 ");
        link_ops_result(ops, &result_7);
        take_said();
        link_ops_repeat_to_hv(ops);
        assert_string_equal(take_said(), "");
        end(&loop, ops);
}

static void
a_result_of_an_operation_begun_under_a_former_link_is_kept_too(void **state)
{
        uv_loop_t loop;
        struct link_ops *ops = begin(&loop);

        (void)state;
        link_ops_result(ops, &result_7);
        take_said();
        link_ops_repeat_results(ops);
        assert_string_equal(take_said(), "server:AGENT_OP_RESULT:7 (none,1) ");
        end(&loop, ops);
}

static void
a_kernel_that_cannot_be_fetched_fails_the_operation_before_hv(void **state)
{
        struct msg_agent_op create = {
                .id = 8, .epoch = 1, .kind = OP_DOMAIN_CREATE, .config = {.name = "vm", .kernel = {.size = 5}}};
        uv_loop_t loop;
        struct link_ops *ops = begin(&loop);

        (void)state;
        link_ops_source(ops, 0x7f000001, 1, "/blob/"); /* the folder is not there: that comes before any connection */
        link_ops_take(ops, &create);
        assert_string_equal(take_said(), "");
        while (!*said)
                uv_run(&loop, UV_RUN_ONCE);
        assert_string_equal(take_said(), "server:AGENT_OP_RESULT:8 (io,1) ");
        end(&loop, ops);
}

static void
refuses_more_operations_than_its_limit(void **state)
{
        struct msg_agent_op op = {.epoch = 1, .kind = OP_DOMAIN_DESTROY};
        uv_loop_t loop;
        struct link_ops *ops = begin(&loop);

        (void)state;
        for (op.id = 1; op.id <= LINK_OPS_MAX; op.id++)
                link_ops_take(ops, &op);
        take_said();
        link_ops_take(ops, &op);
        assert_string_equal(take_said(), "server:AGENT_OP_RESULT:513 (limit,1) ");
        end(&loop, ops);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_result_is_repeated_until_it_is_acknowledged),
                cmocka_unit_test(a_new_hv_gets_what_the_old_one_had_not_ended),
                cmocka_unit_test(a_result_of_an_operation_begun_under_a_former_link_is_kept_too),
                cmocka_unit_test(a_kernel_that_cannot_be_fetched_fails_the_operation_before_hv),
                cmocka_unit_test(refuses_more_operations_than_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
