/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_CLOCK_H
#define DOMPOOL_BASE_CLOCK_H
/*
 * The only source of time. Decisions take `now` as an argument; a program reads it here once per event and hands it down.
 * Scenarios make a virtual clock and step it.
 */
#include <stdint.h>

struct clock {
        int is_virtual;
        int64_t mono_ms; /* virtual only */
        int64_t wall_ms; /* virtual only */
};

void
clock_init_real(struct clock *c);

/* Starts at the given times, milliseconds. */
void
clock_init_virtual(struct clock *c, int64_t mono_ms, int64_t wall_ms);

/* Moves a virtual clock; both times go forward together. */
void
clock_step(struct clock *c, int64_t ms);

/* CLOCK_BOOTTIME in milliseconds: for intervals and timers. */
int64_t
clock_mono_ms(const struct clock *c);

/* Milliseconds since 1970 UTC: for what is stored and shown. */
int64_t
clock_wall_ms(const struct clock *c);

#define WALL_TEXT_SIZE 32
/* "2026-11-21T21:40:03.125Z" */
char *
wall_text(int64_t wall_ms, char buf[WALL_TEXT_SIZE]);

#endif
