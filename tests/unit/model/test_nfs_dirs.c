/* SPDX-License-Identifier: Apache-2.0 */
/* The setting nfs-dirs: what it means, that what it writes reads back, and that nothing else gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/nfs_dirs.h"

static void
a_directory_has_a_place_and_a_server(void **state)
{
        struct nfs_dirs d;
        struct error err;

        (void)state;
        assert_int_equal(nfs_dirs_parse("", &d, &err), 0);
        assert_int_equal(d.n, 0);
        assert_int_equal(
                nfs_dirs_parse(" /home=10.0.0.5:/export/home, /srv/images=10.0.0.6:/:ro:3 /opt=10.0.0.6:/x:4", &d, &err), 0);
        assert_int_equal(d.n, 3);
        assert_string_equal(d.list[0].path, "/home");
        assert_int_equal(d.list[0].address, 0x0a000005);
        assert_string_equal(d.list[0].export, "/export/home");
        assert_string_equal(d.list[0].version, "4.1");
        assert_false(d.list[0].read_only);
        assert_string_equal(d.list[1].export, "/");
        assert_string_equal(d.list[1].version, "3");
        assert_true(d.list[1].read_only);
        assert_string_equal(d.list[2].version, "4.1");
}

static void
what_is_written_reads_back_and_is_no_longer(void **state)
{
        static const char *const cases[][2] = {
                {"/home=10.0.0.5:/x", "/home=10.0.0.5:/x"},
                {", /home=10.0.0.5:/x:4.1 ,, /srv=10.0.0.5:/y:ro:4.0,", "/home=10.0.0.5:/x,/srv=10.0.0.5:/y:4.0:ro"},
                {"/a=1.2.3.4:/b:3:4.2", "/a=1.2.3.4:/b:4.2"},
                {"/a=1.2.3.4:/b:", "/a=1.2.3.4:/b"},
        };
        char text[NFS_DIRS_SIZE], again[NFS_DIRS_SIZE];
        struct nfs_dirs d;
        struct error err;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_int_equal(nfs_dirs_parse(cases[i][0], &d, &err), 0);
                assert_string_equal(nfs_dirs_text(&d, text), cases[i][1]);
                assert_true(strlen(text) <= strlen(cases[i][0]));
                assert_int_equal(nfs_dirs_parse(text, &d, &err), 0);
                assert_string_equal(nfs_dirs_text(&d, again), text);
        }
}

static void
a_place_that_would_hide_the_system_is_refused(void **state)
{
        static const char *const bad[] = {"/",
                                          "/usr",
                                          "/usr/local",
                                          "/etc",
                                          "/etc/ssh",
                                          "/dev",
                                          "/dev/shm",
                                          "/proc/x",
                                          "/sys",
                                          "/run/dompool",
                                          "/boot",
                                          "/lib",
                                          "/lib64/x",
                                          "/bin",
                                          "/sbin",
                                          "/var",
                                          "/var/lib",
                                          "/var/lib/xen/save",
                                          "/var/log",
                                          "/var/log/xen",
                                          "/var/lib/xenstored",
                                          "/var/run/x",
                                          "/root",
                                          "/root/.ssh",
                                          "/var/spool/cron/crontabs",
                                          "/var/lib/systemd",
                                          "/tmp",
                                          "/init",
                                          "/newroot/home"};
        static const char *const good[] = {
                "/home",        "/srv",     "/opt",   "/mnt/a", "/var/log/remote", "/var/lib/guests", "/rooted",
                "/var/spool/x", "/library", "/devel", "/users", "/var/lib/xenial", "/tmp/a"};
        struct nfs_dirs d = {.n = 7};
        char text[NFS_DIRS_SIZE];
        struct error err;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                snprintf(text, sizeof(text), "%s=10.0.0.5:/x", bad[i]);
                if (nfs_dirs_parse(text, &d, &err) == 0 || !strstr(err.message, "would hide a part of the host's own system"))
                        fail_msg("'%s' was taken", bad[i]);
        }
        assert_int_equal(d.n, 7); /* untouched */
        for (size_t i = 0; i < N_ELEMENTS(good); i++) {
                snprintf(text, sizeof(text), "%s=10.0.0.5:/x", good[i]);
                if (nfs_dirs_parse(text, &d, &err) < 0)
                        fail_msg("%s", err.message);
        }
}

