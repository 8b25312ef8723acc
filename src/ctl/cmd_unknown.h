/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CMD_UNKNOWN_H
#define DOMPOOL_CTL_CMD_UNKNOWN_H
/* What `host list` and `host show` say of machines that are no host. */
#include "base/parse.h"
#include "ctl/ctl.h"

int cmd_unknown_list(struct ctl *c, struct error *err);

/* A MAC address as it stands in the API's paths, with dashes. false: @text is none. */
bool cmd_unknown_path(const char *text, char ret[MAC_TEXT_SIZE]);

int cmd_unknown_show(struct ctl *c, const char *mac, struct error *err);

#endif
