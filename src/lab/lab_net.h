/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_NET_H
#define DOMPOOL_LAB_LAB_NET_H
/*
 * The room's network: a namespace with a bridge and a tap for each host; nothing leads out of it.
 *
 *     namespace dompool-NAME:  lo   lab0 10.77.0.1/24 --+-- tap1 -- QEMU n1
 *                                                       +-- tap2 -- QEMU n2
 *     with --proxy also:                                +-- site0 -- site1 10.77.0.2/24 in namespace dompool-NAME-site
 *     with --satellite also:        lab1 ---------------+-- tap3 -- QEMU n3
 *                                                       +-- sat0 -- sat1 10.78.0.1/24 in namespace dompool-NAME-satellite
 *                                   up0 10.79.0.1/30 ------ up1 10.79.0.2/30 there; each routes to the other's LAN
 */
#include "lab/lab_room.h"

/* "/run/netns/NAME" in @buf. */
char *lab_net_path(const struct lab_room *room, char buf[LAB_PATH_SIZE]);

#define LAB_SITE_INTERFACE "site1"

/* "/run/netns/NAME-site" in @buf: the machine of the site's DHCP server. */
char *lab_net_site_path(const struct lab_room *room, char buf[LAB_PATH_SIZE]);

#define LAB_SATELLITE_INTERFACE "sat1"

/* "/run/netns/NAME-satellite" in @buf: the machine of the satellite. */
char *lab_net_satellite_path(const struct lab_room *room, char buf[LAB_PATH_SIZE]);

/* The room's and these two, whether the room has them or not; false behind the last. */
#define LAB_NET_MACHINES 3
bool lab_net_path_at(const struct lab_room *room, unsigned i, char buf[LAB_PATH_SIZE]);

int lab_net_create(const struct lab_room *room, struct error *err);

/* Puts the calling process into the namespace; 0 or negative errno. */
int lab_net_enter(const struct lab_room *room);

/* Bridge and taps go with the namespace, that with its last process. */
void lab_net_delete(const struct lab_room *room);

#endif
