/* SPDX-License-Identifier: Apache-2.0 */
/* Starting servers with few rights. Runs in role work. */
#include "export/export_process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BIT(CAP) (1ull << (CAP))
#define TGT_PATIENCE_MS 5000
#define TGT_PAUSE_MS 100

static const struct {
        bool root;
        uint64_t caps;
} rights[] = {
        [EXPORT_NFS] = {true, BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_SETUID) | BIT(CAP_SETGID)},
        [EXPORT_RPCBIND] = {true, BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETUID) | BIT(CAP_SETGID)},
        [EXPORT_NBD] = {false, 0},
        [EXPORT_ISCSI] = {true, BIT(CAP_DAC_OVERRIDE)},
        [EXPORT_AOE] = {false, BIT(CAP_NET_RAW)},
};

static int
set_caps(uint64_t caps)
{
        struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2];

        for (int i = 0; i < 2; i++)
                data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(caps >> (32 * i));
        return (int)syscall(SYS_capset, &head, data);
}

/* Only these are left, across the exec too; without root they are handed on as ambient ones. */
static int
drop_rights(enum export_kind kind)
{
        const struct passwd *user = getpwnam(EXPORT_USER);
        const uint64_t caps = rights[kind].caps;
        uid_t uid = user ? user->pw_uid : EXPORT_FALLBACK_UID;
        gid_t gid = user ? user->pw_gid : EXPORT_FALLBACK_UID;

        for (int i = 0; i <= CAP_LAST_CAP; i++)
                if (!(caps & BIT(i)) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EINVAL)
                        return -errno;
        if (rights[kind].root)
                return setgroups(0, NULL) < 0 ? -errno : 0; /* an exec by root gives what is in the bounding set */
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
            setresuid(uid, uid, uid) < 0 || set_caps(caps) < 0)
                return -errno;
        for (int i = 0; i <= CAP_LAST_CAP; i++)
                if ((caps & BIT(i)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
                        return -errno;
        return 0;
}

/* As after an exec by a careful parent. */
static void
clean_slate(pid_t parent)
{
        sigset_t none;

        sigemptyset(&none);
        for (int s = 1; s < NSIG; s++)
                signal(s, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(126);
}

static _Noreturn void
child_main(enum export_kind kind, char *const args[], const char *dir, int sock, pid_t parent)
{
        const char *package, *path = export_program(args[0], &package);
        _cleanup_free_ char *tgt = NULL;
        char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LANG=C", NULL, NULL};
        int null = open("/dev/null", O_RDWR);

        clean_slate(parent);
        if (null < 0 || dup2(sock < 0 ? null : sock, 0) < 0 || dup2(sock < 0 ? 2 : sock, 1) < 0 || close_range(3, ~0u, 0) < 0)
                _exit(126);
        if (asprintf(&tgt, EXPORT_MARK "%s/tgt", dir) < 0)
                _exit(126);
        env[2] = tgt;
        if (export_process_become(kind) < 0)
                _exit(126);
        if (path)
                execve(path, args, env);
        _exit(127);
}

pid_t
export_process_start(enum export_kind kind, char *const args[], const char *dir, int sock)
{
        pid_t parent = getpid(), pid = fork();

        if (pid == 0)
                child_main(kind, args, dir, sock, parent);
        return pid < 0 ? -errno : pid;
}

pid_t
export_process_fork(void)
{
        pid_t parent = getpid(), pid = fork();

        if (pid == 0) {
                clean_slate(parent);
                close_range(3, ~0u, 0);
        }
        return pid < 0 ? -errno : pid;
}

int
export_process_become(enum export_kind kind)
{
        int r = drop_rights(kind);

        if (r < 0)
                return r;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user took it away */
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* --- tgtadm --- */

/* One call; its exit code. */
static int
call(char *line, const char *dir)
{
        char *args[24] = {(char *)"tgtadm", (char *)"--lld", (char *)"iscsi"}, *save;
        int n = 3, status;
        pid_t pid;

        for (char *word = strtok_r(line, "\t", &save); word && n < 23; word = strtok_r(NULL, "\t", &save))
                args[n++] = word;
        pid = export_process_start(EXPORT_ISCSI, args, dir, -1);
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return 1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* tgtd makes its socket when it is nearly ready, and listens a moment later. */
static void
wait_for_tgtd(const char *dir)
{
        const struct timespec pause = {.tv_nsec = TGT_PAUSE_MS * 1000000l};
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/tgt.0", dir) < 0)
                _exit(1);
        for (int ms = 0; access(path, F_OK) < 0 && ms < TGT_PATIENCE_MS; ms += TGT_PAUSE_MS)
                nanosleep(&pause, NULL);
        nanosleep(&pause, NULL);
}

pid_t
export_process_tgt(const char *calls, const char *dir)
{
        pid_t pid = export_process_fork();
        _cleanup_free_ char *text = NULL;
        int failed = 0;
        char *save;

        if (pid != 0)
                return pid;
        text = strdup(calls);
        if (!text)
                _exit(1);
        wait_for_tgtd(dir);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                failed |= call(line, dir);
        _exit(failed ? 1 : 0);
}
