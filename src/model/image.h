/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_IMAGE_H
#define DOMPOOL_MODEL_IMAGE_H
/*
 * A version of a node image. On disk it is a folder of the image store named by its id:
 *
 *     STORE/versions/<id>/{xen.gz,vmlinuz,initrd,manifest.json}      immutable; id = SHA-256 over names and contents
 *     STORE/versions/<id>/{initrd-root,root.squashfs,root/}          where the root comes over the network; root/ is not in the id,
 *                                                                    it is the same as root.squashfs
 *     STORE/tags/<name>.json                                         {"current": id, "previous": id}
 *     STORE/loaders/{pxelinux.0,ldlinux.c32,mboot.c32,libcom32.c32,grub/x86_64-efi/core.efi, ...}
 *
 * manifest.json is this record as JSON.
 */
#include "base/rec.h"
#include "model/host.h"

#define IMAGE_MAX_FILES 8

struct image_file {
        char name[NAME_SIZE];  /* "xen.gz", "vmlinuz", "initrd" */
        uint64_t size;         /* bytes */
        uint8_t sha256[32];
};

struct image {
        char id[IMAGE_ID_SIZE];
        char name[NAME_SIZE];       /* "micro" */
        char recipe[NAME_SIZE];
        char xen_version[NAME_SIZE];
        char kernel_version[NAME_SIZE];
        char xen_args[ARGS_SIZE];    /* the image's own defaults */
        char kernel_args[ARGS_SIZE];
        int64_t built_ms;            /* not part of the id */
        uint32_t n_files;
        struct image_file files[IMAGE_MAX_FILES];
};
extern const struct rec_desc image_desc;

/* NULL: it has no such file. */
const struct image_file *image_file_find(const struct image *im, const char *name);

#endif
