/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consoles of the api role: RFC 6455 by libwslay on a connection that libmicrohttpd has handed over. It carries bytes and knows
 * nothing of terminals. Runs in: api.
 */
#include "server/api_console.h"

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
#include "server/api_handlers.h"
#include "server/httpd_uv.h"

#define PING_EVERY_MS 30000
#define SILENT_MAX_MS 90000
#define GOOD_BYE_MS 5000
#define MESSAGE_MAX 65536
#define REASON_MAX 123 /* RFC 6455 5.5: a control frame has at most 125 bytes, two are the status */

struct console {
        struct api *api;
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
        int64_t end_ms;  /* good-bye said: cut at this time; 0: not yet */
        bool core_knows; /* CONSOLE_OPEN was sent, CONSOLE_CLOSE neither sent nor received */
        bool dead;       /* the socket has ended */
        UT_hash_handle hh;
};

static int64_t
console_now(const struct console *c)
{
        return clock_mono_ms(&c->api->ctx->clock);
}

/* ---- the end ---- */

static void
console_tell_core(struct console *c)
{
        struct msg_console_close m = {.session = c->session};

        if (!c->core_knows)
                return;
        c->core_knows = false;
        str_copy(m.code, sizeof(m.code), error_text(ERR_NONE));
        role_send(c->api->ctx, ROLE_CORE, MSG_CONSOLE_CLOSE, &m, -1);
}

static void
console_closed_cb(uv_handle_t *handle)
{
        free(handle->data);
}

static void
console_free(struct console *c)
{
        HASH_DEL(c->api->consoles.by_session, c);
        console_tell_core(c);
        uv_close((uv_handle_t *)&c->poll, console_closed_cb);
        wslay_event_context_free(c->ws);
        free(c->early);
        MHD_upgrade_action(c->urh, MHD_UPGRADE_ACTION_CLOSE);
        httpd_uv_kick(c->httpd);
}

/* Says good-bye; the connection ends with the client's answer or a little later. */
static void
console_close(struct console *c, enum error_code code, const char *text)
{
        char reason[REASON_MAX + 1];

        if (c->end_ms)
                return;
        snprintf(reason, sizeof(reason), "%s: %s", error_text(code), text);
        wslay_event_queue_close(c->ws, code == ERR_NONE ? WSLAY_CODE_NORMAL_CLOSURE : CONSOLE_WS_STATUS,
                                (const uint8_t *)reason, strlen(reason));
        c->end_ms = console_now(c) + GOOD_BYE_MS;
        console_tell_core(c);
}

/* ---- libwslay's callbacks ---- */

static ssize_t
ws_recv_cb(wslay_event_context_ptr ws, uint8_t *buf, size_t size, int flags, void *arg)
{
        struct console *c = arg;
        ssize_t r;

        (void)flags;
        if (c->early_at < c->early_size) {
                size_t n = c->early_size - c->early_at < size ? c->early_size - c->early_at : size;

                memcpy(buf, c->early + c->early_at, n);
                c->early_at += n;
                return (ssize_t)n;
        }
        if (size > c->budget)
                size = c->budget;
        r = size == 0 ? 0 : recv(c->fd, buf, size, 0);
        if (size == 0 || (r < 0 && (errno == EAGAIN || errno == EINTR))) {
                wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
                return -1;
        }
        if (r <= 0) {
                c->dead = true;
                wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
                return -1;
        }
        c->budget -= (uint32_t)r;
        c->heard_ms = console_now(c);
        return r;
}

static ssize_t
ws_send_cb(wslay_event_context_ptr ws, const uint8_t *data, size_t size, int flags, void *arg)
{
        struct console *c = arg;
        ssize_t r = send(c->fd, data, size, MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));

        if (r >= 0)
                return r;
        c->dead = errno != EAGAIN && errno != EINTR;
        wslay_event_set_error(ws, c->dead ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
        return -1;
}

static void
ws_message_cb(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
        struct console *c = arg;

        (void)ws;
        if (wslay_is_ctrl_frame(m->opcode) || !c->core_knows)
                return;
        for (size_t at = 0; at < m->msg_length; at += CONSOLE_CHUNK) {
                size_t n = m->msg_length - at < CONSOLE_CHUNK ? m->msg_length - at : CONSOLE_CHUNK;
                /* Only read by role_send, never freed as a record. */
                struct msg_console_data data = {.session = c->session, .data = {.data = (uint8_t *)m->msg + at, .size = n}};

                if (role_send(c->api->ctx, ROLE_CORE, MSG_CONSOLE_DATA, &data, -1) < 0)
                        return; /* core's end closes all consoles */
        }
}

