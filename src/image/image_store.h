/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_STORE_H
#define DOMPOOL_IMAGE_IMAGE_STORE_H
/* The content-addressed store of node images on disk; layout in model/image.h. Reading needs no privilege. */
#include <stdbool.h>

#include "base/error.h"
#include "base/sign.h"
#include "model/image.h"

/* All versions, newest first. @ret is malloc'ed. */
int image_store_list(const char *store, struct image **ret, size_t *ret_n, struct error *err);

/* By version id, by tag ("micro" = "micro:current", "micro:previous"), or by the first 8 digits or more of an id that only one
 * version has. ERR_NOT_FOUND says what there is. */
int image_store_find(const char *store, const char *name, struct image *ret, struct error *err);

/* The version on a tag: "current" or "previous" of @name; false: there is none. */
bool image_store_tagged(const char *store, const char *name, const char *tag, char ret[IMAGE_ID_SIZE]);

/* Publishes a finished folder (xen.gz, vmlinuz, initrd): computes hashes and id, signs (@key NULL: not), renames it in, moves
 * the tags. @im: name, recipe, versions and args are given; id and files are filled in. Publishing the same content again is no
 * error, changes no tag, and signs what was not signed by this room. The lock is held. */
int image_store_publish(const char *store, const char *folder, const struct sign_pair *key, struct image *im,
                        struct error *err);

/* Signs a version that this room's key has not signed yet. The lock is held. */
int image_store_sign(const char *store, const char *id, const struct sign_pair *key, struct error *err);

/* These take the lock themselves (image_lock.h). */

/* Makes @version (as image_store_find takes it), which must be one of @name's, NAME's current one; the one that was becomes the
 * previous. *ret: the version. */
int image_store_set(const char *store, const char *name, const char *version, struct image *ret, struct error *err);

/* Previous and current change places. *ret: the version that is current now. */
int image_store_rollback(const char *store, const char *name, struct image *ret, struct error *err);

#endif
