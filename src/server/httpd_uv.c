/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd on a libuv loop: glue only, no route and no policy. libmicrohttpd works inside its own epoll descriptor; that
 * is watched as a whole, and its next timeout is asked for after each run. Runs in files and api.
 */
#include "server/httpd_uv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define DEFAULT_CONNECTIONS 1000
#define DEFAULT_TIMEOUT_SECONDS 30
#define DEFAULT_MEMORY (32u << 10)

struct httpd_uv {
        struct MHD_Daemon *daemon;
        int listen_fd;
        uv_poll_t poll;
        uv_timer_t timer;
        unsigned open_handles;
        bool running; /* inside MHD_run: a kick must not run it again from there */
};

static void on_timer(uv_timer_t *timer);

static void
run(struct httpd_uv *h)
{
        MHD_UNSIGNED_LONG_LONG ms;

        h->running = true;
        MHD_run(h->daemon);
        h->running = false;
        if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
                uv_timer_start(&h->timer, on_timer, ms, 0);
        else
                uv_timer_stop(&h->timer);
}

static void
on_timer(uv_timer_t *timer)
{
        run(timer->data);
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
                uv_timer_start(&h->timer, on_timer, 0, 0);
}

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

static struct MHD_Daemon *
start_daemon(const struct httpd_uv_options *o)
{
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
        struct MHD_OptionItem items[16];
        unsigned n = 0;

#define ITEM(OPTION, VALUE, POINTER) items[n++] = (struct MHD_OptionItem){OPTION, (intptr_t)(VALUE), POINTER}
        /* First, so that all that follows is logged by us. */
        ITEM(MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL);
        ITEM(MHD_OPTION_LISTEN_SOCKET, o->listen_fd, NULL);
        ITEM(MHD_OPTION_CONNECTION_LIMIT, o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS, NULL);
        ITEM(MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_seconds ? o->timeout_seconds : DEFAULT_TIMEOUT_SECONDS, NULL);
        ITEM(MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->memory_per_request ? o->memory_per_request : DEFAULT_MEMORY, NULL);
        ITEM(MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL);
        if (o->max_per_address)
                ITEM(MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->max_per_address, NULL);
        if (o->completed)
                ITEM(MHD_OPTION_NOTIFY_COMPLETED, o->completed, o->arg);
        if (o->on_connection)
                ITEM(MHD_OPTION_NOTIFY_CONNECTION, o->on_connection, o->arg);
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
        return MHD_start_daemon(flags, 0, NULL, NULL, o->handler, o->arg, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

int
httpd_uv_new(uv_loop_t *loop, const struct httpd_uv_options *o, struct httpd_uv **ret, struct error *err)
{
        struct httpd_uv *h = calloc(1, sizeof(*h));
        const union MHD_DaemonInfo *info;
        int r;

        if (!h) {
                close(o->listen_fd);
                return error_errno_set(err, ENOMEM, "HTTP server");
        }
        h->listen_fd = o->listen_fd;
        h->daemon = start_daemon(o);
        info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        if (!info) {
                if (h->daemon)
                        MHD_stop_daemon(h->daemon); /* closes the socket as well */
                else
                        close(o->listen_fd);
                free(h);
                return error_set(err, ERR_INTERNAL, "libmicrohttpd does not start on this socket");
        }
        h->timer.data = h->poll.data = h;
        h->open_handles = 2;
        uv_timer_init(loop, &h->timer);
        r = uv_poll_init(loop, &h->poll, info->epoll_fd);
        if (r < 0) {
                uv_close((uv_handle_t *)&h->timer, NULL);
                MHD_stop_daemon(h->daemon);
                return error_errno_set(err, -r, "cannot watch the HTTP server"); /* @h stays: the loop still holds its timer */
        }
        uv_poll_start(&h->poll, UV_READABLE, on_poll);
        *ret = h;
        return 0;
}

static void
on_closed(uv_handle_t *handle)
{
        struct httpd_uv *h = handle->data;

        if (--h->open_handles == 0)
                free(h);
}

void
httpd_uv_free(struct httpd_uv *h)
{
        if (!h)
                return;
        uv_poll_stop(&h->poll);
        MHD_stop_daemon(h->daemon);
        uv_close((uv_handle_t *)&h->poll, on_closed);
        uv_close((uv_handle_t *)&h->timer, on_closed);
}
