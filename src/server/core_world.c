/* SPDX-License-Identifier: Apache-2.0 */
/* Core's life: opening, the dispatch table, the outbox and the flush that commits before anything leaves. Process: core. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "server/core_private.h"
#include "server/core_text.h"

#define TRIM_EVERY_MS 60000
#define SWEEP_EVERY_MS 3600000

int64_t
core_mono(const struct core *c)
{
        return clock_mono_ms(c->params.clock);
}

int64_t
core_wall(const struct core *c)
{
        return clock_wall_ms(c->params.clock);
}

void
core_db_failed(struct core *c, const struct error *err)
{
        if (c->failed.code == ERR_NONE)
                c->failed = *err;
}

static bool
is_dirty(const struct core_host *h)
{
        return h->row_dirty || h->state_dirty || h->boot_dirty;
}

static void
mark(struct core *c, struct core_host *h, bool *dirty)
{
        if (!is_dirty(h))
                LL_PREPEND2(c->dirty_hosts, h, dirty_next);
        *dirty = true;
}

void
core_mark_host(struct core *c, struct core_host *h)
{
        mark(c, h, &h->row_dirty);
}

void
core_mark_state(struct core *c, struct core_host *h)
{
        mark(c, h, &h->state_dirty);
}

void
core_mark_boot(struct core *c, struct core_host *h)
{
        mark(c, h, &h->boot_dirty);
}

void
core_mark_domain(struct core *c, struct core_domain *d)
{
        if (!d->row_dirty)
                LL_PREPEND2(c->dirty_domains, d, dirty_next);
        d->row_dirty = true;
}

void
core_mark_op(struct core *c, struct core_op *op)
{
        if (!op->row_dirty)
                LL_PREPEND2(c->dirty_ops, op, dirty_next);
        op->row_dirty = true;
}

void
core_unmark_host(struct core *c, struct core_host *h)
{
        if (is_dirty(h))
                LL_DELETE2(c->dirty_hosts, h, dirty_next);
        h->row_dirty = h->state_dirty = h->boot_dirty = false;
}

void
core_unmark_domain(struct core *c, struct core_domain *d)
{
        if (d->row_dirty)
                LL_DELETE2(c->dirty_domains, d, dirty_next);
        d->row_dirty = false;
}

void
core_unmark_op(struct core *c, struct core_op *op)
{
        if (op->row_dirty)
                LL_DELETE2(c->dirty_ops, op, dirty_next);
        op->row_dirty = false;
}

/* --- outbox --- */

void
core_send_fd(struct core *c, enum role to, enum msg_type type, const void *payload, int fd)
{
        const struct rec_desc *desc = message_desc(type);
        struct core_message_out *m = calloc(1, sizeof(*m));
        struct error err;

        if (m)
                m->payload = calloc(1, desc->size);
        if (!m || !m->payload || rec_copy(desc, m->payload, payload)) {
                /* A promise that cannot be kept in order is kept by the next process, from the database. */
                error_set(&err, ERR_NO_SPACE, "no memory for a message %s", message_name(type));
                core_db_failed(c, &err);
                if (m)
                        free(m->payload);
                free(m);
                cleanup_close(&fd);
                return;
        }
        m->to = to;
        m->type = type;
        m->fd = fd;
        *c->out_last = m;
        c->out_last = &m->next;
}

void
core_send(struct core *c, enum role to, enum msg_type type, const void *payload)
{
        core_send_fd(c, to, type, payload, -1);
}

void
core_reply_json(struct core *c, uint64_t request, unsigned status, json_t *body)
{
        struct msg_api_reply reply = {.request = request, .status = status};
        char *text = body ? json_text(body) : NULL;
        struct error err;

        if (text && strlen(text) > REPLY_BODY_MAX) {
                free(text);
                json_decref(body);
                error_set(&err, ERR_LIMIT, "the answer has more than %u MiB; ask with a smaller limit", REPLY_BODY_MAX >> 20);
                core_reply_error(c, request, &err);
                return;
        }
        if (text) {
                reply.body.data = (uint8_t *)text;
                reply.body.size = strlen(text);
        } else {
                reply.status = error_http_status(ERR_INTERNAL);
        }
        core_send(c, ROLE_API, MSG_API_REPLY, &reply);
        free(text);
        json_decref(body);
}

