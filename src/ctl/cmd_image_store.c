/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool image shell, commit, set-default, rollback, rm, gc, verify, diff: what is done with versions that are there. By the
 * server, which knows who uses them, or with --store on a folder of this machine, where tags are all there is. Runs in:
 * dompool.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_wait.h"
#include "image/image_diff.h"
#include "image/image_gc.h"
#include "image/image_shell.h"
#include "image/image_store.h"
#include "image/image_verify.h"

static const struct ctl_column unused_columns[] = {
        {"NAME", "name"},
        {"ID", "id", FMT_ID},
        {"BUILT", "built_ms", FMT_SINCE, .right = true},
        {"SIZE", "bytes", FMT_BYTES, .right = true},
};

static const struct ctl_column value_columns[] = {
        {"WHAT", "what"},
        {"FROM", "from", .elastic = true},
        {"TO", "to", .elastic = true},
};

static const struct ctl_column package_columns[] = {
        {"PACKAGE", "name"},
        {"", "change"},
        {"FROM", "from", .elastic = true},
        {"TO", "to", .elastic = true},
};

static const struct ctl_column module_columns[] = {
        {"MODULE", "name"},
        {"", "change"},
};

static const struct ctl_column file_columns[] = {
        {"FILE", "path", .elastic = true},
        {"", "change"},
        {"FROM", "size_from", FMT_BYTES, .right = true},
        {"TO", "size_to", FMT_BYTES, .right = true},
};

static const struct ctl_column done_fields[] = {
        {"name", "name"},
        {"id", "id"},
        {"done", "done"},
};

/* What was done to a store of this machine, in words; @im may be NULL. */
static int print_done(struct ctl *c, const struct image *im, struct error *err, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static int
print_done(struct ctl *c, const struct image *im, struct error *err, const char *fmt, ...)
{
        char text[400];
        json_t *json;
        va_list ap;
        int r;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        json = json_pack("{s:s,s:s,s:s}", "name", im ? im->name : "", "id", im ? im->id : "", "done", text);
        r = ctl_print_object(c, json, "id", done_fields, N_ELEMENTS(done_fields), err);
        json_decref(json);
        return r;
}

static int
by_server(struct ctl *c, const struct ctl_request *q, struct error *err)
{
        json_t *operation = NULL;
        int r = ctl_http_send(c, q, &operation, err);

        if (r == 0)
                r = ctl_wait_answer(c, operation, err);
        json_decref(operation);
        return r;
}

int
cmd_image_set_default(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        char version[CTL_IMAGE_SIZE];
        struct image im;
        json_t *body;
        int r = ctl_name("an image", argv[0], err);

        (void)argc;
        if (r < 0 || (r = ctl_image_name(argv[1], version, err)) < 0)
                return r;
        if (c->opt[OPT_STORE]) {
                r = image_store_set(c->opt[OPT_STORE], argv[0], argv[1], &im, err);
                return r < 0 ? r : print_done(c, &im, err, "image %s is version %.16s now", argv[0], im.id);
        }
        ctl_path(&q, "/v1/images/%s/default", argv[0]);
        body = json_pack("{s:s}", "version", version);
        q.body = body;
        r = by_server(c, &q, err);
        json_decref(body);
        return r;
}

int
cmd_image_rollback(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        struct image im;
        int r = ctl_name("an image", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        if (c->opt[OPT_STORE]) {
                r = image_store_rollback(c->opt[OPT_STORE], argv[0], &im, err);
                return r < 0 ? r : print_done(c, &im, err, "image %s went back to version %.16s", argv[0], im.id);
        }
        ctl_path(&q, "/v1/images/%s/rollback", argv[0]);
        return by_server(c, &q, err);
}

static int
remove_here(struct ctl *c, const char *name, struct error *err)
{
        const char *store = c->opt[OPT_STORE];
        char ids[1][IMAGE_ID_SIZE];
        struct image_gc_result done;
        struct image im;
        int r = image_store_find(store, name, &im, err);

        if (r < 0)
                return r;
        memcpy(ids[0], im.id, sizeof(ids[0]));
        r = image_gc_remove(store, (const char(*)[IMAGE_ID_SIZE])ids, 1, &done, err);
        return r < 0 ? r : print_done(c, &im, err, "removed, %" PRIu64 " MiB free again", done.bytes >> 20);
}

/* A command about one version: by @here in the store at hand, else the server's, by @method of the version's path and @tail. */
static int
on_version(struct ctl *c, const char *word, int (*here)(struct ctl *c, const char *name, struct error *err),
           const char *method, const char *tail, struct error *err)
{
        struct ctl_request q = {.method = method};
        char name[CTL_IMAGE_SIZE];
        int r = ctl_image_name(word, name, err);

        if (r < 0)
                return r;
        if (c->opt[OPT_STORE])
                return here(c, word, err);
        ctl_path(&q, "/v1/images/%s%s", name, tail);
        return by_server(c, &q, err);
}

int
cmd_image_rm(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return on_version(c, argv[0], remove_here, "DELETE", "", err);
}

/* Versions without a tag, as the server answers for those that nobody uses. */
static json_t *
unused_here(const char *store, const struct image *images, size_t n)
{
        json_t *list = json_array();
        uint64_t sum = 0;

        for (size_t i = 0; i < n; i++) {
                char tags[2 * NAME_SIZE + 32];
                uint64_t bytes;

                image_gc_tags(store, &images[i], tags, sizeof(tags));
                if (*tags)
                        continue;
                bytes = image_gc_size(store, images[i].id);
                sum += bytes;
                json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I}", "id", images[i].id, "name", images[i].name,
                                                      "built_ms", (json_int_t)images[i].built_ms, "bytes", (json_int_t)bytes));
        }
        return json_pack("{s:o,s:I}", "unused", list, "bytes", (json_int_t)sum);
}

