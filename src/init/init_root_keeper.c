/* SPDX-License-Identifier: Apache-2.0 */
/* See init_root_keeper.h. */
#include "init/init_root_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"

static void
settle(const char *name, int ready)
{
        static const char yes = 1;

        prctl(PR_SET_NAME, name);
        /* systemd, about to end the machine, kills all processes but those that it needs for that:
         * systemd.io/ROOT_STORAGE_DAEMONS */
        program_invocation_name[0] = '@';
        alarm(0);
        setsid();
        if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
                log_warning("root: the memory of %s could not be locked: %s", name, strerror(errno));
        (void)!write(ready, &yes, 1);
        close(ready);
}

int
init_root_keeper_start(const char *name, void (*main)(const void *arg), const void *arg, struct error *err)
{
        int ends[2];
        char yes = 0;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_errno_set(err, errno, "starting %s", name);
        pid = fork();
        if (pid == 0) {
                close(ends[0]);
                settle(name, ends[1]);
                main(arg);
                _exit(EXIT_FAILURE);
        }
        close(ends[1]);
        if (pid > 0)
                (void)!read(ends[0], &yes, 1);
        close(ends[0]);
        return yes ? 0 : error_set(err, ERR_INTERNAL, "the process %s, which keeps the root's connection, did not start", name);
}
