/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One role seen from the parent: started as this executable with --role=NAME and a socket on descriptor 3, given configuration,
 * descriptors and channels to its peers; when it dies, its end is logged and it is started again, later and later. Runs in the
 * parent.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "server/parent.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define BACKOFF_RESET_MS 30000

static void
on_backoff(uv_timer_t *timer)
{
        parent_role_start(timer->data);
}

static uint64_t
backoff_ms(unsigned deaths)
{
        uint64_t ms = BACKOFF_FIRST_MS;

        for (unsigned i = 1; i < deaths && ms < BACKOFF_MAX_MS; i++)
                ms *= 2;
        return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

static void
log_death(const struct child *c, int64_t status, int signal, uint64_t again_ms)
{
        const char *why =
                signal == SIGSYS ? " reason=\"the sandbox forbids a system call that it made; the kernel's log names it\"" : "";

        if (signal)
                log_error("role died role=%s signal=%s lived_ms=%lld again_ms=%llu%s", role_names[c->role],
                          sigabbrev_np(signal), (long long)(clock_mono_ms(&c->parent->clock) - c->started_ms),
                          (unsigned long long)again_ms, why);
        else
                log_error("role ended role=%s status=%lld lived_ms=%lld again_ms=%llu", role_names[c->role], (long long)status,
                          (long long)(clock_mono_ms(&c->parent->clock) - c->started_ms), (unsigned long long)again_ms);
}

static void
on_process_closed(uv_handle_t *handle)
{
        struct child *c = handle->data;

        c->state = CHILD_NONE;
        parent_on_gone(c);
}

static void
on_role_exit(uv_process_t *process, int64_t status, int signal)
{
        struct child *c = process->data;
        struct parent *p = c->parent;

        channel_free(c->channel);
        c->channel = NULL;
        if (c->state == CHILD_STOPPING && signal && signal != SIGKILL) {
                log_error("role crashed as it stopped role=%s signal=%s", role_names[c->role], sigabbrev_np(signal));
        } else if (c->state == CHILD_STOPPING) {
                log_debug("role stopped role=%s status=%lld signal=%d", role_names[c->role], (long long)status, signal);
        } else {
                uint64_t ms;

                if (clock_mono_ms(&p->clock) - c->started_ms >= BACKOFF_RESET_MS)
                        c->deaths = 0;
                ms = backoff_ms(++c->deaths);
                log_death(c, status, signal, ms);
                parent_on_death(c, status, signal);
                uv_timer_start(&c->backoff, on_backoff, ms, 0);
        }
        uv_close((uv_handle_t *)process, on_process_closed);
}

static void
on_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct child *c = arg;

        (void)ch;
        cleanup_close(&fd); /* none has one to give to the parent */
        if (type == MSG_CAPTURE_SOCKET) {
                parent_capture(c->parent, payload);
                return;
        }
        if (type != MSG_ROLE_READY || c->state != CHILD_STARTED)
                return;
        c->state = CHILD_READY;
        c->was_ready = true;
        log_debug("role ready role=%s pid=%d ms=%lld", role_names[c->role], c->process.pid,
                  (long long)(clock_mono_ms(&c->parent->clock) - c->started_ms));
        parent_on_ready(c);
}

/* A role that breaks the protocol towards us is broken or owned: it gets no second chance in this life. */
static void
on_close(void *arg, struct channel *ch, const char *reason)
{
        struct child *c = arg;

        (void)ch;
        log_debug("channel closed role=%s reason=\"%s\"", role_names[c->role], reason);
        if (c->state != CHILD_NONE)
                uv_process_kill(&c->process, SIGKILL);
}

/* A send to a role that has just died fails; its death is reported by on_role_exit, so nothing is to be done here. */
static void
send_fd(struct child *c, enum role_fd purpose, uint32_t number, int fd)
{
        const struct msg_role_fd m = {.purpose = purpose, .number = number};

        channel_send(c->channel, MSG_ROLE_FD, &m, fd);
}

static void
send_fds(struct child *c)
{
        for (int purpose = 0; purpose < FD_N; purpose++)
                for (uint32_t number = 0; number < ROLE_FDS; number++) {
                        _cleanup_close_ int fd = parent_open_fd(c->parent, c->role, purpose, number);

                        if (fd >= 0)
                                send_fd(c, purpose, number, fd);
                }
}

