/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_KEEP_H
#define DOMPOOL_MODEL_KEEP_H
/*
 * Kept files: what belongs to a host and not to its image (SSH host keys, logs), saved to the server and put back at the next
 * boot. Here stand the image's list of such paths, and the archive in which they travel and are stored. Pure and bounded: the
 * archive's bytes are a stranger's.
 *
 *     list:     a line each, "/etc/ssh/ssh_host_*" or "/var/log/app": a file, or a folder with all in it
 *     archive:  KEEP_MAGIC, then struct keep_archive in its binary form (base/rec.h), in the order of the paths
 */
#include <stdbool.h>

#include "base/error.h"
#include "base/rec.h"

#define KEEP_LIST_PATH "/etc/dompool/keep"
#define KEEP_LIST_SIZE (8u << 10) /* of that file */
#define KEEP_MAX_PATHS 32
#define KEEP_PATTERN_SIZE 200

#define KEEP_PATH_SIZE 256
#define KEEP_MAX_FILES 512 /* folders count as well */
#define KEEP_DEPTH 16      /* folders in folders */
#define KEEP_MAGIC "DPKEEP1\n"

/* Bytes of a host's archive: what the server may be told to take, and what it takes unless told otherwise. */
#define KEEP_LIMIT_MIN (4u << 10)
#define KEEP_LIMIT_DEFAULT (1u << 20)
#define KEEP_LIMIT_MAX (16u << 20)

#define KEEP_FOLDER 040000u /* in a mode: S_IFDIR, and */
#define KEEP_FILE 0100000u  /* S_IFREG, as Linux has them */

struct keep_list {
        size_t n;
        char paths[KEEP_MAX_PATHS][KEEP_PATTERN_SIZE];
};

struct keep_file {
        char path[KEEP_PATH_SIZE];
        uint32_t mode; /* KEEP_FILE or KEEP_FOLDER, and permissions: nothing that gives rights (set-uid, set-gid of a file) */
        uint32_t uid, gid;
        int64_t mtime_ns; /* 0 for folders: theirs change with each file in them */
        struct blob data; /* empty for folders */
};

struct keep_archive {
        uint32_t n_files;
        struct keep_file files[KEEP_MAX_FILES];
};
extern const struct rec_desc keep_archive_desc;

/* A path that can be kept: absolute, printable ASCII, no empty, "." or ".." part, and none of those that are no host's own:
 * /proc, /sys, /dev, /run, /etc/dompool, /usr/lib/dompool, Xen's in /var. @what for the message. */
int keep_path_check(const char *what, const char *path, struct error *err);

/* A line of a list: such a path, of which the last part may be a pattern of fnmatch(3). */
int keep_pattern_check(const char *what, const char *pattern, struct error *err);

/* The text of KEEP_LIST_PATH. '#' begins a comment. ERR_INVALID names the line; ERR_LIMIT. */
int keep_list_parse(const char *text, struct keep_list *ret, struct error *err);

/* Is @path one that @pattern means, or below one? */
bool keep_pattern_covers(const char *pattern, const char *path);
/* The same of any of the list's. */
bool keep_list_covers(const struct keep_list *list, const char *path);

/* The folder in which @pattern's last part is looked for: "/etc/ssh". @ret_last points into @pattern. */
void keep_pattern_split(const char *pattern, char ret_folder[KEEP_PATTERN_SIZE], const char **ret_last);

/* The archive's bytes, malloc'ed, and their number. The files must be in order. ERR_NO_SPACE. */
int keep_archive_write(const struct keep_archive *a, uint8_t **ret, size_t *ret_size, struct error *err);

/* Fills @ret (all zero before), which the caller clears with rec_clear. Nothing that is read leads out: each path stands once,
 * in order, below @list (NULL: any path that can be kept), and its mode gives no rights. ERR_INVALID, ERR_LIMIT, ERR_NO_SPACE.
 */
int keep_archive_read(const uint8_t *data, size_t size, const struct keep_list *list, struct keep_archive *ret,
                      struct error *err);

#endif
