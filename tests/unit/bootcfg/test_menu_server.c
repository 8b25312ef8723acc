/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which menu, and that a kept one is given for as long as it would be rendered the same, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bootcfg/menu_server.h"
#include "fixture.h"

#define POOL_ADDRESS RANGE_FIRST
#define MINUTE 60000
#define MONDAY_NOON (1000LL * (4 * 24 + 12) * 3600) /* 5 January 1970 is a Monday */

struct room {
        struct menu_server server;
        struct lease_table *leases;
        unsigned n_begun;
};

static void
begun(void *arg, const struct mac *mac, int64_t attempt_ms)
{
        struct room *room = arg;

        (void)mac;
        (void)attempt_ms;
        room->n_begun++;
}

static void
lease(struct room *room, const struct mac *mac, uint32_t address, int64_t expiry_ms)
{
        const struct lease l = {.mac = *mac, .address = address, .state = LEASE_BOUND, .expiry_ms = expiry_ms};

        assert_int_equal(lease_put(room->leases, &l), 0);
}

static void
set_up(struct room *room, const struct policy *p, size_t cache_bytes)
{
        *room = (struct room){.leases = lease_table_new()};
        room->server = (struct menu_server){.policy = p,
                                            .leases = room->leases,
                                            .attempts = menu_attempts_new(),
                                            .cache = menu_cache_new(cache_bytes),
                                            .address = SERVER_ADDRESS,
                                            .begun = begun,
                                            .arg = room};
        lease(room, &mac_pool, POOL_ADDRESS, INT64_MAX);
}

static void
tear_down(struct room *room)
{
        lease_table_free(room->leases);
        menu_attempts_free(room->server.attempts);
        menu_cache_free(room->server.cache);
}

/* The menu as the host gets it at its address; a copy. */
static char *
ask(const struct room *room, const struct menu_doc *doc, int64_t now_ms)
{
        struct menu_served served;

        assert_true(menu_serve(&room->server, doc, &mac_pool, POOL_ADDRESS, now_ms, &served));
        assert_int_equal(served.menu.size, strnlen(served.menu.text, served.menu.size));
        return strndup(served.menu.text, served.menu.size);
}

static void
assert_same(char *a, char *b)
{
        assert_string_equal(a, b);
        free(a);
        free(b);
}

static void
assert_other(char *a, char *b)
{
        assert_string_not_equal(a, b);
        free(a);
        free(b);
}

static const char *
text_at(const struct room *room, int64_t now_ms)
{
        struct menu_served served;

        assert_true(menu_serve(&room->server, &menu_doc_pxelinux, &mac_pool, POOL_ADDRESS, now_ms, &served));
        return served.menu.text;
}

static void
a_menu_is_rendered_once_an_attempt(void **state)
{
        struct policy *p = fixture_policy();
        const char *first;
        struct room room;
        char *text;

        (void)state;
        set_up(&room, p, MENU_CACHE_BYTES);
        first = text_at(&room, MONDAY_NOON);
        assert_non_null(strstr(first, "dompool.token=v1."));
        assert_ptr_equal(text_at(&room, MONDAY_NOON + TOKEN_SAME_MS - 1), first);
        assert_int_equal(room.n_begun, 1);
        assert_same(ask(&room, &menu_doc_pxelinux, MONDAY_NOON), ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 1));
        text = ask(&room, &menu_doc_pxelinux, MONDAY_NOON);
        assert_other(text, ask(&room, &menu_doc_pxelinux, MONDAY_NOON + TOKEN_SAME_MS));
        assert_int_equal(room.n_begun, 2);
        tear_down(&room);
        policy_free(p);
}

static void
a_used_token_is_in_no_menu_any_more(void **state)
{
        struct policy *p = fixture_policy();
        struct room room;
        char *before;

        (void)state;
        set_up(&room, p, MENU_CACHE_BYTES);
        before = ask(&room, &menu_doc_pxelinux, MONDAY_NOON);
        menu_attempts_used(room.server.attempts, &mac_pool, MONDAY_NOON);
        assert_other(before, ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 1));
        /* The other role has begun one. */
        before = ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 2);
        menu_attempts_learn(room.server.attempts, &mac_pool, MONDAY_NOON + 3);
        assert_other(before, ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 4));
        tear_down(&room);
        policy_free(p);
}

