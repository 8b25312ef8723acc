/* SPDX-License-Identifier: Apache-2.0 */
/* Loaders that were tried: another one after a failure, the same one after a success, nobody else's concern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bootcfg/loader_memory.h"

static const struct mac mac = {{0x52, 0x54, 0, 0x88, 0, 1}}, other = {{0x52, 0x54, 0, 0x88, 0, 2}};
static const struct firmware uefi = {.client = FIRMWARE_PXE, .arch = 7}, bios = {.client = FIRMWARE_PXE, .arch = 0},
                             ipxe = {.client = FIRMWARE_IPXE, .arch = 7, .features = FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_EFI};
static const struct loader_wish no_wish;

static const struct loader *
choose(struct loader_memory *m, const struct mac *who, const struct firmware *f, const struct loader **ret_failed)
{
        return loader_memory_choose(m, who, f, &no_wish, loader_choose(f, &no_wish), ret_failed);
}

static void
a_loader_that_fell_silent_gives_way_and_the_next_one_that_runs_is_kept(void **state)
{
        struct loader_memory *m = loader_memory_new();
        const struct loader *usual = loader_choose(&uefi, &no_wish), *failed, *second;

        (void)state;
        assert_ptr_equal(choose(m, &mac, &uefi, &failed), usual);
        loader_memory_fetched(m, &mac, usual->boot_file);
        second = choose(m, &mac, &uefi, &failed); /* firmware's DISCOVER, and no menu before it */
        assert_ptr_equal(failed, usual);
        assert_ptr_equal(second, loader_after(&uefi, &no_wish, usual));
        assert_ptr_not_equal(second, usual);
        assert_ptr_equal(choose(m, &mac, &uefi, &failed), second); /* the REQUEST of the same boot */
        assert_null(failed);
        loader_memory_fetched(m, &mac, second->boot_file);
        assert_true(loader_memory_runs(m, &mac));
        assert_false(loader_memory_runs(m, &mac)); /* that is no news */
        assert_ptr_equal(choose(m, &mac, &uefi, &failed), second);
        assert_null(failed);
        assert_ptr_equal(choose(m, &other, &uefi, &failed), usual);
        assert_ptr_equal(choose(m, &mac, &bios, &failed), loader_choose(&bios, &no_wish)); /* which cannot run it */
        loader_memory_free(m);
}

static void
a_loader_that_asks_for_its_menu_stays(void **state)
{
        struct loader_memory *m = loader_memory_new();
        const struct loader *usual = loader_choose(&bios, &no_wish), *failed;

        (void)state;
        for (int boot = 0; boot < 3; boot++) {
                loader_memory_fetched(m, &mac, usual->boot_file);
                assert_false(loader_memory_runs(m, &mac)); /* the usual one needs no keeping */
                assert_ptr_equal(choose(m, &mac, &bios, &failed), usual);
                assert_null(failed);
        }
        loader_memory_fetched(m, &mac, "ldlinux.c32"); /* no loader's file to begin with */
        assert_ptr_equal(choose(m, &mac, &bios, &failed), usual);
        assert_null(failed);
        loader_memory_free(m);
}

static void
an_ipxe_that_was_loaded_runs_when_it_asks_for_an_address(void **state)
{
        struct loader_memory *m = loader_memory_new();
        const struct loader *failed;

        (void)state;
        loader_memory_fetched(m, &mac, loader_find("snponly")->boot_file);
        assert_ptr_equal(choose(m, &mac, &ipxe, &failed), loader_choose(&ipxe, &no_wish));
        assert_null(failed);
        assert_false(loader_memory_runs(m, &mac));
        choose(m, &mac, &uefi, &failed);
        assert_null(failed);
        loader_memory_free(m);
}

static void
count(void *arg, const struct mac *who, const struct loader *l)
{
        assert_true(mac_eq(who, &mac));
        assert_string_equal(l->name, "snponly");
        ++*(int *)arg;
}

static void
what_was_kept_is_known_after_a_restart(void **state)
{
        struct loader_memory *m = loader_memory_new();
        const struct loader *failed;
        int n = 0;

        (void)state;
        assert_int_equal(loader_memory_keep(m, &mac, "snponly"), 0);
        assert_true(loader_memory_keep(m, &mac, "lilo") < 0);
        assert_string_equal(choose(m, &mac, &uefi, &failed)->name, "snponly");
        loader_memory_each(m, count, &n);
        assert_int_equal(n, 1);
        loader_memory_free(m);
}

static void
all_loaders_are_tried_before_the_first_comes_again(void **state)
{
        struct loader_memory *m = loader_memory_new();
        const struct loader *first = loader_choose(&uefi, &no_wish), *l = first, *failed;
        int n = 0;

        (void)state;
        do {
                loader_memory_fetched(m, &mac, l->boot_file);
                l = choose(m, &mac, &uefi, &failed);
                assert_non_null(failed);
                assert_true(++n < 20);
        } while (l != first);
        assert_true(n >= 3);
        loader_memory_free(m);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_loader_that_fell_silent_gives_way_and_the_next_one_that_runs_is_kept),
                cmocka_unit_test(a_loader_that_asks_for_its_menu_stays),
                cmocka_unit_test(an_ipxe_that_was_loaded_runs_when_it_asks_for_an_address),
                cmocka_unit_test(what_was_kept_is_known_after_a_restart),
                cmocka_unit_test(all_loaders_are_tried_before_the_first_comes_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
