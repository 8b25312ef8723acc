/* SPDX-License-Identifier: Apache-2.0 */
/* The list of kept paths, as the facts of an initrd tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "image/initrd_facts.h"

/* An entry of a cpio archive (newc). Returns its bytes. */
static size_t
add(char *to, const char *name, const char *data)
{
        size_t n = (size_t)sprintf(to, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, 0100644, 0, 0, 1, 0,
                                   (unsigned)strlen(data), 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);

        n += (size_t)sprintf(to + n, "%s", name) + 1;
        for (; n % 4; n++)
                to[n] = '\0';
        n += (size_t)sprintf(to + n, "%s", data);
        for (; n % 4; n++)
                to[n] = '\0';
        return n;
}

/* Of an initrd with such a file, and one more of the name where @again is not NULL. */
static void
expect(const char *name, const char *data, const char *again, const char *wanted)
{
        static char archive[20000];
        static struct cpio_walk walk;
        struct initrd_collect *c = initrd_collect_new("");
        struct initrd_facts f = {0};
        size_t n = add(archive, name, data);

        assert_non_null(c);
        if (again)
                n += add(archive + n, name, again);
        n += add(archive + n, "TRAILER!!!", "");
        cpio_walk_start(&walk, initrd_collect_sink(c));
        assert_int_equal(cpio_walk_feed(&walk, (const uint8_t *)archive, n), n);
        assert_int_equal(initrd_collect_finish(c, &f), 0);
        initrd_collect_free(c);
        assert_int_equal(f.keep.size, strlen(wanted));
        if (*wanted)
                assert_memory_equal(f.keep.data, wanted, f.keep.size);
        blob_clear(&f.keep);
}

static void
the_list_is_told_without_comments(void **state)
{
        (void)state;
        expect("etc/dompool/keep", "# ours\n/etc/ssh/ssh_host_*\n\n/var/log/app # logs\n", NULL,
               "/etc/ssh/ssh_host_*\n/var/log/app");
        expect("./etc/dompool/keep", "/srv/app\n", "/opt/app\n", "/opt/app"); /* unpacked over the first */
        expect("usr/etc/dompool/keep", "/srv/app\n", NULL, "");
}

static void
a_list_that_no_host_would_take_is_none(void **state)
{
        static char large[9000];

        (void)state;
        memset(large, '#', sizeof(large) - 1);
        expect("etc/dompool/keep", "/srv/app\n/srv/../etc\n", NULL, "");
        expect("etc/dompool/keep", "/srv/app\n", large, "");
        expect("etc/dompool/keep", "", NULL, "");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_list_is_told_without_comments),
                cmocka_unit_test(a_list_that_no_host_would_take_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
