/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_SERVICES_H
#define DOMPOOL_INIT_INIT_SERVICES_H
/* Starting the programs of the supervision table. */
#include "init/init_options.h"
#include "init/init_plan.h"

#define INIT_TOKEN_FILE "/run/dompool/token"
#define XENSTORED_SOCKET "/run/xenstored/socket"

/* Starts a program that is an executable (not SERVICE_DHCP, a child of init's own). @root: within that one; NULL: ours. Its
 * pid, or negative errno. */
int services_spawn(enum service_id id, const struct init_options *o, const char *root);

/* Writes the boot token where the agent reads it: 0600, not on a command line that everybody in dom0 could see. */
int services_write_token(const struct init_options *o);

/* Who takes xenstored's connections; 0: nobody. */
int services_xenstore_pid(void);

/* How a program ended, for people, from its wait status. */
void services_describe_end(int status, char *buf, size_t size);

#endif
