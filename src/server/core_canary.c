/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canaries: a profile that a few hosts boot first (src/model/canary.h says what becomes of them). Here are the choice of these
 * hosts, what is seen of them, and what is done: an order for one boot, reboots, the setting for all, or the way back. Each
 * canary is a row, written with the rows of its hosts and operations in one commit, so a core that died goes on. Process: core.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rec_json.h"
#include "server/core_private.h"
#include "server/core_trial.h"

#define KEEP 50 /* rows; the oldest that are over go */
#define MAX_ACTIVE 16
#define AGAIN_MS 60000 /* after a reboot or a destroy that came to nothing */
#define WHY_SIZE 400

/* --- rows --- */

static void
mark(struct core_canary *cn)
{
        cn->row_dirty = true;
}

void
core_canary_write(struct core *c)
{
        struct core_canary *cn;
        struct error err;

        DL_FOREACH(c->canaries, cn)
        {
                if (cn->row_dirty && store_canary_put(c->store, &cn->row, &err))
                        core_db_failed(c, &err);
                cn->row_dirty = false;
        }
}

/* Hosts know of which canary they are a part as long as that is not over. */
static void
mark_hosts(struct core *c, const struct core_canary *cn, uint64_t id)
{
        const char *at = (const char *)cn->row.waiting.data;
        struct core_host *h;
        char name[NAME_SIZE];

        for (uint32_t i = 0; i < cn->row.n_hosts; i++)
                if ((h = core_host_find(c, cn->row.hosts[i].host)))
                        h->canary = id;
        while (at && (at = list_next(at, name)))
                if ((h = core_host_find(c, name)))
                        h->canary = id;
}

static int
load_one(void *arg, struct canary *row)
{
        struct core *c = arg;
        struct core_canary *cn = calloc(1, sizeof(*cn));

        if (!cn)
                return -1;
        cn->row = *row;
        row->waiting = (struct blob){0}; /* it is ours now */
        DL_APPEND(c->canaries, cn);
        if (!canary_is_over(cn->row.state))
                mark_hosts(c, cn, cn->row.id);
        return 0;
}

int
core_canary_load(struct core *c, struct error *err)
{
        int r = store_canaries(c->store, load_one, c, err);

        return r == -1 ? error_set(err, ERR_NO_SPACE, "no memory for canaries") : r;
}

static void
forget(struct core *c, struct core_canary *cn)
{
        DL_DELETE(c->canaries, cn);
        rec_clear(&canary_desc, &cn->row);
        free(cn);
}

void
core_canary_free(struct core *c)
{
        struct core_canary *cn, *next;

        DL_FOREACH_SAFE(c->canaries, cn, next)
        forget(c, cn);
}

static void
trim(struct core *c)
{
        struct core_canary *cn, *next;
        struct error err;
        unsigned n = 0;

        DL_FOREACH_SAFE(c->canaries, cn, next)
        {
                if (++n <= KEEP || !canary_is_over(cn->row.state))
                        continue;
                if (store_canary_delete(c->store, cn->row.id, &err))
                        core_db_failed(c, &err);
                forget(c, cn);
        }
}

static struct core_canary *
find(struct core *c, uint64_t id)
{
        struct core_canary *cn;

        DL_FOREACH(c->canaries, cn)
        if (cn->row.id == id)
                return cn;
        return NULL;
}

bool
core_canary_runs(struct core *c, uint64_t id)
{
        const struct core_canary *cn = find(c, id);

        return cn && !canary_is_over(cn->row.state);
}

