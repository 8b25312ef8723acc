/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Xen implementation of struct hv_ops: its life, and looking at the domains. Runs in: hv, as root.
 *
 * xenstored fires @introduceDomain when a domain appears and @releaseDomain when one shuts down or dies; that is all that
 * libxl's own domain death events are made of. hv watches the two itself, on a descriptor in its loop, and answers each by one
 * list of domains: so a missed or doubled event cannot leave it with a wrong picture, and nothing here waits for a lock that a
 * task of libxl holds.
 */
#include "hv/hv_xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hv/hv_blob.h"
#include "hv/hv_bridges.h"
#include "hv/hv_root.h"

#define SOON_MS 50
#define MINUTE_MS 60000
#define COLLECT_MINUTES 10
#define LAYER_MS 10000

/* ---- xenstore ---- */

int
hv_xen_read(struct hv *hv, const char *path, char *ret, size_t size)
{
        unsigned n;
        char *value = xs_read(hv->xs, XBT_NULL, path, &n);
        bool fits;

        if (!value)
                return -ENOENT;
        fits = n > 0 && str_copy(ret, size, value);
        free(value);
        return fits ? 0 : -ENOENT;
}

static void
on_watch(uv_poll_t *poll, int status, int events)
{
        struct hv *hv = poll->data;
        char **event;

        (void)events;
        while ((event = xs_check_watch(hv->xs)))
                free(event);
        if (status < 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
                log_error("xenstore's watches are lost; from now on there is only the look of each minute error=%s",
                          strerror(errno));
                uv_poll_stop(poll);
        }
        hv_xen_look_soon(hv);
}

/* ---- looking ---- */

static enum hv_end
end_of(const libxl_dominfo *d)
{
        switch (d->shutdown_reason) {
        case LIBXL_SHUTDOWN_REASON_POWEROFF:
                return HV_END_POWEROFF;
        case LIBXL_SHUTDOWN_REASON_REBOOT:
                return HV_END_REBOOT;
        case LIBXL_SHUTDOWN_REASON_SUSPEND:
                return HV_END_SUSPEND;
        case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
                return HV_END_SOFT_RESET;
        default:
                return HV_END_CRASH;
        }
}

static int64_t
now_ms(void)
{
        struct clock c;

        clock_init_real(&c);
        return clock_mono_ms(&c);
}

static void
ignore_result(struct hv *hv, const struct msg_agent_op *op, const struct msg_agent_op_result *result)
{
        if (strcmp(result->code, error_text(ERR_NONE)) != 0)
                log_warning("domain's end could not be dealt with domain=%s error=\"%s\"", op->config.name, result->text);
        hv_xen_waits_finish(hv, op->config.uuid);
}

/* A task that no operation asked for. The domain stays the one that its first operation made. */
static void
start_own(struct hv *hv, const char *task, const struct hv_record *record)
{
        struct msg_agent_op op = {.id = record->op, .config = record->config};

        hv_xen_task_start(hv, task, &op, ignore_result);
}

/* libxl leaves it to us what becomes of a domain that ended: on_poweroff, on_reboot, on_crash of its configuration. */
static void
domain_ended(struct hv *hv, const struct domain_info *info, struct hv_record *record, enum hv_end end)
{
        struct hv_end_decision d = hv_end_decide(record, end, now_ms());

        log_info("domain ended name=%s domid=%u reason=%d action=%s%s%s", info->name, info->domid, (int)end,
                 domain_action_names[d.action], *d.note ? " note=" : "", d.note);
        if (*d.note)
                hv->ev->domain(hv->arg, info, "changed", d.note);
        switch (d.action) {
        case ACTION_RESTART:
        case ACTION_RENAME_RESTART:
                record->n_fast = d.n_fast;
                record->restarting = true;
                hv_record_save(hv->domains_dir, record);
                start_own(hv, d.action == ACTION_RESTART ? "restart" : "rename-restart", record);
                break;
        case ACTION_PRESERVE:
                record->preserved = true;
                hv_record_save(hv->domains_dir, record);
                hv_xen_waits_finish(hv, record->config.uuid);
                break;
        default:
                start_own(hv, "destroy", record);
                break;
        }
}

