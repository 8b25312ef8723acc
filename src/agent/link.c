/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link's life: channel to the parent, channels to hv and keep, TLS to the server; JSON on one side, typed messages on the
 * other. What an operation needs before hv gets it is in link_ops.c. Runs in: dompool-agent --link, unprivileged.
 */
#include "agent/link.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <uv.h>

#include "agent/agent_parent.h"
#include "agent/link_cache.h"
#include "agent/link_ops.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/digest.h"
#include "ipc/agent_wire.h"
#include "ipc/channel.h"
#include "net/tls_stream.h"
#include "sandbox/sandbox.h"

#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 10000
#define HEARTBEAT_DEFAULT_S 60
/* A server that took the connection but does not welcome us is not well. */
#define WELCOME_TIMEOUT_MS 20000

struct link {
        const struct agent_options *o;
        uv_loop_t loop;
        struct channel *parent, *hv, *keep;
        struct tls_stream *tls;
        bool up; /* welcomed */
        struct msg_agent_welcome welcome;
        bool have_session;
        bool session_refused; /* try the token next, if there is one */
        uint64_t backoff_ms;
        uv_timer_t retry;     /* reconnect; while greeting: no welcome */
        uv_timer_t heartbeat; /* runs out only when nothing was said for long */
        uv_signal_t sigterm;
        struct clock clock;
        struct link_cache cache;
        struct link_ops *ops;
};

static void link_connect(struct link *l);

/* ---- sending ---- */

static void link_retry_later(struct link *l);

static void
link_disconnect(struct link *l, const char *reason)
{
        log_warning("server lost reason=\"%s\"", reason);
        tls_stream_free(l->tls);
        l->tls = NULL;
        l->up = false;
        uv_timer_stop(&l->heartbeat);
        link_retry_later(l);
}

static void
send_line(struct link *l, enum msg_type type, const void *payload)
{
        _cleanup_free_ char *line = agent_wire_encode(type, payload);
        int r = line ? tls_stream_send_line(l->tls, line, strlen(line)) : -ENOMEM;

        if (r < 0)
                log_warning("not sent message=%s error=%s", message_name(type), strerror(-r));
        else if (uv_is_active((uv_handle_t *)&l->heartbeat))
                uv_timer_again(&l->heartbeat);
}

/* What is said while the server is away is kept elsewhere (results, lists) or worth nothing later (progress, consoles). */
static void
to_server(void *arg, enum msg_type type, const void *payload)
{
        struct link *l = arg;

        if (l->up)
                send_line(l, type, payload);
}

static void
to_hv(void *arg, enum msg_type type, const void *payload)
{
        struct link *l = arg;

        if (l->hv && channel_send(l->hv, type, payload, -1) < 0)
                log_warning("not sent to hv message=%s", message_name(type));
}

static void
to_keep(struct link *l, enum msg_type type, const void *payload)
{
        if (l->keep && channel_send(l->keep, type, payload, -1) < 0)
                log_warning("not sent to keep message=%s", message_name(type));
}

/* There is a server, and somebody who has something for it. */
static void
ask_keep(struct link *l)
{
        static const struct msg_agent_keep_answer ask = {.verdict = KEEP_ASK};

        if (l->up)
                to_keep(l, MSG_AGENT_KEEP_ANSWER, &ask);
}

static const struct link_ops_events ops_events = {.to_server = to_server, .to_hv = to_hv};

/* ---- from hv ---- */

static void
on_hv_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct link *l = arg;

        (void)ch;
        if (fd >= 0)
                close(fd);
        switch (type) {
        case MSG_AGENT_INVENTORY:
                l->cache.inventory = *(struct msg_agent_inventory *)payload;
                l->cache.have_inventory = true;
                str_copy(l->cache.inventory.inventory.agent_version, NAME_SIZE, DOMPOOL_VERSION);
                to_server(l, type, &l->cache.inventory);
                break;
        case MSG_AGENT_DOMAINS:
                l->cache.domains = *(struct msg_agent_domains *)payload;
                l->cache.have_domains = true;
                to_server(l, type, payload);
                break;
        case MSG_AGENT_DOMAIN_EVENT:
                link_cache_event(&l->cache, payload);
                to_server(l, type, payload);
                break;
        case MSG_AGENT_OP_RESULT:
                link_ops_result(l->ops, payload);
                break;
        default: /* progress, consoles: handed through */
                to_server(l, type, payload);
                break;
        }
}

static void
on_hv_close(void *arg, struct channel *ch, const char *reason)
{
        struct link *l = arg;

        log_warning("hv is gone reason=\"%s\"", reason);
        channel_free(ch);
        l->hv = NULL;
}

static void
connect_first(struct link *l)
{
        if (!l->tls && !uv_is_active((uv_handle_t *)&l->retry))
                link_connect(l);
}

