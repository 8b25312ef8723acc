/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start and the frame that all roles of dompoold have in common: what the parent sends, the sandbox, the loop, the channels
 * to the other roles. What a role does is in its role_*.c. Runs in every role's process; reads nothing from a network.
 */
#include "server/role.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Larger blocks go back to the kernel when they are freed. By itself glibc would raise this to the size of the largest that was
 * (32 MiB), and tables that grew once and were replaced would stay ours as holes. */
#define KEEP_IN_HEAP (128 << 10)
/* Free memory at the heap's end that is kept. Setting the threshold above fixes this one at 128 KiB, and a role that takes and
 * frees some blocks for each turn would ask the kernel for the same pages, and give them back, every time. */
#define KEEP_AT_END (1 << 20)

static const struct role_def *const role_defs[] = {
        [ROLE_BOOT] = &role_boot_def,           [ROLE_FILES] = &role_files_def, [ROLE_API] = &role_api_def,
        [ROLE_CORE] = &role_core_def,           [ROLE_WORK] = &role_work_def,   [ROLE_CAPTURE] = &role_capture_def,
        [ROLE_SATELLITE] = &role_satellite_def,
};

const struct role_def *
role_def_get(enum role role)
{
        return (unsigned)role < N_ELEMENTS(role_defs) ? role_defs[role] : NULL;
}

enum role
role_home(const struct role_ctx *ctx)
{
        return ctx->config->main_server.address ? ROLE_SATELLITE : ROLE_CORE;
}

int
role_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(role_defs); i++)
                if (role_defs[i] && strcmp(role_names[i], name) == 0)
                        return (int)i;
        return -1;
}

bool
role_pair_talks(enum role a, enum role b)
{
        if (a == b || !role_def_get(a) || !role_def_get(b))
                return false;
        for (int type = 0; type < MSG_MAX; type++)
                if (message_allowed(type, a, b) || message_allowed(type, b, a))
                        return true;
        return false;
}

void
role_sandbox(enum role role, struct sandbox *ret, char name[ROLE_USER_SIZE])
{
        *ret = role_def_get(role)->sandbox;
        snprintf(name, ROLE_USER_SIZE, "dompool-%s", role_names[role]);
        ret->user = name;
        ret->fallback_uid = ROLE_FALLBACK_UID + role;
        ret->no_new_tcp = role != ROLE_SATELLITE; /* the parent has opened what there is to open; that one dials out */
}

void
role_path_text(const struct config *config, enum role role, enum role_path path, char ret[ROLE_PATH_SIZE])
{
        switch (path) {
        case ROLE_PATH_IMAGE_STORE:
                snprintf(ret, ROLE_PATH_SIZE, "%s", config->image_store);
                return;
        case ROLE_PATH_GUEST_FILES:
                snprintf(ret, ROLE_PATH_SIZE, "%s", config->guest_files);
                return;
        case ROLE_PATH_BLOBS:
                snprintf(ret, ROLE_PATH_SIZE, "%s/blobs", config->state_dir);
                return;
        case ROLE_PATH_STATE_OWN:
                snprintf(ret, ROLE_PATH_SIZE, "%s/%s", config->state_dir, role_names[role]);
                return;
        case ROLE_PATH_RUN:
                snprintf(ret, ROLE_PATH_SIZE, "%s", config->run_dir);
                return;
        case ROLE_PATH_N:
                break;
        }
        assert(!"no such path");
}

int
role_take_fd(struct role_ctx *ctx, enum role_fd purpose)
{
        return role_take_fd_number(ctx, purpose, 0);
}

int
role_take_fd_number(struct role_ctx *ctx, enum role_fd purpose, uint32_t number)
{
        assert((unsigned)purpose < FD_N);
        return number < ROLE_FDS ? TAKE_FD(ctx->fds[purpose][number]) : -1;
}

void
role_fail(struct role_ctx *ctx, const char *fmt, ...)
{
        char text[1000];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        log_error("cannot go on: %s", text);
        ctx->status = 1;
        uv_stop(ctx->loop);
}

/* A role that has stopped hears of nothing more in the turn that is left of its loop. */
static void
tell_role(struct role_ctx *ctx, enum role peer, bool up)
{
        if (ctx->def->peer && !ctx->stopped)
                ctx->def->peer(ctx, peer, up);
}