/* As libxl wrote it into xenstore when it made the domain: read once in a domain's life. */
static uint64_t
max_memory_kib(struct hv *hv, const struct domain_info *info)
{
        const struct domain_info *known = hv_table_find(&hv->table, info->uuid);
        char path[64], text[24];
        uint64_t kib = 0;

        if (known && known->domid == info->domid && known->max_memory_kib)
                return known->max_memory_kib;
        snprintf(path, sizeof(path), "/local/domain/%u/memory/static-max", info->domid);
        if (hv_xen_read(hv, path, text, sizeof(text)) == 0)
                parse_u64(text, UINT64_MAX, &kib);
        return kib;
}

static void
domain_fill(struct hv *hv, struct domain_info *info, const struct hv_record *record)
{
        char path[64];

        info->max_memory_kib = max_memory_kib(hv, info);
        if (record) {
                str_copy(info->name, sizeof(info->name), record->config.name);
                info->type = record->config.type;
                info->op = record->op;
                /* Also one that has ended already: its making is answered first, so that nobody takes that for news of later.
                 */
                if (info->state != DOMAIN_DYING && (!record->complete || hv_xen_task_making(hv, info->uuid)))
                        info->state = DOMAIN_STARTING;
                return;
        }
        snprintf(path, sizeof(path), "/local/domain/%u/name", info->domid);
        if (hv_xen_read(hv, path, info->name, sizeof(info->name)) < 0)
                snprintf(info->name, sizeof(info->name), "domid-%u", info->domid);
}

/* One domain of libxl's list: described in @info; acted upon where it has ended, or is half-built with nobody at work. */
static void
look_at(struct hv *hv, const libxl_dominfo *d, struct domain_info *info)
{
        struct hv_record record;
        bool ours;

        hv_libxl_info(d, info);
        ours = hv_record_load(hv->domains_dir, info->uuid, &record) == 0 && (!record.complete || record.domid == d->domid);
        domain_fill(hv, info, ours ? &record : NULL);
        if (!ours || d->dying || hv_xen_task_busy(hv, info->uuid))
                return;
        if (!record.complete) {
                log_warning("half-built domain name=%s domid=%u action=%s", info->name, info->domid,
                            record.restarting ? "restart" : "destroy");
                start_own(hv, record.restarting ? "restart" : "destroy", &record);
        } else if (d->shutdown && !record.preserved) {
                domain_ended(hv, info, &record, end_of(d));
        }
}

static bool
listed(const struct domain_info *list, uint32_t n, const uint8_t uuid[UUID_SIZE])
{
        for (uint32_t i = 0; i < n; i++)
                if (memcmp(list[i].uuid, uuid, UUID_SIZE) == 0)
                        return true;
        return false;
}

/* A domain between its old and its new life is still the same domain. */
static uint32_t
add_restarting(struct hv *hv, struct domain_info *list, uint32_t n)
{
        for (uint32_t i = 0; i < hv->table.n && n < AGENT_MAX_DOMAINS; i++) {
                if (!hv_xen_task_restarting(hv, hv->table.list[i].uuid) || listed(list, n, hv->table.list[i].uuid))
                        continue;
                list[n] = hv->table.list[i];
                list[n++].state = DOMAIN_STARTING;
        }
        return n;
}

static void
on_difference(void *arg, const struct domain_info *info, const char *what)
{
        struct hv *hv = arg;

        hv->ev->domain(hv->arg, info, what, "");
        if (info->state == DOMAIN_GONE) {
                struct hv_record record;

                hv_xen_console_domain_gone(hv, info->uuid);
                /* ended by somebody else, by xl for example */
                if (!hv_xen_task_busy(hv, info->uuid) && hv_record_load(hv->domains_dir, info->uuid, &record) == 0)
                        hv_record_delete(hv->domains_dir, info->uuid);
        }
}