static void
take_hv(struct link *l, int fd)
{
        channel_free(l->hv);
        if (channel_new(&l->loop, fd, ROLE_LINK, ROLE_HV, on_hv_message, on_hv_close, l, &l->hv) < 0) {
                l->hv = NULL;
                log_error("channel to hv cannot be made");
                return;
        }
        link_ops_repeat_to_hv(l->ops);
        connect_first(l);
}

/* ---- from keep ---- */

static void
on_keep_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        (void)ch;
        cleanup_close(&fd);
        to_server(arg, type, payload);
}

static void
on_keep_close(void *arg, struct channel *ch, const char *reason)
{
        struct link *l = arg;

        log_debug("keep is gone reason=\"%s\"", reason);
        channel_free(ch);
        l->keep = NULL;
}

static void
take_keep(struct link *l, int fd)
{
        channel_free(l->keep);
        if (channel_new(&l->loop, fd, ROLE_LINK, ROLE_KEEP, on_keep_message, on_keep_close, l, &l->keep) < 0) {
                l->keep = NULL;
                log_error("channel to keep cannot be made");
                return;
        }
        ask_keep(l);
        if (l->o->restore) /* there is no hv to wait for */
                connect_first(l);
}

/* ---- from the server ---- */

static void
heartbeat_due(uv_timer_t *timer)
{
        struct link *l = timer->data;
        struct msg_agent_ping m = {.free_memory_kib = l->cache.inventory.inventory.free_memory_kib,
                                   .uptime_ms = (uint64_t)clock_mono_ms(&l->clock)};

        send_line(l, MSG_AGENT_PING, &m);
}

static void
take_welcome(struct link *l, const struct msg_agent_welcome *m)
{
        uint64_t period_ms = 1250ull * (m->heartbeat_seconds ? m->heartbeat_seconds : HEARTBEAT_DEFAULT_S);

        l->welcome = *m;
        l->have_session = true;
        l->session_refused = false;
        l->up = true;
        l->backoff_ms = 0;
        uv_timer_stop(&l->retry);
        channel_send(l->parent, MSG_AGENT_WELCOME, m, -1);
        link_ops_source(l->ops, l->o->server, m->http_port && m->http_port <= 65535 ? (uint16_t)m->http_port : l->o->http_port,
                        *m->blob_path ? m->blob_path : "/blob/");
        log_notice("welcomed by the server host=%s", m->host);
        if (l->cache.have_inventory)
                send_line(l, MSG_AGENT_INVENTORY, &l->cache.inventory);
        if (l->cache.have_domains)
                send_line(l, MSG_AGENT_DOMAINS, &l->cache.domains);
        link_ops_repeat_results(l->ops);
        ask_keep(l);
        /* A quarter more than asked for: hv's list of each minute then comes first, and there is no ping beside it. */
        uv_timer_start(&l->heartbeat, heartbeat_due, period_ms, period_ms);
}

static void
take_refusal(struct link *l, const struct msg_agent_refuse *m)
{
        log_warning("refused by the server code=%s text=\"%s\"", m->code, m->text);
        l->session_refused = l->have_session && !l->session_refused && *l->o->token;
        if (l->backoff_ms < BACKOFF_MAX_MS / 4)
                l->backoff_ms = BACKOFF_MAX_MS / 4;
        link_disconnect(l, "refused");
}

static void
take_message(struct link *l, enum msg_type type, void *payload)
{
        if (type == MSG_AGENT_WELCOME)
                take_welcome(l, payload);
        else if (type == MSG_AGENT_REFUSE)
                take_refusal(l, payload);
        else if (!l->up)
                link_disconnect(l, "a message before the welcome");
        else if (type == MSG_AGENT_OP)
                link_ops_take(l->ops, payload);
        else if (type == MSG_AGENT_OP_ACK)
                link_ops_ack(l->ops, ((struct msg_agent_op_ack *)payload)->id);
        else if (type == MSG_AGENT_KEEP_PART || type == MSG_AGENT_KEEP_ANSWER)
                to_keep(l, type, payload);
        else
                to_hv(l, type, payload);
}

static void
on_tls_line(void *arg, struct tls_stream *s, const char *line, size_t size)
{
        struct link *l = arg;
        enum msg_type type;
        struct error err;
        void *payload;

        (void)s;
        if (agent_wire_decode(line, size, ROLE_LINK, &type, &payload, &err) < 0) {
                link_disconnect(l, err.message);
                return;
        }
        take_message(l, type, payload);
        agent_wire_free(type, payload);
}

static void
on_tls_closed(void *arg, struct tls_stream *s, const char *reason)
{
        (void)s;
        link_disconnect(arg, reason);
}

static void
welcome_missing(uv_timer_t *timer)
{
        link_disconnect(timer->data, "no welcome for 20 s");
}

