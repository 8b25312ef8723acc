/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of other DHCP servers in deciding, in keeping leases and in what they tell firmware, made impossible here. See
 * cve.h. */
#include "cve.h"

#include <malloc.h>

#include "../bootcfg/fixture.h"
#include "bootcfg/dhcp_server.h"

#define FAR_AWAY 0xc0a80909u

struct talk {
        struct dhcp_server s;
        struct policy *policy;
        struct dhcp_decision d;
        struct dhcp_packet reply;
};

static int
setup(void **state)
{
        struct talk *t = calloc(1, sizeof(*t));

        assert_non_null(t);
        t->policy = fixture_policy();
        t->s = (struct dhcp_server){.policy = t->policy, .address = SERVER_ADDRESS, .leases = lease_table_new()};
        assert_int_equal(dhcp_server_configure(&t->s), 0);
        *state = t;
        return 0;
}

static int
teardown(void **state)
{
        struct talk *t = *state;

        lease_table_free(t->s.leases);
        policy_free(t->policy);
        free(t);
        return 0;
}

/* A request being built; 1500 bytes. */
static void
begin(struct dhcp_builder *b, uint8_t type, const struct mac *mac, uint32_t ciaddr, uint32_t giaddr)
{
        const struct dhcp_header h = {.op = DHCP_BOOTREQUEST, .xid = 99, .ciaddr = ciaddr, .giaddr = giaddr, .mac = *mac};

        dhcp_build_start(b, &h, type, DHCP_MAX_SIZE);
}

/* Returns the type of the answer, 0 for silence. */
static unsigned
hear(struct talk *t, struct dhcp_builder *b)
{
        const struct dhcp_arrival from = {.port = DHCP_SERVER_PORT};
        struct dhcp_packet p;

        assert_true(dhcp_build_finish(b) > 0);
        assert_int_equal(dhcp_parse(b->data, b->size, &p), 0);
        dhcp_server_decide(&t->s, &p, &from, 1000000, &t->d);
        if (t->d.reply)
                assert_int_equal(dhcp_parse(t->d.data, t->d.size, &t->reply), 0);
        return t->d.reply;
}

static unsigned
say(struct talk *t, uint8_t type, const struct mac *mac, uint32_t ciaddr, uint32_t wanted)
{
        struct dhcp_builder b;

        begin(&b, type, mac, ciaddr, 0);
        if (wanted)
                dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, wanted);
        return hear(t, &b);
}

/* A DISCOVER of firmware with one more option. */
static unsigned
discover_with(struct talk *t, uint8_t code, const void *data, size_t size)
{
        struct dhcp_builder b;

        begin(&b, DHCP_DISCOVER, &mac_pool, 0, 0);
        dhcp_build_text(&b, DHCP_OPT_VENDOR_CLASS, "PXEClient:Arch:00000:UNDI:002001");
        dhcp_build_u16(&b, DHCP_OPT_CLIENT_ARCH, 0);
        dhcp_build_u16(&b, DHCP_OPT_MAX_SIZE, 1500);
        if (data)
                dhcp_build_option(&b, code, data, size);
        return hear(t, &b);
}

/* dnsmasq: a large client identifier ran over a buffer on its way to the helper process. */
static void
cve_2026_4892_a_large_client_id(void **state)
{
        struct talk *t = *state;
        uint8_t id[700] = {1};
        size_t size;

        assert_int_equal(discover_with(t, DHCP_OPT_CLIENT_ID, id, sizeof(id)), DHCP_OFFER);
        assert_null(dhcp_option(&t->reply, DHCP_OPT_CLIENT_ID, &size)); /* no echo is owed to such a thing */
}

/* Every kind of message, answered or not. */
static void
one_round(struct talk *t)
{
        static const struct mac *const macs[] = {&mac_pool, &mac_fixed, &mac_no_image, &mac_unknown};

        for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
                uint32_t address;

                say(t, DHCP_DISCOVER, macs[i], 0, 0);
                address = t->d.reply ? t->reply.h.yiaddr : RANGE_FIRST;
                for (unsigned type = DHCP_DISCOVER; type <= DHCP_INFORM; type++)
                        say(t, (uint8_t)type, macs[i], 0, address);
                say(t, DHCP_REQUEST, macs[i], address, 0);
                say(t, DHCP_INFORM, macs[i], address, 0);
                say(t, DHCP_RELEASE, macs[i], address, 0);
        }
}

/* AddressSanitizer's (sanitizer/allocator_interface.h); its malloc has no mallinfo2. NULL: a program without it. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* What malloc has given out, mapped pages too. */
static size_t
memory_in_use(void)
{
        struct mallinfo2 m;

        if (__sanitizer_get_current_allocated_bytes)
                return __sanitizer_get_current_allocated_bytes();
        m = mallinfo2();
        return m.uordblks + m.hblkhd;
}

/* dnsmasq: each answer lost a little memory. */
static void
cve_2019_14834_answers_lose_no_memory(void **state)
{
        struct talk *t = *state;
        size_t before;

        one_round(t);
        before = memory_in_use();
        for (unsigned i = 0; i < 1000; i++)
                one_round(t);
        assert_true(memory_in_use() <= before + 4096);
}

/* ISC dhcpd: a refused packet (a malformed FQDN option) lost a little memory. Here: leases that find the table full. */
static void
cve_2022_2929_refusals_lose_no_memory(void **state)
{
        struct lease_table *table = lease_table_new();
        struct lease l = {.state = LEASE_BOUND, .expiry_ms = 1};
        size_t before;

        (void)state;
        for (uint32_t i = 0; i < LEASE_TABLE_MAX + 1000; i++) {
                l.address = 0x0b000000u + i;
                memcpy(l.mac.b + 2, &l.address, sizeof(l.address));
                if (i == LEASE_TABLE_MAX)
                        before = memory_in_use();
                assert_int_equal(lease_put(table, &l) == 0, i < LEASE_TABLE_MAX);
        }
        assert_true(memory_in_use() <= before);
        lease_table_free(table);
}

