/* SPDX-License-Identifier: Apache-2.0 */
/* The lease table: who may have which address, and who gets one when there are few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/lease.h"

#define NET 0x0a000000u
#define MASK 0xff000000u
#define FIRST 0x0a000064u
#define OTHER_NET 0x14000000u
#define OTHER_FIRST 0x14000064u
#define FIXED 0x0a000032u
#define HOUR 3600000

static struct mac
mac_no(uint32_t n)
{
        return (struct mac){{2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* A pool of @n addresses from FIRST on; MAC 1000 has the fixed address FIXED, MAC 1001 has FIRST + 1, which lies in the pool.
 */
static struct lease_table *
table(uint32_t n)
{
        const struct lease_pool pool = {
                .net = NET, .mask = MASK, .first = FIRST, .last = FIRST + n - 1, .exclude = {FIRST + 2, 0}};
        const struct lease_reservation fixed[] = {{mac_no(1000), FIXED}, {mac_no(1001), FIRST + 1}};
        struct lease_table *t = lease_table_new();

        assert_non_null(t);
        assert_int_equal(lease_table_configure(t, &pool, 1, fixed, 2), 0);
        return t;
}

static void
put(struct lease_table *t, uint32_t mac, uint32_t address, enum lease_state state, int64_t expiry)
{
        const struct lease l = {mac_no(mac), address, state, expiry};

        assert_int_equal(lease_put(t, &l), 0);
}

static uint32_t
pick(struct lease_table *t, uint32_t mac, uint32_t wanted, int64_t now)
{
        const struct mac m = mac_no(mac);

        return lease_pick(t, 0, &m, wanted, now);
}

static void
fixed_and_excluded_addresses_are_given_to_nobody_else(void **state)
{
        struct lease_table *t = table(5);
        uint32_t got[3];

        (void)state;
        for (uint32_t i = 0; i < 3; i++) {
                got[i] = pick(t, i, 0, 0);
                put(t, i, got[i], LEASE_BOUND, HOUR);
        }
        assert_int_equal(got[0], FIRST);
        assert_int_equal(got[1], FIRST + 3);
        assert_int_equal(got[2], FIRST + 4);
        assert_int_equal(pick(t, 3, 0, 0), 0);
        assert_int_equal(pick(t, 3, FIRST + 1, 0), 0);
        assert_int_equal(pick(t, 3, FIRST + 2, 0), 0);
        assert_int_equal(pick(t, 3, FIXED, 0), 0);
        assert_int_equal(pick(t, 1000, 0, 0), FIXED);
        assert_int_equal(pick(t, 1001, FIRST, 0), FIRST + 1);
        lease_table_free(t);
}

static void
a_mac_gets_the_address_it_had(void **state)
{
        struct lease_table *t = table(100);

        (void)state;
        put(t, 1, FIRST + 50, LEASE_BOUND, HOUR);
        assert_int_equal(pick(t, 1, FIRST + 60, 2 * HOUR), FIRST + 50);
        put(t, 1, FIRST + 50, LEASE_RELEASED, 10);
        assert_int_equal(pick(t, 1, 0, 20), FIRST + 50);
        lease_table_free(t);
}

static void
a_wish_is_granted_where_it_can_be(void **state)
{
        struct lease_table *t = table(100);

        (void)state;
        assert_int_equal(pick(t, 1, FIRST + 70, 0), FIRST + 70);
        put(t, 2, FIRST + 70, LEASE_BOUND, HOUR);
        assert_int_equal(pick(t, 1, FIRST + 70, 0), FIRST);
        assert_int_equal(pick(t, 1, FIRST + 100, 0), FIRST);
        lease_table_free(t);
}

static void
when_all_are_used_the_one_unused_for_longest_goes(void **state)
{
        struct lease_table *t = table(6); /* usable: 0, 3, 4, 5 */

        (void)state;
        put(t, 1, FIRST, LEASE_BOUND, 3 * HOUR);
        put(t, 2, FIRST + 3, LEASE_BOUND, 1 * HOUR);
        put(t, 3, FIRST + 4, LEASE_BOUND, 2 * HOUR);
        put(t, 4, FIRST + 5, LEASE_BOUND, 9 * HOUR);
        assert_int_equal(pick(t, 9, 0, HOUR / 2), 0);
        assert_int_equal(pick(t, 9, 0, HOUR), FIRST + 3);
        put(t, 4, FIRST + 5, LEASE_RELEASED, HOUR);
        assert_int_equal(pick(t, 9, 0, HOUR), FIRST + 5); /* given back of free will: first */
        lease_table_free(t);
}

