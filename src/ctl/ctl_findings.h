/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_FINDINGS_H
#define DOMPOOL_CTL_CTL_FINDINGS_H
/* What the guards found (src/bootcfg/guard.h), as the server's answers have it in "findings". */
#include <jansson.h>

#include "ctl/ctl.h"

/* One line each to stderr, "doubt: n1: no module of ... [nic-no-driver]; name the card's module ..."; those in "warnings", too.
 */
void ctl_findings_note(const json_t *answer);

/* By the chosen output, as a table to stdout. ERR_UNFIT when one of them would refuse the boot. */
int ctl_findings_print(struct ctl *c, const json_t *answer, struct error *err);

#endif
