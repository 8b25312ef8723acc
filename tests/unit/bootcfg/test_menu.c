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

#define TOKEN                                                                                                                  \
        "v1.525400880001.0000000000000001.0000000000000002.00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TOKEN_NO_IMAGE                                                                                                         \
        "v1.525400880003.0000000000000001.0000000000000002.00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ROOM_SIZE (256u << 10)

/* @kind: what the host's profile is instead of its own; -1: its own. @menu: is a person asked? */
static enum profile_kind
render_as(const struct policy *p, const struct mac *mac, const struct menu_doc *doc, int kind, const struct policy_menu *menu,
          struct menu_text *out)
{
        struct menu_request r = {.doc = doc,
                                 .policy = p,
                                 .host = p ? fixture_find(p, mac) : NULL,
                                 .chosen = fixture_choose(p, p ? fixture_find(p, mac) : NULL),
                                 .server = SERVER_ADDRESS,
                                 .token = ""};
        const char *why = "";

        if (kind >= 0) {
                r.chosen.profile = policy_profile_at(p, (uint32_t)kind);
                r.chosen.image = profile_kind_boots_image((enum profile_kind)kind) ? policy_image_at(p, 0) : NULL;
        }
        r.chosen.menu = menu;
        if (menu_wants_token(&r))
                r.token = mac_eq(mac, &mac_pool) ? TOKEN : TOKEN_NO_IMAGE;
        return menu_render(&r, out, &why);
}

static enum profile_kind
render(const struct policy *p, const struct mac *mac, const struct menu_doc *doc, struct menu_text *out)
{
        return render_as(p, mac, doc, -1, NULL, out);
}

/* Three entries: without a password, with one in all forms, with one that only GRUB 2 takes. */
static void
person_menu(struct policy_menu *m, bool passwords)
{
        *m = (struct policy_menu){.name = "choice", .title = "What shall it be?", .timeout = 20, .n_entries = 3};
        m->entries[0] = (struct policy_entry){.profile = PROFILE_LOCAL, .title = "Local disk"};
        m->entries[1] = (struct policy_entry){.profile = PROFILE_RESCUE, .title = "Rescue"};
        m->entries[2] = (struct policy_entry){.profile = PROFILE_CHAIN, .title = "Thin client"};
        if (!passwords)
                return;
        strcpy(m->entries[1].password_grub, "grub.pbkdf2.sha512.10000.AB.CD");
        strcpy(m->entries[1].password_syslinux, "$6$salt$hash");
        strcpy(m->entries[1].password_pxegrub, "$1$salt$hash");
        strcpy(m->entries[2].password_grub, "grub.pbkdf2.sha512.10000.12.34");
}

static const struct scene {
        const char *name;
        const struct mac *mac;
        int kind;
        enum { NO_MENU, PLAIN_MENU, LOCKED_MENU } menu;
} scenes[] = {
        {"pool", &mac_pool, -1, NO_MENU},
        {"local", &mac_fixed, -1, NO_MENU},
        {"no image", &mac_no_image, -1, NO_MENU},
        {"unknown", &mac_unknown, -1, NO_MENU},
        {"chain", &mac_pool, PROFILE_CHAIN, NO_MENU},
        {"inspect", &mac_pool, PROFILE_INSPECT, NO_MENU},
        {"rescue", &mac_pool, PROFILE_RESCUE, NO_MENU},
        {"a menu", &mac_pool, -1, PLAIN_MENU},
        {"a menu with passwords", &mac_pool, -1, LOCKED_MENU},
};

