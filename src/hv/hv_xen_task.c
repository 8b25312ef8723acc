/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv's side of its tasks: starts the children, passes on their progress, kills those that take too long, and cleans up after
 * those that died. Per domain they run one after the other. Runs in: hv.
 *
 *     queued --domain free, fewer than 8 run--> running --result, exit--> done
 *                                                  |  killed or crashed
 *                                                  +--> (create, restart) a destroy is run first, then done with an error
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "hv/hv_xen.h"
#include "ipc/channel.h"

#define MAX_RUNNING 8
#define MAX_TASKS 1024
/* A create on a slow host under load takes a minute; what takes so long hangs. */
#define DEADLINE_MS (10 * 60 * 1000)
/* Something that a dead child left behind may keep its channel open; then nothing more is waited for. */
#define DRAIN_MS 2000

struct xen_task {
        struct hv *hv;
        char name[16];
        struct msg_agent_op op;
        xen_task_done_fn done;
        bool running, killed, timed_out;
        bool cleaning; /* this one failed without a word; a destroy runs for it */
        bool have_result;
        bool exited;
        int64_t exit_status;
        int exit_signal;
        struct msg_agent_op_result result;
        uv_process_t process;
        uv_timer_t deadline;
        struct channel *ch;
        unsigned n_handles;
        struct xen_task *next;
};

static void tasks_pump(struct hv *hv);

static bool
same_domain(const struct xen_task *t, const uint8_t uuid[UUID_SIZE])
{
        return memcmp(t->op.config.uuid, uuid, UUID_SIZE) == 0;
}

bool
hv_xen_task_busy(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        for (struct xen_task *t = hv->tasks; t; t = t->next)
                if (same_domain(t, uuid))
                        return true;
        return false;
}

bool
hv_xen_task_restarting(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        for (struct xen_task *t = hv->tasks; t; t = t->next)
                if (same_domain(t, uuid) && strstr(t->name, "restart"))
                        return true;
        return false;
}

static bool
makes_domain(const struct xen_task *t)
{
        return strcmp(t->name, "create") == 0 || strstr(t->name, "restart");
}

bool
hv_xen_task_making(struct hv *hv, const uint8_t uuid[UUID_SIZE])
{
        for (struct xen_task *t = hv->tasks; t; t = t->next)
                if (same_domain(t, uuid) && makes_domain(t))
                        return true;
        return false;
}

/* ---- the end of a task ---- */

static void
task_remove(struct xen_task *t)
{
        for (struct xen_task **p = &t->hv->tasks; *p; p = &(*p)->next) {
                if (*p == t) {
                        *p = t->next;
                        return;
                }
        }
}

static void
task_finish(struct xen_task *t)
{
        struct hv *hv = t->hv;

        task_remove(t);
        t->done(hv, &t->op, &t->result);
        free(t);
        tasks_pump(hv);
        hv_xen_look_soon(hv);
}

static void
task_result_lost(struct xen_task *t, int64_t status, int signal)
{
        struct msg_agent_op_result *r = &t->result;
        enum error_code code = t->timed_out ? ERR_TIMEOUT : t->killed ? ERR_CANCELLED : ERR_HYPERVISOR;

        *r = (struct msg_agent_op_result){.id = t->op.id, .epoch = t->op.epoch};
        str_copy(r->code, sizeof(r->code), error_text(code));
        snprintf(r->text, sizeof(r->text), "the %s of domain '%s' %s (status %lld, signal %d)", t->name, t->op.config.name,
                 t->timed_out ? "took more than 10 minutes"
                 : t->killed  ? "was cancelled by a destroy"
                              : "died before it had a result",
                 (long long)status, signal);
}

static int task_spawn(struct xen_task *t);

/* All handles of the child are closed. */
static void
task_ended(struct xen_task *t)
{
        t->running = false;
        if (!t->have_result && makes_domain(t) && !t->cleaning) {
                log_warning("cleaning up after a dead task task=%s domain=%s", t->name, t->op.config.name);
                t->cleaning = true;
                if (task_spawn(t) == 0)
                        return;
        }
        task_finish(t);
}

static void
handle_closed(uv_handle_t *handle)
{
        struct xen_task *t = handle->data;

        if (--t->n_handles == 0)
                task_ended(t);
}

/* The child is gone and all that it said has been read. */
static void
task_over(struct xen_task *t)
{
        if (!t->have_result && !t->cleaning)
                task_result_lost(t, t->exit_status, t->exit_signal);
        uv_close((uv_handle_t *)&t->process, handle_closed);
        uv_close((uv_handle_t *)&t->deadline, handle_closed);
}

static void
on_undrained(uv_timer_t *timer)
{
        struct xen_task *t = timer->data;

        channel_free(t->ch);
        t->ch = NULL;
        task_over(t);
}

/* Its exit may be seen before its last words, which must not be lost: they say whether there is a domain. */
static void
on_child_exit(uv_process_t *process, int64_t status, int signal)
{
        struct xen_task *t = process->data;

        t->exited = true;
        t->exit_status = status;
        t->exit_signal = signal;
        if (t->ch)
                uv_timer_start(&t->deadline, on_undrained, DRAIN_MS, 0);
        else
                task_over(t);
}

/* ---- messages of the child ---- */

