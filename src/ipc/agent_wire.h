/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IPC_AGENT_WIRE_H
#define DOMPOOL_IPC_AGENT_WIRE_H
/*
 * Typed messages as lines of JSON: what an agent's link, or a satellite, and the server's api role say to each other over TLS.
 *
 *     {"m":"AGENT_PING","free_memory_kib":524288,"uptime_ms":61234}
 *
 * "m" is the message's name in messages.def, which also says who may send it; the other keys are the payload's fields
 * (src/base/rec_json.h). Blobs are base64. `conn` is a number of api's own and is never on the wire.
 */
#include "base/error.h"
#include "ipc/messages.h"

#define AGENT_WIRE_MAX (1u << 20)

/* One line without its newline, malloc'ed; NULL when memory is out or a text in the payload is no UTF-8. */
char *
agent_wire_encode(enum msg_type type, const void *payload);

/*
 * @self_role is who reads: ROLE_API, ROLE_LINK or ROLE_SATELLITE; only what the others may send to it is taken. Pure. The
 * payload is calloc'ed: agent_wire_free it. On failure (ERR_PROTOCOL, ERR_LIMIT, ERR_INVALID) nothing is returned.
 */
int
agent_wire_decode(const char *line, size_t size, enum role self_role, enum msg_type *ret_type, void **ret_payload,
                  struct error *err);

void
agent_wire_free(enum msg_type type, void *payload);

#endif
