/* SPDX-License-Identifier: Apache-2.0 */
/* Kept files at a boot, as far as dompool-init has to do with them. Runs in dompool-init and in its child. */
#include "init/init_keep.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init_system.h"
#include "model/keep.h"

bool
init_keep_wanted(const struct init_options *o, const char *root)
{
        char path[64];

        snprintf(path, sizeof(path), "%s" KEEP_LIST_PATH, root);
        return o->server != 0 && access(path, F_OK) == 0;
}

void
init_keep_failure(const char *how, char *buf, size_t size)
{
        struct keep_state s = {.ok = true};
        char line[KEEP_STATE_SIZE];
        const char *why = how;

        if (system_read_line(INIT_KEPT_FILE, line, sizeof(line)) && keep_state_read(line, &s) == 0 && !s.ok)
                why = s.trouble;
        snprintf(buf, size, "this boot goes on without its kept files, and saves none: %s", why);
}

int
init_keep_enter(const char *root)
{
        static const char *const shared[] = {"/dev", "/proc", "/run"};

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < N_ELEMENTS(shared); i++) {
                char to[64];

                snprintf(to, sizeof(to), "%s%s", root, shared[i]);
                if (mount(shared[i], to, NULL, MS_BIND | MS_REC, NULL) < 0)
                        return -errno;
        }
        return chroot(root) < 0 || chdir("/") < 0 ? -errno : 0;
}
