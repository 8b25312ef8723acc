/* SPDX-License-Identifier: Apache-2.0 */
/* Record tables of exports, and the order of grants. Pure. */
#include "model/export.h"

#include <string.h>

static const struct rec_field export_grant_fields[] = {
        REC_ENUM(struct export_grant, root, root_names),
        REC_STR(struct export_grant, image),
        REC_IP4(struct export_grant, address),
        REC_MAC(struct export_grant, mac),
};
const struct rec_desc export_grant_desc = REC_DESC(struct export_grant, export_grant_fields);

const char *const export_run_names[] = {[EXPORT_STARTING] = "starting",
                                        [EXPORT_RUNNING] = "running",
                                        [EXPORT_WAITING] = "waiting",
                                        [EXPORT_MISSING] = "missing",
                                        [EXPORT_RUN_N] = NULL};

static const struct rec_field export_state_fields[] = {
        REC_STR(struct export_state, name),     REC_ENUM(struct export_state, run, export_run_names),
        REC_U32(struct export_state, pid),      REC_I64(struct export_state, since_ms),
        REC_U32(struct export_state, restarts), REC_U32(struct export_state, clients),
        REC_U32(struct export_state, versions), REC_STR(struct export_state, text),
};
const struct rec_desc export_state_desc = REC_DESC(struct export_state, export_state_fields);

static const struct rec_field export_check_fields[] = {
        REC_STR(struct export_check, image),
        REC_STR(struct export_check, text),
};
const struct rec_desc export_check_desc = REC_DESC(struct export_check, export_check_fields);

int
export_grant_compare(const void *a, const void *b)
{
        const struct export_grant *x = a, *y = b;
        int order = (x->root > y->root) - (x->root < y->root);

        if (!order)
                order = strcmp(x->image, y->image);
        if (!order)
                order = (x->address > y->address) - (x->address < y->address);
        return order ? order : memcmp(&x->mac, &y->mac, sizeof(x->mac));
}
