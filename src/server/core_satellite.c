/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Satellites as core sees them: which there are, which host is whose, who may speak as one, and whose boot token it is. What
 * they are given is in core_satellite_offer.c, what they report in core_satellite_report.c. Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "ipc/messages.h"
#include "server/core_private.h"

#define SKEW_MAX_MS 30000
#define BACKLOG_MAX_MS 60000                  /* agents wait no longer than this for their satellite's reports */
#define MEETING_MAX_MS 20000                  /* or for the satellite itself, after our start */
#define TOKEN_AGE_MAX_MS (7 * 24 * 3600000ll) /* of a host that booted while satellite and main server were apart */

struct core_satellite *
core_satellite_find(struct core *c, const char *name)
{
        struct core_satellite *s;

        HASH_FIND_STR(c->satellites, name, s);
        return s;
}

struct core_satellite *
core_satellite_by_conn(struct core *c, uint64_t conn)
{
        struct core_satellite *s, *next;

        HASH_ITER(hh, c->satellites, s, next)
        if (conn && s->conn == conn)
                return s;
        return NULL;
}

struct core_satellite *
core_satellite_of(struct core *c, const struct core_host *h)
{
        struct core_satellite *s, *next;

        HASH_ITER(hh, c->satellites, s, next)
        if (labels_has(h->row.host.labels, s->row.label))
                return s;
        return NULL;
}

bool
core_satellite_network_of(struct core *c, uint32_t address)
{
        struct core_satellite *s, *next;

        HASH_ITER(hh, c->satellites, s, next)
        for (uint32_t i = 0; i < s->row.n_networks; i++)
                if (config_network_has(&s->row.networks[i], address))
                        return true;
        return false;
}

void
core_satellite_changed(struct core_satellite *s)
{
        s->row_dirty = true;
}

void
core_satellite_write(struct core *c)
{
        struct core_satellite *s, *next;
        struct error err;

        HASH_ITER(hh, c->satellites, s, next)
        {
                if (s->row_dirty && store_satellite_put(c->store, &s->row, &err))
                        core_db_failed(c, &err);
                s->row_dirty = false;
        }
}

static int
by_name(const struct core_satellite *a, const struct core_satellite *b)
{
        return strcmp(a->row.name, b->row.name);
}

static struct core_satellite *
add(struct core *c, const struct satellite *row)
{
        struct core_satellite *s = calloc(1, sizeof(*s));

        if (!s)
                return NULL;
        s->row = *row;
        HASH_ADD_STR(c->satellites, row.name, s);
        HASH_SRT(hh, c->satellites, by_name);
        return s;
}

static int
load_one(void *arg, const struct satellite *row)
{
        return add(arg, row) ? 0 : -1;
}

int
core_satellite_load(struct core *c, struct error *err)
{
        int r = store_satellites(c->store, load_one, c, err);

        return r == -1 ? error_set(err, ERR_NO_SPACE, "no memory for satellites") : r;
}

static void
forget(struct core *c, struct core_satellite *s)
{
        HASH_DEL(c->satellites, s);
        core_satellite_offer_clear(s);
        free(s);
}

void
core_satellite_free(struct core *c)
{
        struct core_satellite *s, *next;

        HASH_ITER(hh, c->satellites, s, next)
        forget(c, s);
        free(c->loader_files);
}

/* --- connections --- */

static void
gone(struct core *c, struct core_satellite *s)
{
        s->conn = 0;
        s->row.seen_ms = core_wall(c);
        core_satellite_changed(s);
        core_satellite_offer_clear(s);
}

void
core_satellite_gone(struct core *c, uint64_t conn)
{
        struct core_satellite *s = core_satellite_by_conn(c, conn);

        if (!s)
                return;
        core_event(c, "satellite", s->row.name, "away", 0, "its connection ended; its hosts go on booting from it");
        gone(c, s);
}

void
core_satellite_all_gone(struct core *c)
{
        struct core_satellite *s, *next;

        HASH_ITER(hh, c->satellites, s, next)
        if (s->conn)
                gone(c, s);
}

static void
refuse(struct core *c, const struct msg_satellite_hello *m, const struct error *err)
{
        struct msg_agent_refuse refusal = {.conn = m->conn};
        char address[IP4_TEXT_SIZE];

        str_copy(refusal.code, sizeof(refusal.code), error_text(err->code));
        str_copy(refusal.text, sizeof(refusal.text), err->message);
        core_send(c, ROLE_API, MSG_AGENT_REFUSE, &refusal);
        core_event_security(c, name_ok(m->name) ? m->name : "satellite", "satellite-refused", "from %s: %s",
                            ip4_text(m->address, address), err->message);
}

