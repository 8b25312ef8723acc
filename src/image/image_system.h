/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_SYSTEM_H
#define DOMPOOL_IMAGE_IMAGE_SYSTEM_H
/*
 * A whole Debian as a tree: installed by mmdebstrap, by its maintainers' scripts, in a chroot; then the recipe's files and
 * hooks. Needs root. The Debian itself is kept as STORE/bases/NAME-<key>, so that a change of the recipe's files costs no
 * installation.
 */
#include "base/error.h"
#include "image/image_contents.h"
#include "image/image_recipe.h"
#include "image/image_tree.h"

struct image_system {
        const char *store;
        const char *temp;           /* the build's folder below STORE/tmp */
        const char *root;           /* where the tree is to be; must not exist */
        const char *kernel;         /* unpacked packages, with lib/modules/VERSION */
        const char *kernel_version; /* known once it is unpacked; NULL before */
        const char *kernel_package; /* file name of the .deb: which build of the kernel */
        const struct recipe *recipe;
        void (*progress)(void *arg, const char *step, unsigned percent, const char *text);
        void *arg;
};

#define IMAGE_SYSTEM_KEY_SIZE 17
/* What decides how the Debian is installed: the recipe's packages, apt's sources and their present lists, the kernel. */
int image_system_key(const struct image_system *s, char ret[IMAGE_SYSTEM_KEY_SIZE], struct error *err);

/* Is the tree that the recipe asks for kept already? Else installs it. Then copies it to ->root. */
int image_system_install(const struct image_system *s, struct error *err);

/* Puts the entries over the tree; no link in the tree leads out of it. */
int image_system_put(const struct tree *t, const char *root, struct error *err);

/* Writes the recipe's writable paths to /etc/dompool/flash of the tree. */
int image_system_writable(const struct image_system *s, struct error *err);

/* Runs RECIPE/hooks/ in the tree, in the order of names, each as root without network. */
int image_system_hooks(const struct image_system *s, struct error *err);

/* Refuses a tree with a password or a private key in it, ERR_DENIED. */
int image_system_check(const char *root, struct error *err);

/* The packages that are installed in the tree. */
int image_system_packages(const char *root, struct contents *c, struct error *err);

/* As a squashfs, owners and capabilities kept. */
int image_system_pack(const char *root, const char *squashfs, unsigned level, struct error *err);

#endif
