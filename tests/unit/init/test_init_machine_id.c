/* SPDX-License-Identifier: Apache-2.0 */
/* A host's machine-id: its own, the same at each boot, and only where the image leaves it open. */
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

#include "init/init_machine_id.h"
#include "init/init_system.h"

static const struct mac one = {{0x52, 0x54, 0, 0x77, 0, 1}}, two = {{0x52, 0x54, 0, 0x77, 0, 2}};

static void
test_each_host_has_its_own_and_always_the_same(void **state)
{
        char a[INIT_MACHINE_ID_SIZE], b[INIT_MACHINE_ID_SIZE], again[INIT_MACHINE_ID_SIZE];

        (void)state;
        init_machine_id(&one, a);
        init_machine_id(&two, b);
        init_machine_id(&one, again);
        assert_string_equal(a, again);
        assert_string_not_equal(a, b);
        assert_int_equal(strspn(a, "0123456789abcdef"), 32);
        assert_int_equal(a[12], '4');
        assert_non_null(strchr("89ab", a[16]));
        /* whoever is shown it is not told the address */
        assert_null(strstr(a, "525400770001"));
}

/* A tree with etc/machine-id of that text; NULL: without the file. What is in it afterwards. */
static char *
written(const char *before, char ret[100])
{
        char root[] = "/tmp/machine-id-XXXXXX", path[100];
        struct error err;

        assert_non_null(mkdtemp(root));
        snprintf(path, sizeof(path), "%s/etc", root);
        assert_int_equal(mkdir(path, 0755), 0);
        snprintf(path, sizeof(path), "%s/etc/machine-id", root);
        if (before)
                assert_int_equal(system_write(path, before), 0);
        assert_int_equal(init_machine_id_write(root, &one, &err), 0);
        if (!system_read_line(path, ret, 100))
                strcpy(ret, "no file");
        unlink(path);
        *strrchr(path, '/') = '\0';
        rmdir(path);
        rmdir(root);
        return ret;
}

static void
test_only_an_empty_file_is_filled(void **state)
{
        char id[INIT_MACHINE_ID_SIZE], text[100];

        (void)state;
        init_machine_id(&one, id);
        assert_string_equal(written("", text), id);
        assert_string_equal(written("0123456789abcdef0123456789abcdef\n", text), "0123456789abcdef0123456789abcdef");
        assert_string_equal(written(NULL, text), "no file");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_host_has_its_own_and_always_the_same),
                cmocka_unit_test(test_only_an_empty_file_is_filled),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
