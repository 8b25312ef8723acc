/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_SYSTEMD_H
#define DOMPOOL_INIT_INIT_SYSTEMD_H
/*
 * dompool-init as a service of systemd, on a root that is a whole system (images/debian). Only root, only there.
 *
 *   first stage: bridge, lease, root --exec--> systemd --modules, udev--> dompool-init --service: Xen's daemons, DHCP, agent
 *
 *   agent --SIGUSR1--> dompool-init --SIGRTMIN+5--> systemd --SIGTERM--> all services --> reboot(2)
 */
#include <stdbool.h>

#include "base/error.h"

/* As whom are we started? The first process, or, with --service, below systemd, on a root that dompool-init has mounted. Else
 * false, and a line on standard error. */
bool init_systemd_may_run(int argc, char **argv, bool *ret_below_systemd);

/* Has systemd stop everything and end the machine; ends it itself when nothing comes of that. Called with SIGTERM blocked. Does
 * not come back. */
_Noreturn void init_systemd_end(bool power_off);

#endif
