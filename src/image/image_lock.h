/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_LOCK_H
#define DOMPOOL_IMAGE_IMAGE_LOCK_H
/*
 * The store's one lock: who holds it may write there. It goes with the process. With it held, whatever lies in STORE/tmp is the
 * rest of somebody who died.
 */
#include <stdbool.h>

#include "base/error.h"

/* Makes the store's folder where there is none. Waits for another holder, after @waiting was called (NULL: nobody is told).
 * Returns the descriptor that is the lock. */
int image_lock(const char *store, void (*waiting)(void *arg), void *arg, struct error *err);

/* The same without waiting; ERR_BUSY. */
int image_lock_try(const char *store, struct error *err);

/* Removes what those who died left in STORE/tmp. The lock is held. */
int image_sweep(const char *store, struct error *err);

#endif
