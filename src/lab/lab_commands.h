/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_COMMANDS_H
#define DOMPOOL_LAB_LAB_COMMANDS_H
/* The verbs of `dompool lab`. Each returns 0 or a negative errno with @err set. */
#include <stdio.h>

#include "lab/lab_options.h"
#include "lab/lab_watch.h"

int lab_up_command(const struct lab_options *o, struct error *err);
int lab_down_command(const struct lab_options *o, struct error *err);
int lab_status_command(const struct lab_options *o, struct error *err);
int lab_power_command(const struct lab_options *o, struct error *err);
int lab_demo_command(const struct lab_options *o, struct error *err);

/*
 * Makes a whole room: image, network, server, hosts, and waits until they are ready. @room is described before anything is
 * made. On failure what was made is taken down again unless the options say keep. The room is locked.
 */
int lab_up(const struct lab_options *o, struct lab_room *room, FILE *progress, struct error *err);

/* Ends all processes of the room, removes network and files. Works on half a room as well. */
void lab_down(const struct lab_room *room);

/* Prints the room: processes, sockets, state of its hosts. */
int lab_status_print(const struct lab_room *room, bool json, FILE *f, struct error *err);

#endif