static void
a_declined_address_rests_for_ten_minutes(void **state)
{
        struct lease_table *t = table(1);
        const struct mac m = mac_no(1);

        (void)state;
        put(t, 1, FIRST, LEASE_BOUND, HOUR);
        put(t, 1, FIRST, LEASE_DECLINED, LEASE_QUARANTINE_MS);
        assert_null(lease_by_mac(t, &m));
        assert_int_equal(pick(t, 1, FIRST, LEASE_QUARANTINE_MS - 1), 0);
        assert_int_equal(pick(t, 2, 0, LEASE_QUARANTINE_MS - 1), 0);
        assert_int_equal(pick(t, 1, 0, LEASE_QUARANTINE_MS), FIRST);
        lease_table_free(t);
}

static void
a_declined_fixed_address_gives_way_to_the_pool(void **state)
{
        struct lease_table *t = table(1);

        (void)state;
        put(t, 1000, FIXED, LEASE_DECLINED, LEASE_QUARANTINE_MS);
        assert_int_equal(pick(t, 1000, 0, 0), FIRST);
        put(t, 1, FIRST, LEASE_BOUND, HOUR);
        assert_int_equal(pick(t, 1000, 0, 0), FIXED); /* better a doubtful address than no boot */
        assert_int_equal(pick(t, 1000, 0, LEASE_QUARANTINE_MS), FIXED);
        lease_table_free(t);
}

static void
an_address_that_became_fixed_waits_for_its_present_user(void **state)
{
        const struct lease_pool pool = {.net = NET, .mask = MASK, .first = FIRST, .last = FIRST + 9};
        const struct lease_reservation fixed = {mac_no(7), FIRST};
        struct lease_table *t = table(10);
        const struct mac other = mac_no(1), owner = mac_no(7);

        (void)state;
        put(t, 1, FIRST, LEASE_BOUND, HOUR);
        assert_int_equal(lease_table_configure(t, &pool, 1, &fixed, 1), 0);
        assert_false(lease_address_free_for(t, &owner, FIRST, 0));
        assert_false(lease_address_free_for(t, &other, FIRST, 0)); /* no longer renewed */
        assert_int_not_equal(pick(t, 7, 0, 0), FIRST);
        assert_int_equal(pick(t, 7, 0, HOUR), FIRST);
        lease_table_free(t);
}

static void
a_lease_is_found_both_ways_and_replaced_whole(void **state)
{
        struct lease_table *t = table(10);
        const struct mac m = mac_no(1);

        (void)state;
        put(t, 1, FIRST, LEASE_BOUND, HOUR);
        put(t, 1, FIRST + 3, LEASE_BOUND, HOUR);
        assert_int_equal(lease_by_mac(t, &m)->address, FIRST + 3);
        assert_null(lease_by_address(t, FIRST));
        assert_int_equal(lease_table_count(t), 1);
        put(t, 2, FIRST + 3, LEASE_BOUND, HOUR);
        assert_null(lease_by_mac(t, &m));
        assert_int_equal(lease_table_count(t), 1);
        lease_table_free(t);
}

static void
without_a_pool_only_fixed_addresses_are_given(void **state)
{
        const struct lease_pool none = {.net = NET, .mask = MASK};
        const struct lease_reservation fixed = {mac_no(1), FIXED};
        struct lease_table *t = lease_table_new();

        (void)state;
        assert_int_equal(lease_table_configure(t, &none, 1, &fixed, 1), 0);
        assert_int_equal(pick(t, 1, 0, 0), FIXED);
        assert_int_equal(pick(t, 2, 0, 0), 0);
        lease_table_free(t);
}

static void
a_large_pool_is_used_to_its_end_once_each(void **state)
{
        struct lease_table *t = table(LEASE_POOL_MAX);
        size_t n = 0;

        (void)state;
        for (uint32_t mac = 5000, a; (a = pick(t, mac, 0, 0)) != 0; mac++, n++) {
                assert_null(lease_by_address(t, a));
                put(t, mac, a, LEASE_BOUND, HOUR);
        }
        assert_int_equal(n, LEASE_POOL_MAX - 2); /* one fixed, one excluded */
        lease_table_free(t);
}

/* Two subnets with @n addresses each; MAC 1000 has a fixed address in the first. */
static struct lease_table *
two_subnets(uint32_t n)
{
        const struct lease_pool pools[] = {
                {.net = NET, .mask = MASK, .first = FIRST, .last = FIRST + n - 1},
                {.net = OTHER_NET, .mask = MASK, .first = OTHER_FIRST, .last = OTHER_FIRST + n - 1},
        };
        const struct lease_reservation fixed = {mac_no(1000), FIXED};
        struct lease_table *t = lease_table_new();

        assert_int_equal(lease_table_configure(t, pools, 2, &fixed, 1), 0);
        return t;
}

