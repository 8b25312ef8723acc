/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_TABLE_H
#define DOMPOOL_HV_HV_TABLE_H
/* The domains seen at the last look; a new look is compared with it, and each difference is reported once. */
#include "ipc/messages.h"

struct hv_table {
        struct domain_info list[AGENT_MAX_DOMAINS];
        uint32_t n;
};

/* @what: "appeared", "gone", "shutdown", "crashed", "restarted" (same uuid, another domid), "changed". */
typedef void (*hv_table_fn)(void *arg, const struct domain_info *info, const char *what);

/* Compares, calls @fn for each difference and keeps @list. Processor time alone is no difference. */
void
hv_table_update(struct hv_table *table, const struct domain_info *list, uint32_t n, hv_table_fn fn, void *arg);

/* NULL when there is none. */
const struct domain_info *
hv_table_find(const struct hv_table *table, const uint8_t uuid[UUID_SIZE]);

#endif