/* A host's own words stand behind those of its profile, so that they hold. */
static void
guests_networks_have_their_words_before_the_hosts_own(void **state)
{
        struct policy *p = fixture_policy();
        struct policy_host host = *fixture_find(p, &mac_pool);
        struct policy_profile profile;
        struct menu_request r = {
                .policy = p, .host = &host, .chosen = fixture_choose(p, &host), .server = SERVER_ADDRESS, .token = TOKEN};
        struct menu_item item;

        (void)state;
        profile = *r.chosen.profile;
        r.chosen.profile = &profile;
        r.doc = menu_doc_at(0);
        host.kernel_args = "dompool.guest-nic=eth3";
        assert_null(menu_args_make(&r, &r.chosen, &item));
        assert_null(strstr(item.dom0_args, "dompool.vlans"));
        snprintf(profile.guest_nic, sizeof(profile.guest_nic), "other");
        snprintf(profile.vlans, sizeof(profile.vlans), "10,20:labs");
        assert_null(menu_args_make(&r, &r.chosen, &item));
        assert_non_null(strstr(item.dom0_args, " dompool.guest-nic=other dompool.vlans=10,20:labs dompool.guest-nic=eth3 "));
        profile.kind = PROFILE_RESCUE; /* has no guests */
        assert_null(menu_args_make(&r, &r.chosen, &item));
        assert_null(strstr(item.dom0_args, "dompool.vlans"));
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
        host.xen_args = xen;
        host.kernel_args = kernel;
        host.console = console;
        p = fixture_build(&header, &image, 1, &host, 1);
        assert_non_null(p);
        return p;
}

/* In each language and for each kind of profile: else an initrd that does not fit into memory ends in /bin/sh at the console.
 * What the administrator says stands behind it, and the kernel takes the last. */
static void
every_kernel_panics_without_its_init(void **state)
{
        static const enum profile_kind kinds[] = {PROFILE_POOL, PROFILE_INSPECT, PROFILE_RESCUE};
        struct policy *p = policy_with_args("", "init=/own", "");
        const struct menu_doc *doc;
        struct menu_text out;

        (void)state;
        for (size_t i = 0; (doc = menu_doc_at(i)); i++)
                for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
                        unsigned kernels = 0, safe = 0;

                        assert_int_equal(render_as(p, &mac_pool, doc, (int)kinds[k], NULL, &out), kinds[k]);
                        for (const char *at = out.text; (at = strstr(at, "console=hvc0")); at++, kernels++)
                                safe += strncmp(at, "console=hvc0 init=/init quiet init=/own ", 40) == 0;
                        if (kernels != safe || (kernels == 0) != (doc == &menu_doc_ipxe_xen)) /* its words are in xen.cfg */
                                fail_msg("%s: %u of %u kernels have init=", doc->name, safe, kernels);
                }
        policy_free(p);
}

static void
directories_over_nfs_have_their_word_in_every_menu(void **state)
{
        struct policy *p = fixture_policy();
        struct policy_host host = *fixture_find(p, &mac_pool);
        struct policy_profile profile;
        struct menu_request r = {
                .policy = p, .host = &host, .chosen = fixture_choose(p, &host), .server = SERVER_ADDRESS, .token = TOKEN};
        struct menu_item item;

        (void)state;
        profile = *r.chosen.profile;
        r.chosen.profile = &profile;
        host.kernel_args = "dompool.nfs-dirs=";
        snprintf(profile.nfs_dirs, sizeof(profile.nfs_dirs), "/home=10.0.0.5:/export/home,/srv/a_b+c@d-e.f=10.0.0.6:/:3:ro");
        for (size_t i = 0; (r.doc = menu_doc_at(i)); i++) {
                assert_null(menu_args_make(&r, &r.chosen, &item));
                assert_non_null(strstr(item.dom0_args, " dompool.nfs-dirs=/home=10.0.0.5:/export/home,"
                                                       "/srv/a_b+c@d-e.f=10.0.0.6:/:3:ro dompool.nfs-dirs= "));
        }
        profile.kind = PROFILE_RESCUE; /* a shell on the console: nothing that another host could wait for */
        r.doc = menu_doc_at(0);
        assert_null(menu_args_make(&r, &r.chosen, &item));
        assert_null(strstr(item.dom0_args, "dompool.nfs-dirs=/"));
        policy_free(p);
}

