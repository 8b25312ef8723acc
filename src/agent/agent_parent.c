/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's parent process, see agent_parent.h. It parses nothing but its command line, its own session file and two typed
 * messages of its children. Runs in: dompool-agent, as root.
 */
#include "agent/agent_parent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/keep.h"
#include "base/cleanup.h"
#include "ipc/channel.h"
#include "sandbox/sandbox.h"

#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 10000
/* A child that lived so long had a good start: its next death begins with the shortest back-off. */
#define GOOD_LIFE_MS 30000
#define STOP_GRACE_MS 3000
/* keep ends by itself before that (KEEP_LAST_MS). */
#define AGENT_KEEP_GRACE_MS 5000
/* A child that closed its channel is about to end; it may still want to say why. */
#define CLOSED_GRACE_MS 1000
#define MAX_ARGS 64

struct child {
        struct parent *parent;
        const char *name;
        enum role role;
        uv_process_t process;
        bool alive;
        struct channel *control;
        uv_timer_t restart; /* the next start; before that, the end of a child that closed its channel */
        uint64_t started_ms;
        uint64_t backoff_ms;
};

struct parent {
        const struct agent_options *o;
        char **argv;
        uv_loop_t loop;
        struct child link, hv, keep;
        int status;
        struct msg_agent_welcome welcome; /* the session, once there is one */
        bool have_welcome;
        bool stopping;
        uv_signal_t sigterm, sigint;
        uv_timer_t stop_timer;
};

static void child_start(struct child *c);

/* ---- the session file ---- */

static void
session_path(const struct parent *p, const char *suffix, char ret[PATH_SIZE])
{
        snprintf(ret, PATH_SIZE, "%s/session%s", p->o->run_dir, suffix);
}

static void
session_load(struct parent *p)
{
        uint8_t data[1024];
        char path[PATH_SIZE];
        _cleanup_close_ int fd = -1;
        ssize_t n;

        session_path(p, "", path);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return;
        n = read(fd, data, sizeof(data));
        p->have_welcome = n > 0 && rec_decode(message_desc(MSG_AGENT_WELCOME), data, (size_t)n, &p->welcome) == 0;
}

static void
session_save(struct parent *p)
{
        const struct rec_desc *d = message_desc(MSG_AGENT_WELCOME);
        uint8_t data[1024];
        size_t size = rec_encoded_size(d, &p->welcome);
        char path[PATH_SIZE], part[PATH_SIZE];
        _cleanup_close_ int fd = -1;

        session_path(p, "", path);
        session_path(p, ".part", part);
        unlink(part);
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || size > sizeof(data)) {
                log_error("session cannot be kept path=%s error=%s", part, strerror(errno));
                return;
        }
        rec_encode(d, &p->welcome, data);
        if (write(fd, data, size) != (ssize_t)size || rename(part, path) < 0)
                log_error("session cannot be kept path=%s error=%s", path, strerror(errno));
}

/* ---- rebooting ---- */

static void
write_reason(const struct parent *p, const char *reason)
{
        _cleanup_fclose_ FILE *f = NULL;
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "%s/reboot", p->o->run_dir);
        f = fopen(path, "we");
        if (f)
                fprintf(f, "%s\n", reason);
}

/* dompool-init, who started us, ends the domains and Xen's daemons before the machine; it is told by SIGUSR1, and then reads
 * the reason. It is the first process, or below systemd a service. */
static void
host_reboot(struct parent *p, const char *reason)
{
        log_notice("host reboots reason=\"%s\"", reason);
        write_reason(p, reason); /* the file is complete before the signal */
        if (!p->o->simulated && kill(getppid(), SIGUSR1) < 0)
                log_error("init cannot be asked for a reboot error=%s", strerror(errno));
}

/* ---- children ---- */

static struct child *
child_of(struct parent *p, struct channel *ch)
{
        return p->link.control == ch ? &p->link : p->hv.control == ch ? &p->hv : &p->keep;
}

static void
on_child_message(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd)
{
        struct parent *p = arg;

        (void)ch;
        if (fd >= 0)
                close(fd);
        if (type == MSG_AGENT_WELCOME) {
                p->welcome = *(struct msg_agent_welcome *)payload;
                p->have_welcome = true;
                session_save(p);
        } else if (type == MSG_HOST_REBOOT) {
                host_reboot(p, ((struct msg_host_reboot *)payload)->reason);
        }
}

static void
kill_due(uv_timer_t *timer)
{
        struct child *c = timer->data;

        if (c->alive)
                uv_process_kill(&c->process, SIGKILL);
}

/* The child is about to end, or speaks out of turn: either way it has no future. Its exit starts the next one. */
static void
on_child_channel_close(void *arg, struct channel *ch, const char *reason)
{
        struct child *c = child_of(arg, ch);

        log_debug("channel closed child=%s reason=\"%s\"", c->name, reason);
        channel_free(ch);
        c->control = NULL;
        uv_timer_start(&c->restart, kill_due, CLOSED_GRACE_MS, 0);
}

