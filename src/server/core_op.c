/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations. The intent is a row before anybody is told; a step goes to an agent or to work with the operation's id and an
 * epoch that grows each time; it is sent again when the other side comes back, whoever had died. The result is a row before it
 * is acknowledged. Process: core.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rec_json.h"
#include "server/core_private.h"
#include "server/core_text.h"

static struct core_op *
op_find(struct core *c, uint64_t id)
{
        struct core_op *op;

        HASH_FIND(hh, c->ops, &id, sizeof(id), op);
        return op;
}

static int
load_one(void *arg, const struct store_op *row)
{
        struct core *c = arg;
        struct core_op *op = calloc(1, sizeof(*op));

        if (!op)
                return -ENOMEM;
        op->row = *row;
        HASH_ADD(hh, c->ops, row.op.id, sizeof(op->row.op.id), op);
        return 0;
}

int
core_op_load(struct core *c, struct error *err)
{
        int r = store_ops(c->store, true, 0, load_one, c, err);

        return r == -ENOMEM ? error_set(err, ERR_NO_SPACE, "no memory for operations") : r;
}

static bool
is_domain_op(const struct core_op *op)
{
        return op->row.op.kind <= OP_DOMAIN_DESTROY;
}

struct core_op *
core_op_active(struct core *c, const char *target, bool image)
{
        struct core_op *op, *next;

        HASH_ITER(hh, c->ops, op, next)
        if ((image ? op_kind_is_works(op->row.op.kind) : is_domain_op(op)) && !strcmp(op->row.op.target, target))
                return op;
        return NULL;
}

int
core_op_check_free(struct core *c, const char *target, struct error *err)
{
        struct core_op *op = core_op_active(c, target, false);

        if (!op)
                return 0;
        return error_set(err, ERR_BUSY,
                         "operation %" PRIu64 " (%s) on domain '%s' is under way; see 'dompool op wait %" PRIu64 "'",
                         op->row.op.id, op_kind_names[op->row.op.kind], target, op->row.op.id);
}

static void
reply_op(struct core *c, uint64_t request, const struct operation *op)
{
        core_reply_json(c, request, 202, rec_to_json(&operation_desc, op));
}

bool
core_op_by_key(struct core *c, uint64_t request, const char *by, const char *key)
{
        struct core_op *active;
        struct store_op op;
        struct error err;
        uint64_t id;
        int r;

        if (!*key)
                return false;
        r = store_key_get(c->store, by, key, &id, &err);
        if (r == 1) {
                active = op_find(c, id);
                if (active) { /* its row may be older than memory */
                        reply_op(c, request, &active->row.op);
                        return true;
                }
                r = store_op_get(c->store, id, &op, &err);
        }
        if (r < 0)
                core_db_failed(c, &err);
        if (r != 1)
                return false;
        reply_op(c, request, &op.op);
        return true;
}

struct core_op *
core_op_new(struct core *c, uint64_t request, enum op_kind kind, const char *target, const char *host, const char *by,
            const char *key)
{
        struct core_op *op = calloc(1, sizeof(*op));
        struct operation *o;
        struct error err;

        if (!op)
                goto no_memory;
        o = &op->row.op;
        o->kind = kind;
        o->state = OP_QUEUED;
        o->created_ms = o->updated_ms = core_wall(c);
        str_copy(o->target, sizeof(o->target), target);
        str_copy(o->host, sizeof(o->host), host);
        str_copy(o->by, sizeof(o->by), by);
        str_copy(o->step, sizeof(o->step), "queued");
        str_copy(o->error_code, sizeof(o->error_code), error_text(ERR_NONE));
        if (store_op_insert(c->store, &op->row, &err) || (*key && store_key_put(c->store, by, key, o->id, &err))) {
                core_db_failed(c, &err);
                free(op);
                return NULL;
        }
        HASH_ADD(hh, c->ops, row.op.id, sizeof(op->row.op.id), op);
        core_event(c, "op", target, "created", 0, "operation %" PRIu64 " %s%s%s by %s", o->id, op_kind_names[kind],
                   *host ? " on " : "", host, by);
        if (request)
                reply_op(c, request, o); /* leaves after the commit */
        return op;
no_memory:
        error_set(&err, ERR_NO_SPACE, "no memory for an operation");
        core_db_failed(c, &err);
        return NULL;
}

