/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_BUILD_H
#define DOMPOOL_IMAGE_IMAGE_BUILD_H
/*
 * Makes a node image from Debian packages by a recipe (images/NAME/): needs root or not (it does not chroot), needs apt.
 * Everything is made in a temporary folder of the store and published by rename; an interrupted build leaves nothing.
 * Cached by content: when recipe, package versions and our programs are those of a version in the store, nothing is done.
 */
#include "base/error.h"
#include "model/image.h"

struct image_build {
        const char *store;
        const char *recipe_dir;  /* images/micro */
        const char *program_dir; /* where dompool-init, dompool-agent, dompool-hv, dompool-vif are */
        const char *name;        /* tag */
        const char *key_file;    /* the room's key; NULL: one in the store */
        const char *ssh_keys;    /* file of the administrators' public SSH keys; NULL: there are none */
        /* NULL or called for each step: name, 0..100, a text for people */
        void (*progress)(void *arg, const char *step, unsigned percent, const char *text);
        void *arg;
};

int image_build(const struct image_build *b, struct image *ret, struct error *err);

/* Copies PXELINUX's and makes GRUB's loader files in STORE/loaders from Debian's packages; does nothing when they are current.
 */
int loaders_build(const char *store, struct error *err);

#endif
