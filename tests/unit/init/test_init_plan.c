/* SPDX-License-Identifier: Apache-2.0 */
/* dompool-init's decisions: what is started when, what follows an end, what a lease changes, what is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/init_plan.h"

#define ALL 0xffu
#define ADDRESS 0x0a4d0032u

static void
test_the_agent_waits_for_the_lease_and_for_xen(void **state)
{
        struct service s = {.wanted = true};

        (void)state;
        assert_false(service_due(SERVICE_AGENT, &s, COND_LEASE, 0));
        assert_false(service_due(SERVICE_AGENT, &s, COND_DOM0, 0));
        assert_false(service_due(SERVICE_AGENT, &s, COND_DOM0 | COND_LEASE, 0));
        assert_false(service_due(SERVICE_AGENT, &s, COND_DOM0 | COND_LEASE | COND_KEPT, 0));
        assert_true(service_due(SERVICE_AGENT, &s, COND_DOM0 | COND_LEASE | COND_KEPT | COND_DIRS, 0));
        s.pid = 7;
        assert_false(service_due(SERVICE_AGENT, &s, ALL, 0));
        s = (struct service){.wanted = false};
        assert_false(service_due(SERVICE_AGENT, &s, ALL, 0));
}

static void
test_dhcp_does_not_wait_for_xen_nor_xen_for_dhcp(void **state)
{
        struct service s = {.wanted = true};

        (void)state;
        assert_true(service_due(SERVICE_DHCP, &s, COND_CARD | COND_LINK, 0));
        assert_true(service_due(SERVICE_XENSTORED, &s, COND_XENBUS, 0));
        assert_true(service_due(SERVICE_INIT_DOM0, &s, COND_XENBUS | COND_XENSTORE, 0));
}

static void
test_a_program_that_keeps_ending_is_started_later_and_later(void **state)
{
        struct service s = {.wanted = true, .pid = 5};
        int64_t t = 1000, last = 0;

        (void)state;
        for (int i = 0; i < 12; i++) {
                int64_t delay;

                s.started_ms = t;
                assert_int_equal(service_ended(SERVICE_AGENT, &s, false, t + 10), VERDICT_RESTART);
                delay = s.not_before_ms - (t + 10);
                assert_true(delay >= last && delay <= SERVICE_BACKOFF_MAX_MS);
                assert_false(service_due(SERVICE_AGENT, &s, ALL, s.not_before_ms - 1));
                assert_true(service_due(SERVICE_AGENT, &s, ALL, s.not_before_ms));
                last = delay;
                t = s.not_before_ms;
        }
        assert_int_equal(last, SERVICE_BACKOFF_MAX_MS);
        /* One that ran for a good while begins anew. */
        s.started_ms = t;
        service_ended(SERVICE_AGENT, &s, false, t + SERVICE_GOOD_MS);
        assert_int_equal(s.not_before_ms - (t + SERVICE_GOOD_MS), SERVICE_BACKOFF_MIN_MS);
}

static void
test_kept_files_are_back_before_what_writes_and_are_tried_once(void **state)
{
        struct service s = {.wanted = true}, console = {.wanted = true};

        (void)state;
        assert_false(service_due(SERVICE_KEEP, &s, ALL & ~(unsigned)COND_LEASE, 0));
        assert_true(service_due(SERVICE_KEEP, &s, COND_LEASE, 0)); /* it does not wait for Xen */
        assert_false(service_due(SERVICE_XENCONSOLED, &console, ALL & ~(unsigned)COND_KEPT, 0));
        assert_true(service_due(SERVICE_XENCONSOLED, &console, ALL, 0));
        s.pid = 5;
        assert_int_equal(service_ended(SERVICE_KEEP, &s, false, 60000), VERDICT_FATAL);
        s = (struct service){.wanted = true, .pid = 5};
        assert_int_equal(service_ended(SERVICE_KEEP, &s, true, 100), VERDICT_DONE);
}

static void
test_directories_over_nfs_come_before_what_writes_and_are_never_given_up(void **state)
{
        struct service s = {.wanted = true}, console = {.wanted = true};
        int64_t t = 1000;

        (void)state;
        assert_false(service_due(SERVICE_DIRS, &s, ALL & ~(unsigned)COND_LEASE, 0));
        assert_false(
                service_due(SERVICE_DIRS, &s, COND_LEASE, 0)); /* kept files are put back into the root, not onto a server */
        assert_true(service_due(SERVICE_DIRS, &s, COND_LEASE | COND_KEPT, 0));
        assert_false(service_due(SERVICE_XENCONSOLED, &console, ALL & ~(unsigned)COND_DIRS, 0));
        for (int i = 0; i < 10000; i++) {
                s.pid = 5;
                s.started_ms = t;
                assert_int_equal(service_ended(SERVICE_DIRS, &s, false, t + 20000), VERDICT_RESTART);
                assert_true(s.not_before_ms - (t + 20000) <= SERVICE_BACKOFF_MAX_MS);
                t = s.not_before_ms;
        }
        s.pid = 5;
        assert_int_equal(service_ended(SERVICE_DIRS, &s, true, t), VERDICT_DONE);
        assert_false(service_due(SERVICE_DIRS, &s, ALL, INT64_MAX));
}

