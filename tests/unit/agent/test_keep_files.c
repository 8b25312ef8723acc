/* SPDX-License-Identifier: Apache-2.0 */
/* Kept files in a folder that stands for a host's root: what is found, read and put back, and what is never followed. Needs
 * root: owners. */
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

#include <cmocka.h>

#include "agent/keep_files.h"
#include "base/cleanup.h"

#define MTIME_NS 1234567890123456789

/* base/root is the host's, base/outside is not. */
static char base[] = "/tmp/dompool-keep-files-XXXXXX";
static int root = -1;
static struct keep_archive archive;
static struct keep_look seen;
static const struct keep_list list = {.n = 2, .paths = {"/etc/ssh/ssh_host_*", "/var/log"}};

/* In one of four buffers. */
static const char *
at(const char *path)
{
        static char buffers[4][512];
        static unsigned next;
        char *buf = buffers[next++ % 4];

        snprintf(buf, sizeof(buffers[0]), "%s/%s", base, path);
        return buf;
}

static void
shell(const char *command)
{
        char text[700];

        snprintf(text, sizeof(text), "cd '%s' && %s", base, command);
        assert_int_equal(system(text), 0);
}

static void
write_text(const char *path, const char *text)
{
        FILE *f = fopen(at(path), "we");

        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
}

static char *
read_text(const char *path)
{
        static char text[200];
        FILE *f = fopen(at(path), "re");

        text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
        if (f)
                fclose(f);
        return text;
}

static int
setup(void **state)
{
        (void)state;
        shell("rm -rf root outside && mkdir -p root/etc/ssh root/var/log outside && echo secret >outside/file");
        root = open(at("root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return root < 0;
}

static int
teardown(void **state)
{
        (void)state;
        rec_clear(&keep_archive_desc, &archive);
        close(root);
        return 0;
}

/* How many there are; their contents are read as well. */
static uint32_t
find_and_read(const struct keep_list *l)
{
        struct error err;

        assert_int_equal(keep_files_find(root, l, &archive, &seen, &err), 0);
        assert_int_equal(keep_files_read(root, &archive, &err), 0);
        return archive.n_files;
}

static const struct keep_file *
found(const char *path)
{
        for (uint32_t i = 0; i < archive.n_files; i++)
                if (strcmp(archive.files[i].path, path) == 0)
                        return &archive.files[i];
        return NULL;
}

/* Fills the archive with one file. */
static struct keep_file *
one_file(const char *path, const char *text)
{
        struct keep_file *f = &archive.files[0];

        rec_clear(&keep_archive_desc, &archive);
        archive.n_files = 1;
        *f = (struct keep_file){.mode = KEEP_FILE | 0640, .uid = 33, .gid = 4, .mtime_ns = MTIME_NS};
        snprintf(f->path, sizeof(f->path), "%s", path);
        assert_int_equal(blob_set(&f->data, text, strlen(text)), 0);
        return f;
}

/* 0 or the error; how many of the archive are there now. */
static int
put_back(uint32_t *n)
{
        struct error err;

        return keep_files_write(root, &archive, n, &err);
}

static void
test_what_the_list_names_is_found_with_its_mode_owner_and_time(void **state)
{
        const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = MTIME_NS / 1000000000, .tv_nsec = 123456789}};
        const struct keep_file *f;

        (void)state;
        write_text("root/etc/ssh/ssh_host_key", "key");
        write_text("root/etc/ssh/sshd_config", "the image's");
        shell("mkdir -m 2750 root/var/log/app && chown 33:4 root/var/log/app root/etc/ssh/ssh_host_key");
        assert_int_equal(chmod(at("root/etc/ssh/ssh_host_key"), 04751), 0);
        assert_int_equal(utimensat(AT_FDCWD, at("root/etc/ssh/ssh_host_key"), times, 0), 0);
        assert_int_equal(find_and_read(&list), 3);
        assert_string_equal(archive.files[0].path, "/etc/ssh/ssh_host_key"); /* in the archive's order */
        assert_string_equal(archive.files[1].path, "/var/log");
        f = found("/etc/ssh/ssh_host_key");
        assert_int_equal(f->mode, KEEP_FILE | 0751); /* no rights to gain */
        assert_true(f->uid == 33 && f->gid == 4 && f->mtime_ns == MTIME_NS);
        assert_int_equal(f->data.size, 3);
        assert_memory_equal(f->data.data, "key", 3);
        f = found("/var/log/app");
        assert_int_equal(f->mode, KEEP_FOLDER | 02750);
        assert_true(f->uid == 33 && f->gid == 4 && f->mtime_ns == 0 && f->data.size == 0);
        assert_string_equal(seen.biggest, "/etc/ssh/ssh_host_key");
        assert_int_equal(seen.n_passed, 0);
}