/* Live ones before dying ones: a uuid that stands twice is a restarted domain whose old body is not gone yet. */
static uint32_t
list_domains(struct hv *hv, const libxl_dominfo *all, int n_all, struct domain_info list[AGENT_MAX_DOMAINS])
{
        uint32_t n = 0;

        for (int pass = 0; pass < 2; pass++) {
                for (int i = 0; i < n_all && n < AGENT_MAX_DOMAINS; i++) {
                        if (all[i].domid == 0 || all[i].dying != (pass == 1))
                                continue;
                        look_at(hv, &all[i], &list[n]);
                        if (!listed(list, n, list[n].uuid))
                                n++;
                }
        }
        return add_restarting(hv, list, n);
}

static bool
look(struct hv *hv)
{
        static struct domain_info list[AGENT_MAX_DOMAINS]; /* 40 KiB: too much for the stack, and hv has one loop */
        libxl_dominfo *all;
        int n_all;
        uint32_t n;

        all = libxl_list_domain(hv->ctx, &n_all);
        if (!all) {
                log_error("domains cannot be listed");
                return false;
        }
        n = list_domains(hv, all, n_all, list);
        libxl_dominfo_list_free(all, n_all);
        hv_table_update(&hv->table, list, n, on_difference, hv);
        hv_xen_waits_check(hv);
        return true;
}

static void
report_inventory(struct hv *hv)
{
        struct host_inventory inventory;
        struct error err;

        if (hv_xen_inventory(hv, &inventory, &err) < 0) {
                log_error("no inventory: %s", err.message);
                return;
        }
        hv->last_free_kib = inventory.free_memory_kib;
        str_copy(hv->bridges, sizeof(hv->bridges), inventory.bridges);
        str_copy(hv->nfs_dirs, sizeof(hv->nfs_dirs), inventory.nfs_dirs);
        hv->ev->inventory(hv->arg, &inventory);
}

static void
on_soon(uv_timer_t *timer)
{
        struct hv *hv = timer->data;

        look(hv);
        if (hv_xen_free_memory_kib(hv) != hv->last_free_kib)
                report_inventory(hv);
}

void
hv_xen_look_soon(struct hv *hv)
{
        if (hv->ctx && !uv_is_active((uv_handle_t *)&hv->soon))
                uv_timer_start(&hv->soon, on_soon, SOON_MS, 0);
}

/* The full list. An empty one after an empty one says nothing new, and an idle host's minute consists of such things. */
static void
report_domains(struct hv *hv, bool even_if_empty)
{
        if (!look(hv))
                return;
        if (hv->table.n > 0 || !hv->said_none || even_if_empty)
                hv->ev->domains(hv->arg, hv->table.list, hv->table.n);
        hv->said_none = hv->table.n == 0;
}

static void
on_minute(uv_timer_t *timer)
{
        struct hv *hv = timer->data;
        struct clock c;

        report_domains(hv, false);
        if (hv_xen_free_memory_kib(hv) != hv->last_free_kib)
                report_inventory(hv);
        if (++hv->n_minutes % COLLECT_MINUTES != 0)
                return;
        clock_init_real(&c);
        hv_blob_collect(hv->blobs_dir, hv->domains_dir, clock_wall_ms(&c) / 1000);
}

/* The root's writable layer is told of when it gets full, and when it is no longer, bridges when somebody made or removed one,
 * directories over NFS when one has come; else it costs a look and no word. */
static void
on_layer(uv_timer_t *timer)
{
        struct hv *hv = timer->data;
        enum root_layer_level level = hv->layer_level;
        char bridges[HOST_BRIDGES_SIZE], nfs_dirs[NFS_DIRS_STATE_SIZE];
        uint64_t used, size;

        hv_bridges_list(HV_NET, bridges);
        hv_root_nfs_dirs(nfs_dirs);
        if (hv_root_layer(&used, &size))
                level = root_layer_level(hv->layer_level, used, size);
        if (level != hv->layer_level || strcmp(bridges, hv->bridges) != 0 || strcmp(nfs_dirs, hv->nfs_dirs) != 0)
                report_inventory(hv);
        hv->layer_level = level;
}

