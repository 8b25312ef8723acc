/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The satellite's line to the main server: TLS pinned by the enrolment's fingerprint, messages as lines of JSON, reports in
 * order and a limited number of them under way. When it is lost it is made again, later and later, up to ten seconds. Runs in:
 * satellite.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/log.h"
#include "ipc/agent_wire.h"
#include "net/tls_stream.h"
#include "server/satellite.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 10000
#define WELCOME_TIMEOUT_MS 20000
#define KEEPALIVE_S 5
#define UNDER_WAY 256 /* reports that are not acknowledged */
#define SKEW_MAX_MS 30000

struct satellite_link {
        struct satellite_role *s;
        struct tls_stream *tls;
        bool up; /* welcomed */
        uint16_t http_port;
        uint64_t sent_seq; /* of the last report on this line */
        unsigned n_under_way;
        uint64_t backoff_ms;
        uv_timer_t timer; /* until the next try; while greeting: no welcome */
        char reason[256]; /* of the last failure: the same one is not logged again and again */
};

static void link_connect(struct satellite_link *l);

static void
retry_due(uv_timer_t *timer)
{
        link_connect(timer->data);
}

/* Half of the wait is chance: satellites of one server that was away do not come back in one instant. */
static void
retry_later(struct satellite_link *l)
{
        uint16_t chance;

        if (l->backoff_ms == 0)
                l->backoff_ms = BACKOFF_FIRST_MS;
        digest_random(&chance, sizeof(chance));
        uv_timer_start(&l->timer, retry_due, l->backoff_ms / 2 + l->backoff_ms * chance / 65536 / 2 + 1, 0);
        l->backoff_ms = l->backoff_ms * 2 < BACKOFF_MAX_MS ? l->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void
disconnect(struct satellite_link *l, const char *reason)
{
        if (l->up || strcmp(reason, l->reason) != 0)
                log_warning("main server is away, hosts go on booting reason=\"%s\"", reason);
        str_copy(l->reason, sizeof(l->reason), reason);
        tls_stream_free(l->tls);
        l->tls = NULL;
        if (l->up) {
                l->up = false;
                satellite_sync_away(l->s->sync);
        }
        retry_later(l);
}

/* ---- sending ---- */

static int
send_line(struct satellite_link *l, enum msg_type type, const void *payload)
{
        _cleanup_free_ char *line = agent_wire_encode(type, payload);
        int r = line ? tls_stream_send_line(l->tls, line, strlen(line)) : -ENOMEM;

        if (r < 0)
                log_warning("not sent message=%s error=\"%s\"", message_name(type), strerror(-r));
        return r;
}

void
satellite_link_send(struct satellite_link *l, enum msg_type type, const void *payload)
{
        if (l->up)
                send_line(l, type, payload);
}

/* A report's own message around what boot or files said. */
static int
wrap(struct satellite_link *l, const struct satellite_report *r, void *inner)
{
        switch (r->type) {
        case MSG_BOOT_EVENT: {
                const struct msg_satellite_boot m = {.seq = r->seq, .report = *(struct msg_boot_event *)inner};
                return send_line(l, MSG_SATELLITE_BOOT, &m);
        }
        case MSG_MACHINE_SEEN: {
                const struct msg_satellite_unknown m = {.seq = r->seq, .report = *(struct msg_machine_seen *)inner};
                return send_line(l, MSG_SATELLITE_UNKNOWN, &m);
        }
        case MSG_FOREIGN_DHCP: {
                const struct msg_satellite_foreign m = {.seq = r->seq, .report = *(struct msg_foreign_dhcp *)inner};
                return send_line(l, MSG_SATELLITE_FOREIGN, &m);
        }
        case MSG_INIT_REPORT: {
                const struct msg_init_report *i = inner;
                const struct msg_satellite_init m = {.seq = r->seq, .address = i->address, .time_ms = i->time_ms, .report = *i};
                return send_line(l, MSG_SATELLITE_INIT, &m);
        }
        default:
                return 0;
        }
}

/* One that cannot be read any more (an older program's) or said in JSON is passed over: it must not stop those behind. */
static void
send_report(struct satellite_link *l, const struct satellite_report *r)
{
        const struct rec_desc *d =
                message_allowed(r->type, ROLE_BOOT, ROLE_SATELLITE) || message_allowed(r->type, ROLE_FILES, ROLE_SATELLITE)
                        ? message_desc(r->type)
                        : NULL;
        _cleanup_free_ void *inner = d ? calloc(1, d->size) : NULL;

        if (!inner || rec_decode(d, r->data, r->size, inner) < 0 || wrap(l, r, inner) < 0)
                log_warning("report passed over number=%llu type=%d", (unsigned long long)r->seq, (int)r->type);
        else
                l->n_under_way++;
        l->sent_seq = r->seq;
}

void
satellite_link_report(struct satellite_link *l)
{
        const struct satellite_report *r;

        while (l->up && l->n_under_way < UNDER_WAY && (r = satellite_journal_after(l->s->journal, l->sent_seq)))
                send_report(l, r);
}

static void
send_lease(void *arg, const struct msg_lease_event *lease)
{
        const struct msg_satellite_lease m = {.report = *lease};

        satellite_link_send(arg, MSG_SATELLITE_LEASE, &m);
}

/* ---- from the main server ---- */

static void
take_welcome(struct satellite_link *l, const struct msg_satellite_welcome *m)
{
        int64_t skew_ms = clock_wall_ms(&l->s->ctx->clock) - m->time_ms;

        if (m->http_port == 0 || m->http_port > 65535) {
                disconnect(l, "the main server names no HTTP port");
                return;
        }
        l->up = true;
        l->http_port = (uint16_t)m->http_port;
        l->backoff_ms = 0;
        l->reason[0] = '\0';
        l->sent_seq = 0;
        l->n_under_way = 0;
        uv_timer_stop(&l->timer);
        log_notice("welcomed by the main server version=%s", m->version);
        if (skew_ms > SKEW_MAX_MS || skew_ms < -SKEW_MAX_MS)
                log_warning("this clock differs from the main server's, set both by NTP seconds=%lld",
                            (long long)skew_ms / 1000);
        satellite_each_lease(l->s, send_lease, l);
        satellite_link_report(l);
}

static void
take_ack(struct satellite_link *l, const struct msg_satellite_ack *m)
{
        satellite_journal_ack(l->s->journal, m->seq);
        if (l->n_under_way > 0)
                l->n_under_way--;
        if (m->seq >= l->sent_seq)
                l->n_under_way = 0;
        satellite_link_report(l);
}

static void
take_refusal(struct satellite_link *l, const struct msg_agent_refuse *m)
{
        char reason[256];

        snprintf(reason, sizeof(reason), "it refuses this satellite: %.200s", m->text);
        l->backoff_ms = BACKOFF_MAX_MS;
        disconnect(l, reason);
}

static void
take_message(struct satellite_link *l, enum msg_type type, const void *payload)
{
        if (type == MSG_SATELLITE_WELCOME && !l->up)
                take_welcome(l, payload);
        else if (type == MSG_AGENT_REFUSE)
                take_refusal(l, payload);
        else if (!l->up || type == MSG_SATELLITE_WELCOME)
                disconnect(l, "it speaks out of turn");
        else if (type == MSG_SATELLITE_OFFER)
                satellite_sync_offer(l->s->sync, payload);
        else if (type == MSG_SATELLITE_PART)
                satellite_sync_part(l->s->sync, payload);
        else if (type == MSG_SATELLITE_ACK)
                take_ack(l, payload);
        else if (type == MSG_SATELLITE_USED)
                satellite_token_used(l->s, &((const struct msg_satellite_used *)payload)->used);
}

static void
on_line(void *arg, struct tls_stream *tls, const char *line, size_t size)
{
        struct satellite_link *l = arg;
        enum msg_type type;
        struct error err;
        void *payload;

        (void)tls;
        if (agent_wire_decode(line, size, ROLE_SATELLITE, &type, &payload, &err) < 0) {
                disconnect(l, err.message);
                return;
        }
        take_message(l, type, payload);
        agent_wire_free(type, payload);
}

static void
on_closed(void *arg, struct tls_stream *tls, const char *reason)
{
        (void)tls;
        disconnect(arg, reason);
}

static void
welcome_missing(uv_timer_t *timer)
{
        disconnect(timer->data, "no welcome for 20 s");
}

static void
on_open(void *arg, struct tls_stream *tls)
{
        struct satellite_link *l = arg;
        const struct config *config = l->s->ctx->config;
        struct msg_satellite_hello m = {.messages_version = MESSAGES_VERSION,
                                        .policy_version = POLICY_VERSION,
                                        .generation = satellite_sync_generation(l->s->sync),
                                        .journal = satellite_journal_id(l->s->journal),
                                        .newest = satellite_journal_newest(l->s->journal),
                                        .time_ms = clock_wall_ms(&l->s->ctx->clock),
                                        .http_port = config->http_port};

        str_copy(m.name, sizeof(m.name), config->main_server.name);
        memcpy(m.secret, config->main_server.secret, sizeof(m.secret));
        str_copy(m.version, sizeof(m.version), DOMPOOL_VERSION);
        for (const struct config_network *n; (n = config_network_at(config, m.n_networks)); m.n_networks++)
                m.networks[m.n_networks] = *n;
        tls_stream_keepalive(tls, KEEPALIVE_S);
        send_line(l, MSG_SATELLITE_HELLO, &m);
        uv_timer_start(&l->timer, welcome_missing, WELCOME_TIMEOUT_MS, 0);
}

/* ---- life ---- */

static void
link_connect(struct satellite_link *l)
{
        static const struct tls_stream_events events = {.open = on_open, .line = on_line, .closed = on_closed};
        const struct satellite_enrolment *e = &l->s->ctx->config->main_server;
        struct error err;

        if (tls_stream_connect(l->s->ctx->loop, e->address, (uint16_t)e->port, e->fingerprint, &events, l, &l->tls, &err) < 0) {
                l->tls = NULL;
                disconnect(l, err.message);
        }
}

struct satellite_link *
satellite_link_new(struct satellite_role *s)
{
        struct satellite_link *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        l->s = s;
        uv_timer_init(s->ctx->loop, &l->timer);
        l->timer.data = l;
        uv_timer_start(&l->timer, retry_due, 0, 0);
        return l;
}

/* The process ends: the kernel frees the rest. */
void
satellite_link_free(struct satellite_link *l)
{
        if (!l)
                return;
        uv_timer_stop(&l->timer);
        tls_stream_free(l->tls);
        l->tls = NULL;
        l->up = false;
}

bool
satellite_link_up(const struct satellite_link *l)
{
        return l && l->up;
}

uint16_t
satellite_link_http_port(const struct satellite_link *l)
{
        return l->http_port;
}
