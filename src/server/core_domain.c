/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of domains. What an agent lists is the truth about its host: unknown domains appear, missing ones are gone. Only
 * core's own intents (operations) are added to it. Process: core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rec_json.h"
#include "server/core_private.h"

struct core_domain *
core_domain_by_uuid(struct core *c, const uint8_t uuid[UUID_SIZE])
{
        struct core_domain *d;

        HASH_FIND(hh, c->domains, uuid, UUID_SIZE, d);
        return d;
}

struct core_domain *
core_domain_find(struct core *c, const char *name)
{
        struct core_domain *d, *next, *found = NULL;
        uint8_t uuid[UUID_SIZE];

        if (!parse_uuid(name, uuid))
                return core_domain_by_uuid(c, uuid);
        HASH_ITER(hh, c->domains, d, next)
        {
                if (strcmp(d->row.info.name, name) != 0)
                        continue;
                if (d->row.managed && d->row.info.state != DOMAIN_GONE)
                        return d;
                if (!found || found->row.info.state == DOMAIN_GONE)
                        found = d;
        }
        return found;
}

static void
link_host(struct core_domain *d, struct core_host *on)
{
        if (d->on) {
                DL_DELETE(d->on->domains, d);
                d->on->n_domains--;
        }
        d->on = on;
        if (on) {
                DL_APPEND(on->domains, d);
                on->n_domains++;
                str_copy(d->row.host, sizeof(d->row.host), on->row.host.name);
        }
}

struct core_domain *
core_domain_add(struct core *c, const struct domain_info *info, struct core_host *on, bool managed)
{
        struct core_domain *d = calloc(1, sizeof(*d));
        struct error err;

        if (!d) {
                error_set(&err, ERR_NO_SPACE, "no memory for domain '%s'", info->name);
                core_db_failed(c, &err);
                return NULL;
        }
        d->row.info = *info;
        d->row.managed = managed;
        d->row.since_ms = core_wall(c);
        link_host(d, on);
        HASH_ADD(hh, c->domains, row.info.uuid, sizeof(d->row.info.uuid), d);
        core_mark_domain(c, d);
        return d;
}

void
core_domain_remove(struct core *c, struct core_domain *d)
{
        struct error err;

        core_unmark_domain(c, d);
        link_host(d, NULL);
        HASH_DEL(c->domains, d);
        if (store_domain_delete(c->store, d->row.info.uuid, &err))
                core_db_failed(c, &err);
        free(d->row.config);
        free(d);
}

void
core_domain_set_state(struct core *c, struct core_domain *d, enum domain_state state)
{
        if (d->row.info.state == state)
                return;
        d->row.info.state = state;
        d->row.since_ms = core_wall(c);
        core_mark_domain(c, d);
}

static int
load_one(void *arg, const struct store_domain *row)
{
        struct core *c = arg;
        struct core_domain *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        d->row = *row;
        d->row.config = NULL;
        if (row->config && !(d->row.config = strdup(row->config))) {
                free(d);
                return -ENOMEM;
        }
        link_host(d, core_host_find(c, row->host));
        HASH_ADD(hh, c->domains, row.info.uuid, sizeof(d->row.info.uuid), d);
        return 0;
}

int
core_domain_load(struct core *c, struct error *err)
{
        int r = store_domains(c->store, load_one, c, err);

        return r == -ENOMEM ? error_set(err, ERR_NO_SPACE, "no memory for domains") : r;
}

/* --- what agents say --- */

static bool
is_guest(const struct domain_info *info)
{
        static const uint8_t none[UUID_SIZE];

        return info->domid != 0 && memcmp(info->uuid, none, sizeof(none)) != 0 && info->state <= DOMAIN_LOST &&
               info->type <= DOMAIN_HVM && *info->name;
}

/* Only what would be missed after a restart is worth a row: not the CPU time of each minute. */
static bool
worth_a_row(const struct domain_info *old, const struct domain_info *new)
{
        return old->state != new->state || old->domid != new->domid || old->memory_kib != new->memory_kib ||
               old->max_memory_kib != new->max_memory_kib || old->vcpus != new->vcpus || old->max_vcpus != new->max_vcpus ||
               strcmp(old->name, new->name) != 0;
}

/* A uuid that another host has, alive: one of the two is not what it says. The one known first stays. */
static bool
is_elsewhere(struct core *c, const struct core_domain *d, const struct core_host *h)
{
        if (!d->on || d->on == h || d->on->row.state != HOST_READY || d->row.info.state == DOMAIN_GONE)
                return false;
        core_event_security(c, d->row.info.name, "twice", "host '%s' reports the domain that runs on '%s'", h->row.host.name,
                            d->row.host);
        return true;
}

/* What a create that failed may have left behind: the server said that nothing is left, so nothing stays. */
static void
undo_leftover(struct core *c, struct core_domain *d)
{
        struct store_op op;
        struct error err;
        int r;

        if (d->row.managed || d->row.info.op == 0)
                return;
        r = store_op_get(c->store, d->row.info.op, &op, &err);
        if (r < 0)
                core_db_failed(c, &err);
        if (r == 1 && op.op.kind == OP_DOMAIN_CREATE && op.op.state == OP_FAILED &&
            !memcmp(op.uuid, d->row.info.uuid, sizeof(op.uuid)))
                core_op_undo(c, d, op.op.id);
}

