/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks the calling process in: user, no_new_privs, capabilities, rlimits, Landlock, seccomp. Runs in each role before it reads
 * a stranger's first byte. Everything here fails closed; the one exception is a kernel without Landlock, which costs a layer
 * but not the service (said in the log).
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "sandbox/landlock.h"
#include "sandbox/sandbox_syscalls.h"

/* AddressSanitizer maps terabytes and makes system calls of its own, so an instrumented build (make asan; never installed) goes
 * without the limit of memory and without seccomp. */
#if defined(__SANITIZE_ADDRESS__)
#define INSTRUMENTED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INSTRUMENTED true
#endif
#endif
#ifndef INSTRUMENTED
#define INSTRUMENTED false
#endif

void
sandbox_ids(const struct sandbox *s, uid_t *ret_uid, gid_t *ret_gid)
{
        const struct passwd *pw = s->user ? getpwnam(s->user) : NULL;

        *ret_uid = s->keep_root ? 0 : pw ? pw->pw_uid : s->fallback_uid;
        *ret_gid = s->keep_root ? 0 : pw ? pw->pw_gid : s->fallback_uid;
}

static int
drop_user(const struct sandbox *s, uid_t uid, gid_t gid, struct error *err)
{
        int death_signal = 0;

        if (s->keep_root)
                return 0;
        if (geteuid() != 0)
                return error_set(err, ERR_DENIED, "only root can become user %u; dompoold is started by root", uid);
        if (uid == 0)
                return error_set(err, ERR_INTERNAL, "user '%s' is root: it must be an ordinary one", s->user);
        prctl(PR_GET_PDEATHSIG, &death_signal); /* a change of user clears it */
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return error_errno_set(err, errno, "cannot become user %u group %u", uid, gid);
        /* A dropped process is dumpable again only on request; keep what it knows from others of the same user. */
        prctl(PR_SET_DUMPABLE, 0);
        prctl(PR_SET_PDEATHSIG, death_signal);
        return 0;
}

/* Empties the bounding set and all others. Leaves everything to root where it is kept: its tools below need it. */
static int
drop_capabilities(const struct sandbox *s, struct error *err)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {0};

        if (s->keep_root)
                return 0;
        /* After setresuid the process has no CAP_SETPCAP any more: the bounding set was emptied before, see drop_bounding. */
        if (syscall(SYS_capset, &header, data) < 0)
                return error_errno_set(err, errno, "cannot drop capabilities");
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return error_errno_set(err, errno, "cannot drop ambient capabilities");
        return 0;
}

static int
drop_bounding(const struct sandbox *s, struct error *err)
{
        if (s->keep_root)
                return 0;
        for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
                        return error_errno_set(err, errno, "cannot drop capability %d from the bounding set", cap);
        return 0;
}

static int
limit(int resource, const char *what, uint64_t value, struct error *err)
{
        const struct rlimit l = {.rlim_cur = value, .rlim_max = value};

        if (setrlimit((__rlimit_resource_t)resource, &l) < 0)
                return error_errno_set(err, errno, "cannot set the limit of %s to %llu", what, (unsigned long long)value);
        return 0;
}

/* As many as wanted, or as there may be: whoever needs them asks getrlimit. */
static int
limit_files(uint64_t wanted, struct error *err)
{
        struct rlimit l;

        if (getrlimit(RLIMIT_NOFILE, &l) < 0)
                return error_errno_set(err, errno, "cannot ask for the limit of open files");
        return limit(RLIMIT_NOFILE, "open files", wanted < l.rlim_max ? wanted : l.rlim_max, err);
}

static int
set_limits(const struct sandbox *s, struct error *err)
{
        int r = limit(RLIMIT_CORE, "core dumps", 0, err); /* they would hold keys and tokens */

        if (r == 0 && s->max_files)
                r = limit_files(s->max_files, err);
        if (r == 0 && s->max_memory && !INSTRUMENTED)
                r = limit(RLIMIT_AS, "memory", s->max_memory, err);
        if (r == 0 && s->no_new_processes)
                r = limit(RLIMIT_NPROC, "processes", 0, err);
        return r;
}

/* socket() of the named family only. */
static int
allow_family(scmp_filter_ctx filter, int family)
{
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
}

/* The few requests that libuv, libmicrohttpd and stdio make; not TIOCSTI and its like. */
static int
allow_ioctls(scmp_filter_ctx filter)
{
        static const unsigned long requests[] = {FIONBIO, FIONREAD, FIOCLEX, TCGETS};
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(requests); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, requests[i]));
        return r;
}

static int
add_group(scmp_filter_ctx filter, const struct sandbox_group *g, struct error *err)
{
        for (size_t i = 0; g->names[i]; i++) {
                int nr = seccomp_syscall_resolve_name(g->names[i]), r;

                if (nr == __NR_SCMP_ERROR)
                        continue; /* a call that this libseccomp or machine does not have cannot be made either */
                if (nr == SCMP_SYS(socket)) {
                        r = allow_family(filter, AF_UNIX);
                        r = r == 0 ? allow_family(filter, AF_INET) : r;
                } else if (nr == SCMP_SYS(sendto) && g->bit == SYS_FD_TAKING) {
                        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 1, SCMP_A4(SCMP_CMP_EQ, 0));
                } else {
                        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, nr, 0);
                }
                if (r < 0 && r != -EEXIST && r != -EDOM)
                        return error_errno_set(err, -r, "seccomp refuses a rule for %s", g->names[i]);
        }
        return 0;
}

static int
load_seccomp(const struct sandbox *s, struct error *err)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = filter ? 0 : error_set(err, ERR_INTERNAL, "seccomp_init failed");

        if (r == 0) {
                seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: the lists are long */
                seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);      /* the kernel says which call it was */
                r = allow_ioctls(filter);
                if (r < 0)
                        r = error_errno_set(err, -r, "seccomp refuses a rule for ioctl");
        }
        for (size_t i = 0; r == 0 && i < sandbox_n_groups; i++)
                if ((s->syscalls | SYS_BASE) & sandbox_groups[i].bit)
                        r = add_group(filter, &sandbox_groups[i], err);
        if (r == 0) {
                r = seccomp_load(filter);
                if (r < 0)
                        r = error_errno_set(err, -r, "cannot load the seccomp filter");
        }
        seccomp_release(filter);
        return r;
}

int
sandbox_enter(const struct sandbox *s, struct error *err)
{
        _cleanup_close_ int ruleset = -1;
        uid_t uid;
        gid_t gid;
        int r;

        sandbox_ids(s, &uid, &gid);
        if (!s->no_landlock) {
                /* Made while we are root: an ordinary user could not open all paths; what it may read there is up to their
                 * modes. */
                ruleset = landlock_make(s, err);
                if (ruleset < 0 && ruleset != -EOPNOTSUPP)
                        return ruleset;
                if (ruleset < 0)
                        log_debug("this kernel has no Landlock: file access is limited by user and mode alone");
        }
        r = drop_bounding(s, err);
        if (r == 0)
                r = drop_user(s, uid, gid, err);
        if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                r = error_errno_set(err, errno, "cannot set no_new_privs");
        if (r == 0)
                r = drop_capabilities(s, err);
        if (r == 0)
                r = set_limits(s, err);
        if (r == 0 && ruleset >= 0)
                r = landlock_enforce(ruleset, err);
        if (r == 0 && !s->no_seccomp && !INSTRUMENTED)
                r = load_seccomp(s, err);
        return r;
}
