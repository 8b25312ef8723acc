/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_CVE_H
#define DOMPOOL_TESTS_CVE_H
/*
 * What the regression tests of others' mistakes share. A test is named after the CVE, or after the peer in whose code we found
 * the mistake ("peer_..."); tests/mutants/NAME.patch puts that mistake into our code, and tests/mutants/run sees test NAME fail
 * with it. Patched code is built with AddressSanitizer, so bytes to be read come in memory of exactly their size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy that ends where the bytes end; the caller frees. */
static inline uint8_t *
cve_exact(const void *data, size_t size)
{
        uint8_t *copy = malloc(size > 0 ? size : 1);

        assert_non_null(copy);
        memcpy(copy, data, size);
        return copy;
}

/* All tests, or those that the command line names. */
#define CVE_MAIN(TESTS)                                                                                                        \
        int main(int argc, char **argv)                                                                                        \
        {                                                                                                                      \
                if (argc > 1)                                                                                                  \
                        cmocka_set_test_filter(argv[1]);                                                                       \
                return cmocka_run_group_tests(TESTS, NULL, NULL);                                                              \
        }

#endif
