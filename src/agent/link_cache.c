/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the list of domains true between two full lists. Pure. Runs in: link. */
#include "agent/link_cache.h"

#include <string.h>

void
link_cache_event(struct link_cache *cache, const struct msg_agent_domain_event *event)
{
        struct msg_agent_domains *list = &cache->domains;
        uint32_t i;

        for (i = 0; i < list->n_domains; i++)
                if (memcmp(list->domains[i].uuid, event->domain.uuid, UUID_SIZE) == 0)
                        break;
        if (event->domain.state == DOMAIN_GONE) {
                if (i < list->n_domains)
                        list->domains[i] = list->domains[--list->n_domains];
                return;
        }
        if (i == AGENT_MAX_DOMAINS)
                return;
        if (i == list->n_domains)
                list->n_domains++;
        list->domains[i] = event->domain;
}