static void
maybe_stopped(struct parent *p)
{
        if (p->stopping && !p->link.alive && !p->hv.alive && !p->keep.alive)
                uv_stop(&p->loop);
}

static void
child_signal(struct child *c, int signal)
{
        if (c->alive)
                uv_process_kill(&c->process, signal);
}

static void
stop_due(uv_timer_t *timer)
{
        struct parent *p = timer->data;

        child_signal(&p->link, SIGKILL);
        child_signal(&p->hv, SIGKILL);
}

/* Those that keep needs until the server has what it saves. */
static void
stop_others(struct parent *p)
{
        child_signal(&p->link, SIGTERM);
        child_signal(&p->hv, SIGTERM);
        uv_timer_start(&p->stop_timer, stop_due, STOP_GRACE_MS, 0);
        maybe_stopped(p);
}

static void
stop_keep_due(uv_timer_t *timer)
{
        struct parent *p = timer->data;

        child_signal(&p->keep, SIGKILL);
}

static void
stop(struct parent *p)
{
        if (p->stopping)
                return;
        p->stopping = true;
        uv_timer_stop(&p->link.restart);
        uv_timer_stop(&p->hv.restart);
        uv_timer_stop(&p->keep.restart);
        if (!p->keep.alive) {
                stop_others(p);
                return;
        }
        if (p->keep.control) /* a process that has only just been started would die of a signal, with nothing saved */
                channel_free(TAKE_PTR(p->keep.control));
        uv_timer_start(&p->stop_timer, stop_keep_due, AGENT_KEEP_GRACE_MS, 0);
}

static void
restart_due(uv_timer_t *timer)
{
        child_start(timer->data);
}

static void
child_restart_later(struct child *c)
{
        uint64_t lived = uv_now(&c->parent->loop) - c->started_ms;

        if (c->backoff_ms == 0 || lived > GOOD_LIFE_MS)
                c->backoff_ms = BACKOFF_FIRST_MS;
        else if (c->backoff_ms < BACKOFF_MAX_MS)
                c->backoff_ms = c->backoff_ms * 2 < BACKOFF_MAX_MS ? c->backoff_ms * 2 : BACKOFF_MAX_MS;
        uv_timer_start(&c->restart, restart_due, c->backoff_ms, 0);
}

static void
process_closed(uv_handle_t *handle)
{
        struct child *c = handle->data;

        c->alive = false;
        if (c->parent->stopping && c->role == ROLE_KEEP)
                stop_others(c->parent);
        else if (c->parent->stopping)
                maybe_stopped(c->parent);
        else if (c->role == ROLE_KEEP && c->parent->o->restore)
                stop(c->parent);
        else
                child_restart_later(c);
}

static void
on_child_exit(uv_process_t *process, int64_t status, int signal)
{
        struct child *c = process->data;

        if (c->role == ROLE_KEEP)
                c->parent->status = signal || status ? 1 : 0;
        if (!c->parent->stopping && !(c->role == ROLE_KEEP && c->parent->o->restore))
                log_warning("child ended name=%s pid=%d status=%lld signal=%d", c->name, process->pid, (long long)status,
                            signal);
        if (c->control)
                channel_free(c->control);
        c->control = NULL;
        uv_close((uv_handle_t *)process, process_closed);
}

/* link talks to hv and to keep directly; each time one of a pair is new, both get the ends of a new pair. */
static void
join_pair(struct child *a, struct child *b)
{
        struct msg_role_fd to_a = {.purpose = FD_CHANNEL, .number = b->role}, to_b = {.purpose = FD_CHANNEL, .number = a->role};
        int fds[2];

        if (!a->control || !b->control)
                return;
        if (channel_pair(fds) < 0) {
                log_error("channel pair cannot be made error=%s", strerror(errno));
                return;
        }
        channel_send(a->control, MSG_ROLE_FD, &to_a, fds[0]);
        channel_send(b->control, MSG_ROLE_FD, &to_b, fds[1]);
        close(fds[0]);
        close(fds[1]);
}

static void
join_children(struct child *new)
{
        struct parent *p = new->parent;

        if (new->role != ROLE_KEEP)
                join_pair(&p->link, &p->hv);
        if (new->role != ROLE_HV)
                join_pair(&p->link, &p->keep);
}

static void
hv_args(struct parent *p, char **args)
{
        size_t n = 0;

        args[n++] = (char *)"dompool-hv";
        args[n++] = (char *)"--run-dir";
        args[n++] = (char *)p->o->run_dir;
        if (p->o->simulated) {
                args[n++] = (char *)"--simulated";
                args[n++] = (char *)p->o->simulated;
        }
        if (p->o->log_level == LOG_LEVEL_DEBUG)
                args[n++] = (char *)"--debug";
        args[n] = NULL;
}

/* link and keep are this program again. */
static void
own_args(struct parent *p, const char *role, char **args)
{
        size_t n = 0;

        args[n++] = (char *)"dompool-agent";
        args[n++] = (char *)role;
        for (size_t i = 1; p->argv[i] && n < MAX_ARGS - 1; i++)
                args[n++] = p->argv[i];
        args[n] = NULL;
}

