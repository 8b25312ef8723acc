/* SPDX-License-Identifier: Apache-2.0 */
/* Writes an image's tree to disk and packs it as a squashfs. Runs in the image builder. */
#include "image/image_root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image_files.h"

/* The order of a tree does not matter here: a folder comes before what is in it (tree_add_*). */
static int
write_entry(const struct tree_entry *e, const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = image_path(path, err, "%s/%s", folder, e->path);

        if (r < 0)
                return r;
        if (S_ISREG(e->mode))
                r = image_copy(e->source, path, e->mode & 07777, err);
        else if (S_ISLNK(e->mode) ? symlink(e->source, path) < 0 : mkdir(path, 0755) < 0)
                r = error_errno_set(err, errno, "%s", path);
        /* Whatever the builder's umask is */
        if (r == 0 && !S_ISLNK(e->mode) && chmod(path, e->mode & 07777) < 0)
                r = error_errno_set(err, errno, "%s", path);
        return r;
}

static int
set_time(const char *folder, const char *path, struct error *err)
{
        static const struct timespec epoch[2] = {{0}, {0}};
        char full[IMAGE_PATH_SIZE];
        int r = image_path(full, err, "%s%s%s", folder, *path ? "/" : "", path);

        if (r == 0 && utimensat(AT_FDCWD, full, epoch, AT_SYMLINK_NOFOLLOW) < 0)
                r = error_errno_set(err, errno, "%s", full);
        return r;
}

int
image_root_unpack(const struct tree *t, const char *folder, struct error *err)
{
        int r = 0;

        if (mkdir(folder, 0755) < 0)
                return error_errno_set(err, errno, "%s", folder);
        /* Twice: a file that is added changes its folder's time. */
        for (size_t i = 0; i < t->n && r == 0; i++)
                r = write_entry(&t->entries[i], folder, err);
        for (size_t i = 0; i < t->n && r == 0; i++)
                r = set_time(folder, t->entries[i].path, err);
        return r < 0 ? r : set_time(folder, "", err);
}

int
image_root_pack(const char *folder, const char *squashfs, unsigned level, struct error *err)
{
        char text[8];
        const char *const argv[] = {
                "mksquashfs", folder,       squashfs,       "-noappend", "-all-root", "-all-time",           "0",  "-mkfs-time",
                "0",          "-no-xattrs", "-no-progress", "-comp",     "zstd",      "-Xcompression-level", text, NULL};

        snprintf(text, sizeof(text), "%u", level);
        return image_run(argv, NULL, "squashfs-tools", NULL, err);
}