static void
test_the_death_of_xenstored_is_fatal(void **state)
{
        struct service s = {.wanted = true, .pid = 5};

        (void)state;
        assert_int_equal(service_ended(SERVICE_XENSTORED, &s, true, 99), VERDICT_FATAL);
}

static void
test_xen_init_dom0_runs_once_and_is_tried_five_times(void **state)
{
        struct service s = {.wanted = true, .pid = 5};

        (void)state;
        for (int i = 0; i < (int)service_infos[SERVICE_INIT_DOM0].tries - 1; i++)
                assert_int_equal(service_ended(SERVICE_INIT_DOM0, &s, false, i), VERDICT_RESTART);
        assert_int_equal(service_ended(SERVICE_INIT_DOM0, &s, false, 99), VERDICT_FATAL);
        s = (struct service){.wanted = true, .pid = 5};
        assert_int_equal(service_ended(SERVICE_INIT_DOM0, &s, true, 1), VERDICT_DONE);
        assert_false(service_due(SERVICE_INIT_DOM0, &s, ALL, INT64_MAX));
}

static void
test_a_root_is_given_up_when_its_time_is_over_however_often_it_failed(void **state)
{
        struct service s = {.wanted = true, .limit_ms = 60000}, forever = {.wanted = true};

        (void)state;
        for (int64_t t = 5000; t < 65000; t += 5000) { /* the limit counts from the first start */
                s.pid = 5;
                s.started_ms = t;
                assert_int_equal(service_ended(SERVICE_ROOT, &s, false, t + 4000), VERDICT_RESTART);
        }
        s.pid = 5;
        s.started_ms = 64000;
        assert_int_equal(service_ended(SERVICE_ROOT, &s, false, 65000), VERDICT_FATAL);
        for (int i = 0; i < 1000; i++)
                assert_int_equal(service_ended(SERVICE_ROOT, &forever, false, i * 100000 + 1), VERDICT_RESTART);
}

static void
test_the_loop_sleeps_until_the_next_restart(void **state)
{
        struct service s[SERVICE_N] = {0};

        (void)state;
        assert_true(service_next(s, ALL) == INT64_MAX);
        s[SERVICE_AGENT] = (struct service){.wanted = true, .not_before_ms = 700};
        s[SERVICE_XENCONSOLED] = (struct service){.wanted = true, .not_before_ms = 400};
        s[SERVICE_XENSTORED] = (struct service){.wanted = true, .pid = 3};
        assert_int_equal(service_next(s, ALL), 400);
        assert_int_equal(service_next(s, COND_LEASE), INT64_MAX);
}

static void
test_a_first_lease_sets_address_route_and_name_server(void **state)
{
        const struct init_lease none = {0}, lease = {ADDRESS, 24, 0x0a4d0001, 0x0a4d0002, 600};
        struct net_action a[NET_MAX_ACTIONS];

        (void)state;
        assert_int_equal(init_lease_actions(&none, &lease, a), 3);
        assert_int_equal(a[0].kind, NET_ADDRESS_SET);
        assert_int_equal(a[0].address, ADDRESS);
        assert_int_equal(a[0].prefix, 24);
        assert_int_equal(a[1].kind, NET_ROUTE_SET);
        assert_int_equal(a[1].address, 0x0a4d0001);
        assert_int_equal(a[2].kind, NET_DNS_SET);
}

static void
test_a_renewal_touches_nothing(void **state)
{
        const struct init_lease was = {ADDRESS, 24, 0x0a4d0001, 0, 600}, is = {ADDRESS, 24, 0x0a4d0001, 0, 300};
        struct net_action a[NET_MAX_ACTIONS];

        (void)state;
        assert_int_equal(init_lease_actions(&was, &is, a), 0);
}

static void
test_a_new_address_comes_before_the_old_one_goes_and_brings_the_route(void **state)
{
        const struct init_lease was = {ADDRESS, 24, 0x0a4d0001, 0, 600}, is = {ADDRESS + 1, 24, 0x0a4d0001, 0, 600};
        struct net_action a[NET_MAX_ACTIONS];

        (void)state;
        assert_int_equal(init_lease_actions(&was, &is, a), 3);
        assert_int_equal(a[0].kind, NET_ADDRESS_SET);
        assert_int_equal(a[0].address, ADDRESS + 1);
        assert_int_equal(a[1].kind, NET_ADDRESS_REMOVE);
        assert_int_equal(a[1].address, ADDRESS);
        assert_int_equal(a[2].kind, NET_ROUTE_SET);
}

