/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_OBJECT_H
#define DOMPOOL_IMAGE_IMAGE_OBJECT_H
/*
 * STORE/objects/<2 hex>/<62 hex>.<mode>.<uid>.<gid>: the regular files of all versions' trees, by content and by what a hard
 * link shares besides. A version's root/ is hard links to them, so that what two versions have in common is on the disk once. A
 * file with extended attributes (capabilities) stays its version's own. The store's lock is held.
 */
#include <stdint.h>

#include "base/error.h"
#include "image/image_contents.h"

struct object_counts {
        uint64_t files, bytes;         /* of the tree */
        uint64_t new_files, new_bytes; /* of these, what no version had */
};

/* Puts the files of @root, whose list is @c, into the objects and links them back in place. */
int image_objects_link(const char *store, const char *root, const struct contents *c, struct object_counts *ret,
                       struct error *err);

/* Removes the objects that no tree links to. *ret_bytes: freed. */
int image_objects_sweep(const char *store, bool dry_run, uint64_t *ret_bytes, struct error *err);

#endif
