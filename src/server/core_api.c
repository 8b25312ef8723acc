/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to GET: resources as JSON by a table, and the long polls that wait for an event or for the end of an operation.
 * Form: docs/ARCHITECTURE.md, "The API". Process: core.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rec_json.h"
#include "image/image_diff.h"
#include "server/core_private.h"

typedef json_t *(*resource_fn)(struct core *c, const struct msg_api_get *m, struct error *err);

static uint32_t
rows(const struct msg_api_get *m)
{
        uint32_t n = m->limit ? m->limit : CORE_ROWS_DEFAULT;

        return n > CORE_ROWS_MAX ? CORE_ROWS_MAX : n;
}

static json_t *
roles_json(const struct core *c)
{
        static const enum role roles[] = {ROLE_BOOT, ROLE_FILES, ROLE_API, ROLE_WORK, ROLE_CAPTURE};
        json_t *json = json_pack("{s:s}", role_names[ROLE_CORE], "up");
        size_t i;

        for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
                json_object_set_new(json, role_names[roles[i]], json_string(c->peers[roles[i]] ? "up" : "down"));
        return json;
}

static json_t *
get_server(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *hosts = json_object();
        int by_state[HOST_N] = {0};
        struct core_host *h, *next;
        int i;

        (void)m, (void)err;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        by_state[h->row.state]++;
        for (i = 0; i < HOST_N; i++)
                json_object_set_new(hosts, host_state_names[i], json_integer(by_state[i]));
        return json_pack("{s:s,s:i,s:I,s:I,s:o,s:{s:i,s:o,s:i,s:i,s:i,s:i,s:I}}", "version", DOMPOOL_VERSION,
                         "messages_version", MESSAGES_VERSION, "started_ms", (json_int_t)c->started_ms, "time_ms",
                         (json_int_t)core_wall(c), "roles", roles_json(c), "counts", "hosts",
                         (int)HASH_CNT(by_name, c->hosts_by_name), "hosts_by_state", hosts, "unknown",
                         (int)HASH_COUNT(c->unknown), "domains", (int)HASH_COUNT(c->domains), "operations_active",
                         (int)HASH_COUNT(c->ops), "images", (int)c->n_images, "events", (json_int_t)c->last_event);
}

static json_t *
get_hosts(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        struct core_host *h, *next;

        (void)err;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (json_array_size(list) >= rows(m))
                        break;
                json_array_append_new(list, core_host_json(c, h));
        }
        return json_pack("{s:o}", "hosts", list);
}

