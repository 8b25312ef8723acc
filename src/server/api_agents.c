/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents' and satellites' connections of the api role: accepts, limits, translates between lines of JSON and typed messages.
 * Who an agent is and what it may do is core's to decide; a line is parsed here, without privileges. Runs in: api.
 */
#include "server/api_agents.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ipc/agent_wire.h"
#include "net/peer_count.h"
#include "net/tls_stream.h"
#include "server/api.h"

#define ACCEPTS_PER_TURN 64
#define ACCEPT_PAUSE_MS 1000

enum agent_state { AGENT_SILENT, AGENT_ASKED, AGENT_WELCOMED };

struct agent {
        struct api_agents *all;
        uint64_t conn;
        struct tls_stream *stream;
        struct peer_count *peer;
        enum agent_state state;
        bool satellite;    /* it said SATELLITE_HELLO */
        bool closing;      /* sending to core may find core gone, which closes all agents */
        uv_timer_t timer;  /* until it is welcome; then: end of a pause in reading */
        int64_t second_ms; /* start of the second in which n_lines came */
        unsigned n_lines;
        UT_hash_handle hh; /* by conn */
};

struct api_agents {
        struct api *api;
        struct tls_server *tls;
        int fd;
        uv_poll_t listener;
        uv_timer_t accept_pause; /* after a lack of descriptors */
        unsigned n_open_handles; /* of these two */
        uint64_t next_conn;
        struct agent *by_conn;
        struct peer_count *peers;
};

/* Every message between api and link begins with the connection's number. */
#define CONN_FIRST(S) _Static_assert(offsetof(struct S, conn) == 0, #S)
CONN_FIRST(msg_agent_hello);
CONN_FIRST(msg_agent_inventory);
CONN_FIRST(msg_agent_domains);
CONN_FIRST(msg_agent_domain_event);
CONN_FIRST(msg_agent_op_progress);
CONN_FIRST(msg_agent_op_result);
CONN_FIRST(msg_agent_ping);
CONN_FIRST(msg_agent_conn);
CONN_FIRST(msg_agent_gone);
CONN_FIRST(msg_agent_welcome);
CONN_FIRST(msg_agent_refuse);
CONN_FIRST(msg_agent_op);
CONN_FIRST(msg_agent_op_ack);
CONN_FIRST(msg_agent_keep_get);
CONN_FIRST(msg_agent_keep_offer);
CONN_FIRST(msg_agent_keep_part);
CONN_FIRST(msg_agent_keep_answer);
CONN_FIRST(msg_console_open);
CONN_FIRST(msg_console_data);
CONN_FIRST(msg_console_close);
CONN_FIRST(msg_satellite_hello);
CONN_FIRST(msg_satellite_get);
CONN_FIRST(msg_satellite_state);
CONN_FIRST(msg_satellite_boot);
CONN_FIRST(msg_satellite_lease);
CONN_FIRST(msg_satellite_unknown);
CONN_FIRST(msg_satellite_foreign);
CONN_FIRST(msg_satellite_init);
CONN_FIRST(msg_satellite_welcome);
CONN_FIRST(msg_satellite_offer);
CONN_FIRST(msg_satellite_part);
CONN_FIRST(msg_satellite_ack);
CONN_FIRST(msg_satellite_used);

/* ---- the end of a connection ---- */

static void
agent_timer_closed(uv_handle_t *handle)
{
        free(handle->data);
}

/* Core hears of it only if it had heard of the connection before. */
static void
agent_close(struct agent *agent, const char *reason)
{
        struct api_agents *a = agent->all;
        struct msg_agent_gone gone = {.conn = agent->conn, .silence_ms = tls_stream_silence_ms(agent->stream)};
        char address[IP4_TEXT_SIZE];

        if (agent->closing)
                return;
        agent->closing = true;
        if (reason)
                log_info("agent's connection closed conn=%llu address=%s reason=%s", (unsigned long long)agent->conn,
                         ip4_text(agent->peer->address, address), reason);
        if (agent->state != AGENT_SILENT)
                role_send(a->api->ctx, ROLE_CORE, MSG_AGENT_GONE, &gone, -1);
        HASH_DEL(a->by_conn, agent);
        peer_count_give(&a->peers, agent->peer);
        tls_stream_free(agent->stream);
        uv_close((uv_handle_t *)&agent->timer, agent_timer_closed);
}

/* ---- lines from an agent ---- */

