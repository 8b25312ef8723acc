/* SPDX-License-Identifier: Apache-2.0 */
/* The operations an hv knows. Plain memory, no I/O; a list, for there are a handful at a time. Runs in: hv. */
#include "hv/hv_oplog.h"

#include <stdlib.h>

static struct hv_oplog_entry *
oplog_find(const struct hv_oplog *log, uint64_t id)
{
        for (struct hv_oplog_entry *e = log->first; e; e = e->next)
                if (e->id == id)
                        return e;
        return NULL;
}

enum hv_oplog_answer
hv_oplog_begin(struct hv_oplog *log, uint64_t id, uint64_t epoch, const struct hv_oplog_entry **ret)
{
        struct hv_oplog_entry *e = oplog_find(log, id);

        if (e) {
                if (epoch > e->epoch)
                        e->epoch = epoch;
                if (e->result)
                        e->result->epoch = e->epoch;
                *ret = e;
                return e->done ? HV_OPLOG_DONE : HV_OPLOG_RUNNING;
        }
        if (log->n >= HV_OPLOG_MAX)
                return HV_OPLOG_FULL;
        e = calloc(1, sizeof(*e));
        if (!e)
                return HV_OPLOG_FULL;
        e->id = id;
        e->epoch = epoch;
        e->next = log->first;
        log->first = e;
        log->n++;
        return HV_OPLOG_NEW;
}

const struct msg_agent_op_result *
hv_oplog_done(struct hv_oplog *log, const struct msg_agent_op_result *result)
{
        struct hv_oplog_entry *e = oplog_find(log, result->id);

        if (!e)
                return NULL;
        if (!e->result)
                e->result = malloc(sizeof(*e->result));
        if (!e->result)
                return NULL;
        *e->result = *result;
        e->result->epoch = e->epoch;
        e->done = true;
        return e->result;
}

void
hv_oplog_ack(struct hv_oplog *log, uint64_t id)
{
        for (struct hv_oplog_entry **p = &log->first; *p; p = &(*p)->next) {
                struct hv_oplog_entry *e = *p;

                if (e->id != id)
                        continue;
                if (!e->done) /* an ack out of turn must not let a second copy of a running operation begin */
                        return;
                *p = e->next;
                free(e->result);
                free(e);
                log->n--;
                return;
        }
}

bool
hv_oplog_running(const struct hv_oplog *log, uint64_t id, uint64_t *ret_epoch)
{
        const struct hv_oplog_entry *e = oplog_find(log, id);

        if (!e || e->done)
                return false;
        *ret_epoch = e->epoch;
        return true;
}

void
hv_oplog_deinit(struct hv_oplog *log)
{
        while (log->first) {
                struct hv_oplog_entry *e = log->first;

                log->first = e->next;
                free(e->result);
                free(e);
        }
        log->n = 0;
}
