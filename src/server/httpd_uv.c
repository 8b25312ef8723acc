/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd on a libuv loop: glue only, no route and no policy. libmicrohttpd works inside its own epoll descriptor; that
 * is watched as a whole, and its next timeout is asked for after each run. Runs in files and api.
 */
#include "server/httpd_uv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/tcp.h"

#define DEFAULT_CONNECTIONS 1000
#define DEFAULT_TIMEOUT_SECONDS 30
#define DEFAULT_MEMORY (32u << 10)
#define GUARD_TICK_MS 1000
#define GUARD_BUSY_TICK_MS 1
#define GUARD_SPARE 64 /* connections that are cut leave at libmicrohttpd's next turn: until then they need a place */
#define RUNS_AT_ONCE 8

struct httpd_uv {
        struct httpd_uv_options options;
        uv_loop_t *loop;
        struct MHD_Daemon *daemon;
        struct httpd_guard *guard; /* NULL: none */
        uv_poll_t poll;
        uv_timer_t timer, guard_timer;
        uv_idle_t idle;            /* runs while libmicrohttpd has something to do at once */
        unsigned cut[GUARD_WHY_N]; /* not yet told */
        unsigned open_handles;
        bool running; /* inside MHD_run: a kick must not run it again from there */
};

static void on_timer(uv_timer_t *timer);
static void on_idle(uv_idle_t *idle);

/* While files go out there is always more to do: some turns at once save the loop's own ones between them. The others of the
 * loop wait for RUNS_AT_ONCE pieces of a file of each connection at most. */
static void
run(struct httpd_uv *h)
{
        MHD_UNSIGNED_LONG_LONG ms = 0;
        bool has_timeout = true;

        h->running = true;
        for (int i = 0; i < RUNS_AT_ONCE && has_timeout && ms == 0; i++) {
                MHD_run(h->daemon);
                has_timeout = MHD_get_timeout(h->daemon, &ms) == MHD_YES;
        }
        h->running = false;
        uv_timer_stop(&h->timer);
        uv_idle_stop(&h->idle);
        if (has_timeout && ms == 0)
                uv_idle_start(&h->idle, on_idle); /* a timer of 0 would run again and again, and nothing else of the loop */
        else if (has_timeout)
                uv_timer_start(&h->timer, on_timer, ms, 0);
}

static void
on_timer(uv_timer_t *timer)
{
        run(timer->data);
}

static void
on_idle(uv_idle_t *idle)
{
        run(idle->data);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
        (void)status;
        (void)events;
        run(poll->data);
}

void
httpd_uv_kick(struct httpd_uv *h)
{
        /* Inside MHD_run the timeout is asked for right after it, and is 0 while something is left to do. */
        if (!h->running)
                uv_idle_start(&h->idle, on_idle);
}

/* ---- slow clients ---- */

static int
socket_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        return info ? info->connect_fd : -1;
}

/* libmicrohttpd cannot be told to close a connection, but sees at once that its socket is shut. */
static void
guard_cut(void *arg, void *who, enum httpd_guard_why why)
{
        /* What the client does not take is thrown away: otherwise the kernel would go on offering it. */
        const struct linger now = {.l_onoff = 1, .l_linger = 0};
        const int fd = socket_of(who);
        struct httpd_uv *h = arg;

        h->cut[why]++;
        if (why != GUARD_WHY_REQUEST)
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        shutdown(fd, SHUT_RDWR);
}

static bool
guard_progress(void *arg, void *who, struct tcp_progress *ret)
{
        (void)arg;
        return tcp_progress_get(socket_of(who), ret) == 0;
}

static const struct httpd_guard_ops guard_ops = {.cut = guard_cut, .progress = guard_progress};

/* One line for all of a second. */
static void
tell_cut(struct httpd_uv *h)
{
        for (size_t why = 0; why < GUARD_WHY_N; why++)
                if (h->cut[why] > 0)
                        log_notice("slow connections cut n=%u why=\"%s\"", h->cut[why], httpd_guard_why_names[why]);
        memset(h->cut, 0, sizeof(h->cut));
}

