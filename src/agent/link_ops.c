/* SPDX-License-Identifier: Apache-2.0 */
/* link's table of operations: files first, then hv, then a result that is kept until it is acknowledged. Runs in: link. */
#include "agent/link_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "net/fetch.h"

enum link_op_state { LINK_OP_FETCHING, LINK_OP_SENT, LINK_OP_DONE };

struct link_op {
        struct link_ops *ops;
        enum link_op_state state;
        struct msg_agent_op op;
        struct msg_agent_op_result *result; /* once done */
        struct fetch *fetch;
        unsigned n_fetched; /* of kernel, ramdisk */
        struct link_op *next;
};

struct link_ops {
        uv_loop_t *loop;
        const struct link_ops_events *ev;
        void *arg;
        char blob_folder[PATH_SIZE];
        uint32_t address;
        uint16_t port;
        char path_prefix[64];
        struct link_op *first;
        uint32_t n;
};

static struct link_op *
ops_find(struct link_ops *ops, uint64_t id)
{
        for (struct link_op *o = ops->first; o; o = o->next)
                if (o->op.id == id)
                        return o;
        return NULL;
}

static struct link_op *
ops_add(struct link_ops *ops, uint64_t id)
{
        struct link_op *o = ops->n < LINK_OPS_MAX ? calloc(1, sizeof(*o)) : NULL;

        if (!o)
                return NULL;
        o->ops = ops;
        o->op.id = id;
        o->next = ops->first;
        ops->first = o;
        ops->n++;
        return o;
}

static void
op_done(struct link_op *o, const struct msg_agent_op_result *result)
{
        if (!o->result)
                o->result = malloc(sizeof(*o->result));
        o->state = LINK_OP_DONE;
        if (!o->result) { /* the server asks again after its own time */
                log_error("out of memory for a result op=%llu", (unsigned long long)o->op.id);
                return;
        }
        *o->result = *result;
        if (o->op.epoch > o->result->epoch)
                o->result->epoch = o->op.epoch;
        o->ops->ev->to_server(o->ops->arg, MSG_AGENT_OP_RESULT, o->result);
}

static void
op_fail(struct link_op *o, const struct error *err)
{
        struct msg_agent_op_result r = {.id = o->op.id, .epoch = o->op.epoch};

        str_copy(r.code, sizeof(r.code), error_text(err->code));
        str_copy(r.text, sizeof(r.text), err->message);
        log_warning("operation fails before hv op=%llu error=\"%s\"", (unsigned long long)o->op.id, err->message);
        op_done(o, &r);
}

/* ---- files ---- */

static void op_next_file(struct link_op *o);

static void
on_fetch_progress(void *arg, unsigned percent)
{
        struct link_op *o = arg;
        struct msg_agent_op_progress p = {.id = o->op.id, .epoch = o->op.epoch, .step = "fetch", .percent = percent};

        if (percent % 10 == 0)
                o->ops->ev->to_server(o->ops->arg, MSG_AGENT_OP_PROGRESS, &p);
}

static void
on_fetched(void *arg, const struct error *err)
{
        struct link_op *o = arg;
        struct error copy;

        o->fetch = NULL;
        if (!err) {
                o->n_fetched++;
                op_next_file(o);
                return;
        }
        copy = *err;
        error_prefix(&copy, "%s of domain '%s'", o->n_fetched == 0 ? "kernel" : "ramdisk", o->op.config.name);
        op_fail(o, &copy);
}

static void
op_fetch(struct link_op *o, const struct guest_file *file)
{
        struct link_ops *ops = o->ops;
        char hex[SHA256_TEXT_SIZE], url[FETCH_URL_SIZE];
        struct fetch_what what = {.address = ops->address,
                                  .port = ops->port,
                                  .url = url,
                                  .size = file->size,
                                  .folder = ops->blob_folder,
                                  .number = o->op.id};
        struct error err;

        snprintf(url, sizeof(url), "%s%s", ops->path_prefix, hex_text(file->sha256, sizeof(file->sha256), hex));
        memcpy(what.sha256, file->sha256, sizeof(what.sha256));
        if (fetch_start(ops->loop, &what, on_fetch_progress, on_fetched, o, &o->fetch) < 0) {
                error_set(&err, ERR_NO_SPACE, "out of memory");
                op_fail(o, &err);
        }
}