void
core_reply_error(struct core *c, uint64_t request, const struct error *err)
{
        struct error e = *err;

        core_text_clean(e.message); /* it may have been cut within a character */
        core_reply_json(c, request, error_http_status(e.code),
                        json_pack("{s:{s:s,s:s}}", "error", "code", error_text(e.code), "message", e.message));
}

static void
deliver(struct core *c, const struct core_message_out *m)
{
        const struct core_out *out = &c->params.out;

        switch (m->to) {
        case ROLE_API:
                out->to_api(out->arg, m->type, m->payload);
                break;
        case ROLE_BOOT:
                out->to_boot(out->arg, m->type, m->payload, m->type == MSG_POLICY ? c->policy_fd : -1);
                break;
        case ROLE_FILES:
                out->to_files(out->arg, m->type, m->payload, m->type == MSG_POLICY ? c->policy_fd : -1);
                break;
        case ROLE_WORK:
                out->to_work(out->arg, m->type, m->payload, m->fd);
                break;
        case ROLE_PARENT:
                out->to_parent(out->arg, m->type, m->payload);
                break;
        case ROLE_CAPTURE:
                out->to_capture(out->arg, m->type, m->payload);
                break;
        default:
                break;
        }
}

static void
outbox_empty(struct core *c, bool send)
{
        struct core_message_out *m, *next;

        for (m = c->out_first; m; m = next) {
                next = m->next;
                if (send)
                        deliver(c, m);
                rec_clear(message_desc(m->type), m->payload);
                cleanup_close(&m->fd);
                free(m->payload);
                free(m);
        }
        c->out_first = NULL;
        c->out_last = &c->out_first;
}

static void
write_host(struct core *c, struct core_host *h)
{
        const struct store_host_state state = {.name = h->row.host.name,
                                               .state = h->row.state,
                                               .address_now = h->row.address_now,
                                               .boot = h->row.boot,
                                               .since_ms = h->row.since_ms,
                                               .attempt_ms = h->row.attempt_ms,
                                               .seen = &h->row.seen};
        struct error err;
        int r = 0;

        if (h->row_dirty) {
                core_row_expand(&h->row, &c->row_written);
                r = store_host_put(c->store, &c->row_written, &err);
        } else if (h->state_dirty) {
                r = store_host_put_state(c->store, &state, &err);
        }
        if (r < 0)
                core_db_failed(c, &err);
        core_boot_write(c, h);
        h->row_dirty = h->state_dirty = false;
}

static void
write_rows(struct core *c)
{
        struct core_host *h;
        struct core_domain *d;
        struct core_op *op;
        struct error err;

        while ((h = c->dirty_hosts)) {
                c->dirty_hosts = h->dirty_next;
                write_host(c, h);
        }
        core_satellite_write(c);
        core_canary_write(c);
        while ((d = c->dirty_domains)) {
                c->dirty_domains = d->dirty_next;
                d->row_dirty = false;
                if (store_domain_put(c->store, &d->row, &err))
                        core_db_failed(c, &err);
        }
        while ((op = c->dirty_ops)) {
                c->dirty_ops = op->dirty_next;
                op->row_dirty = false;
                if (store_op_update(c->store, &op->row, &err))
                        core_db_failed(c, &err);
        }
}

int
core_flush(struct core *c, struct error *err)
{
        struct error e;

        core_guest_push(c);
        if (c->policy_dirty)
                core_fallback_look_damage(c);
        core_api_wake(c);
        write_rows(c);
        core_boot_close_all(c);
        c->commit_due = false;
        if (c->failed.code == ERR_NONE && store_commit(c->store, &e)) /* <-- the line that commits an operation */
                core_db_failed(c, &e);
        if (c->failed.code != ERR_NONE) {
                outbox_empty(c, false);
                *err = c->failed;
                return error_to_errno(err->code);
        }
        core_policy_flush(c);
        outbox_empty(c, true);
        return 0;
}

int
core_flush_turn(struct core *c, struct error *err)
{
        core_guest_push(c);
        core_api_wake(c);
        if (c->commit_due || c->out_first || c->policy_dirty || c->failed.code != ERR_NONE)
                return core_flush(c, err);
        core_boot_close_all(c);
        return 0;
}

/* --- dispatch --- */

typedef void (*handler_fn)(struct core *c, const void *payload);

#define HANDLER(fn, type)                                                                                                      \
        static void handle_##fn(struct core *c, const void *payload)                                                           \
        {                                                                                                                      \
                fn(c, (const struct type *)payload);                                                                           \
        }

