/* SPDX-License-Identifier: Apache-2.0 */
/* The root over the network, as far as it is decided without doing it: words, the flash list, hand-over, facts, the layer's
 * level. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "init/init_options.h"
#include "init/init_root_layer.h"
#include "init/init_root_switch.h"
#include "model/config.h"

static void
test_each_transports_word_is_read(void **state)
{
        struct init_root r;
        char text[200];

        (void)state;
        assert_int_equal(init_root_parse("http", &r), 0);
        assert_int_equal(r.kind, INIT_ROOT_HTTP);
        assert_int_equal(init_root_parse("nfs:10.0.0.1:/0123456789abcdef:4", &r), 0);
        assert_int_equal(r.kind, INIT_ROOT_NFS);
        assert_int_equal(r.address, 0x0a000001);
        assert_string_equal(r.name, "/0123456789abcdef");
        assert_string_equal(r.version, "4.1");
        assert_int_equal(init_root_parse("nfs:10.0.0.1:/srv/root:3", &r), 0);
        assert_string_equal(r.version, "3");
        assert_int_equal(init_root_parse("nbd:10.0.0.1:10809:0123456789abcdef", &r), 0);
        assert_int_equal(r.port, 10809);
        assert_int_equal(init_root_parse("iscsi:10.0.0.1:3260:1:iqn.2026-01.dompool:0123456789abcdef", &r), 0);
        assert_int_equal(r.lun, 1);
        assert_string_equal(r.name, "iqn.2026-01.dompool:0123456789abcdef");
        assert_int_equal(init_root_parse("aoe:7.3", &r), 0);
        assert_int_equal(r.shelf, 7);
        assert_int_equal(r.slot, 3);
        init_root_text(&r, text, sizeof(text));
        assert_string_equal(text, "aoe e7.3");
}

/* What the server's menus say must be what is understood here. */
static void
test_every_word_of_the_servers_is_read(void **state)
{
        static const enum init_root_kind kinds[ROOT_N] = {
                [ROOT_HTTP] = INIT_ROOT_HTTP, [ROOT_NFS] = INIT_ROOT_NFS,     [ROOT_NFS3] = INIT_ROOT_NFS,
                [ROOT_NBD] = INIT_ROOT_NBD,   [ROOT_ISCSI] = INIT_ROOT_ISCSI, [ROOT_AOE] = INIT_ROOT_AOE,
        };
        static const struct config config = {.exports = {.nbd_port = 10809, .iscsi_port = 3260}};
        static const char *const layers[] = {"overlay", "overlay:256M", "overlay:50%", "flash"};
        char pattern[ROOT_WORD_SIZE], word[ROOT_WORD_SIZE];
        struct init_layer layer;
        struct init_root r;
        struct error err;

        (void)state;
        for (enum root_kind kind = ROOT_HTTP; kind < ROOT_N; kind++) {
                config_root_pattern(&config, kind, pattern);
                assert_true(root_word(pattern, 0x0a000001, "0123456789abcdef", word));
                assert_int_equal(init_root_parse(word, &r), 0);
                assert_int_equal(r.kind, kinds[kind]);
                if (kind == ROOT_NFS || kind == ROOT_NFS3)
                        assert_int_equal(r.version[0], kind == ROOT_NFS3 ? '3' : '4');
        }
        for (size_t i = 0; i < N_ELEMENTS(layers); i++) {
                assert_int_equal(root_layer_check(layers[i], &err), 0);
                assert_int_equal(init_layer_parse(layers[i], &layer), 0);
        }
}

static void
test_a_wrong_word_is_refused(void **state)
{
        static const char *const bad[] = {
                "",
                "floppy",
                "http:x",
                "nfs",
                "nfs:host:/x",
                "nfs:10.0.0.1",
                "nfs:10.0.0.1:x",
                "nfs:10.0.0.1:/x,rw:4",
                "nfs:10.0.0.1:/x:5",
                "nbd:10.0.0.1:0:x",
                "nbd:10.0.0.1:10809:",
                "nbd:10.0.0.1:99999:x",
                "iscsi:10.0.0.1:3260:1:target",
                "iscsi:10.0.0.1:3260:iqn.x",
                "aoe:7",
                "aoe:65535.0",
                "aoe:1.255",
                "nfs:0.0.0.0:/x",
        };
        struct init_root r = {.kind = INIT_ROOT_N};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                if (init_root_parse(bad[i], &r) != -EINVAL)
                        fail_msg("'%s' is taken", bad[i]);
        assert_int_equal(r.kind, INIT_ROOT_N);
}

