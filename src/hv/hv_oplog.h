/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_OPLOG_H
#define DOMPOOL_HV_HV_OPLOG_H
/*
 * Which operations this hv knows, so that one that is sent twice is begun once.
 *
 *     (unknown) --begin--> running --done--> done --ack--> (unknown)
 *                            ^ |               ^ |
 *                            +-+ begin: later  +-+ begin: its result is to be sent again
 *                                epoch kept
 *
 * It lives as long as the process. After a restart every operation is unknown; the steps themselves are idempotent then.
 */
#include "ipc/messages.h"

/* Operations under way or not yet acknowledged; beyond it a new one is refused. */
#define HV_OPLOG_MAX 512

struct hv_oplog_entry {
        uint64_t id;
        uint64_t epoch;
        bool done;
        struct msg_agent_op_result *result; /* once done */
        struct hv_oplog_entry *next;
};

struct hv_oplog {
        struct hv_oplog_entry *first;
        uint32_t n;
};

enum hv_oplog_answer {
        HV_OPLOG_NEW,     /* begin it */
        HV_OPLOG_RUNNING, /* it is under way; nothing to do */
        HV_OPLOG_DONE,    /* send the entry's result again */
        HV_OPLOG_FULL,    /* refuse it */
};

/* @ret is the entry for RUNNING and DONE; its epoch is the later one. */
enum hv_oplog_answer
hv_oplog_begin(struct hv_oplog *log, uint64_t id, uint64_t epoch, const struct hv_oplog_entry **ret);

/* Notes the end of an operation; returns the result as it is to be sent (epoch filled in), NULL when memory is out or id
 * unknown. */
const struct msg_agent_op_result *
hv_oplog_done(struct hv_oplog *log, const struct msg_agent_op_result *result);

void
hv_oplog_ack(struct hv_oplog *log, uint64_t id);

/* Is it under way? Then @ret_epoch is the epoch under which its progress is to be reported. */
bool
hv_oplog_running(const struct hv_oplog *log, uint64_t id, uint64_t *ret_epoch);

void
hv_oplog_deinit(struct hv_oplog *log);

#endif