HANDLER(core_event_role_ended, msg_role_ended)
HANDLER(core_boot_event, msg_boot_event)
HANDLER(core_boot_lease, msg_lease_event)
HANDLER(core_machine_seen, msg_machine_seen)
HANDLER(core_boot_foreign, msg_foreign_dhcp)
HANDLER(core_boot_init_report, msg_init_report)
HANDLER(core_api_get, msg_api_get)
HANDLER(core_api_cancel, msg_api_cancel)
HANDLER(core_host_put, msg_api_host_put)
HANDLER(core_host_delete, msg_api_name)
HANDLER(core_unknown_adopt, msg_api_host_put)
HANDLER(core_unknown_change, msg_api_unknown_change)
HANDLER(core_host_profile_set, msg_api_host_profile)
HANDLER(core_canary_end, msg_api_canary_end)
HANDLER(core_what_if, msg_api_what_if)
HANDLER(core_op_host_reboot, msg_api_name)
HANDLER(core_fallback_retry, msg_api_name)
HANDLER(core_create, msg_api_domain_create)
HANDLER(core_op_domain_action, msg_api_domain_action)
HANDLER(core_op_image_build, msg_api_name)
HANDLER(core_image_change, msg_api_image_change)
HANDLER(core_agent_hello, msg_agent_hello)
HANDLER(core_agent_inventory, msg_agent_inventory)
HANDLER(core_agent_domains, msg_agent_domains)
HANDLER(core_agent_domain_event, msg_agent_domain_event)
HANDLER(core_agent_progress, msg_agent_op_progress)
HANDLER(core_agent_result, msg_agent_op_result)
HANDLER(core_agent_ping, msg_agent_ping)
HANDLER(core_agent_gone, msg_agent_gone)
HANDLER(core_keep_get, msg_agent_keep_get)
HANDLER(core_keep_offer, msg_agent_keep_offer)
HANDLER(core_keep_part, msg_agent_keep_part)
HANDLER(core_keep_drop, msg_api_name)
HANDLER(core_console_open, msg_console_open)
HANDLER(core_console_data, msg_console_data)
HANDLER(core_console_close, msg_console_close)
HANDLER(core_capture_open, msg_capture_open)
HANDLER(core_capture_close, msg_capture_close)
HANDLER(core_satellite_add, msg_api_satellite_add)
HANDLER(core_satellite_remove, msg_api_name)
HANDLER(core_satellite_hello, msg_satellite_hello)
HANDLER(core_satellite_get, msg_satellite_get)
HANDLER(core_satellite_state, msg_satellite_state)
HANDLER(core_satellite_boot, msg_satellite_boot)
HANDLER(core_satellite_lease, msg_satellite_lease)
HANDLER(core_satellite_unknown, msg_satellite_unknown)
HANDLER(core_satellite_foreign, msg_satellite_foreign)
HANDLER(core_satellite_init, msg_satellite_init)
HANDLER(core_export_states, msg_export_states)
HANDLER(core_op_work_progress, msg_work_progress)
HANDLER(core_op_work_result, msg_work_result)

