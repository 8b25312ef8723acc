/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CMD_CANARY_H
#define DOMPOOL_CTL_CMD_CANARY_H
/* A canary as the commands show it that make one or end one. */
#include "ctl/ctl.h"

/* By the chosen output. */
int cmd_canary_print(struct ctl *c, const json_t *canary, struct error *err);

#endif
