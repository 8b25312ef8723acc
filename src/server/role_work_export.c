/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that give roots, as slots: see role_work_export.h. Runs in role work. */
#include "server/role_work_export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "export/export_process.h"
#include "export/export_tgt.h"

#define TICK_MS 200
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 10000
#define BACKOFF_RESET_MS 30000
#define STOP_PATIENCE_MS 2000
#define LOOK_MS 10000 /* at files that are given: have they become others? */
#define FAILED_LOOK_MS 60000
#define NONE INT64_MAX

struct slot {
        struct export_server server;
        bool wanted;
        pid_t pid;           /* 0: none */
        int64_t started_ms;  /* mono */
        int64_t start_at_ms; /* mono; NONE: it runs */
        int64_t kill_at_ms;  /* mono; NONE: it was not asked to end */
        unsigned deaths;     /* in a row */
        struct export_state state;
};

/* Grants that something was told of. */
struct grants {
        struct export_grant *list;
        size_t n;
};

struct work_export {
        struct role_ctx *ctx;
        uv_timer_t timer;
        char dir[ROLE_PATH_SIZE];
        struct slot slots[EXPORT_MAX_SERVERS];
        struct grants wanted; /* by core's plan */
        struct grants grants; /* of them, those in force: nothing that is damaged, or not looked at yet */
        int64_t look_at_ms;   /* mono: the files are looked at again */
        struct work_check *check;
        struct grants tgtd; /* what tgtd was told */
        pid_t tgt_pid;      /* that tells it; 0: none */
        bool tgt_due;
        bool changed; /* core is to be told */
        struct work_nbd *nbd;
};

static int64_t
now_ms(const struct work_export *x)
{
        return clock_mono_ms(&x->ctx->clock);
}

static void
grants_set(struct grants *g, const struct export_grant *list, size_t n)
{
        struct export_grant *copy = malloc((n + 1) * sizeof(*copy));

        if (!copy)
                return; /* the old ones go on */
        if (n > 0)
                memcpy(copy, list, n * sizeof(*copy));
        free(g->list);
        *g = (struct grants){copy, n};
}

static void
set_state(struct work_export *x, struct slot *s, enum export_run run, const char *text)
{
        if (s->state.run != run || s->state.pid != (uint32_t)s->pid || strcmp(s->state.text, text) != 0 || !s->state.since_ms)
                s->state.since_ms = clock_wall_ms(&x->ctx->clock);
        s->state.run = run;
        s->state.pid = (uint32_t)s->pid;
        str_copy(s->state.text, sizeof(s->state.text), text);
        x->changed = true;
}

static struct slot *
slot_of(struct work_export *x, enum export_kind kind)
{
        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++)
                if (x->slots[i].wanted && x->slots[i].server.kind == kind)
                        return &x->slots[i];
        return NULL;
}

/* --- start --- */

