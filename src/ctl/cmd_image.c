/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool image ... By the server, or with --store on this machine: the same functions of src/image that the server's work role
 * calls. Runs in: dompool.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/rec_json.h"
#include "bootcfg/guard.h"
#include "ctl/ctl_findings.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_wait.h"
#include "image/facts_store.h"
#include "image/image_build.h"
#include "image/image_diff.h"
#include "image/image_store.h"

static const struct ctl_column image_columns[] = {
        {"NAME", "name"},
        {"ID", "id", FMT_ID},
        {"TAGS", "tags", FMT_LIST, .elastic = true},
        {"XEN", "xen_version", .elastic = true},
        {"KERNEL", "kernel_version", .elastic = true},
        {"SIZE", "size", FMT_BYTES, .right = true},
        {"BUILT", "built_ms", FMT_SINCE, .right = true},
        {"TROUBLE", "trouble", .elastic = true},
};

static const struct ctl_column image_fields[] = {
        {"name", "name"},
        {"id", "id"},
        {"tags", "tags", FMT_LIST},
        {"recipe", "recipe"},
        {"xen", "xen_version"},
        {"kernel", "kernel_version"},
        {"xen args", "xen_args"},
        {"kernel args", "kernel_args"},
        {"built", "built_ms", FMT_TIME},
        {"size", "size", FMT_BYTES},
        {"used by", "used_by", FMT_LIST},
        {"trouble", "trouble"},
};

static const struct ctl_column file_columns[] = {
        {"FILE", "name"},
        {"SIZE", "size", FMT_BYTES, .right = true},
        {"SHA-256", "sha256", .elastic = true},
};

static const struct ctl_column biggest_columns[] = {
        {"BIGGEST", "path", .elastic = true},
        {"SIZE", "size", FMT_BYTES, .right = true},
};

/* The sum of its files, for people. */
static void
add_size(json_t *image)
{
        const json_t *file;
        json_int_t sum = 0;
        size_t i;

        json_array_foreach(json_object_get(image, "files"), i, file)
        {
                sum += json_integer_value(json_object_get(file, "size"));
        }
        json_object_set_new(image, "size", json_integer(sum));
}

/* ---- from a folder of this machine ---- */

/* The tags that are on it: "current", "previous". */
static json_t *
store_image_json(const char *store, const struct image *image)
{
        static const char *const tags[] = {"current", "previous"};
        json_t *json = rec_to_json(&image_desc, image), *list = json_array();

        for (size_t i = 0; i < N_ELEMENTS(tags); i++) {
                char name[NAME_SIZE + 16];
                struct image tagged;
                struct error ignored;

                snprintf(name, sizeof(name), "%s:%s", image->name, tags[i]);
                if (image_store_find(store, name, &tagged, &ignored) == 0 && strcmp(tagged.id, image->id) == 0)
                        json_array_append_new(list, json_string(tags[i]));
        }
        json_object_set_new(json, "tags", list);
        return json;
}

static int
store_list_json(const char *store, json_t **ret, struct error *err)
{
        _cleanup_free_ struct image *images = NULL;
        json_t *list = json_array();
        size_t n = 0;
        int r = image_store_list(store, &images, &n, err);

        for (size_t i = 0; r == 0 && i < n; i++)
                json_array_append_new(list, store_image_json(store, &images[i]));
        *ret = json_pack("{s:o}", "images", list);
        return r;
}

static int
store_find_json(const char *store, const char *name, json_t **ret, struct error *err)
{
        struct image image;
        int r = image_store_find(store, name, &image, err);

        *ret = r == 0 ? store_image_json(store, &image) : NULL;
        if (r == 0)
                json_object_set_new(*ret, "biggest", image_biggest_json(store, &image));
        return r;
}

static void
print_build_step(void *arg, const char *step, unsigned percent, const char *text)
{
        (void)arg;
        fprintf(stderr, "%3u%% %-10s %s\n", percent, step, text);
}

static int
find_programs(char ret[PROGRAM_PATH_SIZE], struct error *err)
{
        char *slash;

        if (paths_program("dompool-init", ret) < 0 || !(slash = strrchr(ret, '/')))
                return error_set(err, ERR_NOT_FOUND, "dompool-init is neither beside this program nor installed");
        *slash = '\0';
        return 0;
}

/* What the guards say of the image alone; its facts are made where they are missing. */
static int
store_check_json(const char *store, const char *name, json_t **ret, struct error *err)
{
        struct image_facts facts = {0};
        struct guard_report report;
        struct image image;
        json_t *findings;
        int r = image_store_find(store, name, &image, err);

        if (r == 0 && facts_store_read(store, image.id, &facts, err) < 0)
                r = facts_store_make(store, image.id, NULL, err) < 0 ? error_to_errno(err->code)
                                                                     : facts_store_read(store, image.id, &facts, err);
        if (r < 0)
                return r;
        guard_check(
                &(struct guard_request){
                        .image = &image, .facts = &facts, .xen_args = image.xen_args, .dom0_args = image.kernel_args},
                &report);
        findings = json_array();
        for (uint32_t i = 0; i < report.n_findings; i++) {
                json_t *json = rec_to_json(&guard_finding_desc, &report.findings[i]);

                json_object_set_new(json, "host", json_string(""));
                json_array_append_new(findings, json);
        }
        *ret = json_pack("{s:s,s:s,s:o,s:o}", "image", image.name, "id", image.id, "facts",
                         rec_to_json(&image_facts_desc, &facts), "findings", findings);
        rec_clear(&image_facts_desc, &facts);
        return 0;
}

