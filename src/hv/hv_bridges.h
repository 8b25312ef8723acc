/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_BRIDGES_H
#define DOMPOOL_HV_HV_BRIDGES_H
/* The bridges that this host has, as its kernel shows them. */
#include "model/domain.h"
#include "model/host.h"

#define HV_NET "/sys/class/net"

/* Their names with blanks between, GUEST_BRIDGE first, the others in the order of the alphabet; what does not fit is left out.
 * @net: HV_NET. */
void hv_bridges_list(const char *net, char ret[HOST_BRIDGES_SIZE]);

/* Is there a bridge for each of the domain's interfaces? Else ERR_NOT_FOUND, with those that there are. */
int hv_bridges_check(const char *net, const struct domain_config *c, struct error *err);

#endif
