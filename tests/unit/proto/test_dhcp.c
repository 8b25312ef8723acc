/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP packets: what is refused, how options are put together, what a reply looks like on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/dhcp.h"
#include "proto/wire.h"

#define OPTIONS 240

/* A DISCOVER with the fixed part only; tests append options. */
struct raw {
        uint8_t b[2000];
        size_t n;
};

static void
raw_init(struct raw *r)
{
        static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

        memset(r, 0, sizeof(*r));
        r->b[0] = DHCP_BOOTREQUEST;
        r->b[1] = 1;
        r->b[2] = 6;
        put_be32(r->b + 4, 0xdeadbeef);
        memcpy(r->b + 28, mac, sizeof(mac));
        put_be32(r->b + 236, 0x63825363);
        r->n = OPTIONS;
}

static void
raw_add(struct raw *r, uint8_t code, const void *data, uint8_t size)
{
        r->b[r->n++] = code;
        r->b[r->n++] = size;
        memcpy(r->b + r->n, data, size);
        r->n += size;
}

static void
raw_discover(struct raw *r)
{
        raw_init(r);
        raw_add(r, DHCP_OPT_TYPE, "\x01", 1);
}

static int
parse(const struct raw *r, struct dhcp_packet *p)
{
        return dhcp_parse(r->b, r->n, p);
}

static void
a_discover_is_understood(void **state)
{
        struct dhcp_packet p;
        uint16_t arch;
        struct raw r;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_CLIENT_ARCH, "\x00\x07", 2);
        raw_add(&r, DHCP_OPT_VENDOR_CLASS, "PXEClient:Arch:00007", 20);
        r.b[r.n++] = DHCP_OPT_END;
        assert_int_equal(parse(&r, &p), 0);
        assert_int_equal(p.type, DHCP_DISCOVER);
        assert_int_equal(p.h.xid, 0xdeadbeef);
        assert_int_equal(p.h.mac.b[5], 0x56);
        assert_true(dhcp_option_u16(&p, DHCP_OPT_CLIENT_ARCH, &arch));
        assert_int_equal(arch, 7);
        assert_true(dhcp_option_begins(&p, DHCP_OPT_VENDOR_CLASS, "PXEClient"));
        assert_false(dhcp_option_begins(&p, DHCP_OPT_USER_CLASS, "iPXE"));
}

static void
packets_cut_anywhere_are_refused_or_whole(void **state)
{
        struct dhcp_packet p;
        struct raw r;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_HOSTNAME, "abcdefgh", 8);
        for (size_t n = 0; n < r.n; n++) {
                int why = dhcp_parse(r.b, n, &p);

                if (n < OPTIONS)
                        assert_int_equal(why, DHCP_REFUSED_SHORT);
                else if (n == OPTIONS)
                        assert_int_equal(why, DHCP_REFUSED_TYPE);
                else if (n == OPTIONS + 3)
                        assert_int_equal(why, 0); /* cut between two options: nobody can tell */
                else
                        assert_int_equal(why, DHCP_REFUSED_OPTIONS);
        }
}

static void
what_is_not_ours_is_refused(void **state)
{
        static const struct {
                size_t at;
                uint8_t value;
                int why;
        } cases[] = {
                {0, 3, DHCP_REFUSED_HEADER},
                {1, 6, DHCP_REFUSED_HEADER},
                {2, 16, DHCP_REFUSED_HEADER},
                {2, 0, DHCP_REFUSED_HEADER},
                {236, 0, DHCP_REFUSED_COOKIE},
                {28, 0x01, DHCP_REFUSED_MAC},
                {OPTIONS + 2, 0, DHCP_REFUSED_TYPE},
                {OPTIONS + 2, 9, DHCP_REFUSED_TYPE},
                {OPTIONS + 1, 0, DHCP_REFUSED_OPTIONS},
        };
        struct dhcp_packet p;
        struct raw r;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                raw_discover(&r);
                r.b[r.n++] = DHCP_OPT_END;
                r.b[cases[i].at] = cases[i].value;
                assert_int_equal(parse(&r, &p), cases[i].why);
        }
        raw_discover(&r);
        r.n = DHCP_MAX_SIZE + 1;
        assert_int_equal(parse(&r, &p), DHCP_REFUSED_LONG);
        raw_discover(&r);
        memset(r.b + 28, 0, 6);
        assert_int_equal(parse(&r, &p), DHCP_REFUSED_MAC);
}

