/* SPDX-License-Identifier: Apache-2.0 */
/* What a root costs, out of what the kernel says. The texts are those of Linux 6.1 with one NFS 4.1 mount and one of another
 * kind, shortened. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/root_cost.h"

static const char mountstats[] =
        "device rootfs mounted on / with fstype rootfs\n"
        "device 10.77.0.1:/other mounted on /mnt with fstype nfs4 statvers=1.1\n"
        "\tper-op statistics\n"
        "\t        READ: 1 1 0 160 1000000 0 0 0 0\n"
        "device 10.77.0.1:/0123456789abcdef mounted on /run/dompool/lower with fstype nfs4 statvers=1.1\n"
        "\topts:\tro,vers=4.1,rsize=131072\n"
        "\tage:\t7\n"
        "\tbytes:\t5 0 0 0 4096 0 2 0\n"
        "\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"
        "\txprt:\ttcp 0 0 1 0 0 24 24 0 24 0 2 0 0\n"
        "\tper-op statistics\n"
        "\t        NULL: 1 1 0 44 24 0 0 0 0\n"
        "\t        READ: 47 47 0 7520 2400000 0 0 0 0\n"
        "\t     GETATTR: 3 3 0 612 700 0 0 0 0\n"
        "device dompool-layer mounted on /run/dompool/layer with fstype tmpfs\n"
        "\t        READ: 1 1 0 1 5 0 0 0 0\n";

static void
nfs_is_counted_by_the_answers_of_the_mount_that_is_meant(void **state)
{
        uint64_t bytes = 7;

        (void)state;
        assert_true(root_cost_nfs(mountstats, "/run/dompool/lower", &bytes));
        assert_int_equal(bytes, 24 + 2400000 + 700);
        assert_true(root_cost_nfs(mountstats, "/mnt", &bytes));
        assert_int_equal(bytes, 1000000);
        assert_false(root_cost_nfs(mountstats, "/run/dompool/layer", &bytes)); /* no NFS */
        assert_false(root_cost_nfs(mountstats, "/run/dompool", &bytes));
        assert_false(root_cost_nfs("", "/mnt", &bytes));
        assert_int_equal(bytes, 1000000);
}

static void
a_block_device_is_counted_by_its_sectors_read(void **state)
{
        uint64_t bytes = 7;

        (void)state;
        assert_true(
                root_cost_block("     432        5    44120     1200        0        0        0        0        0\n", &bytes));
        assert_int_equal(bytes, 44120 * 512);
        assert_false(root_cost_block("", &bytes));
        assert_false(root_cost_block("1 2", &bytes));
        assert_int_equal(bytes, 44120 * 512);
}

static void
the_facts_of_the_first_stage_are_read(void **state)
{
        struct root_cost f;

        (void)state;
        assert_int_equal(root_cost_facts("fetched=23617536 ram=5 layer=7 root=nfs 10.0.0.1:/x version 4.1\n", &f), 0);
        assert_int_equal(f.fetched, 23617536);
        assert_int_equal(f.layer_size, 7);
        assert_string_equal(f.root, "nfs 10.0.0.1:/x version 4.1");
        assert_int_equal(root_cost_facts("root=x", &f), -EINVAL);
        assert_int_equal(root_cost_facts("", &f), -EINVAL);
}

static void
what_it_costs_is_said_in_a_line(void **state)
{
        struct root_cost c = {
                .root = "nbd 10.0.0.1:10809 x", .fetched = 24 << 20, .layer_used = 3 << 19, .layer_size = 128 << 20};
        char text[200];

        (void)state;
        root_cost_text(&c, text, sizeof(text));
        assert_string_equal(text, "24.0 MiB fetched, 0.0 MiB of RAM for the image, 1.5 of 128 MiB of its writable layer");
        c = (struct root_cost){.root = "ram", .ram = 50 << 20};
        root_cost_text(&c, text, sizeof(text));
        assert_string_equal(text, "the loader brought it, 50.0 MiB of RAM for the image");
}

static void
a_filling_layer_is_said_once_a_step(void **state)
{
        (void)state;
        assert_int_equal(root_layer_level(ROOT_LAYER_FINE, 79, 100), ROOT_LAYER_FINE);
        assert_int_equal(root_layer_level(ROOT_LAYER_FINE, 80, 100), ROOT_LAYER_FILLING);
        assert_int_equal(root_layer_level(ROOT_LAYER_FILLING, 70, 100), ROOT_LAYER_FILLING);
        assert_int_equal(root_layer_level(ROOT_LAYER_FILLING, 69, 100), ROOT_LAYER_FINE);
        assert_int_equal(root_layer_level(ROOT_LAYER_FILLING, 95, 100), ROOT_LAYER_FULL);
        assert_int_equal(root_layer_level(ROOT_LAYER_FULL, 80, 100), ROOT_LAYER_FULL);
        assert_int_equal(root_layer_level(ROOT_LAYER_FINE, 0, 0), ROOT_LAYER_FINE);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nfs_is_counted_by_the_answers_of_the_mount_that_is_meant),
                cmocka_unit_test(a_block_device_is_counted_by_its_sectors_read),
                cmocka_unit_test(the_facts_of_the_first_stage_are_read),
                cmocka_unit_test(what_it_costs_is_said_in_a_line),
                cmocka_unit_test(a_filling_layer_is_said_once_a_step),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
