/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes, apt's answers, ELF files and depmod's indexes: text and bytes to structs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "image/image_apt.h"
#include "image/image_elf.h"
#include "image/image_files.h"
#include "image/image_recipe.h"
#include "image/kmod_index.h"

static void
test_each_kind_of_line_is_read(void **state)
{
        static const char text[] = "# comment\n\ndir /tmp 1777\nlink /bin/sh busybox # why\npackage /bin/busybox\n"
                                   "package /usr/lib/x /sbin/x\nown etc/passwd /etc/passwd 0600\nprogram dompool-init /init\n"
                                   "library libgcc_s.so.1";
        _cleanup_free_ struct recipe_line *l = NULL;
        struct error err;
        size_t n;

        (void)state;
        assert_int_equal(recipe_parse_lines("files", text, &l, &n, &err), 0);
        assert_int_equal(n, 7);
        assert_int_equal(l[0].kind, RECIPE_DIR);
        assert_int_equal(l[0].mode, 01777);
        assert_int_equal(l[0].line, 3);
        assert_int_equal(l[1].kind, RECIPE_LINK);
        assert_string_equal(l[1].to, "/bin/sh");
        assert_string_equal(l[1].from, "busybox");
        assert_string_equal(l[2].from, "/bin/busybox");
        assert_string_equal(l[2].to, "/bin/busybox");
        assert_string_equal(l[3].to, "/sbin/x");
        assert_int_equal(l[4].mode, 0600);
        assert_int_equal(l[5].kind, RECIPE_PROGRAM);
        assert_int_equal(l[6].kind, RECIPE_LIBRARY);
        assert_string_equal(l[6].from, "libgcc_s.so.1");
}

static void
test_a_wrong_line_is_named_by_file_and_line(void **state)
{
        static const char *const bad[] = {
                "copy /a /b",       "dir tmp",          "dir /tmp 0999",      "dir /a/../b",        "package a",
                "package /a /b /c", "own ../passwd /x", "own /etc/x /x",      "program a/b /x",     "library",
                "link /a",          "dir /a/",          "own etc/x /x 77777", "dir /a 1 2 3 4 5 6", "program x relative",
        };
        struct recipe_line *l;
        struct error err;
        size_t n;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                char text[100];

                snprintf(text, sizeof(text), "dir /ok\n%s\n", bad[i]);
                if (recipe_parse_lines("micro/files", text, &l, &n, &err) != -EINVAL)
                        fail_msg("'%s' was taken", bad[i]);
                assert_int_equal(err.code, ERR_CONFIG);
                assert_int_equal(strncmp(err.message, "micro/files:2: ", 15), 0);
        }
}

static void
test_modules_have_a_phase_and_one_spelling(void **state)
{
        _cleanup_free_ struct recipe_module *m = NULL;
        struct recipe_module *none;
        struct error err;
        size_t n;

        (void)state;
        assert_int_equal(recipe_parse_modules("modules", "xen-evtchn boot\nxen_netback late\ne1000 # common\n", &m, &n, &err),
                         0);
        assert_int_equal(n, 3);
        assert_string_equal(m[0].name, "xen_evtchn");
        assert_int_equal(m[0].phase, RECIPE_BOOT);
        assert_int_equal(m[1].phase, RECIPE_LATE);
        assert_int_equal(m[2].phase, RECIPE_ON_DEMAND);
        assert_int_equal(recipe_parse_modules("modules", "e1000\ne1000 soon\n", &none, &n, &err), -EINVAL);
        assert_non_null(strstr(err.message, "modules:2: "));
}