static int
write_file(const struct export_server *s)
{
        _cleanup_close_ int fd = -1;

        if (!s->file)
                return 0;
        unlink(s->file);
        fd = open(s->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : fd_write_all(fd, s->file_text, strlen(s->file_text));
}

static void
again_later(struct work_export *x, struct slot *s, enum export_run run, const char *text)
{
        int64_t ms = BACKOFF_FIRST_MS;

        if (s->server.kind == EXPORT_NBD)
                work_nbd_close(x->nbd); /* it would go on by grants that are gone */
        for (unsigned i = 0; i < s->deaths && ms < BACKOFF_MAX_MS; i++)
                ms *= 2;
        s->deaths++;
        s->start_at_ms = now_ms(x) + (ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
        set_state(x, s, run, text);
}

/* Of a tgtd that was killed: tgtadm would wait for nobody. */
static void
remove_tgt_socket(const struct work_export *x)
{
        char path[ROLE_PATH_SIZE + 16];

        snprintf(path, sizeof(path), "%s/tgt.0", x->dir);
        unlink(path);
}

/* NBD has a socket here instead of a process. */
static int
start_process(struct work_export *x, struct slot *s)
{
        pid_t pid;
        int r;

        if (s->server.kind == EXPORT_NBD)
                return work_nbd_serve(x->nbd, &s->server, x->grants.list, x->grants.n);
        r = write_file(&s->server);
        if (r < 0)
                return r;
        if (s->server.kind == EXPORT_ISCSI)
                remove_tgt_socket(x);
        pid = export_process_start(s->server.kind, s->server.args, x->dir, -1);
        if (pid < 0)
                return pid;
        s->pid = pid;
        if (s->server.kind == EXPORT_ISCSI) { /* it knows nothing yet */
                grants_set(&x->tgtd, NULL, 0);
                x->tgt_due = true;
        }
        return 0;
}

static void
start(struct work_export *x, struct slot *s)
{
        const char *package, *path = export_program(s->server.args[0], &package);
        char text[200];
        int r;

        s->kill_at_ms = NONE;
        if (access(path, X_OK) < 0) {
                snprintf(text, sizeof(text), "%s is not there: apt install %s", path, package);
                if (s->state.run != EXPORT_MISSING)
                        log_error("export cannot be started name=%s reason=\"%s\"", s->server.name, text);
                again_later(x, s, EXPORT_MISSING, text);
                return;
        }
        r = start_process(x, s);
        if (r < 0) {
                snprintf(text, sizeof(text), "cannot be started: %s", strerror(-r));
                log_error("export cannot be started name=%s error=\"%s\"", s->server.name, strerror(-r));
                again_later(x, s, EXPORT_WAITING, text);
                return;
        }
        s->start_at_ms = NONE;
        s->started_ms = now_ms(x);
        set_state(x, s, EXPORT_RUNNING, "");
        log_notice("export started name=%s pid=%d clients=%u versions=%u", s->server.name, s->pid, s->server.clients,
                   s->server.versions);
}

/* --- end --- */

static void
end(struct work_export *x, struct slot *s)
{
        if (s->server.kind == EXPORT_NBD)
                work_nbd_close(x->nbd);
        if (s->pid > 0 && s->kill_at_ms == NONE) {
                kill(s->pid, s->server.kind == EXPORT_ISCSI ? SIGKILL : SIGTERM); /* tgtd stays as long as it has targets */
                s->kill_at_ms = now_ms(x) + STOP_PATIENCE_MS;
        }
}

static void
forget(struct work_export *x, struct slot *s)
{
        log_notice("export stopped name=%s", s->server.name);
        export_server_clear(&s->server);
        *s = (struct slot){0};
        x->changed = true;
}

static void
ended(struct work_export *x, struct slot *s, int status)
{
        char text[200];

        s->pid = 0;
        if (!s->wanted) {
                forget(x, s);
                return;
        }
        if (s->kill_at_ms != NONE) { /* asked to, for new arguments */
                s->start_at_ms = now_ms(x);
                return;
        }
        if (now_ms(x) - s->started_ms >= BACKOFF_RESET_MS)
                s->deaths = 0;
        if (WIFSIGNALED(status))
                snprintf(text, sizeof(text), "it died of SIG%s", sigabbrev_np(WTERMSIG(status)));
        else
                snprintf(text, sizeof(text), "it ended with exit code %d; the server's log has its words", WEXITSTATUS(status));
        log_error("export died name=%s reason=\"%s\"", s->server.name, text);
        s->state.restarts++;
        again_later(x, s, EXPORT_WAITING, text);
}

static void
tell(struct work_export *x)
{
        struct msg_export_states *m = calloc(1, sizeof(*m));

        for (size_t i = 0; m && i < EXPORT_MAX_SERVERS; i++)
                if (x->slots[i].wanted)
                        m->states[m->n_states++] = x->slots[i].state;
        if (m)
                m->n_checked = work_check_found(x->check, m->checked, EXPORT_MAX_CHECKED);
        if (m && x->changed && role_send(x->ctx, ROLE_CORE, MSG_EXPORT_STATES, m, -1) == 0)
                x->changed = false;
        free(m);
}

void
work_export_reap(struct work_export *x)
{
        int status;

        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++)
                if (x->slots[i].pid > 0 && waitpid(x->slots[i].pid, &status, WNOHANG) == x->slots[i].pid)
                        ended(x, &x->slots[i], status);
        if (x->tgt_pid > 0 && waitpid(x->tgt_pid, &status, WNOHANG) == x->tgt_pid) {
                x->tgt_pid = 0;
                if (status != 0)
                        log_error("export iscsi: tgtadm failed, see above");
        }
        work_nbd_reap(x->nbd);
        if (work_check_reap(x->check)) {
                x->changed = true;
                x->look_at_ms = 0; /* see on_tick() */
        }
        tell(x);
}

/* --- iSCSI's targets --- */

static void
tell_tgtd(struct work_export *x)
{
        const struct slot *s = slot_of(x, EXPORT_ISCSI);
        _cleanup_free_ char *calls = NULL;
        size_t size;
        FILE *f;

        if (!x->tgt_due || x->tgt_pid > 0 || !s || s->pid <= 0)
                return;
        f = open_memstream(&calls, &size);
        if (!f)
                return;
        export_tgt_calls(x->ctx->config->image_store, x->tgtd.list, x->tgtd.n, x->grants.list, x->grants.n, f);
        if (fclose(f) != 0)
                return;
        x->tgt_due = false;
        grants_set(&x->tgtd, x->grants.list, x->grants.n);
        if (size > 0)
                x->tgt_pid = export_process_tgt(calls, x->dir);
}

/* --- the plan --- */

static struct slot *
named(struct work_export *x, const char *name)
{
        struct slot *unused = NULL;

        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++) {
                struct slot *s = &x->slots[i];

                if (*s->server.name == '\0')
                        unused = unused ? unused : s;
                else if (strcmp(s->server.name, name) == 0)
                        return s;
        }
        return unused;
}