static void
on_guard_timer(uv_timer_t *timer)
{
        struct httpd_uv *h = timer->data;

        if (httpd_guard_tick(h->guard, (int64_t)uv_now(h->loop))) {
                uv_timer_start(timer, on_guard_timer, GUARD_BUSY_TICK_MS, 0);
                return;
        }
        tell_cut(h);
        if (httpd_guard_count(h->guard) > 0)
                uv_timer_start(timer, on_guard_timer, GUARD_TICK_MS, 0);
}

static uint32_t
address_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr_in *a = info ? (const struct sockaddr_in *)(const void *)info->client_addr : NULL;

        return a && a->sin_family == AF_INET ? ntohl(a->sin_addr.s_addr) : 0;
}

static void
limit_unsent(const struct httpd_uv *h, struct MHD_Connection *connection)
{
        const struct httpd_uv_options *o = &h->options;
        const unsigned n = httpd_guard_count(h->guard);
        uint64_t part = o->unsent_sum / (n + 1);

        if (!o->unsent_limit || n < o->n_unlimited)
                return;
        part = part < o->unsent_least ? o->unsent_least : part;
        (void)tcp_set_unsent_limit(socket_of(connection), part < o->unsent_limit ? (unsigned)part : o->unsent_limit);
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what)
{
        struct httpd_uv *h = arg;

        if (what != MHD_CONNECTION_NOTIFY_STARTED) {
                httpd_guard_remove(h->guard, *context);
                return;
        }
        limit_unsent(h, connection);
        *context = httpd_guard_add(h->guard, connection, address_of(connection), (int64_t)uv_now(h->loop));
        if (!uv_is_active((uv_handle_t *)&h->guard_timer))
                uv_timer_start(&h->guard_timer, on_guard_timer, GUARD_TICK_MS, 0);
}

static struct httpd_guard_conn *
guarded(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
           const char *upload, size_t *upload_size, void **request)
{
        struct httpd_uv *h = arg;

        /* The first call has the headers only; then come pieces of the body, and at its end a call with nothing. */
        if (*request && *upload_size == 0)
                httpd_guard_answer(h->guard, guarded(connection), (int64_t)uv_now(h->loop));
        return h->options.handler(h->options.arg, connection, url, method, version, upload, upload_size, request);
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how)
{
        struct httpd_uv *h = arg;

        httpd_guard_done(h->guard, guarded(connection), (int64_t)uv_now(h->loop));
        if (h->options.completed)
                h->options.completed(h->options.arg, connection, request, how);
}

/* A host's default may be made for the Internet (bbr paces each connection by timers, at 4.5 times the CPU time); a LAN wants
 * none of it. What is set on a listener counts for its connections. */
static void
set_congestion(const struct httpd_uv_options *o)
{
        int r = o->congestion ? tcp_set_congestion(o->listen_fd, o->congestion) : 0;

        if (r < 0)
                log_warning("congestion control not set wanted=%s error=\"%s\"", o->congestion, strerror(-r));
}

/* ---- libmicrohttpd ---- */

