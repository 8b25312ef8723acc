/* SPDX-License-Identifier: Apache-2.0 */
/* Compares two versions of an image by their lists. Runs in core and in dompool; reads, changes nothing. */
#include "image/image_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/image_contents.h"
#include "image/image_files.h"

struct diff {
        json_t *packages, *modules, *files;
        json_int_t added, removed, changed, bytes;
};

static int
read_version(const char *store, const struct image *im, struct contents *ret, struct error *err)
{
        char folder[IMAGE_PATH_SIZE];
        int r = image_path(folder, err, "%s/versions/%s", store, im->id);

        return r < 0 ? r : contents_read(folder, ret, err);
}

/* Names and versions of kernel and arguments, as the manifest has them. */
static json_t *
values_json(const struct image *a, const struct image *b)
{
        const struct {
                const char *what, *from, *to;
        } values[] = {
                {"xen", a->xen_version, b->xen_version}, {"kernel", a->kernel_version, b->kernel_version},
                {"xen args", a->xen_args, b->xen_args},  {"kernel args", a->kernel_args, b->kernel_args},
                {"recipe", a->recipe, b->recipe},
        };
        json_t *list = json_array();

        for (size_t i = 0; i < N_ELEMENTS(values); i++)
                if (strcmp(values[i].from, values[i].to) != 0)
                        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "what", values[i].what, "from", values[i].from,
                                                              "to", values[i].to));
        return list;
}

/* "/lib/modules/6.1.0-40-amd64/kernel/drivers/net/tg3.ko.xz" -> "tg3"; false: it is no module. */
static bool
module_name(const char *path, char ret[NAME_SIZE])
{
        const char *slash = strrchr(path, '/'), *dot = slash ? strstr(slash, ".ko") : NULL;
        size_t n = dot ? (size_t)(dot - slash - 1) : 0;

        if (!strstr(path, "/lib/modules/") || !dot || n == 0 || n >= NAME_SIZE || (dot[3] != '\0' && dot[3] != '.'))
                return false;
        memcpy(ret, slash + 1, n);
        ret[n] = '\0';
        return true;
}

/* @a or @b NULL: it is new, or gone. */
static void
tell_file(struct diff *d, const struct contents_entry *a, const struct contents_entry *b)
{
        const struct contents_entry *e = b ? b : a;
        const char *change = !a ? "added" : !b ? "removed" : "changed";
        char module[NAME_SIZE];

        *(!a ? &d->added : !b ? &d->removed : &d->changed) += 1;
        d->bytes += (json_int_t)(b ? b->size : 0) - (json_int_t)(a ? a->size : 0);
        if (e->type == CONTENTS_FILE && module_name(e->path, module))
                json_array_append_new(d->modules, json_pack("{s:s,s:s}", "change", change, "name", module));
        if (json_array_size(d->files) < IMAGE_DIFF_ROWS)
                json_array_append_new(d->files,
                                      json_pack("{s:s,s:s?,s:I,s:I}", "change", change, "path", e->path, "size_from",
                                                (json_int_t)(a ? a->size : 0), "size_to", (json_int_t)(b ? b->size : 0)));
}

static void
tell_package(struct diff *d, const struct contents_entry *a, const struct contents_entry *b)
{
        json_array_append_new(d->packages,
                              json_pack("{s:s,s:s,s:s,s:s}", "change",
                                        !a   ? "added"
                                        : !b ? "removed"
                                             : "changed",
                                        "name", (b ? b : a)->path, "from", a ? a->text : "", "to", b ? b->text : ""));
}

static bool
entry_same(const struct contents_entry *a, const struct contents_entry *b)
{
        return a->type == b->type && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
               memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0 && (!a->text || strcmp(a->text, b->text) == 0);
}

/* Both lists are in one order: packages, then paths. */
static int
entry_compare(const struct contents_entry *a, const struct contents_entry *b)
{
        bool a_package = a->type == CONTENTS_PACKAGE, b_package = b->type == CONTENTS_PACKAGE;

        if (a_package != b_package)
                return a_package ? -1 : 1;
        return strcmp(a->path, b->path);
}

static void
walk(struct diff *d, const struct contents *a, const struct contents *b)
{
        size_t i = 0, k = 0;

        while (i < a->n || k < b->n) {
                int c = i == a->n ? 1 : k == b->n ? -1 : entry_compare(&a->entries[i], &b->entries[k]);
                const struct contents_entry *x = c <= 0 ? &a->entries[i++] : NULL;
                const struct contents_entry *y = c >= 0 ? &b->entries[k++] : NULL;

                if (x && y && entry_same(x, y))
                        continue;
                if ((y ? y : x)->type == CONTENTS_PACKAGE)
                        tell_package(d, x, y);
                else
                        tell_file(d, x, y);
        }
}

int
image_diff_json(const char *store, const struct image *a, const struct image *b, json_t **ret, struct error *err)
{
        struct contents from = {0}, to = {0};
        struct diff d = {0};
        int r;

        if ((r = read_version(store, a, &from, err)) < 0 || (r = read_version(store, b, &to, err)) < 0) {
                contents_deinit(&from);
                return r;
        }
        d = (struct diff){.packages = json_array(), .modules = json_array(), .files = json_array()};
        walk(&d, &from, &to);
        contents_deinit(&from);
        contents_deinit(&to);
        *ret = json_pack("{s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:{s:I,s:I,s:I},s:I}", "from", a->id, "to", b->id, "same",
                         strcmp(a->id, b->id) == 0, "values", values_json(a, b), "packages", d.packages, "modules", d.modules,
                         "files", d.files, "counts", "added", d.added, "removed", d.removed, "changed", d.changed, "bytes",
                         d.bytes);
        return *ret ? 0 : error_set(err, ERR_NO_SPACE, "no memory to compare two images");
}

static int
biggest_first(const void *a, const void *b)
{
        const struct contents_entry *x = *(const struct contents_entry *const *)a,
                                    *y = *(const struct contents_entry *const *)b;

        if (x->size != y->size)
                return x->size < y->size ? 1 : -1;
        return strcmp(x->path, y->path);
}

static json_t *
biggest_of_files(const struct image *im)
{
        json_t *list = json_array();

        for (uint32_t i = 0; i < im->n_files; i++)
                json_array_append_new(list,
                                      json_pack("{s:s,s:I}", "path", im->files[i].name, "size", (json_int_t)im->files[i].size));
        return list;
}

json_t *
image_biggest_json(const char *store, const struct image *im)
{
        _cleanup_free_ const struct contents_entry **order = NULL;
        struct contents c = {0};
        struct error ignored;
        size_t n = 0;
        json_t *list;

        if (read_version(store, im, &c, &ignored) < 0 || !(order = calloc(c.n + 1, sizeof(*order)))) {
                contents_deinit(&c);
                return biggest_of_files(im);
        }
        for (size_t i = 0; i < c.n; i++)
                if (c.entries[i].type == CONTENTS_FILE)
                        order[n++] = &c.entries[i];
        qsort(order, n, sizeof(*order), biggest_first);
        list = json_array();
        for (size_t i = 0; i < n && i < IMAGE_BIGGEST; i++)
                json_array_append_new(list,
                                      json_pack("{s:s?,s:I}", "path", order[i]->path, "size", (json_int_t)order[i]->size));
        contents_deinit(&c);
        return list;
}
