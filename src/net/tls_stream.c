/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines over TLS 1.3 between an agent's link and the server's api role: GnuTLS without blocking on a uv_poll handle.
 * It frames, queues and limits; what a line means is its user's business. Certificates are made in tls_cert.c.
 * Runs in: link (client side), api (server side).
 *
 *     CONNECTING --writable--> HANDSHAKE --> OPEN --> CLOSED --tls_stream_free--> gone when libuv closed both handles
 *         |                       |            |        ^
 *         +-----------------------+------------+--------+  error, end of file, 10 s without an end of the handshake
 *
 * Memory: an idle stream holds no buffers of its own; whole lines are handed out from the stack, only a part of a line
 * that waits for its rest and what the socket did not take are on the heap.
 */
#include "net/tls_stream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"

#define HANDSHAKE_TIMEOUT_MS 10000
/* Three of these without a word of the server's kernel, and the server is gone; see tls_stream_keepalive. */
#define CLIENT_KEEPALIVE_S 7
#define RECORD_SIZE 16384
/* After so many records in one go the other streams of the loop get their turn; the poll handle is level-triggered. */
#define RECORDS_PER_TURN 8
/* A buffer above this is given back when it is empty. */
#define BUFFER_KEEP 4096
#define PRIORITY "SECURE128:-VERS-ALL:+VERS-TLS1.3"

enum tls_state { TLS_CONNECTING, TLS_HANDSHAKE, TLS_OPEN, TLS_CLOSED };

struct buffer {
        char *data;
        size_t head; /* bytes before it are done with */
        size_t size; /* bytes in use, from the start */
        size_t capacity;
};

struct tls_server {
        gnutls_certificate_credentials_t credentials;
        gnutls_priority_t priority;
};

struct tls_stream {
        uv_poll_t poll;
        uv_timer_t timer;
        unsigned n_open_handles;
        int fd;
        uint32_t peer;
        enum tls_state state;
        bool freed;
        bool in_callback; /* of the poll handle, which is armed anew when it ends */
        bool paused;
        bool read_wants_write;
        size_t sending; /* bytes that GnuTLS has taken but not yet written: to be repeated with NULL */
        gnutls_session_t session;
        gnutls_certificate_credentials_t own_credentials; /* client only */
        uint8_t fingerprint[32];
        struct buffer in; /* the beginning of a line */
        struct buffer out;
        struct tls_stream_events ev;
        void *arg;
};

static void
buffer_free(struct buffer *b)
{
        free(b->data);
        memset(b, 0, sizeof(*b));
}

static void
buffer_empty(struct buffer *b)
{
        b->head = b->size = 0;
        if (b->capacity > BUFFER_KEEP)
                buffer_free(b);
}

static int
buffer_append(struct buffer *b, const void *data, size_t size)
{
        if (b->head > 0 && b->size + size > b->capacity) {
                memmove(b->data, b->data + b->head, b->size - b->head);
                b->size -= b->head;
                b->head = 0;
        }
        if (b->size + size > b->capacity) {
                size_t want = b->capacity ? b->capacity * 2 : 1024;

                while (want < b->size + size)
                        want *= 2;
                char *grown = realloc(b->data, want);
                if (!grown)
                        return -ENOMEM;
                b->data = grown;
                b->capacity = want;
        }
        memcpy(b->data + b->size, data, size);
        b->size += size;
        return 0;
}

/* ---- the end of a stream ---- */

static void
stream_release(struct tls_stream *s)
{
        if (s->session)
                gnutls_deinit(s->session);
        if (s->own_credentials)
                gnutls_certificate_free_credentials(s->own_credentials);
        if (s->fd >= 0)
                close(s->fd);
        buffer_free(&s->in);
        buffer_free(&s->out);
        free(s);
}

static void
handle_closed(uv_handle_t *handle)
{
        struct tls_stream *s = handle->data;

        if (--s->n_open_handles == 0)
                stream_release(s);
}

/* Stops all activity and tells the owner, once. */
static void
stream_fail(struct tls_stream *s, const char *reason)
{
        if (s->state == TLS_CLOSED || s->freed)
                return;
        s->state = TLS_CLOSED;
        uv_poll_stop(&s->poll);
        uv_timer_stop(&s->timer);
        s->ev.closed(s->arg, s, reason);
}

