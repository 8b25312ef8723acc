/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_ROOT_H
#define DOMPOOL_IMAGE_IMAGE_ROOT_H
/*
 * The same tree that becomes an initrd, as a root that hosts mount: a folder for NFS and a squashfs for all that is read as a
 * block device or fetched whole. Times are 0 and owners root, so that the same tree gives the same bytes. Runs in the image
 * builder.
 */
#include "image/image_tree.h"

/* Writes the tree into @folder, which must not exist. Owners are root's where the builder is. */
int image_root_unpack(const struct tree *t, const char *folder, struct error *err);

/* Packs @folder with mksquashfs (package squashfs-tools), zstd at @level, padded to 4096 bytes. */
int image_root_pack(const char *folder, const char *squashfs, unsigned level, struct error *err);

#endif
