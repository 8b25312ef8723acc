/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_KEEP_PLAN_H
#define DOMPOOL_AGENT_KEEP_PLAN_H
/* What keep decides, without doing it: when does it look next, what does an answer of the server mean. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "ipc/messages.h"

/* The first look comes when services have made what they make at their first start (SSH host keys). */
#define KEEP_FIRST_LOOK_MS 10000
#define KEEP_LOOK_MS 60000
/* What is large (logs) and always another is not sent each minute. */
#define KEEP_LARGE (64u << 10)
#define KEEP_LARGE_LOOK_MS 600000
#define KEEP_BUSY_MS 500
/* At the host's end: what the server has not taken by then is lost. */
#define KEEP_LAST_MS 4000
/* At its begin: the host goes on without its kept files after that. */
#define KEEP_WAIT_MS 60000

/* When the next look is due, after one that found @size bytes. */
uint64_t keep_next_look_ms(uint64_t size);

/* Is a part the next one of an archive of @total bytes of which @have are there? @have 0: it is the first, and says the total.
 */
bool keep_part_fits(const struct msg_agent_keep_part *m, uint64_t have, uint64_t total);

enum keep_step {
        KEEP_STEP_NOTHING, /* the answer is about something older */
        KEEP_STEP_SEND,    /* the part at the answer's offset */
        KEEP_STEP_DONE,    /* saved, or never to be: nothing to do before something changes */
        KEEP_STEP_LATER,   /* offer it again after KEEP_BUSY_MS */
        KEEP_STEP_OFFER,   /* offer it now */
        KEEP_STEP_LOOK,    /* the server takes so much: look again, and pack it */
        KEEP_STEP_STOP,    /* nothing more in this boot */
};

/* @sha256, @size: of what is being offered. */
enum keep_step keep_step(const struct msg_agent_keep_answer *m, const uint8_t sha256[SHA256_SIZE], size_t size);

#endif
