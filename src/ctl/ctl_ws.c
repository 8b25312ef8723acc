/* SPDX-License-Identifier: Apache-2.0 */
/* Web sockets of the command line: the handshake, frames by libwslay, the connection by libcurl. Runs in: dompool. */
#include "ctl/ctl_ws.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "base/rec_json.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "net/ws_key.h"

#define ANSWER_MAX 16384
#define ANSWER_WAIT_MS 15000
#define WS_STATUS_ERROR 4000 /* src/server/api_ws.h */

/* ---- the handshake ---- */

static int
send_request(struct ctl_ws *k, const char *request, struct error *err)
{
        size_t at = 0, size = strlen(request);

        while (at < size) {
                size_t n = 0;
                CURLcode code = curl_easy_send(k->curl, request + at, size - at, &n);

                if (code == CURLE_AGAIN)
                        poll(&(struct pollfd){.fd = k->socket, .events = POLLOUT}, 1, 1000);
                else if (code != CURLE_OK)
                        return error_set(err, ERR_UNREACHABLE, "%s: %s", k->what, curl_easy_strerror(code));
                at += n;
                if (ctl_interrupted())
                        return error_set(err, ERR_CANCELLED, "interrupted");
        }
        return 0;
}

/* More of the answer into @buf; 0: nothing more comes. */
static int
receive_some(struct ctl_ws *k, char *buf, size_t *size, struct error *err)
{
        for (int waited = 0; waited < ANSWER_WAIT_MS; waited += 200) {
                size_t n = 0;
                CURLcode code = *size < ANSWER_MAX ? curl_easy_recv(k->curl, buf + *size, ANSWER_MAX - *size, &n) : CURLE_OK;

                if (code == CURLE_OK) {
                        *size += n;
                        buf[*size] = '\0';
                        return n > 0;
                }
                if (code != CURLE_AGAIN)
                        return error_set(err, ERR_UNREACHABLE, "%s: %s", k->what, curl_easy_strerror(code));
                if (ctl_interrupted())
                        return error_set(err, ERR_CANCELLED, "interrupted");
                poll(&(struct pollfd){.fd = k->socket, .events = POLLIN}, 1, 200);
        }
        return error_set(err, ERR_TIMEOUT, "%s: the server does not answer", k->what);
}

/* The value of a header in an answer's head, copied; false when it is not there. */
static bool
header_value(const char *head, const char *name, char *ret, size_t size)
{
        for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
                size_t n = strlen(name);

                if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':')
                        continue;
                line += 2 + n + 1;
                line += strspn(line, " \t");
                snprintf(ret, size, "%.*s", (int)strcspn(line, "\r"), line);
                return true;
        }
        return false;
}

/* The server refused: read its error from the body. */
static int
refused(struct ctl_ws *k, char *buf, size_t size, const char *body, long status, struct error *err)
{
        char text[24] = "";
        uint64_t length = 0;
        json_t *answer;
        struct error ignored;
        int r = 1;

        if (header_value(buf, "Content-Length", text, sizeof(text)) && parse_u64(text, ANSWER_MAX, &length) == 0)
                while ((size_t)(buf + size - body) < length && r > 0)
                        r = receive_some(k, buf, &size, &ignored);
        answer = json_parse(body, (size_t)(buf + size - body), ANSWER_MAX, &ignored);
        r = ctl_http_error(answer, status, err);
        json_decref(answer);
        return r;
}

