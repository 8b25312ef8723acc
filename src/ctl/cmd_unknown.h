/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CMD_UNKNOWN_H
#define DOMPOOL_CTL_CMD_UNKNOWN_H
/* What `host list` and `host show` say of machines that are no host. */
#include "ctl/ctl.h"

int cmd_unknown_list(struct ctl *c, struct error *err);

/* @mac: with dashes, as ctl_machine() makes it. */
int cmd_unknown_show(struct ctl *c, const char *mac, struct error *err);

#endif
