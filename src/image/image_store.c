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
#include "image/image_key.h"
#include "image/image_lock.h"
#include "image/image_record.h"

#define MANIFEST "manifest.json"
#define SIGNATURE "manifest.sig"
#define PREFIX_MIN 8 /* digits of an id that stand for it */

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
        r = image_record_read(path, &image_desc, IMAGE_MANIFEST_MAX, ret, err);
        if (r == 0 && strcmp(ret->id, id) != 0)
                r = error_set(err, ERR_IO, "%s: is the manifest of another version", path);
        return r;
}

static int
read_tag(const char *store, const char *name, struct tag *ret, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = image_path(path, err, "%s/tags/%s.json", store, name);

        return r < 0 ? r : image_record_read(path, &tag_desc, IMAGE_MANIFEST_MAX, ret, err);
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

bool
image_store_tagged(const char *store, const char *name, const char *tag, char ret[IMAGE_ID_SIZE])
{
        struct error ignored;
        struct tag t;

        if (!name_ok(name) || read_tag(store, name, &t, &ignored) < 0)
                return false;
        str_copy(ret, IMAGE_ID_SIZE, strcmp(tag, "previous") == 0 ? t.previous : t.current);
        return *ret != '\0';
}

static bool
is_prefix(const char *name)
{
        size_t n = strlen(name);

        return n >= PREFIX_MIN && n < IMAGE_ID_SIZE - 1 && strspn(name, "0123456789abcdef") == n;
}

/* The one version whose id begins so. 0; 1: there is none. */
static int
find_by_prefix(const char *store, const char *digits, struct image *ret, struct error *err)
{
        _cleanup_free_ struct image *list = NULL;
        const struct image *found = NULL;
        size_t n = 0;
        int r = image_store_list(store, &list, &n, err);

        for (size_t i = 0; r == 0 && i < n; i++) {
                if (strncmp(list[i].id, digits, strlen(digits)) != 0)
                        continue;
                if (found)
                        return error_set(err, ERR_INVALID, "'%s' is the begin of more than one version's id", digits);
                found = &list[i];
        }
        if (r == 0 && found)
                *ret = *found;
        return r < 0 ? r : !found;
}

int
image_store_find(const char *store, const char *name, struct image *ret, struct error *err)
{
        const char *colon = strchr(name, ':');
        char base[NAME_SIZE];
        struct tag t;

        if (id_ok(name)) {
                int r = read_manifest(store, name, ret, err);

                return r == -ENOENT ? not_found(store, name, err) : r;
        }
        /* A tag may be called so too, and goes first. */
        if (is_prefix(name) && read_tag(store, name, &t, err) < 0) {
                int r = find_by_prefix(store, name, ret, err);

                return r > 0 ? not_found(store, name, err) : r;
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

/* The tree for NFS is one: its files are listed, with their hashes, in `contents`. */
static bool
is_folder(int dir, const char *name)
{
        struct stat st;

        return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
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
                int r;

                if (e->d_name[0] == '.' || strcmp(e->d_name, MANIFEST) == 0 || strcmp(e->d_name, SIGNATURE) == 0 ||
                    is_folder(dirfd(d), e->d_name))
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

static int
write_tag(const char *store, const char *name, const struct tag *t, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(path, err, "%s/tags", store)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = image_path(path, err, "%s/tags/%s.json", store, name)) < 0)
                return r;
        return image_record_write(path, &tag_desc, t, err);
}

/* Makes @im->id the tag's current version; the one that was becomes the previous. */
static int
move_tag(const char *store, const struct image *im, struct error *err)
{
        struct tag t = {0};
        int r;

        r = read_tag(store, im->name, &t, err);
        if (r < 0 && r != -ENOENT)
                return r;
        if (strcmp(t.current, im->id) == 0)
                return 0;
        str_copy(t.previous, sizeof(t.previous), t.current);
        str_copy(t.current, sizeof(t.current), im->id);
        return write_tag(store, im->name, &t, err);
}

/* A version that is there already, built before there was a key or by somebody else from the same: it is ours now. */
int
image_store_sign(const char *store, const char *id, const struct sign_pair *key, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        r = image_path(path, err, "%s/versions/%s", store, id);
        return r < 0 || image_sign_check(store, path, NULL, err) == 0 ? r : image_sign(path, key, err);
}

int
image_store_publish(const char *store, const char *folder, const struct sign_pair *key, struct image *im, struct error *err)
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
                r = key ? image_store_sign(store, im->id, key, err) : 0;
                return r < 0 ? r : move_tag(store, im, err);
        }
        if ((r = image_path(path, err, "%s/" MANIFEST, folder)) < 0 ||
            (r = image_record_write(path, &image_desc, im, err)) < 0 || (key && (r = image_sign(folder, key, err)) < 0) ||
            (r = sync_folder(folder, err)) < 0 || (r = image_path(versions, err, "%s/versions", store)) < 0 ||
            (r = image_mkdir(versions, err)) < 0 || (r = image_path(path, err, "%s/%s", versions, im->id)) < 0)
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

static int
set_locked(const char *store, const char *name, const char *version, struct image *ret, struct error *err)
{
        struct image im;
        struct tag t;
        int r = image_store_find(store, version, &im, err);

        if (r < 0)
                return r;
        if (!name_ok(name) || read_tag(store, name, &t, err) < 0)
                return not_found(store, name, err);
        if (strcmp(im.name, name) != 0)
                return error_set(err, ERR_INVALID, "version %.16s is one of image '%s', not of '%s'", im.id, im.name, name);
        r = move_tag(store, &im, err);
        if (r == 0)
                *ret = im;
        return r;
}

static int
rollback_locked(const char *store, const char *name, struct image *ret, struct error *err)
{
        struct tag t, back = {0};
        struct image im;
        int r = image_store_find(store, name, &im, err); /* says what there is */

        if (r < 0)
                return r;
        if (!name_ok(name) || read_tag(store, name, &t, err) < 0)
                return error_set(err, ERR_INVALID, "'%.100s' is a version; roll back an image by its name", name);
        if (!t.previous[0])
                return error_set(err, ERR_STATE, "image '%s' has no previous version to go back to", name);
        r = read_manifest(store, t.previous, &im, err);
        if (r < 0)
                return error_prefix(err, "the previous version of image '%s'", name);
        str_copy(back.current, sizeof(back.current), t.previous);
        str_copy(back.previous, sizeof(back.previous), t.current);
        r = write_tag(store, name, &back, err);
        if (r == 0)
                *ret = im;
        return r;
}

int
image_store_set(const char *store, const char *name, const char *version, struct image *ret, struct error *err)
{
        _cleanup_close_ int lock = image_lock(store, NULL, NULL, err);

        return lock < 0 ? lock : set_locked(store, name, version, ret, err);
}

int
image_store_rollback(const char *store, const char *name, struct image *ret, struct error *err)
{
        _cleanup_close_ int lock = image_lock(store, NULL, NULL, err);

        return lock < 0 ? lock : rollback_locked(store, name, ret, err);
}
