/* SPDX-License-Identifier: Apache-2.0 */
/* What RELEASE and DECLINE do to an address, and what they do not when they are forged. */
#include "dhcp_talk.h"

static void
a_decline_gets_another_address(void **state)
{
        struct talk t;
        uint32_t a, b;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_pool, .requested = a, .server = SERVER_ADDRESS);
        assert_int_equal(t.d.reply, 0);
        assert_true(t.d.lease_changed);
        assert_int_equal(t.d.lease.state, LEASE_DECLINED);
        b = get_lease(&t, &mac_pool);
        assert_int_not_equal(a, b);
        t.now_ms += 9 * MINUTE;
        assert_false(lease_address_free_for(t.s.leases, &mac_no_image, a, t.now_ms));
        t.now_ms += 2 * MINUTE;
        assert_true(lease_address_free_for(t.s.leases, &mac_no_image, a, t.now_ms));
        end(&t);
}

static void
forged_declines_and_releases_change_nothing(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_no_image, .requested = a, .server = SERVER_ADDRESS);
        assert_false(t.d.lease_changed);
        SAY(&t, .type = DHCP_RELEASE, .mac = &mac_no_image, .ciaddr = a, .server = SERVER_ADDRESS);
        assert_false(t.d.lease_changed);
        SAY(&t, .type = DHCP_RELEASE, .mac = &mac_pool, .ciaddr = a, .server = OTHER_SERVER);
        assert_false(t.d.lease_changed);
        t.now_ms += 5 * MINUTE; /* a host that has run for five minutes does not find its address taken */
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_pool, .requested = a, .server = SERVER_ADDRESS);
        assert_false(t.d.lease_changed);
        assert_true(lease_active(lease_by_mac(t.s.leases, &mac_pool), t.now_ms));
        end(&t);
}

static void
a_released_address_is_kept_for_its_host_while_others_are_free(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        SAY(&t, .type = DHCP_RELEASE, .mac = &mac_pool, .ciaddr = a, .server = SERVER_ADDRESS);
        assert_int_equal(t.d.reply, 0);
        assert_int_equal(t.d.lease.state, LEASE_RELEASED);
        assert_int_not_equal(get_lease(&t, &mac_no_image), a);
        assert_int_equal(get_lease(&t, &mac_pool), a);
        end(&t);
}

/* What docs/THREATS.md promises: RELEASE and DECLINE in the name of a host that runs. */
static void
a_forged_release_and_a_request_by_another_known_host_take_no_address_away(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        SAY(&t, .type = DHCP_RELEASE, .mac = &mac_pool, .ciaddr = a, .server = SERVER_ADDRESS);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_no_image, .requested = a);
        assert_int_not_equal(t.reply.h.yiaddr, a);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_no_image, .requested = a, .server = SERVER_ADDRESS);
        assert_int_equal(t.d.reply, DHCP_NAK);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_no_image, .requested = a);
        assert_int_equal(t.d.reply, DHCP_NAK);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_no_image, .ciaddr = a);
        assert_int_equal(t.d.reply, DHCP_NAK);
        t.now_ms += 5 * MINUTE; /* the host knows of nothing and renews */
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = a);
        assert_int_equal(t.d.reply, DHCP_ACK);
        assert_true(lease_active(lease_by_address(t.s.leases, a), t.now_ms));
        end(&t);
}

static void
an_offer_cannot_be_declined_and_no_host_declines_without_end(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool);
        a = t.reply.h.yiaddr;
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_pool, .requested = a, .server = SERVER_ADDRESS);
        assert_false(t.d.lease_changed);
        a = get_lease(&t, &mac_pool);
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_pool, .requested = a, .server = SERVER_ADDRESS);
        assert_true(t.d.lease_changed);
        a = get_lease(&t, &mac_pool); /* a quarter of the pool of four addresses rests now */
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_pool, .requested = a, .server = SERVER_ADDRESS);
        assert_false(t.d.lease_changed);
        assert_true(lease_active(lease_by_mac(t.s.leases, &mac_pool), t.now_ms));
        end(&t);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_decline_gets_another_address),
                cmocka_unit_test(forged_declines_and_releases_change_nothing),
                cmocka_unit_test(a_released_address_is_kept_for_its_host_while_others_are_free),
                cmocka_unit_test(a_forged_release_and_a_request_by_another_known_host_take_no_address_away),
                cmocka_unit_test(an_offer_cannot_be_declined_and_no_host_declines_without_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
