/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_WATCH_H
#define DOMPOOL_LAB_LAB_WATCH_H
/*
 * Follows the hosts' boots in the server's event log and shows them: on a terminal one line a host that grows, elsewhere one
 * line a stage. Times count from the host's power-on.
 *
 *     n1  bios  dhcp 3.1  loader 3.4  menu 3.6  xen 4.0  kernel 4.9  initrd 11.2  init 31.0  agent 34.1  ready 34.6 s
 */
#include <jansson.h>
#include <stdio.h>

#include "lab/lab_room.h"
#include "model/host.h"

struct lab_watch_host {
        int64_t on_ms;             /* wall clock; 0: not switched on */
        int64_t stage_ms[STAGE_N]; /* wall clock; 0: not reached */
        uint64_t boot;             /* number of the boot that the stages are of */
        char complaint[256];       /* what dompool-init said went wrong */
};

struct lab_watch {
        const struct lab_room *room;
        FILE *out;
        bool terminal;
        unsigned n_drawn; /* lines that stand on the terminal */
        uint64_t last_event;
        struct lab_watch_host hosts[LAB_MAX_HOSTS];
};

void lab_watch_init(struct lab_watch *w, const struct lab_room *room, FILE *out);

/* Counts from now. */
void lab_watch_power_on(struct lab_watch *w, uint32_t host, int64_t now_ms);

/* Takes one event in; no I/O. Returns the stage that was reached by it and sets @ret_host, else -1. */
int lab_watch_event(struct lab_watch *w, const json_t *event, uint32_t *ret_host);

/* The host's line, without newline; no I/O. Returns @buf. */
char *lab_watch_line(const struct lab_watch *w, uint32_t host, char *buf, size_t size);

/*
 * Waits until hosts @first to @first + @n - 1 have reached @stage. ERR_TIMEOUT after @timeout_ms from the power-on of the
 * slowest; ERR_STATE when QEMU or the server has ended; ERR_CANCELLED.
 */
int lab_watch_wait(struct lab_watch *w, uint32_t first, uint32_t n, enum boot_stage stage, int64_t timeout_ms,
                   struct error *err);

/* For a host that did not come up: its stage, what the server says it is stuck on, and its console's last lines. */
void lab_watch_explain(const struct lab_watch *w, uint32_t host);

#endif