static void
agent_resume_cb(uv_timer_t *timer)
{
        struct agent *agent = timer->data;

        agent->n_lines = 0;
        agent->second_ms = clock_mono_ms(&agent->all->api->ctx->clock);
        tls_stream_pause(agent->stream, false);
}

/* An agent that says more than is sensible (a guest floods its console) is read more slowly; it must not cost the host its
 * connection. */
static void
agent_throttle(struct agent *agent)
{
        int64_t now = clock_mono_ms(&agent->all->api->ctx->clock);

        if (now - agent->second_ms >= 1000) {
                agent->second_ms = now;
                agent->n_lines = 0;
        }
        if (++agent->n_lines < AGENT_LINES_PER_S)
                return;
        tls_stream_pause(agent->stream, true);
        uv_timer_start(&agent->timer, agent_resume_cb, (uint64_t)(agent->second_ms + 1000 - now), 0);
}

static bool
is_hello(enum msg_type type)
{
        return type == MSG_AGENT_HELLO || type == MSG_SATELLITE_HELLO;
}

/* Core knows the connection from now on. */
static void
agent_asks(struct agent *agent, enum msg_type type, void *payload)
{
        uint32_t address = tls_stream_peer(agent->stream);

        agent->state = AGENT_ASKED;
        agent->satellite = type == MSG_SATELLITE_HELLO;
        if (agent->satellite)
                ((struct msg_satellite_hello *)payload)->address = address;
        else
                ((struct msg_agent_hello *)payload)->address = address;
}

/* Is this message due now? */
static const char *
agent_out_of_turn(const struct agent *agent, enum msg_type type)
{
        if (agent->state == AGENT_SILENT && !is_hello(type))
                return "its first line is no AGENT_HELLO or SATELLITE_HELLO";
        if (agent->state == AGENT_ASKED)
                return "it speaks before it is welcome";
        if (agent->state == AGENT_WELCOMED && is_hello(type))
                return "it says its hello twice";
        if (agent->state == AGENT_WELCOMED && !message_allowed(type, agent->satellite ? ROLE_SATELLITE : ROLE_LINK, ROLE_API))
                return "an agent speaks as a satellite, or a satellite as an agent";
        if (type == MSG_CONSOLE_OPEN)
                return "consoles are opened by clients only";
        return NULL;
}

static void
agent_line(void *arg, struct tls_stream *s, const char *line, size_t size)
{
        struct agent *agent = arg;
        enum msg_type type;
        void *payload;
        struct error err;
        const char *wrong;
        int r;

        (void)s;
        if (agent_wire_decode(line, size, ROLE_API, &type, &payload, &err) < 0) {
                agent_close(agent, err.message);
                return;
        }
        wrong = agent_out_of_turn(agent, type);
        if (wrong) {
                agent_wire_free(type, payload);
                agent_close(agent, wrong);
                return;
        }
        memcpy(payload, &agent->conn, sizeof(agent->conn));
        if (is_hello(type))
                agent_asks(agent, type, payload);
        r = role_send(agent->all->api->ctx, ROLE_CORE, type, payload, -1);
        agent_wire_free(type, payload);
        if (r < 0)
                agent_close(agent, "the server's core is away");
        else
                agent_throttle(agent);
}

static void
agent_open(void *arg, struct tls_stream *s)
{
        struct agent *agent = arg;

        (void)s;
        log_debug("agent's TLS is up conn=%llu", (unsigned long long)agent->conn);
}

static void
agent_closed(void *arg, struct tls_stream *s, const char *reason)
{
        (void)s;
        agent_close(arg, reason);
}

static const struct tls_stream_events agent_events = {.open = agent_open, .line = agent_line, .closed = agent_closed};

static void
agent_too_late_cb(uv_timer_t *timer)
{
        agent_close(timer->data, "not welcome within 10 s");
}

/* ---- new connections ---- */

/* Takes over @fd. */
static void
agent_accept(struct api_agents *a, int fd, uint32_t address)
{
        struct peer_count *peer = peer_count_take(&a->peers, address, sizeof(*peer));
        struct agent *agent = peer ? calloc(1, sizeof(*agent)) : NULL;
        char text[IP4_TEXT_SIZE];

        if (!peer) {
                close(fd);
                return;
        }
        if (!agent || peer->n > AGENT_MAX_PER_ADDRESS || HASH_COUNT(a->by_conn) >= AGENT_MAX_CONNECTIONS) {
                log_debug("agent's connection refused: too many address=%s n=%u", ip4_text(address, text), peer->n);
                peer_count_give(&a->peers, peer);
                free(agent);
                close(fd);
                return;
        }
        agent->all = a;
        agent->peer = peer;
        if (tls_server_accept(a->tls, a->api->ctx->loop, fd, &agent_events, agent, &agent->stream) < 0) {
                peer_count_give(&a->peers, peer);
                free(agent);
                return;
        }
        tls_stream_keepalive(agent->stream, a->api->ctx->config->heartbeat_seconds);
        agent->conn = ++a->next_conn;
        HASH_ADD(hh, a->by_conn, conn, sizeof(agent->conn), agent);
        uv_timer_init(a->api->ctx->loop, &agent->timer);
        agent->timer.data = agent;
        uv_timer_start(&agent->timer, agent_too_late_cb, AGENT_UNKNOWN_MS, 0);
}

