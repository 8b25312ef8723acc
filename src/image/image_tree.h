/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_TREE_H
#define DOMPOOL_IMAGE_IMAGE_TREE_H
/*
 * The initrd as a list of what is to be in it, and its archive. The archive depends on names, modes and contents alone (sorted,
 * times 0, owner 0): the same input gives the same bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define TREE_MAX_ENTRIES 8192

struct tree_entry {
        char *path;   /* "usr/sbin/xenstored": without the leading slash */
        char *source; /* file on disk; link: its target; NULL for folders */
        mode_t mode;  /* with S_IFMT */
        uint64_t size;
};

struct tree {
        struct tree_entry *entries;
        size_t n, room;
};

/* Each adds the folders above as well (0755). The same path twice is ERR_EXISTS, but for folders, whose first mode stays. Paths
 * absolute. */
int tree_add_folder(struct tree *t, const char *path, mode_t mode, struct error *err);
/* @mode 0: executable if the source is. */
int tree_add_file(struct tree *t, const char *path, const char *source, mode_t mode, struct error *err);
int tree_add_link(struct tree *t, const char *path, const char *target, struct error *err);

const struct tree_entry *tree_find(const struct tree *t, const char *path);

/* Adds the libraries and the dynamic linker that the files in the tree need, and those libraries' own, searched for below
 * @packages (an extracted file system) and then on this machine; returns the latter's paths in *ret_host (malloc'ed,
 * NULL-terminated). */
int tree_add_libraries(struct tree *t, const char *packages, char ***ret_host, struct error *err);
/* One library by its name, as above. */
int tree_add_library(struct tree *t, const char *packages, const char *name, char ***host, struct error *err);
void tree_host_free(char **host);

/* Sorts and writes a newc cpio archive, compressed by "zstd", "xz" or "gzip". */
int tree_write(struct tree *t, const char *path, const char *compression, unsigned level, struct error *err);

void tree_deinit(struct tree *t);

#endif
