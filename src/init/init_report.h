/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_REPORT_H
#define DOMPOOL_INIT_INIT_REPORT_H
/*
 * Tells the server how far this boot is: POST /boot/report with the boot token. Reports wait in a short queue until there is a
 * network; one child at a time sends all that wait, so that a silent server never stops init.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "init/init_options.h"
#include "ipc/messages.h"

#define REPORT_QUEUE 16
#define REPORT_HTTP_MAX 4352 /* the server takes 4096 bytes behind the head */

struct report_queue {
        struct msg_init_report waiting[REPORT_QUEUE];
        size_t n;
        size_t n_sending; /* of them, the first ones, by the child that runs */
        int pid;          /* 0: none */
        unsigned failures;
        int64_t not_before_ms;
};

/* When the queue is full the oldest report that is no failure goes. The report, until the next is added. */
struct msg_init_report *report_add(struct report_queue *q, const struct init_options *o, const char *stage, const char *text,
                                   bool failed, uint64_t uptime_ms);

/* Starts the child when there is something to send, it is time, and none runs. */
void report_start(struct report_queue *q, const struct init_options *o, int64_t now_ms);

/* The child has ended. */
void report_ended(struct report_queue *q, bool success, int64_t now_ms);

/* Sends what waits, for at most @limit_ms. Blocks; takes no other child's end. */
void report_flush(struct report_queue *q, const struct init_options *o, const struct clock *clock, int64_t limit_ms);

/* The whole HTTP request. Pure. Returns its length, 0 when it does not fit or memory is out. */
size_t report_request(const struct msg_init_report *m, const struct init_options *o, char ret[REPORT_HTTP_MAX]);

/* Does the answer's first line say success (2xx)? -EAGAIN: not all of it is there yet. Pure. */
int report_answer(const char *data, size_t size);

#endif
