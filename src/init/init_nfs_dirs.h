/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_NFS_DIRS_H
#define DOMPOOL_INIT_INIT_NFS_DIRS_H
/*
 * Directories over NFS (model/nfs_dirs.h): mounted once the root is there and before anything writes beside them. One attempt
 * is one child, with a process for each directory, so that no server is waited for behind another, and none longer than
 * INIT_NFS_DIRS_LIMIT_S. The boot waits for the first attempt alone; those that follow bring what was missing, in a host that
 * is up.
 *
 *   RAM:          lease --> keep --> attempt --> xenconsoled, agent            once more, later and later, until all are there
 *   first stage:  lease --> root --> keep --> attempt --> switch to the root --> (the same)
 *
 * A directory that is not there yet is empty and read-only: what belongs on the server must not be lost in RAM.
 */
#include <stdbool.h>
#include <stddef.h>

#include "model/nfs_dirs.h"

#define INIT_NFS_DIRS_LIMIT_S 20

/* What an attempt made of one directory. */
struct init_nfs_tried {
        bool there;
        char why[200]; /* not */
};

/* Starts an attempt for those that are not mounted below @root ("": ours); its pid, or negative errno. Its success is that all
 * are; what has become of each is in NFS_DIRS_FILE. */
int init_nfs_dirs_start(const struct nfs_dirs *dirs, const char *root);

/* What was said last of them, and when. */
struct init_nfs_dirs_news {
        char text[NFS_DIRS_STATE_SIZE];
        int64_t said_ms;
};

/* After an attempt, @all of them there or not: is there something new to say? Then it is n->text. Other reasons for what is not
 * there are news once in INIT_NFS_DIRS_SAY_MS: they may take turns for days. */
#define INIT_NFS_DIRS_SAY_MS 60000
bool init_nfs_dirs_news(struct init_nfs_dirs_news *n, bool all, int64_t now_ms);

/* NFS_DIRS_FILE's line; what is not there comes first. Pure. */
void init_nfs_dirs_text(const struct nfs_dirs *dirs, const struct init_nfs_tried tried[NFS_DIRS_MAX], char *buf, size_t size);

/* Opens the folder @path below the folder @root; what is missing of it is made (0755), and no link is followed, for it could
 * lead into the system. The descriptor, or an error. */
int init_nfs_dirs_folder(const char *root, const char *path, struct error *err);

#endif
