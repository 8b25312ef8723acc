/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts, finds and ends the processes of a room. Knows nothing of what they are. Runs in the command-line client, as root.
 */
#include "lab/lab_process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/lab_net.h"

#define SWEEP_ROUNDS 200
#define SWEEP_PAUSE_US 20000

/* From /proc/PID/stat. */
struct process_stat {
        char state;
        pid_t session;
        unsigned long long start; /* clock ticks since the machine's boot */
};

static int
read_stat(pid_t pid, struct process_stat *ret)
{
        _cleanup_fclose_ FILE *f = NULL;
        char path[64], line[1024];
        const char *p;
        int session;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        f = fopen(path, "re");
        if (!f || !fgets(line, sizeof(line), f))
                return -ESRCH;
        p = strrchr(line, ')'); /* the name may hold anything, parentheses too */
        if (!p)
                return -EPROTO;
        /* proc(5): state ppid pgrp session ... starttime is the 22nd field, state the 3rd. */
        if (sscanf(p + 1, " %c %*d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ret->state,
                   &session, &ret->start) != 3)
                return -EPROTO;
        ret->session = session;
        return 0;
}

static int
pid_file_write(const struct lab_room *room, const char *name, pid_t pid, struct error *err)
{
        _cleanup_fclose_ FILE *f = NULL;
        char path[LAB_PATH_SIZE];
        struct process_stat st;

        f = fopen(lab_room_path(room, path, "pid/%s", name), "we");
        if (!f || read_stat(pid, &st) < 0 || fprintf(f, "%d %llu\n", (int)pid, st.start) < 0 || fflush(f) != 0)
                return error_errno_set(err, errno, "cannot write %s", path);
        return 0;
}

static int
pid_file_read(const struct lab_room *room, const char *name, pid_t *ret_pid, unsigned long long *ret_start)
{
        _cleanup_fclose_ FILE *f = NULL;
        char path[LAB_PATH_SIZE];
        int pid;

        f = fopen(lab_room_path(room, path, "pid/%s", name), "re");
        if (!f || fscanf(f, "%d %llu", &pid, ret_start) != 2 || pid <= 1)
                return -ENOENT;
        *ret_pid = pid;
        return 0;
}

