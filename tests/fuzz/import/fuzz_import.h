/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_FUZZ_IMPORT_H
#define DOMPOOL_TESTS_FUZZ_IMPORT_H
/*
 * Any bytes as a file of one format: no crash, the limits hold, and what comes out is UTF-8 JSON and a plan that the model's
 * own check accepts. Whatever the file includes is the same file again, so that includes are fuzzed as well.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "import/import_private.h"

struct fuzz_input {
        const uint8_t *data;
        size_t size;
        unsigned reads;
};

static int
fuzz_read(void *arg, const char *path, struct import_text *ret, struct error *err)
{
        struct fuzz_input *in = arg;

        (void)path;
        if (++in->reads > 40) /* an include in itself, twice, is 2^8 reads: slow, not wrong */
                return error_set(err, ERR_NOT_FOUND, "no more files");
        ret->text = malloc(in->size + 1);
        memcpy(ret->text, in->data, in->size);
        ret->text[in->size] = '\0';
        ret->size = in->size;
        return 0;
}

static int
fuzz_list(void *arg, const char *path, struct import_names *ret, struct error *err)
{
        (void)arg;
        if (!import_path_ends(path, "pxelinux.cfg") && !import_path_ends(path, "dir"))
                return error_set(err, ERR_NOT_FOUND, "no such folder");
        ret->names = malloc(sizeof(char *));
        ret->names[0] = strdup("01-52-54-00-00-00-01");
        ret->n = 1;
        return 0;
}

static void
fuzz_check(struct import *im)
{
        json_t *json = import_json(im), *value;
        const char *key;

        if (!json)
                abort();
        json_object_foreach(json, key, value)
        {
                const json_t *item;
                size_t i;

                json_array_foreach(value, i, item)
                {
                        if (!json_is_object(item))
                                abort();
                }
        }
        if (im->n_hosts > IMPORT_MAX_HOSTS || im->n_notes > IMPORT_MAX_NOTES ||
            json_array_size(json_object_get(json, "hosts")) != im->n_hosts)
                abort();
        json_decref(json);
        for (size_t i = 0; i < im->n_hosts; i++) {
                struct import_plan plan;
                char why[300] = "", text[500];
                struct error err;

                import_boot_text(im, im->hosts[i], text, sizeof(text));
                if (import_plan(im, im->hosts[i], &plan, why, sizeof(why)) == 0 && host_check(&plan.host, &err) < 0)
                        abort();
        }
}

static inline int
fuzz_import(const char *format, const char *path, const uint8_t *data, size_t size)
{
        struct fuzz_input in = {data, size, 0};
        const struct import_io io = {.read = fuzz_read, .list = fuzz_list, .arg = &in};
        static struct import im;
        struct error err;

        if (size > (64u << 10))
                return 0;
        import_init(&im, &io);
        if (import_source(&im, path, format, &err) == 0 && import_finish(&im, &err) == 0)
                fuzz_check(&im);
        import_deinit(&im);
        return 0;
}

#endif
