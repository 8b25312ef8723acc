/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool domain console: a web socket (framing by libwslay, the connection by libcurl) between this terminal and a domain's
 * console. The terminal is raw meanwhile and is put back whatever happens, short of SIGKILL. Runs in: dompool.
 *
 *     terminal --bytes--> queue --binary frames--> server      Ctrl-] (0x1d) leaves and is not sent
 *     terminal <--bytes-- <--binary frames-- server            close frame 4000 "code: text" is the server's error
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "base/rec_json.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "net/ws_key.h"

#define ESCAPE_BYTE 0x1d /* Ctrl-] */
#define ANSWER_MAX 16384
#define ANSWER_WAIT_MS 15000
#define OUT_MAX 65536        /* typed and not yet sent; then the terminal is not read */
#define WS_STATUS_ERROR 4000 /* src/server/api_console.h */

struct console {
        CURL *curl;
        curl_socket_t socket;
        wslay_event_context_ptr ws;
        char *early; /* bytes that came behind the answer's head */
        size_t early_at, early_size;
        bool server_gone;
        bool left; /* by Ctrl-] */
        bool input_ended;
        struct error *err;
        int result;
};

/* ---- the terminal ---- */

static struct termios saved_terminal; /* for signal handlers and atexit: the one thing they must know */
static volatile sig_atomic_t terminal_is_raw;
static volatile sig_atomic_t ended_by_signal;

static void
terminal_restore(void)
{
        if (!terminal_is_raw)
                return;
        terminal_is_raw = 0;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
}

static void
on_end_signal(int sig)
{
        ended_by_signal = sig;
}

/* A crash must not leave a terminal that shows nothing that is typed. tcsetattr is async-signal-safe. */
static void
on_crash(int sig)
{
        terminal_restore();
        signal(sig, SIG_DFL);
        raise(sig);
}

static void
catch_signals(void)
{
        const struct sigaction end = {.sa_handler = on_end_signal}, crash = {.sa_handler = on_crash};
        static const int ends[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT}, crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

        for (size_t i = 0; i < N_ELEMENTS(ends); i++)
                sigaction(ends[i], &end, NULL);
        for (size_t i = 0; i < N_ELEMENTS(crashes); i++)
                sigaction(crashes[i], &crash, NULL);
        signal(SIGPIPE, SIG_IGN);
}

static void
terminal_raw(void)
{
        struct termios raw;

        if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved_terminal) < 0)
                return;
        raw = saved_terminal;
        cfmakeraw(&raw);
        atexit(terminal_restore);
        terminal_is_raw = 1;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void
write_all(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EAGAIN) { /* somebody made the terminal non-blocking */
                        poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100);
                        continue;
                }
                if (n < 0 && errno != EINTR)
                        return;
                if (n > 0) {
                        data += n;
                        size -= (size_t)n;
                }
                if (ended_by_signal)
                        return;
        }
}

/* ---- the handshake ---- */

static int
send_request(struct console *k, const char *request, struct error *err)
{
        size_t at = 0, size = strlen(request);

        while (at < size) {
                size_t n = 0;
                CURLcode code = curl_easy_send(k->curl, request + at, size - at, &n);

                if (code == CURLE_AGAIN)
                        poll(&(struct pollfd){.fd = k->socket, .events = POLLOUT}, 1, 1000);
                else if (code != CURLE_OK)
                        return error_set(err, ERR_UNREACHABLE, "console: %s", curl_easy_strerror(code));
                at += n;
                if (ctl_interrupted())
                        return error_set(err, ERR_CANCELLED, "interrupted");
        }
        return 0;
}

/* More of the answer into @buf; 0: nothing more comes. */
static int
receive_some(struct console *k, char *buf, size_t *size, struct error *err)
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
                        return error_set(err, ERR_UNREACHABLE, "console: %s", curl_easy_strerror(code));
                if (ctl_interrupted())
                        return error_set(err, ERR_CANCELLED, "interrupted");
                poll(&(struct pollfd){.fd = k->socket, .events = POLLIN}, 1, 200);
        }
        return error_set(err, ERR_TIMEOUT, "console: the server does not answer");
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
refused(struct console *k, char *buf, size_t size, const char *body, long status, struct error *err)
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
check_answer(struct console *k, const char *key, struct error *err)
{
        _cleanup_free_ char *buf = calloc(1, ANSWER_MAX + 1);
        char accept[WS_ACCEPT_SIZE], seen[64];
        size_t size = 0;
        char *body;
        long status;

        if (!buf)
                return error_errno_set(err, ENOMEM, "console");
        while (!(body = strstr(buf, "\r\n\r\n"))) {
                int r = receive_some(k, buf, &size, err);

                if (r < 0)
                        return r;
                if (r == 0)
                        return error_set(err, ERR_PROTOCOL, "console: the server ended its answer early");
        }
        body += 4;
        if (sscanf(buf, "HTTP/1.1 %3ld", &status) != 1)
                return error_set(err, ERR_PROTOCOL, "console: the server does not speak HTTP/1.1");
        if (status != 101)
                return refused(k, buf, size, body, status, err);
        ws_key_accept(key, accept);
        if (!header_value(buf, "Sec-WebSocket-Accept", seen, sizeof(seen)) || strcmp(seen, accept) != 0)
                return error_set(err, ERR_PROTOCOL, "console: the server's answer belongs to another request");
        k->early_size = (size_t)(buf + size - body);
        k->early = malloc(k->early_size + 1);
        if (!k->early)
                return error_errno_set(err, ENOMEM, "console");
        memcpy(k->early, body, k->early_size);
        return 0;
}

