/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_CPIO_WALK_H
#define DOMPOOL_IMAGE_CPIO_WALK_H
/*
 * Walks a cpio archive of the form that initrds have (newc, "070701" and "070702"), bytes in as they come, entries out. Pure,
 * bounded: whatever comes, it holds one name. Linux Documentation/driver-api/early-userspace/buffer-format.rst.
 *
 *     header -> name -> data -> ... -> TRAILER!!! -> zeros -> header ...
 *                                                      +----> something else: CPIO_REST (a packed archive follows, or the end)
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPIO_HEADER_SIZE 110
#define CPIO_NAME_SIZE 4096 /* PATH_MAX of Linux, which refuses longer ones as well */

struct cpio_entry {
        const char *name; /* as it stands there: "usr/bin/x", "./init", "/init" */
        uint32_t mode;
        uint64_t size;
};

struct cpio_sink {
        /* An entry begins. true: its bytes are wanted. */
        bool (*entry)(void *arg, const struct cpio_entry *e);
        /* Some of them, in order. May be NULL when entry() never says true. */
        void (*data)(void *arg, const uint8_t *data, size_t size);
        void *arg;
};

enum cpio_state { CPIO_HEADER, CPIO_NAME, CPIO_DATA, CPIO_ZEROS, CPIO_REST, CPIO_BROKEN };

struct cpio_walk {
        const struct cpio_sink *sink;
        enum cpio_state state;
        uint64_t offset;    /* bytes taken */
        uint64_t left, pad; /* of the entry's data */
        uint32_t name_size; /* with NUL */
        size_t have;        /* bytes in buf */
        bool wanted;        /* the entry's bytes */
        bool trailer;       /* one archive has ended, at least */
        struct cpio_entry entry;
        char buf[CPIO_NAME_SIZE + 4];
};

void cpio_walk_start(struct cpio_walk *w, const struct cpio_sink *sink);

/* Takes bytes; returns how many: fewer than @size only when the state is CPIO_REST (what follows is no cpio head) or
 * CPIO_BROKEN. */
size_t cpio_walk_feed(struct cpio_walk *w, const uint8_t *data, size_t size);

/* Did the bytes end where an archive may end? */
bool cpio_walk_complete(const struct cpio_walk *w);

/* Is it one of the heads that it reads? */
bool cpio_is_head(const uint8_t *data, size_t size);

#endif