static int
build_here(struct ctl *c, const char *name, struct error *err)
{
        char recipe[PROGRAM_PATH_SIZE], programs[PROGRAM_PATH_SIZE], folder[100];
        struct image_build b = {.store = c->opt[OPT_STORE], .recipe_dir = recipe, .program_dir = programs, .name = name};
        struct image image;
        json_t *json;
        int r = find_programs(programs, err);

        if (r < 0)
                return r;
        snprintf(folder, sizeof(folder), "images/%.80s", name);
        if (paths_data(folder, recipe) < 0)
                return error_set(err, ERR_NOT_FOUND, "there is no recipe '%s'", name);
        b.progress = print_build_step;
        b.key_file = ctl_store_key(c);
        b.ssh_keys = "/etc/dompool/authorized_keys";
        r = loaders_build(b.store, err);
        if (r == 0)
                r = image_build(&b, &image, err);
        if (r < 0)
                return r;
        json = store_image_json(b.store, &image);
        add_size(json);
        r = ctl_print_object(c, json, "id", image_fields, N_ELEMENTS(image_fields), err);
        json_decref(json);
        json = NULL;
        if (r == 0 && store_check_json(b.store, image.id, &json, err) == 0)
                ctl_findings_note(json);
        json_decref(json);
        return r;
}

/* ---- commands ---- */

int
cmd_image_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL, *image;
        size_t i;
        int r = c->opt[OPT_STORE] ? store_list_json(c->opt[OPT_STORE], &answer, err) : ctl_get(c, &answer, err, "/v1/images");

        (void)argc;
        (void)argv;
        json_array_foreach(json_object_get(answer, "images"), i, image)
        {
                add_size(image);
        }
        if (r == 0)
                r = ctl_print_list(c, answer, "images", "id", image_columns, N_ELEMENTS(image_columns), err);
        json_decref(answer);
        return r;
}

int
cmd_image_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        char name[CTL_IMAGE_SIZE];
        enum ctl_output output;
        json_t *image = NULL;
        int r = ctl_image_name(argv[0], name, err);

        (void)argc;
        if (r < 0 || (r = ctl_output(c, &output, err)) < 0)
                return r;
        r = c->opt[OPT_STORE] ? store_find_json(c->opt[OPT_STORE], argv[0], &image, err)
                              : ctl_get(c, &image, err, "/v1/images/%s", name);
        if (r == 0) {
                add_size(image);
                r = ctl_print_object(c, image, "id", image_fields, N_ELEMENTS(image_fields), err);
        }
        if (r == 0 && output == CTL_OUT_TABLE) {
                ctl_table_print(stdout, file_columns, N_ELEMENTS(file_columns), json_object_get(image, "files"),
                                ctl_terminal_width(), 0);
                printf("\n");
                ctl_table_print(stdout, biggest_columns, N_ELEMENTS(biggest_columns), json_object_get(image, "biggest"),
                                ctl_terminal_width(), 0);
        }
        json_decref(image);
        return r;
}

int
cmd_image_check(struct ctl *c, int argc, char **argv, struct error *err)
{
        char name[CTL_IMAGE_SIZE];
        json_t *answer = NULL;
        int r = ctl_image_name(argv[0], name, err);

        (void)argc;
        if (r == 0)
                r = c->opt[OPT_STORE] ? store_check_json(c->opt[OPT_STORE], argv[0], &answer, err)
                                      : ctl_get(c, &answer, err, "/v1/images/%s/check", name);
        if (r == 0)
                r = ctl_findings_print(c, answer, err);
        json_decref(answer);
        return r;
}

/* The tag has moved: who cannot boot the new version is named at once. */
static void
note_findings(struct ctl *c, const char *name)
{
        struct error ignored;
        json_t *answer = NULL;

        if (!c->opt[OPT_NO_WAIT] && ctl_get(c, &answer, &ignored, "/v1/images/%s/check", name) == 0)
                ctl_findings_note(answer);
        json_decref(answer);
}

int
cmd_image_build(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "POST", .path = "/v1/images"};
        json_t *body, *operation = NULL;
        int r = ctl_name("an image", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        if (c->opt[OPT_STORE])
                return build_here(c, argv[0], err);
        body = json_pack("{s:s}", "recipe", argv[0]);
        q.body = body;
        r = ctl_http_send(c, &q, &operation, err);
        if (r == 0)
                r = ctl_wait_answer(c, operation, err);
        if (r == 0)
                note_findings(c, argv[0]);
        json_decref(operation);
        json_decref(body);
        return r;
}
