/* SPDX-License-Identifier: Apache-2.0 */
/* The DHCP server's decisions: conversations with hosts, with strangers and with recorded firmware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dhcp_talk.h"

static void
ipxe_that_looks_for_a_boot_file_is_told_that_no_proxy_will_answer(void **state)
{
        static const uint8_t no_proxy_dhcp[] = {176, 1, 1};
        const uint8_t *told;
        struct talk t;
        size_t size;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .vendor_class = "PXEClient:Arch:00000", .ipxe = "\x19\x01\x01");
        told = dhcp_option(&t.reply, DHCP_OPT_IPXE, &size);
        assert_non_null(told);
        assert_int_equal(size, sizeof(no_proxy_dhcp));
        assert_memory_equal(told, no_proxy_dhcp, size);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .vendor_class = "PXEClient:Arch:00000");
        assert_null(dhcp_option(&t.reply, DHCP_OPT_IPXE, &size)); /* not iPXE */
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .ipxe = "\x19\x01\x01");
        assert_null(dhcp_option(&t.reply, DHCP_OPT_IPXE, &size)); /* no boot file from us */
        end(&t);
}

static void
a_host_gets_an_address_of_the_pool_with_all_that_belongs_to_it(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        assert_int_equal(get_lease(&t, &mac_pool), RANGE_FIRST);
        assert_int_equal(u32(&t, DHCP_OPT_SERVER_ID), SERVER_ADDRESS);
        assert_int_equal(u32(&t, DHCP_OPT_LEASE_TIME), 600);
        assert_int_equal(u32(&t, DHCP_OPT_T1), 300);
        assert_int_equal(u32(&t, DHCP_OPT_T2), 525);
        assert_int_equal(u32(&t, DHCP_OPT_NETMASK), 0xffffff00);
        assert_int_equal(u32(&t, DHCP_OPT_ROUTER), SERVER_ADDRESS);
        assert_int_equal(u32(&t, DHCP_OPT_BROADCAST), 0x0a5800ff);
        assert_int_equal(u32(&t, DHCP_OPT_DNS), 0);
        assert_string_equal(t.reply.h.file, ""); /* no firmware: no boot file */
        assert_int_equal(t.d.destination, 0xffffffff);
        assert_int_equal(t.d.port, 68);
        end(&t);
}

static void
a_fixed_address_is_its_hosts(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        assert_int_equal(get_lease(&t, &mac_fixed), FIXED_ADDRESS);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .requested = FIXED_ADDRESS, .server = SERVER_ADDRESS);
        assert_int_equal(t.d.reply, DHCP_NAK);
        assert_int_equal(t.reply.h.yiaddr, 0);
        end(&t);
}

static void
a_stranger_is_not_answered_whatever_he_says(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        for (uint8_t type = DHCP_DISCOVER; type <= DHCP_INFORM; type++) {
                SAY(&t, .type = type, .mac = &mac_unknown, .ciaddr = RANGE_FIRST, .requested = RANGE_FIRST);
                assert_int_equal(t.d.reply, 0);
                assert_false(t.d.lease_changed);
        }
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_unknown);
        assert_int_equal(t.d.event, DHCP_EVENT_UNKNOWN);
        assert_int_equal(lease_table_count(t.s.leases), 0);
        end(&t);
}

static void
without_a_policy_nobody_is_known(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        t.s.policy = NULL;
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool);
        assert_int_equal(t.d.reply, 0);
        end(&t);
}

static void
servers_messages_are_not_answered(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .mac = mac_pool};
        struct dhcp_builder b;
        struct talk t;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_OFFER, .mac = &mac_pool);
        assert_int_equal(t.d.reply, 0);
        dhcp_build_start(&b, &h, DHCP_DISCOVER, 0);
        hear(&t, b.data, dhcp_build_finish(&b));
        assert_int_equal(t.d.reply, 0);
        end(&t);
}

