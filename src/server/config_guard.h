/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CONFIG_GUARD_H
#define DOMPOOL_SERVER_CONFIG_GUARD_H
/*
 * Can the profiles and hosts of a configuration boot what the image store has? The guards (bootcfg/guard.h) without a server:
 * nothing is known of the machines, so the images, loaders, roots and command lines alone are judged. For `dompoold -n`.
 */
#include <jansson.h>
#include <stdio.h>

#include "server/config_check.h"

/* {"findings":[{"place":"FILE:LINE","profile","host","image","level","code","text","remedy"}...],"errors":N,"more":N,
 * "unknown":[IMAGE...]}: of `errors` it is certain that they do not boot, `more` findings had no room, of the images `unknown`
 * nothing is known (yet). Reads the store; needs no privilege. NULL: no memory. */
json_t *config_guard(const struct config *config, const struct config_places *places);

/* A line for each finding, and one for all images that nothing is known of. */
void config_guard_print(const json_t *guard, const struct config *config, FILE *f);

#endif
