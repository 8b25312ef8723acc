/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store on disk. A version's folder is complete when it has its name: it is made elsewhere in the store, synced and
 * renamed in. Tags are small JSON files, replaced by rename. Readers take no lock; the one writer is the image builder, which
 * holds the store's.
 */
#include "image/image_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "image/image_files.h"
#include "image/image_record.h"

#define MANIFEST_MAX (64u << 10)
#define MANIFEST "manifest.json"

struct tag {
        char current[IMAGE_ID_SIZE];
        char previous[IMAGE_ID_SIZE];
};

static const struct rec_field tag_fields[] = {
        REC_STR(struct tag, current),
        REC_STR(struct tag, previous),
};
static const struct rec_desc tag_desc = REC_DESC(struct tag, tag_fields);

static bool
id_ok(const char *text)
{
        uint8_t raw[32];

        return parse_hex(text, raw, sizeof(raw)) == 0;
}

static int
read_manifest(const char *store, const char *id, struct image *ret, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        r = image_path(path, err, "%s/versions/%s/" MANIFEST, store, id);
        if (r < 0)
                return r;
        r = image_record_read(path, &image_desc, MANIFEST_MAX, ret, err);
        if (r == 0 && strcmp(ret->id, id) != 0)
                r = error_set(err, ERR_IO, "%s: is the manifest of another version", path);
        return r;
}

static int
read_tag(const char *store, const char *name, struct tag *ret, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = image_path(path, err, "%s/tags/%s.json", store, name);

        return r < 0 ? r : image_record_read(path, &tag_desc, MANIFEST_MAX, ret, err);
}

static int
newest_first(const void *a, const void *b)
{
        const struct image *x = a, *y = b;

        if (x->built_ms != y->built_ms)
                return x->built_ms < y->built_ms ? 1 : -1;
        return strcmp(x->id, y->id);
}

int
image_store_list(const char *store, struct image **ret, size_t *ret_n, struct error *err)
{
        _cleanup_free_ struct image *list = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        char path[IMAGE_PATH_SIZE];
        struct dirent *e;
        size_t n = 0;
        int r;

        r = image_path(path, err, "%s/versions", store);
        if (r < 0)
                return r;
        d = opendir(path);
        if (!d && errno != ENOENT)
                return error_errno_set(err, errno, "%s", path);
        while (d && (e = readdir(d))) {
                struct image *more;

                if (!id_ok(e->d_name))
                        continue;
                more = reallocarray(list, n + 1, sizeof(*list));
                if (!more)
                        return error_errno_set(err, ENOMEM, "%s", path);
                list = more;
                /* A version whose manifest cannot be read is none; the others are still there. */
                if (read_manifest(store, e->d_name, &list[n], err) == 0)
                        n++;
        }
        if (n > 1)
                qsort(list, n, sizeof(*list), newest_first);
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

/* "no image 'x'; there are: micro, guest-hello" */
static int
not_found(const char *store, const char *name, struct error *err)
{
        _cleanup_closedir_ DIR *d = NULL;
        char path[IMAGE_PATH_SIZE], list[400] = "";
        struct dirent *e;
        size_t n = 0;
        int r;

        r = image_path(path, err, "%s/tags", store);
        if (r < 0)
                return r;
        d = opendir(path);
        while (d && (e = readdir(d))) {
                const char *dot = strrchr(e->d_name, '.');

                if (e->d_name[0] != '.' && dot && strcmp(dot, ".json") == 0 && n < sizeof(list))
                        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%.*s", n ? ", " : "", (int)(dot - e->d_name),
                                              e->d_name);
        }
        if (n == 0)
                return error_set(err, ERR_NOT_FOUND,
                                 "no image '%s': the store %s is empty; make one with 'dompool image build micro'", name,
                                 store);
        return error_set(err, ERR_NOT_FOUND, "no image '%s'; there are: %s", name, list);
}

static int
find_tagged(const char *store, const char *name, bool previous, struct image *ret, struct error *err)
{
        struct tag t;
        int r;

        r = name_ok(name) ? read_tag(store, name, &t, err) : -ENOENT;
        if (r == -ENOENT)
                return not_found(store, name, err);
        if (r < 0)
                return r;
        if (previous && !t.previous[0])
                return error_set(err, ERR_NOT_FOUND, "image '%s' has no previous version", name);
        r = read_manifest(store, previous ? t.previous : t.current, ret, err);
        return r < 0 ? error_prefix(err, "image '%s'", name) : 0;
}