static void
firmware_is_told_its_loader(void **state)
{
        static const struct {
                int arch;
                const char *file;
        } cases[] = {{0, "pxelinux.0"},  {-1, "pxelinux.0"},          {7, "snponly.efi"},
                     {9, "snponly.efi"}, {11, "grub-arm64/core.efi"}, {41, ""}};
        struct talk t;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char file[128] = "";

                begin(&t);
                SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .vendor_class = "PXEClient:Arch", .arch = cases[i].arch);
                assert_int_equal(t.d.reply, DHCP_OFFER);
                assert_string_equal(t.reply.h.file, cases[i].file);
                dhcp_option_text(&t.reply, DHCP_OPT_BOOT_FILE, file, sizeof(file));
                assert_string_equal(file, cases[i].file);
                assert_int_equal(t.reply.h.siaddr, *cases[i].file ? SERVER_ADDRESS : 0);
                SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .vendor_class = "PXEClient:Arch", .arch = cases[i].arch,
                    .requested = RANGE_FIRST, .server = SERVER_ADDRESS);
                assert_int_equal(t.d.event, DHCP_EVENT_BOOT);
                assert_string_equal(t.reply.h.file, cases[i].file);
                end(&t);
        }
}

static void
a_renewal_prolongs_by_unicast(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        t.now_ms += 5 * MINUTE;
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = a);
        assert_int_equal(t.d.reply, DHCP_ACK);
        assert_int_equal(t.d.lease.expiry_ms, t.now_ms + 600000);
        assert_int_equal(t.d.destination, a);
        assert_int_equal(t.d.event, DHCP_EVENT_LEASE); /* dom0's renewal is no new boot */
        end(&t);
}

/* A boot after a boot, a renewal or two: the record says a quarter more than was promised, and nothing need be written. */
static void
what_the_record_covers_is_not_written_again(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        assert_true(t.d.lease_urgent); /* an address that could go to another */
        for (int minutes = 1; minutes <= 2; minutes++) {
                t.now_ms += MINUTE;
                SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = a);
                assert_int_equal(t.d.reply, DHCP_ACK);
                assert_false(t.d.lease_changed || t.d.lease_urgent);
                assert_int_equal(t.d.lease.expiry_ms, t.now_ms + 10 * MINUTE);
        }
        t.now_ms += MINUTE; /* the record ends 12.5 minutes after the first ACK, this promise 13 */
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = a);
        assert_true(t.d.lease_changed && t.d.lease_urgent);
        end(&t);
}

static void
a_fixed_address_is_on_disk_before_its_ack_too(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        get_lease(&t, &mac_fixed);
        assert_true(t.d.lease_changed && t.d.lease_urgent);
        end(&t);
}

static void
a_renewal_of_an_unknown_lease_is_granted_if_the_address_is_free(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = RANGE_FIRST + 1);
        assert_int_equal(t.d.reply, DHCP_ACK);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_no_image, .ciaddr = RANGE_FIRST + 1);
        assert_int_equal(t.d.reply, DHCP_NAK);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_no_image, .ciaddr = 0xc0a80001);
        assert_int_equal(t.d.reply, DHCP_NAK);
        assert_int_equal(t.d.destination, 0xffffffff);
        end(&t);
}

static void
init_reboot_follows_rfc_2131(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .requested = RANGE_FIRST);
        assert_int_equal(t.d.reply, 0); /* no record: silence */
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .requested = 0xc0a80105);
        assert_int_equal(t.d.reply, DHCP_NAK); /* another network */
        a = get_lease(&t, &mac_pool);
        t.now_ms += 60 * MINUTE; /* run out, but nobody else has it */
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .requested = a);
        assert_int_equal(t.d.reply, DHCP_ACK);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_fixed, .requested = FIXED_ADDRESS);
        assert_int_equal(t.d.reply, DHCP_ACK); /* the policy is the record */
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_fixed, .requested = RANGE_FIRST + 2);
        assert_int_equal(t.d.reply, DHCP_NAK);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_fixed);
        assert_int_equal(t.d.reply, 0);
        end(&t);
}

