/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work role: takes tasks from core, checks them again, and gives each to a child of its own (role_work_task.c). Root, but
 * it opens no socket and reads nothing but core's typed messages and those of its children. Runs in: work.
 *
 * A child is the first process of a PID namespace: when it ends, however it ends, the kernel ends all tools that it had
 * started. It dies with work, and work with the parent, so nothing is left behind by a kill of any of them. core sends a task
 * again when work or core was restarted; tasks are idempotent.
 */
#include "server/role_work.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define MAX_TASKS 4 /* core sends an image build, a guest file and facts at a time */
#define CHILD_SOCK 3
#define CHILD_FD 4

enum task_state { TASK_FREE, TASK_RUNNING, TASK_DONE /* its result waits for core */ };

struct task {
        enum task_state state;
        struct work *work;
        struct msg_work_task message;
        int fd; /* that came with it, until the child has it; -1: none */
        struct msg_work_result result;
        bool has_result;
        pid_t pid;
        struct channel *channel; /* from the child; NULL when that has closed it */
};

struct work {
        struct role_ctx *ctx;
        uv_signal_t sigchld;
        struct task tasks[MAX_TASKS];
};

static void
deliver(struct task *t)
{
        if (role_send(t->work->ctx, ROLE_CORE, MSG_WORK_RESULT, &t->result, -1) < 0)
                return; /* core is away: again when it is back */
        log_notice("task done op=%llu name=%s code=%s", (unsigned long long)t->message.op, t->message.name, t->result.code);
        *t = (struct task){.work = t->work, .fd = -1};
}

/* The child has ended and all that it said has been read. */
static void
finish(struct task *t)
{
        if (t->state != TASK_RUNNING || t->pid > 0 || t->channel)
                return;
        t->state = TASK_DONE;
        t->result.op = t->message.op;
        memcpy(t->result.name, t->message.name, sizeof(t->result.name));
        if (!t->has_result) {
                str_copy(t->result.code, sizeof(t->result.code), error_text(ERR_TOOL));
                str_copy(t->result.text, sizeof(t->result.text),
                         "the task's process ended without a result; see the server's log");
        }
        deliver(t);
}

static void
on_child_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct task *t = arg;

        (void)ch;
        cleanup_close(&fd);
        if (type == MSG_WORK_PROGRESS) {
                role_send(t->work->ctx, ROLE_CORE, type, payload, -1); /* while core is away nobody needs it */
        } else if (type == MSG_WORK_RESULT && !t->has_result) {
                t->result = *(struct msg_work_result *)payload;
                t->has_result = true;
        }
}

static void
on_child_close(void *arg, struct channel *ch, const char *reason)
{
        struct task *t = arg;

        (void)reason;
        channel_free(ch);
        t->channel = NULL;
        finish(t);
}

static void
on_sigchld(uv_signal_t *handle, int signal)
{
        struct work *w = handle->data;

        (void)signal;
        for (size_t i = 0; i < MAX_TASKS; i++) {
                struct task *t = &w->tasks[i];
                int status;

                if (t->pid <= 0 || waitpid(t->pid, &status, WNOHANG) != t->pid)
                        continue;
                if (WIFSIGNALED(status))
                        log_error("task died op=%llu signal=%s", (unsigned long long)t->message.op,
                                  sigabbrev_np(WTERMSIG(status)));
                t->pid = 0;
                finish(t);
        }
}

/* Leaves @sock as 3 and @fd, if there is one, as 4; nothing else stays open. */
static int
child_fds(int sock, int fd)
{
        int high_sock = fcntl(sock, F_DUPFD, 5), high_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD, 5); /* one may be 3 or 4 now */

        if (high_sock < 0 || dup2(high_sock, CHILD_SOCK) < 0)
                return -1;
        if (fd >= 0 && (high_fd < 0 || dup2(high_fd, CHILD_FD) < 0))
                return -1;
        return close_range(fd < 0 ? CHILD_FD : CHILD_FD + 1, ~0u, 0);
}

/* In the child: as after an exec, but for the program. */
__attribute__((noreturn)) static void
child_main(const struct task *t, int sock)
{
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* libuv closes its pipe for signals in every fork below (pthread_atfork), by numbers that are others' files by then. */
        uv_library_shutdown();
        if (child_fds(sock, t->fd) < 0)
                _exit(1);
        sigemptyset(&none);
        for (int s = 1; s < NSIG; s++)
                signal(s, SIG_DFL);
        signal(SIGPIPE, SIG_IGN);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        _exit(work_task_run(t->work->ctx->config, &t->message, CHILD_SOCK, t->fd < 0 ? -1 : CHILD_FD));
}

/* fork(2) into a new PID namespace; into ours where the kernel refuses one (a container without CAP_SYS_ADMIN). */
static pid_t
fork_first(void)
{
        long pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);

        if (pid < 0 && (errno == EPERM || errno == EINVAL))
                pid = fork();
        return (pid_t)pid;
}