static int
gc_here(struct ctl *c, const json_t *unused, struct error *err)
{
        size_t n = json_array_size(unused);
        _cleanup_free_ char(*ids)[IMAGE_ID_SIZE] = calloc(n + 1, IMAGE_ID_SIZE);
        struct image_gc_result done;
        const json_t *one;
        size_t i;
        int r;

        if (!ids)
                return error_errno_set(err, ENOMEM, "image gc");
        json_array_foreach(unused, i, one)
        {
                str_copy(ids[i], IMAGE_ID_SIZE, json_string_value(json_object_get(one, "id")));
        }
        r = image_gc_remove(c->opt[OPT_STORE], (const char(*)[IMAGE_ID_SIZE])ids, n, &done, err);
        return r < 0 ? r
                     : print_done(c, NULL, err, "%u versions removed, %" PRIu64 " MiB free again", done.versions,
                                  done.bytes >> 20);
}

int
cmd_image_gc(struct ctl *c, int argc, char **argv, struct error *err)
{
        const struct ctl_request q = {.method = "DELETE", .path = "/v1/unused-images"};
        _cleanup_free_ struct image *images = NULL;
        json_t *answer = NULL;
        size_t n = 0;
        int r = 0;

        (void)argc;
        (void)argv;
        if (c->opt[OPT_STORE] && (r = image_store_list(c->opt[OPT_STORE], &images, &n, err)) == 0)
                answer = unused_here(c->opt[OPT_STORE], images, n);
        else if (r == 0 && c->opt[OPT_DRY_RUN])
                r = ctl_get(c, &answer, err, "/v1/unused-images");
        if (r < 0)
                return r;
        if (c->opt[OPT_DRY_RUN])
                r = ctl_print_list(c, answer, "unused", "id", unused_columns, N_ELEMENTS(unused_columns), err);
        else
                r = c->opt[OPT_STORE] ? gc_here(c, json_object_get(answer, "unused"), err) : by_server(c, &q, err);
        json_decref(answer);
        return r;
}

static int
verify_here(struct ctl *c, const char *name, struct error *err)
{
        struct image_verify v;
        struct image im;
        int r = image_store_find(c->opt[OPT_STORE], name, &im, err);

        if (r == 0)
                r = image_verify(c->opt[OPT_STORE], &im, &v, err);
        if (r < 0)
                return r;
        if (v.n_damaged)
                return image_verify_error(&im, &v, err);
        return print_done(c, &im, err, "%u files, %" PRIu64 " MiB, are what key %s signed", v.files, v.bytes >> 20, v.key);
}

int
cmd_image_verify(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return on_version(c, argv[0], verify_here, "POST", "/verify", err);
}

