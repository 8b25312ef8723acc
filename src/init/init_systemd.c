/* SPDX-License-Identifier: Apache-2.0 */
/* dompool-init beside systemd; what it asks that for goes by signals alone: they need no bus and no page of the root. */
#include "init/init_systemd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "init/init_root.h"
#include "init/init_system.h"

/* systemd(1), "Signals" */
#define SYSTEMD_POWEROFF (SIGRTMIN + 4)
#define SYSTEMD_REBOOT (SIGRTMIN + 5)
#define SYSTEMD_IS_INIT "/run/systemd/system" /* sd_booted(3) */
/* Before it comes to us systemd stops what was started after us. */
#define STOP_LIMIT_S 60

/* Whoever tried it on another machine would have that one's network card put into a bridge. */
static int
check(struct error *err)
{
        if (access(SYSTEMD_IS_INIT, F_OK) < 0)
                return error_set(err, ERR_UNSUPPORTED, "--service is for a host whose first process is systemd");
        if (access(INIT_ROOT_FILE, F_OK) < 0)
                return error_set(err, ERR_UNSUPPORTED,
                                 "--service is for a host whose root dompool-init has mounted; there is no " INIT_ROOT_FILE);
        return 0;
}

bool
init_systemd_may_run(int argc, char **argv, bool *ret_below_systemd)
{
        struct error err;

        *ret_below_systemd = false;
        if (getpid() == 1)
                return true;
        *ret_below_systemd = argc == 2 && strcmp(argv[1], "--service") == 0;
        if (!*ret_below_systemd)
                fprintf(stderr, "dompool-init %s is the first process of a diskless host; it does nothing elsewhere\n",
                        DOMPOOL_VERSION);
        else if (check(&err) < 0)
                fprintf(stderr, "dompool-init: %s\n", err.message);
        else
                return true;
        return false;
}

void
init_systemd_end(bool power_off)
{
        static const struct timespec limit = {.tv_sec = STOP_LIMIT_S};
        sigset_t stop;

        sigemptyset(&stop);
        sigaddset(&stop, SIGTERM);
        if (kill(1, power_off ? SYSTEMD_POWEROFF : SYSTEMD_REBOOT) == 0 && sigtimedwait(&stop, NULL, &limit) == SIGTERM)
                _exit(0);
        log_error("systemd does not end the machine; ending it without");
        system_end(power_off);
}