/* The pool host with such a root, in each menu that boots images. */
static void
a_root_over_the_network_has_its_words_and_its_initrd(void **state)
{
        struct policy *p = fixture_policy();
        const struct menu_doc *doc;
        struct menu_text out;
        const char *why;

        (void)state;
        for (size_t i = 0; (doc = menu_doc_at(i)); i++) {
                struct menu_request r = {.doc = doc,
                                         .policy = p,
                                         .host = fixture_find(p, &mac_pool),
                                         .chosen = fixture_choose(p, fixture_find(p, &mac_pool)),
                                         .server = SERVER_ADDRESS,
                                         .token = TOKEN};

                r.chosen.root = ROOT_NFS;
                assert_int_equal(menu_render(&r, &out, &why), PROFILE_POOL);
                assert_non_null(strstr(out.text, "initrd-root"));
                assert_null(strstr(out.text, "/initrd\n"));
                if (doc != &menu_doc_ipxe_xen) /* its words are in xen.cfg */
                        assert_non_null(strstr(out.text, " dompool.root=nfs:10.88.0.1:/0123456789abcdef:4 "));
                r.chosen.root = ROOT_ISCSI; /* the longest word fits an old iPXE's 512 bytes */
                assert_int_equal(menu_render(&r, &out, &why), PROFILE_POOL);
                if (doc != &menu_doc_ipxe_xen)
                        assert_non_null(
                                strstr(out.text, "dompool.root=iscsi:10.88.0.1:3260:1:iqn.2026-01.dompool:0123456789abcdef"));
        }
        policy_free(p);
}

/* Last of all, so that a boot that ends at the local disk finds no other; only where iPXE is on UEFI. */
static void
a_hooked_iscsi_root_is_logged_in_to_right_before_the_boot(void **state)
{
        static const char end[] =
                "initrd-root || goto other\n"
                "set initiator-iqn iqn.2026-01.dompool:host-525400880001\n"
                "sanhook iscsi:10.88.0.1::3260:1:iqn.2026-01.dompool:0123456789abcdef || echo dompool: no iBFT, "
                "dom0 goes by its command line\n"
                "boot ||\nsanunhook ||\ngoto other\n";
        struct policy *p = fixture_policy();
        struct policy_profile profile;
        const struct menu_doc *doc;
        struct menu_text out;
        const char *why;

        (void)state;
        for (size_t i = 0; (doc = menu_doc_at(i)); i++) {
                struct menu_request r = {.doc = doc,
                                         .policy = p,
                                         .host = fixture_find(p, &mac_pool),
                                         .chosen = fixture_choose(p, fixture_find(p, &mac_pool)),
                                         .server = SERVER_ADDRESS,
                                         .token = TOKEN};

                profile = *r.chosen.profile;
                profile.iscsi_hook = 1;
                r.chosen.profile = &profile;
                r.chosen.root = ROOT_ISCSI;
                assert_int_equal(menu_render(&r, &out, &why), PROFILE_POOL);
                if (doc == &menu_doc_ipxe_xen)
                        assert_non_null(strstr(out.text, end));
                else
                        assert_null(strstr(out.text, "sanhook"));
                r.chosen.root = ROOT_NBD;
                menu_render(&r, &out, &why);
                assert_null(strstr(out.text, "sanhook"));
        }
        policy_free(p);
}

static void
golden_path(const char *name, char path[512])
{
        const char *root = getenv("SOURCE_ROOT");

        snprintf(path, 512, "%s/tests/data/menus/%s", root ? root : ".", name);
}

static void
check_golden(const char *name, const char *text, size_t size)
{
        char path[512], *want = calloc(1, ROOM_SIZE);
        FILE *f;

        golden_path(name, path);
        if (getenv("GOLDEN_WRITE")) {
                f = fopen(path, "w");
                assert_non_null(f);
                fwrite(text, 1, size, f);
                fclose(f);
        }
        f = fopen(path, "r");
        if (!f)
                fail_msg("%s is not there", path);
        want[fread(want, 1, ROOM_SIZE - 1, f)] = '\0';
        fclose(f);
        assert_string_equal(text, want);
        free(want);
}

static void
menus_are_as_their_golden_files(void **state)
{
        struct policy *p = fixture_policy();
        char *text = calloc(1, ROOM_SIZE);
        const struct menu_doc *doc;
        struct policy_menu menu;
        struct menu_text out;

        (void)state;
        for (size_t i = 0; (doc = menu_doc_at(i)); i++) {
                size_t n = 0;

                for (size_t j = 0; j < sizeof(scenes) / sizeof(scenes[0]); j++) {
                        person_menu(&menu, scenes[j].menu == LOCKED_MENU);
                        render_as(p, scenes[j].mac, doc, scenes[j].kind, scenes[j].menu == NO_MENU ? NULL : &menu, &out);
                        assert_false(out.overflow);
                        assert_int_equal(out.size, strlen(out.text));
                        n += (size_t)snprintf(text + n, ROOM_SIZE - n, "##### %s\n%s", scenes[j].name, out.text);
                }
                check_golden(doc->name, text, n);
        }
        free(text);
        policy_free(p);
}

