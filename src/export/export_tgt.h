/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_EXPORT_TGT_H
#define DOMPOOL_EXPORT_TGT_H
/*
 * What tgtd gives, as calls of tgtadm(8): a target a version, LUN 1 its root.squashfs, read-only, bound to the initiators'
 * addresses. Pure; used by role work.
 */
#include <stdio.h>

#include "model/export.h"

/* Calls that lead from @old to @new (both in order), a line each of tab-separated arguments, to @f. tgtd that has just begun
 * has none. A target's number is made of its id, so nothing need be remembered. */
void export_tgt_calls(const char *store, const struct export_grant *old, size_t n_old, const struct export_grant *new,
                      size_t n_new, FILE *f);

#endif
