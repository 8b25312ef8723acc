/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a build and the record of the last one. Runs in the image builder, under the store's lock. */
#include "image/image_cache.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/rec_json.h"
#include "image/image_files.h"
#include "image/image_key.h"
#include "image/image_store.h"

#define RECORD_MAX (256u << 10)
#define MAX_HOST 256

struct host_file {
        char path[RECIPE_PATH_SIZE];
        uint64_t size;
        int64_t mtime_ns;
};

struct build_record {
        char key[CACHE_KEY_SIZE];
        char id[IMAGE_ID_SIZE];
        uint32_t n_host;
        struct host_file host[MAX_HOST];
};

static const struct rec_field host_file_fields[] = {
        REC_STR(struct host_file, path),
        REC_U64(struct host_file, size),
        REC_I64(struct host_file, mtime_ns),
};
static const struct rec_desc host_file_desc = REC_DESC(struct host_file, host_file_fields);

static const struct rec_field build_record_fields[] = {
        REC_STR(struct build_record, key),
        REC_STR(struct build_record, id),
        REC_LIST(struct build_record, host, host_file_desc),
};
static const struct rec_desc build_record_desc = REC_DESC(struct build_record, build_record_fields);

/* Our programs, and the room's key: what a recipe takes that is neither in its folder nor in a package. */
static int
hash_ours(const struct recipe *r, const char *store, const char *program_dir, FILE *f, struct error *err)
{
        for (size_t i = 0; i < r->n_lines; i++) {
                char path[IMAGE_PATH_SIZE];
                uint8_t sha256[32];
                int x;

                if (r->lines[i].kind != RECIPE_PROGRAM && r->lines[i].kind != RECIPE_KEY)
                        continue;
                if ((x = r->lines[i].kind == RECIPE_KEY ? image_path(path, err, "%s/" IMAGE_PUBLIC_NAME, store)
                                                        : image_path(path, err, "%s/%s", program_dir, r->lines[i].from)) < 0 ||
                    (x = image_hash(path, sha256, NULL, err)) < 0)
                        return x;
                fwrite(sha256, 1, sizeof(sha256), f);
        }
        return 0;
}

int
image_cache_key(const struct recipe *r, const struct recipe *stage, const struct apt_package *packages, size_t n_packages,
                const char *store, const char *program_dir, char ret[CACHE_KEY_SIZE], struct error *err)
{
        _cleanup_free_ char *text = NULL;
        uint8_t sha256[32];
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int x;

        if (!f)
                return error_errno_set(err, errno, "open_memstream");
        fprintf(f, "dompool image %d\n%s\n", IMAGE_BUILDER_VERSION, r->name);
        fwrite(r->sha256, 1, sizeof(r->sha256), f);
        if (stage)
                fwrite(stage->sha256, 1, sizeof(stage->sha256), f);
        for (size_t i = 0; i < n_packages; i++) {
                fprintf(f, "%s\n", packages[i].file);
                fwrite(packages[i].sha256, 1, sizeof(packages[i].sha256), f);
        }
        x = hash_ours(r, store, program_dir, f, err);
        if (x == 0 && stage)
                x = hash_ours(stage, store, program_dir, f, err);
        if (fclose(f) != 0 && x == 0)
                x = error_errno_set(err, ENOMEM, "open_memstream");
        if (x < 0)
                return x;
        digest_sha256(text, size, sha256);
        hex_text(sha256, sizeof(sha256), ret);
        return 0;
}

static int
host_file_look(const char *path, struct host_file *ret)
{
        struct stat st;

        if (stat(path, &st) < 0 || !str_copy(ret->path, sizeof(ret->path), path))
                return -ENOENT;
        ret->size = (uint64_t)st.st_size;
        ret->mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
        return 0;
}

static bool
host_unchanged(const struct build_record *b)
{
        for (uint32_t i = 0; i < b->n_host; i++) {
                struct host_file now;

                if (host_file_look(b->host[i].path, &now) < 0 || now.size != b->host[i].size ||
                    now.mtime_ns != b->host[i].mtime_ns)
                        return false;
        }
        return true;
}

static int
record_path(const char *store, const char *name, char ret[IMAGE_PATH_SIZE], struct error *err)
{
        return image_path(ret, err, "%s/builds/%s.json", store, name);
}

bool
image_cache_find(const char *store, const char *name, const char *key, struct image *ret)
{
        _cleanup_free_ struct build_record *b = calloc(1, sizeof(*b));
        _cleanup_free_ uint8_t *text = NULL;
        char path[IMAGE_PATH_SIZE];
        struct error err;
        json_t *obj = NULL;
        size_t size;
        bool found = false;

        /* Whatever cannot be read is no memory of a build: it is made anew. */
        if (b && record_path(store, name, path, &err) == 0 && image_read(path, RECORD_MAX, &text, &size, &err) == 0)
                obj = json_parse((const char *)text, size, RECORD_MAX, &err);
        if (obj && rec_from_json(&build_record_desc, obj, b, &err) == 0)
                found = strcmp(b->key, key) == 0 && host_unchanged(b) && image_store_find(store, b->id, ret, &err) == 0;
        json_decref(obj);
        return found;
}

int
image_cache_put(const char *store, const char *name, const char *key, const char *id, char *const *host, struct error *err)
{
        _cleanup_free_ struct build_record *b = calloc(1, sizeof(*b));
        _cleanup_free_ char *text = NULL;
        char path[IMAGE_PATH_SIZE];
        json_t *obj;
        int r;

        if (!b)
                return error_errno_set(err, ENOMEM, "build record");
        str_copy(b->key, sizeof(b->key), key);
        str_copy(b->id, sizeof(b->id), id);
        for (; host && host[b->n_host]; b->n_host++)
                if (b->n_host == MAX_HOST || host_file_look(host[b->n_host], &b->host[b->n_host]) < 0)
                        return error_set(err, ERR_IO, "%s changed while the image was built", host[b->n_host]);
        if ((r = image_path(path, err, "%s/builds", store)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = record_path(store, name, path, err)) < 0)
                return r;
        obj = rec_to_json(&build_record_desc, b);
        text = obj ? json_text(obj) : NULL;
        json_decref(obj);
        return text ? image_write(path, text, strlen(text), err) : error_errno_set(err, ENOMEM, "build record");
}
