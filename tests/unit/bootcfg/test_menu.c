/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Menus against golden files in tests/data/menus, and what must never get into one. After a wanted change: run this program
 * with GOLDEN_WRITE=1 and read the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bootcfg/menu.h"
#include "fixture.h"

#define TOKEN "v1.token"

static enum profile_kind
render(const struct policy *p, const struct mac *mac, const struct menu_loader *loader, struct menu_text *out)
{
        const struct menu_request r = {.loader = loader,
                                       .policy = p,
                                       .host = p ? policy_host_by_mac(p, mac) : NULL,
                                       .chosen = fixture_choose(p, p ? policy_host_by_mac(p, mac) : NULL),
                                       .server = SERVER_ADDRESS,
                                       .token = TOKEN};
        const char *why = "";

        return menu_render(&r, out, &why);
}

static void
golden_path(const char *name, char path[512])
{
        const char *root = getenv("SOURCE_ROOT");

        snprintf(path, 512, "%s/tests/data/menus/%s", root ? root : ".", name);
}

static void
check_golden(const char *name, const struct menu_text *menu)
{
        char path[512], want[MENU_SIZE + 1];
        FILE *f;

        golden_path(name, path);
        if (getenv("GOLDEN_WRITE")) {
                f = fopen(path, "w");
                assert_non_null(f);
                fwrite(menu->text, 1, menu->size, f);
                fclose(f);
        }
        f = fopen(path, "r");
        if (!f)
                fail_msg("%s is not there", path);
        want[fread(want, 1, MENU_SIZE, f)] = '\0';
        fclose(f);
        assert_string_equal(menu->text, want);
}

static void
menus_are_as_their_golden_files(void **state)
{
        static const struct {
                const char *host;
                const struct mac *mac;
        } hosts[] = {{"pool", &mac_pool}, {"local", &mac_fixed}, {"no-image", &mac_no_image}, {"unknown", &mac_unknown}};
        struct policy *p = fixture_policy();
        const struct menu_loader *loader;
        struct menu_text menu;
        char name[64];

        (void)state;
        for (size_t i = 0; (loader = menu_loader_at(i)); i++)
                for (size_t j = 0; j < sizeof(hosts) / sizeof(hosts[0]); j++) {
                        render(p, hosts[j].mac, loader, &menu);
                        snprintf(name, sizeof(name), "%s.%s", hosts[j].host, loader->name);
                        check_golden(name, &menu);
                }
        policy_free(p);
}

static void
every_doubt_ends_at_the_local_disk(void **state)
{
        struct policy *p = fixture_policy();
        const struct menu_loader *loader;
        struct menu_text menu;

        (void)state;
        for (size_t i = 0; (loader = menu_loader_at(i)); i++) {
                assert_int_equal(render(p, &mac_pool, loader, &menu), PROFILE_POOL);
                assert_int_equal(render(p, &mac_fixed, loader, &menu), PROFILE_LOCAL);
                assert_int_equal(render(p, &mac_no_image, loader, &menu), PROFILE_LOCAL);
                assert_int_equal(render(p, &mac_unknown, loader, &menu), PROFILE_LOCAL);
                assert_null(strstr(menu.text, TOKEN));
                assert_int_equal(render(NULL, &mac_pool, loader, &menu), PROFILE_LOCAL);
        }
        policy_free(p);
}

/* A policy whose pool host has these arguments. */
static struct policy *
policy_with_args(const char *xen, const char *kernel, const char *console)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host host;
        struct policy *p = NULL;

        fixture_header(&header);
        fixture_image(&image);
        fixture_host(&host, "n1", &mac_pool, PROFILE_POOL, 0, 0);
        snprintf(host.xen_args, sizeof(host.xen_args), "%s", xen);
        snprintf(host.kernel_args, sizeof(host.kernel_args), "%s", kernel);
        snprintf(host.console, sizeof(host.console), "%s", console);
        p = fixture_build(&header, &image, 1, &host, 1);
        assert_non_null(p);
        return p;
}