static void
test_links_are_not_followed_where_files_are_looked_for(void **state)
{
        (void)state;
        shell("ln -s ../../../outside/file root/etc/ssh/ssh_host_key && ln -s ../../../outside root/var/log/out");
        assert_int_equal(find_and_read(&list), 1); /* var/log itself */
        assert_int_equal(seen.n_passed, 2);
        shell("rm -r root/var/log root/etc/ssh && ln -s ../../outside root/var/log && ln -s ../../outside root/etc/ssh");
        shell("cp outside/file outside/ssh_host_key");
        assert_int_equal(find_and_read(&list), 0);
        assert_int_equal(seen.n_passed, 1); /* the last part; what lies behind the other is not even looked at */
}

/* Between the look and the reading the host's programs go on. */
static void
test_what_has_become_a_link_or_no_file_is_not_read(void **state)
{
        struct error err;

        (void)state;
        shell("mkdir root/var/log/a root/var/log/b && cp outside/file root/var/log/a/file && cp outside/file root/var/log/l");
        shell("cp outside/file root/var/log/pipe && cp outside/file root/var/log/gone && cp outside/file root/var/log/b/stays");
        assert_int_equal(keep_files_find(root, &list, &archive, &seen, &err), 0);
        assert_int_equal(archive.n_files, 8);
        shell("cd root/var/log && rm -r a l pipe gone && ln -s ../../../outside a && ln -s ../../../outside/file l && mkfifo "
              "pipe");
        assert_int_equal(keep_files_read(root, &archive, &err), 0);
        assert_int_equal(archive.n_files, 4);
        assert_non_null(found("/var/log/b/stays"));
        assert_int_equal(found("/var/log/b/stays")->data.size, strlen("secret\n"));
        assert_non_null(found("/var/log/a")); /* as a folder, which it was */
        for (uint32_t i = 0; i < archive.n_files; i++)
                assert_true(archive.files[i].data.size == 0 || strcmp(archive.files[i].path, "/var/log/b/stays") == 0);
}

static void
test_a_file_that_grows_is_read_as_far_as_it_is_there_or_refused(void **state)
{
        struct error err;

        (void)state;
        write_text("root/var/log/x", "short");
        assert_int_equal(keep_files_find(root, &list, &archive, &seen, &err), 0);
        write_text("root/var/log/x", "longer by a line");
        assert_int_equal(keep_files_read(root, &archive, &err), 0);
        assert_int_equal(found("/var/log/x")->data.size, strlen("longer by a line"));
        rec_clear(&keep_archive_desc, &archive);
        assert_int_equal(keep_files_find(root, &list, &archive, &seen, &err), 0);
        write_text("root/var/log/x", "");
        assert_int_equal(keep_files_read(root, &archive, &err), 0);
        assert_int_equal(found("/var/log/x")->data.size, 0);
        rec_clear(&keep_archive_desc, &archive);
        write_text("root/var/log/y", "1");
        assert_int_equal(keep_files_find(root, &list, &archive, &seen, &err), 0);
        assert_int_equal(truncate(at("root/var/log/x"), KEEP_LIMIT_MAX), 0);
        assert_true(keep_files_read(root, &archive, &err) < 0); /* y's byte is one too many */
        assert_int_equal(err.code, ERR_LIMIT);
}