static void listener_cb(uv_poll_t *poll, int status, int events);

static void
accept_again_cb(uv_timer_t *timer)
{
        struct api_agents *a = timer->data;

        uv_poll_start(&a->listener, UV_READABLE, listener_cb);
}

static void
listener_cb(uv_poll_t *poll, int status, int events)
{
        struct api_agents *a = poll->data;

        (void)status;
        (void)events;
        for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
                struct sockaddr_in from = {0};
                socklen_t size = sizeof(from);
                int fd = accept4(a->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        agent_accept(a, fd, ntohl(from.sin_addr.s_addr));
                        continue;
                }
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                        log_error("agents cannot be accepted error=%s", strerror(errno));
                        uv_poll_stop(&a->listener);
                        uv_timer_start(&a->accept_pause, accept_again_cb, ACCEPT_PAUSE_MS, 0);
                }
                return;
        }
}

/* ---- from core ---- */

void
api_agents_deliver(struct api_agents *a, enum msg_type type, const void *payload)
{
        _cleanup_free_ char *line = NULL;
        struct agent *agent;
        uint64_t conn;

        memcpy(&conn, payload, sizeof(conn));
        HASH_FIND(hh, a->by_conn, &conn, sizeof(conn), agent);
        if (!agent)
                return;
        if (type == MSG_AGENT_DROP) {
                agent_close(agent, "core has ended it");
                return;
        }
        line = agent_wire_encode(type, payload);
        if (!line || tls_stream_send_line(agent->stream, line, strlen(line)) < 0) {
                agent_close(agent, line ? "it does not take what is sent" : "out of memory");
                return;
        }
        if (type == MSG_AGENT_REFUSE) {
                agent_close(agent, "refused"); /* the stream's end still sends the line */
                return;
        }
        if ((type == MSG_AGENT_WELCOME || type == MSG_SATELLITE_WELCOME) && agent->state == AGENT_ASKED) {
                agent->state = AGENT_WELCOMED;
                uv_timer_stop(&agent->timer);
        }
}

void
api_agents_core_gone(struct api_agents *a)
{
        struct agent *agent, *next;

        HASH_ITER(hh, a->by_conn, agent, next)
        {
                agent_close(agent, NULL);
        }
}

/* ---- life ---- */

static void
agents_handle_closed(uv_handle_t *handle)
{
        struct api_agents *a = handle->data;

        if (--a->n_open_handles > 0)
                return;
        close(a->fd);
        tls_server_free(a->tls);
        free(a);
}

int
api_agents_new(struct api *api, int fd, const char *cert, size_t cert_size, const char *key, size_t key_size,
               struct api_agents **ret, struct error *err)
{
        struct api_agents *a = calloc(1, sizeof(*a));
        int r;

        if (!a) {
                close(fd);
                return error_errno_set(err, ENOMEM, "agents");
        }
        a->api = api;
        a->fd = fd;
        r = tls_server_new(cert, cert_size, key, key_size, &a->tls, err);
        if (r == 0) {
                r = uv_poll_init(api->ctx->loop, &a->listener, fd);
                if (r < 0)
                        error_errno_set(err, -r, "agents' listening socket");
        }
        if (r < 0) {
                tls_server_free(a->tls);
                close(fd);
                free(a);
                return r;
        }
        uv_timer_init(api->ctx->loop, &a->accept_pause);
        a->listener.data = a->accept_pause.data = a;
        a->n_open_handles = 2;
        uv_poll_start(&a->listener, UV_READABLE, listener_cb);
        *ret = a;
        return 0;
}

void
api_agents_free(struct api_agents *a)
{
        if (!a)
                return;
        api_agents_core_gone(a);
        uv_close((uv_handle_t *)&a->listener, agents_handle_closed);
        uv_close((uv_handle_t *)&a->accept_pause, agents_handle_closed);
}
