/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CONFIG_ENROL_H
#define DOMPOOL_SERVER_CONFIG_ENROL_H
/* What of the enrol sections can be checked only when the whole file is read. Pure. */
#include "model/config.h"

/* 0, or -1 with the section's position in *ret_at and what is wrong in @text: a profile or a network that there is not. */
int config_enrols_check(const struct config *c, uint32_t *ret_at, char *text, size_t size);

#endif
