/* SPDX-License-Identifier: Apache-2.0 */
/* proxyDHCP: what is said to firmware whose addresses are another server's; recorded boots are the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_trace.h"
#include "bootcfg/dhcp_proxy.h"

#define IPXE_BIOS "\x19\x01\x01\x13\x01\x01" /* multiboot and HTTP: it can read our script */
#define N(ARRAY) (sizeof(ARRAY) / sizeof((ARRAY)[0]))

struct talk {
        struct dhcp_server s;
        struct policy *policy;
        struct dhcp_arrival from;
        int64_t now_ms;
        struct dhcp_decision d;
        struct dhcp_packet reply;
};

static void
begin(struct talk *t, const char *prompt)
{
        memset(t, 0, sizeof(*t));
        t->policy = trace_policy(NETWORK_PROXY, prompt);
        assert_non_null(t->policy);
        t->now_ms = 1000000;
        t->s = (struct dhcp_server){.policy = t->policy, .address = TRACE_SERVER, .leases = lease_table_new()};
        assert_int_equal(dhcp_server_configure(&t->s), 0);
}

static void
end(struct talk *t)
{
        lease_table_free(t->s.leases);
        policy_free(t->policy);
}

static void
hear(struct talk *t, const struct dhcp_packet *p)
{
        dhcp_server_decide(&t->s, p, &t->from, t->now_ms, &t->d);
        memset(&t->reply, 0, sizeof(t->reply));
        if (!t->d.reply)
                return;
        assert_int_equal(dhcp_parse(t->d.data, t->d.size, &t->reply), 0);
        assert_int_equal(t->reply.h.yiaddr, 0); /* whatever is asked: no address from us, */
        assert_false(t->reply.slots[DHCP_OPT_LEASE_TIME].present);
        assert_false(t->reply.slots[DHCP_OPT_NETMASK].present); /* and nothing that belongs to one */
        assert_false(t->reply.slots[DHCP_OPT_ROUTER].present);
        assert_true(t->d.size >= DHCP_MIN_REPLY_SIZE);
}

/* What a client says. */
struct said {
        uint8_t type;
        uint16_t port; /* 0: 67 */
        const struct mac *mac;
        const char *class;
        int arch; /* -1: none */
        const char *ipxe;
        uint32_t ciaddr, giaddr, requested, server, source;
        uint16_t item; /* boot item's type */
        bool has_item;
};

static void
say(struct talk *t, const struct said *w)
{
        const uint8_t item[] = {71, 4, (uint8_t)(w->item >> 8), (uint8_t)w->item, 0, 0, 255};
        struct dhcp_header h = {.op = DHCP_BOOTREQUEST, .xid = 9, .ciaddr = w->ciaddr, .giaddr = w->giaddr};
        struct dhcp_builder b;
        struct dhcp_packet p;

        h.mac = w->mac ? *w->mac : mac_trace;
        dhcp_build_start(&b, &h, w->type, DHCP_MAX_SIZE);
        if (w->class)
                dhcp_build_text(&b, DHCP_OPT_VENDOR_CLASS, w->class);
        if (w->class && w->arch >= 0)
                dhcp_build_u16(&b, DHCP_OPT_CLIENT_ARCH, (uint16_t)w->arch);
        if (w->ipxe)
                dhcp_build_text(&b, DHCP_OPT_IPXE, w->ipxe);
        if (w->requested)
                dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, w->requested);
        if (w->server)
                dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, w->server);
        if (w->has_item)
                dhcp_build_option(&b, DHCP_OPT_VENDOR, item, sizeof(item));
        assert_int_equal(dhcp_parse(b.data, dhcp_build_finish(&b), &p), 0);
        t->from = (struct dhcp_arrival){
                .port = w->port ? w->port : DHCP_SERVER_PORT, .source = w->source, .source_port = w->source ? 4011 : 68};
        hear(t, &p);
}

#define SAY(T, ...) say((T), &(const struct said){__VA_ARGS__})

