/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_KEEP_STATE_H
#define DOMPOOL_MODEL_KEEP_STATE_H
/*
 * How kept files were put back at a boot, as one line of text in RUN_DIR/kept: left by the agent's --restore for dompool-init,
 * who tells of it, and for the agent that comes after it, which saves or does not. Pure.
 */
#include <stdbool.h>

#include "base/digest.h"

#define KEEP_STATE_NAME "kept" /* in RUN_DIR */
#define KEEP_STATE_SIZE 300

struct keep_state {
        bool ok;                     /* they were, or there were none: this boot saves */
        uint8_t sha256[SHA256_SIZE]; /* ok: what the server has; zero: nothing */
        char trouble[256];           /* not ok: why */
};

/* The line with its newline, and back, with or without one. -EINVAL. */
void keep_state_write(const struct keep_state *s, char ret[KEEP_STATE_SIZE]);
int keep_state_read(const char *text, struct keep_state *ret);

#endif
