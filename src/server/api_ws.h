/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_WS_H
#define DOMPOOL_SERVER_API_WS_H
/*
 * Web sockets of the api role: RFC 6455 by libwslay on a connection that libmicrohttpd has handed over. What is said on one is
 * its kind's business: consoles (api_console.c), captures (api_capture.c).
 *
 *     GET: does core agree? --no--> its error as HTTP answer
 *        | yes
 *     101 --kind->opened--> open <--frames--> ... --api_ws_close--> close frame, status 4000 and "code: text" if it is an error
 *                                  +--client's close frame or end, api_ws_close--> kind->over, once
 *
 * Bounded both ways: what a client says is read at API_WS_IN_PER_S, then TCP holds it back; of output nothing is queued above
 * API_WS_OUT_MAX.
 */
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define API_WS_MAX 1024
#define API_WS_IN_PER_S (128u << 10)
#define API_WS_OUT_MAX (1u << 20)
/* RFC 6455 7.4.2: 4000-4999 are the application's. The reason is "CODE: TEXT" with a code of error_codes.def. */
#define API_WS_STATUS 4000

struct api;
struct api_request;
struct api_ws;

struct api_ws_kind {
        const char *what; /* "a console", for errors */
        size_t out_max;   /* bytes of output that wait for the client */
        /* The session's number is new; tells core. false: core is away. */
        bool (*opened)(struct api_ws *w, const struct api_request *q);
        /* A message of the client; NULL: it has nothing to say. */
        void (*input)(struct api_ws *w, const uint8_t *data, size_t size);
        /* It is over on this side: tells core. Not called after api_ws_core_done(). */
        void (*over)(struct api_ws *w);
        /* All that was queued is sent, and so many bytes had no room before. NULL: nothing is said of them. */
        void (*left_out)(struct api_ws *w, uint64_t bytes);
};

struct api_sockets {
        uint64_t next_session;
        struct api_ws *by_session;
};

/* For handlers: is it a well-formed upgrade, and is there room? Sets what the request becomes when core agrees. */
int
api_ws_prepare(struct api_request *q, const struct api_ws_kind *kind, struct error *err);

/* Core agrees: answers 101 and makes the web socket. */
enum MHD_Result
api_ws_upgrade(struct api_request *q);

/* NULL: there is none of this number and kind. */
struct api_ws *
api_ws_find(struct api *api, uint64_t session, const struct api_ws_kind *kind);

uint64_t
api_ws_session(const struct api_ws *w);
struct api *
api_ws_api(const struct api_ws *w);

/* Queues a message. false: it has no room, or the good-bye is said; nothing is queued. */
bool
api_ws_send(struct api_ws *w, bool text, const void *data, size_t size);

/* Core has ended it, or nobody is there to be told. */
void
api_ws_core_done(struct api_ws *w);

/* Says good-bye; the connection ends with the client's answer or a little later. */
void
api_ws_close(struct api_ws *w, enum error_code code, const char *text);

/* Ends all, or all of a kind. @code and @text go to the clients. */
void
api_ws_close_all(struct api *api, const struct api_ws_kind *kind, enum error_code code, const char *text);

/* Ends all at once, without a word. */
void
api_ws_drop_all(struct api *api);

/* Once a second. */
void
api_ws_tick(struct api *api, int64_t now_ms);

#endif