static void
test_a_mark_changes_with_contents_mode_and_owner_and_not_by_itself(void **state)
{
        uint64_t mark;

        (void)state;
        write_text("root/var/log/x", "1");
        find_and_read(&list);
        mark = seen.mark;
        find_and_read(&list);
        assert_true(seen.mark == mark);
        write_text("root/var/log/x", "22");
        find_and_read(&list);
        assert_true(seen.mark != mark);
        mark = seen.mark;
        assert_int_equal(chmod(at("root/var/log/x"), 0600), 0);
        find_and_read(&list);
        assert_true(seen.mark != mark);
        mark = seen.mark;
        assert_int_equal(chown(at("root/var/log/x"), 33, 33), 0);
        find_and_read(&list);
        assert_true(seen.mark != mark);
        mark = seen.mark;
        write_text("outside/more", "x");
        write_text("root/etc/ssh/sshd_config", "x");
        find_and_read(&list);
        assert_true(seen.mark == mark);
}

static void
test_strange_names_and_what_lies_too_deep_are_passed_over(void **state)
{
        char command[500];

        (void)state;
        shell("cd root/var/log && touch \"$(printf 'a\\tb')\" \"$(printf 'l\\303\\266g')\" \"$(printf 'new\\nline')\" 'with "
              "blank'");
        shell("touch root/etc/ssh/.ssh_host_x root/var/log/.hidden root/var/log/.dompool-keep");
        snprintf(command, sizeof(command), "cd root/var/log && mkdir %0125d && touch %0125d/%0125d", 0, 0, 0);
        shell(command);
        assert_int_equal(find_and_read(&list), 4); /* log, with blank, .hidden, and the folder of the name that is too long */
        assert_non_null(found("/var/log/with blank"));
        assert_non_null(found("/var/log/.hidden"));
        assert_int_equal(seen.n_passed, 4);
        shell("rm -r root/var/log && cd root/var && mkdir -p log/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18");
        assert_int_equal(find_and_read(&list), 1 + KEEP_DEPTH);
        assert_int_equal(seen.n_passed, 1);
}