static void
op_next_file(struct link_op *o)
{
        const struct guest_file *files[] = {&o->op.config.kernel, &o->op.config.ramdisk};

        if (o->op.kind == OP_DOMAIN_CREATE) {
                while (o->n_fetched < 2 && files[o->n_fetched]->size == 0)
                        o->n_fetched++;
                if (o->n_fetched < 2) {
                        op_fetch(o, files[o->n_fetched]);
                        return;
                }
        }
        o->state = LINK_OP_SENT;
        o->ops->ev->to_hv(o->ops->arg, MSG_AGENT_OP, &o->op);
}

/* ---- from the server ---- */

static void
ops_refuse(struct link_ops *ops, const struct msg_agent_op *op)
{
        struct msg_agent_op_result r = {
                .id = op->id, .epoch = op->epoch, .text = "the host has 512 operations not acknowledged, which is the limit"};

        str_copy(r.code, sizeof(r.code), error_text(ERR_LIMIT));
        ops->ev->to_server(ops->arg, MSG_AGENT_OP_RESULT, &r);
}

void
link_ops_take(struct link_ops *ops, const struct msg_agent_op *op)
{
        struct link_op *o = ops_find(ops, op->id);

        if (!o) {
                o = ops_add(ops, op->id);
                if (!o) {
                        ops_refuse(ops, op);
                        return;
                }
                o->op = *op;
                op_next_file(o);
                return;
        }
        if (op->epoch > o->op.epoch)
                o->op.epoch = op->epoch;
        switch (o->state) {
        case LINK_OP_FETCHING:
                break;
        case LINK_OP_SENT: /* hv knows it by its id and takes the new epoch only */
                ops->ev->to_hv(ops->arg, MSG_AGENT_OP, &o->op);
                break;
        case LINK_OP_DONE:
                if (o->result) {
                        o->result->epoch = o->op.epoch;
                        ops->ev->to_server(ops->arg, MSG_AGENT_OP_RESULT, o->result);
                }
                break;
        }
}

void
link_ops_ack(struct link_ops *ops, uint64_t id)
{
        struct msg_agent_op_ack ack = {.id = id};

        for (struct link_op **p = &ops->first; *p; p = &(*p)->next) {
                struct link_op *o = *p;

                if (o->op.id != id)
                        continue;
                if (o->state != LINK_OP_DONE)
                        return;
                *p = o->next;
                ops->n--;
                free(o->result);
                free(o);
                break;
        }
        ops->ev->to_hv(ops->arg, MSG_AGENT_OP_ACK, &ack);
}

void
link_ops_repeat_results(struct link_ops *ops)
{
        for (struct link_op *o = ops->first; o; o = o->next)
                if (o->state == LINK_OP_DONE && o->result)
                        ops->ev->to_server(ops->arg, MSG_AGENT_OP_RESULT, o->result);
}

/* ---- from hv ---- */

void
link_ops_result(struct link_ops *ops, const struct msg_agent_op_result *result)
{
        struct link_op *o = ops_find(ops, result->id);

        if (!o) /* begun under a former link */
                o = ops_add(ops, result->id);
        if (o)
                op_done(o, result);
        else
                ops->ev->to_server(ops->arg, MSG_AGENT_OP_RESULT, result);
}

void
link_ops_repeat_to_hv(struct link_ops *ops)
{
        for (struct link_op *o = ops->first; o; o = o->next)
                if (o->state == LINK_OP_SENT)
                        ops->ev->to_hv(ops->arg, MSG_AGENT_OP, &o->op);
}

/* ---- life ---- */

struct link_ops *
link_ops_new(uv_loop_t *loop, const char *blob_folder, const struct link_ops_events *ev, void *arg)
{
        struct link_ops *ops = calloc(1, sizeof(*ops));

        if (!ops)
                return NULL;
        ops->loop = loop;
        ops->ev = ev;
        ops->arg = arg;
        str_copy(ops->blob_folder, sizeof(ops->blob_folder), blob_folder);
        return ops;
}

void
link_ops_source(struct link_ops *ops, uint32_t address, uint16_t port, const char *path_prefix)
{
        ops->address = address;
        ops->port = port;
        str_copy(ops->path_prefix, sizeof(ops->path_prefix), path_prefix);
}

void
link_ops_free(struct link_ops *ops)
{
        if (!ops)
                return;
        while (ops->first) {
                struct link_op *o = ops->first;

                ops->first = o->next;
                fetch_cancel(o->fetch);
                free(o->result);
                free(o);
        }
        free(ops);
}
