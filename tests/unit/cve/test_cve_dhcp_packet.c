/* SPDX-License-Identifier: Apache-2.0 */
/* Mistakes of other DHCP programs in taking packets apart and putting them together, made impossible here. See cve.h. */
#include "cve.h"

#include "proto/dhcp.h"
#include "proto/dhcp_client.h"
#include "proto/wire.h"

#define OPTIONS 240
#define FILE_AT 108
#define SERVER 0x0a580001u
#define ADDRESS 0x0a580064u

static const struct mac client_mac = {{0x52, 0x54, 0, 0x88, 0, 1}};

struct raw {
        uint8_t b[70000];
        size_t n;
};

/* A DISCOVER without its END. */
static void
raw_discover(struct raw *r)
{
        memset(r, 0, sizeof(*r));
        r->b[0] = DHCP_BOOTREQUEST;
        r->b[1] = 1;
        r->b[2] = 6;
        memcpy(r->b + 28, client_mac.b, sizeof(client_mac.b));
        put_be32(r->b + 236, 0x63825363);
        memcpy(r->b + OPTIONS, "\x35\x01\x01", 3);
        r->n = OPTIONS + 3;
}

static void
raw_add(struct raw *r, uint8_t code, const void *data, uint8_t size)
{
        r->b[r->n++] = code;
        r->b[r->n++] = size;
        memmove(r->b + r->n, data, size); /* some tests repeat what is there */
        r->n += size;
}

/* dhcp_parse on memory that ends with the packet, into memory that ends with the struct. */
static int
parse(const struct raw *r, size_t size, struct dhcp_packet **ret)
{
        uint8_t *data = cve_exact(r->b, size);
        struct dhcp_packet *p = calloc(1, sizeof(*p));
        int why;

        assert_non_null(p);
        why = dhcp_parse(data, size, p);
        free(data);
        if (ret)
                *ret = p;
        else
                free(p);
        return why;
}

/* ISC dhcpd: the length in a UDP header was believed, and what followed a short packet was read. */
static void
cve_2015_8605_packets_of_every_length(void **state)
{
        struct raw r;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_HOSTNAME, "abcdefgh", 8);
        for (size_t n = 0; n < OPTIONS; n++)
                assert_int_equal(parse(&r, n, NULL), DHCP_REFUSED_SHORT);
        for (size_t n = OPTIONS; n <= r.n; n++)
                parse(&r, n, NULL);
}

/* ISC dhclient, dnsmasq: an option's length led behind the end of the packet. */
static void
cve_2018_5732_lengths_that_lie(void **state)
{
        struct raw r;

        (void)state;
        for (unsigned size = 1; size < 256; size++) {
                raw_discover(&r);
                raw_add(&r, DHCP_OPT_OVERLOAD, "\x01", 1);
                r.b[FILE_AT + 126] = DHCP_OPT_HOSTNAME;
                r.b[FILE_AT + 127] = (uint8_t)size;
                assert_int_equal(parse(&r, r.n, NULL), DHCP_REFUSED_OPTIONS);
                raw_discover(&r);
                r.b[r.n++] = DHCP_OPT_CLIENT_ID;
                r.b[r.n++] = (uint8_t)size;
                assert_int_equal(parse(&r, r.n, NULL), DHCP_REFUSED_OPTIONS);
        }
}

/* ISC dhcpd: a counter ran over when one packet brought the same thing many thousand times. */
static void
cve_2018_5733_an_option_many_times(void **state)
{
        struct dhcp_packet *p;
        struct raw r;
        size_t size;

        (void)state;
        raw_discover(&r);
        while (r.n + 12 <= DHCP_MAX_SIZE)
                raw_add(&r, DHCP_OPT_USER_CLASS, "0123456789", 10);
        assert_int_equal(parse(&r, r.n, &p), 0);
        assert_non_null(dhcp_option(p, DHCP_OPT_USER_CLASS, &size));
        assert_int_equal(size, (DHCP_MAX_SIZE - OPTIONS - 3) / 12 * 10);
        free(p);
        while (r.n + 257 <= 65507) /* what UDP can bring */
                raw_add(&r, DHCP_OPT_USER_CLASS, r.b + 60000, 255);
        assert_int_equal(parse(&r, r.n, NULL), DHCP_REFUSED_LONG);
}

