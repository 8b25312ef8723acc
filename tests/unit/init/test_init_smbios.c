/* SPDX-License-Identifier: Apache-2.0 */
/* SMBIOS tables: a machine's words about itself, and tables that lie about where they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "init/init_smbios.h"

struct table {
        uint8_t data[1024];
        size_t size;
};

/* A structure with @n bytes of formatted area, of which @fill is put in by offset and byte, and its strings. */
static void
add(struct table *t, uint8_t type, uint8_t n, const uint8_t (*fill)[2], size_t n_fill, const char *strings, size_t strings_size)
{
        uint8_t *at = t->data + t->size;

        at[0] = type;
        at[1] = n;
        for (size_t i = 0; i < n_fill; i++)
                at[fill[i][0]] = fill[i][1];
        memcpy(at + n, strings, strings_size);
        t->size += n + strings_size + 1;
}
#define ADD(T, TYPE, N, STRINGS, ...)                                                                                          \
        do {                                                                                                                   \
                const uint8_t fill[][2] = {__VA_ARGS__};                                                                       \
                add(T, TYPE, N, fill, sizeof(fill) / 2, STRINGS, sizeof(STRINGS));                                             \
        } while (0)

static struct table
desktop(void)
{
        struct table t = {0};

        ADD(&t, 0, 24, "Phoenix\0 6.00 PG ", {4, 1}, {5, 2});
        ADD(&t, 1, 27, "Dell Inc.\0OptiPlex 9020\0ABC123", {4, 1}, {5, 2}, {7, 3}, {8, 0xaa}, {23, 0xbb});
        ADD(&t, 3, 21, "Dell\0ROOM-7-PC-3", {4, 1}, {8, 2});
        ADD(&t, 3, 21, "a built-in chassis", {8, 1});
        ADD(&t, 4, 40, "Intel(R) Core(TM) i5-4570", {0x10, 1}, {0x18, 0x41}, {0x23, 4});
        ADD(&t, 4, 40, "empty socket", {0x10, 1}, {0x18, 0x00}, {0x23, 4});
        ADD(&t, 17, 32, "DIMM1", {13, 0x20});                           /* 8192 MiB */
        ADD(&t, 17, 32, "DIMM2", {12, 0xff}, {13, 0x7f}, {0x1d, 0x80}); /* 32768 MiB by the larger field */
        ADD(&t, 17, 32, "DIMM3", {12, 0x00});                           /* an empty slot */
        ADD(&t, 127, 4, "", {2, 0});
        return t;
}

static void
a_machine_is_named_and_counted(void **state)
{
        struct table t = desktop();
        struct host_hardware h = {0};

        (void)state;
        smbios_read(t.data, t.size, &h);
        assert_string_equal(h.bios, "Phoenix 6.00 PG");
        assert_string_equal(h.manufacturer, "Dell Inc.");
        assert_string_equal(h.product, "OptiPlex 9020");
        assert_string_equal(h.serial, "ABC123");
        assert_string_equal(h.asset, "ROOM-7-PC-3");
        assert_int_equal(h.uuid[0], 0xaa);
        assert_int_equal(h.uuid[15], 0xbb);
        assert_string_equal(h.cpu, "Intel(R) Core(TM) i5-4570");
        assert_int_equal(h.n_cpus, 4);
        assert_int_equal(h.memory_kib, (8192u + 32768u) << 10);
}

static void
a_table_cut_anywhere_is_read_as_far_as_it_goes(void **state)
{
        struct table t = desktop();
        struct host_hardware h;

        (void)state;
        for (size_t n = 0; n <= t.size; n++) {
                uint8_t *exact = test_malloc(n ? n : 1); /* so that a byte too far is seen */

                memcpy(exact, t.data, n);
                h = (struct host_hardware){0};
                smbios_read(exact, n, &h);
                test_free(exact);
        }
}

static void
numbers_of_strings_that_are_not_there_give_nothing(void **state)
{
        struct host_hardware h = {0};
        struct table t = {0};

        (void)state;
        ADD(&t, 1, 27, "only", {4, 2}, {5, 255}, {7, 0});
        ADD(&t, 127, 4, "", {2, 0});
        smbios_read(t.data, t.size, &h);
        assert_string_equal(h.manufacturer, "");
        assert_string_equal(h.product, "");
        assert_string_equal(h.serial, "");
}

static void
control_characters_do_not_come_through(void **state)
{
        struct host_hardware h = {0};
        struct table t = {0};

        (void)state;
        ADD(&t, 1, 27, "\x1b[31mEvil\n", {4, 1});
        ADD(&t, 127, 4, "", {2, 0});
        smbios_read(t.data, t.size, &h);
        assert_string_equal(h.manufacturer, "[31mEvil");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_machine_is_named_and_counted),
                cmocka_unit_test(a_table_cut_anywhere_is_read_as_far_as_it_goes),
                cmocka_unit_test(numbers_of_strings_that_are_not_there_give_nothing),
                cmocka_unit_test(control_characters_do_not_come_through),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
