/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents: who may speak for a host, and what it says. A boot token is traded once for a session; a session serves for
 * reconnecting; a host has one connection, the newer wins. Process: core.
 */
#include <string.h>

#include "base/digest.h"
#include "bootcfg/token.h"
#include "server/core_private.h"

/* A word of an agent whose connection we do not know (core was restarted): it is told to come back with its session. */
struct core_host *
core_agent_speaker(struct core *c, uint64_t conn)
{
        struct core_host *h = core_host_by_conn(c, conn);
        struct msg_agent_conn drop = {.conn = conn};

        if (h) {
                h->heard_mono_ms = core_mono(c);
                return h;
        }
        core_send(c, ROLE_API, MSG_AGENT_DROP, &drop);
        return NULL;
}

static void
refuse(struct core *c, const struct msg_agent_hello *m, const char *subject, const struct error *err)
{
        struct msg_agent_refuse refusal = {.conn = m->conn};
        char address[IP4_TEXT_SIZE];

        str_copy(refusal.code, sizeof(refusal.code), error_text(err->code));
        str_copy(refusal.text, sizeof(refusal.text), err->message);
        core_send(c, ROLE_API, MSG_AGENT_REFUSE, &refusal);
        ip4_text(m->address, address);
        if (err->code != ERR_BUSY)
                core_event_security(c, subject ? subject : address, "agent-refused", "from %s: %s", address, err->message);
}

static bool
has_session(const struct msg_agent_hello *m)
{
        static const uint8_t none[sizeof(m->session)];

        return memcmp(m->session, none, sizeof(none)) != 0;
}

static struct core_host *
host_by_session(struct core *c, const uint8_t session[32])
{
        uint8_t hash[SHA256_SIZE];
        struct core_host *h;

        digest_sha256(session, 32, hash);
        HASH_FIND(by_session, c->hosts_by_session, hash, sizeof(hash), h);
        return h;
}

/* A good token that is newer than any accepted before. Its host, or NULL after a refusal. */
static struct core_host *
host_by_token(struct core *c, const struct msg_agent_hello *m, struct token *t, struct core_satellite **ret_from)
{
        struct core_host *h;
        struct error err;
        char mac[MAC_TEXT_SIZE];

        if (core_satellite_token(c, m->token, core_wall(c), t, ret_from, &err)) {
                refuse(c, m, NULL, &err);
                return NULL;
        }
        h = core_host_by_mac(c, &t->mac);
        if (!h) {
                error_set(&err, ERR_UNAUTHENTICATED, "no host has the token's MAC %s any more", mac_text(&t->mac, mac));
                refuse(c, m, NULL, &err);
                return NULL;
        }
        if (t->attempt_ms <= h->row.attempt_ms) {
                error_set(&err, ERR_UNAUTHENTICATED, "the boot token of host '%s' was used already; a token works once",
                          h->row.host.name);
                refuse(c, m, h->row.host.name, &err);
                return NULL;
        }
        /* Its satellite tells first how it booted, so that the trace is in order. */
        if (*ret_from && core_satellite_waiting(c, *ret_from)) {
                error_set(&err, ERR_BUSY, "satellite '%s' has not reported this boot yet; try again in a moment",
                          (*ret_from)->row.name);
                refuse(c, m, h->row.host.name, &err);
                return NULL;
        }
        return h;
}

/* The dom0 that traded this token is a new one: nothing of the one before it lives. */
static void
trade_token(struct core *c, struct core_host *h, const struct token *t, struct core_satellite *from, uint8_t ret_session[32])
{
        struct msg_token_used used = {.mac = t->mac, .attempt_ms = t->attempt_ms};
        uint8_t hash[SHA256_SIZE];

        digest_random(ret_session, 32);
        digest_sha256(ret_session, 32, hash);
        core_host_set_session(c, h, hash);
        h->row.attempt_ms = t->attempt_ms;
        h->fresh_dom0 = true;
        core_keep_boot(h);
        core_mark_host(c, h);
        core_boot_stage(c, h, STAGE_AGENT, "token accepted");
        if (from) {
                core_boot_via(c, h, from->row.name);
                core_satellite_token_used(c, from, &used);
        }
        core_profile_phoned_home(c, h, t->attempt_ms);
        core_host_set_state(c, h, HOST_BOOTING);
        core_send(c, ROLE_BOOT, MSG_TOKEN_USED, &used);
        core_send(c, ROLE_FILES, MSG_TOKEN_USED, &used);
}

static void
welcome(struct core *c, struct core_host *h, const struct msg_agent_hello *m, const uint8_t session[32])
{
        struct msg_agent_welcome w = {
                .conn = m->conn,
                .server_time_ms = core_wall(c),
                .heartbeat_seconds = CORE_AGENT_WORD_S,
                .blob_path = "/blob/",
                .http_port = c->config->http_port,
        };
        struct msg_agent_conn drop = {.conn = h->conn};

        if (h->conn && h->conn != m->conn) {
                core_send(c, ROLE_API, MSG_AGENT_DROP, &drop);
                core_console_drop(c, h->conn);
        }
        core_op_unsend(c, h);
        core_host_set_conn(c, h, m->conn);
        h->heard_mono_ms = core_mono(c);
        if (m->address)
                core_host_set_address(c, h, m->address);
        str_copy(w.host, sizeof(w.host), h->row.host.name);
        memcpy(w.session, session, sizeof(w.session));
        core_send(c, ROLE_API, MSG_AGENT_WELCOME, &w);
        core_event(c, "host", h->row.host.name, "agent", h->row.boot, "agent %s connected", m->agent_version);
}

