/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses are counted each for itself, and forgotten with their last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/peer_count.h"

struct larger {
        struct peer_count count;
        int mine;
};

static void
counts_each_address_for_itself(void **state)
{
        struct peer_count *all = NULL, *a, *b;

        (void)state;
        a = peer_count_take(&all, 1, sizeof(*a));
        b = peer_count_take(&all, 2, sizeof(*b));
        assert_ptr_equal(peer_count_take(&all, 1, sizeof(*a)), a);
        assert_int_equal(a->n, 2);
        assert_int_equal(b->n, 1);
        assert_ptr_equal(peer_count_find(all, 2), b);
        peer_count_give(&all, b);
        assert_null(peer_count_find(all, 2));
        assert_non_null(peer_count_find(all, 1));
        peer_count_give(&all, a);
        peer_count_give(&all, a);
        assert_null(all);
}

static void
a_larger_struct_begins_empty_and_is_kept(void **state)
{
        struct peer_count *all = NULL;
        struct larger *p = (struct larger *)peer_count_take(&all, 7, sizeof(*p));

        (void)state;
        assert_int_equal(p->mine, 0);
        p->mine = 5;
        assert_int_equal(((struct larger *)peer_count_take(&all, 7, sizeof(*p)))->mine, 5);
        peer_count_give(&all, &p->count);
        peer_count_give(&all, &p->count);
        assert_null(all);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(counts_each_address_for_itself),
                cmocka_unit_test(a_larger_struct_begins_empty_and_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
