/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the API: reads them by libmicrohttpd's callbacks, finds the route, lets its handler ask core, sleeps, answers. It
 * decides nothing: what an answer says is core's business. Runs in: api.
 */
#include "server/api_request.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "server/api.h"
#include "server/api_body.h"
#include "server/httpd_uv.h"

/* What core may take for an answer that waits for nothing. */
#define CORE_PATIENCE_MS 30000
/* So much of a refused body is read and thrown away, so that the client sees the answer and not a reset connection. */
#define DISCARD_MAX (4u << 20)

struct api_watch {
        uv_poll_t poll;
};

/* ---- answers ---- */

/* Takes over @text. */
static void
request_set_answer(struct api_request *q, unsigned status, char *text, size_t size)
{
        free(q->answer);
        q->status = status;
        q->answer = text;
        q->answer_size = size;
}

static void
request_set_error(struct api_request *q, const struct error *e)
{
        json_t *body = json_pack("{s:{s:s,s:s}}", "error", "code", error_text(e->code), "message", e->message);
        char *text = body ? json_text(body) : NULL;

        /* A message that is no UTF-8 (bytes of the request in it) or memory out: the code alone still helps. */
        json_decref(body);
        if (!text && asprintf(&text, "{\"error\":{\"code\":\"%s\",\"message\":\"\"}}", error_text(e->code)) < 0)
                text = NULL;
        request_set_answer(q, error_http_status(e->code), text, text ? strlen(text) : 0);
        q->retry = e->code == ERR_UNREACHABLE; /* made here it means: core is being started again */
}

/* The answer as libmicrohttpd wants it; the text's memory goes along. */
static enum MHD_Result
request_queue_answer(struct api_request *q)
{
        struct MHD_Response *response;
        enum MHD_Result r;

        if (q->upgrade && q->status == MHD_HTTP_OK)
                return api_ws_upgrade(q);
        response = MHD_create_response_from_buffer(q->answer_size, q->answer, MHD_RESPMEM_MUST_FREE);
        if (!response)
                return MHD_NO;
        q->answer = NULL;
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        if (q->retry)
                MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        if (q->status == MHD_HTTP_UNAUTHORIZED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        r = MHD_queue_response(q->connection, q->status, response);
        MHD_destroy_response(response);
        return r;
}

/* ---- asleep and awake ---- */

static void
watch_closed(uv_handle_t *handle)
{
        free(handle); /* the first member of a struct api_watch */
}

static void
request_unwatch(struct api_request *q)
{
        if (q->watch)
                uv_close((uv_handle_t *)&q->watch->poll, watch_closed);
        q->watch = NULL;
}

/* Out of the table of those who wait; the connection goes on when libmicrohttpd's turn comes. */
static void
request_wake(struct api_request *q)
{
        if (q->id) {
                HASH_DEL(q->api->requests, q);
                q->id = 0;
        }
        request_unwatch(q);
        if (q->asleep) {
                q->asleep = false;
                MHD_resume_connection(q->connection);
                httpd_uv_kick(q->door->httpd);
        }
}

static void
request_wake_with_error(struct api_request *q, enum error_code code, const char *message)
{
        struct error err;

        error_set(&err, code, "%s", message);
        request_set_error(q, &err);
        request_wake(q);
}

/* Nobody reads the answer any more: core need not wait for what it waits for. */
static void
request_cancel(struct api_request *q)
{
        struct msg_api_cancel cancel = {.request = q->id};

        if (q->id)
                role_send(q->api->ctx, ROLE_CORE, MSG_API_CANCEL, &cancel, -1);
}

/* A client on the Unix socket that has only said all it has to say (shutdown of its writing side) still reads. TCP does not
 * tell the one from the other, and HTTP over TLS does not do that. */
static bool
has_only_stopped_sending(const struct api_request *q, uv_poll_t *handle)
{
        struct pollfd p = {.events = POLLIN};

        return q->door->is_unix && uv_fileno((uv_handle_t *)handle, &p.fd) == 0 && poll(&p, 1, 0) >= 0 &&
               !(p.revents & POLLHUP);
}

static void
watch_cb(uv_poll_t *handle, int status, int events)
{
        struct api_request *q = handle->data;

        (void)status;
        (void)events;
        if (has_only_stopped_sending(q, handle)) {
                uv_poll_stop(handle);
                return;
        }
        request_cancel(q);
        request_wake_with_error(q, ERR_CANCELLED, "the client has gone");
}

/* libmicrohttpd does not look at a suspended connection, so its end is watched here. Without a watch the answer goes nowhere,
 * no more. */
static void
request_watch(struct api_request *q)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct api_watch *watch = info ? calloc(1, sizeof(*watch)) : NULL;

        if (!watch)
                return;
        if (uv_poll_init(q->api->ctx->loop, &watch->poll, info->connect_fd) < 0) {
                free(watch);
                return;
        }
        watch->poll.data = q;
        q->watch = watch;
        uv_poll_start(&watch->poll, UV_DISCONNECT, watch_cb);
}