static void
a_kept_menu_is_for_its_own_host_only(void **state)
{
        struct policy *p = fixture_policy();
        struct menu_served served;
        struct room room;
        char *kept;

        (void)state;
        set_up(&room, p, MENU_CACHE_BYTES);
        kept = ask(&room, &menu_doc_pxelinux, MONDAY_NOON);
        lease(&room, &mac_unknown, POOL_ADDRESS + 1, INT64_MAX);
        assert_false(menu_serve(&room.server, &menu_doc_pxelinux, &mac_pool, POOL_ADDRESS + 1, MONDAY_NOON, &served));
        assert_true(menu_serve(&room.server, &menu_doc_pxelinux, &mac_pool, POOL_ADDRESS + 2, MONDAY_NOON, &served));
        assert_null(served.host);
        assert_null(memmem(served.menu.text, served.menu.size, "token", 5));
        lease(&room, &mac_pool, POOL_ADDRESS, MONDAY_NOON);
        assert_other(kept, ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 1)); /* its lease has run out */
        tear_down(&room);
        policy_free(p);
}

/* The same hosts, but n1 boots its own disk; @generation may be the old one. */
static struct policy *
other_policy(uint64_t generation)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];

        fixture_header(&header);
        header.generation = generation;
        fixture_image(&image);
        fixture_hosts(hosts);
        hosts[1].choices = fixture_always(PROFILE_LOCAL);
        return fixture_build(&header, &image, 1, hosts, 3);
}

static void
a_new_policy_counts_at_once(void **state)
{
        struct policy *old = fixture_policy(), *new = other_policy(2);
        struct room room;
        char *before;

        (void)state;
        set_up(&room, old, MENU_CACHE_BYTES);
        before = ask(&room, &menu_doc_pxelinux, MONDAY_NOON);
        assert_true(menu_cache_bytes(room.server.cache) > 0);
        room.server.policy = new;
        assert_other(before, ask(&room, &menu_doc_pxelinux, MONDAY_NOON));
        policy_free(new);
        policy_free(old);
        tear_down(&room);
}

/* Snapshots come and go in the same memory: their number is what tells them apart. */
static void
a_new_policy_in_the_old_ones_place_counts_too(void **state)
{
        struct policy_header header;
        struct policy *p = fixture_policy();
        struct room room;

        (void)state;
        set_up(&room, p, MENU_CACHE_BYTES);
        free(ask(&room, &menu_doc_pxelinux, MONDAY_NOON));
        free(ask(&room, &menu_doc_grub_pc, MONDAY_NOON));
        header = *policy_header(p);
        header.generation = 2;
        memcpy((void *)(uintptr_t)policy_header(p), &header, sizeof(header));
        free(ask(&room, &menu_doc_grub_pc, MONDAY_NOON));
        assert_true(menu_cache_bytes(room.server.cache) < 4096); /* one menu, not two */
        assert_null(menu_cache_find(room.server.cache,
                                    &(struct menu_request){.doc = &menu_doc_pxelinux,
                                                           .policy = p,
                                                           .host = fixture_find(p, &mac_pool),
                                                           .chosen = fixture_choose(p, fixture_find(p, &mac_pool)),
                                                           .server = SERVER_ADDRESS},
                                    MONDAY_NOON));
        tear_down(&room);
        policy_free(p);
}

/* Pool from 12:00 to 13:00, else rescue: the same image, and within one attempt. */
static void
a_timetable_counts_at_once(void **state)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_choice choices[2];
        struct policy_host host;
        struct policy *p;
        struct room room;
        char *text;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        fixture_host(&host, "n1", &mac_pool, PROFILE_RESCUE, 0, 0);
        choices[0] = *fixture_always(PROFILE_POOL);
        choices[0].from = 12 * 60;
        choices[0].to = 13 * 60;
        choices[1] = *fixture_always(PROFILE_RESCUE);
        host.choices = choices;
        host.n_choices = 2;
        p = fixture_build(&header, &image, 1, &host, 1);
        assert_non_null(p);
        set_up(&room, p, MENU_CACHE_BYTES);
        text = ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 59 * MINUTE);
        assert_other(text, ask(&room, &menu_doc_pxelinux, MONDAY_NOON + 60 * MINUTE));
        tear_down(&room);
        policy_free(p);
}

