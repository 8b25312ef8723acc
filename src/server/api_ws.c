/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Web sockets: framing by libwslay on connections that libmicrohttpd has handed over, with limits both ways. It carries bytes
 * and knows nothing of consoles or captures. Runs in: api.
 */
#include "server/api_ws.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "net/ws_key.h"
#include "server/api.h"
#include "server/httpd_uv.h"

#define PING_EVERY_MS 30000
#define SILENT_MAX_MS 90000
#define GOOD_BYE_MS 5000
#define DRAIN_MS 30000 /* for what is queued, before the good-bye */
#define MESSAGE_MAX 65536
#define REASON_MAX 123 /* RFC 6455 5.5: a control frame has at most 125 bytes, two are the status */

struct api_ws {
        struct api *api;
        const struct api_ws_kind *kind;
        struct httpd_uv *httpd;
        uint64_t session;
        struct MHD_UpgradeResponseHandle *urh;
        int fd; /* libmicrohttpd's */
        uv_poll_t poll;
        wslay_event_context_ptr ws;
        char *early; /* bytes that came with the request */
        size_t early_at, early_size;
        uint32_t budget;   /* bytes that may be read until the next second */
        uint64_t left_out; /* bytes of output not queued, not yet told */
        int64_t heard_ms, pinged_ms;
        int64_t end_ms;              /* good-bye said: cut at this time; 0: not yet */
        char reason[REASON_MAX + 1]; /* of a good-bye that waits; empty: none does */
        uint16_t status;
        bool core_knows; /* of it, and not yet of its end */
        bool dead;       /* the socket has ended */
        UT_hash_handle hh;
};

static int64_t
ws_now(const struct api_ws *w)
{
        return clock_mono_ms(&w->api->ctx->clock);
}

/* ---- the end ---- */

static void
ws_tell_core(struct api_ws *w)
{
        if (!w->core_knows)
                return;
        w->core_knows = false;
        w->kind->over(w);
}

static void
ws_closed_cb(uv_handle_t *handle)
{
        free(handle->data);
}

static void
ws_free(struct api_ws *w)
{
        HASH_DEL(w->api->sockets.by_session, w);
        ws_tell_core(w);
        uv_close((uv_handle_t *)&w->poll, ws_closed_cb);
        wslay_event_context_free(w->ws);
        free(w->early);
        MHD_upgrade_action(w->urh, MHD_UPGRADE_ACTION_CLOSE);
        httpd_uv_kick(w->httpd);
}

/* A close frame overtakes what is queued, so it waits until that is sent. */
static void
ws_good_bye(struct api_ws *w)
{
        if (!w->reason[0] || wslay_event_get_queued_msg_length(w->ws) > 0)
                return;
        wslay_event_queue_close(w->ws, w->status, (const uint8_t *)w->reason, strlen(w->reason));
        w->reason[0] = '\0';
        w->end_ms = ws_now(w) + GOOD_BYE_MS;
}

static void ws_arm(struct api_ws *w);

void
api_ws_close(struct api_ws *w, enum error_code code, const char *text)
{
        if (w->end_ms)
                return;
        snprintf(w->reason, sizeof(w->reason), "%s: %s", error_text(code), text);
        w->status = code == ERR_NONE ? WSLAY_CODE_NORMAL_CLOSURE : API_WS_STATUS;
        w->end_ms = ws_now(w) + DRAIN_MS;
        ws_good_bye(w);
        ws_tell_core(w);
        ws_arm(w);
}

/* ---- libwslay's callbacks ---- */