int
image_store_find(const char *store, const char *name, struct image *ret, struct error *err)
{
        const char *colon = strchr(name, ':');
        char base[NAME_SIZE];

        if (id_ok(name)) {
                int r = read_manifest(store, name, ret, err);

                return r == -ENOENT ? not_found(store, name, err) : r;
        }
        if (!colon)
                return find_tagged(store, name, false, ret, err);
        if ((size_t)(colon - name) >= sizeof(base) || (strcmp(colon, ":current") != 0 && strcmp(colon, ":previous") != 0))
                return error_set(err, ERR_INVALID,
                                 "'%.100s' is no image: a name, NAME:current, NAME:previous or a version's id", name);
        memcpy(base, name, (size_t)(colon - name));
        base[colon - name] = '\0';
        return find_tagged(store, base, strcmp(colon, ":previous") == 0, ret, err);
}

static int
name_order(const void *a, const void *b)
{
        return strcmp(((const struct image_file *)a)->name, ((const struct image_file *)b)->name);
}

/* Lists and hashes the folder's files. The id is over "NAME NUL hash" of each, in name order, and the arguments: they change
 * what boots. */
static int
fill_in(const char *folder, struct image *im, struct error *err)
{
        _cleanup_closedir_ DIR *d = opendir(folder);
        struct digest_input {
                struct image_file files[IMAGE_MAX_FILES];
                char xen_args[ARGS_SIZE], kernel_args[ARGS_SIZE];
        } input = {0};
        uint8_t sha256[32];
        struct dirent *e;

        if (!d)
                return error_errno_set(err, errno, "%s", folder);
        im->n_files = 0;
        memset(im->files, 0, sizeof(im->files));
        while ((e = readdir(d))) {
                struct image_file *f = &im->files[im->n_files];
                char path[IMAGE_PATH_SIZE];
                struct stat st;
                int r;

                if (e->d_name[0] == '.' || strcmp(e->d_name, MANIFEST) == 0)
                        continue;
                /* root/ is what root.squashfs is, once more */
                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
                        continue;
                if (im->n_files == IMAGE_MAX_FILES || !str_copy(f->name, sizeof(f->name), e->d_name))
                        return error_set(err, ERR_LIMIT, "%s: more than %d files, or a name over %d bytes", folder,
                                         IMAGE_MAX_FILES, NAME_SIZE - 1);
                if ((r = image_path(path, err, "%s/%s", folder, e->d_name)) < 0 ||
                    (r = image_hash(path, f->sha256, &f->size, err)) < 0)
                        return r;
                im->n_files++;
        }
        qsort(im->files, im->n_files, sizeof(im->files[0]), name_order);
        memcpy(input.files, im->files, sizeof(input.files));
        str_copy(input.xen_args, sizeof(input.xen_args), im->xen_args);
        str_copy(input.kernel_args, sizeof(input.kernel_args), im->kernel_args);
        digest_sha256(&input, sizeof(input), sha256);
        hex_text(sha256, sizeof(sha256), im->id);
        return 0;
}

static int
sync_folder(const char *path, struct error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return error_errno_set(err, errno, "%s", path);
        return 0;
}

/* Makes @im->id the tag's current version; the one that was becomes the previous. */
static int
move_tag(const char *store, const struct image *im, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        struct tag t = {0};
        int r;

        r = read_tag(store, im->name, &t, err);
        if (r < 0 && r != -ENOENT)
                return r;
        if (strcmp(t.current, im->id) == 0)
                return 0;
        str_copy(t.previous, sizeof(t.previous), t.current);
        str_copy(t.current, sizeof(t.current), im->id);
        if ((r = image_path(path, err, "%s/tags", store)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = image_path(path, err, "%s/tags/%s.json", store, im->name)) < 0)
                return r;
        return image_record_write(path, &tag_desc, &t, err);
}

int
image_store_publish(const char *store, const char *folder, struct image *im, struct error *err)
{
        char versions[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];
        struct image known;
        int r;

        if (!name_ok(im->name))
                return error_set(err, ERR_INVALID, "'%.100s' is no image name", im->name);
        r = fill_in(folder, im, err);
        if (r < 0)
                return r;
        if (read_manifest(store, im->id, &known, err) == 0) {
                im->built_ms = known.built_ms;
                return move_tag(store, im, err);
        }
        if ((r = image_path(path, err, "%s/" MANIFEST, folder)) < 0 ||
            (r = image_record_write(path, &image_desc, im, err)) < 0 || (r = sync_folder(folder, err)) < 0 ||
            (r = image_path(versions, err, "%s/versions", store)) < 0 || (r = image_mkdir(versions, err)) < 0 ||
            (r = image_path(path, err, "%s/%s", versions, im->id)) < 0)
                return r;
        /* A folder of that name without a good manifest is the rest of a damaged version. */
        r = image_remove(path, err);
        if (r < 0)
                return r;
        if (rename(folder, path) < 0)
                return error_errno_set(err, errno, "%s", path);
        r = sync_folder(versions, err);
        return r < 0 ? r : move_tag(store, im, err);
}
