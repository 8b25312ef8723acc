/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_CACHE_H
#define DOMPOOL_IMAGE_IMAGE_CACHE_H
/*
 * Remembers what the last build of each recipe was made of (STORE/builds/NAME.json), so that building again what has not
 * changed takes no time. The key covers the recipe, the packages and our programs; libraries of this machine are compared by
 * size and time.
 */
#include "image/image_apt.h"
#include "image/image_recipe.h"
#include "model/image.h"

#define CACHE_KEY_SIZE 65

/* Grows when the same input would be built differently. */
#define IMAGE_BUILDER_VERSION 4

int image_cache_key(const struct recipe *r, const struct recipe *stage, const struct apt_package *packages, size_t n_packages,
                    const char *store, const char *program_dir, char ret[CACHE_KEY_SIZE], struct error *err);

/* true and *ret filled: the store has what this build would give. */
bool image_cache_find(const char *store, const char *name, const char *key, struct image *ret);

/* @host: NULL-terminated paths of this machine's files in the image, or NULL. */
int image_cache_put(const char *store, const char *name, const char *key, const char *id, char *const *host, struct error *err);

#endif
