/* SPDX-License-Identifier: Apache-2.0 */
/* The DHCP client against scripted answers, under a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/dhcp_client.h"

#define SERVER 0x0a580001u
#define ADDRESS 0x0a580064u
#define LEASE 600u

static const struct mac mac = {{0x52, 0x54, 0, 0x88, 0, 1}};

struct talk {
        struct dhcp_client c;
        struct dhcp_client_out out;
        struct dhcp_packet sent; /* the last packet of the client, parsed */
        int64_t now_ms;
        enum dhcp_client_event event;
};

static void
look(struct talk *t)
{
        if (t->out.size > 0)
                assert_int_equal(dhcp_parse(t->out.data, t->out.size, &t->sent), 0);
}

static void
tick(struct talk *t)
{
        t->now_ms = dhcp_client_deadline(&t->c);
        t->event = dhcp_client_tick(&t->c, t->now_ms, 250, &t->out);
        look(t);
}

/* An answer of @server to the last packet; @address in yiaddr. */
static void
answer(struct talk *t, uint8_t type, uint32_t server, uint32_t address)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .xid = t->c.xid, .yiaddr = address, .mac = mac};
        struct dhcp_builder b;

        dhcp_build_start(&b, &h, type, 0);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, server);
        dhcp_build_u32(&b, DHCP_OPT_LEASE_TIME, LEASE);
        dhcp_build_u32(&b, DHCP_OPT_NETMASK, 0xffffff00);
        dhcp_build_u32(&b, DHCP_OPT_ROUTER, SERVER);
        dhcp_build_text(&b, DHCP_OPT_HOSTNAME, "n1");
        assert_true(dhcp_build_finish(&b) > 0);
        t->event = dhcp_client_input(&t->c, b.data, b.size, t->now_ms, 1, &t->out);
        look(t);
}

static void
begin(struct talk *t)
{
        memset(t, 0, sizeof(*t));
        t->now_ms = 1000;
        dhcp_client_init(&t->c, &mac, 77, t->now_ms);
        tick(t);
        assert_int_equal(t->sent.type, DHCP_DISCOVER);
}

static void
bind_it(struct talk *t)
{
        begin(t);
        answer(t, DHCP_OFFER, SERVER, ADDRESS);
        answer(t, DHCP_ACK, SERVER, ADDRESS);
        assert_int_equal(t->event, DHCP_CLIENT_BOUND);
}

static uint32_t
u32(const struct talk *t, uint8_t code)
{
        uint32_t v = 0;

        dhcp_option_u32(&t->sent, code, &v);
        return v;
}

static void
it_gets_a_lease(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        assert_int_equal(t.out.destination, 0xffffffff);
        assert_int_equal(t.out.source, 0);
        assert_true(t.sent.h.flags & DHCP_FLAG_BROADCAST);
        answer(&t, DHCP_OFFER, SERVER, ADDRESS);
        assert_int_equal(t.event, DHCP_CLIENT_NOTHING);
        assert_int_equal(t.sent.type, DHCP_REQUEST);
        assert_int_equal(u32(&t, DHCP_OPT_SERVER_ID), SERVER);
        assert_int_equal(u32(&t, DHCP_OPT_REQUESTED_ADDRESS), ADDRESS);
        assert_int_equal(t.sent.h.ciaddr, 0);
        answer(&t, DHCP_ACK, SERVER, ADDRESS);
        assert_int_equal(t.event, DHCP_CLIENT_BOUND);
        assert_int_equal(t.out.size, 0);
        assert_int_equal(t.c.lease.address, ADDRESS);
        assert_int_equal(t.c.lease.netmask, 0xffffff00);
        assert_int_equal(t.c.lease.router, SERVER);
        assert_string_equal(t.c.lease.hostname, "n1");
        assert_int_equal(dhcp_client_deadline(&t.c), t.c.lease.bound_ms + LEASE * 1000 / 2);
}

static void
silence_makes_it_ask_ever_more_slowly(void **state)
{
        int64_t last, wait = 0;
        struct talk t;

        (void)state;
        begin(&t);
        for (unsigned i = 0; i < 10; i++) {
                last = t.now_ms;
                tick(&t);
                assert_int_equal(t.sent.type, DHCP_DISCOVER);
                assert_true(t.now_ms - last >= wait);
                wait = t.now_ms - last;
        }
        assert_true(wait >= 48000 && wait <= 80000);
}

static void
a_request_that_is_not_answered_leads_back_to_discover(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        answer(&t, DHCP_OFFER, SERVER, ADDRESS);
        for (unsigned i = 0; i < 3; i++) {
                tick(&t);
                assert_int_equal(t.sent.type, DHCP_REQUEST);
        }
        tick(&t);
        assert_int_equal(t.sent.type, DHCP_DISCOVER);
}

static void
it_renews_by_unicast_then_rebinds_by_broadcast_then_loses_the_address(void **state)
{
        struct talk t;

        (void)state;
        bind_it(&t);
        tick(&t);
        assert_int_equal(t.sent.type, DHCP_REQUEST);
        assert_int_equal(t.out.destination, SERVER);
        assert_int_equal(t.out.source, ADDRESS);
        assert_int_equal(t.sent.h.ciaddr, ADDRESS);
        assert_int_equal(u32(&t, DHCP_OPT_SERVER_ID), 0);
        assert_int_equal(u32(&t, DHCP_OPT_REQUESTED_ADDRESS), 0);
        while (t.c.state == DHCP_CLIENT_RENEWING)
                tick(&t);
        assert_int_equal(t.c.state, DHCP_CLIENT_REBINDING);
        assert_int_equal(t.out.destination, 0xffffffff);
        assert_true(t.now_ms - t.c.lease.bound_ms >= LEASE * 875);
        while (t.event != DHCP_CLIENT_LOST)
                tick(&t);
        assert_int_equal(t.now_ms - t.c.lease.bound_ms, LEASE * 1000);
        assert_int_equal(t.sent.type, DHCP_DISCOVER);
}