/* Who may send what is checked by the channel (messages.def); here stands only what is done. */
static const handler_fn handlers[MSG_MAX] = {
        [MSG_ROLE_ENDED] = handle_core_event_role_ended,
        [MSG_BOOT_EVENT] = handle_core_boot_event,
        [MSG_LEASE_EVENT] = handle_core_boot_lease,
        [MSG_MACHINE_SEEN] = handle_core_machine_seen,
        [MSG_FOREIGN_DHCP] = handle_core_boot_foreign,
        [MSG_INIT_REPORT] = handle_core_boot_init_report,
        [MSG_API_GET] = handle_core_api_get,
        [MSG_API_CANCEL] = handle_core_api_cancel,
        [MSG_API_HOST_PUT] = handle_core_host_put,
        [MSG_API_HOST_DELETE] = handle_core_host_delete,
        [MSG_API_UNKNOWN_ADOPT] = handle_core_unknown_adopt,
        [MSG_API_UNKNOWN_CHANGE] = handle_core_unknown_change,
        [MSG_API_HOST_PROFILE] = handle_core_host_profile_set,
        [MSG_API_CANARY_END] = handle_core_canary_end,
        [MSG_API_WHAT_IF] = handle_core_what_if,
        [MSG_API_HOST_REBOOT] = handle_core_op_host_reboot,
        [MSG_API_HOST_RETRY] = handle_core_fallback_retry,
        [MSG_API_DOMAIN_CREATE] = handle_core_create,
        [MSG_API_DOMAIN_ACTION] = handle_core_op_domain_action,
        [MSG_API_IMAGE_BUILD] = handle_core_op_image_build,
        [MSG_API_IMAGE_CHANGE] = handle_core_image_change,
        [MSG_AGENT_HELLO] = handle_core_agent_hello,
        [MSG_AGENT_INVENTORY] = handle_core_agent_inventory,
        [MSG_AGENT_DOMAINS] = handle_core_agent_domains,
        [MSG_AGENT_DOMAIN_EVENT] = handle_core_agent_domain_event,
        [MSG_AGENT_OP_PROGRESS] = handle_core_agent_progress,
        [MSG_AGENT_OP_RESULT] = handle_core_agent_result,
        [MSG_AGENT_PING] = handle_core_agent_ping,
        [MSG_AGENT_GONE] = handle_core_agent_gone,
        [MSG_AGENT_KEEP_GET] = handle_core_keep_get,
        [MSG_AGENT_KEEP_OFFER] = handle_core_keep_offer,
        [MSG_AGENT_KEEP_PART] = handle_core_keep_part,
        [MSG_API_HOST_DROP_KEPT] = handle_core_keep_drop,
        [MSG_CONSOLE_OPEN] = handle_core_console_open,
        [MSG_CONSOLE_DATA] = handle_core_console_data,
        [MSG_CONSOLE_CLOSE] = handle_core_console_close,
        [MSG_CAPTURE_OPEN] = handle_core_capture_open,
        [MSG_CAPTURE_CLOSE] = handle_core_capture_close,
        [MSG_API_SATELLITE_ADD] = handle_core_satellite_add,
        [MSG_API_SATELLITE_REMOVE] = handle_core_satellite_remove,
        [MSG_SATELLITE_HELLO] = handle_core_satellite_hello,
        [MSG_SATELLITE_GET] = handle_core_satellite_get,
        [MSG_SATELLITE_STATE] = handle_core_satellite_state,
        [MSG_SATELLITE_BOOT] = handle_core_satellite_boot,
        [MSG_SATELLITE_LEASE] = handle_core_satellite_lease,
        [MSG_SATELLITE_UNKNOWN] = handle_core_satellite_unknown,
        [MSG_SATELLITE_FOREIGN] = handle_core_satellite_foreign,
        [MSG_SATELLITE_INIT] = handle_core_satellite_init,
        [MSG_WORK_PROGRESS] = handle_core_op_work_progress,
        [MSG_WORK_RESULT] = handle_core_op_work_result,
        [MSG_EXPORT_STATES] = handle_core_export_states,
};

void
core_message(struct core *c, enum role from, enum msg_type type, void *payload)
{
        if (!message_allowed(type, from, ROLE_CORE) || !handlers[type]) {
                log_warning("message %s of %s is not for core", message_name(type), role_names[from]);
                return;
        }
        core_text_clean_record(message_desc(type), payload);
        handlers[type](c, payload);
        core_boot_close_many(c);
}

/* api has gone: with it all connections of agents and clients. They come back by themselves; hosts are not lost by that. */
static void
api_gone(struct core *c)
{
        struct core_host *h, *next;

        HASH_ITER(by_conn, c->hosts_by_conn, h, next)
        {
                core_op_unsend(c, h);
                core_host_set_conn(c, h, 0);
        }
        core_satellite_all_gone(c);
        core_console_drop(c, 0);
        core_keep_all_gone(c);
        core_capture_drop(c);
        core_api_drop_waiters(c);
        core_compare_drop(c, 0);
}

void
core_peer(struct core *c, enum role role, bool up)
{
        c->peers[role] = up;
        if (role == ROLE_API && !up)
                api_gone(c);
        if ((role == ROLE_BOOT || role == ROLE_FILES) && up)
                core_policy_send(c, role);
        if (role == ROLE_CAPTURE && !up)
                core_capture_drop(c); /* api has its own word of it */
        if (role == ROLE_WORK) {
                if (!up)
                        core_op_unsend(c, NULL);
                else
                        core_op_work_push(c);
                if (up)
                        core_export_send(c);
                c->guest_due = up;
        }
}

