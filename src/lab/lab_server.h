/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_SERVER_H
#define DOMPOOL_LAB_LAB_SERVER_H
/* The room's boot server: dompoold.conf(5) written for it, dompoold started in the room's namespace. */
#include <stdio.h>

#include "lab/lab_room.h"

#define LAB_SERVER_GRACE_MS 5000 /* from SIGTERM to SIGKILL, the satellite's as well */

/* Writes the configuration of the room's server. */
void lab_server_config(const struct lab_room *room, FILE *f);

/* Writes DIR/dompoold.conf, and gives the server the key that the images of the room's store are signed with. */
int lab_server_prepare(const struct lab_room *room, struct error *err);

/* Starts dompoold and waits until its API answers. ERR_TOOL has the last words of one that ended. */
int lab_server_start(const struct lab_room *room, struct error *err);

#endif
