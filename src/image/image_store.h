/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_STORE_H
#define DOMPOOL_IMAGE_IMAGE_STORE_H
/* The content-addressed store of node images on disk; layout in model/image.h. Reading needs no privilege. */
#include "base/error.h"
#include "model/image.h"

/* All versions, newest first. @ret is malloc'ed. */
int image_store_list(const char *store, struct image **ret, size_t *ret_n, struct error *err);

/* By version id, by tag ("micro" = "micro:current", "micro:previous"). ERR_NOT_FOUND says what there is. */
int image_store_find(const char *store, const char *name, struct image *ret, struct error *err);

/* Publishes a finished folder (xen.gz, vmlinuz, initrd): computes hashes and id, renames it in, moves the tags. @im: name,
 * recipe, versions and args are given; id and files are filled in. Publishing the same content again is no error and changes no
 * tag. */
int image_store_publish(const char *store, const char *folder, struct image *im, struct error *err);

#endif
