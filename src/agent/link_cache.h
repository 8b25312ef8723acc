/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_LINK_CACHE_H
#define DOMPOOL_AGENT_LINK_CACHE_H
/* What hv last said of the host, so that a server that comes back gets it at once without asking hv. Pure. */
#include "ipc/messages.h"

struct link_cache {
        bool have_inventory, have_domains;
        struct msg_agent_inventory inventory;
        struct msg_agent_domains domains;
};

/* Puts the change of one domain into the list. */
void
link_cache_event(struct link_cache *cache, const struct msg_agent_domain_event *event);

#endif