static void tell(struct core *c, const struct core_canary *cn, const char *what, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static void
tell(struct core *c, const struct core_canary *cn, const char *what, const char *fmt, ...)
{
        char id[24], text[sizeof(((struct event *)0)->text)];
        va_list ap;

        snprintf(id, sizeof(id), "%" PRIu64, cn->row.id);
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        core_event(c, "canary", id, what, 0, "%s", text);
}

/* --- what others ask --- */

int
core_canary_check_free(const struct core_host *h, struct error *err)
{
        if (!h->canary)
                return 0;
        return error_set(err, ERR_BUSY,
                         "host '%s' is part of canary %" PRIu64 "; wait for its end, or 'dompool canary promote %" PRIu64
                         "' or 'dompool canary abort %" PRIu64 "'",
                         h->row.host.name, h->canary, h->canary, h->canary);
}

void
core_canary_users(struct core *c, const struct image *im, json_t *list)
{
        struct core_canary *cn;
        char text[60];

        DL_FOREACH(c->canaries, cn)
        {
                bool tries = strncmp(cn->row.version, im->id, CANARY_VERSION_SIZE - 1) == 0;

                for (uint32_t i = 0; i < cn->row.n_hosts; i++)
                        tries |= strncmp(cn->row.hosts[i].version, im->id, CANARY_VERSION_SIZE - 1) == 0;
                if (!tries || canary_is_over(cn->row.state))
                        continue;
                snprintf(text, sizeof(text), "canary %" PRIu64 " tries it", cn->row.id);
                json_array_append_new(list, json_string(text));
        }
}

/* --- reboots --- */

static struct core_op *
op_on(struct core *c, const char *host)
{
        struct core_op *op, *next;

        HASH_ITER(hh, c->ops, op, next)
        if (strcmp(op->row.op.host, host) == 0)
                return op;
        return NULL;
}

static void
reboot(struct core *c, struct core_canary *cn, struct canary_host *t)
{
        char by[NAME_SIZE];
        struct core_op *op;

        snprintf(by, sizeof(by), "canary %" PRIu64, cn->row.id);
        op = core_op_new(c, 0, OP_HOST_REBOOT, t->host, t->host, by, "");
        if (!op)
                return;
        t->operation = op->row.op.id;
        t->since_ms = core_wall(c);
        core_op_push(c, op);
        mark(cn);
}

/* Why its reboot came to nothing; "" while it is under way, or done. */
static const char *
reboot_refused(struct core *c, const struct canary_host *t, struct store_op *buf)
{
        struct core_op *op;
        struct error err;

        HASH_FIND(hh, c->ops, &t->operation, sizeof(t->operation), op);
        if (op || !t->operation || t->state != CANARY_HOST_BOOTING || store_op_get(c->store, t->operation, buf, &err) != 1)
                return "";
        return buf->op.state == OP_FAILED ? buf->op.error_text : "";
}

/* --- the trial guest --- */

static void
guest_name(const struct core_canary *cn, const struct canary_host *t, char ret[NAME_SIZE])
{
        snprintf(ret, NAME_SIZE, "canary-%" PRIu64 "-%u", cn->row.id, (unsigned)(t - cn->row.hosts) + 1);
}

static struct core_domain *
guest_of(struct core *c, const struct core_canary *cn, const struct canary_host *t)
{
        struct core_domain *d;
        char name[NAME_SIZE];

        guest_name(cn, t, name);
        d = t->guest ? core_domain_find(c, name) : NULL;
        return d && d->row.info.state != DOMAIN_GONE ? d : NULL;
}

static int
start_guest(struct core *c, struct core_canary *cn, struct canary_host *t, struct error *err)
{
        struct msg_api_domain_create m = {0};

        domain_config_init(&m.config);
        guest_name(cn, t, m.config.name);
        m.config.type = DOMAIN_PVH;
        m.config.memory_kib = CORE_TRIAL_MEMORY_KIB;
        str_copy(m.config.kernel.path, sizeof(m.config.kernel.path), CORE_TRIAL_KERNEL);
        str_copy(m.host, sizeof(m.host), t->host);
        snprintf(m.by, sizeof(m.by), "canary %" PRIu64, cn->row.id);
        t->guest = core_create_op(c, &m, err);
        mark(cn);
        return t->guest ? 0 : error_to_errno(err->code);
}

/* Goes on with the guest of a host that is watched. "", or why it does not start. */
static const char *
try_guest(struct core *c, struct core_canary *cn, struct canary_host *t, struct store_op *buf, struct error *err)
{
        struct core_op *op;

        if (t->guest_started)
                return "";
        if (!t->guest)
                return start_guest(c, cn, t, err) < 0 ? err->message : "";
        HASH_FIND(hh, c->ops, &t->guest, sizeof(t->guest), op);
        if (op)
                return "";
        if (store_op_get(c->store, t->guest, buf, err) != 1)
                return "its operation is not in the database any more";
        t->guest_started = buf->op.state == OP_DONE;
        mark(cn);
        return t->guest_started ? "" : buf->op.error_text;
}

/* It is not needed any more. */
static void
remove_guest(struct core *c, struct core_canary *cn, struct canary_host *t)
{
        struct core_domain *d = guest_of(c, cn, t);
        char name[NAME_SIZE], by[NAME_SIZE];

        guest_name(cn, t, name);
        if (core_op_active(c, name, false))
                return;
        if (!d) {
                t->guest_gone = true;
        } else if (core_wall(c) - t->guest_asked_ms < AGAIN_MS) {
                return;
        } else {
                t->guest_asked_ms = core_wall(c);
                snprintf(by, sizeof(by), "canary %" PRIu64, cn->row.id);
                core_op_destroy(c, d, by);
        }
        mark(cn);
}

static void
remove_guests(struct core *c, struct core_canary *cn)
{
        for (uint32_t i = 0; i < cn->row.n_hosts; i++) {
                struct canary_host *t = &cn->row.hosts[i];

                if (t->guest && !t->guest_gone &&
                    (t->guest_started || t->state != CANARY_HOST_WATCHED || canary_is_over(cn->row.state)))
                        remove_guest(c, cn, t);
        }
}

/* --- the end --- */

static void
end(struct core *c, struct core_canary *cn, enum canary_state state)
{
        cn->row.state = state;
        cn->row.ended_ms = core_wall(c);
        mark_hosts(c, cn, 0);
        mark(cn);
        tell(c, cn, canary_state_names[state], "%s", cn->row.text);
}

/* They get the version that was tried, not the name that was asked for: what is built later has its own canary. */
static void
promote(struct core *c, struct core_canary *cn, const char *why)
{
        struct msg_api_host_profile m = {0};
        const char *at = (const char *)cn->row.waiting.data;
        struct core_host *h;
        char name[NAME_SIZE];
        unsigned n = 0;

        str_copy(m.profile, sizeof(m.profile), cn->row.profile);
        str_copy(m.by, sizeof(m.by), cn->row.by);
        str_copy(m.image, sizeof(m.image), cn->row.version);
        for (uint32_t i = 0; i < cn->row.n_hosts; i++) {
                if (!(h = core_host_find(c, cn->row.hosts[i].host)))
                        continue;
                core_profile_set_host(c, h, &m);
                n++;
        }
        while (at && (at = list_next(at, name))) {
                if (!(h = core_host_find(c, name)))
                        continue;
                core_profile_set_host(c, h, &m);
                n++;
        }
        snprintf(cn->row.text, sizeof(cn->row.text), "%s: %u hosts have profile '%s'%s%s from their next boot on", why, n,
                 m.profile, *m.image ? ", image " : "", m.image);
        end(c, cn, CANARY_PROMOTED);
}

/* The others have never been touched. */
static void
go_back(struct core *c, struct core_canary *cn, const char *why)
{
        struct canary *row = &cn->row;

        row->state = CANARY_GOING_BACK;
        row->back_ms = core_wall(c);
        str_copy(row->text, sizeof(row->text), why);
        for (uint32_t i = 0; i < row->n_hosts; i++) {
                struct canary_host *t = &row->hosts[i];
                struct core_host *h = core_host_find(c, t->host);

                t->state = CANARY_HOST_GOING_BACK;
                t->since_ms = row->back_ms;
                t->operation = 0;
                if (h && h->row.setting.once_set_ms == row->began_ms)
                        core_profile_once_drop(c, h, "its canary goes back");
        }
        mark(cn);
        tell(c, cn, canary_state_names[CANARY_GOING_BACK], "%s", why);
}

/* --- each second --- */

static void
look_at_host(struct core *c, struct core_canary *cn, struct canary_host *t)
{
        struct core_host *h = core_host_find(c, t->host);
        struct canary_sight now = {.image = "", .stage = "", .state = "", .refused = "", .guest_refused = ""};
        struct host_inventory inventory;
        struct store_op op, create;
        struct error err;
        int stage;

        if (h) {
                stage = boot_furthest(core_boot_look(c, h));
                now = (struct canary_sight){.known = true,
                                            .ready = h->row.state == HOST_READY && !h->fresh_dom0,
                                            .connected = h->conn != 0,
                                            .state = host_state_names[h->row.state],
                                            .stage = stage < 0 ? "" : boot_stage_names[stage],
                                            .image = core_row_inventory(&h->row, &inventory)->image,
                                            .attempt_ms = h->row.attempt_ms,
                                            .n_domains = h->n_domains - (guest_of(c, cn, t) != NULL),
                                            .takes_guest = h->row.can.pvh,
                                            .guest_refused = "",
                                            .refused = reboot_refused(c, t, &op)};
                if (t->state == CANARY_HOST_WATCHED && now.ready && now.takes_guest)
                        now.guest_refused = try_guest(c, cn, t, &create, &err);
        }
        if (canary_judge(&cn->row, t, &now, core_wall(c))) {
                tell(c, cn, canary_host_state_names[t->state], "host %s: %s", t->host, t->text);
                mark(cn);
        }
        if (canary_wants_reboot(&cn->row, t, &now) && !op_on(c, t->host) &&
            (!t->operation || core_wall(c) - t->since_ms >= AGAIN_MS))
                reboot(c, cn, t);
}

static void
look_at(struct core *c, struct core_canary *cn)
{
        const struct canary_host *failure;
        enum canary_state verdict;
        char why[sizeof(cn->row.text)];

        for (uint32_t i = 0; i < cn->row.n_hosts; i++)
                look_at_host(c, cn, &cn->row.hosts[i]);
        verdict = canary_verdict(&cn->row);
        if (verdict == cn->row.state)
                return;
        if (verdict == CANARY_PROMOTED) {
                promote(c, cn, "all of the trial are good");
        } else if (verdict == CANARY_GOING_BACK) {
                failure = canary_failure(&cn->row);
                snprintf(why, sizeof(why), "host %s: %s", failure->host, failure->text);
                go_back(c, cn, why);
        } else {
                end(c, cn, verdict);
        }
}

void
core_canary_tick(struct core *c)
{
        struct core_canary *cn;

        DL_FOREACH(c->canaries, cn)
        {
                if (!canary_is_over(cn->row.state))
                        look_at(c, cn);
                remove_guests(c, cn);
        }
}

/* --- the beginning --- */

static int
by_name(const void *a, const void *b)
{
        return strcmp((*(struct core_host *const *)a)->row.host.name, (*(struct core_host *const *)b)->row.host.name);
}

/* NULL: it may be one of the trial. */
static const char *
unfit(struct core *c, const struct core_host *h)
{
        if (h->row.state != HOST_READY || !h->conn)
                return h->row.state == HOST_READY ? "not connected" : host_state_names[h->row.state];
        if (h->n_domains)
                return "has domains";
        if (*h->row.setting.once)
                return "has an order for its next boot";
        return op_on(c, h->row.host.name) ? "has an operation under way" : NULL;
}

static const struct image *
image_for(struct core *c, const struct msg_api_host_profile *m, const struct core_host *h)
{
        const struct profile *p = config_profile(c->config, m->profile);

        return core_policy_image(c, *m->image ? m->image : *p->image ? p->image : core_host_image(c, h));
}

/* The first of the list, which is sorted by name, that can be rebooted without harm. */
static int
choose(struct core *c, const struct msg_api_host_profile *m, struct core_host **hosts, size_t n, struct canary *row,
       struct error *err)
{
        char why[WHY_SIZE] = "";

        for (size_t i = 0; i < n && row->n_hosts < m->canary; i++) {
                const char *name = hosts[i]->row.host.name, *reason = unfit(c, hosts[i]);
                const struct image *im = image_for(c, m, hosts[i]);
                size_t used = strlen(why);

                if (!im && !reason)
                        return error_set(err, ERR_NOT_FOUND, "the image of host '%s' is not there", name);
                if (reason) {
                        snprintf(why + used, sizeof(why) - used, "%s%s: %s", used ? ", " : "", name, reason);
                        continue;
                }
                str_copy(row->hosts[row->n_hosts].host, NAME_SIZE, name);
                memcpy(row->hosts[row->n_hosts].version, im->id, CANARY_VERSION_SIZE - 1);
                row->hosts[row->n_hosts++].since_ms = row->began_ms;
        }
        if (row->n_hosts == m->canary)
                return 0;
        return error_set(err, ERR_STATE,
                         "%u hosts are to boot it first, but of these %zu only %u are ready and without domains (%s)",
                         m->canary, n, row->n_hosts, why);
}

static bool
is_chosen(const struct canary *row, const char *name)
{
        for (uint32_t i = 0; i < row->n_hosts; i++)
                if (strcmp(row->hosts[i].host, name) == 0)
                        return true;
        return false;
}

static int
list_waiting(struct core_host **hosts, size_t n, struct canary *row, struct error *err)
{
        char *text = calloc(n + 1, NAME_SIZE), *at = text;
        int r = 0;

        for (size_t i = 0; text && i < n; i++) {
                if (is_chosen(row, hosts[i]->row.host.name))
                        continue;
                if (row->n_waiting++)
                        *at++ = ' ';
                at = stpcpy(at, hosts[i]->row.host.name);
        }
        if (!text || blob_set(&row->waiting, text, (size_t)(at - text)) < 0)
                r = error_set(err, ERR_NO_SPACE, "no memory for a canary");
        else if (row->waiting.size > CANARY_MAX_NAMES)
                r = error_set(err, ERR_LIMIT, "the hosts' names have more than %u KiB, the most for a canary",
                              CANARY_MAX_NAMES >> 10);
        free(text);
        return r;
}

static int
check_start(struct core *c, const struct msg_api_host_profile *m, struct core_host **hosts, size_t n, struct error *err)
{
        const struct profile *p = config_profile(c->config, m->profile);
        const struct core_canary *cn;
        unsigned active = 0;
        int r;

        if (!p || p->kind != PROFILE_POOL || m->next)
                return error_set(err, ERR_INVALID, "a canary is for profiles of kind pool, and not for the next boot only");
        if (m->canary > CANARY_MAX_HOSTS || m->ready_seconds > CANARY_READY_MAX_S || m->watch_seconds > CANARY_WATCH_MAX_S)
                return error_set(err, ERR_INVALID, "a canary has at most %d hosts, %d s to be ready and %d s of watching",
                                 CANARY_MAX_HOSTS, CANARY_READY_MAX_S, CANARY_WATCH_MAX_S);
        DL_FOREACH(c->canaries, cn)
        active += !canary_is_over(cn->row.state);
        if (active >= MAX_ACTIVE)
                return error_set(err, ERR_LIMIT, "%d canaries are under way, the most at a time", MAX_ACTIVE);
        for (size_t i = 0; i < n; i++)
                if ((r = core_canary_check_free(hosts[i], err)) < 0)
                        return r;
        return 0;
}

static void
fill(struct core *c, const struct msg_api_host_profile *m, struct canary *row)
{
        const struct image *im = *m->image ? core_policy_image(c, m->image) : NULL;

        row->began_ms = core_wall(c);
        row->ready_seconds = m->ready_seconds ? m->ready_seconds : CANARY_READY_DEFAULT_S;
        row->watch_seconds = m->watch_seconds ? m->watch_seconds : CANARY_WATCH_DEFAULT_S;
        str_copy(row->profile, sizeof(row->profile), m->profile);
        str_copy(row->image, sizeof(row->image), m->image);
        str_copy(row->by, sizeof(row->by), m->by);
        if (im)
                memcpy(row->version, im->id, CANARY_VERSION_SIZE - 1);
}

/* Each of the trial gets the very version, whatever names come to mean meanwhile, for one boot. */
static void
begin(struct core *c, struct core_canary *cn)
{
        struct canary *row = &cn->row;

        for (uint32_t i = 0; i < row->n_hosts; i++) {
                struct core_host *h = core_host_find(c, row->hosts[i].host);
                struct msg_api_host_profile m = {.next = true};

                str_copy(m.profile, sizeof(m.profile), row->profile);
                str_copy(m.image, sizeof(m.image), row->hosts[i].version);
                str_copy(m.by, sizeof(m.by), row->by);
                core_profile_set_host(c, h, &m);
                h->row.setting.once_set_ms = row->began_ms;
                reboot(c, cn, &row->hosts[i]);
        }
        mark_hosts(c, cn, row->id);
        tell(c, cn, canary_state_names[CANARY_TESTING], "%u of %u hosts boot profile '%s'%s%s first: %s%s%s%s, by %s",
             row->n_hosts, row->n_hosts + row->n_waiting, row->profile, *row->version ? ", image " : "", row->version,
             row->hosts[0].host, row->n_hosts > 1 ? ", " : "", row->n_hosts > 1 ? row->hosts[1].host : "",
             row->n_hosts > 2 ? " ..." : "", row->by);
}

static json_t *
canary_json(const struct canary *row, bool full)
{
        json_t *json = rec_to_json(&canary_desc, row), *trial = json_array(), *waiting = json_array();
        const char *at = (const char *)row->waiting.data;
        char text[NAME_SIZE + 32], name[NAME_SIZE];

        for (uint32_t i = 0; i < row->n_hosts; i++) {
                snprintf(text, sizeof(text), "%s %s", row->hosts[i].host, canary_host_state_names[row->hosts[i].state]);
                json_array_append_new(trial, json_string(text));
        }
        while (full && at && (at = list_next(at, name)))
                json_array_append_new(waiting, json_string(name));
        json_object_set_new(json, "trial", trial);
        json_object_set_new(json, "waiting", waiting);
        return json;
}

json_t *
core_canary_start(struct core *c, const struct msg_api_host_profile *m, struct core_host **hosts, size_t n, struct error *err)
{
        struct core_canary *cn = calloc(1, sizeof(*cn));
        int r;

        qsort(hosts, n, sizeof(struct core_host *), by_name);
        if (!cn) {
                error_set(err, ERR_NO_SPACE, "no memory for a canary");
                return NULL;
        }
        fill(c, m, &cn->row);
        r = check_start(c, m, hosts, n, err);
        if (r == 0)
                r = choose(c, m, hosts, n, &cn->row, err);
        if (r == 0)
                r = list_waiting(hosts, n, &cn->row, err);
        if (r == 0 && (r = store_canary_insert(c->store, &cn->row, err)))
                core_db_failed(c, err);
        if (r) {
                rec_clear(&canary_desc, &cn->row);
                free(cn);
                return NULL;
        }
        DL_PREPEND(c->canaries, cn);
        begin(c, cn);
        trim(c);
        return canary_json(&cn->row, true);
}

/* --- the API --- */

json_t *
core_canaries_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        struct core_canary *cn;

        (void)m, (void)err;
        DL_FOREACH(c->canaries, cn)
        json_array_append_new(list, canary_json(&cn->row, false));
        return json_pack("{s:o}", "canaries", list);
}

static int
no_canary(uint64_t id, struct error *err)
{
        return error_set(err, ERR_NOT_FOUND, "there is no canary %" PRIu64 "; see 'dompool canary list'", id);
}

json_t *
core_canary_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_canary *cn = find(c, m->number);

        if (cn)
                return canary_json(&cn->row, true);
        no_canary(m->number, err);
        return NULL;
}

void
core_canary_end(struct core *c, const struct msg_api_canary_end *m)
{
        struct core_canary *cn = find(c, m->id);
        char why[120];
        struct error err;

        if (!cn || cn->row.state != CANARY_TESTING) {
                if (!cn)
                        no_canary(m->id, &err);
                else
                        error_set(&err, ERR_STATE, "canary %" PRIu64 " is %s", m->id, canary_state_names[cn->row.state]);
                core_reply_error(c, m->request, &err);
                return;
        }
        snprintf(why, sizeof(why), "%s by %s", m->promote ? "promoted" : "aborted", m->by);
        if (m->promote)
                promote(c, cn, why);
        else
                go_back(c, cn, why);
        core_reply_json(c, m->request, 200, canary_json(&cn->row, true));
}