static const struct wslay_event_callbacks ws_callbacks = {
        .recv_callback = ws_recv_cb,
        .send_callback = ws_send_cb,
        .on_msg_recv_callback = ws_message_cb,
};

/* ---- the loop's side ---- */

static void console_poll_cb(uv_poll_t *poll, int status, int events);

static void
console_arm(struct console *c)
{
        int events = 0;

        if (wslay_event_want_read(c->ws))
                events = c->budget > 0 ? UV_READABLE : UV_DISCONNECT;
        if (wslay_event_want_write(c->ws))
                events |= UV_WRITABLE;
        uv_poll_start(&c->poll, events, console_poll_cb);
}

static void
console_queue(struct console *c, const void *data, size_t size)
{
        struct wslay_event_msg m = {.opcode = WSLAY_BINARY_FRAME, .msg = data, .msg_length = size};

        if (wslay_event_queue_msg(c->ws, &m) != 0)
                c->left_out += size;
}

static void
console_tell_left_out(struct console *c)
{
        char text[120];
        int n;

        if (c->left_out == 0 || wslay_event_get_queued_msg_length(c->ws) > 0)
                return;
        n = snprintf(text, sizeof(text), "\r\n[dompool: %llu bytes left out, this client reads too slowly]\r\n",
                     (unsigned long long)c->left_out);
        c->left_out = 0;
        console_queue(c, text, (size_t)n);
}

/* Reads and writes what goes; frees the console when it is over. */
static void
console_run(struct console *c)
{
        if (wslay_event_want_read(c->ws) && wslay_event_recv(c->ws) != 0)
                c->dead = true;
        if (!c->dead && wslay_event_want_write(c->ws) && wslay_event_send(c->ws) != 0)
                c->dead = true;
        if (!c->dead)
                console_tell_left_out(c);
        if (c->dead || (!wslay_event_want_read(c->ws) && !wslay_event_want_write(c->ws)))
                console_free(c);
        else
                console_arm(c);
}

static void
console_poll_cb(uv_poll_t *poll, int status, int events)
{
        struct console *c = poll->data;

        if (status < 0 || ((events & UV_DISCONNECT) && c->budget == 0))
                c->dead = true;
        console_run(c);
}

/* ---- from core ---- */

static void
console_output(struct console *c, const struct msg_console_data *m)
{
        if (c->end_ms || m->data.size == 0)
                return;
        if (wslay_event_get_queued_msg_length(c->ws) + m->data.size > CONSOLE_OUT_MAX)
                c->left_out += m->data.size;
        else
                console_queue(c, m->data.data, m->data.size);
        console_arm(c);
}

static void
console_end(struct console *c, const struct msg_console_close *m)
{
        enum error_code code = strcmp(m->code, error_text(ERR_NONE)) == 0 || !m->code[0] ? ERR_NONE : error_from_text(m->code);

        c->core_knows = false;
        console_close(c, code, m->text);
        console_arm(c);
}

void
api_consoles_deliver(struct api *api, enum msg_type type, const void *payload)
{
        struct console *c;
        uint64_t session = type == MSG_CONSOLE_DATA ? ((const struct msg_console_data *)payload)->session
                                                    : ((const struct msg_console_close *)payload)->session;

        HASH_FIND(hh, api->consoles.by_session, &session, sizeof(session), c);
        if (!c)
                return;
        if (type == MSG_CONSOLE_DATA)
                console_output(c, payload);
        else
                console_end(c, payload);
}

void
api_consoles_close(struct api *api, enum error_code code, const char *text)
{
        struct console *c, *next;

        HASH_ITER(hh, api->consoles.by_session, c, next)
        {
                console_close(c, code, text);
                console_arm(c);
        }
}

void
api_consoles_drop(struct api *api)
{
        struct console *c, *next;

        HASH_ITER(hh, api->consoles.by_session, c, next)
        {
                console_free(c);
        }
}

