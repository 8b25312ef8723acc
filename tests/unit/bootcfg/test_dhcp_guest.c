/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of machines under inspection: for a short time, out of a share that leaves the hosts theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dhcp_talk.h"

static void
begin_guest(struct talk *t)
{
        begin(t);
        policy_free(t->policy);
        t->policy = fixture_guest_policy();
        assert_non_null(t->policy);
        t->s.policy = t->policy;
        assert_int_equal(dhcp_server_configure(&t->s), 0);
}

static void
a_guest_gets_an_address_for_ten_minutes(void **state)
{
        struct talk t;
        uint32_t seconds = 0;

        (void)state;
        begin_guest(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_unknown, .vendor_class = "PXEClient:Arch:00000", .arch = 0);
        assert_int_equal(t.d.reply, DHCP_OFFER);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_unknown, .requested = t.reply.h.yiaddr, .server = SERVER_ADDRESS,
            .vendor_class = "PXEClient:Arch:00000", .arch = 0);
        assert_int_equal(t.d.reply, DHCP_ACK);
        assert_true(dhcp_option_u32(&t.reply, DHCP_OPT_LEASE_TIME, &seconds));
        assert_int_equal(seconds, GUEST_LEASE_SECONDS);
        assert_int_equal(t.d.event, DHCP_EVENT_BOOT);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .requested = t.reply.h.yiaddr, .server = SERVER_ADDRESS);
        assert_true(dhcp_option_u32(&t.reply, DHCP_OPT_LEASE_TIME, &seconds));
        assert_int_equal(seconds, 3600);
        end(&t);
}

/* The range has four addresses, so guests may hold one: a guest that declines it gets no second one, a host does. */
static void
a_guest_cannot_decline_the_hosts_addresses_away(void **state)
{
        struct talk t;
        uint32_t address;

        (void)state;
        begin_guest(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_unknown);
        address = t.reply.h.yiaddr;
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_unknown, .requested = address, .server = SERVER_ADDRESS);
        assert_int_equal(t.d.reply, DHCP_ACK);
        SAY(&t, .type = DHCP_DECLINE, .mac = &mac_unknown, .requested = address, .server = SERVER_ADDRESS);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_unknown);
        assert_int_equal(t.d.reply, 0);
        assert_int_equal(t.d.note, BOOT_NOTE_NO_ADDRESS);
        assert_non_null(strstr(t.d.reason, "under inspection"));
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool);
        assert_int_equal(t.d.reply, DHCP_OFFER);
        t.now_ms += LEASE_QUARANTINE_MS + 1;
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_unknown);
        assert_int_equal(t.d.reply, DHCP_OFFER);
        end(&t);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_guest_gets_an_address_for_ten_minutes),
                cmocka_unit_test(a_guest_cannot_decline_the_hosts_addresses_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
