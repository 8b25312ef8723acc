/* SPDX-License-Identifier: Apache-2.0 */
/* Differences between two looks at a host's domains. Pure. There are at most 256, so a search is a scan. Runs in: hv. */
#include "hv/hv_table.h"

#include <string.h>

static const struct domain_info *
list_find(const struct domain_info *list, uint32_t n, const uint8_t uuid[UUID_SIZE])
{
        for (uint32_t i = 0; i < n; i++)
                if (memcmp(list[i].uuid, uuid, UUID_SIZE) == 0)
                        return &list[i];
        return NULL;
}

const struct domain_info *
hv_table_find(const struct hv_table *table, const uint8_t uuid[UUID_SIZE])
{
        return list_find(table->list, table->n, uuid);
}

/* NULL: nothing worth a message. */
static const char *
difference(const struct domain_info *old, const struct domain_info *new)
{
        if (!old)
                return "appeared";
        if (old->domid != new->domid)
                return "restarted";
        if (old->state != new->state &&new->state == DOMAIN_SHUTDOWN)
                return "shutdown";
        if (old->state != new->state &&new->state == DOMAIN_CRASHED)
                return "crashed";
        if (old->state != new->state || strcmp(old->name, new->name) != 0 || old->memory_kib != new->memory_kib ||
            old->max_memory_kib != new->max_memory_kib || old->vcpus != new->vcpus || old->op != new->op)
                return "changed";
        return NULL;
}

void
hv_table_update(struct hv_table *table, const struct domain_info *list, uint32_t n, hv_table_fn fn, void *arg)
{
        if (n > AGENT_MAX_DOMAINS)
                n = AGENT_MAX_DOMAINS;
        for (uint32_t i = 0; i < table->n; i++) {
                struct domain_info gone = table->list[i];

                if (list_find(list, n, gone.uuid))
                        continue;
                gone.state = DOMAIN_GONE;
                fn(arg, &gone, "gone");
        }
        for (uint32_t i = 0; i < n; i++) {
                const char *what = difference(hv_table_find(table, list[i].uuid), &list[i]);

                if (what)
                        fn(arg, &list[i], what);
        }
        if (n > 0) /* @list may be NULL else */
                memcpy(table->list, list, n * sizeof(*list));
        table->n = n;
}
