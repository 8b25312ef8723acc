/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_FOLDER_H
#define DOMPOOL_BASE_FOLDER_H
/* A folder with all below it, entry by entry. */
#include <stdbool.h>

struct folder_walk {
        bool links;  /* follow symbolic links; else they are entries like files */
        bool hidden; /* those whose names begin with a dot, too */
        /* What is no folder. @path: of the entry, below the path that the walk was begun with. */
        void (*file)(void *arg, int dir, const char *name, const char *path);
        void (*left)(void *arg, int dir, const char *name); /* a folder, after all in it; NULL: it is not of interest */
        void *arg;
};

/* Takes over @dir (-1: there is none, nothing is done). @depth: of folders in folders; what is deeper is passed over. */
void folder_walk(int dir, const char *path, unsigned depth, const struct folder_walk *w);

#endif