static void
touch(struct core *c, struct core_op *op)
{
        op->row.op.updated_ms = core_wall(c);
        core_mark_op(c, op);
}

/* --- the end of an operation --- */

static void
end(struct core *c, struct core_op *op, enum op_state state, enum error_code code, const char *text)
{
        struct operation *o = &op->row.op;
        struct error err;

        o->state = state;
        o->percent = state == OP_DONE ? 100 : o->percent;
        o->updated_ms = core_wall(c);
        str_copy(o->step, sizeof(o->step), op_state_names[state]);
        str_copy(o->error_code, sizeof(o->error_code), error_text(code));
        str_copy(o->error_text, sizeof(o->error_text), text);
        core_text_clean(o->error_text);
        core_event(c, "op", o->target, op_state_names[state], 0, "operation %" PRIu64 " %s%s%.300s", o->id,
                   op_kind_names[o->kind], *text ? ": " : "", text);
        if (c->work_op == o->id)
                c->work_op = 0;
        if (c->guest_task.op == o->id) {
                c->guest_task.op = 0;
                c->guest_due = true;
        }
        core_unmark_op(c, op);
        if (store_op_update(c->store, &op->row, &err))
                core_db_failed(c, &err);
        HASH_DEL(c->ops, op);
        free(op);
}

void
core_op_done(struct core *c, struct core_op *op)
{
        struct core_domain *d = is_domain_op(op) ? core_domain_by_uuid(c, op->row.uuid) : NULL;

        if (d && op->row.op.kind == OP_DOMAIN_CREATE) {
                if (d->row.info.state == DOMAIN_STARTING)
                        core_domain_set_state(c, d, DOMAIN_RUNNING);
                core_event(c, "domain", d->row.info.name, "created", 0, "on %s, %s, %llu MiB", d->row.host,
                           domain_type_names[d->row.info.type], (unsigned long long)d->row.info.memory_kib >> 10);
        } else if (d && (op->row.op.kind == OP_DOMAIN_DESTROY || d->row.info.state == DOMAIN_GONE)) {
                if (d->row.info.state != DOMAIN_GONE) /* else its end was told when the agent told it */
                        core_event(c, "domain", d->row.info.name, "gone", 0, "destroyed on %s", d->row.host);
                core_domain_remove(c, d);
        }
        end(c, op, OP_DONE, ERR_NONE, "");
}

void
core_op_failed(struct core *c, struct core_op *op, enum error_code code, const char *text)
{
        struct core_domain *d = core_domain_by_uuid(c, op->row.uuid);

        /* Nothing half-made is left: if the host shows it after all, it is destroyed then (core_op_undo). */
        if (op->row.op.kind == OP_DOMAIN_CREATE && d)
                core_domain_remove(c, d);
        end(c, op, OP_FAILED, code, text);
}

void
core_op_destroy(struct core *c, struct core_domain *d, const char *by)
{
        struct core_op *op;

        if (core_op_active(c, d->row.info.name, false))
                return;
        op = core_op_new(c, 0, OP_DOMAIN_DESTROY, d->row.info.name, d->row.host, by, "");
        if (!op)
                return;
        memcpy(op->row.uuid, d->row.info.uuid, sizeof(op->row.uuid));
        touch(c, op);
        core_op_push(c, op);
}

void
core_op_undo(struct core *c, struct core_domain *d, uint64_t failed_op)
{
        if (core_op_active(c, d->row.info.name, false))
                return;
        core_event(c, "domain", d->row.info.name, "leftover", 0, "of operation %" PRIu64 ", which failed; it is destroyed",
                   failed_op);
        core_op_destroy(c, d, "server");
}

/* --- sending --- */

