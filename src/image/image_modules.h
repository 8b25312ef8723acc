/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_MODULES_H
#define DOMPOOL_IMAGE_IMAGE_MODULES_H
/* Puts a recipe's kernel modules, with all they depend on, and fresh depmod indexes into an image. */
#include "image/image_recipe.h"
#include "image/image_tree.h"

/* Where dompool-init finds what to load: lines "boot PATH" or "late PATH" below /lib/modules/VERSION, in order. */
#define IMAGE_BOOT_MODULES "/etc/dompool/modules"

/* The one kernel version below @root/lib/modules. */
int image_kernel_version(const char *root, char ret[NAME_SIZE], struct error *err);

/* @root: the unpacked packages; @stage: an empty folder of the build's own. */
int image_add_modules(struct tree *t, const struct recipe *r, const char *root, const char *stage, const char *version,
                      struct error *err);

#endif