static int
check_answer(struct ctl_ws *k, const char *key, struct error *err)
{
        _cleanup_free_ char *buf = calloc(1, ANSWER_MAX + 1);
        char accept[WS_ACCEPT_SIZE], seen[64];
        size_t size = 0;
        char *body;
        long status;

        if (!buf)
                return error_errno_set(err, ENOMEM, "%s", k->what);
        while (!(body = strstr(buf, "\r\n\r\n"))) {
                int r = receive_some(k, buf, &size, err);

                if (r < 0)
                        return r;
                if (r == 0)
                        return error_set(err, ERR_PROTOCOL, "%s: the server ended its answer early", k->what);
        }
        body += 4;
        if (sscanf(buf, "HTTP/1.1 %3ld", &status) != 1)
                return error_set(err, ERR_PROTOCOL, "%s: the server does not speak HTTP/1.1", k->what);
        if (status != 101)
                return refused(k, buf, size, body, status, err);
        ws_key_accept(key, accept);
        if (!header_value(buf, "Sec-WebSocket-Accept", seen, sizeof(seen)) || strcmp(seen, accept) != 0)
                return error_set(err, ERR_PROTOCOL, "%s: the server's answer belongs to another request", k->what);
        k->early_size = (size_t)(buf + size - body);
        k->early = malloc(k->early_size + 1);
        if (!k->early)
                return error_errno_set(err, ENOMEM, "%s", k->what);
        memcpy(k->early, body, k->early_size);
        return 0;
}

static int
handshake(struct ctl *c, struct ctl_ws *k, const char *path, struct error *err)
{
        char key[WS_KEY_SIZE], request[1500];
        const char *authorization;
        int r = ctl_http_connect(c, &k->curl, err);

        if (r < 0)
                return r;
        if (curl_easy_getinfo(k->curl, CURLINFO_ACTIVESOCKET, &k->socket) != CURLE_OK)
                return error_set(err, ERR_INTERNAL, "%s: no socket", k->what);
        authorization = ctl_http_authorization(c);
        ws_key_make(key);
        snprintf(request, sizeof(request),
                 "GET %s HTTP/1.1\r\nHost: dompool\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s\r\n",
                 path, key, authorization ?: "", authorization ? "\r\n" : "");
        r = send_request(k, request, err);
        return r < 0 ? r : check_answer(k, key, err);
}

/* ---- libwslay's callbacks ---- */

static ssize_t
ws_recv_cb(wslay_event_context_ptr ws, uint8_t *buf, size_t size, int flags, void *arg)
{
        struct ctl_ws *k = arg;
        size_t n = 0;
        CURLcode code;

        (void)flags;
        if (k->early_at < k->early_size) {
                n = k->early_size - k->early_at < size ? k->early_size - k->early_at : size;
                memcpy(buf, k->early + k->early_at, n);
                k->early_at += n;
                return (ssize_t)n;
        }
        code = curl_easy_recv(k->curl, buf, size, &n);
        if (code == CURLE_OK && n > 0)
                return (ssize_t)n;
        k->server_gone = code != CURLE_AGAIN;
        wslay_event_set_error(ws, k->server_gone ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
        return -1;
}

static ssize_t
ws_send_cb(wslay_event_context_ptr ws, const uint8_t *data, size_t size, int flags, void *arg)
{
        struct ctl_ws *k = arg;
        size_t n = 0;
        CURLcode code = curl_easy_send(k->curl, data, size, &n);

        (void)flags;
        if (code == CURLE_OK && n > 0)
                return (ssize_t)n;
        k->server_gone = code != CURLE_AGAIN && code != CURLE_OK;
        wslay_event_set_error(ws, k->server_gone ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
        return -1;
}

static int
ws_mask_cb(wslay_event_context_ptr ws, uint8_t *buf, size_t size, void *arg)
{
        (void)ws;
        (void)arg;
        digest_random(buf, size);
        return 0;
}

/* "not-found: domain 'x' ..." */
static void
closed_by_server(struct ctl_ws *k, const uint8_t *reason, size_t size)
{
        char text[128], code[32];
        size_t n;

        snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)reason);
        n = strcspn(text, ":");
        snprintf(code, sizeof(code), "%.*s", (int)(n < 31 ? n : 31), text);
        k->result = error_set(k->err, error_from_text(code), "%s: %s", k->what,
                              text[n] ? text + n + 1 + (text[n + 1] == ' ') : text);
}

