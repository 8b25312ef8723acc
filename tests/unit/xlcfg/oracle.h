/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_XLCFG_ORACLE_H
#define DOMPOOL_TESTS_XLCFG_ORACLE_H
/* Xen's own libxlu against our reader, for the unit test and the differential fuzz target. */
#include <stdbool.h>
#include <stddef.h>

enum oracle_verdict {
        ORACLE_BOTH_READ,   /* and every value is the same */
        ORACLE_BOTH_REFUSE,
        ORACLE_NOT_ASKED,   /* a text that libxlu misreads by its known defects, or that is over one of our limits */
        ORACLE_DIFFER,
};

/* Compares for one text; @why says what differs. */
enum oracle_verdict
oracle_compare_text(const char *text, size_t size, char *why, size_t why_size);

/* The same for one disk and one rate. */
enum oracle_verdict
oracle_compare_disk(const char *spec, char *why, size_t why_size);

enum oracle_verdict
oracle_compare_rate(const char *rate, char *why, size_t why_size);

#endif