static void
peer_down(struct role_ctx *ctx, enum role peer)
{
        if (!ctx->peers[peer])
                return;
        channel_free(ctx->peers[peer]);
        ctx->peers[peer] = NULL;
        tell_role(ctx, peer, false);
}

int
role_send(struct role_ctx *ctx, enum role peer, enum msg_type type, const void *payload, int fd)
{
        assert((unsigned)peer < ROLE_N);
        if (!ctx->peers[peer])
                return -ENOTCONN;
        return channel_send(ctx->peers[peer], type, payload, fd);
}

void
role_hold(struct role_ctx *ctx, enum role peer, bool on)
{
        if (ctx->peers[peer])
                channel_hold(ctx->peers[peer], on);
}

void
role_drain(struct role_ctx *ctx, enum role peer)
{
        if (ctx->peers[peer])
                channel_drain(ctx->peers[peer]);
}

static void
on_peer_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct role_ctx *ctx = arg;

        if (!ctx->stopped)
                ctx->def->message(ctx, channel_peer(ch), type, payload, fd);
        else if (fd >= 0)
                close(fd);
}

static void
on_peer_close(void *arg, struct channel *ch, const char *reason)
{
        struct role_ctx *ctx = arg;
        enum role peer = channel_peer(ch);

        log_debug("peer gone peer=%s reason=\"%s\"", role_names[peer], reason);
        peer_down(ctx, peer);
}

/* A fresh channel to a role that was started (again). Takes over @fd. */
static void
peer_up(struct role_ctx *ctx, enum role peer, int fd, bool tell)
{
        int r;

        if (!role_pair_talks(ctx->def->role, peer)) {
                close(fd);
                return;
        }
        peer_down(ctx, peer); /* the news of its end may still be unread in the old channel */
        r = channel_new(ctx->loop, fd, ctx->def->role, peer, on_peer_message, on_peer_close, ctx, &ctx->peers[peer]);
        if (r < 0) {
                log_error("no channel peer=%s error=\"%s\"", role_names[peer], strerror(-r));
                return;
        }
        if (tell)
                tell_role(ctx, peer, true);
}

static void
on_parent_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct role_ctx *ctx = arg;
        const struct msg_role_fd *m = payload;

        switch (type) {
        case MSG_ROLE_FD:
                if (m->purpose == FD_CHANNEL && m->number < ROLE_N && fd >= 0)
                        peer_up(ctx, m->number, fd, true);
                else if (fd >= 0)
                        close(fd);
                return;
        case MSG_ROLE_STOP:
                if (ctx->def->stop)
                        ctx->def->stop(ctx);
                ctx->stopped = true;
                uv_stop(ctx->loop);
                return;
        default:
                on_peer_message(ctx, ch, type, payload, fd);
        }
}

static void
on_parent_close(void *arg, struct channel *ch, const char *reason)
{
        (void)ch;
        role_fail(arg, "the parent is gone (%s)", reason);
}

/* One ROLE_FD before ROLE_GO. Channels wait in @channels until there is a loop. */
static int
keep_fd(struct role_ctx *ctx, int channels[ROLE_N], const struct msg_role_fd *m, int fd)
{
        int *slot;

        if (fd < 0)
                return -EBADMSG;
        if (m->purpose == FD_CHANNEL)
                slot = m->number < ROLE_N ? &channels[m->number] : NULL;
        else
                slot = m->purpose < FD_N && m->number < ROLE_FDS ? &ctx->fds[m->purpose][m->number] : NULL;
        if (!slot || *slot >= 0) {
                close(fd);
                return -EBADMSG;
        }
        *slot = fd;
        return 0;
}

/* Reads until ROLE_GO. @ret_config is the caller's to free. */
static int
read_start(struct role_ctx *ctx, int sock, int channels[ROLE_N], struct config **ret_config)
{
        for (;;) {
                _cleanup_free_ void *payload = NULL;
                int fd = -1, r;

                r = channel_read_blocking(sock, ctx->def->role, ROLE_PARENT, &payload, &fd);
                if (r <= 0)
                        return r < 0 ? r : -EPIPE;
                if (r == MSG_ROLE_START && !*ret_config) {
                        *ret_config = TAKE_PTR(payload);
                } else if (r == MSG_ROLE_FD) {
                        r = keep_fd(ctx, channels, payload, fd);
                        if (r < 0)
                                return r;
                } else if (r == MSG_ROLE_GO && *ret_config) {
                        return 0;
                } else {
                        return -EPROTO;
                }
        }
}

