/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's life: set up, start all roles, say ready, wait for a signal, stop the roles in order. Runs as root; reads no
 * byte from a network. What concerns one role is in parent_role.c, what needs root is in parent_setup.c.
 */
#include "server/parent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define BOOT_ALONE_MS 1000 /* boot has the processors for itself that long at most, until it answers */
#define STOP_STAGE_MS 4000 /* then the stage's roles are killed; two stages are below the 10 s promised */

/* boot answers from the disk, and machines wait for it: it comes first, alone. core comes late: what talks to it is there and
 * waits. */
static const enum role server_roles[] = {ROLE_BOOT, ROLE_FILES, ROLE_API, ROLE_CORE, ROLE_WORK, ROLE_CAPTURE, ROLE_N};
static const enum role satellite_roles[] = {ROLE_BOOT, ROLE_FILES, ROLE_SATELLITE, ROLE_N};

const enum role *
parent_roles(const struct parent *p)
{
        return p->config->main_server.address ? satellite_roles : server_roles;
}

/* Strangers' doors first; core last, so that it can store what the others told it. */
static const unsigned stop_stages[] = {
        1u << ROLE_API | 1u << ROLE_FILES | 1u << ROLE_BOOT | 1u << ROLE_WORK | 1u << ROLE_CAPTURE,
        1u << ROLE_CORE | 1u << ROLE_SATELLITE,
};

/* systemd's readiness protocol, sd_notify(3): one datagram to the socket it names. */
static void
notify(const char *text)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        const char *path = getenv("NOTIFY_SOCKET");
        _cleanup_close_ int fd = -1;
        size_t n = path ? strlen(path) : 0;

        if (n < 2 || n >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
                return;
        memcpy(a.sun_path, path, n);
        if (path[0] == '@')
                a.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
                log_debug("systemd was not told: %s", text);
}

static bool
all_were_ready(const struct parent *p)
{
        for (const enum role *r = parent_roles(p); *r != ROLE_N; r++)
                if (!p->children[*r].was_ready)
                        return false;
        return true;
}

/* What core was not there to hear. What a dead core had not read yet of an earlier list is in the log alone. */
static void
tell_ends(struct parent *p)
{
        const struct child *core = &p->children[ROLE_CORE];
        unsigned n = 0;

        if (core->state != CHILD_READY || !core->channel)
                return;
        while (n < p->n_ends && channel_send(core->channel, MSG_ROLE_ENDED, &p->ends[n], -1) == 0)
                n++;
        p->n_ends -= n;
        memmove(p->ends, p->ends + n, p->n_ends * sizeof(p->ends[0]));
}

/* All but boot, which is there, or has ended, or takes too long. */
static void
start_others(struct parent *p)
{
        uv_timer_stop(&p->start_timer);
        if (p->started_all || p->stop_stage > 0)
                return;
        p->started_all = true;
        for (const enum role *role = parent_roles(p); *role != ROLE_N; role++)
                if (*role != ROLE_BOOT)
                        parent_role_start(&p->children[*role]);
}

static void
on_start_timeout(uv_timer_t *timer)
{
        start_others(timer->data);
}

void
parent_on_death(struct child *c, int64_t status, int signal)
{
        struct parent *p = c->parent;

        if (p->n_ends < PARENT_MAX_ENDS)
                p->ends[p->n_ends++] = (struct msg_role_ended){.role = c->role,
                                                               .signal = (uint32_t)signal,
                                                               .status = (uint32_t)status,
                                                               .time_ms = clock_wall_ms(&p->clock)};
        tell_ends(p);
        start_others(p);
}

void
parent_on_ready(struct child *c)
{
        struct parent *p = c->parent;

        start_others(p);
        tell_ends(p);
        if (p->said_ready || !all_were_ready(p))
                return;
        p->said_ready = true;
        log_notice("ready version=%s interface=%s hosts=%u", DOMPOOL_VERSION, p->config->network.interface, p->config->n_hosts);
        notify("READY=1");
}

static void stop_next(struct parent *p);

static void
on_stop_timeout(uv_timer_t *timer)
{
        struct parent *p = timer->data;
        unsigned set = stop_stages[p->stop_stage - 1];

        for (int role = 0; role < ROLE_N; role++)
                if (set >> role & 1)
                        parent_role_kill(&p->children[role]);
}

