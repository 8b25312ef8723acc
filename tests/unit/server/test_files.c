/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL means, what a report may hold, how often strangers are heard: the pure parts of the files role. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/role_files.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASH "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

static int
make_policy(void **state)
{
        struct policy_header header = {.default_image = 0, .n_networks = 1};
        struct policy_image image = {.id = ID, .name = "micro"};
        const struct policy_parts parts = {.header = &header, .images = &image, .n_images = 1};
        struct policy *policy = NULL;

        if (policy_build(&parts, &policy) < 0)
                return -1;
        *state = policy;
        return 0;
}

static int
drop_policy(void **state)
{
        policy_free(*state);
        return 0;
}

static void
urls_mean_files_of_store_and_blobs(void **state)
{
        static const struct {
                const char *url;
                enum files_target target;
                bool is_boot;
                const char *path;
        } rows[] = {
                {"/i/0123456789abcdef/xen.gz", FILES_STORE, true, "versions/" ID "/xen.gz"},
                {"/i/0123456789abcdef/initrd", FILES_STORE, true, "versions/" ID "/initrd"},
                {"/pxelinux.0", FILES_STORE, true, "loaders/pxelinux.0"},
                {"/loaders/grub/x86_64-efi/core.efi", FILES_STORE, true, "loaders/grub/x86_64-efi/core.efi"},
                {"/loaders//a//b", FILES_STORE, true, "loaders/a/b"},
                {"/blob/" HASH, FILES_BLOB, false, "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"},
                {"/boot/report", FILES_REPORT, false, ""},
                {"/blob/abc", FILES_MISSING, false, ""},
                {"/blob/../" HASH, FILES_MISSING, false, ""},
                {"/blob/" HASH "0", FILES_MISSING, false, ""},
                {"/i/0123456789abcdee/xen.gz", FILES_MISSING, true, ""},
                {"/i/0123456789abcdef/root/etc/passwd", FILES_MISSING, true, ""},
                {"/../x", FILES_MISSING, false, ""},
                {"/a/../../x", FILES_MISSING, false, ""},
                {"/loaders/..", FILES_MISSING, false, ""},
                {"/pxelinux.cfg/01-52-54-00-77-00-01", FILES_MENU, true, ""},
                {"/ipxe/default", FILES_MENU_DEFAULT, true, ""},
                {"", FILES_MISSING, false, ""},
                {"*", FILES_MISSING, false, ""},
                {"/", FILES_MISSING, false, ""},
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                struct files_path p;

                files_path_resolve(*state, rows[i].url, &p);
                if (p.target != rows[i].target || p.is_boot != rows[i].is_boot)
                        print_message("# %s: target %d\n", rows[i].url, p.target);
                assert_int_equal(p.target, rows[i].target);
                assert_int_equal(p.is_boot, rows[i].is_boot);
                if (p.target == FILES_STORE || p.target == FILES_BLOB)
                        assert_string_equal(p.path, rows[i].path);
                if (p.target == FILES_MISSING)
                        assert_non_null(p.why);
        }
}

static void
without_a_policy_there_are_loaders_and_no_images(void **state)
{
        struct files_path p;

        (void)state;
        files_path_resolve(NULL, "/pxelinux.0", &p);
        assert_int_equal(p.target, FILES_STORE);
        files_path_resolve(NULL, "/i/0123456789abcdef/xen.gz", &p);
        assert_int_equal(p.target, FILES_MISSING);
}

static int
parse(const char *text, struct msg_init_report *ret)
{
        struct error err = {0};

        return files_report_parse(text, strlen(text), ret, &err);
}

static void
a_report_is_taken_as_it_stands(void **state)
{
        struct msg_init_report m;

        (void)state;
        assert_int_equal(
                parse("{\"token\":\"v1.t\",\"stage\":\"error\",\"text\":\"no root\",\"failed\":true,\"uptime_ms\":1234}", &m),
                0);
        assert_string_equal(m.token, "v1.t");
        assert_string_equal(m.stage, "error");
        assert_string_equal(m.text, "no root");
        assert_true(m.failed);
        assert_int_equal(m.uptime_ms, 1234);
}

/* Who sent it and when is for us to say. */
static void
a_report_cannot_name_its_own_address_or_time(void **state)
{
        struct msg_init_report m;

        (void)state;
        assert_true(parse("{\"token\":\"t\",\"stage\":\"init\",\"address\":1}", &m) < 0);
        assert_true(parse("{\"token\":\"t\",\"stage\":\"init\",\"time_ms\":1}", &m) < 0);
}

static void
a_report_without_token_or_stage_is_refused(void **state)
{
        struct msg_init_report m;

        (void)state;
        assert_true(parse("{}", &m) < 0);
        assert_true(parse("{\"token\":\"t\"}", &m) < 0);
        assert_true(parse("{\"stage\":\"init\"}", &m) < 0);
        assert_true(parse("{\"token\":\"\",\"stage\":\"init\"}", &m) < 0);
}

static void
a_rate_lets_a_burst_through_and_then_its_pace(void **state)
{
        struct rate r;
        unsigned n = 0;

        (void)state;
        rate_init(&r, 10, 2, 1000);
        while (rate_take(&r, 1000))
                n++;
        assert_int_equal(n, 10);
        assert_false(rate_take(&r, 1499));
        assert_true(rate_take(&r, 1500)); /* what had come by 1499 is not lost */
        assert_false(rate_take(&r, 1500));
        n = 0;
        for (int64_t now = 2000; now < 12000; now += 10)
                n += rate_take(&r, now);
        assert_in_range(n, 20, 21);
        n = 0;
        while (rate_take(&r, 1000000000000)) /* years later: full, not more */
                n++;
        assert_int_equal(n, 10);
        assert_false(rate_take(&r, 5)); /* a clock that goes back gives nothing */
}

static void
addresses_are_limited_one_by_one(void **state)
{
        struct rate_table *t = calloc(1, sizeof(*t));

        (void)state;
        rate_table_init(t, 3, 1, 0);
        for (int i = 0; i < 3; i++)
                assert_true(rate_table_take(t, 0x0a4d000b, 0));
        assert_false(rate_table_take(t, 0x0a4d000b, 0));
        assert_true(rate_table_take(t, 0x0a4d000c, 0));
        free(t);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(urls_mean_files_of_store_and_blobs),
                cmocka_unit_test(without_a_policy_there_are_loaders_and_no_images),
                cmocka_unit_test(a_report_is_taken_as_it_stands),
                cmocka_unit_test(a_report_cannot_name_its_own_address_or_time),
                cmocka_unit_test(a_report_without_token_or_stage_is_refused),
                cmocka_unit_test(a_rate_lets_a_burst_through_and_then_its_pace),
                cmocka_unit_test(addresses_are_limited_one_by_one),
        };

        return cmocka_run_group_tests(tests, make_policy, drop_policy);
}