static void
test_a_layer_has_bytes_or_a_share_of_the_memory(void **state)
{
        static const char *const bad[] = {"overlay:",      "overlay:0", "overlay:0%", "overlay:101%",
                                          "overlay:1000%", "overlayfs", "ram",        "flash:1M"};
        struct init_layer l = {0};

        (void)state;
        assert_int_equal(init_layer_parse("overlay", &l), 0);
        assert_int_equal(l.percent, 50);
        assert_int_equal(init_layer_parse("overlay:256M", &l), 0);
        assert_int_equal(l.size, 256u << 20);
        assert_int_equal(init_layer_parse("overlay:20%", &l), 0);
        assert_int_equal(l.percent, 20);
        assert_int_equal(l.size, 0);
        assert_int_equal(init_layer_parse("flash", &l), 0);
        assert_true(l.flash);
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                if (init_layer_parse(bad[i], &l) != -EINVAL)
                        fail_msg("'%s' is taken", bad[i]);
}

static void
test_both_words_reach_the_options(void **state)
{
        struct init_options o;
        struct error err;

        (void)state;
        assert_int_equal(init_options_parse("quiet dompool.root=aoe:1.2 dompool.layer=overlay:64M", &o, &err), 0);
        assert_int_equal(o.root.kind, INIT_ROOT_AOE);
        assert_int_equal(o.layer.size, 64u << 20);
        assert_int_equal(init_options_parse("quiet", &o, &err), 0);
        assert_int_equal(o.root.kind, INIT_ROOT_RAM);
        assert_true(init_options_parse("dompool.root=tape", &o, &err) < 0);
        assert_non_null(strstr(err.message, "dompool.root=tape is not http, nfs:"));
}

static void
test_the_flash_list_is_read_line_by_line(void **state)
{
        const char *text = "# writable\n/var/lib/xen\n\n/etc copy # with what is in it\n", *bad;
        struct init_flash_line l;

        (void)state;
        assert_int_equal(init_flash_next(&text, &l), 1);
        assert_string_equal(l.path, "/var/lib/xen");
        assert_false(l.copy);
        assert_int_equal(init_flash_next(&text, &l), 1);
        assert_string_equal(l.path, "/etc");
        assert_true(l.copy);
        assert_int_equal(init_flash_next(&text, &l), 0);
        bad = "var\n";
        assert_int_equal(init_flash_next(&bad, &l), -EINVAL);
        bad = "/a/../../etc\n";
        assert_int_equal(init_flash_next(&bad, &l), -EINVAL);
        bad = "/a move\n";
        assert_int_equal(init_flash_next(&bad, &l), -EINVAL);
}

static void
test_the_lease_is_handed_over(void **state)
{
        const struct init_handover h = {
                .dhcp_pid = 87,
                .lease_fd = 6,
                .lease = {.address = 0x0a4d003a, .prefix = 24, .router = 0x0a4d0001, .dns = 1, .seconds = 120}};
        struct init_handover back = {0};
        char text[200];

        (void)state;
        init_handover_write(&h, text, sizeof(text));
        assert_int_equal(init_handover_read(text, &back), 0);
        assert_memory_equal(&h, &back, sizeof(h));
        assert_int_equal(init_handover_read("dhcp=1", &back), -EINVAL);
        assert_int_equal(init_handover_read("", &back), -EINVAL);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_transports_word_is_read),
                cmocka_unit_test(test_every_word_of_the_servers_is_read),
                cmocka_unit_test(test_a_wrong_word_is_refused),
                cmocka_unit_test(test_a_layer_has_bytes_or_a_share_of_the_memory),
                cmocka_unit_test(test_both_words_reach_the_options),
                cmocka_unit_test(test_the_flash_list_is_read_line_by_line),
                cmocka_unit_test(test_the_lease_is_handed_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