static void
xen_report(struct hv *hv)
{
        report_inventory(hv);
        report_domains(hv, true);
}

/* ---- life ---- */

/* Where a new hv begins: a record without a domain is either that of a restart which was cut short, and begins again, or the
 * remains of a create that died before there was a domain. */
static void
resume_record(void *arg, const struct hv_record *record)
{
        struct hv *hv = arg;

        if (hv_table_find(&hv->table, record->config.uuid))
                return;
        if (record->restarting)
                start_own(hv, "restart", record);
        else
                hv_record_delete(hv->domains_dir, record->config.uuid);
}

static void
handle_closed(uv_handle_t *handle)
{
        struct hv *hv = handle->data;

        if (--hv->n_handles == 0)
                free(hv);
}

static void
xen_close(struct hv *hv)
{
        hv_xen_tasks_kill(hv);
        hv_xen_waits_free(hv);
        hv_xen_console_close(hv, 0);
        if (hv->n_handles == 4)
                uv_close((uv_handle_t *)&hv->watch, handle_closed);
        if (hv->xs)
                xs_close(hv->xs);
        if (hv->ctx)
                libxl_ctx_free(hv->ctx);
        hv->ctx = NULL;
        uv_close((uv_handle_t *)&hv->soon, handle_closed);
        uv_close((uv_handle_t *)&hv->minute, handle_closed);
        uv_close((uv_handle_t *)&hv->layer, handle_closed);
}

static int
open_xenstore(struct hv *hv, struct error *err)
{
        hv->xs = xs_open(0);
        if (!hv->xs)
                return error_errno_set(err, errno, "xenstored cannot be reached");
        if (!xs_watch(hv->xs, "@introduceDomain", "i") || !xs_watch(hv->xs, "@releaseDomain", "r"))
                return error_errno_set(err, errno, "xenstore's watches");
        uv_poll_init(hv->loop, &hv->watch, xs_fileno(hv->xs));
        hv->watch.data = hv;
        hv->n_handles++;
        uv_poll_start(&hv->watch, UV_READABLE, on_watch);
        return 0;
}

static int
xen_open(uv_loop_t *loop, const char *param, const struct hv_events *events, void *arg, struct hv **ret, struct error *err)
{
        struct hv *hv = calloc(1, sizeof(*hv));
        int r = 0, rc;

        if (!hv)
                return error_errno_set(err, ENOMEM, "hv");
        hv->loop = loop;
        hv->ev = events;
        hv->arg = arg;
        str_copy(hv->run_dir, sizeof(hv->run_dir), param);
        snprintf(hv->domains_dir, sizeof(hv->domains_dir), "%s/domains", hv->run_dir);
        snprintf(hv->blobs_dir, sizeof(hv->blobs_dir), "%s/blobs", hv->run_dir);
        uv_timer_init(loop, &hv->soon);
        uv_timer_init(loop, &hv->minute);
        uv_timer_init(loop, &hv->layer);
        hv->soon.data = hv->minute.data = hv->layer.data = hv;
        hv->n_handles = 3;
        hv_libxl_log_init(&hv->log);
        rc = libxl_ctx_alloc(&hv->ctx, LIBXL_VERSION, 0, &hv->log.vtable);
        if (rc) {
                hv->ctx = NULL;
                r = hv_libxl_error(err, &hv->log, rc, "Xen cannot be opened");
        } else {
                r = open_xenstore(hv, err);
        }
        if (r < 0) {
                xen_close(hv);
                return r;
        }
        look(hv);
        hv_record_each(hv->domains_dir, resume_record, hv);
        uv_timer_start(&hv->minute, on_minute, MINUTE_MS, MINUTE_MS);
        uv_timer_start(&hv->layer, on_layer, LAYER_MS, LAYER_MS);
        *ret = hv;
        return 0;
}

const struct hv_ops hv_xen_ops = {
        .name = "xen",
        .open = xen_open,
        .close = xen_close,
        .report = xen_report,
        .op = hv_xen_op,
        .console_open = hv_xen_console_open,
        .console_write = hv_xen_console_write,
        .console_close = hv_xen_console_close,
};
