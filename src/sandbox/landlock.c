/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock: which part of the file system a role can still name. Runs in each role while it starts. Debian 12's headers end
 * before ABI 2's successors, so the newer rights stand here by number; a right is only asked for when the running kernel's ABI
 * has it.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Rights by the ABI that brought them (linux/landlock.h of 6.15). */
#define FS_REFER (1ULL << 13)     /* 2 */
#define FS_TRUNCATE (1ULL << 14)  /* 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* 5 */
#define NET_BIND_TCP (1ULL << 0)  /* 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* 6 */
#define SCOPE_SIGNAL (1ULL << 1)        /* 6 */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                                                               \
        (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                      \
         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
/* Never given to anybody, so they are only handled. */
#define FS_NEVER                                                                                                               \
        (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                          \
         LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* struct landlock_ruleset_attr as of ABI 6; older kernels take its beginning. */
struct ruleset_attr {
        uint64_t handled_access_fs;
        uint64_t handled_access_net; /* 4 */
        uint64_t scoped;             /* 6 */
};

int
sandbox_landlock_abi(void)
{
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        return abi < 0 ? 0 : (int)abi;
}

static uint64_t
handled_fs(int abi)
{
        uint64_t rights = FS_READ | FS_WRITE | FS_NEVER | LANDLOCK_ACCESS_FS_EXECUTE;

        if (abi >= 2)
                rights |= FS_REFER;
        if (abi >= 3)
                rights |= FS_TRUNCATE;
        if (abi >= 5)
                rights |= FS_IOCTL_DEV;
        return rights;
}

static int
add_path(int ruleset, const struct sandbox_path *p, uint64_t handled, struct error *err)
{
        _cleanup_close_ int fd = open(p->path, O_PATH | O_CLOEXEC);
        struct landlock_path_beneath_attr attr = {.parent_fd = fd, .allowed_access = FS_READ};

        if (fd < 0)
                return errno == ENOENT ? 0 : error_errno_set(err, errno, "cannot open '%s' for the sandbox", p->path);
        if (p->write)
                attr.allowed_access |= FS_WRITE | FS_TRUNCATE;
        if (p->exec)
                attr.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
        attr.allowed_access &= handled;
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
                return error_errno_set(err, errno, "Landlock refuses a rule for '%s'", p->path);
        return 0;
}

int
landlock_make(const struct sandbox *s, struct error *err)
{
        const int abi = sandbox_landlock_abi();
        struct ruleset_attr attr = {.handled_access_fs = handled_fs(abi)};
        size_t size = offsetof(struct ruleset_attr, handled_access_net);
        _cleanup_close_ int ruleset = -1;

        if (abi == 0)
                return -EOPNOTSUPP;
        if (abi >= 4) {
                attr.handled_access_net = s->no_new_tcp ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
                size = offsetof(struct ruleset_attr, scoped);
        }
        if (abi >= 6) {
                attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
                size = sizeof(attr);
        }
        ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0); /* close-on-exec by itself */
        if (ruleset < 0)
                return error_errno_set(err, errno, "Landlock refuses a ruleset (ABI %d)", abi);
        for (size_t i = 0; i < s->n_paths; i++) {
                int r = add_path(ruleset, &s->paths[i], attr.handled_access_fs, err);

                if (r < 0)
                        return r;
        }
        return TAKE_FD(ruleset);
}

int
landlock_enforce(int ruleset, struct error *err)
{
        if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return error_errno_set(err, errno, "Landlock does not take its ruleset");
        return 0;
}
