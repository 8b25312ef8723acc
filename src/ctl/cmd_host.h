/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CMD_HOST_H
#define DOMPOOL_CTL_CMD_HOST_H
/* What commands about hosts share. */
#include "ctl/ctl.h"

/* The options that describe a host, as keys of a request's body. */
int cmd_host_describe(struct ctl *c, json_t *body, struct error *err);

/* --diff of a host that is described (@host, consumed), or adopted: @adopt is its MAC address then, else NULL. As ctl_diff. */
int cmd_host_diff(struct ctl *c, json_t *host, const char *adopt, struct error *err);

/* A host by the chosen output; consumed. */
int cmd_host_print(struct ctl *c, json_t *host, struct error *err);

/* What the profile `inspect` found, a line a card and a disk. */
void cmd_host_print_hardware(const json_t *hardware);

#endif