void
api_consoles_tick(struct api *api, int64_t now_ms)
{
        static const struct wslay_event_msg ping = {.opcode = WSLAY_PING};
        struct console *c, *next;

        HASH_ITER(hh, api->consoles.by_session, c, next)
        {
                if ((c->end_ms && now_ms >= c->end_ms) || now_ms - c->heard_ms > SILENT_MAX_MS) {
                        console_free(c);
                        continue;
                }
                if (!c->end_ms && now_ms - c->pinged_ms >= PING_EVERY_MS) {
                        wslay_event_queue_msg(c->ws, &ping);
                        c->pinged_ms = now_ms;
                }
                c->budget = CONSOLE_IN_PER_S;
                console_arm(c);
        }
}

/* ---- the beginning ---- */

/* Frees nothing of libmicrohttpd's: the caller closes the upgraded connection when this fails. */
static struct console *
console_new(struct api_request *q, const char *early, size_t early_size, int fd, struct MHD_UpgradeResponseHandle *urh)
{
        struct console *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->api = q->api;
        c->httpd = q->door->httpd;
        c->urh = urh;
        c->fd = fd;
        c->budget = CONSOLE_IN_PER_S;
        c->heard_ms = c->pinged_ms = console_now(c);
        c->early = early_size ? malloc(early_size) : NULL;
        if ((early_size && !c->early) || wslay_event_context_server_init(&c->ws, &ws_callbacks, c) != 0) {
                free(c->early);
                free(c);
                return NULL;
        }
        wslay_event_config_set_max_recv_msg_length(c->ws, MESSAGE_MAX);
        if (early_size)
                memcpy(c->early, early, early_size);
        c->early_size = early_size;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        if (uv_poll_init(c->api->ctx->loop, &c->poll, fd) < 0) {
                wslay_event_context_free(c->ws);
                free(c->early);
                free(c);
                return NULL;
        }
        c->poll.data = c;
        c->session = ++c->api->consoles.next_session;
        HASH_ADD(hh, c->api->consoles.by_session, session, sizeof(c->session), c);
        return c;
}

/* libmicrohttpd has sent 101: from here on the connection is ours. */
static void
console_upgraded_cb(void *cls, struct MHD_Connection *connection, void *con_cls, const char *extra_in, size_t extra_in_size,
                    MHD_socket sock, struct MHD_UpgradeResponseHandle *urh)
{
        struct api_request *q = con_cls;
        struct msg_console_open open = {0};
        struct console *c = console_new(q, extra_in, extra_in_size, sock, urh);

        (void)cls;
        (void)connection;
        if (!c) {
                MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
                return;
        }
        open.session = c->session;
        memcpy(open.domain, q->match.name, sizeof(open.domain));
        c->core_knows = true;
        log_info("console opened domain=%s session=%llu by=%s", open.domain, (unsigned long long)c->session, q->caller.by);
        if (role_send(c->api->ctx, ROLE_CORE, MSG_CONSOLE_OPEN, &open, -1) < 0) {
                c->core_knows = false;
                console_close(c, ERR_UNREACHABLE, "the server's core is away");
        }
        console_arm(c);
}

enum MHD_Result
api_console_upgrade(struct api_request *q)
{
        struct MHD_Response *response = MHD_create_response_for_upgrade(console_upgraded_cb, NULL);
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

/* The handler of GET /v1/domains/NAME/console: first core says whether there is such a domain. */
int
api_console(struct api_request *q, struct error *err)
{
        struct msg_api_get get = {.resource = RES_DOMAIN};
        const char *key = MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Sec-WebSocket-Key");

        if (!header_is(q, MHD_HTTP_HEADER_UPGRADE, "websocket") || !header_is(q, "Sec-WebSocket-Version", "13") || !key ||
            !ws_key_ok(key))
                return error_set(err, ERR_PROTOCOL, "a console is a web socket: RFC 6455's upgrade, version 13, is wanted");
        if (HASH_COUNT(q->api->consoles.by_session) >= CONSOLE_MAX)
                return error_set(err, ERR_LIMIT, "%d consoles are open, no more are possible", CONSOLE_MAX);
        memcpy(get.name, q->match.name, sizeof(get.name));
        q->wants_upgrade = true;
        return api_ask(q, MSG_API_GET, &get, 0, err);
}