void
core_agent_hello(struct core *c, const struct msg_agent_hello *m)
{
        struct core_host *h = NULL, *other = core_host_by_conn(c, m->conn);
        uint8_t session[32];
        struct core_satellite *from = NULL;
        struct token token;
        struct error err;

        if (m->messages_version != MESSAGES_VERSION) {
                error_set(&err, ERR_PROTOCOL, "agent %s speaks messages version %u, this server %u: build the node image again",
                          m->agent_version, m->messages_version, MESSAGES_VERSION);
                refuse(c, m, NULL, &err);
                return;
        }
        if (has_session(m))
                h = host_by_session(c, m->session);
        if (h) {
                memcpy(session, m->session, sizeof(session));
        } else if (*m->token) {
                h = host_by_token(c, m, &token, &from);
                if (!h)
                        return;
                trade_token(c, h, &token, from, session);
        } else {
                error_set(&err, ERR_UNAUTHENTICATED, "%s",
                          has_session(m) ? "the session is not known (any more)" : "neither token nor session");
                refuse(c, m, NULL, &err);
                return;
        }
        if (other && other != h)
                core_host_set_conn(c, other, 0); /* the connection now speaks for this host */
        welcome(c, h, m, session);
}

/* RAM of a fixed size takes what is written: an event before it is full, one when it is, and one when that is over. */
static void
look_at_layer(struct core *c, struct core_host *h, const struct root_cost *root)
{
        enum root_layer_level now = root_layer_level((enum root_layer_level)h->layer_told, root->layer_used, root->layer_size);

        if (now == h->layer_told)
                return;
        if (now > h->layer_told)
                core_event(c, "host", h->row.host.name, now == ROOT_LAYER_FULL ? "layer-full" : "layer-filling", h->row.boot,
                           "%llu of %llu MiB of its writable layer are used; remove what was written there, or give it more by "
                           "the profile's 'layer'",
                           (unsigned long long)root->layer_used >> 20, (unsigned long long)root->layer_size >> 20);
        else if (now == ROOT_LAYER_FINE)
                core_event(c, "host", h->row.host.name, "layer-fine", h->row.boot, "%llu of %llu MiB of its writable layer",
                           (unsigned long long)root->layer_used >> 20, (unsigned long long)root->layer_size >> 20);
        h->layer_told = now;
}

/* At the end of a boot; an agent of another kind may not say. */
static void
note_footprint(struct core *c, struct core_host *h, const struct root_cost *root)
{
        char text[BOOT_TEXT_SIZE];

        if (!*root->root)
                return;
        root_cost_text(root, text, sizeof(text));
        boot_note(core_boot_open(c, h), BOOT_NOTE_FOOTPRINT, core_wall(c), text);
        core_mark_boot(c, h);
}

/* Ready is who has said both what it is and what runs on it; then what is under way is taken up again. */
static void
reported(struct core *c, struct core_host *h)
{
        int64_t silent_s = (core_mono(c) - h->lost_mono_ms) / 1000;
        struct host_inventory inv;

        if (!h->has_inventory || !h->has_domains)
                return;
        if (h->row.state == HOST_LOST) {
                core_event(c, "host", h->row.host.name, "ready", h->row.boot, "back after %lld s of silence",
                           (long long)silent_s);
        } else if (h->row.state != HOST_READY) {
                core_boot_stage(c, h, STAGE_READY, "inventory and domains reported");
                core_row_inventory(&h->row, &inv);
                core_event(c, "host", h->row.host.name, "ready", h->row.boot, "Xen %s, kernel %s, %u CPUs, %llu MiB free",
                           inv.xen_version, inv.kernel_version, inv.n_cpus, (unsigned long long)inv.free_memory_kib >> 10);
                note_footprint(c, h, &inv.root);
        }
        core_host_set_state(c, h, HOST_READY);
        core_op_resume_host(c, h);
}

void
core_agent_inventory(struct core *c, const struct msg_agent_inventory *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);

        if (!h)
                return;
        core_host_set_inventory(c, h, &m->inventory);
        look_at_layer(c, h, &m->inventory.root);
        h->has_inventory = true;
        reported(c, h);
}

void
core_agent_domains(struct core *c, const struct msg_agent_domains *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);

        if (!h)
                return;
        core_domain_list(c, h, m);
        h->fresh_dom0 = false;
        h->has_domains = true;
        reported(c, h);
}

void
core_agent_domain_event(struct core *c, const struct msg_agent_domain_event *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);

        if (h)
                core_domain_update(c, h, &m->domain, m->what, m->text);
}

void
core_agent_progress(struct core *c, const struct msg_agent_op_progress *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);

        if (h)
                core_op_progress(c, h, m);
}

void
core_agent_result(struct core *c, const struct msg_agent_op_result *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);

        if (h)
                core_op_result(c, h, m);
}

void
core_agent_ping(struct core *c, const struct msg_agent_ping *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);

        if (!h)
                return;
        h->uptime_ms = m->uptime_ms;
        if (m->free_memory_kib)
                h->row.can.free_memory_kib = m->free_memory_kib; /* not worth a row of its own */
        /* Silent for a while, or somebody else's DHCP bore its MAC: its agent speaks, so it is up. */
        if (h->row.state != HOST_READY)
                reported(c, h);
}

/* Not lost before it has been silent for long enough: agents come back. A power cut is this, three heartbeats after it. */
void
core_agent_gone(struct core *c, const struct msg_agent_gone *m)
{
        struct core_host *h = core_host_by_conn(c, m->conn);

        core_satellite_gone(c, m->conn);
        if (!h)
                return;
        core_console_drop(c, m->conn);
        core_keep_gone(c, m->conn);
        core_op_unsend(c, h);
        core_host_set_conn(c, h, 0);
        h->heard_mono_ms = core_mono(c) - m->silence_ms;
}