/* Takes over @server. */
static void
want(struct work_export *x, struct export_server *server)
{
        struct slot *s = named(x, server->name);
        bool is_new, args, file;

        if (!s) { /* those that are ending fill the table */
                export_server_clear(server);
                return;
        }
        is_new = *s->server.name == '\0';
        args = !is_new && !export_server_same_args(&s->server, server);
        file = !is_new && !export_server_same_file(&s->server, server);
        export_server_clear(&s->server);
        s->server = *server;
        *server = (struct export_server){0};
        s->wanted = true;
        str_copy(s->state.name, sizeof(s->state.name), s->server.name);
        s->state.clients = s->server.clients;
        s->state.versions = s->server.versions;
        x->changed = true;
        if (is_new) {
                s->kill_at_ms = NONE;
                s->start_at_ms = now_ms(x);
        } else if (s->server.kind == EXPORT_NBD) {
                start(x, s);
        } else if (args) {
                end(x, s);
        } else if (file && s->pid > 0) {
                if (write_file(&s->server) == 0)
                        kill(s->pid, SIGHUP);
        }
}

/* Puts the grants into force; false: it cannot be done, and all is as it was. */
static bool
apply(struct work_export *x)
{
        struct export_server *servers = calloc(EXPORT_MAX_SERVERS, sizeof(*servers));
        struct export_site site = {.config = x->ctx->config};
        int n = servers ? 0 : -ENOMEM;

        str_copy(site.dir, sizeof(site.dir), x->dir);
        if (n == 0)
                n = export_servers(&site, x->grants.list, x->grants.n, servers);
        if (n < 0) {
                log_error("exports stay as they are: %s",
                          n == -E2BIG ? "more than 64 servers would be needed; use fewer versions by AoE at a time"
                                      : strerror(-n));
                free(servers);
                return false;
        }
        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++)
                x->slots[i].wanted = false;
        for (int i = 0; i < n; i++)
                want(x, &servers[i]);
        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++) {
                struct slot *s = &x->slots[i];

                if (*s->server.name == '\0' || s->wanted)
                        continue;
                end(x, s);
                if (s->pid <= 0)
                        forget(x, s);
        }
        x->tgt_due = true;
        free(servers);
        tell(x);
        return true;
}

static bool
has_grant(const struct grants *g, const struct export_grant *one)
{
        return g->n > 0 && bsearch(one, g->list, g->n, sizeof(*one), export_grant_compare);
}

/* Is there a connection of NBD that reads what its host still should have, and may not have any more? */
static bool
nbd_withdrawn(const struct work_export *x, const struct grants *before, const struct grants *now)
{
        for (size_t i = 0; i < x->wanted.n; i++) {
                const struct export_grant *g = &x->wanted.list[i];

                if (g->root == ROOT_NBD && has_grant(before, g) && !has_grant(now, g))
                        return true;
        }
        return false;
}

/* Of what is wanted, that which may be given. A version is asked for once. */
static struct grants
allowed(struct work_export *x)
{
        struct grants now = {calloc(x->wanted.n + 1, sizeof(*now.list)), 0};
        const char *version = "";
        bool whole = false;

        for (size_t i = 0; now.list && i < x->wanted.n; i++) {
                const struct export_grant *g = &x->wanted.list[i];

                if (root_is_block(g->root) && strcmp(g->image, version) != 0) {
                        version = g->image;
                        whole = work_check_ask(x->check, version) == WORK_GOOD;
                }
                if (!root_is_block(g->root) || whole)
                        now.list[now.n++] = *g;
        }
        return now;
}

/* Of @a, whose list it becomes, what is in @b as well. */
static struct grants
both(struct grants a, const struct grants *b)
{
        size_t n = 0;

        for (size_t i = 0; i < a.n; i++)
                if (has_grant(b, &a.list[i]))
                        a.list[n++] = a.list[i];
        a.n = n;
        return a;
}