static int
fill_config(struct core_op *op, const struct core_domain *d, struct domain_config *config, struct error *err)
{
        memcpy(config->uuid, op->row.uuid, sizeof(config->uuid));
        str_copy(config->name, sizeof(config->name), op->row.op.target);
        if (op->row.op.kind != OP_DOMAIN_CREATE)
                return 0;
        if (!d)
                return error_set(err, ERR_INTERNAL, "domain '%s' is missing in the database", op->row.op.target);
        return core_domain_config(d, config, err);
}

/* A create begins with its files: what is no blob yet is taken in by work first. */
static bool
waits_for_files(struct core *c, struct core_op *op, struct domain_config *config)
{
        const char *name;

        op->wants_files = op->row.op.kind == OP_DOMAIN_CREATE && core_guest_wanted(config, &name) != NULL;
        c->guest_due |= op->wants_files;
        return op->wants_files;
}

static void
send_to_agent(struct core *c, struct core_op *op, struct core_host *h)
{
        struct operation *o = &op->row.op;
        struct msg_agent_op m = {.conn = h->conn, .id = o->id, .kind = o->kind, .timeout_seconds = op->row.timeout_seconds};
        struct error err;

        if (fill_config(op, core_domain_by_uuid(c, op->row.uuid), &m.config, &err)) {
                core_op_failed(c, op, err.code, err.message);
                return;
        }
        if (waits_for_files(c, op, &m.config))
                return;
        if (o->state == OP_RUNNING)
                core_event(c, "op", o->target, "resumed", 0, "operation %" PRIu64 " %s, epoch %" PRIu64, o->id,
                           op_kind_names[o->kind], o->epoch + 1);
        m.epoch = ++o->epoch;
        o->state = OP_RUNNING;
        o->percent = 0;
        str_copy(o->step, sizeof(o->step), "sent");
        op->sent = true;
        touch(c, op);
        core_send(c, ROLE_API, MSG_AGENT_OP, &m);
}

/* What has come about without the agent's result: the domain is not there any more, the dom0 is a new one. */
static bool
came_about(const struct core_op *op, const struct core_host *h, const struct core_domain *d)
{
        switch (op->row.op.kind) {
        case OP_DOMAIN_SHUTDOWN:
        case OP_DOMAIN_DESTROY:
                return !d || d->row.info.state == DOMAIN_GONE;
        case OP_HOST_REBOOT:
                return h->row.attempt_ms > op->row.op.created_ms;
        default:
                return false;
        }
}

void
core_op_push(struct core *c, struct core_op *op)
{
        struct core_host *h;

        if (op->sent)
                return;
        if (op_kind_is_works(op->row.op.kind)) {
                core_op_work_push(c);
                return;
        }
        h = core_host_find(c, op->row.op.host);
        if (!h || !h->conn || !h->has_domains || !h->has_inventory)
                return; /* it waits for the host */
        if (came_about(op, h, core_domain_by_uuid(c, op->row.uuid)))
                core_op_done(c, op);
        else
                send_to_agent(c, op, h);
}

void
core_op_resume_host(struct core *c, struct core_host *h)
{
        struct core_op *op, *next;

        HASH_ITER(hh, c->ops, op, next)
        if (!strcmp(op->row.op.host, h->row.host.name))
                core_op_push(c, op);
}

void
core_op_unsend(struct core *c, struct core_host *h)
{
        struct core_op *op, *next;

        HASH_ITER(hh, c->ops, op, next)
        {
                if (h ? !strcmp(op->row.op.host, h->row.host.name) : op_kind_is_works(op->row.op.kind))
                        op->sent = false;
        }
        if (!h) {
                c->work_op = c->guest_task.op = 0;
                c->facts_asked = false;
        }
}

/* --- what agents answer --- */