/* CVE-2018-5732, CVE-2026-4892: lengths that lie. */
static void
an_option_that_runs_over_the_end_is_refused(void **state)
{
        struct dhcp_packet p;
        struct raw r;

        (void)state;
        raw_discover(&r);
        r.b[r.n++] = DHCP_OPT_CLIENT_ID;
        r.b[r.n++] = 255;
        assert_int_equal(parse(&r, &p), DHCP_REFUSED_OPTIONS);
        raw_discover(&r);
        r.b[r.n++] = DHCP_OPT_CLIENT_ID;
        assert_int_equal(parse(&r, &p), DHCP_REFUSED_OPTIONS);
}

static void
repeated_options_are_joined(void **state)
{
        struct dhcp_packet p;
        const uint8_t *data;
        struct raw r;
        size_t size;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_USER_CLASS, "iP", 2);
        raw_add(&r, DHCP_OPT_HOSTNAME, "x", 1);
        raw_add(&r, DHCP_OPT_USER_CLASS, "XE", 2);
        assert_int_equal(parse(&r, &p), 0);
        data = dhcp_option(&p, DHCP_OPT_USER_CLASS, &size);
        assert_int_equal(size, 4);
        assert_memory_equal(data, "iPXE", 4);
}

static void
overloaded_fields_hold_options_in_the_order_file_sname(void **state)
{
        struct dhcp_packet p;
        const uint8_t *data;
        struct raw r;
        size_t size;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_OVERLOAD, "\x03", 1);
        raw_add(&r, DHCP_OPT_HOSTNAME, "a", 1);
        memcpy(r.b + 44,
               "\x0c\x01"
               "c\xff",
               4); /* sname */
        memcpy(r.b + 108,
               "\x0c\x01"
               "b\xff",
               4); /* file */
        assert_int_equal(parse(&r, &p), 0);
        data = dhcp_option(&p, DHCP_OPT_HOSTNAME, &size);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "abc", 3);
        assert_string_equal(p.h.file, "");
        assert_string_equal(p.h.sname, "");
}

static void
a_nonsensical_overload_is_refused(void **state)
{
        struct dhcp_packet p;
        struct raw r;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_OVERLOAD, "\x04", 1);
        assert_int_equal(parse(&r, &p), DHCP_REFUSED_OPTIONS);
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_OVERLOAD, "\x01", 1);
        memset(r.b + 108, 0x0c, 128); /* the file field: an option longer than the field */
        assert_int_equal(parse(&r, &p), DHCP_REFUSED_OPTIONS);
}

static void
fixed_fields_without_a_nul_are_cut(void **state)
{
        struct dhcp_packet p;
        struct raw r;

        (void)state;
        raw_discover(&r);
        memset(r.b + 44, 's', 64);
        memset(r.b + 108, 'f', 128);
        assert_int_equal(parse(&r, &p), 0);
        assert_int_equal(strlen(p.h.sname), 63);
        assert_int_equal(strlen(p.h.file), 127);
}

/* CVE-2011-0997, CVE-2015-8373: a name is text for a log and nothing else. */
static void
texts_are_printable_and_cut(void **state)
{
        struct dhcp_packet p;
        char text[8];
        struct raw r;

        (void)state;
        raw_discover(&r);
        raw_add(&r, DHCP_OPT_HOSTNAME, "a\nb$(id)xyz", 11);
        assert_int_equal(parse(&r, &p), 0);
        assert_true(dhcp_option_text(&p, DHCP_OPT_HOSTNAME, text, sizeof(text)));
        assert_string_equal(text, "a?b$(id");
}

