/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a version with its signed manifest, and its tree with the list that the manifest vouches for. Runs in a child of
 * role work, and in `dompool image verify --store`. */
#include "image/image_verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_contents.h"
#include "image/image_files.h"
#include "image/image_key.h"

static void damaged(struct image_verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
damaged(struct image_verify *v, const char *fmt, ...)
{
        va_list ap;

        if (v->n_damaged < IMAGE_VERIFY_DAMAGE) {
                va_start(ap, fmt);
                vsnprintf(v->damaged[v->n_damaged], sizeof(v->damaged[0]), fmt, ap);
                va_end(ap);
        }
        v->n_damaged++;
}

static void
check_file(const char *path, const char *shown, uint64_t size, const uint8_t sha256[32], struct image_verify *v)
{
        uint64_t have_size = 0;
        struct error err;
        uint8_t have[32];

        v->files++;
        if (image_hash(path, have, &have_size, &err) < 0) {
                damaged(v, "%.200s: %s", shown, err.code == ERR_NOT_FOUND ? "is missing" : "cannot be read");
                return;
        }
        v->bytes += have_size;
        if (have_size != size)
                damaged(v, "%.200s: has %llu bytes instead of %llu", shown, (unsigned long long)have_size,
                        (unsigned long long)size);
        else if (memcmp(have, sha256, sizeof(have)) != 0)
                damaged(v, "%.200s: its SHA-256 is not the one that was signed", shown);
}

/* Against the signed list; what stands in the tree and not in the list is damage as well. */
static int
check_root(const char *folder, struct image_verify *v, struct error *err)
{
        struct contents signed_list = {0}, tree = {0};
        char root[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(root, err, "%s/root", folder)) < 0)
                return r;
        if (access(root, F_OK) < 0)
                return 0;
        if ((r = contents_read(folder, &signed_list, err)) < 0 || (r = contents_add_folder(&tree, root, err)) < 0) {
                contents_deinit(&signed_list);
                contents_deinit(&tree);
                return r;
        }
        for (size_t i = 0; i < signed_list.n; i++) {
                const struct contents_entry *e = &signed_list.entries[i];
                char path[IMAGE_PATH_SIZE + CONTENTS_PATH_MAX];

                snprintf(path, sizeof(path), "%s%s", root, e->path);
                if (e->type == CONTENTS_FILE)
                        check_file(path, e->path, e->size, e->sha256, v);
        }
        for (size_t i = 0; i < tree.n; i++) {
                const struct contents_entry *e = &tree.entries[i];
                const struct contents_entry *known = contents_find(&signed_list, (enum contents_type)e->type, e->path);

                if (!known)
                        damaged(v, "%.200s: is not in the signed list", e->path);
                else if (known->mode != e->mode || known->uid != e->uid || known->gid != e->gid ||
                         (e->text && strcmp(e->text, known->text) != 0))
                        damaged(v, "%.200s: has another mode, owner or target than the signed list", e->path);
        }
        contents_deinit(&signed_list);
        contents_deinit(&tree);
        return 0;
}

int
image_verify(const char *store, const struct image *im, struct image_verify *ret, struct error *err)
{
        char folder[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];
        struct image_verify v = {0};
        int r;

        if ((r = image_path(folder, err, "%s/versions/%s", store, im->id)) < 0)
                return r;
        r = image_sign_check(store, folder, v.key, err);
        if (r < 0)
                return error_prefix(err, "image %s version %.16s", im->name, im->id);
        for (uint32_t i = 0; i < im->n_files; i++) {
                if ((r = image_path(path, err, "%s/%s", folder, im->files[i].name)) < 0)
                        return r;
                check_file(path, im->files[i].name, im->files[i].size, im->files[i].sha256, &v);
        }
        r = check_root(folder, &v, err);
        if (r == 0)
                *ret = v;
        return r;
}

int
image_verify_error(const struct image *im, const struct image_verify *v, struct error *err)
{
        char text[700] = "";

        for (uint32_t i = 0; i < v->n_damaged && i < IMAGE_VERIFY_DAMAGE && strlen(text) < sizeof(text) - 200; i++)
                snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.180s", i ? "; " : "", v->damaged[i]);
        return error_set(err, ERR_IO,
                         "image %s version %.16s is damaged in %u places: %s; build it again, or 'dompool image rollback %s'",
                         im->name, im->id, v->n_damaged, text, im->name);
}