int
api_ask(struct api_request *q, enum msg_type type, void *payload, uint32_t wait_ms, struct error *err)
{
        struct api *api = q->api;
        uint64_t id = ++api->next_request;
        int r;

        memcpy(payload, &id, sizeof(id)); /* `request` is the first member of all of them */
        r = role_send(api->ctx, ROLE_CORE, type, payload, -1);
        if (r < 0)
                return error_set(err, ERR_UNREACHABLE,
                                 "the server's core is away and is being started again; try again in a moment");
        q->id = id;
        q->deadline_ms = clock_mono_ms(&api->ctx->clock) + CORE_PATIENCE_MS + wait_ms;
        HASH_ADD(hh, api->requests, id, sizeof(q->id), q);
        return 0;
}

static void
request_sleep(struct api_request *q)
{
        request_watch(q);
        q->asleep = true;
        MHD_suspend_connection(q->connection);
}

/* ---- what core says ---- */

/* {"id":7,...} and {"notes":[...]} become {"id":7,...,"notes":[...]}. Without memory the answer goes out as core made it. */
static void
request_add_extra(struct api_request *q)
{
        struct error ignored;
        json_t *object = q->extra ? json_parse(q->answer, q->answer_size, CHANNEL_MAX, &ignored) : NULL;
        char *text = NULL;

        if (object && json_object_update(object, q->extra) == 0)
                text = json_text(object);
        if (text)
                request_set_answer(q, q->status, text, strlen(text));
        json_decref(object);
}

void
api_request_reply(struct api *api, struct msg_api_reply *reply)
{
        struct api_request *q;

        HASH_FIND(hh, api->requests, &reply->request, sizeof(reply->request), q);
        if (!q)
                return;
        if (reply->status < 100 || reply->status > 599)
                reply->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        request_set_answer(q, reply->status, (char *)TAKE_PTR(reply->body.data), reply->body.size);
        reply->body.size = 0;
        if (q->status < 300)
                request_add_extra(q);
        request_wake(q);
}

void
api_requests_core_gone(struct api *api)
{
        struct api_request *q, *next;

        HASH_ITER(hh, api->requests, q, next)
        {
                request_wake_with_error(
                        q, ERR_UNREACHABLE,
                        "the server's core has gone while it worked on this and is being started again; what was "
                        "accepted goes on, see 'dompool op list'");
        }
}

void
api_requests_tick(struct api *api, int64_t now_ms)
{
        struct api_request *q, *next;

        HASH_ITER(hh, api->requests, q, next)
        {
                if (now_ms < q->deadline_ms)
                        continue;
                request_cancel(q);
                request_wake_with_error(q, ERR_TIMEOUT, "the server's core does not answer");
        }
}

/* ---- what the client says ---- */

static const char *
request_header(const struct api_request *q, const char *name)
{
        return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

const char *
api_request_query(const struct api_request *q, const char *key)
{
        return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, key);
}

static int
request_authenticate(struct api_request *q, struct error *err)
{
        const union MHD_ConnectionInfo *info;

        if (!q->door->is_unix)
                return api_auth_token(q->api->ctx->config, request_header(q, MHD_HTTP_HEADER_AUTHORIZATION), &q->caller, err);
        info = MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info)
                return error_set(err, ERR_INTERNAL, "no descriptor of the connection");
        return api_auth_peer(info->connect_fd, q->api->api_gid, &q->caller, err);
}

struct query_check {
        const struct api_route *route;
        struct error *err;
        int r;
};

static enum MHD_Result
query_check_cb(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
        struct query_check *c = cls;

        (void)kind;
        if (value && api_route_knows(c->route, key))
                return MHD_YES;
        c->r = error_set(c->err, ERR_INVALID, "query '%.40s': this path knows %s", key,
                         c->route->query[0] ? c->route->query : "none");
        return MHD_NO;
}