/* libmicrohttpd's own words (a client that broke TLS, say) are of interest to a developer only. */
static void on_log(void *arg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
on_log(void *arg, const char *fmt, va_list ap)
{
        char text[300];

        (void)arg;
        vsnprintf(text, sizeof(text), fmt, ap);
        text[strcspn(text, "\n")] = '\0';
        log_debug("http: %s", text);
}

unsigned
httpd_uv_max_connections(const struct httpd_guard_limits *limits)
{
        return limits->max_connections + limits->max_connections / 16 + GUARD_SPARE;
}

static struct MHD_Daemon *
start_daemon(struct httpd_uv *h)
{
        const struct httpd_uv_options *o = &h->options;
        unsigned max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
        struct MHD_OptionItem items[16];
        unsigned n = 0;

#define ITEM(OPTION, VALUE, POINTER) items[n++] = (struct MHD_OptionItem){OPTION, (intptr_t)(VALUE), POINTER}
        /* First, so that all that follows is logged by us. */
        ITEM(MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL);
        ITEM(MHD_OPTION_LISTEN_SOCKET, o->listen_fd, NULL);
        if (h->guard)
                max_connections = httpd_uv_max_connections(o->guard);
        ITEM(MHD_OPTION_CONNECTION_LIMIT, max_connections, NULL);
        ITEM(MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_seconds ? o->timeout_seconds : DEFAULT_TIMEOUT_SECONDS, NULL);
        ITEM(MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->memory_per_request ? o->memory_per_request : DEFAULT_MEMORY, NULL);
        ITEM(MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL);
        if (o->max_per_address)
                ITEM(MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->max_per_address, NULL);
        if (h->guard) {
                ITEM(MHD_OPTION_NOTIFY_CONNECTION, on_connection, h);
                ITEM(MHD_OPTION_NOTIFY_COMPLETED, on_completed, h);
        } else if (o->completed) {
                ITEM(MHD_OPTION_NOTIFY_COMPLETED, o->completed, o->arg);
        }
        if (o->tls_cert_pem && o->tls_key_pem) {
                flags |= MHD_USE_TLS;
                ITEM(MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)o->tls_cert_pem);
                ITEM(MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->tls_key_pem);
                ITEM(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2");
        }
        ITEM(MHD_OPTION_END, 0, NULL);
#undef ITEM
        if (o->allow_upgrade)
                flags |= MHD_ALLOW_UPGRADE;
        return MHD_start_daemon(flags, 0, NULL, NULL, h->guard ? on_request : o->handler, h->guard ? h : o->arg,
                                MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

static void
on_closed(uv_handle_t *handle)
{
        struct httpd_uv *h = handle->data;

        if (--h->open_handles > 0)
                return;
        httpd_guard_free(h->guard);
        free(h);
}

/* What there is of it; the memory goes when the loop lets go of the handles. */
static void
tear_down(struct httpd_uv *h)
{
        uv_handle_t *const handles[] = {(uv_handle_t *)&h->timer, (uv_handle_t *)&h->guard_timer, (uv_handle_t *)&h->idle,
                                        (uv_handle_t *)&h->poll};

        if (h->daemon)
                MHD_stop_daemon(h->daemon); /* closes the socket as well */
        else
                close(h->options.listen_fd);
        for (unsigned i = 0, n = h->open_handles; i < n; i++)
                uv_close(handles[i], on_closed);
}

int
httpd_uv_new(uv_loop_t *loop, const struct httpd_uv_options *o, struct httpd_uv **ret, struct error *err)
{
        struct httpd_uv *h = calloc(1, sizeof(*h));
        const union MHD_DaemonInfo *info;
        int r = -ENOTSUP;

        if (!h) {
                close(o->listen_fd);
                return error_errno_set(err, ENOMEM, "HTTP server");
        }
        h->options = *o;
        h->loop = loop;
        h->timer.data = h->guard_timer.data = h->idle.data = h->poll.data = h;
        uv_timer_init(loop, &h->timer);
        uv_timer_init(loop, &h->guard_timer);
        uv_idle_init(loop, &h->idle);
        h->open_handles = 3;
        if (o->guard)
                h->guard = httpd_guard_new(o->guard, &guard_ops, h);
        if (!o->guard || h->guard) {
                set_congestion(o);
                h->daemon = start_daemon(h);
        }
        info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        if (info)
                r = uv_poll_init(loop, &h->poll, info->epoll_fd);
        if (r < 0) {
                tear_down(h);
                return error_set(err, ERR_INTERNAL, "libmicrohttpd does not start on this socket");
        }
        h->open_handles = 4;
        uv_poll_start(&h->poll, UV_READABLE, on_poll);
        *ret = h;
        return 0;
}

void
httpd_uv_free(struct httpd_uv *h)
{
        if (!h)
                return;
        uv_poll_stop(&h->poll);
        tear_down(h);
}