static void
stream_fail_gnutls(struct tls_stream *s, const char *what, int r)
{
        char reason[200];

        if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
                snprintf(reason, sizeof(reason), "%s: the peer says: %s", what,
                         gnutls_alert_get_name(gnutls_alert_get(s->session)) ?: "unknown alert");
        else if (r == GNUTLS_E_CERTIFICATE_ERROR)
                snprintf(reason, sizeof(reason), "%s: the server's certificate is not the pinned one", what);
        else
                snprintf(reason, sizeof(reason), "%s: %s", what, gnutls_strerror(r));
        stream_fail(s, reason);
}

/* ---- sending ---- */

/* Writes what the socket takes: 0, GNUTLS_E_AGAIN, or a fatal GnuTLS error. */
static int
stream_flush(struct tls_stream *s)
{
        struct buffer *out = &s->out;

        while (out->size > out->head) {
                ssize_t r;

                if (s->sending) {
                        r = gnutls_record_send(s->session, NULL, 0);
                } else {
                        size_t n = out->size - out->head;

                        n = n < RECORD_SIZE ? n : RECORD_SIZE;
                        r = gnutls_record_send(s->session, out->data + out->head, n);
                        if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED)
                                s->sending = n;
                }
                if (r == GNUTLS_E_INTERRUPTED)
                        continue;
                if (r < 0)
                        return (int)r;
                s->sending = 0;
                out->head += (size_t)r;
        }
        buffer_empty(out);
        return 0;
}

/* ---- receiving ---- */

/* One line, whole. @line[size] is writable: it held the newline, and gets a NUL for the reader's convenience. */
static bool
stream_hand_out(struct tls_stream *s, char *line, size_t size)
{
        line[size] = '\0';
        s->ev.line(s->arg, s, line, size);
        return !s->freed && s->state == TLS_OPEN;
}

/* Cuts @data into lines; false when the stream has ended meanwhile. */
static bool
stream_take(struct tls_stream *s, char *data, size_t size)
{
        while (size > 0) {
                char *newline = memchr(data, '\n', size);
                size_t n = newline ? (size_t)(newline - data) + 1 : size;

                if (s->in.size + n > TLS_LINE_MAX) {
                        stream_fail(s, "a line is longer than 1 MiB");
                        return false;
                }
                if (s->in.size == 0 && newline) {
                        if (!stream_hand_out(s, data, n - 1))
                                return false;
                } else {
                        if (buffer_append(&s->in, data, n) < 0) {
                                stream_fail(s, "out of memory");
                                return false;
                        }
                        if (newline) {
                                bool more = stream_hand_out(s, s->in.data, s->in.size - 1);

                                buffer_empty(&s->in);
                                if (!more)
                                        return false;
                        }
                }
                data += n;
                size -= n;
        }
        return true;
}

static void
stream_read(struct tls_stream *s)
{
        char record[RECORD_SIZE];

        s->read_wants_write = false;
        for (unsigned n = 0; !s->paused && (n < RECORDS_PER_TURN || gnutls_record_check_pending(s->session) > 0); n++) {
                ssize_t r = gnutls_record_recv(s->session, record, sizeof(record));

                if (r == GNUTLS_E_AGAIN) {
                        s->read_wants_write = gnutls_record_get_direction(s->session) == 1;
                        return;
                }
                if (r == 0) {
                        stream_fail(s, "closed by the peer");
                        return;
                }
                if (r < 0 && !gnutls_error_is_fatal((int)r))
                        continue;
                if (r < 0) {
                        stream_fail_gnutls(s, "receiving", (int)r);
                        return;
                }
                if (!stream_take(s, record, (size_t)r))
                        return;
        }
}

/* ---- the loop's side ---- */

static void stream_poll_cb(uv_poll_t *poll, int status, int events);

/* Asks libuv for exactly what the stream waits for. */
static void
stream_arm(struct tls_stream *s)
{
        int events = UV_READABLE;

        switch (s->state) {
        case TLS_CONNECTING:
                events = UV_WRITABLE;
                break;
        case TLS_HANDSHAKE:
                events = gnutls_record_get_direction(s->session) == 1 ? UV_WRITABLE : UV_READABLE;
                break;
        case TLS_OPEN:
                if (s->paused)
                        events = UV_DISCONNECT;
                if (s->out.size > s->out.head || s->read_wants_write)
                        events |= UV_WRITABLE;
                break;
        case TLS_CLOSED:
                return;
        }
        if (!s->freed)
                uv_poll_start(&s->poll, events, stream_poll_cb);
}

static void
stream_handshake(struct tls_stream *s)
{
        int r = gnutls_handshake(s->session);

        if (r < 0) {
                if (gnutls_error_is_fatal(r))
                        stream_fail_gnutls(s, "TLS handshake", r);
                return;
        }
        uv_timer_stop(&s->timer);
        s->state = TLS_OPEN;
        s->ev.open(s->arg, s);
}

