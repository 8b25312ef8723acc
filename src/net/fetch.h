/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_FETCH_H
#define DOMPOOL_NET_FETCH_H
/*
 * Fetches one file of known hash over plain HTTP into a folder: FOLDER/<hex>, or another name, appears only once size and
 * SHA-256 are right. The network may be anybody's; the hash came over TLS.
 *
 *     connect -> head -> body into FOLDER/<name>.<number>.part -> hash -> rename
 *        |         |       |                                      |
 *        +---------+-------+-- lost, stalled 15 s: again, 3 times; wrong hash or "not found": failed
 */
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"

#define FETCH_URL_SIZE 300

struct fetch;

struct fetch_what {
        uint32_t address; /* host order */
        uint16_t port;
        const char *url; /* "/blob/<hex>"; at most FETCH_URL_SIZE - 1 bytes */
        uint8_t sha256[32];
        uint64_t size;
        const char *folder;
        const char *name; /* of the file in it; NULL: its hash in hex */
        uint64_t number;  /* makes the part file's name unique among fetches that run at once */
        bool resume;      /* a part that a fetch of this number left is gone on with, and one is left when this fetch fails */
};

/* Called at each full percent. */
typedef void (*fetch_progress_fn)(void *arg, unsigned percent);

/* Once, never inside fetch_start; @err is NULL when the file is there. The fetch is gone afterwards. */
typedef void (*fetch_done_fn)(void *arg, const struct error *err);

/* A file that is there already with the right size and hash is not fetched again. -ENOMEM or 0. */
int fetch_start(uv_loop_t *loop, const struct fetch_what *what, fetch_progress_fn on_progress, fetch_done_fn on_done, void *arg,
                struct fetch **ret);

/* Ends it without a callback. */
void fetch_cancel(struct fetch *f);

#endif