static void
a_host_gets_an_address_of_the_subnet_where_it_asks(void **state)
{
        struct lease_table *t = two_subnets(2);
        const struct mac m = mac_no(1), owner = mac_no(1000);

        (void)state;
        put(t, 1, FIRST + 1, LEASE_BOUND, HOUR);
        assert_int_equal(lease_pick(t, 0, &m, 0, 0), FIRST + 1);
        assert_int_equal(lease_pick(t, 1, &m, FIRST, 0), OTHER_FIRST); /* neither what it had nor what it wants is here */
        assert_int_equal(lease_pick(t, 0, &owner, 0, 0), FIXED);
        assert_int_equal(lease_pick(t, 1, &owner, 0, 0), OTHER_FIRST); /* its fixed address is elsewhere */
        assert_true(lease_address_free_for(t, &owner, OTHER_FIRST, 0));
        assert_false(lease_address_free_for(t, &owner, FIRST, 0));
        assert_int_equal(lease_pick(t, 2, &m, 0, 0), 0); /* there is no third */
        lease_table_free(t);
}

static void
a_full_subnet_takes_none_of_another_and_finds_its_own_ended_leases(void **state)
{
        struct lease_table *t = two_subnets(128);
        const struct mac m = mac_no(9999);

        (void)state;
        for (uint32_t i = 0; i < 128; i++) { /* more ended leases of the other subnet than are looked at */
                put(t, i, FIRST + i, LEASE_RELEASED, 0);
                put(t, 500 + i, OTHER_FIRST + i, i == 77 ? LEASE_RELEASED : LEASE_BOUND, HOUR);
        }
        assert_int_equal(lease_pick(t, 1, &m, 0, 0), OTHER_FIRST + 77);
        put(t, 577, OTHER_FIRST + 77, LEASE_BOUND, HOUR);
        assert_int_equal(lease_pick(t, 1, &m, 0, 0), 0);
        assert_int_equal(lease_pick(t, 0, &m, 0, 0), FIRST);
        lease_table_free(t);
}

static void
leases_outlive_a_change_of_the_pools(void **state)
{
        const struct lease_pool grown = {.net = NET, .mask = MASK, .first = FIRST, .last = FIRST + 2};
        struct lease_table *t = two_subnets(2);
        const struct mac m = mac_no(9);

        (void)state;
        put(t, 1, FIRST + 1, LEASE_RELEASED, 5);
        put(t, 2, FIRST, LEASE_RELEASED, 6);
        assert_int_equal(lease_table_configure(t, &grown, 1, NULL, 0), 0);
        assert_int_equal(lease_pick(t, 0, &m, 0, 10), FIRST + 2);
        put(t, 3, FIRST + 2, LEASE_BOUND, HOUR);
        assert_int_equal(lease_pick(t, 0, &m, 0, 10), FIRST + 1); /* given back first */
        lease_table_free(t);
}

/* A RELEASE in another's name: whoever sends it and asks for the address gets another one. */
static void
an_address_given_back_is_kept_for_its_host_until_the_lease_would_have_ended(void **state)
{
        struct lease_table *t = table(6); /* usable: 0, 3, 4, 5 */
        const struct mac thief = mac_no(9);

        (void)state;
        put(t, 1, FIRST, LEASE_RELEASED, HOUR);
        assert_true(lease_kept(lease_by_address(t, FIRST), HOUR - 1));
        assert_false(lease_active(lease_by_address(t, FIRST), 0));
        assert_false(lease_address_free_for(t, &thief, FIRST, HOUR - 1));
        assert_int_equal(pick(t, 9, FIRST, 0), FIRST + 3);
        assert_int_equal(pick(t, 1, 0, 0), FIRST);
        assert_true(lease_address_free_for(t, &thief, FIRST, HOUR));
        lease_table_free(t);
}

static void
a_pool_that_is_used_up_gives_away_what_was_given_back_first(void **state)
{
        struct lease_table *t = table(6);

        (void)state;
        put(t, 1, FIRST, LEASE_BOUND, HOUR);
        put(t, 2, FIRST + 3, LEASE_BOUND, HOUR);
        put(t, 3, FIRST + 4, LEASE_BOUND, HOUR);
        put(t, 2, FIRST + 3, LEASE_RELEASED, HOUR);
        put(t, 1, FIRST, LEASE_RELEASED, HOUR);
        assert_int_equal(pick(t, 9, 0, 0), FIRST + 5); /* there is a free one */
        put(t, 9, FIRST + 5, LEASE_BOUND, HOUR);
        assert_int_equal(pick(t, 10, 0, 0), FIRST + 3);
        put(t, 10, FIRST + 3, LEASE_OFFERED, HOUR);
        assert_int_equal(pick(t, 11, 0, 0), FIRST);
        lease_table_free(t);
}