static void
trim(struct core *c)
{
        struct error err;

        if (core_mono(c) - c->trimmed_mono_ms < TRIM_EVERY_MS)
                return;
        c->trimmed_mono_ms = core_mono(c);
        if (core_mono(c) - c->swept_mono_ms >= SWEEP_EVERY_MS) {
                c->swept_mono_ms = core_mono(c);
                core_guest_sweep(c);
        }
        if (store_events_trim(c->store, CORE_KEEP_EVENTS, &err) || store_ops_trim(c->store, CORE_KEEP_OPS, &err))
                core_db_failed(c, &err);
}

void
core_tick(struct core *c)
{
        core_host_tick(c);
        core_enrol_tick(c);
        core_twin_tick(c);
        core_domain_tick(c);
        core_capture_tick(c);
        core_op_tick(c);
        core_canary_tick(c);
        core_policy_scan_images(c, false);
        core_guard_tick(c);
        core_satellite_tick(c);
        core_export_tick(c);
        trim(c);
        c->commit_due = true;
}

bool
core_turn(struct core *c)
{
        return core_compare_turn(c);
}

bool
core_is_busy(const struct core *c)
{
        return c->comparisons != NULL;
}

/* --- life --- */

static int
load_token_key(struct core *c, struct error *err)
{
        int r = store_setting_get(c->store, "token_key", c->token_key, sizeof(c->token_key), err);

        if (r)
                return r < 0 ? r : 0;
        digest_random(c->token_key, sizeof(c->token_key));
        return store_setting_put(c->store, "token_key", c->token_key, sizeof(c->token_key), err);
}

int
core_new(const struct core_params *p, struct core **ret, struct error *err)
{
        char path[CONFIG_PATH_SIZE + 64];
        struct core *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return error_set(err, ERR_NO_SPACE, "no memory");
        c->params = *p;
        c->config = p->config;
        c->policy_fd = -1;
        c->out_last = &c->out_first;
        c->started_ms = core_wall(c);
        c->trimmed_mono_ms = c->swept_mono_ms = c->started_mono_ms = core_mono(c);
        snprintf(path, sizeof(path), "%s/dompool.db", p->state_dir);
        if ((r = store_open(path, &c->store, err)) || (r = load_token_key(c, err)) || (r = core_event_load(c, err)) ||
            (r = core_unknown_load(c, err)) || (r = core_host_load(c, err)) || (r = core_domain_load(c, err)) ||
            (r = core_op_load(c, err)) || (r = core_canary_load(c, err)) || (r = core_satellite_load(c, err)) ||
            (r = core_export_load(c, err)) || (r = core_keep_load(c, err)) || (r = core_policy_load(c, err)))
                goto out;
        core_event(c, "server", "core", "started", 0, "dompool %s, %u hosts, %u domains, %u operations under way",
                   DOMPOOL_VERSION, HASH_CNT(by_name, c->hosts_by_name), HASH_COUNT(c->domains), HASH_COUNT(c->ops));
        r = core_flush(c, err);
        if (!r)
                *ret = TAKE_PTR(c);
out:
        core_free(c);
        return r;
}

static void
free_tables(struct core *c)
{
        struct core_host *h, *next_h;
        struct core_domain *d, *next_d;
        struct core_op *op, *next_op;
        struct core_unknown *u, *next_u;

        HASH_ITER(hh, c->domains, d, next_d)
        {
                HASH_DEL(c->domains, d);
                free(d->row.config);
                free(d);
        }
        HASH_ITER(hh, c->ops, op, next_op)
        {
                HASH_DEL(c->ops, op);
                free(op);
        }
        HASH_ITER(hh, c->unknown, u, next_u)
        {
                HASH_DEL(c->unknown, u);
                free(u);
        }
        HASH_CLEAR(by_mac, c->hosts_by_mac);
        HASH_CLEAR(by_address, c->hosts_by_address);
        HASH_CLEAR(by_conn, c->hosts_by_conn);
        HASH_CLEAR(by_session, c->hosts_by_session);
        HASH_ITER(by_name, c->hosts_by_name, h, next_h)
        {
                HASH_DELETE(by_name, c->hosts_by_name, h);
                core_host_free(h);
        }
}

void
core_free(struct core *c)
{
        if (!c)
                return;
        outbox_empty(c, false);
        core_api_drop_waiters(c);
        core_compare_drop(c, 0);
        core_console_drop(c, 0);
        core_keep_all_gone(c);
        core_boot_close_all(c);
        free_tables(c);
        core_guard_free_facts(c);
        core_canary_free(c);
        core_satellite_free(c);
        core_export_free(c);
        free(c->images);
        if (c->policy_fd >= 0)
                close(c->policy_fd);
        store_close(c->store);
        free(c);
}