/* An agent may speak of the operations on its own host, up to the epoch that it was sent. */
static struct core_op *
op_of_host(struct core *c, struct core_host *h, uint64_t id, uint64_t epoch)
{
        struct core_op *op = op_find(c, id);

        if (!op)
                return NULL;
        if (op_kind_is_works(op->row.op.kind) || strcmp(op->row.op.host, h->row.host.name) != 0 || epoch > op->row.op.epoch) {
                core_event_security(c, h->row.host.name, "operation",
                                    "it spoke of operation %" PRIu64 " epoch %" PRIu64 ", which it was not given", id, epoch);
                return NULL;
        }
        return op;
}

void
core_op_progress(struct core *c, struct core_host *h, const struct msg_agent_op_progress *m)
{
        struct core_op *op = op_of_host(c, h, m->id, m->epoch);

        if (!op)
                return;
        op->row.op.percent = m->percent > 100 ? 100 : m->percent;
        if (strcmp(op->row.op.step, m->step) != 0) { /* a new step is worth a row, a percent is not */
                str_copy(op->row.op.step, sizeof(op->row.op.step), m->step);
                touch(c, op);
        }
}

static void
take_result(struct core *c, struct core_host *h, struct core_op *op, const struct msg_agent_op_result *m)
{
        enum error_code code = strcmp(m->code, error_text(ERR_NONE)) == 0 ? ERR_NONE : error_from_text(m->code);
        struct core_domain *d = core_domain_by_uuid(c, op->row.uuid);

        /* Its hv forgot (it was restarted) and finds the domain that it made before. */
        if (code == ERR_EXISTS && op->row.op.kind == OP_DOMAIN_CREATE && d && d->on == h && d->row.info.op == op->row.op.id &&
            d->row.info.domid)
                code = ERR_NONE;
        /* Nothing to shut down or destroy is what was wanted. */
        if (code == ERR_NOT_FOUND && (op->row.op.kind == OP_DOMAIN_DESTROY || op->row.op.kind == OP_DOMAIN_SHUTDOWN))
                code = ERR_NONE;
        if (code != ERR_NONE) {
                core_op_failed(c, op, code, m->text);
                return;
        }
        if (op->row.op.kind == OP_HOST_REBOOT) { /* it begins now; done is it when the next dom0 has come (came_about) */
                str_copy(op->row.op.step, sizeof(op->row.op.step), "reboot");
                touch(c, op);
                return;
        }
        if (d && m->domain.state == DOMAIN_GONE && !memcmp(m->domain.uuid, op->row.uuid, sizeof(op->row.uuid)))
                core_domain_set_state(c, d, DOMAIN_GONE);
        if (op->row.op.kind == OP_DOMAIN_CREATE && d && !memcmp(m->domain.uuid, op->row.uuid, sizeof(op->row.uuid))) {
                d->row.info.domid = m->domain.domid;
                d->row.info.memory_kib = m->domain.memory_kib ? m->domain.memory_kib : d->row.info.memory_kib;
                core_mark_domain(c, d);
        }
        core_op_done(c, op);
}

void
core_op_result(struct core *c, struct core_host *h, const struct msg_agent_op_result *m)
{
        struct core_op *op = op_find(c, m->id);
        struct msg_agent_op_ack ack = {.conn = h->conn, .id = m->id};

        if (op) {
                op = op_of_host(c, h, m->id, m->epoch);
                if (!op)
                        return;
                take_result(c, h, op, m);
        }
        /* Also for one that ended before: the agent repeats its result until it hears this. It leaves after the commit. */
        core_send(c, ROLE_API, MSG_AGENT_OP_ACK, &ack);
}

/* --- requests --- */

static int
check_action(struct core *c, const struct core_domain *d, const struct msg_api_domain_action *m, struct error *err)
{
        if (!d)
                return error_set(err, ERR_NOT_FOUND, "domain '%s' is not known; see 'dompool domain list'", m->name);
        if (m->verb > VERB_DESTROY)
                return error_set(err, ERR_INVALID, "there is no action number %u", m->verb);
        if (m->timeout_seconds > CORE_SHUTDOWN_MAX_S)
                return error_set(err, ERR_LIMIT, "a timeout is at most %d s", CORE_SHUTDOWN_MAX_S);
        if (core_op_check_free(c, d->row.info.name, err))
                return error_to_errno(err->code);
        if (d->row.info.state == DOMAIN_GONE)
                return m->verb == VERB_DESTROY ? 0 : error_set(err, ERR_STATE, "domain '%s' does not run any more", m->name);
        if (!d->on || d->on->row.state != HOST_READY)
                return error_set(err, ERR_UNREACHABLE, "host '%s' of domain '%s' is %s", d->row.host, m->name,
                                 d->on ? host_state_names[d->on->row.state] : "not known any more");
        return 0;
}

