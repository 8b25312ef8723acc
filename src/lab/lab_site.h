/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_SITE_H
#define DOMPOOL_LAB_LAB_SITE_H
/*
 * The DHCP server that "the site" has had all along, for rooms where dompoold is a proxy beside it: dnsmasq, on a machine (a
 * namespace) of its own on the room's bridge. It knows nothing of dompool and of booting.
 */
#include <stdio.h>

#include "lab/lab_room.h"

/* dnsmasq's configuration: the room's hosts with their addresses. */
void lab_site_config(const struct lab_room *room, FILE *f);

/* Writes DIR/site.conf and starts the process "site". Does nothing in a room without one. */
int lab_site_start(const struct lab_room *room, struct error *err);

#endif
