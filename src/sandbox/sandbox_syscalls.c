/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls a role may make, by group: tables only. A call that glibc, libuv, GnuTLS, libmicrohttpd or SQLite of
 * Debian 12 makes belongs here with the group that needs it; what no group names kills the process. socket() is checked by
 * family in sandbox.c.
 */
#include "sandbox/sandbox_syscalls.h"

static const char *const base_calls[] = {
        /* memory and the end */
        "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "exit", "exit_group", "rt_sigreturn", "restart_syscall",
        /* what is open */
        "read", "write", "readv", "writev", "pread64", "pwrite64", "close", "fstat", "newfstatat", "statx", "lseek", "fcntl",
        "dup", "dup2", "dup3",
        /* loop and timers */
        "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6",
        "pipe2", "eventfd2", "timerfd_create", "timerfd_settime",
        /* time, chance, who am I */
        "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "getpid",
        "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage", "sysinfo", "uname", "getcpu", "sched_yield",
        "sched_getaffinity",
        /* signals and locks; tgkill so that abort() ends as SIGABRT and not as SIGSYS */
        "rt_sigaction", "rt_sigprocmask", "sigaltstack", "tgkill", "futex", "set_robust_list", "rseq", "prlimit64", "getrlimit",
        NULL};

static const char *const files_read_calls[] = {"open",      "openat",     "openat2",   "stat",       "lstat",      "access",
                                               "faccessat", "faccessat2", "readlink",  "readlinkat", "getdents64", "fstatfs",
                                               "statfs",    "getcwd",     "fadvise64", "sendfile",   "flock",      NULL};

static const char *const files_write_calls[] = {
        "ftruncate", "fallocate", "fsync",  "fdatasync",       "sync_file_range", "rename",   "renameat", "renameat2", "unlink",
        "unlinkat",  "link",      "linkat", "mkdir",           "mkdirat",         "rmdir",    "fchmod",   "chmod",     "fchown",
        "fchownat",  "utimensat", "umask",  "copy_file_range", "pwritev",         "pwritev2", NULL};

/* socketpair: libmicrohttpd makes one for each TLS connection that becomes a web socket (a console). */
static const char *const net_calls[] = {"socket",   "bind",        "connect",     "listen",     "accept",
                                        "accept4",  "getsockname", "getpeername", "getsockopt", "setsockopt",
                                        "shutdown", "sendto",      "sendmsg",     "sendmmsg",   "recvfrom",
                                        "recvmsg",  "recvmmsg",    "socketpair",  NULL};

static const char *const fd_passing_calls[] = {"sendmsg",    "sendto",      "recvmsg",      "shutdown", "getsockopt",
                                               "setsockopt", "getsockname", "memfd_create", NULL};

/* sendto without an address: see sandbox.c. No bind, no setsockopt: what is taken stays as the giver has made it. */
static const char *const fd_taking_calls[] = {"sendto", "recvmsg", "shutdown", "getsockopt", NULL};

static const char *const process_calls[] = {"clone",           "clone3",     "fork",       "vfork",      "execve",
                                            "execveat",        "wait4",      "waitid",     "kill",       "pipe",
                                            "setsid",          "setpgid",    "prctl",      "chdir",      "fchdir",
                                            "set_tid_address", "arch_prctl", "socketpair", "pidfd_open", "pidfd_send_signal",
                                            "close_range",     NULL};

const struct sandbox_group sandbox_groups[] = {
        {SYS_BASE, base_calls},
        {SYS_FILES_READ, files_read_calls},
        {SYS_FILES_WRITE, files_write_calls},
        {SYS_NET, net_calls},
        {SYS_FD_PASSING, fd_passing_calls},
        {SYS_PROCESS, process_calls},
        {SYS_FD_TAKING, fd_taking_calls},
};
const size_t sandbox_n_groups = sizeof(sandbox_groups) / sizeof(sandbox_groups[0]);