static int
diff_here(const char *store, char **argv, json_t **ret, struct error *err)
{
        struct image a, b;
        int r = image_store_find(store, argv[0], &a, err);

        if (r == 0)
                r = image_store_find(store, argv[1], &b, err);
        return r < 0 ? r : image_diff_json(store, &a, &b, ret, err);
}

/* Lists that are empty are left out; the counts are those of all files, the list may be cut. */
static void
print_diff(const json_t *diff)
{
        const struct {
                const char *key;
                const struct ctl_column *columns;
                size_t n;
        } lists[] = {
                {"values", value_columns, N_ELEMENTS(value_columns)},
                {"packages", package_columns, N_ELEMENTS(package_columns)},
                {"modules", module_columns, N_ELEMENTS(module_columns)},
                {"files", file_columns, N_ELEMENTS(file_columns)},
        };
        const json_t *counts = json_object_get(diff, "counts");

        for (size_t i = 0; i < N_ELEMENTS(lists); i++) {
                const json_t *list = json_object_get(diff, lists[i].key);

                if (json_array_size(list) == 0)
                        continue;
                ctl_table_print(stdout, lists[i].columns, lists[i].n, list, ctl_terminal_width(), 0);
                printf("\n");
        }
        printf("%lld files added, %lld removed, %lld changed; %+lld KiB\n", (long long)ctl_integer(counts, "added"),
               (long long)ctl_integer(counts, "removed"), (long long)ctl_integer(counts, "changed"),
               (long long)ctl_integer(diff, "bytes") / 1024);
}

int
cmd_image_diff(struct ctl *c, int argc, char **argv, struct error *err)
{
        char a[CTL_IMAGE_SIZE], b[CTL_IMAGE_SIZE];
        enum ctl_output output;
        json_t *diff = NULL;
        int r;

        (void)argc;
        if ((r = ctl_image_name(argv[0], a, err)) < 0 || (r = ctl_image_name(argv[1], b, err)) < 0 ||
            (r = ctl_output(c, &output, err)) < 0)
                return r;
        r = c->opt[OPT_STORE] ? diff_here(c->opt[OPT_STORE], argv, &diff, err)
                              : ctl_get(c, &diff, err, "/v1/images/%s/diff?to=%s", a, b);
        if (r == 0 && output == CTL_OUT_TABLE)
                print_diff(diff);
        else if (r == 0)
                ctl_print_json(stdout, diff);
        json_decref(diff);
        return r;
}

/* ---- by hand ---- */

#define SERVER_STORE "/var/cache/dompool/images"
#define SERVER_KEY "/var/lib/dompool/image.key"

const char *
ctl_store_key(const struct ctl *c)
{
        const char *store = c->opt[OPT_STORE] ?: SERVER_STORE;

        return strcmp(store, SERVER_STORE) == 0 && access(SERVER_KEY, R_OK) == 0 ? SERVER_KEY : NULL;
}

/* A shell needs a terminal, so it is opened on the machine that has the store. */
static struct image_shell
shell_of(const struct ctl *c, const char *name)
{
        return (struct image_shell){.store = c->opt[OPT_STORE] ?: SERVER_STORE, .name = name, .key_file = ctl_store_key(c)};
}

int
cmd_image_commit(struct ctl *c, int argc, char **argv, struct error *err)
{
        const struct image_shell s = shell_of(c, argv[0]);
        struct image im;
        int r = image_shell_commit(&s, &im, err);

        (void)argc;
        return r < 0 ? r : print_done(c, &im, err, "image %s is version %.16s now", im.name, im.id);
}

int
cmd_image_shell(struct ctl *c, int argc, char **argv, struct error *err)
{
        const struct image_shell s = shell_of(c, argv[0]);
        char *words[64] = {0};
        int status = 0, r;

        for (int i = 1; i < argc && i < 64; i++)
                words[i - 1] = argv[i];
        r = image_shell_run(&s, words, &status, err);
        if (r < 0)
                return r;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return cmd_image_commit(c, 1, argv, err);
        return error_set(
                err, ERR_CANCELLED,
                "the shell ended with %d, so there is no new version; what was changed is in %s/shells/%s: go on with 'dompool "
                "image shell %s', keep it with 'dompool image commit %s', or remove that folder",
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), s.store, argv[0], argv[0], argv[0]);
}
