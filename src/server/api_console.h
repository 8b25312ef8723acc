/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_CONSOLE_H
#define DOMPOOL_SERVER_API_CONSOLE_H
/*
 * Consoles: a client's web socket <-> CONSOLE_OPEN, CONSOLE_DATA, CONSOLE_CLOSE with core, which knows the agent.
 *
 *     GET .../console: does core know the domain? --no--> its error as HTTP answer
 *        | yes
 *     101 --CONSOLE_OPEN--> open <--binary frames--> ... --CONSOLE_CLOSE from core--> close frame, status 4000 and "code: text"
 *                             +--client's close frame or end--> CONSOLE_CLOSE to core
 *
 * Bounded both ways: what a client types is read at CONSOLE_IN_PER_S, then TCP holds it back; output above CONSOLE_OUT_MAX that
 * a client does not read is left out, and it is told how much.
 */
#include <microhttpd.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/messages.h"

#define CONSOLE_MAX 1024
#define CONSOLE_IN_PER_S (128u << 10)
#define CONSOLE_OUT_MAX (1u << 20)
/* RFC 6455 7.4.2: 4000-4999 are the application's. The reason is "CODE: TEXT" with a code of error_codes.def. */
#define CONSOLE_WS_STATUS 4000

struct api;
struct api_request;
struct console;

struct api_consoles {
        uint64_t next_session;
        struct console *by_session;
};

/* Core knows the domain: answers 101 and makes the console. */
enum MHD_Result
api_console_upgrade(struct api_request *q);

/* A message of core for a client (its `conn` is 0). */
void
api_consoles_deliver(struct api *api, enum msg_type type, const void *payload);

/* Ends all. @code and @text go to the clients. */
void
api_consoles_close(struct api *api, enum error_code code, const char *text);

/* Ends all at once, without a word. */
void
api_consoles_drop(struct api *api);

/* Once a second. */
void
api_consoles_tick(struct api *api, int64_t now_ms);

#endif
