/* SPDX-License-Identifier: Apache-2.0 */
/* Roots as settings and as words of the kernel's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/config.h"

#define ID "0123456789abcdef0123456789abcdef"

static void
words_name_server_image_and_shelf(void **state)
{
        static const struct {
                const char *pattern, *word;
        } cases[] = {
                {"nfs:%a:/%i:4", "nfs:10.88.0.1:/0123456789abcdef:4"},
                {"nfs:10.0.0.5:/vol/%i:3", "nfs:10.0.0.5:/vol/0123456789abcdef:3"},
                {"aoe:%s", "aoe:9066.103"},
                {"http", "http"},
        };
        char word[ROOT_WORD_SIZE], pattern[ROOT_WORD_SIZE];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_true(root_word(cases[i].pattern, 0x0a580001, ID, word));
                assert_string_equal(word, cases[i].word);
        }
        memset(pattern, 'x', sizeof(pattern) - 1);
        pattern[sizeof(pattern) - 1] = '\0';
        memcpy(pattern, "%i", 2);
        assert_false(root_word(pattern, 0, ID, word));
}

static void
a_server_of_ones_own_stands_in_the_word(void **state)
{
        struct config *c = calloc(1, sizeof(*c));
        char pattern[ROOT_WORD_SIZE];

        (void)state;
        c->exports = (struct config_export){.nbd_port = 10809, .iscsi_port = 3261};
        config_root_pattern(c, ROOT_ISCSI, pattern);
        assert_string_equal(pattern, "iscsi:%a:3261:1:iqn.2026-01.dompool:%i");
        assert_false(config_root_is_foreign(c, ROOT_NFS));
        strcpy(c->exports.nfs_server, "10.0.0.5:/vol/%i");
        strcpy(c->exports.aoe_target, "7.1");
        config_root_pattern(c, ROOT_NFS3, pattern);
        assert_string_equal(pattern, "nfs:10.0.0.5:/vol/%i:3");
        config_root_pattern(c, ROOT_AOE, pattern);
        assert_string_equal(pattern, "aoe:7.1");
        assert_true(config_root_is_foreign(c, ROOT_NFS));
        assert_false(config_root_is_foreign(c, ROOT_NBD));
        config_root_pattern(c, ROOT_RAM, pattern);
        assert_string_equal(pattern, "");
        free(c);
}

static void
settings_are_refused_that_no_host_understands(void **state)
{
        static const char *const roots[] = {"RAM", "nfs4", "smb"}, *const layers[] = {"overlay:", "overlay:0M", "overlay:91%",
                                                                                      "overlay:5", "disk"};
        static const char *const servers[] = {"10.0.0.5:/a b", "10.0.0.5:/%d", "x\"", "100%"};
        struct error err;

        (void)state;
        for (enum root_kind i = 0; i < ROOT_N; i++) {
                assert_int_equal(root_check(root_names[i], &err), 0);
                assert_int_equal(root_find(root_names[i]), i);
        }
        assert_int_equal(root_find(""), ROOT_RAM);
        for (size_t i = 0; i < N_ELEMENTS(roots); i++)
                assert_true(root_check(roots[i], &err) < 0);
        assert_int_equal(root_layer_check("overlay:256M", &err), 0);
        assert_int_equal(root_layer_check("flash", &err), 0);
        for (size_t i = 0; i < N_ELEMENTS(layers); i++)
                assert_true(root_layer_check(layers[i], &err) < 0);
        assert_int_equal(root_pattern_check("10.0.0.5:/vol/%i", &err), 0);
        for (size_t i = 0; i < N_ELEMENTS(servers); i++)
                assert_true(root_pattern_check(servers[i], &err) < 0);
}

/* RFC 4173, 5: the LUN is hex, and there is no protocol where it is TCP. */
static void
an_iscsi_word_becomes_the_uri_that_ipxe_takes(void **state)
{
        static const char *const bad[] = {"nbd:10.0.0.1:10809:x", "iscsi:host:3260:1:iqn.x", "iscsi:10.0.0.1:3260:iqn.x",
                                          "iscsi:10.0.0.1:3260:1"};
        char uri[ROOT_WORD_SIZE], longest[ROOT_WORD_SIZE];

        (void)state;
        assert_true(root_iscsi_uri("iscsi:10.0.0.1:3260:1:iqn.2026-01.dompool:0123456789abcdef", uri));
        assert_string_equal(uri, "iscsi:10.0.0.1::3260:1:iqn.2026-01.dompool:0123456789abcdef");
        assert_true(root_iscsi_uri("iscsi:10.0.0.1:3260:200:iqn.x:y", uri));
        assert_string_equal(uri, "iscsi:10.0.0.1::3260:c8:iqn.x:y");
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                assert_false(root_iscsi_uri(bad[i], uri));
        memset(longest, 'x', sizeof(longest));
        memcpy(longest, "iscsi:10.0.0.1:3260:1:", strlen("iscsi:10.0.0.1:3260:1:"));
        longest[sizeof(longest) - 1] = '\0';
        assert_false(root_iscsi_uri(longest, uri));
}

/* 0xffff and 0xff are AoE's broadcast addresses. */
static void
no_image_has_an_aoe_address_that_means_all(void **state)
{
        static const char *const ids[] = {"ffffffffffffffff", "0000000000000000", "fffffffe00000000"};
        uint32_t shelf, slot;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(ids); i++) {
                root_aoe_address(ids[i], &shelf, &slot);
                assert_in_range(shelf, 1, 65534);
                assert_in_range(slot, 0, 253);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_name_server_image_and_shelf),
                cmocka_unit_test(a_server_of_ones_own_stands_in_the_word),
                cmocka_unit_test(settings_are_refused_that_no_host_understands),
                cmocka_unit_test(an_iscsi_word_becomes_the_uri_that_ipxe_takes),
                cmocka_unit_test(no_image_has_an_aoe_address_that_means_all),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
