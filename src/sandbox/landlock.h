/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SANDBOX_LANDLOCK_H
#define DOMPOOL_SANDBOX_LANDLOCK_H
/* Landlock by its three system calls; see landlock(7). Private to src/sandbox. */
#include "sandbox/sandbox.h"

/* A ruleset that allows the paths of @s and nothing else below any folder; where the ABI knows it also no new abstract Unix connections or
 * signals out of the domain. The fd, or -EOPNOTSUPP when the kernel has no Landlock, or another negative errno with @err. A path
 * that is not there is left out: it cannot be reached then either. */
int
landlock_make(const struct sandbox *s, struct error *err);

/* Irrevocable, for this process and its children. Needs no_new_privs. */
int
landlock_enforce(int ruleset, struct error *err);

#endif
