/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SANDBOX_SANDBOX_H
#define DOMPOOL_SANDBOX_SANDBOX_H
/*
 * How a role locks itself in, before it reads a stranger's first byte: user and groups, no_new_privs, capabilities, rlimits,
 * Landlock (what this kernel's ABI offers), seccomp (an allow-list by role; anything else kills the process). In this order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct sandbox_path {
        const char *path;
        bool write;  /* else read only */
        bool exec;
};

/* Groups of system calls; each is a list in sandbox_syscalls.c. SYS_BASE is always in. */
enum sandbox_syscalls {
        SYS_BASE = 1 << 0,     /* memory, clocks, epoll, read/write on what is open, exit */
        SYS_FILES_READ = 1 << 1,
        SYS_FILES_WRITE = 1 << 2, /* SQLite, journals */
        SYS_NET = 1 << 3,      /* sockets of AF_INET and AF_UNIX: accept, send, recv, bind, connect */
        SYS_FD_PASSING = 1 << 4,
        SYS_PROCESS = 1 << 5,  /* fork, exec, wait, kill */
        SYS_FD_TAKING = 1 << 6, /* receives descriptors; sends on connected sockets only: no call that takes an address */
};

struct sandbox {
        const char *user;      /* wanted user; when there is none of that name, @fallback_uid is taken */
        uid_t fallback_uid;
        bool keep_root;        /* work, keep: stays root, the rest still applies */
        bool no_seccomp;       /* work, hv: arbitrary tools below */
        unsigned syscalls;     /* enum sandbox_syscalls */
        const struct sandbox_path *paths;
        size_t n_paths;
        bool no_landlock;      /* work, hv */
        bool no_new_tcp;       /* neither binds nor connects TCP by itself, only accepts on what it was given (Landlock ABI 4) */
        uint64_t max_files;    /* RLIMIT_NOFILE, less where the process may have no more; 0: as is */
        uint64_t max_memory;   /* RLIMIT_AS bytes; 0: as is */
        bool no_new_processes; /* RLIMIT_NPROC 0 */
};

/* Does all of it or fails; after a failure the process must exit. */
int
sandbox_enter(const struct sandbox *s, struct error *err);

/* uid and gid that sandbox_enter would take; for the parent's chown of state directories. */
void
sandbox_ids(const struct sandbox *s, uid_t *ret_uid, gid_t *ret_gid);

/* Landlock ABI of the running kernel; 0 when there is none. */
int
sandbox_landlock_abi(void);

#endif