static void
what_is_wrong_is_refused_with_its_limit(void **state)
{
        static const char *const cases[][2] = {
                {"/home", "'/home' must be PATH=ADDRESS:/PATH, such as /home=10.0.0.5:/export/home"},
                {"/home=10.0.0.5", "must be PATH=ADDRESS:/PATH"},
                {"10.0.0.5:/x", "must be PATH=ADDRESS:/PATH"},
                {"/home=filer:/x", "/home: 'filer' is no IPv4 address; a name cannot be looked up"},
                {"/home=:/x", "'' is no IPv4 address"},
                {"/home=0.0.0.0:/x", "'0.0.0.0' is no IPv4 address"},
                {"/home=10.0.0.5:", "'' is no path"},
                {"/home=10.0.0.5:x", "'x' is no path"},
                {"/home=10.0.0.5:/a/../b", "'/a/../b' is no path"},
                {"/home=10.0.0.5:/a//b", "without an empty part, '.' or '..'"},
                {"home=10.0.0.5:/x", "'home' is no path: one is absolute, of 1 to 127 of a-z A-Z 0-9 / . _ + @ -"},
                {"/home/../etc=10.0.0.5:/x", "'/home/../etc' is no path"},
                {"/home/=10.0.0.5:/x", "'/home/' is no path"},
                {"/./home=10.0.0.5:/x", "'/./home' is no path"},
                {"/ho;me=10.0.0.5:/x", "'/ho;me' is no path"},
                {"/home=10.0.0.5:/$x", "'/$x' is no path"},
                {"/home=10.0.0.5:/x:5", "/home: '5' is none of 3, 4, 4.0, 4.1, 4.2 and ro"},
                {"/home=10.0.0.5:/x:rw", "'rw' is none of"},
                {"/home=10.0.0.5:/x /home=10.0.0.6:/y", "/home is named twice"},
                {"/srv=10.0.0.5:/x /srv/a=10.0.0.6:/y", "of /srv and /srv/a one would hide the other"},
                {"/srv/a=10.0.0.5:/x /srv=10.0.0.6:/y", "of /srv/a and /srv one would hide the other"},
                {"/a=1.1.1.1:/a /b=1.1.1.1:/a /c=1.1.1.1:/a /d=1.1.1.1:/a /e=1.1.1.1:/a /f=1.1.1.1:/a /g=1.1.1.1:/a "
                 "/h=1.1.1.1:/a /i=1.1.1.1:/a",
                 "more than 8 directories"},
        };
        struct nfs_dirs d = {.n = 7};
        char text[NFS_DIRS_SIZE + 2];
        struct error err;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                if (nfs_dirs_parse(cases[i][0], &d, &err) == 0)
                        fail_msg("'%s' was taken", cases[i][0]);
                if (!strstr(err.message, cases[i][1]))
                        fail_msg("'%s': %s", cases[i][0], err.message);
        }
        memset(text, 'x', sizeof(text));
        text[NFS_DIRS_SIZE] = '\0';
        assert_true(nfs_dirs_parse(text, &d, &err) < 0);
        assert_string_equal(err.message, "nfs-dirs is 232 bytes long; the limit is 231");
        snprintf(text, sizeof(text), "/a=10.0.0.5:/%0*d", NFS_PATH_SIZE - 2, 0);
        assert_int_equal(nfs_dirs_parse(text, &d, &err), 0);
        snprintf(text, sizeof(text), "/a=10.0.0.5:/%0*d", NFS_PATH_SIZE - 1, 0);
        assert_true(nfs_dirs_parse(text, &d, &err) < 0);
}

static void
a_place_where_files_are_kept_is_found(void **state)
{
        static const struct {
                const char *path;
                const char *kept; /* NULL: none */
        } cases[] = {
                {"/srv", "/srv/app"},
                {"/srv/app", "/srv/app"},
                {"/srv/app/db", "/srv/app"},
                {"/srv/apps", NULL},
                {"/srv/ap", NULL},
                {"/sr", NULL},
                {"/data/a", NULL},
                {"/data/log-x/y", "/data/log-*"},
                {"/data", "/data/log-*"},
                {"/data/.log-x", NULL},
                {"/opt", "/opt"},
                {"/opt/x", "/opt"},
        };
        struct keep_list list;
        struct error err;

        (void)state;
        assert_int_equal(keep_list_parse("/srv/app\n/data/log-*\n/opt\n", &list, &err), 0);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const char *kept = nfs_dirs_kept(cases[i].path, &list);

                if (!kept != !cases[i].kept || (kept && strcmp(kept, cases[i].kept) != 0))
                        fail_msg("%s: %s", cases[i].path, kept ? kept : "none");
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_directory_has_a_place_and_a_server),
                cmocka_unit_test(what_is_written_reads_back_and_is_no_longer),
                cmocka_unit_test(a_place_that_would_hide_the_system_is_refused),
                cmocka_unit_test(what_is_wrong_is_refused_with_its_limit),
                cmocka_unit_test(a_place_where_files_are_kept_is_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
