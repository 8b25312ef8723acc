/* SPDX-License-Identifier: Apache-2.0 */
/* The satellites' list of files: what it may name, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/satellite_files.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
paths_stay_below_loaders_and_versions(void **state)
{
        static const char *const good[] = {"loaders/pxelinux.0", "loaders/grub/x86_64-efi/core.efi", "versions/" ID "/initrd"};
        static const char *const bad[] = {"",
                                          "loaders",
                                          "loaders/",
                                          "/loaders/x",
                                          "loaders/../x",
                                          "loaders/.hidden",
                                          "loaders//x",
                                          "loaders/x/",
                                          "loaders/a b",
                                          "loaders/a\\b",
                                          "tags/micro.json",
                                          "versions/" ID,
                                          "versions/" ID "/",
                                          "versions/" ID "/a/b",
                                          "versions/0011/initrd",
                                          "versions/" ID "0/initrd",
                                          "versions/../" ID "/initrd"};

        (void)state;
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
                assert_true(satellite_files_path_ok(good[i]));
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                if (satellite_files_path_ok(bad[i]))
                        fail_msg("%s", bad[i]);
}

static void
a_list_comes_back_and_its_files_have_urls(void **state)
{
        const struct satellite_file in[] = {{{1}, 5, "loaders/empty"}, {{2}, 1ull << 40, "versions/" ID "/vmlinuz"}};
        struct satellite_file *out = NULL;
        char text[1000], url[SATELLITE_PATH_SIZE + 2];
        size_t size = 0, n = 0;
        struct error err;

        (void)state;
        for (size_t i = 0; i < 2; i++)
                size = satellite_files_add(text, size, sizeof(text), &in[i]);
        assert_true(size > 0);
        assert_int_equal(satellite_files_parse(text, size, &out, &n, &err), 0);
        assert_int_equal(n, 2);
        for (size_t i = 0; i < 2; i++) {
                assert_string_equal(out[i].path, in[i].path);
                assert_true(out[i].size == in[i].size && memcmp(out[i].sha256, in[i].sha256, 32) == 0);
        }
        satellite_files_url(&out[0], url);
        assert_string_equal(url, "/loaders/empty");
        satellite_files_url(&out[1], url);
        assert_string_equal(url, "/i/0011223344556677/vmlinuz");
        free(out);
        assert_int_equal(satellite_files_parse("", 0, &out, &n, &err), 0);
        assert_true(n == 0 && !out);
}

static void
a_list_that_is_cut_or_leads_out_is_refused_with_its_line(void **state)
{
        static const char *const bad[] = {ID " 5 loaders/x", ID " 5 loaders/x\n" ID " 5 ../x\n",
                                          ID " 5\n",         ID " -1 loaders/x\n",
                                          "x 5 loaders/x\n", "\n"};
        struct satellite_file *out = NULL;
        struct error err;
        size_t n;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_true(satellite_files_parse(bad[i], strlen(bad[i]), &out, &n, &err) < 0);
                assert_int_equal(err.code, ERR_PROTOCOL);
        }
        assert_true(satellite_files_parse(bad[1], strlen(bad[1]), &out, &n, &err) < 0);
        assert_non_null(strstr(err.message, "line 2"));
        assert_null(out);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_stay_below_loaders_and_versions),
                cmocka_unit_test(a_list_comes_back_and_its_files_have_urls),
                cmocka_unit_test(a_list_that_is_cut_or_leads_out_is_refused_with_its_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
