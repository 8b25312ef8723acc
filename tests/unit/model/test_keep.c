/* SPDX-License-Identifier: Apache-2.0 */
/* The list of kept paths and the archive of kept files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/keep.h"

static const struct keep_list list = {.n = 3, .paths = {"/etc/ssh/ssh_host_*", "/var/log", "/top"}};

static void
test_a_list_has_a_path_a_line(void **state)
{
        struct keep_list l;
        struct error err;

        (void)state;
        assert_int_equal(keep_list_parse("# own\n/etc/ssh/ssh_host_*  \n\n\t/var/log # logs\n/top", &l, &err), 0);
        assert_int_equal(l.n, 3);
        for (size_t i = 0; i < l.n; i++)
                assert_string_equal(l.paths[i], list.paths[i]);
}

static void
test_what_is_no_hosts_own_is_refused_with_its_line(void **state)
{
        static const struct {
                const char *text, *says;
        } bad[] = {
                {"/a\nb\n", "line 2: 'b' is no absolute path"},
                {"/", "empty"},
                {"/var//log", "empty"},
                {"/var/log/", "empty"},
                {"/var/../etc", "'..'"},
                {"/proc/sys", "not a host's own"},
                {"/run", "not a host's own"},
                {"/etc/dompool", "not a host's own"},
                {"/var/log/xen/console", "not a host's own"},
                {"/var/*/x", "only the last part"},
                {"/var/l\xc3\xb6g", "printable ASCII"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                struct keep_list l;
                struct error err;

                assert_true(keep_list_parse(bad[i].text, &l, &err) < 0);
                if (!strstr(err.message, bad[i].says))
                        fail_msg("%s: %s", bad[i].text, err.message);
        }
}

