/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a recipe folder: recipe.conf by libconfuse, `files` and `modules` by image_lines.c. Runs in the image builder. */
#include "image/image_recipe.h"

#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/rec.h"
#include "image/image_files.h"

/* libconfuse's error callback has no argument of its own: the place where its message goes, while one file is read. */
static struct error *confuse_error;

static void recipe_confuse_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
recipe_confuse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
        char text[300];

        /* The first message is the cause; what follows is its echo. */
        if (!confuse_error || confuse_error->code != ERR_NONE)
                return;
        vsnprintf(text, sizeof(text), fmt, ap);
        error_set(confuse_error, ERR_CONFIG, "%s:%d: %s", cfg && cfg->filename ? cfg->filename : "recipe.conf",
                  cfg ? cfg->line : 0, text);
}

static cfg_opt_t recipe_options[] = {
        CFG_STR("base", "", CFGF_NONE),
        CFG_STR("kind", "host", CFGF_NONE),
        CFG_STR_LIST("packages", NULL, CFGF_NONE),
        CFG_STR("kernel", "linux-image-amd64", CFGF_NONE),
        CFG_STR("hypervisor", "", CFGF_NONE),
        CFG_STR("stage", "", CFGF_NONE),
        CFG_STR_LIST("system", NULL, CFGF_NONE),
        CFG_STR("suite", "bookworm", CFGF_NONE),
        CFG_STR_LIST("without", NULL, CFGF_NONE),
        CFG_STR_LIST("writable", NULL, CFGF_NONE),
        CFG_STR_LIST("keep", NULL, CFGF_NONE),
        CFG_STR("xen_args", "", CFGF_NONE),
        CFG_STR("kernel_args", "", CFGF_NONE),
        CFG_STR("limit", "0", CFGF_NONE),
        CFG_STR("compression", "zstd", CFGF_NONE),
        CFG_INT("level", 19, CFGF_NONE),
        CFG_END(),
};