void
core_op_domain_action(struct core *c, const struct msg_api_domain_action *m)
{
        struct core_domain *d = core_domain_find(c, m->name);
        struct core_op *op;
        struct error err;

        if (core_op_by_key(c, m->request, m->by, m->key))
                return;
        if (check_action(c, d, m, &err)) {
                core_reply_error(c, m->request, &err);
                return;
        }
        op = core_op_new(c, m->request, m->verb == VERB_DESTROY ? OP_DOMAIN_DESTROY : OP_DOMAIN_SHUTDOWN, d->row.info.name,
                         d->row.host, m->by, m->key);
        if (!op)
                return;
        memcpy(op->row.uuid, d->row.info.uuid, sizeof(op->row.uuid));
        op->row.timeout_seconds = m->timeout_seconds ? m->timeout_seconds : CORE_SHUTDOWN_DEFAULT_S;
        touch(c, op);
        if (d->row.info.state == DOMAIN_GONE)
                core_op_done(c, op);
        else
                core_op_push(c, op);
}

void
core_op_host_reboot(struct core *c, const struct msg_api_name *m)
{
        struct core_host *h = core_host_find(c, m->name);
        struct core_op *op, *next;
        struct error err = {.code = ERR_NONE};

        if (core_op_by_key(c, m->request, m->by, m->key))
                return;
        if (!h)
                error_set(&err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", m->name);
        else if (h->row.state != HOST_READY)
                error_set(&err, ERR_UNREACHABLE, "host '%s' is %s: only its agent can reboot it", m->name,
                          host_state_names[h->row.state]);
        else
                HASH_ITER(hh, c->ops, op, next)
        if (!strcmp(op->row.op.host, m->name))
                error_set(&err, ERR_BUSY, "operation %" PRIu64 " (%s) is under way on host '%s'", op->row.op.id,
                          op_kind_names[op->row.op.kind], m->name);
        if (err.code != ERR_NONE) {
                core_reply_error(c, m->request, &err);
                return;
        }
        op = core_op_new(c, m->request, OP_HOST_REBOOT, m->name, m->name, m->by, m->key);
        if (op)
                core_op_push(c, op);
}

/* Is it time to give up an operation? Then @ret says why. */
static bool
hopeless(struct core *c, const struct operation *o, char *ret, size_t size)
{
        struct core_host *h = core_host_find(c, o->host);

        if (!h || (h->row.state == HOST_LOST && core_mono(c) - h->lost_mono_ms >= CORE_LOST_OP_LIMIT_MS)) {
                snprintf(ret, size, "host '%s' is lost for more than %d minutes", o->host, CORE_LOST_OP_LIMIT_MS / 60000);
                return true;
        }
        if (o->kind == OP_HOST_REBOOT && core_wall(c) - o->created_ms >= CORE_REBOOT_LIMIT_MS) {
                snprintf(ret, size, "host '%s' has not come back within %d minutes; see 'dompool host trace %s'", o->host,
                         CORE_REBOOT_LIMIT_MS / 60000, o->host);
                return true;
        }
        return false;
}

void
core_op_tick(struct core *c)
{
        struct core_op *op, *next;
        char text[300];

        HASH_ITER(hh, c->ops, op, next)
        {
                if (!op_kind_is_works(op->row.op.kind) && hopeless(c, &op->row.op, text, sizeof(text)))
                        core_op_failed(c, op, ERR_UNREACHABLE, text);
        }
}