static const uint8_t *
item_of(const struct dhcp_packet *p, uint8_t code, size_t *ret_size)
{
        size_t size;
        const uint8_t *vendor = dhcp_option(p, DHCP_OPT_VENDOR, &size);

        *ret_size = 0;
        return vendor ? dhcp_suboption(vendor, size, code, ret_size) : NULL;
}

/* --- Every decision. --- */

static void
each_firmware_is_answered_in_its_own_way(void **state)
{
        static const struct {
                struct said said;
                uint8_t reply;
                const char *class, *file;
                int control; /* discovery control; -1: none */
        } cases[] = {
                {{.type = DHCP_DISCOVER, .class = "PXEClient:Arch:00000", .arch = 0}, DHCP_OFFER, "PXEClient", "pxelinux.0", 8},
                {{.type = DHCP_DISCOVER, .class = "PXEClient", .arch = -1}, DHCP_OFFER, "PXEClient", "pxelinux.0", 8},
                {{.type = DHCP_DISCOVER, .class = "PXEClient:Arch:00000", .arch = 0, .ipxe = IPXE_BIOS},
                 DHCP_OFFER,
                 "PXEClient",
                 "http://10.99.0.1:8080/",
                 8},
                {{.type = DHCP_DISCOVER, .class = "PXEClient:Arch:00007", .arch = 7}, DHCP_OFFER, "PXEClient", "", -1},
                {{.type = DHCP_DISCOVER, .class = "PXEClient:Arch:00009", .arch = 9}, DHCP_OFFER, "PXEClient", "", -1},
                {{.type = DHCP_DISCOVER, .class = "PXEClient:Arch:00011", .arch = 11}, DHCP_OFFER, "PXEClient", "", -1},
                {{.type = DHCP_DISCOVER, .class = "HTTPClient:Arch:00016", .arch = 16},
                 DHCP_OFFER,
                 "HTTPClient",
                 "http://10.99.0.1:8080/snponly.efi",
                 -1},
                {{.type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "PXEClient:Arch:00007", .arch = 7},
                 DHCP_ACK,
                 "PXEClient",
                 "snponly.efi",
                 -1},
                /* no iPXE of ours runs there */
                {{.type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "PXEClient:Arch:00011", .arch = 11},
                 DHCP_ACK,
                 "PXEClient",
                 "grub-arm64/core.efi",
                 -1},
                {{.type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "PXEClient", .arch = 0},
                 DHCP_ACK,
                 "PXEClient",
                 "pxelinux.0",
                 -1},
                /* a boot server is looked for by broadcast */
                {{.type = DHCP_REQUEST,
                  .ciaddr = TRACE_HOST,
                  .class = "PXEClient",
                  .arch = 0,
                  .has_item = true,
                  .item = 0x8000},
                 DHCP_ACK,
                 "PXEClient",
                 "pxelinux.0",
                 -1},
        };
        char class[32], name[DHCP_FILE_SIZE];
        struct talk t;
        size_t size;

        (void)state;
        for (size_t i = 0; i < N(cases); i++) {
                const uint8_t *control;

                begin(&t, "");
                say(&t, &cases[i].said);
                assert_int_equal(t.d.reply, cases[i].reply);
                assert_true(dhcp_option_text(&t.reply, DHCP_OPT_VENDOR_CLASS, class, sizeof(class)));
                assert_string_equal(class, cases[i].class);
                assert_int_equal(strncmp(t.reply.h.file, cases[i].file, strlen(cases[i].file)), 0);
                assert_int_equal(*t.reply.h.file == '\0', *cases[i].file == '\0');
                if (dhcp_option_text(&t.reply, DHCP_OPT_BOOT_FILE, name, sizeof(name)))
                        assert_string_equal(name, t.reply.h.file);
                assert_int_equal(t.reply.h.siaddr, TRACE_SERVER);
                control = item_of(&t.reply, 6, &size);
                assert_int_equal(control ? control[0] : -1, cases[i].control);
                end(&t);
        }
}

