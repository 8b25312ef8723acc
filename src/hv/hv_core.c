/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of hv that is the same for Xen and for the simulation: messages in, calls out; events in, messages out; each
 * operation begun once. Knows nothing of libxl. Runs in: dompool-hv, as root.
 */
#include "hv/hv_core.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hv/hv_oplog.h"
#include "ipc/channel.h"

/* Time for the result of a reboot to reach the server and be acknowledged. */
#define REBOOT_GRACE_MS 5000

struct hv_core {
        const struct hv_ops *ops;
        struct hv *hv;
        uv_loop_t *loop;
        struct channel *parent;
        struct channel *link; /* NULL while there is none */
        struct hv_oplog log;
        uint64_t reboot_op; /* done, waiting for its ack; 0: none */
        uv_timer_t reboot_timer;
        void (*on_orphan)(void *arg);
        void *arg;
};

/* What cannot be sent is not lost: link's channel being full or gone means a new one, which is told everything anew. */
static void
core_send(struct hv_core *core, enum msg_type type, const void *payload)
{
        int r;

        if (!core->link)
                return;
        r = channel_send(core->link, type, payload, -1);
        if (r < 0)
                log_debug("to link failed message=%s error=%s", message_name(type), strerror(-r));
}

/* ---- rebooting the host ---- */

static void
reboot_now(uv_timer_t *timer)
{
        struct hv_core *core = timer->data;
        struct msg_host_reboot m = {.reason = "asked for by the server"};

        log_notice("host reboot op=%llu", (unsigned long long)core->reboot_op);
        channel_send(core->parent, MSG_HOST_REBOOT, &m, -1);
}

/* ---- events of the hypervisor ---- */

static void
on_inventory(void *arg, const struct host_inventory *inventory)
{
        struct msg_agent_inventory m = {.inventory = *inventory};

        core_send(arg, MSG_AGENT_INVENTORY, &m);
}

static void
on_domains(void *arg, const struct domain_info *list, uint32_t n)
{
        struct msg_agent_domains *m = calloc(1, sizeof(*m));

        if (!m)
                return;
        m->n_domains = n < AGENT_MAX_DOMAINS ? n : AGENT_MAX_DOMAINS;
        memcpy(m->domains, list, m->n_domains * sizeof(*list));
        core_send(arg, MSG_AGENT_DOMAINS, m);
        free(m);
}

static void
on_domain(void *arg, const struct domain_info *info, const char *what, const char *text)
{
        struct msg_agent_domain_event m = {.domain = *info};

        str_copy(m.what, sizeof(m.what), what);
        str_copy(m.text, sizeof(m.text), text);
        log_info("domain %s name=%s domid=%u%s%s", what, info->name, info->domid, *text ? " note=" : "", text);
        core_send(arg, MSG_AGENT_DOMAIN_EVENT, &m);
}

static void
on_op_progress(void *arg, const struct msg_agent_op_progress *progress)
{
        struct hv_core *core = arg;
        struct msg_agent_op_progress m = *progress;

        if (hv_oplog_running(&core->log, m.id, &m.epoch)) /* a restart goes under the id of the create, which is long done */
                core_send(core, MSG_AGENT_OP_PROGRESS, &m);
}

static void
on_op_result(void *arg, const struct msg_agent_op_result *result)
{
        struct hv_core *core = arg;
        const struct msg_agent_op_result *kept = hv_oplog_done(&core->log, result);

        log_info("operation ended op=%llu code=%s%s%s", (unsigned long long)result->id, result->code,
                 *result->text ? " text=" : "", result->text);
        core_send(core, MSG_AGENT_OP_RESULT, kept ? kept : result);
        if (core->reboot_op == result->id && strcmp(result->code, "none") == 0)
                uv_timer_start(&core->reboot_timer, reboot_now, REBOOT_GRACE_MS, 0);
}

static void
on_console_data(void *arg, uint64_t session, const void *data, size_t size)
{
        struct msg_console_data m = {.session = session, .data = {.data = (uint8_t *)data, .size = size}};

        core_send(arg, MSG_CONSOLE_DATA, &m);
}

static void
on_console_closed(void *arg, uint64_t session, enum error_code code, const char *text)
{
        struct msg_console_close m = {.session = session};

        str_copy(m.code, sizeof(m.code), error_text(code));
        str_copy(m.text, sizeof(m.text), text);
        core_send(arg, MSG_CONSOLE_CLOSE, &m);
}

static const struct hv_events core_events = {
        .inventory = on_inventory,
        .domains = on_domains,
        .domain = on_domain,
        .op_progress = on_op_progress,
        .op_result = on_op_result,
        .console_data = on_console_data,
        .console_closed = on_console_closed,
};

/* ---- messages from link ---- */

static void
refuse(struct hv_core *core, const struct msg_agent_op *op, enum error_code code, const char *text)
{
        struct msg_agent_op_result m = {.id = op->id, .epoch = op->epoch};

        str_copy(m.code, sizeof(m.code), error_text(code));
        str_copy(m.text, sizeof(m.text), text);
        core_send(core, MSG_AGENT_OP_RESULT, &m);
}