static void
test_a_list_has_limits(void **state)
{
        char text[KEEP_LIST_SIZE] = "";
        struct keep_list l;
        struct error err;

        (void)state;
        for (int i = 0; i < KEEP_MAX_PATHS; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "/p%d\n", i);
        assert_int_equal(keep_list_parse(text, &l, &err), 0);
        strcat(text, "/one-more\n");
        assert_true(keep_list_parse(text, &l, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
        memset(text, 'x', 400);
        text[0] = '/';
        text[400] = '\0';
        assert_true(keep_list_parse(text, &l, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
}

static void
test_a_path_is_covered_by_itself_its_pattern_or_a_folder_above(void **state)
{
        (void)state;
        assert_true(keep_list_covers(&list, "/etc/ssh/ssh_host_rsa_key"));
        assert_true(keep_list_covers(&list, "/var/log"));
        assert_true(keep_list_covers(&list, "/var/log/a/b"));
        assert_true(keep_list_covers(&list, "/top/x"));
        assert_false(keep_list_covers(&list, "/etc/ssh/sshd_config"));
        assert_false(keep_list_covers(&list, "/etc/ssh"));
        assert_false(keep_list_covers(&list, "/var/logs"));
        assert_false(keep_list_covers(&list, "/etc/shadow"));
        assert_false(keep_list_covers(&list, "/topping"));
        assert_false(keep_list_covers(&list, "/varxlog"));
        assert_false(keep_list_covers(&list, "/x/top"));
}

/* ---- the archive ---- */

static struct keep_archive *
archive(void)
{
        struct keep_archive *a = calloc(1, sizeof(*a));

        a->n_files = 3;
        a->files[0] = (struct keep_file){.path = "/etc/ssh/ssh_host_rsa_key", .mode = KEEP_FILE | 0600, .mtime_ns = 5};
        a->files[1] = (struct keep_file){.path = "/var/log", .mode = KEEP_FOLDER | 02755, .uid = 1, .gid = 2};
        a->files[2] = (struct keep_file){.path = "/var/log/x", .mode = KEEP_FILE | 0640, .uid = 33};
        blob_set(&a->files[0].data, "key", 3);
        return a;
}

static void
archive_free(struct keep_archive *a)
{
        rec_clear(&keep_archive_desc, a);
        free(a);
}
DEFINE_CLEANUP(struct keep_archive *, archive_free)

static int
read_back(const struct keep_archive *a, struct keep_archive *ret, struct error *err)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;

        assert_int_equal(keep_archive_write(a, &data, &size, err), 0);
        return keep_archive_read(data, size, &list, ret, err);
}

static void
test_an_archive_comes_back_as_it_was(void **state)
{
        CLEANUP(archive_free) struct keep_archive *a = archive(), *b = calloc(1, sizeof(*b));
        struct error err;

        (void)state;
        assert_int_equal(read_back(a, b, &err), 0);
        assert_true(rec_equal(&keep_archive_desc, a, b));
}

static void
test_an_archive_that_is_cut_or_another_thing_is_refused(void **state)
{
        CLEANUP(archive_free) struct keep_archive *a = archive(), *b = calloc(1, sizeof(*b));
        _cleanup_free_ uint8_t *data = NULL;
        struct error err;
        size_t size;

        (void)state;
        assert_int_equal(keep_archive_write(a, &data, &size, &err), 0);
        for (size_t n = 0; n < size; n++)
                assert_true(keep_archive_read(data, n, &list, b, &err) < 0);
        data[6] ^= 1;
        assert_true(keep_archive_read(data, size, &list, b, &err) < 0);
}

static void
refused(void (*change)(struct keep_archive *a), const char *says)
{
        CLEANUP(archive_free) struct keep_archive *a = archive(), *b = calloc(1, sizeof(*b));
        struct error err;

        change(a);
        assert_true(read_back(a, b, &err) < 0);
        assert_int_equal(b->n_files, 0);
        if (!strstr(err.message, says))
                fail_msg("'%s' does not say '%s'", err.message, says);
}

static void
leads_out(struct keep_archive *a)
{
        str_copy(a->files[2].path, KEEP_PATH_SIZE, "/var/log/../../etc/passwd");
}

static void
not_in_the_list(struct keep_archive *a)
{
        str_copy(a->files[2].path, KEEP_PATH_SIZE, "/var/mail");
}

static void
twice(struct keep_archive *a)
{
        str_copy(a->files[2].path, KEEP_PATH_SIZE, "/var/log");
}

static void
set_uid(struct keep_archive *a)
{
        a->files[2].mode |= 04000;
}

static void
device(struct keep_archive *a)
{
        a->files[2].mode = 020644;
}

static void
link_to(struct keep_archive *a)
{
        a->files[2].mode = 0120777;
}

static void
folder_with_contents(struct keep_archive *a)
{
        blob_set(&a->files[1].data, "x", 1);
}

static void
before_the_epoch(struct keep_archive *a)
{
        a->files[0].mtime_ns = -1;
}

static void
test_a_recipes_path_is_what_the_list_reads(void **state)
{
        static const char *const cut[] = {"/srv/a#1", "/srv/#x", "/srv/x "};
        struct error err;

        (void)state;
        assert_int_equal(keep_pattern_check("recipe", "/srv/a 1*", &err), 0);
        for (size_t i = 0; i < N_ELEMENTS(cut); i++)
                assert_true(keep_pattern_check("recipe", cut[i], &err) < 0);
}

static void
test_what_is_read_leads_nowhere_and_gives_no_rights(void **state)
{
        (void)state;
        refused(leads_out, "'..'");
        refused(not_in_the_list, "none of this image's kept paths");
        refused(twice, "out of order");
        refused(set_uid, "gives rights");
        refused(device, "neither a file nor a folder");
        refused(link_to, "neither a file nor a folder");
        refused(folder_with_contents, "has contents");
        refused(before_the_epoch, "before 1970");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_list_has_a_path_a_line),
                cmocka_unit_test(test_what_is_no_hosts_own_is_refused_with_its_line),
                cmocka_unit_test(test_a_list_has_limits),
                cmocka_unit_test(test_a_path_is_covered_by_itself_its_pattern_or_a_folder_above),
                cmocka_unit_test(test_a_recipes_path_is_what_the_list_reads),
                cmocka_unit_test(test_an_archive_comes_back_as_it_was),
                cmocka_unit_test(test_an_archive_that_is_cut_or_another_thing_is_refused),
                cmocka_unit_test(test_what_is_read_leads_nowhere_and_gives_no_rights),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