static void
an_ack_to_a_renewal_prolongs_the_lease(void **state)
{
        struct talk t;

        (void)state;
        bind_it(&t);
        tick(&t);
        answer(&t, DHCP_ACK, SERVER, ADDRESS);
        assert_int_equal(t.event, DHCP_CLIENT_RENEWED);
        assert_int_equal(t.c.lease.bound_ms, t.now_ms);
        assert_int_equal(dhcp_client_deadline(&t.c), t.now_ms + LEASE * 1000 / 2);
}

static void
a_nak_takes_the_address_away(void **state)
{
        struct talk t;

        (void)state;
        bind_it(&t);
        tick(&t);
        answer(&t, DHCP_NAK, SERVER, 0);
        assert_int_equal(t.event, DHCP_CLIENT_LOST);
        tick(&t);
        assert_int_equal(t.sent.type, DHCP_DISCOVER);
        assert_int_equal(u32(&t, DHCP_OPT_REQUESTED_ADDRESS), 0);
}

/* CVE-2020-13529 and rogue servers: who was not asked does not count. */
static void
answers_of_others_change_nothing(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        answer(&t, DHCP_ACK, SERVER, ADDRESS); /* nobody asked for one */
        assert_int_equal(t.c.state, DHCP_CLIENT_SELECTING);
        answer(&t, DHCP_OFFER, SERVER, ADDRESS);
        answer(&t, DHCP_ACK, SERVER + 1, ADDRESS);
        assert_int_equal(t.c.state, DHCP_CLIENT_REQUESTING);
        answer(&t, DHCP_ACK, SERVER, ADDRESS + 1);
        assert_int_equal(t.c.state, DHCP_CLIENT_REQUESTING);
        answer(&t, DHCP_NAK, SERVER + 1, 0);
        assert_int_equal(t.c.state, DHCP_CLIENT_REQUESTING);
        t.c.xid ^= 1;
        answer(&t, DHCP_ACK, SERVER, ADDRESS);
        assert_int_equal(t.event, DHCP_CLIENT_BOUND); /* and with everything right it does */
}

static void
an_answer_for_another_exchange_is_dropped(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .xid = 1, .yiaddr = ADDRESS, .mac = mac};
        struct dhcp_builder b;
        struct talk t;

        (void)state;
        begin(&t);
        h.xid = t.c.xid + 1;
        dhcp_build_start(&b, &h, DHCP_OFFER, 0);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, SERVER);
        dhcp_build_finish(&b);
        dhcp_client_input(&t.c, b.data, b.size, t.now_ms, 1, &t.out);
        assert_int_equal(t.c.state, DHCP_CLIENT_SELECTING);
        h.xid = t.c.xid;
        h.mac.b[5] ^= 1;
        dhcp_build_start(&b, &h, DHCP_OFFER, 0);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, SERVER);
        dhcp_build_finish(&b);
        dhcp_client_input(&t.c, b.data, b.size, t.now_ms, 1, &t.out);
        assert_int_equal(t.c.state, DHCP_CLIENT_SELECTING);
}

static void
absurd_leases_are_not_taken(void **state)
{
        static const uint32_t bad[] = {0, 0xffffffff, 0x7f000001, 0xe0000001, 0x00000005};
        struct talk t;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                begin(&t);
                answer(&t, DHCP_OFFER, SERVER, bad[i]);
                assert_int_equal(t.c.state, DHCP_CLIENT_SELECTING);
        }
}

static void
release_goes_to_the_server_and_ends_it(void **state)
{
        struct talk t;

        (void)state;
        bind_it(&t);
        dhcp_client_release(&t.c, &t.out);
        look(&t);
        assert_int_equal(t.sent.type, DHCP_RELEASE);
        assert_int_equal(t.sent.h.ciaddr, ADDRESS);
        assert_int_equal(t.out.destination, SERVER);
        assert_int_equal(dhcp_client_deadline(&t.c), INT64_MAX);
}

static void
decline_waits_before_it_asks_again(void **state)
{
        struct talk t;

        (void)state;
        bind_it(&t);
        assert_int_equal(dhcp_client_decline(&t.c, t.now_ms, &t.out), DHCP_CLIENT_LOST);
        look(&t);
        assert_int_equal(t.sent.type, DHCP_DECLINE);
        assert_int_equal(u32(&t, DHCP_OPT_REQUESTED_ADDRESS), ADDRESS);
        assert_int_equal(dhcp_client_deadline(&t.c), t.now_ms + 10000);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_gets_a_lease),
                cmocka_unit_test(silence_makes_it_ask_ever_more_slowly),
                cmocka_unit_test(a_request_that_is_not_answered_leads_back_to_discover),
                cmocka_unit_test(it_renews_by_unicast_then_rebinds_by_broadcast_then_loses_the_address),
                cmocka_unit_test(an_ack_to_a_renewal_prolongs_the_lease),
                cmocka_unit_test(a_nak_takes_the_address_away),
                cmocka_unit_test(answers_of_others_change_nothing),
                cmocka_unit_test(an_answer_for_another_exchange_is_dropped),
                cmocka_unit_test(absurd_leases_are_not_taken),
                cmocka_unit_test(release_goes_to_the_server_and_ends_it),
                cmocka_unit_test(decline_waits_before_it_asks_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