static void
languages_and_addresses_are_kept_apart(void **state)
{
        struct policy *p = fixture_policy();
        struct room room;
        char *one;

        (void)state;
        set_up(&room, p, MENU_CACHE_BYTES);
        assert_other(ask(&room, &menu_doc_pxelinux, MONDAY_NOON), ask(&room, &menu_doc_grub_pc, MONDAY_NOON));
        one = ask(&room, &menu_doc_pxelinux, MONDAY_NOON);
        room.server.address = SERVER_ADDRESS + 1;
        assert_other(one, ask(&room, &menu_doc_pxelinux, MONDAY_NOON));
        tear_down(&room);
        policy_free(p);
}

#define MANY 500

static void
what_is_kept_is_bounded_and_the_oldest_makes_room(void **state)
{
        const size_t most = 64 << 10;
        struct policy_host *hosts = calloc(MANY, sizeof(*hosts));
        char(*names)[16] = calloc(MANY, sizeof(*names)); /* the hosts only point to them */
        struct policy_header header;
        struct policy_image image;
        struct menu_served served;
        struct policy *p;
        struct room room;

        (void)state;
        fixture_header(&header);
        fixture_image(&image);
        for (uint32_t i = 0; i < MANY; i++) {
                const struct mac mac = {{2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};

                snprintf(names[i], sizeof(names[i]), "m%u", i);
                fixture_host(&hosts[i], names[i], &mac, PROFILE_POOL, 0, 0);
        }
        p = fixture_build(&header, &image, 1, hosts, MANY);
        assert_non_null(p);
        set_up(&room, p, most);
        for (uint32_t i = 0; i < MANY; i++) {
                lease(&room, &hosts[i].mac, 0x0a590000 + i, INT64_MAX);
                assert_true(menu_serve(&room.server, &menu_doc_pxelinux, &hosts[i].mac, 0x0a590000 + i, MONDAY_NOON, &served));
                assert_non_null(memmem(served.menu.text, served.menu.size, hosts[i].name, strlen(hosts[i].name)));
                assert_in_range(menu_cache_bytes(room.server.cache), 1, most);
        }
        assert_true(menu_cache_bytes(room.server.cache) > most / 2);
        tear_down(&room);
        /* Where not even one fits, all are served the same. */
        set_up(&room, p, 100);
        lease(&room, &hosts[0].mac, 0x0a590000, INT64_MAX);
        assert_true(menu_serve(&room.server, &menu_doc_pxelinux, &hosts[0].mac, 0x0a590000, MONDAY_NOON, &served));
        assert_non_null(memmem(served.menu.text, served.menu.size, "m0", 2));
        assert_int_equal(menu_cache_bytes(room.server.cache), 0);
        tear_down(&room);
        policy_free(p);
        free(hosts);
        free(names);
}

static void
strangers_make_nothing_grow(void **state)
{
        struct policy *p = fixture_policy();
        struct menu_served served;
        struct room room;

        (void)state;
        set_up(&room, p, MENU_CACHE_BYTES);
        for (uint32_t i = 0; i < 1000; i++) {
                const struct mac mac = {{6, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}};

                assert_true(menu_serve(&room.server, &menu_doc_pxelinux, &mac, 0x0a5a0000 + i, MONDAY_NOON, &served));
                assert_int_equal(served.menu.kind, PROFILE_LOCAL);
        }
        menu_serve_default(&room.server, &menu_doc_pxelinux, &served);
        assert_int_equal(served.menu.kind, PROFILE_LOCAL);
        assert_int_equal(menu_cache_bytes(room.server.cache), 0);
        assert_int_equal(room.n_begun, 0);
        tear_down(&room);
        policy_free(p);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_menu_is_rendered_once_an_attempt),
                cmocka_unit_test(a_used_token_is_in_no_menu_any_more),
                cmocka_unit_test(a_kept_menu_is_for_its_own_host_only),
                cmocka_unit_test(a_new_policy_counts_at_once),
                cmocka_unit_test(a_new_policy_in_the_old_ones_place_counts_too),
                cmocka_unit_test(a_timetable_counts_at_once),
                cmocka_unit_test(languages_and_addresses_are_kept_apart),
                cmocka_unit_test(what_is_kept_is_bounded_and_the_oldest_makes_room),
                cmocka_unit_test(strangers_make_nothing_grow),
        };

        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