/* @always: also if it is what it was. */
static void
choose(struct work_export *x, bool always)
{
        struct grants before = x->grants, now = allowed(x);
        bool withdrawn = now.list && nbd_withdrawn(x, &before, &now);

        x->look_at_ms = now_ms(x) + LOOK_MS;
        if (!now.list ||
            (!always && now.n == before.n && (now.n == 0 || memcmp(now.list, before.list, now.n * sizeof(*now.list)) == 0))) {
                free(now.list);
                return;
        }
        x->grants = now;
        if (apply(x)) {
                free(before.list);
        } else { /* what there was goes on, but for what must not be given any more */
                x->look_at_ms = now_ms(x) + FAILED_LOOK_MS;
                x->grants = both(before, &now);
                free(now.list);
                apply(x);
        }
        if (withdrawn)
                work_nbd_disconnect(x->nbd);
}

void
work_export_plan(struct work_export *x, const struct msg_export_plan *plan)
{
        grants_set(&x->wanted, plan->grants, plan->n_grants);
        choose(x, true);
}

void
work_export_core_up(struct work_export *x)
{
        x->changed = true;
        tell(x);
}

static void
on_tick(uv_timer_t *timer)
{
        struct work_export *x = timer->data;
        int64_t now = now_ms(x);

        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++) {
                struct slot *s = &x->slots[i];

                if (s->wanted && s->pid <= 0 && s->start_at_ms <= now)
                        start(x, s);
                else if (s->pid > 0 && s->kill_at_ms <= now)
                        kill(s->pid, SIGKILL);
        }
        tell_tgtd(x);
        if (x->look_at_ms <= now) {
                work_check_look(x->check);
                choose(x, false);
        }
        if (x->changed)
                tell(x);
}

/* What a work that was killed left: nbdkit asks for SIGTERM itself, and then waits for its client; rpcbind becomes another
 * user, which takes its wish away. They are known by the variable that export_process.c gives to all of them, and nobody else
 * to any. */
static void
end_left_over(const char *dir)
{
        _cleanup_closedir_ DIR *proc = opendir("/proc");
        char want[ROLE_PATH_SIZE + 32], path[300], settings[2 * ROLE_PATH_SIZE];
        const struct dirent *e;
        pid_t pid;

        snprintf(want, sizeof(want), EXPORT_MARK "%s/tgt", dir);
        while (proc && (e = readdir(proc))) {
                _cleanup_close_ int fd = -1;
                ssize_t n;

                if (sscanf(e->d_name, "%d", &pid) != 1)
                        continue;
                snprintf(path, sizeof(path), "/proc/%d/environ", pid);
                fd = open(path, O_RDONLY | O_CLOEXEC);
                n = fd < 0 ? 0 : read(fd, settings, sizeof(settings)); /* export_process.c's is short */
                if (n > 0 && memmem(settings, (size_t)n, want, strlen(want) + 1))
                        kill(pid, SIGKILL);
        }
}

struct work_export *
work_export_new(struct role_ctx *ctx)
{
        struct work_export *x = calloc(1, sizeof(*x));
        char nfs[ROLE_PATH_SIZE + 8];

        if (!x)
                return NULL;
        x->ctx = ctx;
        snprintf(x->dir, sizeof(x->dir), "%s/export", ctx->config->run_dir);
        snprintf(nfs, sizeof(nfs), "%s/nfs", x->dir);
        if (mkdir(x->dir, 0755) == 0 || errno == EEXIST)
                mkdir(nfs, 0700);
        end_left_over(x->dir);
        x->nbd = work_nbd_new(ctx, x->dir);
        x->check = work_check_new(ctx);
        if (!x->nbd || !x->check) {
                free(x->nbd);
                free(x->check);
                free(x);
                return NULL;
        }
        uv_timer_init(ctx->loop, &x->timer);
        x->timer.data = x;
        uv_timer_start(&x->timer, on_tick, TICK_MS, TICK_MS);
        return x;
}

void
work_export_stop(struct work_export *x)
{
        const struct timespec pause = {.tv_nsec = 20 * 1000000l};
        bool left = true;

        work_check_stop(x->check);
        for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++)
                if (*x->slots[i].server.name)
                        end(x, &x->slots[i]);
        for (int round = 0; left && round < 40; round++) {
                left = false;
                for (size_t i = 0; i < EXPORT_MAX_SERVERS; i++) {
                        struct slot *s = &x->slots[i];

                        if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == s->pid)
                                s->pid = 0;
                        if (s->pid > 0 && round == 38)
                                kill(s->pid, SIGKILL);
                        left |= s->pid > 0;
                }
                if (left)
                        nanosleep(&pause, NULL);
        }
}
