/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_NDP_H
#define DOMPOOL_PROTO_NDP_H
/* The two messages of IPv6 neighbour discovery that a boot server meets: bytes to struct and back. RFC 4861, 4.1, 4.2, 4.6.1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

#define NDP_HOP_LIMIT 255 /* packets with another one have passed a router: not of this LAN */
#define NDP_EMPTY_ADVERT_SIZE 16

enum ndp_type { NDP_ROUTER_SOLICIT = 133, NDP_ROUTER_ADVERT = 134 };

/* Takes the sender's MAC out of a router solicitation (its source link-layer address option). @data is the ICMPv6 message,
 * whose checksum the kernel has verified. false: no or a malformed solicitation, or one without a MAC. */
bool ndp_parse_solicit(const uint8_t *data, size_t size, struct mac *ret_mac);

/* A router advertisement that says: no router here (life time 0), no prefix, nothing to configure. The checksum is the kernel's
 * to fill in. */
void ndp_empty_advert(uint8_t ret[NDP_EMPTY_ADVERT_SIZE]);

#endif
