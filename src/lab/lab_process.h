/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_PROCESS_H
#define DOMPOOL_LAB_LAB_PROCESS_H
/*
 * The room's processes: dompoold, one QEMU a host, the satellite. Each is a session of its own (a terminal's Ctrl-C does not
 * reach it, and it outlives the client) inside the room's namespace, known by DIR/pid/NAME, which holds its pid and its start
 * time: a pid alone may belong to somebody else by now.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "lab/lab_room.h"

/* Starts argv[0] (looked up in PATH) with its output in DIR/log/NAME.log. Its pid file exists before the program runs. */
int lab_process_start(const struct lab_room *room, const char *name, char *const argv[], struct error *err);

/* Pid of a live process of the room, 0 if it is not running. */
pid_t lab_process_pid(const struct lab_room *room, const char *name);

/* ERR_TOOL with the last line of its log: why it ended. */
int lab_process_ended(const struct lab_room *room, const char *name, struct error *err);

/* SIGTERM, after @grace_ms SIGKILL; waits for the end and removes the pid file. Nothing to do is no error. */
void lab_process_stop(const struct lab_room *room, const char *name, unsigned grace_ms);

/* Kills whatever is left: processes in the room's namespaces and in the sessions of its pid files. */
void lab_process_sweep(const struct lab_room *room);

/* Runs a program in the room's namespace and waits; @ret_status is as from waitpid(2). Output goes to @out_fd (-1: nowhere). */
int lab_process_run(const struct lab_room *room, char *const argv[], int out_fd, int *ret_status, struct error *err);

#endif
