/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_POLICY_ONCE_H
#define DOMPOOL_BOOTCFG_POLICY_ONCE_H
/*
 * "Next boot only" where no core is at hand: a satellite ends it itself, in its own copy of the snapshot. The order is the
 * first of a host's choices, and what counts after it stands behind; the builder puts the host's setting without the order into
 * the table as well, so that ending one changes a number in the host's row. Pure.
 */
#include "bootcfg/policy.h"

/* The order; NULL: there is none. */
const struct policy_choice *policy_once_of(const struct policy_host *h);

/*
 * A copy of @p in which the host's order is over, and whose generation is @generation. 0, -ENOENT: it has none, -ENOMEM. @ret
 * is malloc'ed, of the size of @p.
 */
int policy_once_end(const struct policy *p, const struct mac *mac, uint64_t generation, uint8_t **ret, size_t *ret_size);

#endif