static void
test_a_lost_lease_takes_the_address_away(void **state)
{
        const struct init_lease was = {ADDRESS, 24, 0x0a4d0001, 1, 600}, none = {0};
        struct net_action a[NET_MAX_ACTIONS];

        (void)state;
        assert_int_equal(init_lease_actions(&was, &none, a), 1);
        assert_int_equal(a[0].kind, NET_ADDRESS_REMOVE);
        assert_int_equal(a[0].address, ADDRESS);
}

static void
test_impossible_addresses_are_refused(void **state)
{
        static const struct init_lease bad[] = {
                {0x7f000001, 8, 0, 0, 1}, {0xe0000001, 24, 0, 0, 1}, {0x00000001, 24, 0, 0, 1}, {ADDRESS, 0, 0, 0, 1},
                {ADDRESS, 33, 0, 0, 1},   {0x0a4d0000, 24, 0, 0, 1}, {0x0a4d00ff, 24, 0, 0, 1}, {0xffffffff, 32, 0, 0, 1},
        };
        const struct init_lease good = {ADDRESS, 24, 0, 0, 1}, lost = {0};

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_false(init_lease_ok(&bad[i]));
        assert_true(init_lease_ok(&good));
        assert_true(init_lease_ok(&lost));
}

static void
test_the_leases_wire_form_has_the_size_that_the_pipe_counts_on(void **state)
{
        const struct init_lease lease = {ADDRESS, 24, 1, 2, 3};
        struct init_lease back = {0};
        uint8_t wire[INIT_LEASE_WIRE_SIZE];

        (void)state;
        assert_int_equal(rec_encoded_size(&init_lease_desc, &lease), sizeof(wire));
        rec_encode(&init_lease_desc, &lease, wire);
        assert_int_equal(rec_decode(&init_lease_desc, wire, sizeof(wire), &back), 0);
        assert_memory_equal(&lease, &back, sizeof(back));
}

static size_t
wait_of(enum init_condition c)
{
        for (size_t i = 0; i < WAIT_N; i++)
                if (wait_infos[i].condition == c)
                        return i;
        fail_msg("no wait ends with condition %d", c);
        return 0;
}

static void
test_a_long_wait_is_said_again_and_again_and_never_silent(void **state)
{
        size_t i = wait_of(COND_LEASE);
        struct wait w = {0};
        unsigned seconds = 0, said = 0;

        (void)state;
        assert_int_equal(wait_check(i, &w, 0, 1, &seconds), WAIT_QUIET);
        for (int64_t t = 1000; t <= 101000; t += 100)
                said += wait_check(i, &w, COND_CARD | COND_LINK, t, &seconds) == WAIT_SAY;
        assert_int_equal(said, 10);
        assert_int_equal(seconds, 100);
        assert_int_equal(wait_check(i, &w, COND_CARD | COND_LINK | COND_LEASE, 102000, &seconds), WAIT_QUIET);
        assert_int_equal(w.since_ms, 0);
}

static void
test_a_missing_card_or_daemon_ends_in_a_restart_but_a_missing_server_never(void **state)
{
        unsigned seconds;

        (void)state;
        for (size_t i = 0; i < WAIT_N; i++) {
                struct wait w = {0};
                bool forever = wait_infos[i].condition == COND_LINK || wait_infos[i].condition == COND_LEASE;

                wait_check(i, &w, wait_infos[i].needs, 1, &seconds);
                assert_int_equal(wait_check(i, &w, wait_infos[i].needs, 3600000, &seconds) == WAIT_FATAL, !forever);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_agent_waits_for_the_lease_and_for_xen),
                cmocka_unit_test(test_dhcp_does_not_wait_for_xen_nor_xen_for_dhcp),
                cmocka_unit_test(test_a_program_that_keeps_ending_is_started_later_and_later),
                cmocka_unit_test(test_kept_files_are_back_before_what_writes_and_are_tried_once),
                cmocka_unit_test(test_directories_over_nfs_come_before_what_writes_and_are_never_given_up),
                cmocka_unit_test(test_the_death_of_xenstored_is_fatal),
                cmocka_unit_test(test_xen_init_dom0_runs_once_and_is_tried_five_times),
                cmocka_unit_test(test_a_root_is_given_up_when_its_time_is_over_however_often_it_failed),
                cmocka_unit_test(test_the_loop_sleeps_until_the_next_restart),
                cmocka_unit_test(test_a_first_lease_sets_address_route_and_name_server),
                cmocka_unit_test(test_a_renewal_touches_nothing),
                cmocka_unit_test(test_a_new_address_comes_before_the_old_one_goes_and_brings_the_route),
                cmocka_unit_test(test_a_lost_lease_takes_the_address_away),
                cmocka_unit_test(test_impossible_addresses_are_refused),
                cmocka_unit_test(test_the_leases_wire_form_has_the_size_that_the_pipe_counts_on),
                cmocka_unit_test(test_a_long_wait_is_said_again_and_again_and_never_silent),
                cmocka_unit_test(test_a_missing_card_or_daemon_ends_in_a_restart_but_a_missing_server_never),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
