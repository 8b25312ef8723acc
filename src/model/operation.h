/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_OPERATION_H
#define DOMPOOL_MODEL_OPERATION_H
/*
 * An operation: a durable, resumable action. Its intent is in the database before the caller gets an answer; every step is
 * idempotent and carries the operation's id and an epoch, which grows each time the step is sent again.
 *
 *     queued --> running --> done
 *                  |  ^ |
 *     server or    v  | +--> failed     (after undoing what had been done)
 *     agent died: resumed, epoch + 1
 */
#include <stdbool.h>

#include "base/rec.h"
#include "model/domain.h"
#include "model/host.h"

enum op_kind {
        OP_DOMAIN_CREATE,
        OP_DOMAIN_SHUTDOWN,
        OP_DOMAIN_DESTROY,
        OP_HOST_REBOOT,
        OP_IMAGE_BUILD, /* this and what follows is done by the server's role work, one at a time */
        OP_IMAGE_SET_DEFAULT,
        OP_IMAGE_ROLLBACK,
        OP_IMAGE_REMOVE,
        OP_IMAGE_GC,
        OP_IMAGE_VERIFY,
        OP_KIND_N,
};
extern const char *const op_kind_names[]; /* "domain-create", ... */

/* Done on the server, not by a host's agent. */
static inline bool
op_kind_is_works(uint32_t kind)
{
        return kind >= OP_IMAGE_BUILD && kind < OP_KIND_N;
}

enum op_state { OP_QUEUED, OP_RUNNING, OP_DONE, OP_FAILED };
extern const char *const op_state_names[];

struct operation {
        uint64_t id;    /* 1.. ; never used again */
        uint32_t kind;  /* enum op_kind */
        uint32_t state; /* enum op_state */
        uint64_t epoch;
        char target[NAME_SIZE]; /* domain, host or image name */
        char host[NAME_SIZE];   /* where it happens; empty where that means nothing */
        char version[17];       /* of an image that it is about, the id's first 16 digits; empty: none */
        char step[32];          /* "fetch", "create", "wait", ... */
        uint32_t percent;       /* 0..100, of the present step */
        char error_code[32];    /* error_text(); "none" */
        char error_text[1000];
        char by[NAME_SIZE];             /* who asked: "uid:0", "token:NAME" */
        int64_t created_ms, updated_ms; /* wall clock */
};
extern const struct rec_desc operation_desc;

#endif
