/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_REQUEST_H
#define DOMPOOL_SERVER_API_REQUEST_H
/*
 * A request to the API, from libmicrohttpd's first call to its last:
 *
 *     begin --> body --> handler --> asleep --> core's answer, core's end, time over, client's end --> answer --> completed
 *       |         |         |                                                                            ^
 *       +---------+---------+--- an error: the body is read to its end and thrown away, then ------------+
 */
#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include <uv.h>

#include "base/error.h"
#include "ipc/messages.h"
#include "server/api_auth.h"
#include "server/api_route.h"

struct api;
struct api_watch;
struct api_ws_kind;

/* One of the two ways in; the argument of libmicrohttpd's callbacks. */
struct api_door {
        struct api *api;
        struct httpd_uv *httpd;
        bool is_unix;
};

struct api_request {
        struct api *api;
        struct api_door *door;
        struct MHD_Connection *connection;
        struct api_match match;
        struct api_caller caller;
        char key[NAME_SIZE];      /* Idempotency-Key */
        struct {
                char *data;
                size_t size;
        } body;
        bool dispatched;          /* the handler has been called */
        bool asleep;              /* suspended in libmicrohttpd, waits for core */
        uint64_t id;              /* of the question to core; 0: none under way */
        int64_t deadline_ms;      /* clock_mono_ms: core has to answer until then */
        struct api_watch *watch;  /* tells when the client goes away meanwhile */
        json_t *extra;            /* keys of api's own, put into a good answer */
        const struct api_ws_kind *upgrade; /* answer 200 means: become such a web socket */
        unsigned status;          /* 0: no answer yet */
        bool retry;               /* tell the client to come back */
        char *answer;             /* JSON text, malloc'ed */
        size_t answer_size;
        UT_hash_handle hh;        /* by id, in api->requests */
};

/* libmicrohttpd's callbacks; @cls is a struct api_door. */
enum MHD_Result
api_request_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                   const char *upload, size_t *upload_size, void **con_cls);
void
api_request_completed(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode toe);

/* For handlers: sends @payload, whose first member is `uint64_t request`, to core and puts the request to sleep for up to
 * @wait_ms more than core's usual time. 0, or ERR_UNREACHABLE while core is away. */
int
api_ask(struct api_request *q, enum msg_type type, void *payload, uint32_t wait_ms, struct error *err);

/* Core's answer; the body's memory is taken over. An answer that nobody waits for is dropped. */
void
api_request_reply(struct api *api, struct msg_api_reply *reply);

/* Core has gone: everything that waits for it is answered so. */
void
api_requests_core_gone(struct api *api);

/* Answers what is over its deadline. Call about once a second. */
void
api_requests_tick(struct api *api, int64_t now_ms);

/* The value of a query key, or NULL. */
const char *
api_request_query(const struct api_request *q, const char *key);

#endif
