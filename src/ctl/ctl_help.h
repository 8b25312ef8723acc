/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_HELP_H
#define DOMPOOL_CTL_CTL_HELP_H
/* Help and hints, made from the tables. */
#include <stdio.h>

#include "ctl/ctl.h"

/* All commands. */
void
ctl_help_all(FILE *f);
/* The commands of a noun. */
void
ctl_help_noun(FILE *f, const char *noun);
/* One command with its options. */
void
ctl_help_command(FILE *f, const struct ctl_command *cmd);

/* The entry of @words that is nearest to @text, at most two letters away (insert, delete, replace, swap); NULL. */
const char *
ctl_nearest(const char *text, const char *const *words, size_t n);

#endif
