/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_SATELLITE_H
#define DOMPOOL_LAB_LAB_SATELLITE_H
/*
 * The satellite of a room that has one: `dompoold --satellite` on a machine (a namespace) of its own, between the room's second
 * LAN, which it serves, and a line to the room's server, which enrols it. All are no-ops in a room without one.
 */
#include <stdio.h>

#include "lab/lab_room.h"

/* Writes its configuration: its LAN, and where its files are. */
void lab_satellite_config(const struct lab_room *room, FILE *f);

/* Has the room's server enrol it and writes DIR/satellite.conf. The server runs. */
int lab_satellite_prepare(const struct lab_room *room, struct error *err);

/* Starts the process "satellite", whether the server is there or not. */
int lab_satellite_start(const struct lab_room *room, struct error *err);

/* Waits until it serves what the server offers it. ERR_TOOL has the last words of one that ended, ERR_TIMEOUT what keeps it. */
int lab_satellite_wait(const struct lab_room *room, struct error *err);

#endif