static int
child_spawn(struct child *c, int fd)
{
        struct parent *p = c->parent;
        char *args[MAX_ARGS];
        uv_stdio_container_t stdio[4] = {{.flags = UV_IGNORE},
                                         {.flags = UV_INHERIT_FD, .data.fd = 1},
                                         {.flags = UV_INHERIT_FD, .data.fd = 2},
                                         {.flags = UV_INHERIT_FD, .data.fd = fd}};
        uv_process_options_t options = {.exit_cb = on_child_exit, .args = args, .stdio = stdio, .stdio_count = 4};

        options.file = c->role == ROLE_HV ? p->o->hv : "/proc/self/exe";
        if (c->role == ROLE_HV)
                hv_args(p, args);
        else
                own_args(p, c->role == ROLE_KEEP ? "--keep" : "--link", args);
        c->process.data = c;
        return uv_spawn(&p->loop, &c->process, &options);
}

static void
child_start(struct child *c)
{
        struct parent *p = c->parent;
        int fds[2], r = channel_pair(fds);

        if (r < 0) {
                log_error("child cannot be started name=%s error=%s", c->name, strerror(-r));
                child_restart_later(c);
                return;
        }
        c->started_ms = uv_now(&p->loop);
        r = child_spawn(c, fds[1]);
        close(fds[1]);
        c->alive = true;
        if (r < 0) {
                close(fds[0]);
                log_error("child cannot be started name=%s error=%s", c->name, uv_strerror(r));
                uv_close((uv_handle_t *)&c->process, process_closed);
                return;
        }
        r = channel_new(&p->loop, fds[0], ROLE_APARENT, c->role, on_child_message, on_child_channel_close, p, &c->control);
        if (r < 0) {
                c->control = NULL;
                uv_process_kill(&c->process, SIGKILL);
                return;
        }
        if (c->role == ROLE_LINK && p->have_welcome)
                channel_send(c->control, MSG_AGENT_WELCOME, &p->welcome, -1);
        join_children(c);
}

static void
child_init(struct parent *p, struct child *c, const char *name, enum role role)
{
        c->parent = p;
        c->name = name;
        c->role = role;
        uv_timer_init(&p->loop, &c->restart);
        c->restart.data = c;
}

/* ---- life ---- */

static void
on_signal(uv_signal_t *handle, int signal)
{
        struct parent *p = handle->data;

        log_info("stopping signal=%d", signal);
        stop(p);
}

/* blobs/ belongs to link alone, domains/ to root alone. */
static int
make_folders(const struct agent_options *o, struct error *err)
{
        const struct sandbox link = {.user = AGENT_LINK_USER, .fallback_uid = AGENT_LINK_UID};
        char path[PATH_SIZE];
        uid_t uid;
        gid_t gid;

        sandbox_ids(&link, &uid, &gid);
        if (mkdir(o->run_dir, 0755) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "folder %s", o->run_dir);
        snprintf(path, sizeof(path), "%s/domains", o->run_dir);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "folder %s", path);
        snprintf(path, sizeof(path), "%s/blobs", o->run_dir);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "folder %s", path);
        if (geteuid() == 0 && chown(path, uid, gid) < 0)
                return error_errno_set(err, errno, "owner of %s", path);
        return 0;
}

static void
watch_signal(struct parent *p, uv_signal_t *handle, int signal)
{
        uv_signal_init(&p->loop, handle);
        handle->data = p;
        uv_signal_start(handle, on_signal, signal);
}

int
agent_parent_run(const struct agent_options *o, char **argv)
{
        static struct parent p = {.status = 1}; /* the process has one, for its whole life */
        struct error err;

        log_init("agent", o->log_level);
        if (make_folders(o, &err) < 0) {
                log_error("cannot start: %s", err.message);
                return 1;
        }
        signal(SIGPIPE, SIG_IGN);
        p.o = o;
        p.argv = argv;
        uv_loop_init(&p.loop);
        child_init(&p, &p.link, "link", ROLE_LINK);
        child_init(&p, &p.hv, "hv", ROLE_HV);
        child_init(&p, &p.keep, "keep", ROLE_KEEP);
        uv_timer_init(&p.loop, &p.stop_timer);
        p.stop_timer.data = &p;
        watch_signal(&p, &p.sigterm, SIGTERM);
        watch_signal(&p, &p.sigint, SIGINT);
        session_load(&p);
        log_notice("agent starts version=%s host=%s hypervisor=%s session=%s", DOMPOOL_VERSION, *o->host ? o->host : "?",
                   o->simulated ? "simulated" : "xen", p.have_welcome ? "kept" : "none");
        child_start(&p.link);
        if (!o->restore)
                child_start(&p.hv);
        if (o->restore || keep_wanted(o))
                child_start(&p.keep);
        uv_run(&p.loop, UV_RUN_DEFAULT);
        return o->restore ? p.status : 0;
}