static void
take_op(struct hv_core *core, const struct msg_agent_op *op)
{
        const struct hv_oplog_entry *known = NULL;

        switch (hv_oplog_begin(&core->log, op->id, op->epoch, &known)) {
        case HV_OPLOG_RUNNING:
                return;
        case HV_OPLOG_DONE:
                core_send(core, MSG_AGENT_OP_RESULT, known->result);
                return;
        case HV_OPLOG_FULL:
                refuse(core, op, ERR_LIMIT, "the host has 512 operations under way or not acknowledged, which is the limit");
                return;
        case HV_OPLOG_NEW:
                break;
        }
        log_info("operation begins op=%llu epoch=%llu kind=%s domain=%s", (unsigned long long)op->id,
                 (unsigned long long)op->epoch, op->kind < OP_KIND_N ? op_kind_names[op->kind] : "?", op->config.name);
        if (op->kind == OP_HOST_REBOOT)
                core->reboot_op = op->id;
        core->ops->op(core->hv, op);
}

static void
take_op_ack(struct hv_core *core, uint64_t id)
{
        hv_oplog_ack(&core->log, id);
        if (id == core->reboot_op && uv_is_active((uv_handle_t *)&core->reboot_timer))
                uv_timer_start(&core->reboot_timer, reboot_now, 0, 0);
}

static void
on_link_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct hv_core *core = arg;

        (void)ch;
        if (fd >= 0)
                close(fd);
        switch (type) {
        case MSG_AGENT_OP:
                take_op(core, payload);
                break;
        case MSG_AGENT_OP_ACK:
                take_op_ack(core, ((struct msg_agent_op_ack *)payload)->id);
                break;
        case MSG_CONSOLE_OPEN: {
                struct msg_console_open *m = payload;

                core->ops->console_open(core->hv, m->session, m->uuid);
                break;
        }
        case MSG_CONSOLE_DATA: {
                struct msg_console_data *m = payload;

                core->ops->console_write(core->hv, m->session, m->data.data, m->data.size);
                break;
        }
        case MSG_CONSOLE_CLOSE:
                core->ops->console_close(core->hv, ((struct msg_console_close *)payload)->session);
                break;
        default: /* the channel lets nothing else through */
                break;
        }
}

/* Consoles belong to a connection of the server that is gone with link; operations do not. */
static void
drop_link(struct hv_core *core)
{
        channel_free(core->link);
        core->link = NULL;
        core->ops->console_close(core->hv, 0);
}

static void
on_link_close(void *arg, struct channel *ch, const char *reason)
{
        (void)ch;
        log_warning("link is gone reason=\"%s\"", reason);
        drop_link(arg);
}

static void
take_link(struct hv_core *core, int fd)
{
        if (core->link)
                drop_link(core);
        if (channel_new(core->loop, fd, ROLE_HV, ROLE_LINK, on_link_message, on_link_close, core, &core->link) < 0) {
                core->link = NULL;
                log_error("channel to link cannot be made");
                return;
        }
        core->ops->report(core->hv);
        for (const struct hv_oplog_entry *e = core->log.first; e; e = e->next)
                if (e->done && e->result)
                        core_send(core, MSG_AGENT_OP_RESULT, e->result);
}

/* ---- messages from the parent ---- */

static void
on_parent_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct hv_core *core = arg;
        const struct msg_role_fd *m = payload;

        (void)ch;
        if (type == MSG_ROLE_FD && m->purpose == FD_CHANNEL && m->number == ROLE_LINK && fd >= 0)
                take_link(core, fd);
        else if (fd >= 0)
                close(fd);
}

static void
on_parent_close(void *arg, struct channel *ch, const char *reason)
{
        struct hv_core *core = arg;

        (void)reason;
        channel_free(ch);
        core->parent = NULL;
        core->on_orphan(core->arg);
}

/* ---- life ---- */

static void
timer_closed(uv_handle_t *handle)
{
        free(handle->data);
}

void
hv_core_free(struct hv_core *core)
{
        if (!core)
                return;
        if (core->hv)
                core->ops->close(core->hv);
        channel_free(core->link);
        channel_free(core->parent);
        hv_oplog_deinit(&core->log);
        uv_close((uv_handle_t *)&core->reboot_timer, timer_closed);
}

int
hv_core_new(uv_loop_t *loop, const struct hv_ops *ops, const char *param, int control, void (*on_orphan)(void *arg), void *arg,
            struct hv_core **ret, struct error *err)
{
        struct hv_core *core = calloc(1, sizeof(*core));
        int r;

        if (!core) {
                close(control);
                return error_errno_set(err, ENOMEM, "hv");
        }
        core->loop = loop;
        core->ops = ops;
        core->on_orphan = on_orphan;
        core->arg = arg;
        uv_timer_init(loop, &core->reboot_timer);
        core->reboot_timer.data = core;
        r = channel_new(loop, control, ROLE_HV, ROLE_APARENT, on_parent_message, on_parent_close, core, &core->parent);
        if (r < 0) {
                core->parent = NULL;
                error_errno_set(err, -r, "channel to the agent's parent");
        } else {
                r = ops->open(loop, param, &core_events, core, &core->hv, err);
        }
        if (r < 0) {
                hv_core_free(core);
                return r;
        }
        *ret = core;
        return 0;
}
