/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consoles of PV and PVH domains: xenconsoled gives each a pty and writes its name to xenstore; several sessions share one open
 * descriptor. What the domain wrote before anybody looked comes first, as far as the pty kept it. Runs in: hv.
 *
 *     waiting (the pty's name is asked for each 200 ms, up to 10 s) --> open --domain ends, pty closed--> gone
 *                                                                        | ^
 *                                               a full read: 20 ms pause +-+
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "base/cleanup.h"
#include "hv/hv_xen.h"

#define TRY_MS 200
#define TRIES 50
/* A guest that shouts gets CONSOLE_CHUNK bytes per pause: 800 KB/s, so that it cannot fill link's queue. */
#define PAUSE_MS 20
#define MAX_CONSOLES 64
#define MAX_SESSIONS 8
#define MAX_UNWRITTEN 65536

struct xen_console {
        struct hv *hv;
        uint8_t uuid[UUID_SIZE];
        int fd; /* -1 while waiting */
        unsigned tries;
        uv_poll_t poll;
        bool polling; /* the poll handle is there */
        uv_timer_t timer;
        unsigned n_handles;
        uint64_t sessions[MAX_SESSIONS];
        unsigned n_sessions;
        uint8_t unwritten[MAX_UNWRITTEN]; /* keys that the guest has not taken yet */
        size_t n_unwritten;
        struct xen_console *next;
};

static void console_poll(struct xen_console *c);

/* ---- the end ---- */

static void
handle_closed(uv_handle_t *handle)
{
        struct xen_console *c = handle->data;

        if (--c->n_handles > 0)
                return;
        cleanup_close(&c->fd);
        free(c);
}

/* Tells all sessions, if there are any left, and goes. */
static void
console_end(struct xen_console *c, enum error_code code, const char *text)
{
        for (struct xen_console **p = &c->hv->consoles; *p; p = &(*p)->next) {
                if (*p == c) {
                        *p = c->next;
                        break;
                }
        }
        for (unsigned i = 0; i < c->n_sessions; i++)
                c->hv->ev->console_closed(c->hv->arg, c->sessions[i], code, text);
        if (c->polling)
                uv_close((uv_handle_t *)&c->poll, handle_closed);
        uv_close((uv_handle_t *)&c->timer, handle_closed);
}

/* ---- bytes ---- */

static bool
console_flush(struct xen_console *c)
{
        while (c->n_unwritten > 0) {
                ssize_t n = write(c->fd, c->unwritten, c->n_unwritten);

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR;
                c->n_unwritten -= (size_t)n;
                memmove(c->unwritten, c->unwritten + n, c->n_unwritten);
        }
        return true;
}

static void
pause_over(uv_timer_t *timer)
{
        console_poll(timer->data);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
        struct xen_console *c = poll->data;
        uint8_t data[CONSOLE_CHUNK];
        ssize_t n;

        if (status < 0 || ((events & UV_WRITABLE) && !console_flush(c))) {
                console_end(c, ERR_NONE, "the console is closed");
                return;
        }
        if (!(events & (UV_READABLE | UV_DISCONNECT))) {
                console_poll(c);
                return;
        }
        n = read(c->fd, data, sizeof(data));
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                console_end(c, ERR_NONE, "the console is closed: the domain has ended");
                return;
        }
        for (unsigned i = 0; n > 0 && i < c->n_sessions; i++)
                c->hv->ev->console_data(c->hv->arg, c->sessions[i], data, (size_t)n);
        if (n == (ssize_t)sizeof(data)) {
                uv_poll_stop(&c->poll);
                uv_timer_start(&c->timer, pause_over, PAUSE_MS, 0);
        } else {
                console_poll(c);
        }
}

static void
console_poll(struct xen_console *c)
{
        uv_poll_start(&c->poll, UV_READABLE | UV_DISCONNECT | (c->n_unwritten > 0 ? UV_WRITABLE : 0), on_poll);
}

/* ---- opening ---- */

static int
console_tty(struct xen_console *c, char *ret, size_t size)
{
        const struct domain_info *d = hv_table_find(&c->hv->table, c->uuid);
        char path[64];
        int r;

        if (!d)
                return -ENOENT;
        snprintf(path, sizeof(path), "/local/domain/%u/console/tty", d->domid);
        r = hv_xen_read(c->hv, path, ret, size);
        /* only xenconsoled writes there, but a guest owns the folder above in some set-ups: nothing but a pty is opened */
        return r == 0 && strncmp(ret, "/dev/pts/", 9) == 0 && !strstr(ret, "..") ? 0 : -ENOENT;
}