/* CVE-2021-40323 and CVE-2011-0997 were values that became instructions. */
static void
values_cannot_become_menu_lines(void **state)
{
        static const char *const bad[] = {"a\nLABEL x",   "a\rb",           "a'b",   "a\"b",     "a\\", "`id`",
                                          "--- evil.bin", "x --- evil.bin", "x ---", "\xc3\xa4", "a\tb"};
        const struct menu_loader *loader;
        struct menu_text menu;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                for (unsigned where = 0; where < 3; where++) {
                        struct policy *p =
                                policy_with_args(where == 0 ? bad[i] : "", where == 1 ? bad[i] : "", where == 2 ? bad[i] : "");

                        for (size_t j = 0; (loader = menu_loader_at(j)); j++) {
                                if (render(p, &mac_pool, loader, &menu) != PROFILE_LOCAL)
                                        fail_msg("value %zu at %u was taken by %s", i, where, loader->name);
                                assert_null(strstr(menu.text, "evil"));
                        }
                        policy_free(p);
                }
}

static void
grub_quotes_what_its_shell_would_read(void **state)
{
        struct policy *p = policy_with_args("", "a;b $(x) {y} c=d|e", "");
        struct menu_text menu;

        (void)state;
        assert_int_equal(render(p, &mac_pool, menu_loader_by_arch(7), &menu), PROFILE_POOL);
        assert_non_null(strstr(menu.text, " 'a;b' '$(x)' '{y}' 'c=d|e' dompool.server=10.88.0.1"));
        policy_free(p);
}

static void
a_serial_console_gets_its_speed_once(void **state)
{
        static const struct {
                const char *console, *xen, *want;
        } cases[] = {
                {"com1,vga", "", "console=com1,vga com1=115200,8n1 ---"},
                {"com2", "", "console=com2 com2=115200,8n1 ---"},
                {"com1", "com1=9600,8n1", "com1=9600,8n1 console=com1 ---"},
                {"vga", "", "console=vga ---"},
                {"com10", "", "console=com10 ---"},
        };
        struct menu_text menu;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct policy *p = policy_with_args(cases[i].xen, "", cases[i].console);

                assert_int_equal(render(p, &mac_pool, menu_loader_by_arch(0), &menu), PROFILE_POOL);
                if (!strstr(menu.text, cases[i].want))
                        fail_msg("case %zu: %s", i, menu.text);
                policy_free(p);
        }
}

static void
command_lines_that_are_too_long_end_at_the_local_disk(void **state)
{
        char args[ARGS_SIZE], server[ARGS_SIZE];
        struct policy_header header;
        struct policy_image image;
        struct policy_host host;
        struct policy *p = NULL;
        struct menu_text menu;

        (void)state;
        memset(args, 'x', sizeof(args) - 1);
        args[sizeof(args) - 1] = '\0';
        memcpy(server, args, sizeof(server));
        fixture_header(&header);
        fixture_image(&image);
        fixture_host(&host, "n1", &mac_pool, PROFILE_POOL, 0, 0);
        memcpy(header.xen_args, server, sizeof(header.xen_args));
        memcpy(host.xen_args, args, sizeof(host.xen_args)); /* Xen would cut the line at 1023 */
        p = fixture_build(&header, &image, 1, &host, 1);
        assert_non_null(p);
        assert_int_equal(render(p, &mac_pool, menu_loader_by_arch(0), &menu), PROFILE_LOCAL);
        policy_free(p);
}

static void
firmware_gets_the_loader_it_can_run(void **state)
{
        (void)state;
        assert_string_equal(menu_loader_by_arch(0)->boot_file, "pxelinux.0");
        assert_string_equal(menu_loader_by_arch(7)->boot_file, "grub/x86_64-efi/core.efi");
        assert_string_equal(menu_loader_by_arch(9)->boot_file, "grub/x86_64-efi/core.efi");
        assert_null(menu_loader_by_arch(11));   /* ARM 64 */
        assert_null(menu_loader_by_arch(0x10)); /* HTTP boot */
        assert_null(menu_loader_by_arch(MENU_ARCH_END));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(menus_are_as_their_golden_files),
                cmocka_unit_test(every_doubt_ends_at_the_local_disk),
                cmocka_unit_test(values_cannot_become_menu_lines),
                cmocka_unit_test(grub_quotes_what_its_shell_would_read),
                cmocka_unit_test(a_serial_console_gets_its_speed_once),
                cmocka_unit_test(command_lines_that_are_too_long_end_at_the_local_disk),
                cmocka_unit_test(firmware_gets_the_loader_it_can_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