static void
nothing_is_said_where_nothing_is_to_be_said(void **state)
{
        static const struct mac stranger = {{0x52, 0x54, 0, 0x99, 0, 1}};
        static const struct said cases[] = {
                {.type = DHCP_DISCOVER, .class = "PXEClient", .arch = 0, .mac = &stranger},
                {.type = DHCP_DISCOVER, .class = "PXEClient", .arch = 0, .mac = &mac_fixed},    /* its profile is local */
                {.type = DHCP_DISCOVER, .class = "PXEClient", .arch = 0, .mac = &mac_no_image}, /* there is no image for it */
                {.type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "PXEClient", .arch = 7, .mac = &mac_fixed},
                {.type = DHCP_DISCOVER}, /* an operating system */
                {.type = DHCP_DISCOVER, .class = "MSFT 5.0", .arch = -1},
                {.type = DHCP_DISCOVER, .class = "PXEClient", .arch = 41},                      /* no loader for it */
                {.type = DHCP_DISCOVER, .class = "PXEClient", .arch = 0, .giaddr = 0xc0a80001}, /* relayed from nowhere */
                {.type = DHCP_DISCOVER, .port = 4011, .source = TRACE_HOST, .class = "PXEClient", .arch = 7},
                {.type = DHCP_REQUEST, .class = "PXEClient", .arch = 0, .requested = TRACE_HOST, .server = TRACE_SITE},
                {.type = DHCP_REQUEST, .class = "HTTPClient", .arch = 16, .requested = TRACE_HOST, .server = TRACE_SITE},
                {.type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "HTTPClient", .arch = 16},
                {.type = DHCP_REQUEST,
                 .port = 4011,
                 .source = 0xc0a80001,
                 .class = "PXEClient",
                 .arch = 7}, /* a lie, or lost */
                {.type = DHCP_REQUEST, .port = 4011, .source = 0, .class = "PXEClient", .arch = 7},
                {.type = DHCP_REQUEST,
                 .port = 4011,
                 .source = TRACE_HOST,
                 .class = "PXEClient",
                 .arch = 0,
                 .has_item = true,
                 .item = 7},                                  /* somebody else's boot server */
                {.type = DHCP_REQUEST, .ciaddr = TRACE_HOST}, /* dom0's renewal */
                {.type = DHCP_DECLINE, .requested = TRACE_HOST, .server = TRACE_SITE},
                {.type = DHCP_RELEASE, .ciaddr = TRACE_HOST, .server = TRACE_SITE},
                {.type = DHCP_INFORM, .ciaddr = TRACE_HOST, .class = "PXEClient", .arch = 0},
        };
        struct talk t;

        (void)state;
        for (size_t i = 0; i < N(cases); i++) {
                begin(&t, "");
                say(&t, &cases[i]);
                assert_int_equal(t.d.reply, 0);
                assert_non_null(t.d.reason);
                end(&t);
        }
}

static void
answers_go_where_the_question_came_from(void **state)
{
        struct talk t;

        (void)state;
        begin(&t, "");
        SAY(&t, .type = DHCP_DISCOVER, .class = "PXEClient", .arch = 0);
        assert_int_equal(t.d.destination, 0xffffffff);
        assert_int_equal(t.d.port, 68);
        assert_int_equal(t.reply.h.flags, DHCP_FLAG_BROADCAST);
        SAY(&t, .type = DHCP_DISCOVER, .class = "PXEClient", .arch = 0, .giaddr = TRACE_NET + 9);
        assert_int_equal(t.d.destination, TRACE_NET + 9);
        assert_int_equal(t.d.port, 67);
        SAY(&t, .type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "PXEClient", .arch = 7);
        assert_int_equal(t.d.destination, TRACE_HOST);
        assert_int_equal(t.d.port, 4011);
        end(&t);
}

/* --- Addresses seen. --- */

static bool
is_at(const struct talk *t, const struct mac *mac, uint32_t address)
{
        const struct lease *l = lease_by_address(t->s.leases, address);

        return l && lease_active(l, t->now_ms) && mac_eq(&l->mac, mac);
}

