/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_LAB_LAB_INTERRUPT_H
#define DOMPOOL_LAB_LAB_INTERRUPT_H
/* Ctrl-C, TERM and HUP while a room is made: noted, not deadly, so that the room can be taken down first. */
#include <stdbool.h>

#include "base/error.h"

/* From here on the three signals only leave a note; system calls return EINTR. */
void lab_interrupt_catch(void);

/* Has one arrived? Never goes back to false. */
bool lab_interrupted(void);

/* Sleeps, less when interrupted. Returns ERR_CANCELLED's errno (and sets @err) when a signal has arrived. */
int lab_sleep_ms(unsigned ms, struct error *err);

#endif
