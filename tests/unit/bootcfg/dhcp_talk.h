/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_BOOTCFG_DHCP_TALK_H
#define DOMPOOL_TESTS_BOOTCFG_DHCP_TALK_H
/* A conversation with the DHCP server's decisions: packets in, answers out, a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "boot_trace.h"
#include "bootcfg/dhcp_server.h"
#include "fixture.h"

#define OTHER_SERVER 0x0a580002u
#define MINUTE 60000

struct talk {
        struct dhcp_server s;
        struct dhcp_arrival from;
        struct policy *policy;
        int64_t now_ms;
        struct dhcp_decision d;
        struct dhcp_packet reply; /* parsed, when there is one */
};

/* What a client says. */
struct said {
        uint8_t type;
        uint32_t ciaddr, giaddr, requested, server;
        const struct mac *mac;
        const char *vendor_class;
        int arch; /* with a vendor class; -1: none */
        const char *client_id, *relay, *ipxe;
        size_t relay_size; /* 0: of the text */
        uint32_t selection;
        uint16_t max_size;
};

static inline void
begin(struct talk *t)
{
        memset(t, 0, sizeof(*t));
        t->policy = fixture_policy();
        assert_non_null(t->policy);
        t->now_ms = 1000000;
        t->from.port = DHCP_SERVER_PORT;
        t->s = (struct dhcp_server){.policy = t->policy, .address = SERVER_ADDRESS, .leases = lease_table_new()};
        assert_int_equal(dhcp_server_configure(&t->s), 0);
}

static inline void
end(struct talk *t)
{
        lease_table_free(t->s.leases);
        policy_free(t->policy);
}

static inline void
hear_parsed(struct talk *t, const struct dhcp_packet *p)
{
        dhcp_server_decide(&t->s, p, &t->from, t->now_ms, &t->d);
        memset(&t->reply, 0, sizeof(t->reply));
        if (t->d.reply) {
                assert_int_equal(dhcp_parse(t->d.data, t->d.size, &t->reply), 0);
                assert_int_equal(t->reply.type, t->d.reply);
                assert_int_equal(t->reply.h.op, DHCP_BOOTREPLY);
                assert_int_equal(t->reply.h.xid, p->h.xid);
                assert_true(mac_eq(&t->reply.h.mac, &p->h.mac));
                assert_true(t->d.size >= DHCP_MIN_REPLY_SIZE);
        }
}

static inline void
hear(struct talk *t, const uint8_t *data, size_t size)
{
        struct dhcp_packet p;

        assert_int_equal(dhcp_parse(data, size, &p), 0);
        hear_parsed(t, &p);
}

static inline void
say(struct talk *t, const struct said *w)
{
        struct dhcp_header h = {.op = DHCP_BOOTREQUEST, .xid = 99, .ciaddr = w->ciaddr, .giaddr = w->giaddr, .mac = *w->mac};
        struct dhcp_builder b;
        size_t size;

        dhcp_build_start(&b, &h, w->type, DHCP_MAX_SIZE);
        if (w->requested)
                dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, w->requested);
        if (w->server)
                dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, w->server);
        if (w->vendor_class)
                dhcp_build_text(&b, DHCP_OPT_VENDOR_CLASS, w->vendor_class);
        if (w->arch >= 0 && w->vendor_class)
                dhcp_build_u16(&b, DHCP_OPT_CLIENT_ARCH, (uint16_t)w->arch);
        if (w->client_id)
                dhcp_build_text(&b, DHCP_OPT_CLIENT_ID, w->client_id);
        if (w->relay)
                dhcp_build_option(&b, DHCP_OPT_RELAY_AGENT, w->relay, w->relay_size ? w->relay_size : strlen(w->relay));
        if (w->selection)
                dhcp_build_u32(&b, DHCP_OPT_SUBNET_SELECTION, w->selection);
        if (w->ipxe)
                dhcp_build_text(&b, DHCP_OPT_IPXE, w->ipxe);
        if (w->max_size)
                dhcp_build_u16(&b, DHCP_OPT_MAX_SIZE, w->max_size);
        size = dhcp_build_finish(&b);
        assert_true(size > 0);
        hear(t, b.data, size);
}

#define SAY(T, ...) say((T), &(const struct said){__VA_ARGS__})

static inline uint32_t
u32(const struct talk *t, uint8_t code)
{
        uint32_t v = 0;

        dhcp_option_u32(&t->reply, code, &v);
        return v;
}

/* The four messages; returns the address. */
static inline uint32_t
get_lease(struct talk *t, const struct mac *mac)
{
        uint32_t address;

        SAY(t, .type = DHCP_DISCOVER, .mac = mac);
        assert_int_equal(t->d.reply, DHCP_OFFER);
        assert_false(t->d.lease_changed); /* an offer needs no disk */
        address = t->reply.h.yiaddr;
        SAY(t, .type = DHCP_REQUEST, .mac = mac, .requested = address, .server = SERVER_ADDRESS);
        assert_int_equal(t->d.reply, DHCP_ACK);
        assert_int_equal(t->reply.h.yiaddr, address);
        assert_true(t->d.lease_changed);
        assert_int_equal(t->d.lease.state, LEASE_BOUND);
        assert_int_equal(t->d.lease.expiry_ms, t->now_ms + 600000);
        return address;
}

#endif
