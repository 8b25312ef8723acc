/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_NFS_DIRS_H
#define DOMPOOL_MODEL_NFS_DIRS_H
/*
 * Directories of a dom0 that lie on an NFS server and may be written to, as a profile (nfs-dirs) and the kernel's command line
 * (dompool.nfs-dirs=) say them. Pure.
 *
 *     nfs-dirs = "/home=10.0.0.5:/export/home, /srv/images=10.0.0.6:/vol/images:ro"
 *
 *     entry:  PATH=ADDRESS:/PATH[:VERSION][:ro]     version 4.1 where none is named
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/keep.h"

#define NFS_DIRS_MAX 8
#define NFS_DIRS_SIZE 232 /* a setting's text and NUL: a word of the command line has 255 bytes (init_options.c) */
#define NFS_PATH_SIZE 128 /* either path and NUL */
#define NFS_VERSION_SIZE 8
#define NFS_DIRS_FILE "/run/dompool/nfs-dirs" /* what has become of them, one line; dompool-init writes it */
#define NFS_DIRS_STATE_SIZE 512               /* it, with NUL */

struct nfs_dir {
        char path[NFS_PATH_SIZE];       /* in dom0; never a part of its system */
        uint32_t address;               /* of the server */
        char export[NFS_PATH_SIZE];     /* there */
        char version[NFS_VERSION_SIZE]; /* "3", "4.0", "4.1", "4.2" */
        bool read_only;
};

struct nfs_dirs {
        uint32_t n;
        struct nfs_dir list[NFS_DIRS_MAX]; /* none is another's, or lies below it */
};

/* "3", "4", "4.0", "4.1" or "4.2"; 4 is 4.1. false: none of them, and @ret untouched. */
bool nfs_version_parse(const char *text, char ret[NFS_VERSION_SIZE]);

/* Entries with blanks or commas between, at most NFS_DIRS_SIZE - 1 bytes of text; "": none. 0 or ERR_INVALID, and *ret
 * untouched. */
int nfs_dirs_parse(const char *text, struct nfs_dirs *ret, struct error *err);

/* The first of @list's paths that can lie in or above the directory @path; NULL: none. A kept file there would be that of all
 * hosts, and who looks for it would wait for the server. */
const char *nfs_dirs_kept(const char *path, const struct keep_list *list);

/* A form that a command line can hold, never longer than the text it was read from. Returns @buf. */
char *nfs_dirs_text(const struct nfs_dirs *dirs, char buf[NFS_DIRS_SIZE]);

#endif
