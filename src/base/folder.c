/* SPDX-License-Identifier: Apache-2.0 */
/* See folder.h. */
#include "base/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static bool
is_of_interest(const struct folder_walk *w, const char *name)
{
        return w->hidden ? strcmp(name, ".") != 0 && strcmp(name, "..") != 0 : name[0] != '.';
}

void
folder_walk(int dir, const char *path, unsigned depth, const struct folder_walk *w)
{
        DIR *d = dir < 0 ? NULL : fdopendir(dir);
        struct dirent *e;

        if (!d) {
                cleanup_close(&dir);
                return;
        }
        while ((e = readdir(d))) {
                char name[PATH_MAX];
                struct stat st;

                if (!is_of_interest(w, e->d_name) ||
                    fstatat(dirfd(d), e->d_name, &st, w->links ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ||
                    snprintf(name, sizeof(name), "%s/%s", path, e->d_name) >= (int)sizeof(name))
                        continue;
                if (!S_ISDIR(st.st_mode)) {
                        w->file(w->arg, dirfd(d), e->d_name, name);
                } else if (depth > 0) {
                        folder_walk(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (w->links ? 0 : O_NOFOLLOW)),
                                    name, depth - 1, w);
                        if (w->left)
                                w->left(w->arg, dirfd(d), e->d_name);
                }
        }
        closedir(d);
}