static int
console_open_tty(struct xen_console *c)
{
        struct termios attr;
        char tty[64];
        int r = console_tty(c, tty, sizeof(tty));

        if (r < 0)
                return r;
        c->fd = open(tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (c->fd < 0)
                return -errno;
        if (tcgetattr(c->fd, &attr) == 0) {
                cfmakeraw(&attr);
                tcsetattr(c->fd, TCSANOW, &attr);
        }
        r = uv_poll_init(c->hv->loop, &c->poll, c->fd);
        if (r < 0) {
                close(TAKE_FD(c->fd));
                return r;
        }
        c->poll.data = c;
        c->polling = true;
        c->n_handles++;
        console_poll(c);
        return 0;
}

static void
try_open(uv_timer_t *timer)
{
        struct xen_console *c = timer->data;

        if (!hv_table_find(&c->hv->table, c->uuid)) {
                console_end(c, ERR_NOT_FOUND, "there is no such domain on this host");
                return;
        }
        if (console_open_tty(c) == 0)
                return;
        if (++c->tries >= TRIES)
                console_end(c, ERR_TIMEOUT, "the domain has no console: xenconsoled gave it none within 10 s");
        else
                uv_timer_start(&c->timer, try_open, TRY_MS, 0);
}

static struct xen_console *
console_new(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        struct xen_console *c;
        unsigned n = 0;

        for (c = hv->consoles; c; c = c->next)
                n++;
        c = n < MAX_CONSOLES ? calloc(1, sizeof(*c)) : NULL;
        if (!c)
                return NULL;
        c->hv = hv;
        c->fd = -1;
        memcpy(c->uuid, uuid, UUID_SIZE);
        uv_timer_init(hv->loop, &c->timer);
        c->timer.data = c;
        c->n_handles = 1;
        c->next = hv->consoles;
        hv->consoles = c;
        uv_timer_start(&c->timer, try_open, 0, 0);
        return c;
}

static struct xen_console *
console_of_domain(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        for (struct xen_console *c = hv->consoles; c; c = c->next)
                if (memcmp(c->uuid, uuid, UUID_SIZE) == 0)
                        return c;
        return NULL;
}

void
hv_xen_console_open(struct hv *hv, uint64_t session, const uint8_t uuid[UUID_SIZE])
{
        struct xen_console *c = console_of_domain(hv, uuid);

        if (!c)
                c = console_new(hv, uuid);
        if (!c || c->n_sessions == MAX_SESSIONS)
                hv->ev->console_closed(hv->arg, session, ERR_LIMIT,
                                       "at most 64 consoles are open on a host, with 8 viewers each");
        else
                c->sessions[c->n_sessions++] = session;
}

static struct xen_console *
console_of_session(struct hv *hv, uint64_t session, unsigned *ret_index)
{
        for (struct xen_console *c = hv->consoles; c; c = c->next) {
                for (unsigned i = 0; i < c->n_sessions; i++) {
                        if (c->sessions[i] == session) {
                                *ret_index = i;
                                return c;
                        }
                }
        }
        return NULL;
}

void
hv_xen_console_write(struct hv *hv, uint64_t session, const void *data, size_t size)
{
        unsigned index;
        struct xen_console *c = console_of_session(hv, session, &index);

        if (!c)
                return;
        if (size > sizeof(c->unwritten) - c->n_unwritten) {
                hv->ev->console_closed(hv->arg, session, ERR_LIMIT,
                                       "the domain does not read its console: 64 KiB are waiting for it");
                hv_xen_console_close(hv, session);
                return;
        }
        memcpy(c->unwritten + c->n_unwritten, data, size);
        c->n_unwritten += size;
        if (c->polling && !uv_is_active((uv_handle_t *)&c->timer))
                console_poll(c);
}

void
hv_xen_console_close(struct hv *hv, uint64_t session)
{
        struct xen_console *next;
        unsigned index;

        if (session != 0) {
                struct xen_console *c = console_of_session(hv, session, &index);

                if (!c)
                        return;
                c->sessions[index] = c->sessions[--c->n_sessions];
                if (c->n_sessions == 0)
                        console_end(c, ERR_NONE, "");
                return;
        }
        for (struct xen_console *c = hv->consoles; c; c = next) {
                next = c->next;
                c->n_sessions = 0;
                console_end(c, ERR_NONE, "");
        }
}

void
hv_xen_console_domain_gone(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        struct xen_console *c = console_of_domain(hv, uuid);

        if (c)
                console_end(c, ERR_NONE, "the domain has ended");
}