static void
who_chose_another_server_is_let_go(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .requested = 0x0a580009, .server = OTHER_SERVER);
        assert_int_equal(t.d.reply, 0);
        assert_false(t.d.lease_changed);
        assert_false(lease_active(lease_by_mac(t.s.leases, &mac_pool), t.now_ms));
        assert_int_equal(t.d.event, DHCP_EVENT_FOREIGN);
        assert_int_equal(t.d.foreign, OTHER_SERVER);
        assert_int_equal(t.d.wanted, 0x0a580009);
        assert_true(t.d.offered);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_no_image, .requested = 0x0a580009, .server = OTHER_SERVER);
        assert_int_equal(t.d.event, DHCP_EVENT_FOREIGN);
        assert_false(t.d.offered); /* it never asked us */
        end(&t);
}

static void
a_host_that_starts_again_keeps_its_lease(void **state)
{
        struct talk t;
        uint32_t a;

        (void)state;
        begin(&t);
        a = get_lease(&t, &mac_pool);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .requested = RANGE_LAST);
        assert_int_equal(t.reply.h.yiaddr, a);
        assert_int_equal(lease_by_mac(t.s.leases, &mac_pool)->state, LEASE_BOUND);
        end(&t);
}

/* CVE-2025-40779: a unicast message without a subnet of ours. */
static void
inform_is_answered_without_a_lease_and_only_on_our_network(void **state)
{
        struct talk t;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_INFORM, .mac = &mac_pool, .ciaddr = 0x0a5800c8);
        assert_int_equal(t.d.reply, DHCP_ACK);
        assert_int_equal(t.reply.h.yiaddr, 0);
        assert_int_equal(u32(&t, DHCP_OPT_LEASE_TIME), 0);
        assert_int_equal(t.d.destination, 0x0a5800c8);
        assert_false(t.d.lease_changed);
        SAY(&t, .type = DHCP_INFORM, .mac = &mac_pool, .ciaddr = 0xc0a80001);
        assert_int_equal(t.d.reply, 0);
        SAY(&t, .type = DHCP_INFORM, .mac = &mac_pool);
        assert_int_equal(t.d.reply, 0);
        end(&t);
}

static void
relayed_packets_go_back_with_their_options(void **state)
{
        struct talk t;
        const uint8_t *data;
        size_t size;

        (void)state;
        begin(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .giaddr = 0x0a580005, .relay = "port7", .client_id = "\001id");
        assert_int_equal(t.d.reply, DHCP_OFFER);
        assert_int_equal(t.d.destination, 0x0a580005);
        assert_int_equal(t.d.port, 67);
        data = dhcp_option(&t.reply, DHCP_OPT_RELAY_AGENT, &size);
        assert_int_equal(size, 5);
        assert_memory_equal(data, "port7", 5);
        data = dhcp_option(&t.reply, DHCP_OPT_CLIENT_ID, &size);
        assert_int_equal(size, 3);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .giaddr = 0xc0a80001);
        assert_int_equal(t.d.reply, 0);
        end(&t);
}

/* CVE-2019-6472, CVE-2026-4892: identifiers longer than anybody expects. */
static void
the_longest_client_id_leaves_room_for_an_answer(void **state)
{
        char id[256];
        struct talk t;

        (void)state;
        memset(id, 'i', 255);
        id[255] = '\0';
        begin(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .client_id = id, .vendor_class = "PXEClient", .arch = 7,
            .max_size = 1472);
        assert_int_equal(t.d.reply, DHCP_OFFER);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .client_id = id, .relay = id, .vendor_class = "PXEClient", .arch = 7,
            .max_size = 40); /* the smallest packet cannot hold both */
        assert_int_equal(t.d.reply, 0);
        end(&t);
}

