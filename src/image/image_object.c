/* SPDX-License-Identifier: Apache-2.0 */
/* The files of all versions' trees, by content. Runs in the image builder and in the task that clears the store. */
#include "image/image_object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "image/image_files.h"

static int
object_path(const char *store, const struct contents_entry *e, char ret[IMAGE_PATH_SIZE], struct error *err)
{
        char hash[SHA256_TEXT_SIZE];

        hex_text(e->sha256, sizeof(e->sha256), hash);
        return image_path(ret, err, "%s/objects/%.2s/%s.%o.%u.%u", store, hash, hash + 2, (unsigned)e->mode, e->uid, e->gid);
}

/* By size, mode and owner, which a write that was cut short leaves wrong. What is in it is looked at by `image verify`. */
static bool
object_is_good(const char *path, const struct contents_entry *e)
{
        struct stat st;

        return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e->size &&
               (st.st_mode & 07777) == e->mode && st.st_uid == e->uid && st.st_gid == e->gid;
}

static int
link_one(const char *store, const char *root, const struct contents_entry *e, struct object_counts *n, struct error *err)
{
        char object[IMAGE_PATH_SIZE], file[IMAGE_PATH_SIZE + CONTENTS_PATH_MAX], fresh[IMAGE_PATH_SIZE], *slash;
        int r;

        snprintf(file, sizeof(file), "%s%s", root, e->path);
        n->files++;
        n->bytes += e->size;
        if (llistxattr(file, NULL, 0) > 0)
                return 0;
        if ((r = object_path(store, e, object, err)) < 0)
                return r;
        if (object_is_good(object, e)) {
                if ((r = image_path(fresh, err, "%s/tmp/object", store)) < 0)
                        return r;
                unlink(fresh);
                if (link(object, fresh) == 0)
                        return rename(fresh, file) < 0 ? error_errno_set(err, errno, "%s", file) : 0;
                if (errno != EMLINK)
                        return error_errno_set(err, errno, "%s", object);
                return 0; /* a file that is everywhere, such as the empty one: this tree has its own */
        }
        unlink(object);
        n->new_files++;
        n->new_bytes += e->size;
        slash = strrchr(object, '/');
        *slash = '\0';
        r = image_mkdir(object, err);
        *slash = '/';
        if (r < 0)
                return r;
        return link(file, object) < 0 && errno != EMLINK ? error_errno_set(err, errno, "%s", object) : 0;
}

int
image_objects_link(const char *store, const char *root, const struct contents *c, struct object_counts *ret, struct error *err)
{
        struct object_counts n = {0};
        int r = 0;

        for (size_t i = 0; r == 0 && i < c->n; i++)
                if (c->entries[i].type == CONTENTS_FILE)
                        r = link_one(store, root, &c->entries[i], &n, err);
        if (r == 0 && ret)
                *ret = n;
        return r;
}

static int
sweep_folder(const char *folder, bool dry_run, uint64_t *bytes, struct error *err)
{
        _cleanup_closedir_ DIR *d = opendir(folder);
        struct dirent *e;

        if (!d)
                return error_errno_set(err, errno, "%s", folder);
        while ((e = readdir(d))) {
                struct stat st;

                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
                        continue;
                if (!dry_run && unlinkat(dirfd(d), e->d_name, 0) < 0)
                        return error_errno_set(err, errno, "%s/%s", folder, e->d_name);
                *bytes += (uint64_t)st.st_size;
        }
        return 0;
}

int
image_objects_sweep(const char *store, bool dry_run, uint64_t *ret_bytes, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        uint64_t bytes = 0;
        int r = 0;

        for (unsigned i = 0; r == 0 && i < 256; i++) {
                r = image_path(path, err, "%s/objects/%02x", store, i);
                if (r == 0 && access(path, F_OK) == 0)
                        r = sweep_folder(path, dry_run, &bytes, err);
        }
        if (r == 0)
                *ret_bytes = bytes;
        return r;
}
