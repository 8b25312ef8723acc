/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_CONTENTS_H
#define DOMPOOL_IMAGE_IMAGE_CONTENTS_H
/*
 * What is in a version: its file `contents`, text, one line for each package and each entry of the dom0's tree, fields with
 * tabs between:
 *
 *     package NAME VERSION
 *     file MODE UID GID SIZE SHA256 PATH          MODE octal, PATH absolute
 *     dir MODE UID GID PATH
 *     link UID GID PATH TARGET
 *
 * Packages first, then paths in the order of bytes: the same tree gives the same text. The manifest has the file's hash, so its
 * signature covers the tree that is served by NFS as well. Names with a tab, a newline or over CONTENTS_PATH_MAX are refused.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "image/image_apt.h"
#include "image/image_tree.h"

#define CONTENTS_NAME "contents"
#define CONTENTS_MAX (64u << 20) /* bytes of the file */
#define CONTENTS_PATH_MAX 1000

enum contents_type { CONTENTS_PACKAGE, CONTENTS_FILE, CONTENTS_DIR, CONTENTS_LINK, CONTENTS_TYPE_N };

struct contents_entry {
        uint32_t type; /* enum contents_type */
        mode_t mode;   /* permission bits */
        uint32_t uid, gid;
        uint64_t size;
        uint8_t sha256[32];
        char *path; /* PACKAGE: its name */
        char *text; /* LINK: the target; PACKAGE: the version; else NULL */
};

struct contents {
        size_t n, room;
        struct contents_entry *entries;
};

void contents_deinit(struct contents *c);

int contents_add_package(struct contents *c, const char *name, const char *version, struct error *err);

/* The entries of an initrd, hashed; all of root's. */
int contents_add_tree(struct contents *c, const struct tree *t, struct error *err);

/* The tree below a folder of this machine; what is neither file, folder nor link is left out. */
int contents_add_folder(struct contents *c, const char *folder, struct error *err);

/* Sorts, and writes the file. */
int contents_write(struct contents *c, const char *path, struct error *err);

/* Pure; @text is NUL-terminated and cut up, @name is for messages. ERR_INVALID names the line. */
int contents_parse(struct contents *ret, const char *name, char *text, struct error *err);

/* Of a version's folder; -ENOENT, in words, where it has none: built by an older dompool. */
int contents_read(const char *folder, struct contents *ret, struct error *err);

/* The first entry of that type and path, by its order; NULL. */
const struct contents_entry *contents_find(const struct contents *c, enum contents_type type, const char *path);

#endif