/* Versions first: a peer of another one is told so, whatever it knows. */
static int
check_hello(struct core *c, const struct msg_satellite_hello *m, struct core_satellite **ret, struct error *err)
{
        struct core_satellite *s = core_satellite_find(c, m->name);
        uint8_t hash[SHA256_SIZE];

        if (m->messages_version != MESSAGES_VERSION)
                return error_set(err, ERR_PROTOCOL,
                                 "satellite '%s' (dompool %s) speaks messages version %u, this server (%s) %u: install the "
                                 "same dompool on both",
                                 m->name, m->version, m->messages_version, DOMPOOL_VERSION, MESSAGES_VERSION);
        if (m->policy_version != POLICY_VERSION)
                return error_set(err, ERR_PROTOCOL,
                                 "satellite '%s' (dompool %s) reads snapshots of version %u, this server (%s) writes %u: "
                                 "install the same "
                                 "dompool on both",
                                 m->name, m->version, m->policy_version, DOMPOOL_VERSION, POLICY_VERSION);
        digest_sha256(m->secret, sizeof(m->secret), hash);
        if (!s || !digest_equal(hash, s->row.secret_sha256, sizeof(hash)))
                return error_set(err, ERR_UNAUTHENTICATED,
                                 "there is no satellite '%s' with this secret: enrol it again with 'dompool satellite add'",
                                 m->name);
        if (m->n_networks == 0)
                return error_set(err, ERR_PROTOCOL, "satellite '%s' names no network", m->name);
        *ret = s;
        return 0;
}

/* The newer connection counts, as with agents. One secret on two machines is worth a word: they would take turns. */
static void
replace_connection(struct core *c, struct core_satellite *s, const struct msg_satellite_hello *m)
{
        const struct msg_agent_conn drop = {.conn = s->conn};
        char was[IP4_TEXT_SIZE], is[IP4_TEXT_SIZE];

        if (!s->conn)
                return;
        core_send(c, ROLE_API, MSG_AGENT_DROP, &drop);
        if (s->address != m->address)
                core_event_security(
                        c, s->row.name, "satellite-twice",
                        "its secret is used from %s while it is connected from %s: two machines have it, or it moved",
                        ip4_text(m->address, is), ip4_text(s->address, was));
        gone(c, s);
}