static bool
stage_is_over(const struct parent *p, unsigned set)
{
        for (int role = 0; role < ROLE_N; role++)
                if ((set >> role & 1) && p->children[role].state != CHILD_NONE)
                        return false;
        return true;
}

static void
stop_next(struct parent *p)
{
        while (p->stop_stage < N_ELEMENTS(stop_stages)) {
                unsigned set = stop_stages[p->stop_stage++];

                for (int role = 0; role < ROLE_N; role++)
                        if (set >> role & 1)
                                parent_role_stop(&p->children[role]);
                if (!stage_is_over(p, set)) {
                        uv_timer_start(&p->stop_timer, on_stop_timeout, STOP_STAGE_MS, 0);
                        return;
                }
        }
        uv_stop(&p->loop);
}

void
parent_on_gone(struct child *c)
{
        struct parent *p = c->parent;

        if (p->stop_stage > 0 && stage_is_over(p, stop_stages[p->stop_stage - 1]))
                stop_next(p);
}

static void
on_signal(uv_signal_t *handle, int signal)
{
        struct parent *p = handle->data;

        if (p->stop_stage > 0)
                return;
        log_notice("stopping signal=%s", sigabbrev_np(signal));
        notify("STOPPING=1");
        /* No role is started from here on; those waiting for their back-off count as gone. */
        for (const enum role *r = parent_roles(p); *r != ROLE_N; r++)
                uv_timer_stop(&p->children[*r].backoff);
        uv_timer_stop(&p->start_timer);
        stop_next(p);
}

static int
init_loop(struct parent *p)
{
        static const int wanted[] = {SIGTERM, SIGINT};
        int r = uv_loop_init(&p->loop);

        if (r < 0)
                return r;
        p->loop.data = p;
        uv_timer_init(&p->loop, &p->stop_timer);
        uv_timer_init(&p->loop, &p->start_timer);
        p->stop_timer.data = p->start_timer.data = p;
        for (size_t i = 0; i < N_ELEMENTS(wanted); i++) {
                uv_signal_init(&p->loop, &p->signals[i]);
                p->signals[i].data = p;
                r = uv_signal_start(&p->signals[i], on_signal, wanted[i]);
                if (r < 0)
                        return r;
        }
        for (const enum role *role = parent_roles(p); *role != ROLE_N; role++)
                parent_role_init(p, *role);
        return 0;
}

/* Roles other than core learn hosts by policy alone, so that what they hold is small and always the latest. The secret of a
 * satellite is for its own role. */
static struct config *
without_hosts(const struct config *config)
{
        struct config *c = calloc(1, sizeof(*c)); /* untouched pages cost nothing */

        if (!c)
                return NULL;
        memcpy(c, config, offsetof(struct config, n_hosts));
        memset(c->main_server.secret, 0, sizeof(c->main_server.secret));
        return c;
}

int
parent_main(struct config *config, bool debug)
{
        struct parent p = {.config = config, .debug = debug, .lock = -1};
        struct error err = {0};
        int r;

        signal(SIGPIPE, SIG_IGN);
        clock_init_real(&p.clock);
        for (int i = 0; i < FD_N; i++)
                for (int n = 0; n < ROLE_FDS; n++)
                        p.sockets[i][n] = -1;
        r = parent_setup(&p, &err);
        if (r < 0) {
                log_error("cannot start: %s", err.message);
                parent_teardown(&p);
                return error_exit_code(err.code);
        }
        p.config_roles = without_hosts(config);
        r = p.config_roles ? init_loop(&p) : -ENOMEM;
        if (r < 0) {
                log_error("cannot start: %s", strerror(-r));
                parent_teardown(&p);
                return 1;
        }
        uv_timer_start(&p.start_timer, on_start_timeout, BOOT_ALONE_MS, 0);
        parent_role_start(&p.children[ROLE_BOOT]);
        uv_run(&p.loop, UV_RUN_DEFAULT);
        parent_teardown(&p);
        free(p.config_roles);
        log_notice("stopped");
        return 0;
}