static void
test_another_file_system_is_passed_over(void **state)
{
        (void)state;
        shell("mkdir root/var/log/mnt");
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", at("root/var/log/mnt"), "tmpfs", 0, NULL), 0);
        write_text("root/var/log/mnt/x", "x");
        close(root);
        root = open(at("root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* in this namespace */
        assert_int_equal(find_and_read(&list), 1);
        assert_int_equal(seen.n_passed, 1);
        assert_int_equal(umount(at("root/var/log/mnt")), 0);
}

static void
test_what_two_patterns_name_is_there_once_and_numbers_have_a_limit(void **state)
{
        static const struct keep_list twice = {.n = 2, .paths = {"/var/log", "/var/lo*"}};
        struct error err;

        (void)state;
        write_text("root/var/log/x", "x");
        assert_int_equal(find_and_read(&twice), 2);
        shell("cd root/var/log && rm x && for i in $(seq 511); do : >$i; done");
        assert_int_equal(find_and_read(&list), KEEP_MAX_FILES);
        write_text("root/var/log/x", "x");
        assert_true(keep_files_find(root, &list, &archive, &seen, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
}

static void
test_files_are_put_back_as_they_were(void **state)
{
        struct stat st;
        uint32_t n;

        (void)state;
        one_file("/var/log/app/x", "text");
        archive.files[1] = archive.files[0];
        archive.files[0] = (struct keep_file){.path = "/var/log/app", .mode = KEEP_FOLDER | 02750, .uid = 33, .gid = 33};
        archive.n_files = 2;
        for (int twice = 0; twice < 2; twice++) { /* over nothing, and over what is there */
                assert_int_equal(put_back(&n), 0);
                assert_int_equal(n, 2);
                assert_int_equal(stat(at("root/var/log/app"), &st), 0);
                assert_true(st.st_mode == (S_IFDIR | 02750) && st.st_uid == 33 && st.st_gid == 33);
                assert_int_equal(stat(at("root/var/log/app/x"), &st), 0);
                assert_true(st.st_mode == (S_IFREG | 0640) && st.st_uid == 33 && st.st_gid == 4);
                assert_true(st.st_mtim.tv_sec == MTIME_NS / 1000000000 && st.st_mtim.tv_nsec == MTIME_NS % 1000000000);
                assert_string_equal(read_text("root/var/log/app/x"), "text");
                write_text("root/var/log/app/x", "another");
        }
        assert_int_equal(access(at("root/var/log/app/.dompool-keep"), F_OK), -1);
}

static void
test_nothing_is_put_back_through_a_link(void **state)
{
        struct stat st;
        uint32_t n;

        (void)state;
        shell("rmdir root/var/log && ln -s ../../outside root/var/log && ln -s ../outside root/link");
        one_file("/var/log/new", "x");
        archive.files[1] = (struct keep_file){.path = "/link", .mode = KEEP_FOLDER | 0777};
        archive.n_files = 2;
        assert_true(put_back(&n) < 0);
        assert_int_equal(n, 0);
        shell("test \"$(ls outside)\" = file");
        assert_int_equal(stat(at("outside"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0755);

        /* A link in the file's own place, or in its temporary one's, gives way; what it led to stays. */
        shell("ln -s ../../outside/file root/etc/x && ln -s ../../outside/file root/etc/.dompool-keep");
        one_file("/etc/x", "new");
        assert_int_equal(put_back(&n), 0);
        assert_int_equal(n, 1);
        assert_string_equal(read_text("outside/file"), "secret\n");
        assert_int_equal(lstat(at("root/etc/x"), &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_string_equal(read_text("root/etc/x"), "new");
}

static void
test_one_that_cannot_be_put_back_does_not_stop_the_others(void **state)
{
        struct error err;
        uint32_t n;

        (void)state;
        shell("mkdir root/var/log/x");
        one_file("/var/log/x", "a folder is in its place");
        archive.files[1] = (struct keep_file){.path = "/var/log/y", .mode = KEEP_FILE | 0600};
        archive.n_files = 2;
        assert_true(keep_files_write(root, &archive, &n, &err) < 0);
        assert_non_null(strstr(err.message, "/var/log/x"));
        assert_int_equal(n, 1);
        assert_int_equal(access(at("root/var/log/y"), F_OK), 0);
        shell("test -z \"$(find root -name .dompool-keep)\"");
}

static int
group_setup(void **state)
{
        (void)state;
        umask(022);
        return !mkdtemp(base);
}

static int
group_teardown(void **state)
{
        (void)state;
        shell("rm -rf root outside");
        return rmdir(base);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_the_list_names_is_found_with_its_mode_owner_and_time),
                TEST(test_links_are_not_followed_where_files_are_looked_for),
                TEST(test_what_has_become_a_link_or_no_file_is_not_read),
                TEST(test_a_file_that_grows_is_read_as_far_as_it_is_there_or_refused),
                TEST(test_a_mark_changes_with_contents_mode_and_owner_and_not_by_itself),
                TEST(test_strange_names_and_what_lies_too_deep_are_passed_over),
                TEST(test_another_file_system_is_passed_over),
                TEST(test_what_two_patterns_name_is_there_once_and_numbers_have_a_limit),
                TEST(test_files_are_put_back_as_they_were),
                TEST(test_nothing_is_put_back_through_a_link),
                TEST(test_one_that_cannot_be_put_back_does_not_stop_the_others),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