/* dnsmasq: the renewal of a lease that it had no record of ended it. */
static void
cve_2008_3350_renewal_of_an_unknown_lease(void **state)
{
        struct talk *t = *state;

        assert_int_equal(say(t, DHCP_REQUEST, &mac_pool, RANGE_FIRST + 1, 0), DHCP_ACK);
        assert_int_equal(t->reply.h.yiaddr, RANGE_FIRST + 1);
        assert_int_equal(say(t, DHCP_REQUEST, &mac_no_image, RANGE_FIRST + 1, 0), DHCP_NAK);
        assert_int_equal(say(t, DHCP_RELEASE, &mac_fixed, FIXED_ADDRESS, 0), 0);
        assert_int_equal(say(t, DHCP_DECLINE, &mac_fixed, 0, FIXED_ADDRESS), 0);
}

/* Kea: a unicast request that no subnet was found for ended the server. */
static void
cve_2025_40779_a_request_from_no_subnet(void **state)
{
        struct talk *t = *state;
        struct dhcp_builder b;

        assert_int_equal(say(t, DHCP_REQUEST, &mac_pool, FAR_AWAY, 0), DHCP_NAK);
        assert_int_equal(say(t, DHCP_INFORM, &mac_pool, FAR_AWAY, 0), 0);
        begin(&b, DHCP_DISCOVER, &mac_pool, 0, FAR_AWAY);
        assert_int_equal(hear(t, &b), 0);
        t->s.policy = NULL; /* no subnet at all: the role has just started */
        for (unsigned type = DHCP_DISCOVER; type <= DHCP_INFORM; type++)
                assert_int_equal(say(t, (uint8_t)type, &mac_pool, FAR_AWAY, FAR_AWAY), 0);
}

/* The OFFER is what it is without the option. */
static void
assert_no_difference(struct talk *t, uint8_t code, const void *data, size_t size)
{
        struct dhcp_decision plain;

        assert_int_equal(discover_with(t, 0, NULL, 0), DHCP_OFFER);
        plain = t->d;
        assert_int_equal(discover_with(t, code, data, size), DHCP_OFFER);
        assert_int_equal(t->d.size, plain.size);
        assert_memory_equal(t->d.data, plain.data, plain.size);
}

/* Kea: a host name of odd characters ended the server. What a host calls itself has no meaning here. */
static void
cve_2025_11232_odd_host_names(void **state)
{
        uint8_t name[255];

        for (size_t i = 0; i < sizeof(name); i++)
                name[i] = (uint8_t)(i + 1);
        assert_no_difference(*state, DHCP_OPT_HOSTNAME, name, sizeof(name));
        assert_no_difference(*state, 81, name, sizeof(name));
        assert_no_difference(*state, DHCP_OPT_HOSTNAME, ".-.$(reboot)", 12);
}

/* Kea: an empty host name option ended the server. */
static void
cve_2019_6473_empty_options(void **state)
{
        struct talk *t = *state;

        for (unsigned code = 1; code < 255; code++)
                if (code != DHCP_OPT_OVERLOAD && code != DHCP_OPT_TYPE && code != DHCP_OPT_RELAY_AGENT)
                        assert_int_equal(discover_with(t, (uint8_t)code, "", 0), DHCP_OFFER);
        assert_no_difference(t, DHCP_OPT_HOSTNAME, "", 0);
}

/* EDK II (PixieFail): server identifiers and DNS lists longer than the firmware's buffer. Ours are one address each. */
static void
cve_2023_45230_addresses_for_firmware_are_four_bytes(void **state)
{
        static const uint8_t codes[] = {DHCP_OPT_SERVER_ID, DHCP_OPT_NETMASK, DHCP_OPT_ROUTER, DHCP_OPT_LEASE_TIME};
        struct talk *t = *state;
        uint32_t value;

        assert_int_equal(discover_with(t, 0, NULL, 0), DHCP_OFFER);
        for (size_t i = 0; i < sizeof(codes); i++)
                assert_true(dhcp_option_u32(&t->reply, codes[i], &value));
        assert_true(!dhcp_option_u32(&t->reply, DHCP_OPT_DNS, &value) || value != 0);
        for (unsigned code = 1; code < 255; code++) {
                size_t size;

                if (dhcp_option(&t->reply, (uint8_t)code, &size))
                        assert_true(size <= 255); /* none is split: firmware does not know RFC 3396 */
        }
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cve_2026_4892_a_large_client_id, setup, teardown),
        cmocka_unit_test_setup_teardown(cve_2019_14834_answers_lose_no_memory, setup, teardown),
        cmocka_unit_test(cve_2022_2929_refusals_lose_no_memory),
        cmocka_unit_test_setup_teardown(cve_2008_3350_renewal_of_an_unknown_lease, setup, teardown),
        cmocka_unit_test_setup_teardown(cve_2025_40779_a_request_from_no_subnet, setup, teardown),
        cmocka_unit_test_setup_teardown(cve_2025_11232_odd_host_names, setup, teardown),
        cmocka_unit_test_setup_teardown(cve_2019_6473_empty_options, setup, teardown),
        cmocka_unit_test_setup_teardown(cve_2023_45230_addresses_for_firmware_are_four_bytes, setup, teardown),
};

CVE_MAIN(tests)