/* "none: boot 3 is ready" */
static void
said_by_server(struct ctl_ws *k, const uint8_t *reason, size_t size)
{
        const uint8_t *text = memchr(reason, ':', size);

        if (text)
                snprintf(k->end_text, sizeof(k->end_text), "%.*s",
                         (int)(reason + size - text - 2 > 0 ? reason + size - text - 2 : 0), (const char *)text + 2);
}

static void
ws_message_cb(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
        struct ctl_ws *k = arg;

        (void)ws;
        if (m->opcode == WSLAY_CONNECTION_CLOSE && m->status_code == WS_STATUS_ERROR && m->msg_length >= 2)
                closed_by_server(k, m->msg + 2, m->msg_length - 2); /* behind the status */
        else if (m->opcode == WSLAY_CONNECTION_CLOSE && m->msg_length > 2)
                said_by_server(k, m->msg + 2, m->msg_length - 2);
        else if (m->opcode == WSLAY_BINARY_FRAME || m->opcode == WSLAY_TEXT_FRAME)
                k->on_message(k->arg, m->opcode == WSLAY_TEXT_FRAME, m->msg, m->msg_length);
}

static const struct wslay_event_callbacks ws_callbacks = {
        .recv_callback = ws_recv_cb,
        .send_callback = ws_send_cb,
        .genmask_callback = ws_mask_cb,
        .on_msg_recv_callback = ws_message_cb,
};

/* ---- for the commands ---- */

int
ctl_ws_open(struct ctl *c, struct ctl_ws *k, const char *path, struct error *err)
{
        int r = handshake(c, k, path, err);

        k->err = err;
        if (r == 0 && wslay_event_context_client_init(&k->ws, &ws_callbacks, k) != 0)
                r = error_errno_set(err, ENOMEM, "%s", k->what);
        return r;
}

void
ctl_ws_send(struct ctl_ws *k, const void *data, size_t size)
{
        const struct wslay_event_msg m = {.opcode = WSLAY_BINARY_FRAME, .msg = data, .msg_length = size};

        if (size > 0)
                wslay_event_queue_msg(k->ws, &m);
}

void
ctl_ws_leave(struct ctl_ws *k)
{
        k->left = true;
        wslay_event_queue_close(k->ws, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
}

size_t
ctl_ws_waiting(const struct ctl_ws *k)
{
        return wslay_event_get_queued_msg_length(k->ws);
}

bool
ctl_ws_turn(struct ctl_ws *k, int input, bool *ret_input)
{
        struct pollfd fds[2] = {
                {.fd = k->socket, .events = (short)(POLLIN | (wslay_event_want_write(k->ws) ? POLLOUT : 0))},
                {.fd = input, .events = POLLIN},
        };

        *ret_input = false;
        if (k->early_at == k->early_size && poll(fds, 2, k->left ? 500 : 1000) <= 0 && k->left)
                return false; /* no answer to the good-bye: go all the same */
        if (wslay_event_want_read(k->ws) && wslay_event_recv(k->ws) != 0)
                return false;
        *ret_input = fds[1].revents != 0;
        if (wslay_event_want_write(k->ws) && wslay_event_send(k->ws) != 0)
                return false;
        return wslay_event_want_read(k->ws) || wslay_event_want_write(k->ws);
}

int
ctl_ws_result(const struct ctl_ws *k, struct error *err)
{
        if (k->result == 0 && !k->left && k->server_gone)
                return error_set(err, ERR_UNREACHABLE, "%s: the server has closed the connection", k->what);
        return k->result;
}

void
ctl_ws_close(struct ctl_ws *k)
{
        if (k->ws)
                wslay_event_context_free(k->ws);
        free(k->early);
        if (k->curl)
                curl_easy_cleanup(k->curl);
        k->ws = NULL;
        k->early = NULL;
        k->curl = NULL;
}