static ssize_t
ws_recv_cb(wslay_event_context_ptr ws, uint8_t *buf, size_t size, int flags, void *arg)
{
        struct api_ws *w = arg;
        ssize_t r;

        (void)flags;
        if (w->early_at < w->early_size) {
                size_t n = w->early_size - w->early_at < size ? w->early_size - w->early_at : size;

                memcpy(buf, w->early + w->early_at, n);
                w->early_at += n;
                return (ssize_t)n;
        }
        if (size > w->budget)
                size = w->budget;
        r = size == 0 ? 0 : recv(w->fd, buf, size, 0);
        if (size == 0 || (r < 0 && (errno == EAGAIN || errno == EINTR))) {
                wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        if (r <= 0) {
                w->dead = true;
                wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
                return -1;
        }
        w->budget -= (uint32_t)r;
        w->heard_ms = ws_now(w);
        return r;
}

static ssize_t
ws_send_cb(wslay_event_context_ptr ws, const uint8_t *data, size_t size, int flags, void *arg)
{
        struct api_ws *w = arg;
        ssize_t r = send(w->fd, data, size, MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));

        if (r >= 0)
                return r;
        w->dead = errno != EAGAIN && errno != EINTR;
        wslay_event_set_error(ws, w->dead ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
        return -1;
}

static void
ws_message_cb(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
        struct api_ws *w = arg;

        (void)ws;
        if (!wslay_is_ctrl_frame(m->opcode) && w->core_knows && w->kind->input)
                w->kind->input(w, m->msg, m->msg_length);
}

static const struct wslay_event_callbacks ws_callbacks = {
        .recv_callback = ws_recv_cb,
        .send_callback = ws_send_cb,
        .on_msg_recv_callback = ws_message_cb,
};

/* ---- the loop's side ---- */

static void ws_poll_cb(uv_poll_t *poll, int status, int events);

static void
ws_arm(struct api_ws *w)
{
        int events = 0;

        if (wslay_event_want_read(w->ws))
                events = w->budget > 0 ? UV_READABLE : UV_DISCONNECT;
        if (wslay_event_want_write(w->ws))
                events |= UV_WRITABLE;
        uv_poll_start(&w->poll, events, ws_poll_cb);
}

bool
api_ws_send(struct api_ws *w, bool text, const void *data, size_t size)
{
        struct wslay_event_msg m = {.opcode = text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, .msg = data, .msg_length = size};

        if (w->end_ms || w->dead)
                return false;
        if (wslay_event_get_queued_msg_length(w->ws) + size > w->kind->out_max || wslay_event_queue_msg(w->ws, &m) != 0) {
                w->left_out += size;
                ws_arm(w);
                return false;
        }
        ws_arm(w);
        return true;
}

static void
ws_tell_left_out(struct api_ws *w)
{
        uint64_t bytes = w->left_out;

        if (bytes == 0 || !w->kind->left_out || wslay_event_get_queued_msg_length(w->ws) > 0)
                return;
        w->left_out = 0;
        w->kind->left_out(w, bytes);
}

/* Reads and writes what goes; frees it when it is over. */
static void
ws_run(struct api_ws *w)
{
        if (wslay_event_want_read(w->ws) && wslay_event_recv(w->ws) != 0)
                w->dead = true;
        if (!w->dead && wslay_event_want_write(w->ws) && wslay_event_send(w->ws) != 0)
                w->dead = true;
        if (!w->dead) {
                ws_tell_left_out(w);
                ws_good_bye(w);
        }
        if (w->dead || (!wslay_event_want_read(w->ws) && !wslay_event_want_write(w->ws)))
                ws_free(w);
        else
                ws_arm(w);
}

static void
ws_poll_cb(uv_poll_t *poll, int status, int events)
{
        struct api_ws *w = poll->data;

        if (status < 0 || ((events & UV_DISCONNECT) && w->budget == 0))
                w->dead = true;
        ws_run(w);
}

/* ---- for the kinds ---- */

struct api_ws *
api_ws_find(struct api *api, uint64_t session, const struct api_ws_kind *kind)
{
        struct api_ws *w;

        HASH_FIND(hh, api->sockets.by_session, &session, sizeof(session), w);
        return w && w->kind == kind ? w : NULL;
}

uint64_t
api_ws_session(const struct api_ws *w)
{
        return w->session;
}

struct api *
api_ws_api(const struct api_ws *w)
{
        return w->api;
}

void
api_ws_core_done(struct api_ws *w)
{
        w->core_knows = false;
}

void
api_ws_close_all(struct api *api, const struct api_ws_kind *kind, enum error_code code, const char *text)
{
        struct api_ws *w, *next;

        HASH_ITER(hh, api->sockets.by_session, w, next)
        {
                if (!kind || w->kind == kind)
                        api_ws_close(w, code, text);
        }
}

void
api_ws_drop_all(struct api *api)
{
        struct api_ws *w, *next;

        HASH_ITER(hh, api->sockets.by_session, w, next)
        {
                ws_free(w);
        }
}

void
api_ws_tick(struct api *api, int64_t now_ms)
{
        static const struct wslay_event_msg ping = {.opcode = WSLAY_PING};
        struct api_ws *w, *next;

        HASH_ITER(hh, api->sockets.by_session, w, next)
        {
                if ((w->end_ms && now_ms >= w->end_ms) || now_ms - w->heard_ms > SILENT_MAX_MS) {
                        ws_free(w);
                        continue;
                }
                if (!w->end_ms && now_ms - w->pinged_ms >= PING_EVERY_MS) {
                        wslay_event_queue_msg(w->ws, &ping);
                        w->pinged_ms = now_ms;
                }
                w->budget = API_WS_IN_PER_S;
                ws_arm(w);
        }
}

/* ---- the beginning ---- */

/* Frees nothing of libmicrohttpd's: the caller closes the upgraded connection when this fails. */
static struct api_ws *
ws_new(struct api_request *q, const char *early, size_t early_size, int fd, struct MHD_UpgradeResponseHandle *urh)
{
        struct api_ws *w = calloc(1, sizeof(*w));

        if (!w)
                return NULL;
        w->api = q->api;
        w->httpd = q->door->httpd;
        w->kind = q->upgrade;
        w->urh = urh;
        w->fd = fd;
        w->budget = API_WS_IN_PER_S;
        w->heard_ms = w->pinged_ms = ws_now(w);
        w->early = early_size ? malloc(early_size) : NULL;
        if ((early_size && !w->early) || wslay_event_context_server_init(&w->ws, &ws_callbacks, w) != 0) {
                free(w->early);
                free(w);
                return NULL;
        }
        wslay_event_config_set_max_recv_msg_length(w->ws, MESSAGE_MAX);
        if (early_size)
                memcpy(w->early, early, early_size);
        w->early_size = early_size;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        if (uv_poll_init(w->api->ctx->loop, &w->poll, fd) < 0) {
                wslay_event_context_free(w->ws);
                free(w->early);
                free(w);
                return NULL;
        }
        w->poll.data = w;
        w->session = ++w->api->sockets.next_session;
        HASH_ADD(hh, w->api->sockets.by_session, session, sizeof(w->session), w);
        return w;
}

/* libmicrohttpd has sent 101: from here on the connection is ours. */
static void
ws_upgraded_cb(void *cls, struct MHD_Connection *connection, void *con_cls, const char *extra_in, size_t extra_in_size,
               MHD_socket sock, struct MHD_UpgradeResponseHandle *urh)
{
        struct api_request *q = con_cls;
        struct api_ws *w = ws_new(q, extra_in, extra_in_size, sock, urh);

        (void)cls;
        (void)connection;
        if (!w) {
                MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
                return;
        }
        w->core_knows = w->kind->opened(w, q);
        if (!w->core_knows)
                api_ws_close(w, ERR_UNREACHABLE, "the server's core is away");
        ws_arm(w);
}

enum MHD_Result
api_ws_upgrade(struct api_request *q)
{
        struct MHD_Response *response = MHD_create_response_for_upgrade(ws_upgraded_cb, NULL);
        char accept[WS_ACCEPT_SIZE];
        enum MHD_Result r;

        if (!response)
                return MHD_NO;
        ws_key_accept(MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Sec-WebSocket-Key"), accept);
        MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "websocket");
        MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
        r = MHD_queue_response(q->connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
        MHD_destroy_response(response);
        return r;
}

static bool
header_is(const struct api_request *q, const char *name, const char *value)
{
        const char *there = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);

        return there && strcasecmp(there, value) == 0;
}

int
api_ws_prepare(struct api_request *q, const struct api_ws_kind *kind, struct error *err)
{
        const char *key = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Sec-WebSocket-Key");

        if (!header_is(q, MHD_HTTP_HEADER_UPGRADE, "websocket") || !header_is(q, "Sec-WebSocket-Version", "13") || !key ||
            !ws_key_ok(key))
                return error_set(err, ERR_PROTOCOL, "%s is a web socket: RFC 6455's upgrade, version 13, is wanted",
                                 kind->what);
        if (HASH_COUNT(q->api->sockets.by_session) >= API_WS_MAX)
                return error_set(err, ERR_LIMIT, "%d web sockets are open, no more are possible", API_WS_MAX);
        q->upgrade = kind;
        return 0;
}