/* The role's own sandbox with the paths of this configuration. */
static int
enter_sandbox(const struct role_ctx *ctx, struct error *err)
{
        const struct role_def *def = ctx->def;
        struct sandbox_path paths[ROLE_MAX_PATHS];
        char texts[ROLE_MAX_PATHS][ROLE_PATH_SIZE];
        struct sandbox sandbox;
        char user[ROLE_USER_SIZE];

        role_sandbox(def->role, &sandbox, user);
        assert(def->n_paths <= ROLE_MAX_PATHS);
        for (size_t i = 0; i < def->n_paths; i++) {
                role_path_text(ctx->config, def->role, def->paths[i].path, texts[i]);
                paths[i] = (struct sandbox_path){.path = texts[i], .write = def->paths[i].write};
        }
        sandbox.paths = paths;
        sandbox.n_paths = def->n_paths;
        tzset(); /* the sandbox hides /etc/localtime; timetables are in local time */
        return sandbox_enter(&sandbox, err);
}

static int
run(struct role_ctx *ctx, int channels[ROLE_N], int sock)
{
        const struct msg_role_ready ready = {.pid = (uint32_t)getpid()};
        struct error err = {0};
        int r;

        r = channel_new(ctx->loop, sock, ctx->def->role, ROLE_PARENT, on_parent_message, on_parent_close, ctx, &ctx->parent);
        if (r < 0) {
                log_error("no channel to the parent: %s", strerror(-r));
                return 1;
        }
        for (int peer = 0; peer < ROLE_N; peer++)
                if (channels[peer] >= 0)
                        peer_up(ctx, peer, TAKE_FD(channels[peer]), false);
        r = ctx->def->start(ctx, &err);
        if (r < 0) {
                log_error("cannot start: %s", err.message);
                return 1;
        }
        for (int peer = 0; peer < ROLE_N; peer++)
                if (ctx->peers[peer])
                        tell_role(ctx, peer, true);
        r = channel_send(ctx->parent, MSG_ROLE_READY, &ready, -1);
        if (r < 0)
                return 1;
        log_debug("ready pid=%u", ready.pid);
        uv_run(ctx->loop, UV_RUN_DEFAULT);
        return ctx->status;
}

/* Behind the roles that a booting host waits for, also where an administrator made the service real-time for those. Both are
 * less than we have, so always allowed. */
static void
give_way(void)
{
        int policy = sched_getscheduler(0);

        if (policy == SCHED_RR || policy == SCHED_FIFO)
                sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
        setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + ROLE_BACKGROUND_NICE);
}

int
role_main(enum role role, int sock)
{
        struct role_ctx ctx = {.def = role_def_get(role), .status = 0};
        int channels[ROLE_N];
        struct config *config = NULL;
        struct error err = {0};
        uv_loop_t loop;
        char name[16];
        int r;

        /* The parent may die by SIGKILL, which closes no channel of a role that is busy. work runs children and ends them
         * itself. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGINT, SIG_IGN);  /* Ctrl-C reaches the whole process group, as `timeout` does with SIGTERM: the parent alone */
        signal(SIGTERM, SIG_IGN); /* decides how roles end, and kills the one that does not */
        snprintf(name, sizeof(name), "dompoold:%s", role_names[role]);
        prctl(PR_SET_NAME, name);
        if (ctx.def->background)
                give_way();
        mallopt(M_MMAP_THRESHOLD, KEEP_IN_HEAP);
        mallopt(M_TRIM_THRESHOLD, KEEP_AT_END);
        for (int i = 0; i < ROLE_N; i++)
                channels[i] = -1;
        for (int i = 0; i < FD_N; i++)
                for (int n = 0; n < ROLE_FDS; n++)
                        ctx.fds[i][n] = -1;
        clock_init_real(&ctx.clock);
        r = read_start(&ctx, sock, channels, &config);
        if (r < 0) {
                log_error("bad start message from the parent: %s", strerror(-r));
                return 1;
        }
        ctx.config = config;
        r = uv_loop_init(&loop); /* before the sandbox: it makes pipes and epoll descriptors */
        if (r < 0) {
                log_error("cannot make a loop: %s", uv_strerror(r));
                return 1;
        }
        ctx.loop = &loop;
        r = enter_sandbox(&ctx, &err);
        if (r < 0) {
                log_error("cannot lock in: %s", err.message);
                return 1;
        }
        return run(&ctx, channels, sock); /* the process ends with it: the kernel frees the rest */
}