/* Copies one string option; refuses what does not fit or holds a control character. */
static int
take_string(cfg_t *cfg, const char *option, char *ret, size_t size, const char *file, struct error *err)
{
        const char *text = cfg_getstr(cfg, option);

        for (const char *p = text; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        return error_set(err, ERR_CONFIG, "%s: %s has a control character", file, option);
        if (!str_copy(ret, size, text))
                return error_set(err, ERR_CONFIG, "%s: %s is over %zu bytes", file, option, size - 1);
        return 0;
}

/* Debian policy 5.6.1: lower case, digits, "+-."; what apt-get would read as an option or a pattern is no package name. */
static bool
package_name_ok(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

        return n >= 2 && name[n] == '\0' && n < NAME_SIZE && name[0] != '-' && name[0] != '+' && name[0] != '.' &&
               name[n - 1] != '-' && name[n - 1] != '+';
}

static int
take_names(cfg_t *cfg, const char *option, char ret[][NAME_SIZE], size_t *ret_n, const char *file, struct error *err)
{
        unsigned n = cfg_size(cfg, option);

        if (n > RECIPE_MAX_PACKAGES - 1)
                return error_set(err, ERR_LIMIT, "%s: %s: more than %d packages", file, option, RECIPE_MAX_PACKAGES - 1);
        for (unsigned i = 0; i < n; i++) {
                const char *name = cfg_getnstr(cfg, option, i);

                if (!package_name_ok(name))
                        return error_set(err, ERR_CONFIG, "%s: %s: '%.100s' is no package name", file, option, name);
                str_copy(ret[(*ret_n)++], NAME_SIZE, name);
        }
        return 0;
}

static int
take_paths(cfg_t *cfg, const char *option, char ret[][RECIPE_PATH_SIZE], size_t *ret_n, const char *file, struct error *err)
{
        unsigned n = cfg_size(cfg, option);

        if (n > RECIPE_MAX_PATHS)
                return error_set(err, ERR_LIMIT, "%s: %s: more than %d paths", file, option, RECIPE_MAX_PATHS);
        for (unsigned i = 0; i < n; i++) {
                const char *path = cfg_getnstr(cfg, option, i);

                if (*path != '/' || strpbrk(path, "\n\t") || !str_copy(ret[*ret_n], RECIPE_PATH_SIZE, path))
                        return error_set(err, ERR_CONFIG, "%s: %s: '%.100s' is no absolute path of at most %d bytes", file,
                                         option, path, RECIPE_PATH_SIZE - 1);
                (*ret_n)++;
        }
        return 0;
}

/* What only a whole Debian has. */
static int
take_system(cfg_t *cfg, struct recipe *r, const char *file, struct error *err)
{
        int x;

        if ((x = take_names(cfg, "system", r->system, &r->n_system, file, err)) < 0 ||
            (x = take_string(cfg, "suite", r->suite, sizeof(r->suite), file, err)) < 0 ||
            (x = take_paths(cfg, "without", r->without, &r->n_without, file, err)) < 0 ||
            (x = take_paths(cfg, "writable", r->writable, &r->n_writable, file, err)) < 0)
                return x;
        if (!name_ok(r->suite))
                return error_set(err, ERR_CONFIG, "%s: suite: '%s' is no name of a Debian release", file, r->suite);
        if (r->n_system && (r->kind != RECIPE_HOST || !r->stage[0]))
                return error_set(err, ERR_CONFIG, "%s: system: only a host image with a stage can be a whole Debian", file);
        return 0;
}

/* What belongs to a host and not to its image. */
static int
take_keep(cfg_t *cfg, struct recipe *r, const char *file, struct error *err)
{
        int x = take_paths(cfg, "keep", r->keep, &r->n_keep, file, err);

        if (x == 0 && r->n_keep && r->kind != RECIPE_HOST)
                return error_set(err, ERR_CONFIG, "%s: keep: only a host image has files that are kept", file);
        if (x < 0)
                return x;
        for (size_t i = 0; i < r->n_keep; i++)
                if (keep_pattern_check("keep", r->keep[i], err) < 0) {
                        err->code = ERR_CONFIG;
                        return error_prefix(err, "%s", file);
                }
        return 0;
}

static int
take_packages(cfg_t *cfg, struct recipe *r, const char *file, struct error *err)
{
        int x = take_names(cfg, "packages", r->packages, &r->n_packages, file, err);

        if (x < 0)
                return x;
        if (!package_name_ok(r->kernel))
                return error_set(err, ERR_CONFIG, "%s: kernel: '%s' is no package name", file, r->kernel);
        return 0;
}

static int
take_scalars(cfg_t *cfg, struct recipe *r, const char *file, struct error *err)
{
        static const char *const kind_names[] = {
                [RECIPE_HOST] = "host", [RECIPE_GUEST] = "guest", [RECIPE_STAGE] = "stage", NULL};
        long level = cfg_getint(cfg, "level");
        char kind[8];
        int x, found;

        if ((x = take_string(cfg, "kind", kind, sizeof(kind), file, err)) < 0 ||
            (x = take_string(cfg, "kernel", r->kernel, sizeof(r->kernel), file, err)) < 0 ||
            (x = take_string(cfg, "hypervisor", r->hypervisor, sizeof(r->hypervisor), file, err)) < 0 ||
            (x = take_string(cfg, "stage", r->stage, sizeof(r->stage), file, err)) < 0 ||
            (x = take_string(cfg, "xen_args", r->xen_args, sizeof(r->xen_args), file, err)) < 0 ||
            (x = take_string(cfg, "kernel_args", r->kernel_args, sizeof(r->kernel_args), file, err)) < 0 ||
            (x = take_string(cfg, "compression", r->compression, sizeof(r->compression), file, err)) < 0)
                return x;
        found = names_find(kind_names, kind);
        if (found < 0)
                return error_set(err, ERR_CONFIG, "%s: kind is \"host\", \"guest\" or \"stage\", not \"%s\"", file, kind);
        r->kind = (enum recipe_kind)found;
        if (r->stage[0] && (r->kind != RECIPE_HOST || !name_ok(r->stage)))
                return error_set(err, ERR_CONFIG, "%s: stage names a recipe beside this one, and only a host image has one",
                                 file);
        if ((r->kind == RECIPE_HOST) != (r->hypervisor[0] != '\0') || (r->hypervisor[0] && !recipe_path_ok(r->hypervisor)))
                return error_set(err, ERR_CONFIG,
                                 "%s: a host image needs hypervisor = a path in its packages; guests and stages have none",
                                 file);
        if (strcmp(r->compression, "zstd") != 0 && strcmp(r->compression, "xz") != 0 && strcmp(r->compression, "gzip") != 0)
                return error_set(err, ERR_CONFIG, "%s: compression is zstd, xz or gzip", file);
        if (level < 1 || level > 22)
                return error_set(err, ERR_CONFIG, "%s: level is 1 to 22", file);
        r->level = (unsigned)level;
        if (parse_size(cfg_getstr(cfg, "limit"), &r->limit) < 0)
                return error_set(err, ERR_CONFIG, "%s: limit '%s' is no size such as 32M", file, cfg_getstr(cfg, "limit"));
        return 0;
}

static int
parse_conf(cfg_t *cfg, const char *folder, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int x = image_path(path, err, "%s/recipe.conf", folder);

        if (x < 0)
                return x;
        err->code = ERR_NONE;
        confuse_error = err;
        x = cfg_parse(cfg, path);
        confuse_error = NULL;
        if (x == CFG_FILE_ERROR)
                return error_set(err, ERR_NOT_FOUND, "%s: %s; a recipe is a folder with a recipe.conf, see dompool-image(5)",
                                 path, strerror(errno));
        if (x != CFG_SUCCESS)
                return err->code ? error_to_errno(err->code) : error_set(err, ERR_CONFIG, "%s: syntax error", path);
        return 0;
}

static int
new_conf(cfg_t **ret, struct error *err)
{
        *ret = cfg_init(recipe_options, CFGF_NONE);
        if (!*ret)
                return error_errno_set(err, ENOMEM, "recipe.conf");
        cfg_set_error_function(*ret, recipe_confuse_error);
        return 0;
}

/* The base's folder, if @cfg names one. */
static int
take_base(cfg_t *cfg, struct recipe *r, struct error *err)
{
        const char *base = cfg_getstr(cfg, "base");

        if (!*base)
                return 0;
        if (!name_ok(base))
                return error_set(err, ERR_CONFIG, "%s/recipe.conf: base names a recipe beside this one, not '%.100s'",
                                 r->folder, base);
        if (snprintf(r->base, sizeof(r->base), "%s/../%s", r->folder, base) >= (int)sizeof(r->base))
                return error_set(err, ERR_LIMIT, "%s/recipe.conf: base: path over %zu bytes", r->folder, sizeof(r->base) - 1);
        return 0;
}

/* What the base says stands before what the recipe says: a value that is given again counts, "+=" adds to a list. */
static int
parse_with_base(cfg_t **cfg, struct recipe *r, struct error *err)
{
        int x;

        if ((x = parse_conf(*cfg, r->folder, err)) < 0 || (x = take_base(*cfg, r, err)) < 0 || !*r->base)
                return x;
        cfg_free(*cfg);
        if ((x = new_conf(cfg, err)) < 0 || (x = parse_conf(*cfg, r->base, err)) < 0)
                return x;
        if (*cfg_getstr(*cfg, "base"))
                return error_set(err, ERR_CONFIG, "%s/recipe.conf: base: recipe '%s' has a base itself", r->folder,
                                 strrchr(r->base, '/') + 1);
        return parse_conf(*cfg, r->folder, err);
}

static int
load_conf(struct recipe *r, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        cfg_t *cfg = NULL;
        int x;

        if ((x = image_path(path, err, "%s/recipe.conf", r->folder)) == 0 && (x = new_conf(&cfg, err)) == 0 &&
            (x = parse_with_base(&cfg, r, err)) == 0 && (x = take_scalars(cfg, r, path, err)) == 0 &&
            (x = take_packages(cfg, r, path, err)) == 0 && (x = take_keep(cfg, r, path, err)) == 0)
                x = take_system(cfg, r, path, err);
        if (cfg)
                cfg_free(cfg);
        return x;
}

/* A text file of the folder; one that is not there is empty. */
static int
load_text(const char *folder, const char *name, char ret_path[IMAGE_PATH_SIZE], char **ret, struct error *err)
{
        size_t size = 0;
        int x;

        x = image_path(ret_path, err, "%s/%s", folder, name);
        if (x < 0)
                return x;
        x = image_read(ret_path, RECIPE_FILE_MAX, (uint8_t **)ret, &size, err);
        if (x == -ENOENT) {
                *ret = strdup("");
                return *ret ? 0 : error_errno_set(err, ENOMEM, "%s", ret_path);
        }
        if (x == 0 && strlen(*ret) != size)
                x = error_set(err, ERR_CONFIG, "%s: holds a NUL byte", ret_path);
        return x;
}

/* Adds "name NUL sha256" of each regular file below @folder, in name order. */
static int
hash_folder(const char *folder, const char *shown, FILE *out, struct error *err)
{
        struct dirent **entries = NULL;
        int n = scandir(folder, &entries, NULL, alphasort), x = 0;

        if (n < 0)
                return error_errno_set(err, errno, "%s", folder);
        for (int i = 0; i < n; i++) {
                char path[IMAGE_PATH_SIZE], name[IMAGE_PATH_SIZE];
                uint8_t sha256[32];
                struct stat st;

                if (x == 0 && entries[i]->d_name[0] != '.' &&
                    (x = image_path(path, err, "%s/%s", folder, entries[i]->d_name)) == 0 &&
                    (x = image_path(name, err, "%s/%s", shown, entries[i]->d_name)) == 0) {
                        if (stat(path, &st) < 0)
                                x = error_errno_set(err, errno, "%s", path);
                        else if (S_ISDIR(st.st_mode))
                                x = hash_folder(path, name, out, err);
                        else if ((x = image_hash(path, sha256, NULL, err)) == 0) {
                                fwrite(name, 1, strlen(name) + 1, out);
                                fwrite(sha256, 1, sizeof(sha256), out);
                        }
                }
                free(entries[i]);
        }
        free(entries);
        return x;
}

static int
load_hash(struct recipe *r, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int x;

        if (!f)
                return error_errno_set(err, errno, "open_memstream");
        x = *r->base ? hash_folder(r->base, "", f, err) : 0;
        if (x == 0)
                x = hash_folder(r->folder, "", f, err);
        if (fclose(f) != 0)
                return error_errno_set(err, errno, "open_memstream");
        if (x == 0)
                digest_sha256(text, size, r->sha256);
        return x;
}

static int
load_files(const char *folder, struct recipe_line **ret, size_t *ret_n, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        char path[IMAGE_PATH_SIZE];
        int x = load_text(folder, "files", path, &text, err);

        return x < 0 ? x : recipe_parse_lines(path, text, ret, ret_n, err);
}

static int
load_modules(const char *folder, struct recipe_module **ret, size_t *ret_n, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        char path[IMAGE_PATH_SIZE];
        int x = load_text(folder, "modules", path, &text, err);

        return x < 0 ? x : recipe_parse_modules(path, text, ret, ret_n, err);
}

static bool
has_destination(const struct recipe_line *lines, size_t n, const char *to)
{
        for (size_t i = 0; *to && i < n; i++)
                if (strcmp(lines[i].to, to) == 0)
                        return true;
        return false;
}

/* @own, with @base before it; both are freed. */
static int
join(void *base, size_t n_base, void **own, size_t *n_own, size_t size, struct error *err)
{
        uint8_t *all = calloc(n_base + *n_own + 1, size);
        int x = all ? 0 : error_errno_set(err, ENOMEM, "recipe");

        if (all) {
                memcpy(all, base, n_base * size);
                memcpy(all + n_base * size, *own, *n_own * size);
                free(*own);
                *own = all;
                *n_own += n_base;
        }
        free(base);
        return x;
}

/* Of two lines for one place the recipe's own counts. */
static int
join_base(struct recipe *r, struct error *err)
{
        struct recipe_module *modules = NULL;
        struct recipe_line *lines = NULL;
        size_t n_lines = 0, n_modules = 0, n = 0;
        int x;

        if ((x = load_files(r->base, &lines, &n_lines, err)) < 0)
                return x;
        for (size_t i = 0; i < n_lines; i++)
                if (!has_destination(r->lines, r->n_lines, lines[i].to)) {
                        lines[i].of_base = true;
                        lines[n++] = lines[i];
                }
        if ((x = join(lines, n, (void **)&r->lines, &r->n_lines, sizeof(*lines), err)) < 0 ||
            (x = load_modules(r->base, &modules, &n_modules, err)) < 0)
                return x;
        for (size_t i = 0; i < n_modules; i++)
                modules[i].of_base = true;
        return join(modules, n_modules, (void **)&r->modules, &r->n_modules, sizeof(*modules), err);
}

static int
load_all(struct recipe *r, struct error *err)
{
        int x;

        if ((x = load_conf(r, err)) < 0 || (x = load_files(r->folder, &r->lines, &r->n_lines, err)) < 0 ||
            (x = load_modules(r->folder, &r->modules, &r->n_modules, err)) < 0 || (x = *r->base ? join_base(r, err) : 0) < 0)
                return x;
        return load_hash(r, err);
}

int
recipe_load(const char *folder, struct recipe *ret, struct error *err)
{
        char copy[RECIPE_PATH_SIZE];
        struct recipe r = {0};
        int x;

        if (!str_copy(r.folder, sizeof(r.folder), folder) || !str_copy(copy, sizeof(copy), folder))
                return error_set(err, ERR_LIMIT, "%s: path over %d bytes", folder, RECIPE_PATH_SIZE - 1);
        if (!str_copy(r.name, sizeof(r.name), basename(copy)) || !name_ok(r.name))
                return error_set(err, ERR_INVALID, "%s: the folder's name is no image name", folder);
        x = load_all(&r, err);
        if (x < 0) {
                recipe_deinit(&r);
                return x;
        }
        *ret = r;
        return 0;
}

void
recipe_deinit(struct recipe *r)
{
        free(r->lines);
        free(r->modules);
        r->lines = NULL;
        r->modules = NULL;
}

/* 0: on none. */
static unsigned
line_of(const char *folder, const char *word)
{
        static const char part_of_word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._/";
        _cleanup_free_ char *text = NULL;
        char path[IMAGE_PATH_SIZE];
        struct error ignored;
        unsigned line = 1;

        if (load_text(folder, "recipe.conf", path, &text, &ignored) < 0)
                return 0;
        for (const char *at = text; *at; at++) {
                size_t n = strspn(at, part_of_word);

                if (*at == '\n')
                        line++;
                else if (*at == '#')
                        at += strcspn(at, "\n") - 1;
                else if (n == strlen(word) && strncmp(at, word, n) == 0)
                        return line;
                else if (n > 0)
                        at += n - 1;
        }
        return 0;
}

bool
recipe_place_of(const struct recipe *r, const char *word, char *ret, size_t size)
{
        const char *folder = r->folder;
        unsigned line = line_of(folder, word);

        if (!line && *r->base)
                line = line_of(folder = r->base, word);
        return line && snprintf(ret, size, "%s/recipe.conf:%u", folder, line) < (int)size;
}

const char *
recipe_folder_of(const struct recipe *r, bool of_base)
{
        return of_base ? r->base : r->folder;
}

int
recipe_write_paths(const char *file, const char (*paths)[RECIPE_PATH_SIZE], size_t n, struct error *err)
{
        char text[RECIPE_MAX_PATHS * (RECIPE_PATH_SIZE + 1)];
        size_t size = 0;

        for (size_t i = 0; i < n; i++)
                size += (size_t)snprintf(text + size, sizeof(text) - size, "%s\n", paths[i]);
        return image_write(file, text, size, err);
}
