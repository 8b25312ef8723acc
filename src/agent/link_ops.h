/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_LINK_OPS_H
#define DOMPOOL_AGENT_LINK_OPS_H
/*
 * Operations as link sees them. A result is kept and repeated after each reconnect until the server has acknowledged it.
 *
 *     server --AGENT_OP--> fetching --all files there--> sent to hv --AGENT_OP_RESULT--> done --AGENT_OP_ACK--> (forgotten)
 *                             |                             ^ |                           ^
 *                             | file cannot be had          +-+ hv is new: sent again     |
 *                             +-----------------------------------------------------------+
 */
#include <uv.h>

#include "ipc/messages.h"

#define LINK_OPS_MAX 512

struct link_ops;

struct link_ops_events {
        void (*to_server)(void *arg, enum msg_type type, const void *payload);
        void (*to_hv)(void *arg, enum msg_type type, const void *payload);
};

struct link_ops *
link_ops_new(uv_loop_t *loop, const char *blob_folder, const struct link_ops_events *ev, void *arg);

/* Where files come from; before the first operation and at each welcome. */
void
link_ops_source(struct link_ops *ops, uint32_t address, uint16_t port, const char *path_prefix);

void
link_ops_take(struct link_ops *ops, const struct msg_agent_op *op);

/* From hv. */
void
link_ops_result(struct link_ops *ops, const struct msg_agent_op_result *result);

void
link_ops_ack(struct link_ops *ops, uint64_t id);

/* The server is back: it gets every result that it has not acknowledged. */
void
link_ops_repeat_results(struct link_ops *ops);

/* hv is new: it gets every operation that the old one had not ended. */
void
link_ops_repeat_to_hv(struct link_ops *ops);

void
link_ops_free(struct link_ops *ops);

#endif
