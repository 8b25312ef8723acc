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

/* ERR_UNSUPPORTED: this machine's first process is not systemd, or its root was not mounted by dompool-init. Whoever tries it
 * on another machine would have that one's network card put into a bridge. */
int init_systemd_check(struct error *err);

/* Has systemd stop everything and end the machine; ends it itself when nothing comes of that. Called with SIGTERM blocked. Does
 * not come back. */
_Noreturn void init_systemd_end(bool power_off);

#endif
