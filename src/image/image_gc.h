/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_GC_H
#define DOMPOOL_IMAGE_IMAGE_GC_H
/*
 * Takes versions out of the store, and what nobody needs any more. Who uses a version - profiles, hosts, boots - the caller
 * knows; tags are looked at here once more, under the store's lock.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/image.h"

#define IMAGE_GC_MAX 1024 /* versions at a time */

struct image_gc_result {
        uint32_t versions; /* removed */
        uint64_t bytes;    /* that the disk got back */
};

/* The tags that name the version, as "micro:current, micro:previous"; empty: none. */
void image_gc_tags(const char *store, const struct image *im, char *ret, size_t size);

/* Bytes on the disk that only this version has. */
uint64_t image_gc_size(const char *store, const char *id);

/* Removes these versions, each of which is wholly there until it is wholly gone, and sweeps. ERR_BUSY, and nothing is removed,
 * when one of them has a tag. An id that is not there is no error: it was removed before a restart. */
int image_gc_remove(const char *store, const char (*ids)[IMAGE_ID_SIZE], size_t n, struct image_gc_result *ret,
                    struct error *err);

#endif