static int
handshake(struct ctl *c, struct console *k, const char *domain, struct error *err)
{
        char key[WS_KEY_SIZE], request[1500];
        const char *authorization;
        int r = ctl_http_connect(c, &k->curl, err);

        if (r < 0)
                return r;
        if (curl_easy_getinfo(k->curl, CURLINFO_ACTIVESOCKET, &k->socket) != CURLE_OK)
                return error_set(err, ERR_INTERNAL, "console: no socket");
        authorization = ctl_http_authorization(c);
        ws_key_make(key);
        snprintf(request, sizeof(request),
                 "GET /v1/domains/%s/console HTTP/1.1\r\nHost: dompool\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s%s\r\n",
                 domain, key, authorization ?: "", authorization ? "\r\n" : "");
        r = send_request(k, request, err);
        return r < 0 ? r : check_answer(k, key, err);
}

/* ---- libwslay's callbacks ---- */

static ssize_t
ws_recv_cb(wslay_event_context_ptr ws, uint8_t *buf, size_t size, int flags, void *arg)
{
        struct console *k = arg;
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
        struct console *k = arg;
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
closed_by_server(struct console *k, const uint8_t *reason, size_t size)
{
        char text[128], code[32];
        size_t n;

        snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)reason);
        n = strcspn(text, ":");
        snprintf(code, sizeof(code), "%.*s", (int)(n < 31 ? n : 31), text);
        k->result =
                error_set(k->err, error_from_text(code), "console: %s", text[n] ? text + n + 1 + (text[n + 1] == ' ') : text);
}

static void
ws_message_cb(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
        struct console *k = arg;

        (void)ws;
        if (m->opcode == WSLAY_CONNECTION_CLOSE && m->status_code == WS_STATUS_ERROR && m->msg_length >= 2)
                closed_by_server(k, m->msg + 2, m->msg_length - 2); /* behind the status */
        else if (m->opcode == WSLAY_BINARY_FRAME || m->opcode == WSLAY_TEXT_FRAME)
                write_all(STDOUT_FILENO, m->msg, m->msg_length);
}

static const struct wslay_event_callbacks ws_callbacks = {
        .recv_callback = ws_recv_cb,
        .send_callback = ws_send_cb,
        .genmask_callback = ws_mask_cb,
        .on_msg_recv_callback = ws_message_cb,
};

/* ---- the loop ---- */

static void
read_terminal(struct console *k)
{
        uint8_t buf[4096];
        ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
        const uint8_t *escape;
        struct wslay_event_msg m = {.opcode = WSLAY_BINARY_FRAME, .msg = buf};

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return;
        if (n <= 0) {
                k->input_ended = true;
                return;
        }
        /* Piped input is data: there every byte is sent. */
        escape = terminal_is_raw ? memchr(buf, ESCAPE_BYTE, (size_t)n) : NULL;
        m.msg_length = escape ? (size_t)(escape - buf) : (size_t)n;
        if (m.msg_length > 0)
                wslay_event_queue_msg(k->ws, &m);
        if (escape) {
                k->left = true;
                wslay_event_queue_close(k->ws, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        }
}

/* One wait and what came of it; false: it is over. */
static bool
turn(struct console *k)
{
        bool take_input = !k->input_ended && !k->left && wslay_event_get_queued_msg_length(k->ws) < OUT_MAX;
        struct pollfd fds[2] = {
                {.fd = k->socket, .events = (short)(POLLIN | (wslay_event_want_write(k->ws) ? POLLOUT : 0))},
                {.fd = take_input ? STDIN_FILENO : -1, .events = POLLIN},
        };

        if (k->early_at == k->early_size && poll(fds, 2, k->left ? 500 : 1000) <= 0 && k->left)
                return false; /* no answer to the good-bye: go all the same */
        if (ended_by_signal)
                return false;
        if (wslay_event_want_read(k->ws) && wslay_event_recv(k->ws) != 0)
                return false;
        if (fds[1].revents)
                read_terminal(k);
        if (wslay_event_want_write(k->ws) && wslay_event_send(k->ws) != 0)
                return false;
        return wslay_event_want_read(k->ws) || wslay_event_want_write(k->ws);
}

static int
talk(struct console *k, const char *domain, struct error *err)
{
        bool to_people = isatty(STDERR_FILENO);

        k->err = err;
        if (wslay_event_context_client_init(&k->ws, &ws_callbacks, k) != 0)
                return error_errno_set(err, ENOMEM, "console");
        catch_signals();
        if (to_people)
                fprintf(stderr, "Console of %s. Ctrl-] leaves.\n", domain);
        terminal_raw();
        while (turn(k))
                ;
        terminal_restore();
        if (to_people)
                fprintf(stderr, "\n");
        if (ended_by_signal)
                return error_set(err, ERR_CANCELLED, "console: ended by signal %d", (int)ended_by_signal);
        if (k->result == 0 && !k->left && k->server_gone)
                return error_set(err, ERR_UNREACHABLE, "console: the server has closed the connection");
        return k->result;
}

int
cmd_domain_console(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct console k = {0};
        int r = ctl_name("a domain", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        ctl_catch_interrupt();
        r = handshake(c, &k, argv[0], err);
        if (r == 0)
                r = talk(&k, argv[0], err);
        if (k.ws)
                wslay_event_context_free(k.ws);
        free(k.early);
        if (k.curl)
                curl_easy_cleanup(k.curl);
        return r;
}
