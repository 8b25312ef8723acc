/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_DHCP_REPLY_H
#define DOMPOOL_BOOTCFG_DHCP_REPLY_H
/*
 * What all answers have in common, those of the DHCP server (dhcp_server.c) and those of the proxy (dhcp_proxy.c): what is
 * taken over from the request, where the answer goes, and the boot file. Pure; for these two only.
 */
#include "bootcfg/dhcp_server.h"

/* No answer, and why. */
void
dhcp_reply_silence(struct dhcp_decision *d, const char *reason);

/* op, xid, flags, giaddr and chaddr of an answer. */
struct dhcp_header
dhcp_reply_header(const struct dhcp_packet *p);

/* What the client takes (57), for dhcp_build_start. */
size_t
dhcp_reply_max_size(const struct dhcp_packet *p);

/* Copies an option of the request into the answer when its size is from @min to @max. */
void
dhcp_reply_echo(const struct dhcp_packet *p, uint8_t code, size_t min, size_t max, struct dhcp_builder *b);

/* Firmware's UUID (97), which PXE 2.1 wants back. */
void
dhcp_reply_echo_uuid(const struct dhcp_packet *p, struct dhcp_builder *b);

/* The loader for this firmware, also in d->loader and d->boot_name; NULL: we have none. @best: the name of the one to be taken if
 * the firmware can run it and the host has no wish of its own; NULL: the table's first. */
const struct loader *
dhcp_reply_choose_loader(const struct dhcp_server *s, const struct firmware *f, const char *best, struct dhcp_decision *d);

/* siaddr and file, and later the options that name the loader. */
void
dhcp_reply_boot_header(const struct dhcp_server *s, const struct dhcp_decision *d, struct dhcp_header *h);
void
dhcp_reply_boot_options(const struct dhcp_server *s, const struct firmware *f, const struct dhcp_decision *d,
                        struct dhcp_builder *b);

/* Client identifier and relay options, then the bytes and the destination into @d; silence when it does not fit. */
void
dhcp_reply_finish(const struct dhcp_packet *p, uint8_t type, struct dhcp_builder *b, struct dhcp_decision *d);

#endif
