/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of directories over NFS without a server for them: words, folders, a place that is held. Mounts are made in a
 * mount name space of the test's own; loopback address 127.0.0.1 has no NFS server in a network name space of the test's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/init_nfs_dirs.h"

static char root[] = "/tmp/dompool-test-nfs-dirs-XXXXXX";

static const struct nfs_dirs two = {
        2, {{"/home", 0x7f000001, "/export/home", "4.1", false}, {"/srv/images", 0x7f000001, "/vol/images", "3", true}}};

static void
what_is_missing_is_said_first(void **state)
{
        struct init_nfs_tried tried[NFS_DIRS_MAX] = {{.there = true}, {.why = "no answer"}};
        char text[NFS_DIRS_STATE_SIZE], small[20];

        (void)state;
        init_nfs_dirs_text(&two, tried, text, sizeof(text));
        assert_string_equal(text,
                            "/srv/images is not from 127.0.0.1:/vol/images yet: no answer; /home from 127.0.0.1:/export/home");
        tried[1].there = true;
        init_nfs_dirs_text(&two, tried, text, sizeof(text));
        assert_string_equal(text, "/home from 127.0.0.1:/export/home; /srv/images from 127.0.0.1:/vol/images");
        init_nfs_dirs_text(&two, tried, small, sizeof(small)); /* cut, and terminated */
        assert_string_equal(small, "/home from 127.0.0.");
}

static void
a_folder_is_made_and_no_link_is_followed(void **state)
{
        struct error err;
        struct stat st;
        char path[100];
        int fd = init_nfs_dirs_folder(root, "/srv/a/b", &err);

        (void)state;
        assert_true(fd >= 0);
        close(fd);
        snprintf(path, sizeof(path), "%s/srv/a/b", root);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
        assert_int_equal(chmod(path, 0700), 0);
        fd = init_nfs_dirs_folder(root, "/srv/a/b", &err); /* one that is there stays as it is */
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        snprintf(path, sizeof(path), "%s/link", root);
        assert_int_equal(symlink("/etc", path), 0);
        assert_true(init_nfs_dirs_folder(root, "/link", &err) < 0);
        assert_non_null(strstr(err.message, "link of /link, which must be a folder and no link"));
        assert_true(init_nfs_dirs_folder(root, "/link/x", &err) < 0);
        assert_int_equal(access("/etc/x", F_OK), -1);
}

/* One attempt, that does not get all, and what it says. */
static void
try_both(char ret_line[NFS_DIRS_STATE_SIZE])
{
        int status, pid = init_nfs_dirs_start(&two, root);
        FILE *f;

        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        f = fopen(NFS_DIRS_FILE, "r");
        assert_non_null(f);
        assert_non_null(fgets(ret_line, NFS_DIRS_STATE_SIZE, f));
        fclose(f);
}

/* Nobody answers, or this kernel has no NFS: the attempt fails soon, and says of each why. */
static void
a_directory_without_its_server_is_empty_and_read_only(void **state)
{
        struct statvfs s;
        char path[100], line[NFS_DIRS_STATE_SIZE] = "";

        (void)state;
        try_both(line);
        try_both(line); /* again: the place is held once */
        assert_non_null(strstr(line, "/home is not from 127.0.0.1:/export/home yet: "));
        assert_non_null(strstr(line, "; /srv/images is not from 127.0.0.1:/vol/images yet: "));
        snprintf(path, sizeof(path), "%s/srv/images", root);
        assert_int_equal(statvfs(path, &s), 0);
        assert_true(s.f_flag & ST_RDONLY);
        snprintf(path, sizeof(path), "%s/srv/images/x", root);
        assert_int_equal(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -1);
        assert_int_equal(errno, EROFS);
        snprintf(path, sizeof(path), "%s/home", root);
        assert_int_equal(umount(path), 0);
        assert_int_equal(umount(path), -1); /* not two of them */
}

/* The root's list is what counts, and nothing is laid over files that are kept. */
static void
a_directory_where_files_are_kept_is_not_mounted(void **state)
{
        char path[100], line[NFS_DIRS_STATE_SIZE] = "";
        FILE *f;

        (void)state;
        snprintf(path, sizeof(path), "%s/etc", root);
        assert_int_equal(mkdir(path, 0755), 0);
        snprintf(path, sizeof(path), "%s/etc/dompool", root);
        assert_int_equal(mkdir(path, 0755), 0);
        snprintf(path, sizeof(path), "%s" KEEP_LIST_PATH, root);
        f = fopen(path, "w");
        assert_non_null(f);
        fputs("/home/id_*\n", f);
        fclose(f);
        try_both(line);
        assert_non_null(strstr(line, "/home is not from 127.0.0.1:/export/home yet: the image keeps /home/id_* for each host"));
        assert_null(strstr(line, "the image keeps /srv"));
        snprintf(path, sizeof(path), "%s/home", root);
        assert_int_equal(umount(path), -1);
        snprintf(path, sizeof(path), "%s" KEEP_LIST_PATH, root);
        assert_int_equal(unlink(path), 0);
}

static void
write_state(const char *text)
{
        FILE *f = fopen(NFS_DIRS_FILE, "w");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static void
what_changes_again_and_again_is_not_said_each_time(void **state)
{
        struct init_nfs_dirs_news n = {0};

        (void)state;
        unlink(NFS_DIRS_FILE);
        assert_true(init_nfs_dirs_news(&n, false, 100)); /* also that an attempt left no word */
        n = (struct init_nfs_dirs_news){0};
        write_state("/home is not: no route");
        assert_true(init_nfs_dirs_news(&n, false, 1000));
        assert_string_equal(n.text, "/home is not: no route");
        assert_false(init_nfs_dirs_news(&n, false, 1000 + 10 * INIT_NFS_DIRS_SAY_MS)); /* the same */
        n.said_ms = 1000;
        write_state("/home is not: timed out");
        assert_false(init_nfs_dirs_news(&n, false, 1000 + INIT_NFS_DIRS_SAY_MS - 1));
        assert_true(init_nfs_dirs_news(&n, false, 1000 + INIT_NFS_DIRS_SAY_MS));
        write_state("/home");
        assert_true(init_nfs_dirs_news(&n, true, 1000 + INIT_NFS_DIRS_SAY_MS + 1)); /* that it is there is said at once */
        assert_false(init_nfs_dirs_news(&n, true, 1000 + INIT_NFS_DIRS_SAY_MS + 2));
}

static int
enter(void **state)
{
        (void)state;
        if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/dompool", 0755) < 0 || !mkdtemp(root) ||
            mount("none", root, "tmpfs", 0, NULL) < 0)
                return -1;
        return 0;
}

static int
leave(void **state)
{
        (void)state;
        umount2(root, MNT_DETACH);
        return rmdir(root);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_missing_is_said_first),
                cmocka_unit_test(a_folder_is_made_and_no_link_is_followed),
                cmocka_unit_test(a_directory_without_its_server_is_empty_and_read_only),
                cmocka_unit_test(a_directory_where_files_are_kept_is_not_mounted),
                cmocka_unit_test(what_changes_again_and_again_is_not_said_each_time),
        };

        return cmocka_run_group_tests(tests, enter, leave);
}
