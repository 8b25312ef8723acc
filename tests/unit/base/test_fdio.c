/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"

static char folder[] = "/tmp/test-fdio-XXXXXX";
static char path[64], fresh[64];

static int
set_up(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof(path), "%s/file", folder);
        snprintf(fresh, sizeof(fresh), "%s/file.new", folder);
        return 0;
}

static int
tear_down(void **state)
{
        (void)state;
        unlink(path);
        return rmdir(folder); /* nothing else may be left in it */
}

static void
assert_holds(const char *text)
{
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        assert_int_equal(fd_read_file(AT_FDCWD, path, 100, &bytes, &size), 0);
        assert_int_equal(size, strlen(text));
        assert_memory_equal(bytes, text, size);
}

static void
a_file_is_replaced_whole_with_its_mode(void **state)
{
        struct stat st;

        (void)state;
        assert_int_equal(fd_replace_file(path, 0644, "a longer text", 13), 0);
        assert_int_equal(fd_replace_file(path, 0600, "short", 5), 0);
        assert_holds("short");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

/* Of a writer that was killed, or a trap. */
static void
what_lies_at_the_new_name_is_not_written_through(void **state)
{
        char victim[64];

        (void)state;
        snprintf(victim, sizeof(victim), "%s/victim", folder);
        assert_int_equal(symlink(victim, fresh), 0);
        assert_int_equal(fd_replace_file(path, 0600, "new", 3), 0);
        assert_holds("new");
        assert_int_equal(access(victim, F_OK), -1);
}

static void
a_failure_leaves_the_file_as_it_was(void **state)
{
        char long_path[5000];

        (void)state;
        assert_int_equal(fd_replace_file(path, 0600, "old", 3), 0);
        assert_int_equal(mkdir(fresh, 0700), 0); /* no file can be made there */
        assert_int_equal(fd_replace_file(path, 0600, "new", 3), -EEXIST);
        assert_int_equal(rmdir(fresh), 0);
        assert_holds("old");
        memset(long_path, 'x', sizeof(long_path) - 1);
        long_path[sizeof(long_path) - 1] = '\0';
        assert_int_equal(fd_replace_file(long_path, 0600, "new", 3), -ENAMETOOLONG);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_file_is_replaced_whole_with_its_mode),
                cmocka_unit_test(what_lies_at_the_new_name_is_not_written_through),
                cmocka_unit_test(a_failure_leaves_the_file_as_it_was),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
