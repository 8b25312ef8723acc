/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_DIFF_H
#define DOMPOOL_CTL_CTL_DIFF_H
/* --diff: how boots would change, asked before a change is made. POST /v1/what-if of the API; nothing is changed. */
#include <jansson.h>

#include "base/error.h"
#include "ctl/ctl.h"

/* The exit code of a comparison that found a difference; 0: there is none. As of diff(1). */
#define CTL_EXIT_DIFFERS 1

/* The hosts named, the label or all of them, into a body of /v1/profiles or /v1/what-if. ERR_USAGE when nothing says which. */
int ctl_add_hosts(struct ctl *c, json_t *body, int n, char **names, struct error *err);

/* --at: "2026-11-23 08:00" or "08:00" of today, local time, into milliseconds; 0 when it was not given. */
int ctl_at(const struct ctl *c, int64_t *ret, struct error *err);

/* Another configuration file as the server's own reader reads it (dompoold -n --json). NULL and @err. */
json_t *ctl_config_json(const char *file, struct error *err);

/* Asks and prints; what stands against the boots that would be goes to stderr. @body says who and what would change; --firmware
 * and --at are added. 0: no boot changes; CTL_EXIT_DIFFERS; or an error. */
int ctl_diff(struct ctl *c, json_t *body, struct error *err);

#endif
