/* SPDX-License-Identifier: Apache-2.0 */
/* See test_io.h. */
#include "test_io.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct test_file *texts;

static int
take(const char *text, size_t size, struct import_text *ret)
{
        ret->text = malloc(size + 1);
        memcpy(ret->text, text, size);
        ret->text[size] = '\0';
        ret->size = size;
        return 0;
}

static int
read_disk(const char *path, struct import_text *ret)
{
        char full[1024], *text = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        snprintf(full, sizeof(full), "%s/tests/data/import/%s", getenv("SOURCE_ROOT"), path);
        f = fopen(full, "r");
        r = f && getdelim(&text, &size, '\0', f) > 0 ? 0 : -1;
        if (f)
                fclose(f);
        if (r == 0)
                take(text, strlen(text), ret);
        free(text);
        return r;
}

static int
io_read(void *arg, const char *path, struct import_text *ret, struct error *err)
{
        (void)arg;
        for (const struct test_file *f = texts; f && f->path; f++)
                if (strcmp(f->path, path) == 0)
                        return take(f->text, strlen(f->text), ret);
        if (!texts && read_disk(path, ret) == 0)
                return 0;
        return error_set(err, ERR_NOT_FOUND, "%s: no such file", path);
}

static void
add(struct import_names *names, const char *name)
{
        names->names = realloc(names->names, (names->n + 1) * sizeof(char *));
        names->names[names->n++] = strdup(name);
}

static int
by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_disk(const char *path, struct import_names *ret)
{
        char full[1024];
        struct dirent *e;
        DIR *d;

        snprintf(full, sizeof(full), "%s/tests/data/import/%s", getenv("SOURCE_ROOT"), path);
        d = opendir(full);
        while (d && (e = readdir(d)))
                add(ret, e->d_name);
        if (d)
                closedir(d);
        if (ret->n)
                qsort(ret->names, ret->n, sizeof(char *), by_name);
}

static int
io_list(void *arg, const char *path, struct import_names *ret, struct error *err)
{
        size_t n = strlen(path);

        (void)arg;
        for (const struct test_file *f = texts; f && f->path; f++)
                if (strncmp(f->path, path, n) == 0 && f->path[n] == '/')
                        add(ret, f->path + n + 1);
        if (!texts)
                list_disk(path, ret);
        return ret->n ? 0 : error_set(err, ERR_NOT_FOUND, "%s: no such folder", path);
}

static const struct import_io test_io = {.read = io_read, .list = io_list};

void
test_io_begin(struct import *im, const struct test_file *files)
{
        texts = files;
        import_init(im, &test_io);
}

int
test_io_setup(void **state)
{
        test_io_begin(*state, NULL);
        return 0;
}

int
test_io_teardown(void **state)
{
        import_deinit(*state);
        return 0;
}

void
test_io_source(struct import *im, const char *argument)
{
        struct error err;

        if (import_source(im, argument, NULL, &err) < 0)
                fail_msg("%s: %s", argument, err.message);
}

static void
print_result(const struct import *im, FILE *f)
{
        char mac[MAC_TEXT_SIZE], address[IP4_TEXT_SIZE], boots[1000];

        for (size_t i = 0; i < im->n_hosts; i++) {
                const struct import_host *h = im->hosts[i];

                fprintf(f, "host %s %s %s %s: %s\n", h->name, mac_text(&h->mac, mac),
                        h->address ? ip4_text(h->address, address) : "-", import_host_arch(h),
                        import_boot_text(im, h, boots, sizeof(boots)));
        }
        for (size_t i = 0; i < im->n_notes; i++)
                fprintf(f, "%s %s:%u: %s\n", import_note_kind_names[im->notes[i].kind], im->notes[i].file, im->notes[i].line,
                        im->notes[i].thing);
}

void
test_io_expect(struct import *im, const char *expected)
{
        struct error err;
        char *text = NULL;
        size_t size;
        FILE *f;

        if (import_finish(im, &err) < 0)
                fail_msg("%s", err.message);
        f = open_memstream(&text, &size);
        print_result(im, f);
        fclose(f);
        if (strcmp(text, expected) != 0)
                fprintf(stderr, "got:\n%sexpected:\n%s", text, expected);
        assert_string_equal(text, expected);
        free(text);
}

void
test_io_expect_note(const struct import *im, const char *thing, const char *words)
{
        for (size_t i = 0; i < im->n_notes; i++)
                if (strcmp(im->notes[i].thing, thing) == 0 &&
                    (strstr(im->notes[i].why, words) || strstr(im->notes[i].todo, words)))
                        return;
        fail_msg("no note on '%s' with '%s'", thing, words);
}