static void
test_a_folder_of_modules_ends_in_a_slash_and_leads_nowhere_else(void **state)
{
        static const char *const bad[] = {
                "drivers/net/ethernet", "/drivers/net/", "../x/", "a/../b/", "a//b/", "/", "a/ boot", "a/ late"};
        _cleanup_free_ struct recipe_module *m = NULL;
        struct recipe_module *none;
        struct error err;
        size_t n;

        (void)state;
        assert_int_equal(recipe_parse_modules("modules", "drivers/net/ethernet/ # all\n", &m, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_string_equal(m[0].name, "drivers/net/ethernet/");
        assert_int_equal(m[0].phase, RECIPE_ON_DEMAND);
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                if (recipe_parse_modules("modules", bad[i], &none, &n, &err) != -EINVAL || !strstr(err.message, "modules:1: "))
                        fail_msg("'%s' was taken", bad[i]);
}

static void
write_text(const char *folder, const char *name, const char *text)
{
        char path[IMAGE_PATH_SIZE];
        struct error err;

        assert_int_equal(image_path(path, &err, "%s/%s", folder, name), 0);
        assert_int_equal(image_write(path, text, strlen(text), &err), 0);
}

/* As long and as many as there may be. */
static void
test_a_list_of_paths_becomes_a_file_with_a_line_each(void **state)
{
        static char paths[RECIPE_MAX_PATHS][RECIPE_PATH_SIZE], wanted[sizeof(paths) + 1];
        char folder[] = "/tmp/dompool-recipe-XXXXXX", file[64];
        _cleanup_free_ uint8_t *text = NULL;
        struct error err;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(file, sizeof(file), "%s/keep", folder);
        for (size_t i = 0; i < RECIPE_MAX_PATHS; i++) {
                memset(paths[i], 'a' + (int)i % 26, RECIPE_PATH_SIZE - 1);
                strcat(strcat(wanted, paths[i]), "\n");
        }
        assert_int_equal(recipe_write_paths(file, (const char(*)[RECIPE_PATH_SIZE])paths, RECIPE_MAX_PATHS, &err), 0);
        assert_int_equal(image_read(file, sizeof(wanted), &text, NULL, &err), 0);
        assert_string_equal(text, wanted);
        unlink(file);
        rmdir(folder);
}

static void
test_a_wrong_recipe_conf_is_named_by_file_and_line(void **state)
{
        static const struct {
                const char *text, *says;
        } bad[] = {
                {"kind = host\nhypervisr = /boot/xen.gz\n", "recipe.conf:2: no such option 'hypervisr'"},
                {"kind = server\n", "kind is \"host\", \"guest\" or \"stage\""},
                {"kind = host\n", "a host image needs hypervisor"},
                {"kind = guest\nstage = x\n", "only a host image has one"},
                {"hypervisor = /boot/xen.gz\nstage = \"../x\"\n", "stage names a recipe beside this one"},
                {"kind = guest\nlimit = many\n", "limit 'many'"},
                {"kind = guest\npackages = { \"-oDebug=1\" }\n", "'-oDebug=1' is no package name"},
                {"kind = guest\ncompression = lzma\n", "zstd, xz or gzip"},
                {"kind = guest\nlevel = x\n", "recipe.conf:2: "},
                {"kind = guest\nkeep = { /var/log }\n", "only a host image has files that are kept"},
                {"hypervisor = /boot/xen.gz\nkeep = { /var/log, \"/run/*\" }\n",
                 "recipe.conf: keep: '/run/*' is not a host's own"},
                {"hypervisor = /boot/xen.gz\nkeep = { \"/var/*/x\" }\n", "only the last part of a path may be a pattern"},
        };
        char folder[] = "/tmp/dompool-recipe-XXXXXX";
        struct recipe r;
        struct error err;

        (void)state;
        assert_non_null(mkdtemp(folder));
        assert_int_equal(recipe_load(folder, &r, &err), -ENOENT);
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                write_text(folder, "recipe.conf", bad[i].text);
                assert_true(recipe_load(folder, &r, &err) < 0);
                if (!strstr(err.message, bad[i].says))
                        fail_msg("'%s' does not say '%s'", err.message, bad[i].says);
        }
        assert_int_equal(image_remove(folder, &err), 0);
}

static void
test_any_change_in_the_folder_changes_the_recipes_hash(void **state)
{
        char folder[] = "/tmp/dompool-recipe-XXXXXX";
        struct recipe a, b, c;
        struct error err;

        (void)state;
        assert_non_null(mkdtemp(folder));
        write_text(folder, "recipe.conf", "kind = guest\n");
        write_text(folder, "init", "one");
        assert_int_equal(recipe_load(folder, &a, &err), 0);
        assert_int_equal(recipe_load(folder, &b, &err), 0);
        write_text(folder, "init", "two");
        assert_int_equal(recipe_load(folder, &c, &err), 0);
        assert_memory_equal(a.sha256, b.sha256, sizeof(a.sha256));
        assert_memory_not_equal(a.sha256, c.sha256, sizeof(a.sha256));
        recipe_deinit(&a);
        recipe_deinit(&b);
        recipe_deinit(&c);
        assert_int_equal(image_remove(folder, &err), 0);
}

#define HASH "3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7"

static void
test_apts_answer_gives_name_version_and_hash(void **state)
{
        struct apt_package p;

        (void)state;
        assert_int_equal(
                apt_parse_uri("'http://x/y.deb' busybox-static_1%3a1.35.0-4+deb12u1+b1_amd64.deb 928188 SHA256:" HASH, &p), 0);
        assert_string_equal(p.name, "busybox-static");
        assert_string_equal(p.version, "1:1.35.0-4+deb12u1+b1");
        assert_string_equal(p.file, "busybox-static_1%3a1.35.0-4+deb12u1+b1_amd64.deb");
        assert_int_equal(p.size, 928188);
        assert_int_equal(apt_parse_uri("'http://x/y.deb' ../a_1_amd64.deb 1 SHA256:" HASH, &p), -EINVAL);
        assert_int_equal(apt_parse_uri("'http://x/y.deb' a_1_amd64.deb 1 MD5Sum:00", &p), -EINVAL);
        assert_int_equal(apt_parse_uri("'http://x/y.deb' a.deb 1 SHA256:" HASH, &p), -EINVAL);
        assert_int_equal(apt_parse_uri("Reading package lists...", &p), -EINVAL);
}

static void
test_a_programs_libraries_and_linker_are_read(void **state)
{
        _cleanup_free_ uint8_t *data = NULL;
        struct elf_needs n;
        struct error err;
        bool libc = false;
        size_t size;

        (void)state;
        assert_int_equal(image_read("/proc/self/exe", 64 << 20, &data, &size, &err), 0);
        assert_int_equal(elf_needs_read(data, size, &n), 0);
        assert_string_equal(n.interpreter, "/lib64/ld-linux-x86-64.so.2");
        for (size_t i = 0; i < n.n_needed; i++)
                libc |= strcmp(n.needed[i], "libc.so.6") == 0;
        assert_true(libc);
        for (size_t cut = 0; cut < 4096 && cut < size; cut += 7)
                (void)elf_needs_read(data, cut, &n);
        assert_int_equal(elf_needs_read((const uint8_t *)"#!/bin/sh\n", 10, &n), 1);
}

static void
test_dependencies_come_before_the_module(void **state)
{
        static const char dep[] =
                "kernel/net/core/failover.ko:\n"
                "kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko\n";
        struct kmod_entry e;

        (void)state;
        assert_int_equal(kmod_dep_find(dep, "virtio-net", &e), 0);
        assert_int_equal(e.n, 3);
        assert_string_equal(e.paths[0], "kernel/net/core/failover.ko");
        assert_string_equal(e.paths[1], "kernel/drivers/net/net_failover.ko");
        assert_string_equal(e.paths[2], "kernel/drivers/net/virtio_net.ko");
        assert_int_equal(kmod_dep_find(dep, "failover", &e), 0);
        assert_int_equal(e.n, 1);
        assert_int_equal(kmod_dep_find(dep, "virtio", &e), -ENOENT);
        assert_true(kmod_builtin("kernel/fs/ext4.ko\nkernel/net/unix.ko\n", "unix"));
        assert_false(kmod_builtin("kernel/fs/ext4.ko\n", "ext"));
}

static void
test_all_modules_of_a_folder_are_found_with_what_they_need(void **state)
{
        static const char dep[] = "kernel/drivers/net/mii.ko:\n"
                                  "kernel/drivers/net/ethernet/x/one-two.ko: kernel/drivers/net/mii.ko\n"
                                  "kernel/drivers/net/ethernet-x/three.ko:\n"
                                  "kernel/drivers/net/ethernet/four.ko.xz:\n";
        const char *at = dep;
        struct kmod_entry e;
        char name[KMOD_NAME_SIZE];

        (void)state;
        assert_int_equal(kmod_dep_folder_next(&at, "drivers/net/ethernet/", &e), 0);
        assert_int_equal(e.n, 2);
        assert_string_equal(e.paths[0], "kernel/drivers/net/mii.ko");
        assert_true(kmod_path_name(e.paths[1], name));
        assert_string_equal(name, "one_two");
        assert_int_equal(kmod_dep_folder_next(&at, "drivers/net/ethernet/", &e), 0);
        assert_int_equal(e.n, 1);
        assert_true(kmod_path_name(e.paths[0], name));
        assert_string_equal(name, "four");
        assert_int_equal(kmod_dep_folder_next(&at, "drivers/net/ethernet/", &e), -ENOENT);
        assert_false(kmod_path_name("kernel/x.txt", name));
}

static void
test_all_drivers_that_claim_a_device_are_found(void **state)
{
        static const char alias[] = "# Aliases\nalias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139too\n"
                                    "alias pci:v00008086d0000100Esv*sd*bc*sc*i* e1000\n"
                                    "alias pci:v000010ECd00008139sv*sd*bc*sc*i* 8139cp\n";
        const char *text = alias;
        char name[KMOD_NAME_SIZE];

        (void)state;
        assert_true(kmod_alias_next(&text, "pci:v000010ECd00008139sv00001AF4sd00001100bc02sc00i00", name));
        assert_string_equal(name, "8139too");
        assert_true(kmod_alias_next(&text, "pci:v000010ECd00008139sv00001AF4sd00001100bc02sc00i00", name));
        assert_string_equal(name, "8139cp");
        assert_false(kmod_alias_next(&text, "pci:v000010ECd00008139sv00001AF4sd00001100bc02sc00i00", name));
        text = "alias pci:v00001AF4d00001000sv00001AF4 one\nalias pci:v00001AF4d00001000 two\nalias p?i:v00001AF4d00001000 "
               "three\n";
        assert_true(kmod_alias_next(&text, "pci:v00001AF4d00001000", name)); /* without a wildcard: the whole */
        assert_string_equal(name, "two");
        assert_true(kmod_alias_next(&text, "pci:v00001AF4d00001000", name));
        assert_string_equal(name, "three");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_kind_of_line_is_read),
                cmocka_unit_test(test_a_wrong_line_is_named_by_file_and_line),
                cmocka_unit_test(test_modules_have_a_phase_and_one_spelling),
                cmocka_unit_test(test_a_folder_of_modules_ends_in_a_slash_and_leads_nowhere_else),
                cmocka_unit_test(test_a_list_of_paths_becomes_a_file_with_a_line_each),
                cmocka_unit_test(test_a_wrong_recipe_conf_is_named_by_file_and_line),
                cmocka_unit_test(test_any_change_in_the_folder_changes_the_recipes_hash),
                cmocka_unit_test(test_apts_answer_gives_name_version_and_hash),
                cmocka_unit_test(test_a_programs_libraries_and_linker_are_read),
                cmocka_unit_test(test_dependencies_come_before_the_module),
                cmocka_unit_test(test_all_modules_of_a_folder_are_found_with_what_they_need),
                cmocka_unit_test(test_all_drivers_that_claim_a_device_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
