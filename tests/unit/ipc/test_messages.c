/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages: every row is whole, and who may not speak is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../base/random_rec.h"
#include "ipc/channel.h"

static void
every_message_has_a_payload_and_finds_back_by_name(void **state)
{
        unsigned n = 0;

        (void)state;
        for (int type = 0; type < MSG_MAX; type++) {
                const struct rec_desc *desc = message_desc(type);

                if (!desc)
                        continue;
                n++;
                assert_true(desc->size > 0 && desc->n_fields > 0);
                assert_int_equal(message_find(message_name(type)), type);
        }
        assert_true(n > 40);
        assert_null(message_desc(0));
        assert_null(message_desc(MSG_MAX));
        assert_null(message_desc((enum msg_type) - 1));
        assert_int_equal(message_find("NONSENSE"), -1);
}

static void
every_field_of_a_payload_stands_inside_its_struct(void **state)
{
        (void)state;
        for (int type = 0; type < MSG_MAX; type++) {
                const struct rec_desc *desc = message_desc(type);

                for (size_t i = 0; desc && i < desc->n_fields; i++)
                        assert_true(desc->fields[i].offset < desc->size);
        }
}

/* Sends a random record of every message over every way that the table allows; it arrives equal. */
static void
every_message_arrives_equal_on_every_allowed_way(void **state)
{
        uint64_t seed = 1;
        unsigned ways = 0;

        (void)state;
        for (int type = 0; type < MSG_MAX; type++) {
                for (int from = 0; from < ROLE_N; from++) {
                        for (int to = 0; to < ROLE_N; to++) {
                                const struct rec_desc *desc = message_desc(type);
                                void *sent, *got = NULL;
                                int fds[2], fd = 99;

                                if (!message_allowed(type, from, to) || type == MSG_ROLE_START || type == MSG_API_WHAT_IF)
                                        continue;
                                ways++;
                                sent = calloc(1, desc->size);
                                random_rec(&seed, desc, sent, true);
                                assert_int_equal(channel_pair(fds), 0);
                                assert_int_equal(channel_write_blocking(fds[0], from, to, type, sent, -1), 0);
                                assert_int_equal(channel_read_blocking(fds[1], to, from, &got, &fd), type);
                                assert_int_equal(fd, -1);
                                assert_true(rec_equal(desc, sent, got));
                                rec_clear(desc, sent);
                                rec_clear(desc, got);
                                free(sent);
                                free(got);
                                close(fds[0]);
                                close(fds[1]);
                        }
                }
        }
        assert_true(ways > 60);
}

static void
strangers_roles_cannot_give_orders(void **state)
{
        static const enum role strangers[] = {ROLE_BOOT, ROLE_FILES, ROLE_API, ROLE_CAPTURE};

        (void)state;
        for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
                for (int to = 0; to < ROLE_N; to++) {
                        assert_false(message_allowed(MSG_WORK_TASK, strangers[i], to));
                        assert_false(message_allowed(MSG_POLICY, strangers[i], to));
                        assert_false(message_allowed(MSG_ROLE_START, strangers[i], to));
                        assert_false(message_allowed(MSG_TOKEN_USED, strangers[i], to));
                        assert_false(message_allowed(MSG_CAPTURE_SOCKET, strangers[i], to));
                }
        }
        for (int type = 0; type < MSG_MAX; type++)
                for (int to = 0; to < ROLE_N; to++)
                        if (message_allowed(type, ROLE_FILES, to) && to != ROLE_PARENT && to != ROLE_CORE &&
                            to != ROLE_SATELLITE)
                                assert_int_equal(type, MSG_BOOT_ATTEMPT); /* boot and files render the same menus */
}

/* The only way from the network to root on the server is core's closed list of tasks. */
static void
work_hears_nobody_but_core_and_the_parent(void **state)
{
        (void)state;
        for (int type = 0; type < MSG_MAX; type++)
                for (int from = ROLE_PARENT; from <= ROLE_CAPTURE; from++) /* the processes of dompoold */
                        if (message_allowed(type, from, ROLE_WORK))
                                assert_true(from == ROLE_CORE || from == ROLE_PARENT);
}

static void
roles_out_of_range_are_refused(void **state)
{
        (void)state;
        assert_false(message_allowed(MSG_POLICY, (enum role)40, ROLE_BOOT));
        assert_false(message_allowed(MSG_POLICY, ROLE_CORE, (enum role) - 1));
        assert_false(message_allowed((enum msg_type)9999, ROLE_CORE, ROLE_BOOT));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_message_has_a_payload_and_finds_back_by_name),
                cmocka_unit_test(every_field_of_a_payload_stands_inside_its_struct),
                cmocka_unit_test(every_message_arrives_equal_on_every_allowed_way),
                cmocka_unit_test(strangers_roles_cannot_give_orders),
                cmocka_unit_test(work_hears_nobody_but_core_and_the_parent),
                cmocka_unit_test(roles_out_of_range_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