static struct core_domain *
take_info(struct core *c, struct core_host *h, const struct domain_info *info)
{
        struct core_domain *d = core_domain_by_uuid(c, info->uuid);
        struct domain_info new = *info;
        enum domain_state before;

        if (!d) {
                d = core_domain_add(c, info, h, false);
                if (!d)
                        return NULL;
                core_event(c, "domain", info->name, "appeared", 0, "on %s, %s, not made by this server's operations",
                           h->row.host.name, domain_state_names[info->state]);
                undo_leftover(c, d);
                return d;
        }
        if (is_elsewhere(c, d, h))
                return NULL;
        before = d->row.info.state;
        if (!new.op)
                new.op = d->row.info.op;
        /* While it is being made the operation says what it is, not what its builder shows for a moment. */
        if (before == DOMAIN_STARTING && core_op_active(c, d->row.info.name, false))
                new.state = DOMAIN_STARTING;
        if (worth_a_row(&d->row.info, &new) || d->on != h)
                core_mark_domain(c, d);
        if (new.state != before)
                d->row.since_ms = core_wall(c);
        if (d->on != h)
                link_host(d, h);
        d->row.info = new;
        return d;
}

/* @d is not on its host any more. */
static void
vanished(struct core *c, struct core_domain *d, bool with_its_dom0)
{
        if (d->row.info.state == DOMAIN_GONE ||
            (d->row.info.state == DOMAIN_STARTING && core_op_active(c, d->row.info.name, false)))
                return;
        if (with_its_dom0 && d->row.managed) {
                core_domain_set_state(c, d, DOMAIN_GONE);
                core_event(c, "domain", d->row.info.name, "gone", 0, "host %s was started anew without it", d->row.host);
                return;
        }
        core_event(c, "domain", d->row.info.name, "gone", 0, "it ended on %s", d->row.host);
        /* A shutdown or destroy that waits for it is ended by the agent's result, or when the host has reported. */
        if (core_op_active(c, d->row.info.name, false))
                core_domain_set_state(c, d, DOMAIN_GONE);
        else
                core_domain_remove(c, d);
}

void
core_domain_list(struct core *c, struct core_host *h, const struct msg_agent_domains *m)
{
        struct core_domain *d, *next;
        uint32_t i;

        DL_FOREACH(h->domains, d)
        d->seen = false;
        for (i = 0; i < m->n_domains && i < AGENT_MAX_DOMAINS; i++) {
                if (!is_guest(&m->domains[i]))
                        continue;
                d = take_info(c, h, &m->domains[i]);
                if (d)
                        d->seen = true;
        }
        DL_FOREACH_SAFE(h->domains, d, next)
        if (!d->seen)
                vanished(c, d, h->fresh_dom0);
}

void
core_domain_update(struct core *c, struct core_host *h, const struct domain_info *info, const char *what, const char *text)
{
        struct core_domain *d = core_domain_by_uuid(c, info->uuid);

        if (!strcmp(what, "gone")) { /* its domid may be unknown by now */
                if (d && d->on == h)
                        vanished(c, d, false);
                return;
        }
        if (!is_guest(info))
                return;
        d = take_info(c, h, info);
        if (d && (*text || (strcmp(what, "changed") != 0 && strcmp(what, "appeared") != 0)))
                core_event(c, "domain", info->name, what, 0, "on %s: %s", h->row.host.name, text);
}

/* --- API --- */

static enum domain_state
shown_state(const struct core_domain *d)
{
        if (d->row.info.state == DOMAIN_GONE || d->row.info.state == DOMAIN_DEFINED)
                return d->row.info.state;
        return d->on && d->on->row.state == HOST_LOST ? DOMAIN_LOST : d->row.info.state;
}

int
core_domain_config(const struct core_domain *d, struct domain_config *ret, struct error *err)
{
        json_t *json;
        int r;

        if (!d->row.config)
                return error_set(err, ERR_INTERNAL, "the configuration of domain '%s' is missing in the database",
                                 d->row.info.name);
        json = json_parse(d->row.config, strlen(d->row.config), 1u << 20, err);
        if (!json)
                return error_to_errno(err->code);
        r = rec_from_json(&domain_config_desc, json, ret, err);
        json_decref(json);
        return r;
}

void
core_domain_set_config(struct core *c, struct core_domain *d, const struct domain_config *config)
{
        json_t *json = rec_to_json(&domain_config_desc, config);

        free(d->row.config);
        d->row.config = json ? json_text(json) : NULL;
        json_decref(json);
        core_mark_domain(c, d);
}

json_t *
core_domain_json(struct core *c, const struct core_domain *d)
{
        const struct domain_info *info = &d->row.info;
        json_t *config = d->row.config ? json_loads(d->row.config, JSON_REJECT_DUPLICATES, NULL) : NULL;
        struct core_op *op = core_op_active(c, info->name, false);
        char uuid[UUID_TEXT_SIZE];

        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:o}", "name", info->name, "uuid",
                         uuid_text(info->uuid, uuid), "host", d->row.host, "state", domain_state_names[shown_state(d)], "type",
                         domain_type_names[info->type], "memory_kib", (json_int_t)info->memory_kib, "max_memory_kib",
                         (json_int_t)info->max_memory_kib, "vcpus", (json_int_t)info->vcpus, "max_vcpus",
                         (json_int_t)info->max_vcpus, "domid", (json_int_t)info->domid, "cpu_time_ns",
                         (json_int_t)info->cpu_time_ns, "op", (json_int_t)info->op, "active_op",
                         op ? (json_int_t)op->row.op.id : (json_int_t)0, "managed", d->row.managed, "since_ms",
                         (json_int_t)d->row.since_ms, "config", config ? config : json_null());
}

void
core_domain_tick(struct core *c)
{
        struct core_domain *d, *next;

        HASH_ITER(hh, c->domains, d, next)
        if (d->row.info.state == DOMAIN_GONE && core_wall(c) - d->row.since_ms > CORE_GONE_KEEP_MS &&
            !core_op_active(c, d->row.info.name, false))
                core_domain_remove(c, d);
}