static void
take_hello(struct core *c, struct core_satellite *s, const struct msg_satellite_hello *m)
{
        int64_t skew_ms = m->time_ms - core_wall(c);

        if (s->row.journal != m->journal) {
                s->row.journal = m->journal;
                s->row.last_seq = 0;
        }
        s->conn = m->conn;
        s->address = m->address;
        s->connected_ms = core_wall(c);
        s->connected_mono_ms = core_mono(c);
        s->newest = m->newest;
        s->state = (struct msg_satellite_state){.generation = m->generation};
        s->row.seen_ms = core_wall(c);
        s->row.http_port = m->http_port;
        c->guard_due = true; /* for its hosts: its networks may be others */
        s->row.n_networks = m->n_networks;
        memcpy(s->row.networks, m->networks, sizeof(s->row.networks));
        str_copy(s->row.version, sizeof(s->row.version), m->version);
        core_satellite_changed(s);
        if (skew_ms > SKEW_MAX_MS || skew_ms < -SKEW_MAX_MS)
                core_event(c, "satellite", s->row.name, "clock", 0,
                           "its clock is %lld s %s: boot tokens and traces go by it, so set both by NTP",
                           (long long)(skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead");
}

void
core_satellite_hello(struct core *c, const struct msg_satellite_hello *m)
{
        struct msg_satellite_welcome w = {.conn = m->conn, .time_ms = core_wall(c), .http_port = c->config->http_port};
        struct core_satellite *s = NULL;
        char address[IP4_TEXT_SIZE];
        struct error err;

        if (check_hello(c, m, &s, &err)) {
                refuse(c, m, &err);
                return;
        }
        replace_connection(c, s, m);
        take_hello(c, s, m);
        str_copy(w.version, sizeof(w.version), DOMPOOL_VERSION);
        core_send(c, ROLE_API, MSG_SATELLITE_WELCOME, &w);
        core_event(c, "satellite", s->row.name, "connected", 0, "dompool %s from %s, serves generation %llu", m->version,
                   ip4_text(m->address, address), (unsigned long long)m->generation);
        core_satellite_offer(c, s);
}

void
core_satellite_state(struct core *c, const struct msg_satellite_state *m)
{
        struct core_satellite *s = core_satellite_by_conn(c, m->conn);

        if (!s)
                return;
        if (m->n_dropped)
                core_event(c, "satellite", s->row.name, "reports-lost", 0,
                           "%llu reports of boots were dropped there: its journal was full while this server was away",
                           (unsigned long long)m->n_dropped);
        if (m->generation != s->state.generation)
                core_event(c, "satellite", s->row.name, "serves", 0, "generation %llu", (unsigned long long)m->generation);
        if (*m->trouble && strcmp(m->trouble, s->state.trouble) != 0)
                core_event(c, "satellite", s->row.name, "trouble", 0, "%s", m->trouble);
        s->state = *m;
}

/* --- tokens --- */

bool
core_satellite_waiting(const struct core *c, const struct core_satellite *s)
{
        if (!s->conn)
                return core_mono(c) - c->started_mono_ms < MEETING_MAX_MS;
        return s->row.last_seq < s->newest && core_mono(c) - s->connected_mono_ms < BACKLOG_MAX_MS;
}

/* Time stands still for a token while satellite and main server are apart: its host cannot trade it meanwhile. */
static int
check_age(const struct core_satellite *s, const struct token *t, int64_t now_ms, struct error *err)
{
        int64_t met_ms = s->conn ? s->connected_ms : now_ms;
        int64_t end_ms = t->attempt_ms < met_ms ? met_ms + TOKEN_VALID_MS : t->expiry_ms;

        if (end_ms > t->attempt_ms + TOKEN_AGE_MAX_MS)
                end_ms = t->attempt_ms + TOKEN_AGE_MAX_MS;
        if (now_ms < t->expiry_ms || now_ms < end_ms)
                return 0;
        return error_set(err, ERR_UNAUTHENTICATED, "the boot token of satellite '%s' has run out %lld s ago", s->row.name,
                         (long long)((now_ms - end_ms) / 1000));
}

int
core_satellite_token(struct core *c, const char *text, int64_t now_ms, struct token *ret, struct core_satellite **ret_from,
                     struct error *err)
{
        struct core_satellite *s, *next;
        struct core_host *h;
        uint8_t key[32];
        struct error other;

        *ret_from = NULL;
        if (token_verify(c->token_key, text, now_ms, ret, err) == 0)
                return 0;
        HASH_ITER(hh, c->satellites, s, next)
        {
                satellite_key(c->token_key, &s->row, key);
                if (token_verify(key, text, INT64_MIN, ret, &other) < 0)
                        continue;
                h = core_host_by_mac(c, &ret->mac);
                if (!h || core_satellite_of(c, h) != s)
                        return error_set(err, ERR_UNAUTHENTICATED, "the boot token is of satellite '%s', and its host is not",
                                         s->row.name);
                *ret_from = s;
                return check_age(s, ret, now_ms, err);
        }
        return error_to_errno(err->code);
}

void
core_satellite_token_used(struct core *c, struct core_satellite *s, const struct msg_token_used *used)
{
        struct msg_satellite_used m = {.conn = s->conn, .used = *used};

        if (s->conn)
                core_send(c, ROLE_API, MSG_SATELLITE_USED, &m);
}

/* --- the API --- */

static uint32_t
count_hosts(struct core *c, const struct core_satellite *s)
{
        struct core_host *h, *next;
        uint32_t n = 0;

        HASH_ITER(by_name, c->hosts_by_name, h, next)
        n += core_satellite_of(c, h) == s;
        return n;
}

static json_t *
networks_json(const struct satellite *row)
{
        json_t *list = json_array();
        char text[IP4_TEXT_SIZE];

        for (uint32_t i = 0; i < row->n_networks; i++)
                json_array_append_new(list,
                                      json_sprintf("%s/%u", ip4_text(row->networks[i].net, text), row->networks[i].prefix));
        return list;
}

static json_t *
satellite_json(struct core *c, const struct core_satellite *s)
{
        bool current = s->conn && s->state.generation == s->offer.generation;
        char address[IP4_TEXT_SIZE] = "";

        if (s->conn)
                ip4_text(s->address, address);
        return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:s,s:I}", "name", s->row.name, "label",
                         s->row.label, "state",
                         s->conn          ? "connected"
                         : s->row.seen_ms ? "away"
                                          : "never-seen",
                         "address", address, "since_ms", (json_int_t)(s->conn ? s->connected_ms : s->row.seen_ms), "added_ms",
                         (json_int_t)s->row.added_ms, "version", s->row.version, "hosts", (json_int_t)count_hosts(c, s),
                         "networks", networks_json(&s->row), "generation", (json_int_t)s->state.generation, "offered",
                         (json_int_t)s->offer.generation, "behind_ms",
                         (json_int_t)(s->conn && !current ? core_wall(c) - s->offered_ms : 0), "files_missing",
                         (json_int_t)s->state.n_missing, "bytes_missing", (json_int_t)s->state.missing_size, "trouble",
                         s->state.trouble, "reports", (json_int_t)s->row.last_seq);
}

