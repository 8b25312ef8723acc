/* SPDX-License-Identifier: Apache-2.0 */
/* Names asked for by loaders: a table of what each stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bootcfg/bootfile.h"
#include "fixture.h"

#define ID16 "0123456789abcdef"

static const struct {
        const char *name;
        enum bootfile_kind kind;
        const char *path; /* NULL: no matter */
        enum boot_stage stage;
} cases[] = {
        {"pxelinux.0", BOOTFILE_LOADER, "pxelinux.0", STAGE_LOADER},
        {"/pxelinux.0", BOOTFILE_LOADER, "pxelinux.0", STAGE_LOADER},
        {"//./pxelinux.0", BOOTFILE_LOADER, "pxelinux.0", STAGE_LOADER},
        {"\\grub\\x86_64-efi\\core.efi", BOOTFILE_LOADER, "grub/x86_64-efi/core.efi", STAGE_LOADER},
        {"grub/x86_64-efi/command.lst", BOOTFILE_LOADER, "grub/x86_64-efi/command.lst", STAGE_LOADER},
        {"a.b/..c/...", BOOTFILE_LOADER, "a.b/..c/...", STAGE_LOADER},
        {"pxelinux.cfg/01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"/grub/grub.cfg-01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"/grub-pc/grub.cfg-01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"/grub-arm64/grub.cfg-01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"ipxe/01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"ipxe-efi/01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"xen.cfg/01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"pxegrub/01-52-54-00-88-00-01", BOOTFILE_MENU, NULL, STAGE_MENU},
        {"ipxe/", BOOTFILE_LOADER, "ipxe", STAGE_LOADER},
        {"ipxe/52-54-00-88-00-01", BOOTFILE_MISSING, NULL, STAGE_MENU},
        {"pxegrub", BOOTFILE_LOADER, "pxegrub", STAGE_LOADER},
        {"pxelinux.cfg/default", BOOTFILE_MENU_DEFAULT, NULL, STAGE_MENU},
        {"/grub/grub.cfg", BOOTFILE_MENU_DEFAULT, NULL, STAGE_MENU},
        {"pxelinux.cfg/0A580064", BOOTFILE_MISSING, NULL, STAGE_MENU},
        {"pxelinux.cfg/01-52-54-00-88-00", BOOTFILE_MISSING, NULL, STAGE_MENU},
        {"pxelinux.cfg/01-52-54-00-88-00-01-02", BOOTFILE_MISSING, NULL, STAGE_MENU},
        {"grub/grub.cfg-0A63003A", BOOTFILE_MISSING, NULL, STAGE_MENU},
        {"i/" ID16 "/xen.gz", BOOTFILE_IMAGE, IMAGE_ID "/xen.gz", STAGE_XEN},
        {"i/" ID16 "/xen", BOOTFILE_IMAGE, IMAGE_ID "/xen", STAGE_XEN},
        {"i/" ID16 "/xen.efi", BOOTFILE_IMAGE, IMAGE_ID "/xen.efi", STAGE_XEN},
        {"/i/" ID16 "/vmlinuz", BOOTFILE_IMAGE, IMAGE_ID "/vmlinuz", STAGE_KERNEL},
        {"i//" ID16 "/initrd", BOOTFILE_IMAGE, IMAGE_ID "/initrd", STAGE_INITRD},
        {"i/" ID16 "/initrd-root", BOOTFILE_IMAGE, IMAGE_ID "/initrd-root", STAGE_INITRD},
        {"i/" ID16 "/manifest.sig", BOOTFILE_IMAGE, IMAGE_ID "/manifest.sig", STAGE_INITRD},
        {"i/" ID16 "/root/etc/passwd", BOOTFILE_MISSING, NULL, STAGE_LOADER},
        {"i/" ID16, BOOTFILE_MISSING, NULL, STAGE_LOADER},
        {"i/" ID16 "0/xen.gz", BOOTFILE_MISSING, NULL, STAGE_LOADER},
        {"i/ffffffffffffffff/xen.gz", BOOTFILE_MISSING, NULL, STAGE_LOADER},
        {"i/" ID16 "/../" ID16 "/xen.gz", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"../../etc/shadow", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"/../etc/shadow", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"a/..", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"a\\..\\..\\b", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"..", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"/", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {".", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"a\nb", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"a\x7f", BOOTFILE_REFUSED, "", STAGE_LOADER},
        {"a\xc0\xafz", BOOTFILE_REFUSED, "", STAGE_LOADER},
};

static void
each_name_stands_for_what_the_table_says(void **state)
{
        struct policy *p = fixture_policy();
        struct bootfile f;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                bootfile_resolve(p, cases[i].name, &f);
                if (f.kind != cases[i].kind || f.stage != cases[i].stage)
                        fail_msg("'%s' is kind %d stage %d", cases[i].name, f.kind, f.stage);
                if (cases[i].path)
                        assert_string_equal(f.path, cases[i].path);
                if (f.kind == BOOTFILE_MENU)
                        assert_true(mac_eq(&f.mac, &mac_pool));
                if (f.kind == BOOTFILE_REFUSED || f.kind == BOOTFILE_MISSING)
                        assert_non_null(f.why);
        }
        policy_free(p);
}

static void
over_long_names_are_refused(void **state)
{
        char name[BOOTFILE_NAME_MAX + 2];
        struct bootfile f;

        (void)state;
        memset(name, 'a', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        bootfile_resolve(NULL, name, &f);
        assert_int_equal(f.kind, BOOTFILE_REFUSED);
        name[BOOTFILE_NAME_MAX] = '\0';
        bootfile_resolve(NULL, name, &f);
        assert_int_equal(f.kind, BOOTFILE_LOADER);
}

static void
without_a_policy_there_are_loaders_and_no_images(void **state)
{
        struct bootfile f;

        (void)state;
        bootfile_resolve(NULL, "i/" ID16 "/xen.gz", &f);
        assert_int_equal(f.kind, BOOTFILE_MISSING);
        bootfile_resolve(NULL, "pxelinux.0", &f);
        assert_int_equal(f.kind, BOOTFILE_LOADER);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_name_stands_for_what_the_table_says),
                cmocka_unit_test(over_long_names_are_refused),
                cmocka_unit_test(without_a_policy_there_are_loaders_and_no_images),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