/* dnsmasq (DHCPv6): a short packet was answered with bytes that an earlier one had left in the buffer. */
static void
cve_2017_14494_bytes_of_the_packet_before(void **state)
{
        struct dhcp_packet *p = calloc(1, sizeof(*p));
        struct raw r;
        size_t size;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_CLIENT_ID, "a secret of the first", 21);
        assert_int_equal(dhcp_parse(r.b, r.n, p), 0);
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_CLIENT_ID, "2nd", 3);
        assert_int_equal(dhcp_parse(r.b, r.n, p), 0);
        assert_non_null(dhcp_option(p, DHCP_OPT_CLIENT_ID, &size));
        assert_int_equal(size, 3);
        raw_discover(&r);
        assert_int_equal(dhcp_parse(r.b, r.n, p), 0);
        assert_null(dhcp_option(p, DHCP_OPT_CLIENT_ID, &size));
        free(p);
}

/* Kea: writing an option's value into the log led behind the buffer. */
static void
cve_2015_8373_an_option_for_the_log(void **state)
{
        char *text = malloc(16);
        struct dhcp_packet *p;
        uint8_t odd[255];
        struct raw r;

        (void)state;
        for (size_t i = 0; i < sizeof(odd); i++)
                odd[i] = (uint8_t)(0x80 + i % 0x60);
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_VENDOR_CLASS, odd, sizeof(odd));
        assert_int_equal(parse(&r, r.n, &p), 0);
        assert_true(dhcp_option_text(p, DHCP_OPT_VENDOR_CLASS, text, 16));
        assert_string_equal(text, "???????????????");
        free(p);
        free(text);
}

/* Kea: a client identifier (DUID) of a length that nobody had thought of ended the server. */
static void
cve_2019_6472_options_that_just_fit(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .mac = client_mac};
        uint8_t filler[255] = {0};
        size_t longest = 0;

        (void)state;
        for (size_t first = 0; first <= 255; first++) {
                struct dhcp_builder b;
                size_t size;

                dhcp_build_start(&b, &h, DHCP_OFFER, 0);
                dhcp_build_option(&b, DHCP_OPT_RELAY_AGENT, filler, 100);
                dhcp_build_option(&b, DHCP_OPT_CLIENT_ID, filler, first);
                size = dhcp_build_finish(&b);
                assert_true(size <= 548);
                longest = size > longest ? size : longest;
                assert_true(size == 0 || b.data[size - 1] == DHCP_OPT_END || size == DHCP_MIN_REPLY_SIZE);
        }
        assert_int_equal(longest, 548); /* the limit was reached, not only kept away from */
}

/* U-Boot, old ROMs: a boot file name that fills its field has no NUL, and the copy never ends. */
static void
cve_2019_14192_a_boot_file_name_ends_in_its_field(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .mac = client_mac};
        struct dhcp_builder b;

        (void)state;
        memset(h.file, 'f', sizeof(h.file));
        memset(h.sname, 's', sizeof(h.sname));
        dhcp_build_start(&b, &h, DHCP_OFFER, 0);
        assert_int_equal(b.data[FILE_AT + DHCP_FILE_SIZE - 1], '\0');
        assert_int_equal(b.data[FILE_AT - 1], '\0');
}

/* --- Our client, in dompool-init. --- */

static void
client_selecting(struct dhcp_client *c, struct dhcp_client_out *out)
{
        dhcp_client_init(c, &client_mac, 77, 1000);
        dhcp_client_tick(c, 1000, 250, out);
        assert_int_equal(c->state, DHCP_CLIENT_SELECTING);
}