static void
the_address_that_a_host_takes_is_remembered_as_its_own(void **state)
{
        struct talk t;

        (void)state;
        begin(&t, "");
        SAY(&t, .type = DHCP_REQUEST, .class = "PXEClient", .arch = 0, .requested = TRACE_HOST, .server = TRACE_SITE);
        assert_true(is_at(&t, &mac_trace, TRACE_HOST));
        assert_true(t.d.lease_changed);
        assert_int_equal(t.d.event, DHCP_EVENT_BOOT);
        assert_int_equal(t.d.lease.address, TRACE_HOST);
        assert_string_equal(t.d.boot_name, "pxelinux.0");
        SAY(&t, .type = DHCP_REQUEST, .class = "PXEClient", .arch = 0, .requested = TRACE_HOST, .server = TRACE_SITE);
        assert_false(t.d.lease_changed); /* nothing new for the disk */
        SAY(&t, .type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST + 1, .class = "PXEClient", .arch = 7);
        assert_true(is_at(&t, &mac_trace, TRACE_HOST + 1));
        assert_false(is_at(&t, &mac_trace, TRACE_HOST));
        t.now_ms += DHCP_PROXY_SEEN_MS + 1;
        assert_false(is_at(&t, &mac_trace, TRACE_HOST + 1));
        end(&t);
}

static void
an_old_address_takes_nobodys_away(void **state)
{
        struct talk t;

        (void)state;
        begin(&t, "");
        SAY(&t, .type = DHCP_REQUEST, .class = "PXEClient", .arch = 0, .requested = TRACE_HOST, .server = TRACE_SITE);
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_fixed, .requested = TRACE_HOST); /* INIT-REBOOT */
        assert_true(is_at(&t, &mac_trace, TRACE_HOST));
        SAY(&t, .type = DHCP_REQUEST, .mac = &mac_fixed, .requested = TRACE_HOST, .server = TRACE_SITE); /* it was offered it */
        assert_true(is_at(&t, &mac_fixed, TRACE_HOST));
        SAY(&t, .type = DHCP_REQUEST, .requested = 0xc0a80105, .server = TRACE_SITE); /* of no network of ours */
        assert_null(lease_by_address(t.s.leases, 0xc0a80105));
        end(&t);
}

static void
strangers_leave_no_trace(void **state)
{
        static const struct mac stranger = {{0x52, 0x54, 0, 0x99, 0, 1}};
        struct talk t;

        (void)state;
        begin(&t, "");
        SAY(&t, .type = DHCP_REQUEST, .mac = &stranger, .class = "PXEClient", .arch = 0, .requested = TRACE_HOST,
            .server = TRACE_SITE);
        assert_int_equal(t.d.event, DHCP_EVENT_UNKNOWN);
        assert_int_equal(lease_table_count(t.s.leases), 0);
        end(&t);
}

/* --- The menu. --- */

static void
a_prompt_offers_network_and_local_disk(void **state)
{
        static const uint8_t menu[] = "\x80\x00\x11Network (dompool)\x00\x00\x0aLocal disk";
        const uint8_t *item;
        struct talk t;
        size_t size;

        (void)state;
        for (int arch = 0; arch <= 7; arch += 7) {
                begin(&t, "Press F8");
                SAY(&t, .type = DHCP_DISCOVER, .class = "PXEClient", .arch = arch);
                assert_int_equal(t.d.reply, DHCP_OFFER);
                assert_string_equal(t.reply.h.file, "");
                item = item_of(&t.reply, 9, &size);
                assert_int_equal(size, sizeof(menu) - 1);
                assert_memory_equal(item, menu, size);
                SAY(&t, .type = DHCP_REQUEST, .port = 4011, .source = TRACE_HOST, .class = "PXEClient", .arch = arch,
                    .has_item = true, .item = 0x8000);
                assert_int_equal(t.d.reply, DHCP_ACK);
                assert_string_equal(t.reply.h.file, arch == 0 ? "pxelinux.0" : "snponly.efi");
                item = item_of(&t.reply, 71, &size);
                assert_memory_equal(item, "\x80\0\0\0", 4);
                end(&t);
        }
        begin(&t, "Press F8");
        SAY(&t, .type = DHCP_DISCOVER, .class = "HTTPClient", .arch = 16); /* it knows no menus */
        assert_false(t.reply.slots[DHCP_OPT_VENDOR].present);
        end(&t);
}