static void
a_reply_has_the_size_that_old_clients_want(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .xid = 7, .yiaddr = 0x0a000005, .mac = {{2, 0, 0, 0, 0, 1}}};
        struct dhcp_builder b;
        struct dhcp_packet p;
        uint32_t server;

        (void)state;
        dhcp_build_start(&b, &h, DHCP_OFFER, 0);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, 0x0a000001);
        assert_int_equal(dhcp_build_finish(&b), DHCP_MIN_REPLY_SIZE);
        assert_int_equal(b.data[OPTIONS], DHCP_OPT_TYPE); /* first: some ROMs look only there */
        assert_int_equal(dhcp_parse(b.data, b.size, &p), 0);
        assert_int_equal(p.type, DHCP_OFFER);
        assert_int_equal(p.h.yiaddr, 0x0a000005);
        assert_true(dhcp_option_u32(&p, DHCP_OPT_SERVER_ID, &server));
        assert_int_equal(server, 0x0a000001);
}

static void
long_options_are_split_and_read_back(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .mac = {{2, 0, 0, 0, 0, 1}}};
        uint8_t data[600], size_at;
        struct dhcp_builder b;
        struct dhcp_packet p;
        const uint8_t *got;
        size_t size;

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t)i;
        dhcp_build_start(&b, &h, DHCP_ACK, DHCP_MAX_SIZE);
        dhcp_build_option(&b, DHCP_OPT_VENDOR, data, sizeof(data));
        size_at = b.data[OPTIONS + 4];
        assert_true(dhcp_build_finish(&b) > 0);
        assert_int_equal(size_at, 255);
        assert_int_equal(dhcp_parse(b.data, b.size, &p), 0);
        got = dhcp_option(&p, DHCP_OPT_VENDOR, &size);
        assert_int_equal(size, sizeof(data));
        assert_memory_equal(got, data, sizeof(data));
}

/* CVE-2019-14834 and its kin: an answer never outgrows what the client takes. */
static void
an_answer_that_does_not_fit_is_none(void **state)
{
        struct dhcp_header h = {.op = DHCP_BOOTREPLY, .mac = {{2, 0, 0, 0, 0, 1}}};
        struct dhcp_builder b;
        uint8_t data[255] = {0};

        (void)state;
        dhcp_build_start(&b, &h, DHCP_ACK, 0);
        dhcp_build_option(&b, DHCP_OPT_VENDOR, data, sizeof(data));
        dhcp_build_option(&b, DHCP_OPT_VENDOR, data, sizeof(data));
        assert_int_equal(dhcp_build_finish(&b), 0);
}

static void
answers_go_where_the_client_can_hear_them(void **state)
{
        struct dhcp_header h = {0};
        uint32_t to;
        uint16_t port;

        (void)state;
        dhcp_reply_destination(&h, DHCP_OFFER, &to, &port);
        assert_int_equal(to, 0xffffffff);
        assert_int_equal(port, 68);
        h.ciaddr = 0x0a000009;
        dhcp_reply_destination(&h, DHCP_ACK, &to, &port);
        assert_int_equal(to, 0x0a000009);
        dhcp_reply_destination(&h, DHCP_NAK, &to, &port);
        assert_int_equal(to, 0xffffffff);
        h.giaddr = 0x0a000002;
        dhcp_reply_destination(&h, DHCP_NAK, &to, &port);
        assert_int_equal(to, 0x0a000002);
        assert_int_equal(port, 67);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_discover_is_understood),
                cmocka_unit_test(packets_cut_anywhere_are_refused_or_whole),
                cmocka_unit_test(what_is_not_ours_is_refused),
                cmocka_unit_test(an_option_that_runs_over_the_end_is_refused),
                cmocka_unit_test(repeated_options_are_joined),
                cmocka_unit_test(overloaded_fields_hold_options_in_the_order_file_sname),
                cmocka_unit_test(a_nonsensical_overload_is_refused),
                cmocka_unit_test(fixed_fields_without_a_nul_are_cut),
                cmocka_unit_test(texts_are_printable_and_cut),
                cmocka_unit_test(a_reply_has_the_size_that_old_clients_want),
                cmocka_unit_test(long_options_are_split_and_read_back),
                cmocka_unit_test(an_answer_that_does_not_fit_is_none),
                cmocka_unit_test(answers_go_where_the_client_can_hear_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