/* Whoever declines in others' names empties no pool. */
static void
declines_fill_a_quarter_of_a_pool_at_most_and_three_of_one_host(void **state)
{
        struct lease_table *t = table(40);
        const struct mac one = mac_no(5000), many = mac_no(5001);
        uint32_t n = 0;

        (void)state;
        for (uint32_t a = FIRST + 10; lease_may_decline(t, &one, a, 0); a++, n++)
                put(t, 5000, a, LEASE_DECLINED, LEASE_QUARANTINE_MS);
        assert_int_equal(n, LEASE_MAX_DECLINED_BY_ONE);
        for (uint32_t i = 0; lease_may_decline(t, &many, FIRST + 20, 0); i++, n++)
                put(t, 6000 + i, FIRST + 20 + i, LEASE_DECLINED, LEASE_QUARANTINE_MS);
        assert_int_equal(n, 10);
        assert_true(lease_may_decline(t, &one, FIRST + 20, LEASE_QUARANTINE_MS)); /* the quarantine is over */
        assert_true(lease_may_decline(t, &many, FIXED, 0));                       /* in no pool */
        lease_table_free(t);
}

/* Against a plain array: what was put last of a MAC and of an address counts, whatever was removed in between. */
static void
ten_thousand_changes_leave_what_was_put_last(void **state)
{
        static uint32_t mac_at[300]; /* by address: who has it, and 1 */
        struct lease_table *t = table(300);
        uint32_t x = 1;

        (void)state;
        memset(mac_at, 0, sizeof(mac_at));
        for (int i = 0; i < 10000; i++) {
                uint32_t mac, at;

                x = x * 1664525 + 1013904223;
                mac = (x >> 8) % 200;
                at = (x >> 20) % 300;
                put(t, mac, FIRST + at, LEASE_BOUND, HOUR);
                for (uint32_t k = 0; k < 300; k++)
                        if (mac_at[k] == mac + 1)
                                mac_at[k] = 0;
                mac_at[at] = mac + 1;
        }
        for (uint32_t k = 0; k < 300; k++) {
                const struct lease *l = lease_by_address(t, FIRST + k);
                struct mac m = mac_no(mac_at[k] - 1);

                assert_int_equal(l != NULL, mac_at[k] != 0);
                if (!l)
                        continue;
                assert_true(mac_eq(&l->mac, &m));
                assert_ptr_equal(lease_by_mac(t, &m), l);
        }
        lease_table_free(t);
}

static void
a_lease_that_was_removed_was_never_there(void **state)
{
        struct lease_table *t = table(3);
        const struct mac mac = mac_no(1);

        (void)state;
        put(t, 1, FIRST, LEASE_BOUND, HOUR);
        lease_remove(t, &mac);
        lease_remove(t, &mac);
        assert_null(lease_by_mac(t, &mac));
        assert_null(lease_by_address(t, FIRST));
        assert_int_equal(pick(t, 2, 0, 0), FIRST);
        lease_table_free(t);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fixed_and_excluded_addresses_are_given_to_nobody_else),
                cmocka_unit_test(a_mac_gets_the_address_it_had),
                cmocka_unit_test(a_wish_is_granted_where_it_can_be),
                cmocka_unit_test(when_all_are_used_the_one_unused_for_longest_goes),
                cmocka_unit_test(a_declined_address_rests_for_ten_minutes),
                cmocka_unit_test(a_declined_fixed_address_gives_way_to_the_pool),
                cmocka_unit_test(an_address_that_became_fixed_waits_for_its_present_user),
                cmocka_unit_test(a_lease_is_found_both_ways_and_replaced_whole),
                cmocka_unit_test(without_a_pool_only_fixed_addresses_are_given),
                cmocka_unit_test(a_large_pool_is_used_to_its_end_once_each),
                cmocka_unit_test(a_host_gets_an_address_of_the_subnet_where_it_asks),
                cmocka_unit_test(a_full_subnet_takes_none_of_another_and_finds_its_own_ended_leases),
                cmocka_unit_test(leases_outlive_a_change_of_the_pools),
                cmocka_unit_test(an_address_given_back_is_kept_for_its_host_until_the_lease_would_have_ended),
                cmocka_unit_test(a_pool_that_is_used_up_gives_away_what_was_given_back_first),
                cmocka_unit_test(declines_fill_a_quarter_of_a_pool_at_most_and_three_of_one_host),
                cmocka_unit_test(ten_thousand_changes_leave_what_was_put_last),
                cmocka_unit_test(a_lease_that_was_removed_was_never_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