static int
request_check_key(struct api_request *q, struct error *err)
{
        const char *key = request_header(q, "Idempotency-Key");

        if (!key)
                return 0;
        for (const char *c = key; *c; c++)
                if (*c < 0x21 || *c > 0x7e)
                        return error_set(err, ERR_INVALID, "Idempotency-Key: printable ASCII without blanks only");
        if (!str_copy(q->key, sizeof(q->key), key))
                return error_set(err, ERR_LIMIT, "Idempotency-Key: at most %d bytes", NAME_SIZE - 1);
        return 0;
}

static unsigned
body_max(const struct api_request *q)
{
        return q->match.route->body_max ?: API_BODY_MAX;
}

/* All that can be said before the body is there. */
static int
request_begin(struct api_request *q, const char *method, const char *url, struct error *err)
{
        const char *length = request_header(q, MHD_HTTP_HEADER_CONTENT_LENGTH);
        struct query_check check = {.err = err};
        uint64_t size = 0;
        int r = request_authenticate(q, err);

        if (r < 0 || (r = api_route_find(method, url, &q->match, err)) < 0)
                return r;
        if (!(q->caller.rights & q->match.route->right))
                return error_set(err, ERR_DENIED, "%s may not %s %s", q->caller.by, method, url);
        check.route = q->match.route;
        MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, query_check_cb, &check);
        if (check.r < 0)
                return check.r;
        if (length && (parse_u64(length, UINT64_MAX, &size) < 0 || size > body_max(q)))
                return error_set(err, ERR_LIMIT, "the body is larger than %u KiB", body_max(q) >> 10);
        return request_check_key(q, err);
}

/* False: the connection is to be cut. */
static bool
request_upload(struct api_request *q, const char *data, size_t size)
{
        struct error err;
        char *grown;

        q->body.size += size;
        if (q->status)
                return q->body.size <= DISCARD_MAX;
        if (q->body.size > body_max(q)) {
                error_set(&err, ERR_LIMIT, "the body is larger than %u KiB", body_max(q) >> 10);
                request_set_error(q, &err);
                return true;
        }
        grown = realloc(q->body.data, q->body.size + 1);
        if (!grown)
                return false;
        q->body.data = grown;
        memcpy(grown + q->body.size - size, data, size);
        grown[q->body.size] = '\0';
        return true;
}

static struct api_request *
request_new(struct api_door *door, struct MHD_Connection *connection, const char *method, const char *url)
{
        struct api_request *q = calloc(1, sizeof(*q));
        struct error err;

        if (!q)
                return NULL;
        q->api = door->api;
        q->door = door;
        q->connection = connection;
        if (request_begin(q, method, url, &err) < 0) {
                log_debug("request refused code=%s text=%s", error_text(err.code), err.message);
                request_set_error(q, &err);
                if (err.code == ERR_UNSUPPORTED)
                        q->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        }
        return q;
}

static void
request_dispatch(struct api_request *q)
{
        struct error err;

        q->dispatched = true;
        if (q->match.route->handler(q, &err) < 0)
                request_set_error(q, &err);
        else
                request_sleep(q);
}

enum MHD_Result
api_request_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                   const char *upload, size_t *upload_size, void **con_cls)
{
        struct api_request *q = *con_cls;

        (void)version;
        if (!q) {
                *con_cls = request_new(cls, connection, method, url);
                return *con_cls ? MHD_YES : MHD_NO;
        }
        if (*upload_size > 0) {
                bool go_on = request_upload(q, upload, *upload_size);

                *upload_size = 0;
                return go_on ? MHD_YES : MHD_NO;
        }
        if (!q->status && !q->dispatched)
                request_dispatch(q);
        return q->status ? request_queue_answer(q) : MHD_YES;
}

void
api_request_completed(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode toe)
{
        struct api_request *q = *con_cls;

        (void)cls;
        (void)connection;
        (void)toe;
        if (!q)
                return;
        *con_cls = NULL;
        if (q->id) {
                request_cancel(q);
                HASH_DEL(q->api->requests, q);
        }
        request_unwatch(q);
        json_decref(q->extra);
        free(q->body.data);
        free(q->answer);
        free(q);
}