json_t *
core_satellites_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        struct core_satellite *s, *next;

        (void)m, (void)err;
        HASH_ITER(hh, c->satellites, s, next)
        json_array_append_new(list, satellite_json(c, s));
        return json_pack("{s:o}", "satellites", list);
}

static struct core_satellite *
named(struct core *c, const char *name, struct error *err)
{
        struct core_satellite *s = core_satellite_find(c, name);

        if (!s)
                error_set(err, ERR_NOT_FOUND, "satellite '%s' is not known; see 'dompool satellite list'", name);
        return s;
}

json_t *
core_satellite_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_satellite *s = named(c, m->name, err);

        return s ? satellite_json(c, s) : NULL;
}

static int
check_add(struct core *c, const struct satellite *row, struct error *err)
{
        struct core_satellite *s, *next;

        if (core_satellite_find(c, row->name))
                return error_set(err, ERR_EXISTS, "satellite '%s' is there already; remove it first to enrol it anew",
                                 row->name);
        if (HASH_COUNT(c->satellites) >= SATELLITE_MAX)
                return error_set(err, ERR_LIMIT, "there are %d satellites already, the most a server takes", SATELLITE_MAX);
        HASH_ITER(hh, c->satellites, s, next)
        if (strcmp(s->row.label, row->label) == 0)
                return error_set(err, ERR_EXISTS, "the hosts with label '%s' are those of satellite '%s'", row->label,
                                 s->row.name);
        if (!*c->params.tls_fingerprint)
                return error_set(err, ERR_STATE, "this server listens for no agents, so a satellite cannot reach it");
        return 0;
}

void
core_satellite_add(struct core *c, const struct msg_api_satellite_add *m)
{
        struct satellite_enrolment e = {.address = c->config->network.address, .port = c->config->agent_port};
        struct satellite row = {.added_ms = core_wall(c)};
        char text[SATELLITE_ENROLMENT_TEXT_SIZE];
        struct core_satellite *s;
        struct error err;
        json_t *json;

        str_copy(row.name, sizeof(row.name), m->name);
        str_copy(row.label, sizeof(row.label), *m->label ? m->label : m->name);
        if (check_add(c, &row, &err)) {
                core_reply_error(c, m->request, &err);
                return;
        }
        str_copy(e.name, sizeof(e.name), row.name);
        digest_random(e.secret, sizeof(e.secret));
        parse_hex(c->params.tls_fingerprint, e.fingerprint, sizeof(e.fingerprint));
        digest_sha256(e.secret, sizeof(e.secret), row.secret_sha256);
        s = add(c, &row);
        if (!s) {
                error_set(&err, ERR_NO_SPACE, "no memory for a satellite");
                core_reply_error(c, m->request, &err);
                return;
        }
        core_satellite_changed(s);
        core_event(c, "satellite", row.name, "added", 0, "by %s, for the hosts with label %s", m->by, row.label);
        json = satellite_json(c, s);
        json_object_set_new(json, "enrolment", json_string(satellite_enrolment_text(&e, text)));
        core_reply_json(c, m->request, 200, json);
}

void
core_satellite_remove(struct core *c, const struct msg_api_name *m)
{
        struct error err;
        struct core_satellite *s = named(c, m->name, &err);

        if (!s) {
                core_reply_error(c, m->request, &err);
                return;
        }
        if (s->conn) {
                const struct msg_agent_conn drop = {.conn = s->conn};

                core_send(c, ROLE_API, MSG_AGENT_DROP, &drop);
        }
        if (store_satellite_delete(c->store, s->row.name, &err))
                core_db_failed(c, &err);
        core_event(c, "satellite", s->row.name, "removed", 0, "by %s; boots from what it has are not taken any more", m->by);
        forget(c, s);
        core_reply_json(c, m->request, 200, json_pack("{s:s}", "removed", m->name));
}