static struct core_host *
named_host(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_host *h = core_host_find(c, m->name);

        if (!h)
                error_set(err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", m->name);
        return h;
}

static json_t *
get_host(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_host *h = named_host(c, m, err);

        return h ? core_host_json(c, h) : NULL;
}

static json_t *
get_trace(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_host *h = named_host(c, m, err);

        return h ? core_boot_trace_json(c, h) : NULL;
}

static json_t *
get_images(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        size_t i;

        (void)err;
        core_policy_look(c);
        for (i = 0; i < c->n_images && i < rows(m); i++)
                json_array_append_new(list, core_policy_image_json(c, &c->images[i]));
        return json_pack("{s:o}", "images", list);
}

/* One version in full: who uses it, and what makes it big. */
static json_t *
image_json_full(struct core *c, const struct image *im)
{
        json_t *json = core_policy_image_json(c, im);

        json_object_set_new(json, "used_by", core_image_users(c, im));
        json_object_set_new(json, "biggest", image_biggest_json(c->config->image_store, im));
        return json;
}

static json_t *
get_image(struct core *c, const struct msg_api_get *m, struct error *err)
{
        const struct image *im = core_policy_image_asked(c, m->name, err);

        return im ? image_json_full(c, im) : NULL;
}

static json_t *
get_domains(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        struct core_domain *d, *next;

        (void)err;
        HASH_ITER(hh, c->domains, d, next)
        {
                if (json_array_size(list) >= rows(m))
                        break;
                if (!*m->filter || !strcmp(d->row.host, m->filter))
                        json_array_append_new(list, core_domain_json(c, d));
        }
        return json_pack("{s:o}", "domains", list);
}

static json_t *
get_domain(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_domain *d = core_domain_find(c, m->name);

        if (d)
                return core_domain_json(c, d);
        error_set(err, ERR_NOT_FOUND, "domain '%s' is not known; see 'dompool domain list'", m->name);
        return NULL;
}

/* --- operations --- */

/* An active one is newer in memory than in its row. */
static json_t *
op_json(struct core *c, const struct store_op *row)
{
        struct core_op *active;

        HASH_FIND(hh, c->ops, &row->op.id, sizeof(row->op.id), active);
        return rec_to_json(&operation_desc, active ? &active->row.op : &row->op);
}

struct op_list {
        struct core *core;
        json_t *list;
};

static int
add_op(void *arg, const struct store_op *row)
{
        struct op_list *l = arg;

        json_array_append_new(l->list, op_json(l->core, row));
        return 0;
}

static json_t *
get_ops(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct op_list l = {.core = c, .list = json_array()};

        if (store_ops(c->store, false, rows(m), add_op, &l, err)) {
                json_decref(l.list);
                return NULL;
        }
        return json_pack("{s:o}", "operations", l.list);
}

static json_t *
get_op(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct store_op row;
        int r = store_op_get(c->store, m->number, &row, err);

        if (r == 0)
                error_set(err, ERR_NOT_FOUND, "there is no operation %llu; see 'dompool op list'",
                          (unsigned long long)m->number);
        return r == 1 ? op_json(c, &row) : NULL;
}

/* --- events --- */

struct event_list {
        json_t *list;
        uint64_t last;
};

static int
add_event(void *arg, const struct event *ev)
{
        struct event_list *l = arg;

        l->last = ev->id;
        json_array_append_new(l->list, rec_to_json(&event_desc, ev));
        return 0;
}

/* "last" is what the next question's "after" should be: with a filter, everything up to the newest was looked at. */
static json_t *
get_events(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct event_list l = {.list = json_array()};

        if (store_events(c->store, m->number, m->filter, rows(m), add_event, &l, err)) {
                json_decref(l.list);
                return NULL;
        }
        if (json_array_size(l.list) < rows(m))
                l.last = c->last_event;
        return json_pack("{s:o,s:I}", "events", l.list, "last", (json_int_t)l.last);
}

static const resource_fn resources[RES_N] = {
        [RES_SERVER] = get_server,
        [RES_HOSTS] = get_hosts,
        [RES_HOST] = get_host,
        [RES_HOST_TRACE] = get_trace,
        [RES_HOST_EXPLAIN] = core_explain_json,
        [RES_HOST_CAPTURE] = core_capture_json,
        [RES_UNKNOWN] = core_unknowns_json,
        [RES_UNKNOWN_HOST] = core_unknown_json,
        [RES_PROFILES] = core_profiles_json,
        [RES_IMAGES] = get_images,
        [RES_IMAGE] = get_image,
        [RES_IMAGE_DIFF] = core_image_diff_json,
        [RES_IMAGE_GC] = core_image_gc_json,
        [RES_IMAGE_CHECK] = core_guard_image_json,
        [RES_DOMAINS] = get_domains,
        [RES_DOMAIN] = get_domain,
        [RES_OPS] = get_ops,
        [RES_OP] = get_op,
        [RES_EXPORTS] = core_exports_json,
        [RES_EXPORT] = core_export_json,
        [RES_CANARIES] = core_canaries_json,
        [RES_CANARY] = core_canary_json,
        [RES_SATELLITES] = core_satellites_json,
        [RES_SATELLITE] = core_satellite_json,
        [RES_EVENTS] = get_events,
};

/* --- long polls --- */

/* Is there as yet nothing to say to one who would rather wait? */
static bool
would_wait(struct core *c, const struct msg_api_get *m)
{
        struct event_list l = {0};
        struct core_op *op;
        struct error err;

        if (m->resource == RES_OP) {
                HASH_FIND(hh, c->ops, &m->number, sizeof(m->number), op);
                return op != NULL;
        }
        if (m->resource == RES_CANARY)
                return core_canary_runs(c, m->number);
        if (m->resource != RES_EVENTS)
                return false;
        if (m->number >= c->last_event)
                return m->number == c->last_event; /* a number from before a lost database is answered at once */
        if (!*m->filter)
                return false;
        l.list = json_array();
        if (store_events(c->store, m->number, m->filter, 1, add_event, &l, &err))
                core_db_failed(c, &err);
        json_decref(l.list);
        return l.last == 0;
}

static void
answer(struct core *c, const struct msg_api_get *m)
{
        struct error err = {.code = ERR_NONE};
        json_t *json = resources[m->resource](c, m, &err);

        if (err.code != ERR_NONE)
                core_reply_error(c, m->request, &err);
        else
                core_reply_json(c, m->request, 200, json);
}

void
core_api_get(struct core *c, const struct msg_api_get *m)
{
        struct core_waiter *w;
        struct error err;

        if (m->resource >= RES_N) {
                error_set(&err, ERR_INVALID, "there is no resource number %u", m->resource);
                core_reply_error(c, m->request, &err);
                return;
        }
        if (!m->wait_ms || !would_wait(c, m)) {
                answer(c, m);
                return;
        }
        if (c->n_waiters >= CORE_MAX_WAITERS || !(w = calloc(1, sizeof(*w)))) {
                error_set(&err, ERR_LIMIT, "%d requests wait already, the most a server takes", CORE_MAX_WAITERS);
                core_reply_error(c, m->request, &err);
                return;
        }
        w->get = *m;
        w->deadline_mono_ms = core_mono(c) + (m->wait_ms > CORE_WAIT_MAX_MS ? CORE_WAIT_MAX_MS : m->wait_ms);
        DL_APPEND(c->waiters, w);
        c->n_waiters++;
}

static void
remove_waiter(struct core *c, struct core_waiter *w)
{
        DL_DELETE(c->waiters, w);
        c->n_waiters--;
        free(w);
}

void
core_api_cancel(struct core *c, const struct msg_api_cancel *m)
{
        struct core_waiter *w, *next;

        DL_FOREACH_SAFE(c->waiters, w, next)
        if (w->get.request == m->request)
                remove_waiter(c, w);
        core_compare_drop(c, m->request);
}

void
core_api_wake(struct core *c)
{
        struct core_waiter *w, *next;
        bool woken = c->wake;

        c->wake = false;
        DL_FOREACH_SAFE(c->waiters, w, next)
        if (core_mono(c) >= w->deadline_mono_ms || (woken && !would_wait(c, &w->get))) {
                answer(c, &w->get);
                remove_waiter(c, w);
        }
}

void
core_api_drop_waiters(struct core *c)
{
        struct core_waiter *w, *next;

        DL_FOREACH_SAFE(c->waiters, w, next)
        remove_waiter(c, w);
}
