/* SPDX-License-Identifier: Apache-2.0 */
/* The supervision table, the lease's consequences and the waits of dompool-init as pure functions. */
#include "init/init_plan.h"

#include "base/cleanup.h"

const struct service_info service_infos[SERVICE_N] = {
        /* All that Xen's tools know is in xenstored's memory; domains cannot be told of a new one. */
        [SERVICE_XENSTORED] = {"xenstored", COND_XENBUS, END_FATAL},
        [SERVICE_INIT_DOM0] = {"xen-init-dom0", COND_XENSTORE, END_ONCE, 5},
        [SERVICE_XENCONSOLED] = {"xenconsoled", COND_DOM0 | COND_KEPT | COND_DIRS, END_RESTART},
        [SERVICE_DHCP] = {"dhcp", COND_LINK, END_RESTART},
        /* Its limit is a time: dompool.root-wait. */
        [SERVICE_ROOT] = {"root", COND_LEASE, END_ONCE},
        /* It waits by itself for a server that is away; a host without its kept files is better than none. */
        [SERVICE_KEEP] = {"keep", COND_LEASE, END_ONCE, 1},
        /* Never given up: their server may come back after days. */
        [SERVICE_DIRS] = {"nfs-dirs", COND_LEASE | COND_KEPT, END_ONCE},
        [SERVICE_AGENT] = {"dompool-agent", COND_LEASE | COND_DOM0 | COND_KEPT | COND_DIRS, END_RESTART},
        [SERVICE_SHELL] = {"shell", 0, END_RESTART},
};

const struct wait_info wait_infos[WAIT_N] = {
        {0, COND_CARD, "the network card", 5000, 180000},
        {COND_CARD, COND_LINK, "a link on the network card", 10000, 0},
        {COND_LINK, COND_LEASE, "a DHCP lease", 10000, 0},
        {COND_XENBUS, COND_XENSTORE, "xenstored's socket", 5000, 60000},
        {COND_XENSTORE, COND_DOM0, "xen-init-dom0", 10000, 120000},
};

static const struct rec_field init_lease_fields[] = {
        REC_IP4(struct init_lease, address), REC_U32(struct init_lease, prefix),  REC_IP4(struct init_lease, router),
        REC_IP4(struct init_lease, dns),     REC_U32(struct init_lease, seconds),
};
const struct rec_desc init_lease_desc = REC_DESC(struct init_lease, init_lease_fields);

bool
service_due(enum service_id id, const struct service *s, unsigned conditions, int64_t now_ms)
{
        unsigned needs = service_infos[id].needs;

        return s->wanted && !s->done && s->pid == 0 && (conditions & needs) == needs && now_ms >= s->not_before_ms;
}

enum service_verdict
service_ended(enum service_id id, struct service *s, bool success, int64_t now_ms)
{
        enum service_end end = service_infos[id].end;
        int64_t delay = SERVICE_BACKOFF_MIN_MS;

        s->pid = 0;
        if (end == END_FATAL)
                return VERDICT_FATAL;
        if (end == END_ONCE && success) {
                s->done = true;
                return VERDICT_DONE;
        }
        if (s->since_ms == 0)
                s->since_ms = s->started_ms;
        if (now_ms - s->started_ms >= SERVICE_GOOD_MS)
                s->failures = 0;
        for (unsigned i = 0; i < s->failures && delay < SERVICE_BACKOFF_MAX_MS; i++)
                delay *= 2;
        s->failures++;
        s->not_before_ms = now_ms + (delay < SERVICE_BACKOFF_MAX_MS ? delay : SERVICE_BACKOFF_MAX_MS);
        if (end == END_ONCE && ((service_infos[id].tries && s->failures >= service_infos[id].tries) ||
                                (s->limit_ms && now_ms - s->since_ms >= s->limit_ms)))
                return VERDICT_FATAL;
        return VERDICT_RESTART;
}

int64_t
service_next(const struct service s[SERVICE_N], unsigned conditions)
{
        int64_t next = INT64_MAX;

        for (size_t i = 0; i < SERVICE_N; i++)
                if (service_due((enum service_id)i, &s[i], conditions, INT64_MAX) && s[i].not_before_ms < next)
                        next = s[i].not_before_ms;
        return next;
}

bool
init_lease_ok(const struct init_lease *l)
{
        uint32_t first = l->address >> 24, host, broadcast;

        if (l->address == 0)
                return true;
        if (l->prefix < 1 || l->prefix > 32 || first == 0 || first == 127 || first >= 224)
                return false;
        broadcast = ~prefix_mask(l->prefix);
        host = l->address & broadcast;
        /* Network and broadcast address of its own subnet */
        return l->prefix >= 31 || (host != 0 && host != broadcast);
}

size_t
init_lease_actions(const struct init_lease *was, const struct init_lease *is, struct net_action ret[NET_MAX_ACTIONS])
{
        bool moved = was->address != is->address || was->prefix != is->prefix;
        size_t n = 0;

        /* The new address first: were the old one taken away before, connections from it would have none to change over to. */
        if (moved && is->address)
                ret[n++] = (struct net_action){NET_ADDRESS_SET, is->address, is->prefix};
        if (moved && was->address)
                ret[n++] = (struct net_action){NET_ADDRESS_REMOVE, was->address, was->prefix};
        /* The kernel drops routes along with the address that they were reached from. */
        if (is->address && is->router && (moved || was->router != is->router))
                ret[n++] = (struct net_action){NET_ROUTE_SET, is->router, 0};
        if (is->address && was->dns != is->dns)
                ret[n++] = (struct net_action){NET_DNS_SET, is->dns, 0};
        return n;
}

enum wait_verdict
wait_check(size_t i, struct wait *w, unsigned conditions, int64_t now_ms, unsigned *ret_seconds)
{
        const struct wait_info *info = &wait_infos[i];

        if ((conditions & info->condition) || (conditions & info->needs) != info->needs) {
                w->since_ms = 0;
                return WAIT_QUIET;
        }
        if (w->since_ms == 0) {
                w->since_ms = now_ms;
                w->warned_ms = now_ms;
        }
        *ret_seconds = (unsigned)((now_ms - w->since_ms) / 1000);
        if (info->fatal_ms && now_ms - w->since_ms >= info->fatal_ms)
                return WAIT_FATAL;
        if (now_ms - w->warned_ms < info->warn_ms)
                return WAIT_QUIET;
        w->warned_ms = now_ms;
        return WAIT_SAY;
}
