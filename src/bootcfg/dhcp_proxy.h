/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_DHCP_PROXY_H
#define DOMPOOL_BOOTCFG_DHCP_PROXY_H
/*
 * proxyDHCP (PXE 2.1, 2.2): where another server hands out the addresses, firmware is told its boot file beside that server's
 * offer. No answer from here ever holds an address for the client.
 *
 *     firmware             site's DHCP server          we
 *     DISCOVER (broadcast) ------------------------->  known host, not local?
 *              <--- OFFER (address) ---   <----------  OFFER: HTTP boot: the URL; BIOS and iPXE: the file, "use it now" (43.6 =
 * 8); REQUEST, ACK with the site's server                     UEFI PXE: "ask me at port 4011" REQUEST to port 4011 (UEFI PXE,
 * or an item of the menu was chosen: 43.71)  --->
 *                                         <----------  ACK: the file
 *
 * A host whose profile is local gets no answer at all: its firmware then boots its disk.
 */
#include "bootcfg/dhcp_server.h"

/* How long an address is believed to be a host's after it asked for it: the renewals are not for our ears. */
#define DHCP_PROXY_SEEN_MS (60 * 60 * 1000)

/* For dhcp_server_decide: host and network of @d are set. Enters the address that the host was seen with into the table. */
void
dhcp_proxy_decide(struct dhcp_server *s, const struct dhcp_packet *p, const struct dhcp_arrival *from, int64_t now_ms,
                       struct dhcp_decision *d);

#endif
