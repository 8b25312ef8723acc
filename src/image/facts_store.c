/* SPDX-License-Identifier: Apache-2.0 */
/* Facts on disk. Derived data: a file that cannot be read is made anew. Written by role work's child and the image builder. */
#include "image/facts_store.h"

#include <errno.h>

#include "base/cleanup.h"
#include "image/image_files.h"
#include "image/image_record.h"
#include "image/image_store.h"

#define FACTS_FILE_MAX (2u << 20)

static int
facts_path(const char *store, const char *name, char path[IMAGE_PATH_SIZE], struct error *err)
{
        return image_path(path, err, "%s/facts/%s.json", store, name);
}

int
facts_store_read(const char *store, const char *id, struct image_facts *ret, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = facts_path(store, id, path, err);

        if (r == 0)
                r = image_record_read(path, &image_facts_desc, FACTS_FILE_MAX, ret, err);
        if (r == 0 && ret->version != FACTS_VERSION) {
                rec_clear(&image_facts_desc, ret);
                r = -ENOENT;
        }
        return r;
}

int
facts_store_read_loaders(const char *store, struct loaders_facts *ret, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = facts_path(store, "loaders", path, err);

        if (r == 0)
                r = image_record_read(path, &loaders_facts_desc, FACTS_FILE_MAX, ret, err);
        return r == 0 && ret->version != FACTS_VERSION ? -ENOENT : r;
}

static int
write_facts(const char *store, const char *name, const struct rec_desc *d, const void *rec, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(path, err, "%s/facts", store)) < 0 || (r = image_mkdir(path, err)) < 0 ||
            (r = facts_path(store, name, path, err)) < 0)
                return r;
        return image_record_write(path, d, rec, err);
}

int
facts_store_make(const char *store, const char *id, const struct image_facts_hints *hints, struct error *err)
{
        char folder[IMAGE_PATH_SIZE];
        struct image_facts f;
        int r;

        if ((r = image_path(folder, err, "%s/versions/%s", store, id)) < 0 ||
            (r = image_facts_make(folder, id, hints, &f, err)) < 0)
                return r;
        r = write_facts(store, id, &image_facts_desc, &f, err);
        rec_clear(&image_facts_desc, &f);
        return r;
}

int
facts_store_make_loaders(const char *store, struct error *err)
{
        char folder[IMAGE_PATH_SIZE];
        struct loaders_facts l;
        int r;

        if ((r = image_path(folder, err, "%s/loaders", store)) < 0 || (r = loaders_facts_make(folder, &l, err)) < 0)
                return r;
        return write_facts(store, "loaders", &loaders_facts_desc, &l, err);
}

int
facts_store_fill(const char *store, struct error *err)
{
        _cleanup_free_ struct image *images = NULL;
        struct error later;
        size_t n = 0;
        int r = image_store_list(store, &images, &n, err), e;

        for (size_t i = 0; i < n; i++) {
                struct image_facts f;

                if (facts_store_read(store, images[i].id, &f, &later) == 0) {
                        rec_clear(&image_facts_desc, &f);
                        continue;
                }
                e = facts_store_make(store, images[i].id, NULL, r == 0 ? err : &later);
                r = r == 0 ? e : r;
        }
        e = facts_store_make_loaders(store, r == 0 ? err : &later);
        return r == 0 ? e : r;
}