static void
stream_connected(struct tls_stream *s)
{
        int e = 0;
        socklen_t size = sizeof(e);

        if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0)
                e = errno;
        if (e) {
                char reason[200];

                snprintf(reason, sizeof(reason), "connecting: %s", strerror(e));
                stream_fail(s, reason);
                return;
        }
        s->state = TLS_HANDSHAKE;
        stream_handshake(s);
}

static void
stream_poll_cb(uv_poll_t *poll, int status, int events)
{
        struct tls_stream *s = poll->data;

        s->in_callback = true;
        if (status < 0 && s->state != TLS_CONNECTING) {
                stream_fail(s, uv_strerror(status));
        } else if (s->state == TLS_CONNECTING) {
                stream_connected(s);
        } else if (s->state == TLS_HANDSHAKE) {
                stream_handshake(s);
        } else {
                if (s->paused && (events & UV_DISCONNECT))
                        stream_fail(s, "closed by the peer");
                else if ((events & UV_READABLE) || s->read_wants_write)
                        stream_read(s);
                if (s->state == TLS_OPEN && !s->freed) {
                        int r = stream_flush(s);

                        if (r < 0 && gnutls_error_is_fatal(r))
                                stream_fail_gnutls(s, "sending", r);
                }
        }
        s->in_callback = false;
        stream_arm(s);
}

static void
stream_timeout_cb(uv_timer_t *timer)
{
        stream_fail(timer->data, "no TLS handshake within 10 s");
}

/* ---- making streams ---- */

/* Runs inside the client's handshake, before the client has sent anything of its own. */
static int
verify_pinned(gnutls_session_t session)
{
        const struct tls_stream *s = gnutls_session_get_ptr(session);
        unsigned n = 0;
        const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &n);
        uint8_t seen[SHA256_SIZE];

        if (!certificates || n == 0)
                return -1;
        digest_sha256(certificates[0].data, certificates[0].size, seen);
        return digest_equal(seen, s->fingerprint, sizeof(seen)) ? 0 : -1;
}

/* Takes over @fd, also on failure. */
static int
stream_new(uv_loop_t *loop, int fd, unsigned flags, const struct tls_stream_events *ev, void *arg, struct tls_stream **ret)
{
        struct tls_stream *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                close(fd);
                return -ENOMEM;
        }
        s->fd = fd;
        s->ev = *ev;
        s->arg = arg;
        if (gnutls_init(&s->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0) {
                s->session = NULL;
                stream_release(s);
                return -ENOMEM;
        }
        r = uv_poll_init(loop, &s->poll, fd);
        if (r < 0) {
                stream_release(s);
                return r;
        }
        uv_timer_init(loop, &s->timer);
        s->n_open_handles = 2;
        s->poll.data = s->timer.data = s;
        gnutls_session_set_ptr(s->session, s);
        gnutls_transport_set_int(s->session, fd);
        uv_timer_start(&s->timer, stream_timeout_cb, HANDSHAKE_TIMEOUT_MS, 0);
        *ret = s;
        return 0;
}

static void
set_no_delay(int fd)
{
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

int
tls_server_new(const void *cert_pem, size_t cert_size, const void *key_pem, size_t key_size, struct tls_server **ret,
               struct error *err)
{
        gnutls_datum_t cert = {.data = (unsigned char *)cert_pem, .size = (unsigned)cert_size};
        gnutls_datum_t key = {.data = (unsigned char *)key_pem, .size = (unsigned)key_size};
        struct tls_server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return error_errno_set(err, ENOMEM, "TLS server");
        r = gnutls_certificate_allocate_credentials(&server->credentials);
        if (r >= 0)
                r = gnutls_certificate_set_x509_key_mem(server->credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
        if (r >= 0)
                r = gnutls_priority_init(&server->priority, PRIORITY, NULL);
        if (r < 0) {
                tls_server_free(server);
                return error_set(err, ERR_CONFIG, "TLS certificate or key cannot be used: %s", gnutls_strerror(r));
        }
        *ret = server;
        return 0;
}

void
tls_server_free(struct tls_server *server)
{
        if (!server)
                return;
        if (server->credentials)
                gnutls_certificate_free_credentials(server->credentials);
        if (server->priority)
                gnutls_priority_deinit(server->priority);
        free(server);
}

int
tls_server_accept(struct tls_server *server, uv_loop_t *loop, int fd, const struct tls_stream_events *ev, void *arg,
                  struct tls_stream **ret)
{
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof(peer);
        struct tls_stream *s;
        int r = stream_new(loop, fd, GNUTLS_SERVER, ev, arg, &s);

        if (r < 0)
                return r;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET)
                s->peer = ntohl(peer.sin_addr.s_addr);
        set_no_delay(fd);
        if (gnutls_priority_set(s->session, server->priority) < 0 ||
            gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, server->credentials) < 0) {
                tls_stream_free(s);
                return -ENOMEM;
        }
        s->state = TLS_HANDSHAKE;
        stream_arm(s);
        *ret = s;
        return 0;
}