static void
a_full_pool_is_silent(void **state)
{
        struct policy_header header;
        struct policy_host hosts[8];
        char names[8][8];
        struct talk t;
        unsigned n = 0;

        (void)state;
        begin(&t);
        policy_free(t.policy);
        fixture_header(&header);
        header.default_image = UINT32_MAX;
        for (unsigned i = 0; i < 8; i++) {
                const struct mac m = {{2, 0, 0, 0, 0, (uint8_t)(i + 1)}};

                snprintf(names[i], sizeof(names[i]), "h%u", i);
                fixture_host(&hosts[i], names[i], &m, PROFILE_POOL, 0, UINT32_MAX);
        }
        t.policy = fixture_build(&header, NULL, 0, hosts, 8);
        assert_non_null(t.policy);
        t.s.policy = t.policy;
        assert_int_equal(dhcp_server_configure(&t.s), 0);
        for (unsigned i = 0; i < 8; i++) {
                SAY(&t, .type = DHCP_DISCOVER, .mac = &hosts[i].mac);
                n += t.d.reply == DHCP_OFFER;
        }
        assert_int_equal(n, RANGE_LAST - RANGE_FIRST + 1);
        t.now_ms += 2 * MINUTE; /* nobody took the offers */
        SAY(&t, .type = DHCP_DISCOVER, .mac = &hosts[7].mac);
        assert_int_equal(t.d.reply, DHCP_OFFER);
        end(&t);
}

/* --- Subnets. --- */

#define VLAN_NET 0x0a590000u   /* 10.89.0.0/24: by interface 1 */
#define REMOTE_NET 0x0a5a0000u /* 10.90.0.0/24: behind relay agents */
#define REMOTE_AGENT 0xc0a80009u

/* The fixture's network, a VLAN on an interface of ours, and one behind relays. */
static void
begin_subnets(struct talk *t)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];

        begin(t);
        policy_free(t->policy);
        fixture_header(&header);
        fixture_image(&image);
        fixture_hosts(hosts);
        header.n_networks = 3;
        header.networks[1] = (struct config_network){.name = "vlan",
                                                     .interface = "br0.20",
                                                     .address = VLAN_NET + 1,
                                                     .net = VLAN_NET,
                                                     .prefix = 24,
                                                     .range_first = VLAN_NET + 100,
                                                     .range_last = VLAN_NET + 109,
                                                     .lease_seconds = 300};
        header.networks[2] = (struct config_network){.name = "remote",
                                                     .net = REMOTE_NET,
                                                     .prefix = 24,
                                                     .range_first = REMOTE_NET + 100,
                                                     .range_last = REMOTE_NET + 109,
                                                     .router = REMOTE_NET + 1,
                                                     .dns = REMOTE_NET + 53,
                                                     .relay = REMOTE_AGENT,
                                                     .lease_seconds = 900};
        t->policy = fixture_build(&header, &image, 1, hosts, 3);
        assert_non_null(t->policy);
        t->s.policy = t->policy;
        assert_int_equal(dhcp_server_configure(&t->s), 0);
}