static void
every_doubt_ends_at_the_local_disk(void **state)
{
        struct policy *p = fixture_policy();
        const struct menu_doc *doc;
        struct menu_text menu;

        (void)state;
        for (size_t i = 0; (doc = menu_doc_at(i)); i++) {
                assert_int_equal(render(p, &mac_pool, doc, &menu), PROFILE_POOL);
                assert_int_equal(render(p, &mac_fixed, doc, &menu), PROFILE_LOCAL);
                assert_int_equal(render(p, &mac_no_image, doc, &menu), PROFILE_LOCAL);
                assert_int_equal(render(p, &mac_unknown, doc, &menu), PROFILE_LOCAL);
                assert_null(strstr(menu.text, TOKEN));
                assert_int_equal(render(NULL, &mac_pool, doc, &menu), PROFILE_LOCAL);
        }
        policy_free(p);
}

/* CVE-2021-40323 and CVE-2011-0997 were values that became instructions. */
static void
values_cannot_become_menu_lines(void **state)
{
        static const char *const bad[] = {"a\nLABEL x",   "a\rb",           "a'b",   "a\"b",     "a\\", "`id`",
                                          "--- evil.bin", "x --- evil.bin", "x ---", "\xc3\xa4", "a\tb"};
        const struct menu_doc *doc;
        struct menu_text menu;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                for (unsigned where = 0; where < 3; where++) {
                        struct policy *p =
                                policy_with_args(where == 0 ? bad[i] : "", where == 1 ? bad[i] : "", where == 2 ? bad[i] : "");

                        for (size_t j = 0; (doc = menu_doc_at(j)); j++) {
                                if (render(p, &mac_pool, doc, &menu) != PROFILE_LOCAL)
                                        fail_msg("value %zu at %u was taken by %s", i, where, doc->name);
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
        assert_int_equal(render(p, &mac_pool, &menu_doc_grub_efi, &menu), PROFILE_POOL);
        assert_non_null(
                strstr(menu.text, " 'a;b' '$(x)' '{y}' 'c=d|e' dompool.image=0123456789abcdef dompool.server=10.88.0.1"));
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

                assert_int_equal(render(p, &mac_pool, &menu_doc_pxelinux, &menu), PROFILE_POOL);
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
        host.xen_args = args; /* Xen would cut the line at 1023 */
        p = fixture_build(&header, &image, 1, &host, 1);
        assert_non_null(p);
        assert_int_equal(render(p, &mac_pool, &menu_doc_pxelinux, &menu), PROFILE_LOCAL);
        policy_free(p);
}

static void
long_command_lines_send_ipxe_to_another_loader(void **state)
{
        char args[300];
        struct menu_text menu;
        struct policy *p;

        (void)state;
        memset(args, 'x', sizeof(args));
        args[120] = '\0';
        p = policy_with_args("", args, "");
        render(p, &mac_pool, &menu_doc_ipxe, &menu);
        assert_non_null(strstr(menu.text, "module http://10.88.0.1:8080/i/0123456789abcdef/vmlinuz"));
        policy_free(p);

        memset(args, 'x', sizeof(args));
        args[200] = '\0';
        p = policy_with_args("", args, "");
        render(p, &mac_pool, &menu_doc_ipxe, &menu);
        assert_null(strstr(menu.text, "module"));
        assert_non_null(strstr(menu.text, "too long for iPXE\ngoto other\n"));
        assert_non_null(strstr(
                menu.text, ":other\necho dompool: pxelinux.0 is tried instead\nimgfree\nchain tftp://10.88.0.1/pxelinux.0"));
        policy_free(p);
}

/* What is between the words "kernel" and "boot" must stay within iPXE 1.0's 512 bytes, else it cuts them without a word. */
static void
ipxes_command_lines_never_pass_its_limit(void **state)
{
        char args[ARGS_SIZE] = "";
        struct menu_text menu;

        (void)state;
        for (size_t n = 0; n < 400; n++) {
                size_t total = 0;
                struct policy *p = policy_with_args("", args, "");

                render(p, &mac_pool, &menu_doc_ipxe, &menu);
                for (char *save = NULL, *line = strtok_r(menu.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                        char *end = strstr(line, " || goto other");

                        if (end && (strncmp(line, "kernel ", 7) == 0 || strncmp(line, "module ", 7) == 0))
                                total += (size_t)(end - (line + 7)) + 1;
                }
                if (total > 512)
                        fail_msg("%zu bytes of arguments: %zu bytes of command lines", n, total);
                policy_free(p);
                args[n] = 'y';
                args[n + 1] = '\0';
        }
}

static void
ipxe_expands_nothing_of_what_a_value_says(void **state)
{
        static const char *const bad[] = {"${mac}", "a||b", "a&&b", "x#y"};
        struct menu_text menu;

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct policy *p = policy_with_args("", bad[i], "");

                assert_int_equal(render(p, &mac_pool, &menu_doc_ipxe, &menu), PROFILE_LOCAL);
                assert_null(strstr(menu.text, bad[i]));
                policy_free(p);
        }
}

static void
a_password_that_a_loader_cannot_check_hides_its_entry(void **state)
{
        struct policy *p = fixture_policy();
        struct policy_menu m;
        struct menu_text menu;

        (void)state;
        person_menu(&m, true);
        render_as(p, &mac_pool, &menu_doc_pxelinux, -1, &m, &menu);
        assert_non_null(strstr(menu.text, "MENU LABEL Rescue\n  MENU PASSWD $6$salt$hash"));
        assert_null(strstr(menu.text, "Thin client"));
        render_as(p, &mac_pool, &menu_doc_grub_efi, -1, &m, &menu);
        assert_non_null(strstr(menu.text, "password_pbkdf2 user3 grub.pbkdf2.sha512.10000.12.34"));
        render_as(p, &mac_pool, &menu_doc_ipxe, -1, &m, &menu);
        assert_null(strstr(menu.text, "Rescue"));
        assert_non_null(strstr(menu.text, "goto other"));
        policy_free(p);
}

static void
the_longest_menu_fits(void **state)
{
        struct policy_menu m;
        const struct menu_doc *doc;
        struct menu_text menu;
        char args[ARGS_SIZE];
        struct policy *p;

        (void)state;
        memset(args, 'x', sizeof(args) - 1);
        args[sizeof(args) - 1] = '\0';
        p = policy_with_args(args, args, "");
        person_menu(&m, false);
        m.n_entries = MENU_MAX_ENTRIES;
        for (uint32_t i = 0; i < m.n_entries; i++) {
                m.entries[i].profile = PROFILE_POOL;
                memset(m.entries[i].title, 'T', NAME_SIZE - 1);
        }
        for (size_t i = 0; (doc = menu_doc_at(i)); i++)
                assert_int_equal(render_as(p, &mac_pool, doc, -1, &m, &menu), PROFILE_POOL);
        policy_free(p);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_root_over_the_network_has_its_words_and_its_initrd),
                cmocka_unit_test(a_hooked_iscsi_root_is_logged_in_to_right_before_the_boot),
                cmocka_unit_test(guests_networks_have_their_words_before_the_hosts_own),
                cmocka_unit_test(directories_over_nfs_have_their_word_in_every_menu),
                cmocka_unit_test(menus_are_as_their_golden_files),
                cmocka_unit_test(every_kernel_panics_without_its_init),
                cmocka_unit_test(every_doubt_ends_at_the_local_disk),
                cmocka_unit_test(values_cannot_become_menu_lines),
                cmocka_unit_test(grub_quotes_what_its_shell_would_read),
                cmocka_unit_test(a_serial_console_gets_its_speed_once),
                cmocka_unit_test(command_lines_that_are_too_long_end_at_the_local_disk),
                cmocka_unit_test(long_command_lines_send_ipxe_to_another_loader),
                cmocka_unit_test(ipxes_command_lines_never_pass_its_limit),
                cmocka_unit_test(ipxe_expands_nothing_of_what_a_value_says),
                cmocka_unit_test(a_password_that_a_loader_cannot_check_hides_its_entry),
                cmocka_unit_test(the_longest_menu_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
