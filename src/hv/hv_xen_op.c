/* SPDX-License-Identifier: Apache-2.0 */
/* From operations to tasks. A shutdown is a task that asks, and then a wait for the domain's end. Runs in: hv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hv/hv_xen.h"

#define SHUTDOWN_DEFAULT_S 120
#define REBOOT_DEFAULT_S 60

/* An operation that waits for a domain's end; a host's reboot waits for all. */
struct xen_wait {
        struct hv *hv;
        struct msg_agent_op op;
        uint32_t timeout_s;
        uv_timer_t timer;
        struct xen_wait *next;
};

static void
report(struct hv *hv, const struct msg_agent_op *op, enum error_code code, const char *text)
{
        struct msg_agent_op_result r = {.id = op->id, .epoch = op->epoch};

        str_copy(r.code, sizeof(r.code), error_text(code));
        str_copy(r.text, sizeof(r.text), text);
        memcpy(r.domain.uuid, op->config.uuid, UUID_SIZE);
        str_copy(r.domain.name, sizeof(r.domain.name), op->config.name);
        r.domain.state = code == ERR_NONE ? DOMAIN_GONE : DOMAIN_RUNNING;
        hv->ev->op_result(hv->arg, &r);
}

/* ---- waiting ---- */

static void
wait_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void
wait_end(struct xen_wait *w, enum error_code code, const char *text)
{
        for (struct xen_wait **p = &w->hv->waits; *p; p = &(*p)->next) {
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        }
        report(w->hv, &w->op, code, text);
        uv_close((uv_handle_t *)&w->timer, wait_closed);
}

static void
wait_timeout(uv_timer_t *timer)
{
        struct xen_wait *w = timer->data;
        char text[200];

        if (w->op.kind == OP_HOST_REBOOT) { /* the reboot ends what would not end */
                wait_end(w, ERR_NONE, "");
                return;
        }
        snprintf(text, sizeof(text), "domain '%s' did not shut down within %u s; 'dompool domain destroy %s' ends it",
                 w->op.config.name, w->timeout_s, w->op.config.name);
        wait_end(w, ERR_TIMEOUT, text);
}

static void
wait_begin(struct hv *hv, const struct msg_agent_op *op, uint32_t default_s)
{
        struct xen_wait *w = calloc(1, sizeof(*w));

        if (!w) {
                report(hv, op, ERR_NO_SPACE, "out of memory");
                return;
        }
        w->hv = hv;
        w->op = *op;
        w->timeout_s = op->timeout_seconds ? op->timeout_seconds : default_s;
        w->next = hv->waits;
        hv->waits = w;
        uv_timer_init(hv->loop, &w->timer);
        w->timer.data = w;
        uv_timer_start(&w->timer, wait_timeout, (uint64_t)w->timeout_s * 1000, 0);
        hv_xen_look_soon(hv);
}

void
hv_xen_waits_finish(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        struct xen_wait *next;

        for (struct xen_wait *w = hv->waits; w; w = next) {
                next = w->next;
                if (w->op.kind == OP_DOMAIN_SHUTDOWN && memcmp(w->op.config.uuid, uuid, UUID_SIZE) == 0)
                        wait_end(w, ERR_NONE, "");
        }
}

/* Does anything on this host still do work? What has ended and is preserved does not. */
static bool
anything_lives(const struct hv *hv)
{
        for (uint32_t i = 0; i < hv->table.n; i++)
                if (hv->table.list[i].state != DOMAIN_SHUTDOWN && hv->table.list[i].state != DOMAIN_CRASHED)
                        return true;
        return false;
}

void
hv_xen_waits_check(struct hv *hv)
{
        struct xen_wait *next;

        for (struct xen_wait *w = hv->waits; w; w = next) {
                next = w->next;
                if (w->op.kind == OP_HOST_REBOOT ? !anything_lives(hv) : !hv_table_find(&hv->table, w->op.config.uuid))
                        wait_end(w, ERR_NONE, "");
        }
}

void
hv_xen_waits_free(struct hv *hv)
{
        while (hv->waits) {
                struct xen_wait *w = hv->waits;

                hv->waits = w->next;
                uv_close((uv_handle_t *)&w->timer, wait_closed);
        }
}

/* ---- operations ---- */

static void
on_task_done(struct hv *hv, const struct msg_agent_op *op, const struct msg_agent_op_result *result)
{
        (void)op;
        hv->ev->op_result(hv->arg, result);
}

static void
on_shutdown_asked(struct hv *hv, const struct msg_agent_op *op, const struct msg_agent_op_result *result)
{
        bool ended = result->domain.state == DOMAIN_GONE || result->domain.state == DOMAIN_SHUTDOWN ||
                     result->domain.state == DOMAIN_CRASHED;

        if (strcmp(result->code, error_text(ERR_NONE)) != 0 || ended)
                hv->ev->op_result(hv->arg, result);
        else
                wait_begin(hv, op, SHUTDOWN_DEFAULT_S);
}

static void
on_asked_for_reboot(struct hv *hv, const struct msg_agent_op *op, const struct msg_agent_op_result *result)
{
        (void)hv;
        (void)op;
        (void)result; /* a domain that does not listen is ended by the reboot */
}

/* All domains get their chance to end cleanly, also those of other makers; then the host goes down whatever became of them. */
static void
host_reboot(struct hv *hv, const struct msg_agent_op *op)
{
        struct msg_agent_op one = {.kind = OP_DOMAIN_SHUTDOWN};

        for (uint32_t i = 0; i < hv->table.n; i++) {
                memcpy(one.config.uuid, hv->table.list[i].uuid, UUID_SIZE);
                str_copy(one.config.name, sizeof(one.config.name), hv->table.list[i].name);
                hv_xen_task_start(hv, "shutdown", &one, on_asked_for_reboot);
        }
        wait_begin(hv, op, REBOOT_DEFAULT_S);
}

void
hv_xen_op(struct hv *hv, const struct msg_agent_op *op)
{
        switch ((enum op_kind)op->kind) {
        case OP_DOMAIN_CREATE:
                hv_xen_task_start(hv, "create", op, on_task_done);
                break;
        case OP_DOMAIN_SHUTDOWN:
                hv_xen_task_start(hv, "shutdown", op, on_shutdown_asked);
                break;
        case OP_DOMAIN_DESTROY:
                hv_xen_task_start(hv, "destroy", op, on_task_done);
                break;
        case OP_HOST_REBOOT:
                host_reboot(hv, op);
                break;
        default:
                report(hv, op, ERR_UNSUPPORTED, "a host does not carry out this kind of operation");
        }
}