static int
client_prepare(struct tls_stream *s)
{
        int r = gnutls_certificate_allocate_credentials(&s->own_credentials);

        if (r >= 0)
                r = gnutls_priority_set_direct(s->session, PRIORITY, NULL);
        if (r >= 0)
                r = gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->own_credentials);
        gnutls_session_set_verify_function(s->session, verify_pinned);
        return r;
}

int
tls_stream_connect(uv_loop_t *loop, uint32_t address, uint16_t port, const uint8_t fingerprint[32],
                   const struct tls_stream_events *ev, void *arg, struct tls_stream **ret, struct error *err)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
        char text[IP4_TEXT_SIZE];
        struct tls_stream *s;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

        if (fd < 0)
                return error_errno_set(err, errno, "socket for %s:%u", ip4_text(address, text), port);
        set_no_delay(fd);
        if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
                r = error_errno_set(err, errno, "connecting to %s:%u", ip4_text(address, text), port);
                close(fd);
                return r;
        }
        r = stream_new(loop, fd, GNUTLS_CLIENT, ev, arg, &s);
        if (r < 0)
                return error_errno_set(err, -r, "TLS stream to %s:%u", ip4_text(address, text), port);
        s->peer = address;
        memcpy(s->fingerprint, fingerprint, sizeof(s->fingerprint));
        tls_stream_keepalive(s, CLIENT_KEEPALIVE_S);
        r = client_prepare(s);
        if (r < 0) {
                tls_stream_free(s);
                return error_set(err, ERR_INTERNAL, "TLS client: %s", gnutls_strerror(r));
        }
        stream_arm(s);
        *ret = s;
        return 0;
}

int
tls_stream_send_line(struct tls_stream *s, const char *line, size_t size)
{
        int r;

        assert(!memchr(line, '\n', size));
        if (s->state != TLS_OPEN || s->freed)
                return -EPIPE;
        if (s->out.size - s->out.head + size + 1 > TLS_QUEUE_MAX)
                return -ENOBUFS;
        r = buffer_append(&s->out, line, size);
        if (r < 0)
                return r;
        r = buffer_append(&s->out, "\n", 1);
        if (r < 0) {
                s->out.size -= size; /* half a line must never leave */
                return r;
        }
        /* Written from the loop: so lines of one turn share a record, and no callback runs inside this call. */
        if (!s->in_callback)
                stream_arm(s);
        return 0;
}

void
tls_stream_pause(struct tls_stream *s, bool paused)
{
        if (s->paused == paused)
                return;
        s->paused = paused;
        if (!s->in_callback && s->state == TLS_OPEN)
                stream_arm(s);
}

/*
 * TCP_USER_TIMEOUT counts for both: probes without an answer, and data that nobody acknowledges (without it a lost peer would
 * be noticed after a quarter of an hour). Half a second less than three intervals, so that the probe that is due then finds it
 * over.
 */
void
tls_stream_keepalive(struct tls_stream *s, unsigned interval_s)
{
        const int interval = (int)interval_s, on = 1;
        const unsigned silence_ms = interval_s * 3000 - 500;

        setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, &interval, sizeof(interval));
        setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        setsockopt(s->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
}

uint32_t
tls_stream_silence_ms(const struct tls_stream *s)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof(info);

        return getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ? 0 : info.tcpi_last_ack_recv;
}

uint32_t
tls_stream_peer(const struct tls_stream *s)
{
        return s->peer;
}

void
tls_stream_free(struct tls_stream *s)
{
        if (!s || s->freed)
                return;
        if (s->state == TLS_OPEN && stream_flush(s) == 0) /* the last words, as far as the socket takes them at once */
                gnutls_bye(s->session, GNUTLS_SHUT_WR);
        s->freed = true;
        uv_close((uv_handle_t *)&s->poll, handle_closed);
        uv_close((uv_handle_t *)&s->timer, handle_closed);
}