/* --- Recorded boots. --- */

static void
assert_same_option(const struct dhcp_packet *ours, const struct dhcp_packet *theirs, uint8_t code)
{
        size_t a_size = 0, b_size = 0;
        const uint8_t *a = dhcp_option(ours, code, &a_size), *b = dhcp_option(theirs, code, &b_size);

        assert_int_equal(a != NULL, b != NULL);
        assert_int_equal(a_size, b_size);
        if (a)
                assert_memory_equal(a, b, a_size);
}

/* The items that firmware acts on: control, prompt, servers, boot item. The menu's words are everybody's own. */
static void
assert_same_items(const struct dhcp_packet *ours, const struct dhcp_packet *theirs)
{
        static const uint8_t items[] = {6, 8, 10, 71};
        size_t a_size, b_size;

        for (size_t i = 0; i < N(items); i++) {
                const uint8_t *a = item_of(ours, items[i], &a_size), *b = item_of(theirs, items[i], &b_size);

                assert_int_equal(a_size, b_size);
                if (b)
                        assert_memory_equal(a, b, b_size);
        }
        assert_int_equal(item_of(ours, 9, &a_size) != NULL, item_of(theirs, 9, &b_size) != NULL);
}

static void
recorded_proxies_said_what_we_say(void **state)
{
        static const struct {
                const char *trace, *prompt;
                unsigned n_answers;
        } traces[] = {{"p1.sniff", "", 2}, {"p2.sniff", "PXE", 3}, {"hp.sniff", "", 1}};
        struct talk t;

        (void)state;
        for (size_t i = 0; i < N(traces); i++) {
                FILE *f = trace_open(traces[i].trace);
                struct trace_packet line;
                unsigned n = 0;

                assert_non_null(f);
                begin(&t, traces[i].prompt);
                while (trace_next(f, &line)) {
                        if (line.p.h.op == DHCP_BOOTREQUEST) {
                                t.from = (struct dhcp_arrival){
                                        .port = line.to_port, .source = line.from, .source_port = line.from_port};
                                hear(&t, &line.p);
                                if (line.p.type == DHCP_REQUEST && line.to_port == 67)
                                        assert_int_equal(t.d.reply, 0);
                                continue;
                        }
                        if (line.from != TRACE_SERVER)
                                continue; /* the site's */
                        n++;
                        assert_int_equal(t.d.reply, line.p.type);
                        assert_int_equal(t.d.destination, line.to);
                        assert_int_equal(t.d.port, line.to_port);
                        assert_int_equal(t.reply.h.flags, line.p.h.flags);
                        assert_same_option(&t.reply, &line.p, DHCP_OPT_SERVER_ID);
                        assert_same_option(&t.reply, &line.p, DHCP_OPT_VENDOR_CLASS);
                        assert_same_option(&t.reply, &line.p, DHCP_OPT_CLIENT_UUID);
                        assert_same_items(&t.reply, &line.p);
                        assert_int_equal(t.d.loader && t.reply.h.file[0], line.p.h.file[0] || line.p.slots[67].present);
                }
                fclose(f);
                assert_int_equal(n, traces[i].n_answers);
                assert_true(is_at(&t, &mac_trace, TRACE_HOST));
                end(&t);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_firmware_is_answered_in_its_own_way),
                cmocka_unit_test(nothing_is_said_where_nothing_is_to_be_said),
                cmocka_unit_test(answers_go_where_the_question_came_from),
                cmocka_unit_test(the_address_that_a_host_takes_is_remembered_as_its_own),
                cmocka_unit_test(an_old_address_takes_nobodys_away),
                cmocka_unit_test(strangers_leave_no_trace),
                cmocka_unit_test(a_prompt_offers_network_and_local_disk),
                cmocka_unit_test(recorded_proxies_said_what_we_say),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
