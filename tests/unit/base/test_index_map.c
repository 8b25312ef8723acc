/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes to positions: what was added and not removed is found, however the hashes fall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/index_map.h"

static bool
has(const struct index_map *m, uint32_t hash, uint32_t at)
{
        uint32_t cursor, found = index_map_first(m, hash, &cursor);

        while (found != INDEX_MAP_NONE && found != at)
                found = index_map_next(m, hash, &cursor);
        return found == at;
}

static void
an_empty_map_has_nothing(void **state)
{
        struct index_map m = {0};

        (void)state;
        assert_false(has(&m, 0, 0));
        index_map_free(&m);
}

static void
entries_of_one_hash_are_all_found(void **state)
{
        struct index_map m = {0};

        (void)state;
        assert_int_equal(index_map_reserve(&m, 9), 0);
        for (uint32_t i = 0; i < 9; i++)
                index_map_add(&m, UINT32_MAX, i); /* the probe goes round the end */
        for (uint32_t i = 0; i < 9; i++)
                assert_true(has(&m, UINT32_MAX, i));
        assert_false(has(&m, UINT32_MAX, 9));
        assert_false(has(&m, UINT32_MAX - 1, 3));
        index_map_free(&m);
}

/* Hashes of a few values, so that runs grow long, are broken and go round the end. */
static void
a_removal_hides_nothing(void **state)
{
        static uint32_t hashes[500];
        static bool in[500];
        struct index_map m = {0};
        uint32_t x = 7, n = 0;

        (void)state;
        assert_int_equal(index_map_reserve(&m, 500), 0);
        for (uint32_t i = 0; i < 500; i++)
                in[i] = false;
        for (int step = 0; step < 20000; step++) {
                uint32_t i;

                x = x * 1664525 + 1013904223;
                i = (x >> 8) % 500;
                if (in[i]) {
                        index_map_remove(&m, hashes[i], i);
                        n--;
                } else {
                        hashes[i] = (x >> 28) << 28 | (step % 3 ? 0x0fffffff : 0);
                        index_map_add(&m, hashes[i], i);
                        n++;
                }
                in[i] = !in[i];
                assert_int_equal(m.n, n);
                for (uint32_t k = 0; k < 500; k += step % 100 == 0 ? 1 : 97)
                        assert_int_equal(in[k], in[k] && has(&m, hashes[k], k));
        }
        for (uint32_t k = 0; k < 500; k++)
                assert_int_equal(has(&m, hashes[k], k), in[k]);
        index_map_free(&m);
}

static void
it_keeps_all_when_it_grows(void **state)
{
        struct index_map m = {0};

        (void)state;
        for (uint32_t i = 0; i < 5000; i++) {
                assert_int_equal(index_map_reserve(&m, i + 1), 0);
                index_map_add(&m, index_map_hash(i), i);
        }
        for (uint32_t i = 0; i < 5000; i++)
                assert_true(has(&m, index_map_hash(i), i));
        index_map_free(&m);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_map_has_nothing),
                cmocka_unit_test(entries_of_one_hash_are_all_found),
                cmocka_unit_test(a_removal_hides_nothing),
                cmocka_unit_test(it_keeps_all_when_it_grows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
