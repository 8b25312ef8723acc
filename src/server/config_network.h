/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CONFIG_NETWORK_H
#define DOMPOOL_SERVER_CONFIG_NETWORK_H
/* What concerns the networks of a configuration together, once all of it is read. Pure; for config.c. */
#include <stddef.h>

#include "model/config.h"

/* What a subnet does not say and takes from the network section instead: set before its options are read. */
void
config_network_unset(struct config_network *subnet);

/* Fills in what is unset, and looks for contradictions. 0, or -1 with the place (as config_network_at counts) and the words. */
int
config_networks_finish(struct config *c, uint32_t *ret_at, char *text, size_t size);

#endif