/* An answer with option @code of @size bytes 0xff behind the necessary ones. */
static enum dhcp_client_event
client_hears(struct dhcp_client *c, uint8_t type, uint8_t code, size_t size, struct dhcp_client_out *out)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .xid = c->xid, .yiaddr = ADDRESS, .mac = client_mac};
        enum dhcp_client_event event;
        struct dhcp_builder b;
        uint8_t filler[1000];
        uint8_t *data;

        memset(filler, 0xff, sizeof(filler));
        dhcp_build_start(&b, &h, type, DHCP_MAX_SIZE);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, SERVER);
        dhcp_build_u32(&b, DHCP_OPT_LEASE_TIME, 600);
        if (size > 0)
                dhcp_build_option(&b, code, filler, size);
        assert_true(dhcp_build_finish(&b) > 0);
        data = cve_exact(b.data, b.size);
        event = dhcp_client_input(c, data, b.size, 2000, 1, out);
        free(data);
        return event;
}

/* ISC dhclient: a subnet mask longer than four bytes was copied onto the stack. */
static void
cve_2009_0692_a_long_subnet_mask(void **state)
{
        struct dhcp_client_out out;
        struct dhcp_client c;

        (void)state;
        client_selecting(&c, &out);
        client_hears(&c, DHCP_OFFER, 0, 0, &out);
        assert_int_equal(client_hears(&c, DHCP_ACK, DHCP_OPT_NETMASK, 200, &out), DHCP_CLIENT_BOUND);
        assert_int_equal(c.lease.netmask, 0xffffff00); /* as if it had not been named */
}

/* systemd-networkd: a server's long option ran over the client's buffer. */
static void
cve_2018_15688_a_long_option_of_the_server(void **state)
{
        struct dhcp_client *c = malloc(sizeof(*c));
        struct dhcp_client_out out;

        (void)state;
        client_selecting(c, &out);
        client_hears(c, DHCP_OFFER, DHCP_OPT_HOSTNAME, 1000, &out);
        assert_int_equal(client_hears(c, DHCP_ACK, DHCP_OPT_HOSTNAME, 1000, &out), DHCP_CLIENT_BOUND);
        assert_int_equal(strlen(c->lease.hostname), sizeof(c->lease.hostname) - 1);
        free(c);
}

/* systemd-networkd: FORCERENEW of anybody made a host ask anew, and so lose its address. */
static void
cve_2020_13529_forcerenew(void **state)
{
        struct dhcp_client_out out;
        struct dhcp_client c, before;
        struct raw r;

        (void)state;
        raw_discover(&r);
        r.b[0] = DHCP_BOOTREPLY;
        r.b[OPTIONS + 2] = 9;
        assert_int_equal(parse(&r, r.n, NULL), DHCP_REFUSED_TYPE);
        client_selecting(&c, &out);
        client_hears(&c, DHCP_OFFER, 0, 0, &out);
        client_hears(&c, DHCP_ACK, 0, 0, &out);
        before = c;
        assert_int_equal(client_hears(&c, 9, 0, 0, &out), DHCP_CLIENT_NOTHING);
        assert_memory_equal(&c, &before, sizeof(c));
        assert_int_equal(out.size, 0);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cve_2015_8605_packets_of_every_length),
        cmocka_unit_test(cve_2018_5732_lengths_that_lie),
        cmocka_unit_test(cve_2018_5733_an_option_many_times),
        cmocka_unit_test(cve_2017_14494_bytes_of_the_packet_before),
        cmocka_unit_test(cve_2015_8373_an_option_for_the_log),
        cmocka_unit_test(cve_2019_6472_options_that_just_fit),
        cmocka_unit_test(cve_2019_14192_a_boot_file_name_ends_in_its_field),
        cmocka_unit_test(cve_2009_0692_a_long_subnet_mask),
        cmocka_unit_test(cve_2018_15688_a_long_option_of_the_server),
        cmocka_unit_test(cve_2020_13529_forcerenew),
};

CVE_MAIN(tests)