static void
on_tls_open(void *arg, struct tls_stream *s)
{
        struct link *l = arg;
        struct msg_agent_hello m = {.messages_version = MESSAGES_VERSION};

        (void)s;
        str_copy(m.agent_version, sizeof(m.agent_version), DOMPOOL_VERSION);
        if (l->have_session && !l->session_refused)
                memcpy(m.session, l->welcome.session, sizeof(m.session));
        else
                str_copy(m.token, sizeof(m.token), l->o->token);
        send_line(l, MSG_AGENT_HELLO, &m);
        uv_timer_start(&l->retry, welcome_missing, WELCOME_TIMEOUT_MS, 0);
}

/* ---- connecting ---- */

static void
retry_due(uv_timer_t *timer)
{
        link_connect(timer->data);
}

/* Half of the wait is chance, so that a room does not come back in one instant. */
static void
link_retry_later(struct link *l)
{
        uint16_t chance;

        if (l->backoff_ms == 0)
                l->backoff_ms = BACKOFF_FIRST_MS;
        digest_random(&chance, sizeof(chance));
        uv_timer_start(&l->retry, retry_due, l->backoff_ms / 2 + l->backoff_ms * chance / 65536 / 2 + 1, 0);
        l->backoff_ms = l->backoff_ms * 2 < BACKOFF_MAX_MS ? l->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void
link_connect(struct link *l)
{
        static const struct tls_stream_events events = {.open = on_tls_open, .line = on_tls_line, .closed = on_tls_closed};
        struct error err;

        if (tls_stream_connect(&l->loop, l->o->server, l->o->agent_port, l->o->fingerprint, &events, l, &l->tls, &err) < 0) {
                log_warning("cannot connect: %s", err.message);
                l->tls = NULL;
                link_retry_later(l);
        }
}

/* ---- from the parent ---- */

static void
on_parent_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct link *l = arg;
        const struct msg_role_fd *m = payload;

        (void)ch;
        if (type == MSG_AGENT_WELCOME) {
                l->welcome = *(struct msg_agent_welcome *)payload;
                l->have_session = true;
        } else if (type == MSG_ROLE_FD && m->purpose == FD_CHANNEL && m->number == ROLE_HV && fd >= 0) {
                take_hv(l, TAKE_FD(fd));
        } else if (type == MSG_ROLE_FD && m->purpose == FD_CHANNEL && m->number == ROLE_KEEP && fd >= 0) {
                take_keep(l, TAKE_FD(fd));
        }
        if (fd >= 0)
                close(fd);
}

static void
on_parent_close(void *arg, struct channel *ch, const char *reason)
{
        struct link *l = arg;

        log_info("the parent is gone reason=\"%s\"", reason);
        channel_free(ch);
        l->parent = NULL;
        uv_stop(&l->loop);
}

static void
on_sigterm(uv_signal_t *handle, int signal)
{
        (void)signal;
        uv_stop(handle->loop);
}

/* ---- life ---- */

static int
link_sandbox(const char *blobs, struct error *err)
{
        const struct sandbox_path paths[] = {{.path = blobs, .write = true}};
        const struct sandbox s = {
                .user = AGENT_LINK_USER,
                .fallback_uid = AGENT_LINK_UID,
                .syscalls = SYS_BASE | SYS_FILES_READ | SYS_FILES_WRITE | SYS_NET | SYS_FD_PASSING,
                .paths = paths,
                .n_paths = N_ELEMENTS(paths),
                .max_files = 1024,
                .max_memory = 512ull << 20,
                .no_new_processes = true,
        };

        return sandbox_enter(&s, err);
}

int
link_run(const struct agent_options *o)
{
        static struct link l; /* the process has one, for its whole life */
        char blobs[PATH_SIZE + 8];
        struct error err;

        log_init("link", o->log_level);
        prctl(PR_SET_NAME, "dompool-link"); /* it was started as /proc/self/exe */
        snprintf(blobs, sizeof(blobs), "%s/blobs", o->run_dir);
        l.o = o;
        clock_init_real(&l.clock);
        uv_loop_init(&l.loop);
        uv_timer_init(&l.loop, &l.retry);
        uv_timer_init(&l.loop, &l.heartbeat);
        uv_signal_init(&l.loop, &l.sigterm);
        l.retry.data = l.heartbeat.data = &l;
        uv_signal_start(&l.sigterm, on_sigterm, SIGTERM);
        signal(SIGPIPE, SIG_IGN);
        if (link_sandbox(blobs, &err) < 0) {
                log_error("sandbox: %s", err.message);
                return 1;
        }
        l.ops = link_ops_new(&l.loop, blobs, &ops_events, &l);
        if (!l.ops || channel_new(&l.loop, AGENT_CONTROL_FD, ROLE_LINK, ROLE_APARENT, on_parent_message, on_parent_close, &l,
                                  &l.parent) < 0) {
                log_error("no channel to the parent: dompool-agent starts this process by itself");
                return 1;
        }
        uv_run(&l.loop, UV_RUN_DEFAULT);
        tls_stream_free(l.tls); /* says good-bye */
        link_ops_free(l.ops);
        return 0;
}
