/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_EXPLAIN_DIFF_H
#define DOMPOOL_BOOTCFG_EXPLAIN_DIFF_H
/*
 * What a change would do to a machine's boot: explain_boot() on two policies, and the two accounts compared line by line. Pure.
 *
 * The boot changes when a byte of a packet or of a file does. Who decides may change without that; such lines stand in the
 * comparison, but do not count.
 */
#include "bootcfg/explain.h"

struct explain_diff_sink {
        /* @op: ' ' in both, '-' before only, '+' after only, '@' a hunk begins: @text is its "@@ -1,2 +3,4 @@ item". @why: what
         * decided the line; empty for items and bytes. */
        void (*line)(void *arg, char op, const char *text, const char *why);
        void *arg;
};

struct explain_diff_result {
        uint32_t changes;         /* lines of packets and files that are not in both; 0: the boot is the same */
        char before[80], after[80]; /* what it boots: "profile pool, image micro 0123456789abcdef", "nothing" */
};

/* @sink NULL: only count. Else hunks with three lines around, as diff -u has them. 0; ERR_INVALID as explain_boot; -ENOMEM. */
int explain_diff(const struct explain_request *before, const struct explain_request *after, const struct explain_diff_sink *sink,
                 struct explain_diff_result *ret, struct error *err);

#endif