/* The child's way from fork to the program; never returns. */
static void __attribute__((noreturn)) child_exec(const struct lab_room *room, char *const argv[], int out_fd, int go_fd)
{
        sigset_t none;
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        char go;

        /* End of file: the client died before the pid file was there; then nobody would ever find this process. */
        if (go_fd >= 0 && (setsid() < 0 || read(go_fd, &go, 1) != 1))
                _exit(126);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (lab_net_enter(room) < 0)
                _exit(126);
        if (dup2(null, 0) < 0 || dup2(out_fd >= 0 ? out_fd : null, 1) < 0 || dup2(out_fd >= 0 ? out_fd : null, 2) < 0)
                _exit(126);
        close_range(3, ~0U, 0); /* whatever the caller's shell left open (a lock, a pipe) is not to live as long as the room */
        execvp(argv[0], argv);
        dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

int
lab_process_start(const struct lab_room *room, const char *name, char *const argv[], struct error *err)
{
        _cleanup_close_ int log = -1, go_read = -1, go_write = -1;
        char path[LAB_PATH_SIZE];
        int pipes[2], r;
        pid_t pid;

        log = open(lab_room_path(room, path, "log/%s.log", name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (log < 0)
                return error_errno_set(err, errno, "cannot open %s", path);
        if (pipe2(pipes, O_CLOEXEC) < 0)
                return error_errno_set(err, errno, "cannot make a pipe");
        go_read = pipes[0];
        go_write = pipes[1];
        pid = fork();
        if (pid < 0)
                return error_errno_set(err, errno, "cannot fork for %s", name);
        if (pid == 0) {
                close(go_write); /* else the read below would wait for itself */
                child_exec(room, argv, log, go_read);
        }
        r = pid_file_write(room, name, pid, err);
        if (r < 0)
                return r;
        if (write(go_write, "g", 1) != 1)
                return error_errno_set(err, errno, "cannot start %s", name);
        return 0;
}

pid_t
lab_process_pid(const struct lab_room *room, const char *name)
{
        unsigned long long start;
        struct process_stat st;
        pid_t pid;

        if (pid_file_read(room, name, &pid, &start) < 0)
                return 0;
        waitpid(pid, NULL, WNOHANG); /* our own child is a zombie until then */
        if (read_stat(pid, &st) < 0 || st.start != start || st.state == 'Z')
                return 0;
        return pid;
}

void
lab_process_stop(const struct lab_room *room, const char *name, unsigned grace_ms)
{
        _cleanup_close_ int fd = -1;
        pid_t pid = lab_process_pid(room, name);
        char path[LAB_PATH_SIZE];
        struct pollfd p;

        if (pid > 0)
                fd = pidfd_open(pid, 0);
        /* The descriptor pins the process; only now is its identity certain. */
        if (fd >= 0 && lab_process_pid(room, name) == pid) {
                p = (struct pollfd){.fd = fd, .events = POLLIN};
                pidfd_send_signal(fd, SIGTERM, NULL, 0);
                if (poll(&p, 1, (int)grace_ms) <= 0) {
                        pidfd_send_signal(fd, SIGKILL, NULL, 0);
                        poll(&p, 1, 5000);
                }
                waitpid(pid, NULL, WNOHANG);
        }
        unlink(lab_room_path(room, path, "pid/%s", name));
}

/* A process whose session is that of a pid file is one of ours, unless the number has since been given to another session. */
static bool
in_session(const struct lab_room *room, pid_t session)
{
        _cleanup_closedir_ DIR *d = NULL;
        char path[LAB_PATH_SIZE];
        unsigned long long start;
        struct process_stat leader;
        const struct dirent *e;
        pid_t pid;

        d = opendir(lab_room_path(room, path, "pid"));
        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && pid_file_read(room, e->d_name, &pid, &start) == 0 && pid == session &&
                    (read_stat(pid, &leader) < 0 || leader.start == start))
                        return true;
        return false;
}

static bool
in_namespace(pid_t pid, const struct stat *netns)
{
        char path[64];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
        return stat(path, &st) == 0 && st.st_ino == netns->st_ino && st.st_dev == netns->st_dev;
}

/* The room's namespaces that are there. */
struct namespaces {
        struct stat st[LAB_NET_MACHINES];
        unsigned n;
};

static bool
in_a_namespace(pid_t pid, const struct namespaces *all)
{
        for (unsigned i = 0; i < all->n; i++)
                if (in_namespace(pid, &all->st[i]))
                        return true;
        return false;
}

static unsigned
sweep_once(const struct lab_room *room, const struct namespaces *all)
{
        _cleanup_closedir_ DIR *d = opendir("/proc");
        const struct dirent *e;
        struct process_stat st;
        unsigned n = 0;
        pid_t pid;

        while (d && (e = readdir(d))) {
                if (!isdigit((unsigned char)e->d_name[0]))
                        continue;
                pid = (pid_t)strtol(e->d_name, NULL, 10);
                if (pid == getpid() || read_stat(pid, &st) < 0)
                        continue;
                if (st.state == 'Z' || (!in_a_namespace(pid, all) && !in_session(room, st.session)))
                        continue;
                kill(pid, SIGKILL);
                n++;
        }
        return n;
}

void
lab_process_sweep(const struct lab_room *room)
{
        struct namespaces all = {.n = 0};
        char path[LAB_PATH_SIZE];

        for (unsigned i = 0; lab_net_path_at(room, i, path); i++)
                all.n += stat(path, &all.st[all.n]) == 0;
        /* Several rounds: a process may fork while it is being looked for. */
        for (unsigned i = 0; i < SWEEP_ROUNDS && sweep_once(room, &all) > 0; i++) {
                while (waitpid(-1, NULL, WNOHANG) > 0)
                        continue;
                usleep(SWEEP_PAUSE_US);
        }
}

int
lab_process_ended(const struct lab_room *room, const char *name, struct error *err)
{
        char path[LAB_PATH_SIZE], line[512], last[512] = "it said nothing";
        _cleanup_fclose_ FILE *f = fopen(lab_room_path(room, path, "log/%s.log", name), "re");

        while (f && fgets(line, sizeof(line), f))
                if (line[strspn(line, " \n")])
                        str_copy(last, sizeof(last), line);
        last[strcspn(last, "\n")] = '\0';
        return error_set(err, ERR_TOOL, "%s did not start: %s (%s)", name, last, path);
}

int
lab_process_run(const struct lab_room *room, char *const argv[], int out_fd, int *ret_status, struct error *err)
{
        pid_t pid = fork();

        if (pid < 0)
                return error_errno_set(err, errno, "cannot fork for %s", argv[0]);
        if (pid == 0)
                child_exec(room, argv, out_fd, -1);
        while (waitpid(pid, ret_status, 0) < 0)
                if (errno != EINTR)
                        return error_errno_set(err, errno, "cannot wait for %s", argv[0]);
        return 0;
}