static int
start_child(struct task *t)
{
        int fds[2], r = channel_pair(fds);

        if (r < 0)
                return r;
        t->pid = fork_first();
        if (t->pid == 0)
                child_main(t, fds[1]);
        close(fds[1]);
        cleanup_close(&t->fd);
        t->fd = -1;
        if (t->pid < 0) {
                r = -errno;
                close(fds[0]);
                return r;
        }
        /* We stand where core stands: the child speaks as work does. */
        return channel_new(t->work->ctx->loop, fds[0], ROLE_CORE, ROLE_WORK, on_child_message, on_child_close, t, &t->channel);
}

static struct task *
find_task(struct work *w, const struct msg_work_task *m)
{
        for (size_t i = 0; i < MAX_TASKS; i++)
                if (w->tasks[i].state != TASK_FREE && w->tasks[i].message.op == m->op &&
                    strcmp(w->tasks[i].message.name, m->name) == 0)
                        return &w->tasks[i];
        return NULL;
}

static struct task *
free_task(struct work *w)
{
        for (size_t i = 0; i < MAX_TASKS; i++)
                if (w->tasks[i].state == TASK_FREE)
                        return &w->tasks[i];
        return NULL;
}

static void
refuse(struct work *w, const struct msg_work_task *m, const struct error *err)
{
        struct msg_work_result result = {.op = m->op};

        memcpy(result.name, m->name, sizeof(result.name));
        log_warning("task refused op=%llu error=\"%s\"", (unsigned long long)m->op, err->message);
        str_copy(result.code, sizeof(result.code), error_text(err->code));
        str_copy(result.text, sizeof(result.text), err->message);
        role_send(w->ctx, ROLE_CORE, MSG_WORK_RESULT, &result, -1);
}

/* Takes over @fd. */
static void
take_task(struct work *w, const struct msg_work_task *m, int fd)
{
        _cleanup_close_ int own_fd = fd;
        struct task *t = find_task(w, m);
        struct error err = {0};
        int r;

        if (t) { /* sent again by a core that was restarted */
                if (t->state == TASK_DONE)
                        deliver(t);
                return;
        }
        t = free_task(w);
        if (!t)
                r = error_set(&err, ERR_LIMIT, "%d tasks are running, which is the limit", MAX_TASKS);
        else
                r = work_task_check(m, own_fd, &err);
        if (r < 0) {
                refuse(w, m, &err);
                return;
        }
        *t = (struct task){.state = TASK_RUNNING, .work = w, .message = *m, .fd = TAKE_FD(own_fd)};
        r = start_child(t);
        if (r < 0) {
                error_errno_set(&err, -r, "cannot start a process for the task");
                if (t->pid > 0) {
                        kill(t->pid, SIGKILL);
                        waitpid(t->pid, NULL, 0);
                }
                refuse(w, m, &err);
                cleanup_close(&t->fd);
                *t = (struct task){.work = w, .fd = -1};
                return;
        }
        log_notice("task started op=%llu name=%s pid=%d", (unsigned long long)m->op, m->name, t->pid);
}

static int
role_work_start(struct role_ctx *ctx, struct error *err)
{
        struct work *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return error_errno_set(err, ENOMEM, "work");
        ctx->state = w;
        w->ctx = ctx;
        for (size_t i = 0; i < MAX_TASKS; i++)
                w->tasks[i] = (struct task){.work = w, .fd = -1};
        uv_signal_init(ctx->loop, &w->sigchld);
        w->sigchld.data = w;
        r = uv_signal_start(&w->sigchld, on_sigchld, SIGCHLD);
        return r < 0 ? error_errno_set(err, -r, "cannot watch for children") : 0;
}

static void
role_work_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        (void)peer;
        if (type == MSG_WORK_TASK)
                take_task(ctx->state, payload, TAKE_FD(fd));
        cleanup_close(&fd);
}

static void
role_work_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        struct work *w = ctx->state;

        for (size_t i = 0; up && peer == ROLE_CORE && i < MAX_TASKS; i++)
                if (w->tasks[i].state == TASK_DONE)
                        deliver(&w->tasks[i]);
}

/* What is half done is done again at the next start. */
static void
role_work_stop(struct role_ctx *ctx)
{
        struct work *w = ctx->state;

        for (size_t i = 0; i < MAX_TASKS; i++) {
                if (w->tasks[i].pid <= 0)
                        continue;
                kill(w->tasks[i].pid, SIGKILL);
                waitpid(w->tasks[i].pid, NULL, 0);
        }
}

const struct role_def role_work_def = {
        .role = ROLE_WORK,
        .background = true,
        .sandbox = {.keep_root = true, .no_seccomp = true, .no_landlock = true},
        .start = role_work_start,
        .message = role_work_message,
        .peer = role_work_peer,
        .stop = role_work_stop,
};