static void
the_way_of_a_packet_decides_its_subnet(void **state)
{
        static const struct {
                uint32_t giaddr, interface, ciaddr, selection;
                const char *relay;
                size_t relay_size;
                uint32_t net; /* of the address offered; 0: silence */
        } cases[] = {
                {.net = NET_ADDRESS},
                {.interface = 1, .net = VLAN_NET},
                {.giaddr = REMOTE_NET + 1, .net = REMOTE_NET}, /* the agent's address lies in the subnet */
                {.giaddr = REMOTE_AGENT, .net = REMOTE_NET},   /* it is named in the configuration */
                {.giaddr = 0xc0a80001, .net = 0},              /* it is neither */
                {.giaddr = VLAN_NET + 2, .interface = 0, .net = VLAN_NET},
                {.giaddr = NET_ADDRESS + 9, .relay = "\5\4\x0a\x5a\0\0", .relay_size = 6, .net = REMOTE_NET}, /* RFC 3527 */
                {.giaddr = NET_ADDRESS + 9, .relay = "\1\3abc\5\4\x0a\x59\0\1", .relay_size = 11, .net = VLAN_NET},
                {.giaddr = NET_ADDRESS + 9, .relay = "\5\4\xc0\xa8\0\0", .relay_size = 6, .net = 0},
                {.giaddr = NET_ADDRESS + 9,
                 .relay = "\5\3\x0a\x5a\0",
                 .relay_size = 5,
                 .net = NET_ADDRESS},                                                           /* not of its size */
                {.giaddr = 0xc0a80001, .relay = "\5\4\x0a\x5a\0\0", .relay_size = 6, .net = 0}, /* an answer would go there */
                {.giaddr = NET_ADDRESS + 9, .selection = REMOTE_NET, .net = REMOTE_NET},        /* RFC 3011 */
                {.selection = REMOTE_NET, .net = NET_ADDRESS}, /* on the wire the wire counts */
        };
        struct talk t;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                begin_subnets(&t);
                t.from.network = cases[i].interface;
                SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .giaddr = cases[i].giaddr, .relay = cases[i].relay,
                    .relay_size = cases[i].relay_size, .selection = cases[i].selection);
                assert_int_equal(t.d.reply, cases[i].net ? DHCP_OFFER : 0);
                assert_int_equal(t.reply.h.yiaddr & 0xffffff00, cases[i].net);
                if (cases[i].net && cases[i].giaddr)
                        assert_int_equal(t.d.destination, cases[i].giaddr);
                if (cases[i].selection && cases[i].giaddr)
                        assert_int_equal(u32(&t, DHCP_OPT_SUBNET_SELECTION), cases[i].selection);
                end(&t);
        }
}

static void
each_subnet_has_its_own_settings(void **state)
{
        struct talk t;

        (void)state;
        begin_subnets(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool, .giaddr = REMOTE_AGENT, .relay = "port7");
        assert_int_equal(t.reply.h.yiaddr, REMOTE_NET + 100);
        assert_int_equal(u32(&t, DHCP_OPT_ROUTER), REMOTE_NET + 1);
        assert_int_equal(u32(&t, DHCP_OPT_DNS), REMOTE_NET + 53);
        assert_int_equal(u32(&t, DHCP_OPT_LEASE_TIME), 900);
        assert_int_equal(u32(&t, DHCP_OPT_BROADCAST), REMOTE_NET + 255);
        assert_int_equal(u32(&t, DHCP_OPT_SERVER_ID), SERVER_ADDRESS);
        t.from.network = 1;
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_pool);
        assert_int_equal(t.reply.h.yiaddr, VLAN_NET + 100);
        assert_int_equal(u32(&t, DHCP_OPT_ROUTER), VLAN_NET + 1); /* the way to the boot LAN's address is this server */
        assert_int_equal(u32(&t, DHCP_OPT_LEASE_TIME), 300);
        end(&t);
}

static void
a_host_of_a_remote_subnet_renews_through_routers(void **state)
{
        struct talk t;

        (void)state;
        begin_subnets(&t);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = REMOTE_NET + 103);
        assert_int_equal(t.d.reply, DHCP_ACK);
        assert_int_equal(t.d.destination, REMOTE_NET + 103);
        assert_int_equal(t.d.lease.expiry_ms, t.now_ms + 900000);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_pool, .ciaddr = VLAN_NET + 103); /* it was moved to another socket */
        assert_int_equal(t.d.reply, DHCP_NAK);
        end(&t);
}

static void
a_fixed_address_counts_in_its_subnet_only(void **state)
{
        struct talk t;

        (void)state;
        begin_subnets(&t);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_fixed, .giaddr = REMOTE_AGENT);
        assert_int_equal(t.reply.h.yiaddr, REMOTE_NET + 100);
        SAY(&t, .type = DHCP_DISCOVER, .mac = &mac_fixed);
        assert_int_equal(t.reply.h.yiaddr, FIXED_ADDRESS);
        end(&t);
}

/* --- Recorded firmware: tests/data/boot-traces. --- */

