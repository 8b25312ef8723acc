/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_WAIT_H
#define DOMPOOL_CTL_CTL_WAIT_H
/* Waiting for operations: progress on stderr (one line that is rewritten on a terminal, a line a step otherwise). */
#include <stdint.h>

#include "ctl/ctl.h"

/* An answer 202: the operation as JSON. Unless --no-wait, waits for its end, prints the result by the chosen output, and turns
 * a failed operation into its error. Ctrl-C and --timeout end the waiting only, and say so. */
int
ctl_wait_answer(struct ctl *c, json_t *operation, struct error *err);

/* As above for a number; always waits. */
int
ctl_wait_number(struct ctl *c, uint64_t id, struct error *err);

/* An operation by the chosen output; @name_key: what -o name prints, "id" or "target". */
int
ctl_print_operation(struct ctl *c, const json_t *op, const char *name_key, struct error *err);

/* --timeout as seconds; 0: not given. */
int
ctl_timeout(const struct ctl *c, unsigned *ret, struct error *err);

#endif
