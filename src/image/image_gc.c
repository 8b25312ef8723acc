/* SPDX-License-Identifier: Apache-2.0 */
/* Removes versions, left-over folders, and objects without a tree. Runs in a child of role work, and in `dompool image rm|gc
 * --store`. */
#include "image/image_gc.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"
#include "image/image_lock.h"
#include "image/image_object.h"
#include "image/image_store.h"

void
image_gc_tags(const char *store, const struct image *im, char *ret, size_t size)
{
        static const char *const tags[] = {"current", "previous"};

        *ret = '\0';
        for (size_t i = 0; i < N_ELEMENTS(tags); i++) {
                char id[IMAGE_ID_SIZE];

                if (!image_store_tagged(store, im->name, tags[i], id) || strcmp(id, im->id) != 0)
                        continue;
                snprintf(ret + strlen(ret), size - strlen(ret), "%s%s:%s", *ret ? ", " : "", im->name, tags[i]);
        }
}

/* nftw has no argument for its callback. */
static uint64_t size_sum;

/* A tree's file is linked from the version and from objects: with two links it is this version's alone. */
static int
size_step(const char *path, const struct stat *st, int flag, struct FTW *f)
{
        (void)path, (void)f;
        if (flag == FTW_F && st->st_nlink <= 2)
                size_sum += (uint64_t)st->st_blocks * 512;
        return 0;
}

uint64_t
image_gc_size(const char *store, const char *id)
{
        char path[IMAGE_PATH_SIZE];
        struct error ignored;

        size_sum = 0;
        if (image_path(path, &ignored, "%s/versions/%s", store, id) == 0)
                nftw(path, size_step, 16, FTW_PHYS | FTW_MOUNT);
        return size_sum;
}

/* All are looked at before the first is removed. */
static int
check_tags(const char *store, const char (*ids)[IMAGE_ID_SIZE], size_t n, struct error *err)
{
        for (size_t i = 0; i < n; i++) {
                char tags[2 * NAME_SIZE + 32];
                struct error ignored;
                struct image im;

                if (image_store_find(store, ids[i], &im, &ignored) < 0)
                        continue; /* gone, or too damaged to have a tag that works */
                image_gc_tags(store, &im, tags, sizeof(tags));
                if (*tags)
                        return error_set(err, ERR_BUSY, "version %.16s is in use: it is %s", ids[i], tags);
        }
        return 0;
}

/* Out of versions/ by one rename; what of it is left by a death the next sweep removes. */
static int
remove_version(const char *store, const char *id, struct image_gc_result *n, struct error *err)
{
        char path[IMAGE_PATH_SIZE], gone[IMAGE_PATH_SIZE];
        uint64_t bytes = image_gc_size(store, id);
        int r;

        if ((r = image_path(gone, err, "%s/tmp", store)) < 0 || (r = image_mkdir(gone, err)) < 0 ||
            (r = image_path(gone, err, "%s/tmp/gone-%.16s", store, id)) < 0 ||
            (r = image_path(path, err, "%s/versions/%s", store, id)) < 0)
                return r;
        if (rename(path, gone) < 0)
                return errno == ENOENT ? 0 : error_errno_set(err, errno, "%s", path);
        if ((r = image_path(path, err, "%s/facts/%s.json", store, id)) < 0)
                return r;
        unlink(path);
        n->versions++;
        n->bytes += bytes;
        return image_remove(gone, err);
}

static int
remove_locked(const char *store, const char (*ids)[IMAGE_ID_SIZE], size_t n, struct image_gc_result *ret, struct error *err)
{
        struct image_gc_result done = {0};
        uint64_t ignored;
        int r = check_tags(store, ids, n, err);

        if (r == 0)
                r = image_sweep(store, err);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = remove_version(store, ids[i], &done, err);
        if (r == 0)
                r = image_objects_sweep(store, false, &ignored, err);
        if (r == 0)
                *ret = done;
        return r;
}

int
image_gc_remove(const char *store, const char (*ids)[IMAGE_ID_SIZE], size_t n, struct image_gc_result *ret, struct error *err)
{
        _cleanup_close_ int lock = image_lock(store, NULL, NULL, err);

        return lock < 0 ? lock : remove_locked(store, ids, n, ret, err);
}