static void
recorded_firmware_is_answered_as_it_was_when_it_booted(void **state)
{
        static const char *const traces[] = {"g1.sniff", "h1.sniff", "i1.sniff", "p1.sniff"};
        unsigned n_offers = 0, n_acks = 0;
        struct talk t;

        (void)state;
        for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
                FILE *f = trace_open(traces[i]);
                struct trace_packet line;

                assert_non_null(f);
                begin(&t);
                policy_free(t.policy);
                t.s.policy = t.policy = trace_policy(NETWORK_DHCP, "");
                t.s.address = TRACE_SERVER;
                assert_int_equal(dhcp_server_configure(&t.s), 0);
                while (trace_next(f, &line)) {
                        bool http = dhcp_option_begins(&line.p, DHCP_OPT_VENDOR_CLASS, "HTTPClient");
                        uint32_t server = TRACE_SERVER;

                        dhcp_option_u32(&line.p, DHCP_OPT_SERVER_ID, &server);
                        if (line.p.h.op != DHCP_BOOTREQUEST || line.to_port != 67 || server != TRACE_SERVER)
                                continue; /* p1's host took an address of the other server */
                        hear_parsed(&t, &line.p);
                        n_offers += t.d.reply == DHCP_OFFER;
                        n_acks += t.d.reply == DHCP_ACK;
                        assert_int_not_equal(t.d.reply, 0);
                        assert_int_equal(t.reply.h.yiaddr, TRACE_HOST);
                        assert_int_equal(t.reply.h.siaddr, TRACE_SERVER);
                        assert_string_equal(t.reply.h.file, http ? "http://10.99.0.1:8080/snponly.efi" : "snponly.efi");
                        assert_true(t.reply.slots[DHCP_OPT_CLIENT_UUID].present);
                        assert_int_equal(t.reply.slots[DHCP_OPT_VENDOR_CLASS].present, http);
                        assert_false(t.reply.slots[DHCP_OPT_VENDOR].present);
                }
                fclose(f);
                end(&t);
        }
        assert_int_equal(n_offers, 8);
        assert_int_equal(n_acks, 3);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ipxe_that_looks_for_a_boot_file_is_told_that_no_proxy_will_answer),
                cmocka_unit_test(a_host_gets_an_address_of_the_pool_with_all_that_belongs_to_it),
                cmocka_unit_test(a_fixed_address_is_its_hosts),
                cmocka_unit_test(a_stranger_is_not_answered_whatever_he_says),
                cmocka_unit_test(without_a_policy_nobody_is_known),
                cmocka_unit_test(servers_messages_are_not_answered),
                cmocka_unit_test(firmware_is_told_its_loader),
                cmocka_unit_test(a_renewal_prolongs_by_unicast),
                cmocka_unit_test(what_the_record_covers_is_not_written_again),
                cmocka_unit_test(a_fixed_address_is_on_disk_before_its_ack_too),
                cmocka_unit_test(a_renewal_of_an_unknown_lease_is_granted_if_the_address_is_free),
                cmocka_unit_test(init_reboot_follows_rfc_2131),
                cmocka_unit_test(who_chose_another_server_is_let_go),
                cmocka_unit_test(a_host_that_starts_again_keeps_its_lease),
                cmocka_unit_test(inform_is_answered_without_a_lease_and_only_on_our_network),
                cmocka_unit_test(relayed_packets_go_back_with_their_options),
                cmocka_unit_test(the_longest_client_id_leaves_room_for_an_answer),
                cmocka_unit_test(a_full_pool_is_silent),
                cmocka_unit_test(the_way_of_a_packet_decides_its_subnet),
                cmocka_unit_test(each_subnet_has_its_own_settings),
                cmocka_unit_test(a_host_of_a_remote_subnet_renews_through_routers),
                cmocka_unit_test(a_fixed_address_counts_in_its_subnet_only),
                cmocka_unit_test(recorded_firmware_is_answered_as_it_was_when_it_booted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