static void
on_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct xen_task *t = arg;

        (void)ch;
        if (fd >= 0)
                close(fd);
        if (t->cleaning) /* what the destroy says is not the answer to the operation */
                return;
        if (type == MSG_AGENT_OP_RESULT) {
                t->result = *(struct msg_agent_op_result *)payload;
                t->have_result = true;
        } else if (type == MSG_AGENT_OP_PROGRESS) {
                t->hv->ev->op_progress(t->hv->arg, payload);
        }
}

static void
on_channel_close(void *arg, struct channel *ch, const char *reason)
{
        struct xen_task *t = arg;

        (void)reason;
        channel_free(ch);
        t->ch = NULL;
        if (t->exited)
                task_over(t);
}

static void
on_deadline(uv_timer_t *timer)
{
        struct xen_task *t = timer->data;

        t->timed_out = true;
        uv_process_kill(&t->process, SIGKILL);
}

/* ---- starting ---- */

static int
spawn_child(struct xen_task *t, int fd)
{
        const char *args[] = {"dompool-hv", "--task",       t->cleaning ? "destroy" : t->name,
                              "--run-dir",  t->hv->run_dir, log_max_level() == LOG_LEVEL_DEBUG ? "--debug" : NULL,
                              NULL};
        uv_stdio_container_t stdio[4] = {{.flags = UV_IGNORE},
                                         {.flags = UV_INHERIT_FD, .data.fd = 1},
                                         {.flags = UV_INHERIT_FD, .data.fd = 2},
                                         {.flags = UV_INHERIT_FD, .data.fd = fd}};
        uv_process_options_t options = {
                .exit_cb = on_child_exit, .file = "/proc/self/exe", .args = (char **)args, .stdio = stdio, .stdio_count = 4};

        return uv_spawn(t->hv->loop, &t->process, &options);
}

static int
task_spawn(struct xen_task *t)
{
        int fds[2], r = channel_pair(fds);

        if (r < 0)
                return r;
        uv_timer_init(t->hv->loop, &t->deadline);
        t->n_handles = 2;
        t->process.data = t->deadline.data = t;
        t->running = true;
        t->exited = false;
        r = spawn_child(t, fds[1]);
        close(fds[1]);
        if (r < 0) {
                close(fds[0]);
                log_error("task cannot be started task=%s error=%s", t->name, uv_strerror(r));
                if (!t->cleaning)
                        task_result_lost(t, r, 0);
                t->cleaning = true; /* nothing was begun, so nothing is to be cleaned up */
                uv_close((uv_handle_t *)&t->process, handle_closed);
                uv_close((uv_handle_t *)&t->deadline, handle_closed);
                return 0;
        }
        uv_timer_start(&t->deadline, on_deadline, DEADLINE_MS, 0);
        r = channel_new(t->hv->loop, fds[0], ROLE_HV, ROLE_HVTASK, on_message, on_channel_close, t, &t->ch);
        if (r < 0) {
                t->ch = NULL;
                uv_process_kill(&t->process, SIGKILL);
                return 0;
        }
        channel_send(t->ch, MSG_AGENT_OP, &t->op, -1);
        return 0;
}

/* Starts what may start: the list is in the order of arrival, and the first task of each domain goes first. */
static void
tasks_pump(struct hv *hv)
{
        unsigned n_running = 0;

        for (struct xen_task *t = hv->tasks; t; t = t->next)
                n_running += t->running || t->cleaning;
        for (struct xen_task *t = hv->tasks; t && n_running < MAX_RUNNING; t = t->next) {
                struct xen_task *before = hv->tasks;

                if (t->running || t->cleaning)
                        continue;
                while (before != t && !same_domain(before, t->op.config.uuid))
                        before = before->next;
                if (before != t)
                        continue;
                if (task_spawn(t) == 0)
                        n_running++;
        }
}

static void
refuse(struct hv *hv, const struct msg_agent_op *op, xen_task_done_fn done)
{
        struct msg_agent_op_result r = {
                .id = op->id, .epoch = op->epoch, .text = "too many tasks on this host, or out of memory"};

        str_copy(r.code, sizeof(r.code), error_text(ERR_LIMIT));
        done(hv, op, &r);
}

void
hv_xen_task_start(struct hv *hv, const char *name, const struct msg_agent_op *op, xen_task_done_fn done)
{
        struct xen_task *t, **end = &hv->tasks;
        unsigned n = 0;

        for (; *end; end = &(*end)->next, n++)
                if (strcmp(name, "destroy") == 0 && (*end)->running && !(*end)->cleaning && makes_domain(*end) &&
                    same_domain(*end, op->config.uuid)) {
                        (*end)->killed = true;
                        uv_process_kill(&(*end)->process, SIGKILL);
                }
        t = n < MAX_TASKS ? calloc(1, sizeof(*t)) : NULL;
        if (!t) {
                refuse(hv, op, done);
                return;
        }
        t->hv = hv;
        str_copy(t->name, sizeof(t->name), name);
        t->op = *op;
        t->done = done;
        *end = t;
        tasks_pump(hv);
}

void
hv_xen_tasks_kill(struct hv *hv)
{
        for (struct xen_task *t = hv->tasks; t; t = t->next)
                if (t->running)
                        uv_process_kill(&t->process, SIGKILL);
}
