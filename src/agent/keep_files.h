/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_KEEP_FILES_H
#define DOMPOOL_AGENT_KEEP_FILES_H
/*
 * Kept files on a host's own file system: found, read, put back. No link is followed, not in a path's middle either; what is
 * neither a file nor a folder is passed over. @root: a descriptor of "/", or of a folder in its place.
 */
#include "model/keep.h"

/* What there is, without contents. */
struct keep_look {
        uint64_t mark;     /* changes when any of it does */
        uint64_t size;     /* of the archive, about */
        uint32_t n_passed; /* links, devices, other file systems, names that are no printable ASCII, what lies too deep */
        char biggest[KEEP_PATH_SIZE];
        uint64_t biggest_size;
};

/* Fills @ret (cleared by the caller) in the archive's order; its files have no data. ERR_LIMIT: more than KEEP_MAX_FILES. */
int keep_files_find(int root, const struct keep_list *list, struct keep_archive *ret, struct keep_look *ret_look,
                    struct error *err);

/* Reads the contents of what was found; what has gone since is left out. ERR_LIMIT: together over KEEP_LIMIT_MAX. */
int keep_files_read(int root, struct keep_archive *a, struct error *err);

/* Makes them as they were: contents, mode, owner, time. Each file appears at once, complete. One that cannot be put back does
 * not keep the others from it; @err tells of the first. @ret_n: how many were put back. */
int keep_files_write(int root, const struct keep_archive *a, uint32_t *ret_n, struct error *err);

#endif