/* Fresh channels between @c and all peers that live; those that are not there yet get theirs at their own start. */
static void
connect_peers(struct child *c)
{
        for (int role = 0; role < ROLE_N; role++) {
                struct child *other = &c->parent->children[role];
                int fds[2], r;

                if (!role_pair_talks(c->role, role) || !other->channel || other->state == CHILD_STOPPING)
                        continue;
                r = channel_pair(fds);
                if (r < 0) {
                        log_error("no channel between roles a=%s b=%s error=\"%s\"", role_names[c->role], role_names[role],
                                  strerror(-r));
                        continue;
                }
                send_fd(c, FD_CHANNEL, (uint32_t)role, fds[0]);
                send_fd(other, FD_CHANNEL, c->role, fds[1]);
                close(fds[0]);
                close(fds[1]);
        }
}

static int
spawn(struct child *c, int sock)
{
        char role[32];
        char *args[] = {(char *)"dompoold", role, c->parent->debug ? (char *)"--debug" : NULL, NULL};
        uv_stdio_container_t stdio[4] = {
                {.flags = UV_IGNORE},
                {.flags = UV_INHERIT_FD, .data.fd = 1},
                {.flags = UV_INHERIT_FD, .data.fd = 2},
                {.flags = UV_INHERIT_FD, .data.fd = sock},
        };
        const uv_process_options_t options = {
                .exit_cb = on_role_exit,
                .file = "/proc/self/exe", /* this very program, even when its file was replaced since */
                .args = args,
                .stdio = stdio,
                .stdio_count = N_ELEMENTS(stdio),
        };

        snprintf(role, sizeof(role), "--role=%s", role_names[c->role]);
        c->process.data = c;
        return uv_spawn(&c->parent->loop, &c->process, &options);
}

void
parent_role_start(struct child *c)
{
        struct parent *p = c->parent;
        const struct msg_empty go = {0};
        int fds[2], r;

        assert(c->state == CHILD_NONE && !p->stop_stage);
        r = channel_pair(fds);
        if (r == 0) {
                r = spawn(c, fds[1]);
                close(fds[1]);
                if (r < 0) {
                        close(fds[0]);
                        /* uv_spawn leaves an initialised handle behind, which must be closed before it is used again. */
                        uv_close((uv_handle_t *)&c->process, NULL);
                }
        }
        if (r < 0) {
                log_error("cannot start role=%s error=\"%s\"", role_names[c->role], strerror(-r));
                uv_timer_start(&c->backoff, on_backoff, backoff_ms(++c->deaths), 0);
                return;
        }
        c->state = CHILD_STARTED;
        c->started_ms = clock_mono_ms(&p->clock);
        r = channel_new(&p->loop, fds[0], ROLE_PARENT, c->role, on_message, on_close, c, &c->channel);
        if (r == 0)
                r = channel_send(c->channel, MSG_ROLE_START,
                                 c->role == ROLE_CORE || c->role == ROLE_SATELLITE ? p->config : p->config_roles, -1);
        if (r < 0) {
                log_error("cannot talk to role=%s error=\"%s\"", role_names[c->role], strerror(-r));
                uv_process_kill(&c->process, SIGKILL);
                return;
        }
        send_fds(c);
        connect_peers(c);
        channel_send(c->channel, MSG_ROLE_GO, &go, -1);
}

void
parent_role_init(struct parent *p, enum role role)
{
        struct child *c = &p->children[role];

        *c = (struct child){.parent = p, .role = role};
        uv_timer_init(&p->loop, &c->backoff);
        c->backoff.data = c;
}

void
parent_role_stop(struct child *c)
{
        const struct msg_empty m = {0};

        uv_timer_stop(&c->backoff);
        if (c->state == CHILD_NONE)
                return;
        c->state = CHILD_STOPPING;
        if (!c->channel || channel_send(c->channel, MSG_ROLE_STOP, &m, -1) < 0)
                uv_process_kill(&c->process, SIGKILL);
}

void
parent_role_kill(struct child *c)
{
        if (c->state == CHILD_NONE)
                return;
        log_warning("role does not stop, killed role=%s", role_names[c->role]);
        uv_process_kill(&c->process, SIGKILL);
}
