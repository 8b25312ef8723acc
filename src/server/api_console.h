/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_CONSOLE_H
#define DOMPOOL_SERVER_API_CONSOLE_H
/* What web sockets carry: consoles of domains, captures of packets. The sockets themselves are api_ws.h's. */
#include "ipc/messages.h"

struct api;

/* CONSOLE_DATA or CONSOLE_CLOSE of core for a client (its `conn` is 0). */
void api_consoles_deliver(struct api *api, enum msg_type type, const void *payload);

/* CAPTURE_DATA, CAPTURE_NOTE or CAPTURE_CLOSE, of core or capture. */
void api_captures_deliver(struct api *api, enum msg_type type, const void *payload);

/* The process that captures has gone. */
void api_captures_gone(struct api *api);

#endif
