/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations that the role work carries out: one at a time, sent again when work or core was restarted. Beside it work takes in
 * guest files for creates, see core_guest.c. Process: core.
 */
#include <inttypes.h>
#include <string.h>

#include "server/core_private.h"

/* The operation of whose task work speaks; NULL: it has ended. */
static struct core_op *
task(struct core *c, uint64_t id)
{
        struct core_op *op;

        HASH_FIND(hh, c->ops, &id, sizeof(id), op);
        return op && (op_kind_is_works(op->row.op.kind) || op->wants_files) ? op : NULL;
}

void
core_op_image_build(struct core *c, const struct msg_api_name *m)
{
        struct core_op *op;
        struct error err;

        if (core_op_by_key(c, m->request, m->by, m->key))
                return;
        op = core_op_active(c, m->name, true);
        if (!name_ok(m->name))
                error_set(&err, ERR_INVALID, "'%s' cannot be the name of a recipe", m->name);
        else if (op)
                error_set(&err, ERR_BUSY, "operation %" PRIu64 " (%s) on image '%s' is under way", op->row.op.id,
                          op_kind_names[op->row.op.kind], m->name);
        else
                err.code = ERR_NONE;
        if (err.code != ERR_NONE) {
                core_reply_error(c, m->request, &err);
                return;
        }
        op = core_op_new(c, m->request, OP_IMAGE_BUILD, m->name, "", m->by, m->key);
        if (op)
                core_op_push(c, op);
}

void
core_op_work_push(struct core *c)
{
        struct core_op *op, *next, *first = NULL;
        struct msg_work_task m = {0};
        struct error err;

        if (!c->peers[ROLE_WORK] || c->work_op)
                return;
        HASH_ITER(hh, c->ops, op, next)
        if (op_kind_is_works(op->row.op.kind) && (!first || op->row.op.id < first->row.op.id))
                first = op;
        if (!first)
                return;
        if (core_image_task(c, first, &m, &err) < 0) {
                core_op_failed(c, first, err.code, err.message);
                core_op_work_push(c);
                return;
        }
        if (first->row.op.state == OP_RUNNING)
                core_event(c, "op", first->row.op.target, "resumed", 0, "operation %" PRIu64 " %s", first->row.op.id,
                           op_kind_names[first->row.op.kind]);
        first->row.op.state = OP_RUNNING;
        first->row.op.epoch++;
        first->row.op.updated_ms = core_wall(c);
        str_copy(first->row.op.step, sizeof(first->row.op.step), "sent");
        first->sent = true;
        core_mark_op(c, first);
        c->work_op = m.op = first->row.op.id;
        core_send(c, ROLE_WORK, MSG_WORK_TASK, &m);
}

void
core_op_work_progress(struct core *c, const struct msg_work_progress *m)
{
        struct core_op *op = task(c, m->op);

        if (!op)
                return;
        op->row.op.percent = m->percent > 100 ? 100 : m->percent;
        if (strcmp(op->row.op.step, m->step) != 0) {
                str_copy(op->row.op.step, sizeof(op->row.op.step), m->step);
                op->row.op.updated_ms = core_wall(c);
                core_mark_op(c, op);
        }
}

void
core_op_work_result(struct core *c, const struct msg_work_result *m)
{
        struct core_op *op = task(c, m->op);

        if (m->op == 0 && strcmp(m->name, WORK_FACTS_NAME) == 0) {
                core_guard_result(c, m);
                return;
        }
        if (!op)
                return;
        if (op->wants_files) {
                core_guest_result(c, op, m);
                return;
        }
        if (strcmp(m->code, error_text(ERR_NONE)) == 0) {
                core_image_done(c, op, m->text);
                core_op_done(c, op);
        } else {
                core_op_failed(c, op, error_from_text(m->code), m->text);
        }
        core_policy_scan_images(c, true);
        core_op_work_push(c);
}
