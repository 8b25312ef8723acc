/* SPDX-License-Identifier: Apache-2.0 */
/* What a change does to a boot, as a unified diff: golden hunks, and what counts as a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "bootcfg/explain_diff.h"
#include "fixture.h"

#define NOW 1795298400000

struct told {
        char text[60000];
        size_t size;
};

static void
keep(void *arg, char op, const char *text, const char *why)
{
        struct told *t = arg;

        t->size +=
                (size_t)snprintf(t->text + t->size, sizeof(t->text) - t->size, "%c%s%s%s\n", op, text, *why ? "  # " : "", why);
}

static const struct policy_choice set_to_pool = {
        .profile = PROFILE_POOL, .rule = POLICY_NONE, .image = POLICY_HOSTS_IMAGE, .by = POLICY_BY_SETTING};

/* The room with one thing changed. */
struct room {
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];
};

static void
room_init(struct room *r)
{
        fixture_header(&r->header);
        fixture_image(&r->image);
        fixture_hosts(r->hosts);
}

static struct explain_diff_result
compare(const struct room *after, const struct mac *mac, struct told *t)
{
        struct policy *p = fixture_policy(), *q = fixture_build(&after->header, &after->image, 1, after->hosts, 3);
        const struct explain_request a = {p, SERVER_ADDRESS, *mac, "bios", NOW}, b = {q, SERVER_ADDRESS, *mac, "bios", NOW};
        const struct explain_diff_sink sink = {.line = keep, .arg = t};
        struct explain_diff_result d;
        struct error err;

        *t = (struct told){0};
        assert_non_null(q);
        assert_int_equal(explain_diff(&a, &b, &sink, &d, &err), 0);
        policy_free(p);
        policy_free(q);
        return d;
}

/* Files of tests/data/explain-diff; GOLDEN_WRITE=1 writes them anew. */
static void
check_golden(const char *name, const struct told *t)
{
        const char *root = getenv("SOURCE_ROOT");
        char path[512], want[sizeof(t->text)];
        FILE *f;

        snprintf(path, sizeof(path), "%s/tests/data/explain-diff/%s", root ? root : ".", name);
        if (getenv("GOLDEN_WRITE")) {
                f = fopen(path, "w");
                assert_non_null(f);
                fwrite(t->text, 1, t->size, f);
                fclose(f);
        }
        f = fopen(path, "r");
        if (!f)
                fail_msg("%s is not there", path);
        want[fread(want, 1, sizeof(want) - 1, f)] = '\0';
        fclose(f);
        assert_string_equal(t->text, want);
}

static void
the_same_policy_is_no_change(void **state)
{
        static const struct mac *const macs[] = {&mac_pool, &mac_fixed, &mac_no_image, &mac_unknown};
        struct told t;
        struct room r;

        (void)state;
        room_init(&r);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(compare(&r, macs[i], &t).changes, 0);
                assert_string_equal(t.text, "");
        }
}

static void
a_line_of_a_menu_changes_and_says_by_what(void **state)
{
        struct explain_diff_result d;
        struct told t;
        struct room r;

        (void)state;
        room_init(&r);
        r.hosts[1].kernel_args = "nomodeset";
        d = compare(&r, &mac_pool, &t);
        assert_int_equal(d.changes, 4); /* the head, which says the size, and the line */
        check_golden("kernel-args.diff", &t);
        assert_string_equal(d.before, "profile pool, image micro 0123456789abcdef");
        assert_string_equal(d.after, d.before);
        assert_int_equal(compare(&r, &mac_fixed, &t).changes, 0);
}

static void
a_field_of_each_packet_changes_with_its_bytes(void **state)
{
        struct told t;
        struct room r;

        (void)state;
        room_init(&r);
        r.header.networks[0].lease_seconds = 1200;
        assert_true(compare(&r, &mac_fixed, &t).changes > 0);
        check_golden("lease-time.diff", &t);
}

static void
another_profile_shows_both_and_who_decided(void **state)
{
        struct explain_diff_result d;
        struct told t;
        struct room r;

        (void)state;
        room_init(&r);
        r.hosts[2].choices = &set_to_pool;
        d = compare(&r, &mac_fixed, &t);
        assert_true(d.changes > 5);
        assert_string_equal(d.before, "profile local");
        assert_string_equal(d.after, "profile pool, image micro 0123456789abcdef");
        assert_non_null(strstr(t.text, "-  profile local, kind local"));
        assert_non_null(strstr(t.text, "+  profile pool, kind pool"));
        assert_non_null(strstr(t.text, "  # 'dompool profile set'\n"));
}

/* A host that is forgotten gets silence. */
static void
a_host_that_goes_is_silence_afterwards(void **state)
{
        const struct mac elsewhere = {{2, 0, 0, 0, 0, 1}};
        struct explain_diff_result d;
        struct told t;
        struct room r;

        (void)state;
        room_init(&r);
        r.hosts[2].mac = elsewhere;
        d = compare(&r, &mac_fixed, &t);
        assert_string_equal(d.after, "nothing");
        assert_non_null(strstr(t.text, "\n+silence: no answer\n+  nothing is sent  # unknown MAC\n"));
        d = compare(&r, &elsewhere, &t);
        assert_string_equal(d.before, "nothing");
        assert_non_null(strstr(t.text, "\n-silence: no answer\n"));
}

/* Who decides is shown, but a boot with the same bytes is the same boot. */
static void
another_decider_with_the_same_bytes_is_no_change(void **state)
{
        struct told t;
        struct room r;

        (void)state;
        room_init(&r);
        r.hosts[1].choices = &set_to_pool;
        assert_int_equal(compare(&r, &mac_pool, &t).changes, 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_same_policy_is_no_change),
                cmocka_unit_test(a_line_of_a_menu_changes_and_says_by_what),
                cmocka_unit_test(a_field_of_each_packet_changes_with_its_bytes),
                cmocka_unit_test(another_profile_shows_both_and_who_decided),
                cmocka_unit_test(a_host_that_goes_is_silence_afterwards),
                cmocka_unit_test(another_decider_with_the_same_bytes_is_no_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
