/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian's kernel package has no modules.dep (it is made when the package is configured), so depmod runs twice: over all
 * modules to learn who depends on whom, and over those chosen for the indexes that go into the image.
 */
#include "image/image_modules.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"
#include "image/kmod_index.h"

#define INDEX_MAX (8u << 20)

struct modules {
        struct tree *tree;
        const struct recipe *recipe;
        const char *root, *stage, *version;
        char *dep, *builtin; /* texts of the whole kernel's indexes */
        FILE *boot;          /* what is loaded at once */
        char **boot_paths;   /* the same, to keep each once */
        size_t n_boot;
};

int
image_kernel_version(const char *root, char ret[NAME_SIZE], struct error *err)
{
        _cleanup_closedir_ DIR *d = NULL;
        char path[IMAGE_PATH_SIZE];
        struct dirent *e;
        int r;

        r = image_path(path, err, "%s/lib/modules", root);
        if (r < 0)
                return r;
        d = opendir(path);
        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.' && str_copy(ret, NAME_SIZE, e->d_name))
                        return 0;
        return error_set(err, ERR_INVALID, "the recipe's kernel package has no /lib/modules");
}

static int
run_depmod(const char *root, const char *version, struct error *err)
{
        const char *const argv[] = {"depmod", "-b", root, version, NULL};

        return image_run(argv, NULL, "kmod", NULL, err);
}

/* The file of the kernel's module folder below @root. */
static int
module_path(char ret[IMAGE_PATH_SIZE], const char *root, const char *version, const char *name, struct error *err)
{
        return image_path(ret, err, "%s/lib/modules/%s/%s", root, version, name);
}

static int
read_index(const struct modules *m, const char *name, char **ret, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = module_path(path, m->root, m->version, name, err);

        return r < 0 ? r : image_read(path, INDEX_MAX, (uint8_t **)ret, NULL, err);
}

static int
stage_file(const struct modules *m, const char *name, struct error *err)
{
        char from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
        int r;

        if ((r = module_path(from, m->root, m->version, name, err)) < 0 ||
            (r = module_path(to, m->stage, m->version, name, err)) < 0)
                return r;
        *strrchr(to, '/') = '\0';
        r = image_mkdir(to, err);
        if (r < 0)
                return r;
        to[strlen(to)] = '/';
        if (link(from, to) < 0)
                return error_errno_set(err, errno, "%s", to);
        return 0;
}

static int
add_one(struct modules *m, const char *path, struct error *err)
{
        char in_image[IMAGE_PATH_SIZE], source[IMAGE_PATH_SIZE];
        int r;

        if ((r = module_path(in_image, "", m->version, path, err)) < 0 || tree_find(m->tree, in_image))
                return r;
        if ((r = module_path(source, m->root, m->version, path, err)) < 0 || (r = stage_file(m, path, err)) < 0)
                return r;
        return tree_add_file(m->tree, in_image, source, 0644, err);
}

static int
boot_note(struct modules *m, enum recipe_phase phase, const char *path, struct error *err)
{
        char **more;

        for (size_t i = 0; i < m->n_boot; i++)
                if (strcmp(m->boot_paths[i], path) == 0)
                        return 0;
        more = reallocarray(m->boot_paths, m->n_boot + 1, sizeof(*more));
        if (!more)
                return error_errno_set(err, ENOMEM, "modules");
        m->boot_paths = more;
        more[m->n_boot] = strdup(path);
        if (!more[m->n_boot])
                return error_errno_set(err, ENOMEM, "modules");
        m->n_boot++;
        fprintf(m->boot, "%s %s\n", phase == RECIPE_BOOT ? "boot" : "late", path);
        return 0;
}

static int
add_folder(struct modules *m, const struct recipe_module *wanted, struct error *err)
{
        const char *dep = m->dep;
        struct kmod_entry e;
        unsigned n = 0;
        int r;

        while ((r = kmod_dep_folder_next(&dep, wanted->name, &e)) == 0) {
                for (size_t i = 0; i < e.n && r == 0; i++)
                        r = add_one(m, e.paths[i], err);
                if (r < 0)
                        return r;
                n++;
        }
        if (r != -ENOENT)
                return error_errno_set(err, -r, "%s/modules:%u: %s", recipe_folder_of(m->recipe, wanted->of_base), wanted->line,
                                       wanted->name);
        return n > 0 ? 0
                     : error_set(err, ERR_CONFIG, "%s/modules:%u: kernel %s has no module below %s",
                                 recipe_folder_of(m->recipe, wanted->of_base), wanted->line, m->version, wanted->name);
}

static int
add_module(struct modules *m, const struct recipe_module *wanted, struct error *err)
{
        struct kmod_entry e;
        int r = kmod_dep_find(m->dep, wanted->name, &e);

        if (r == -ENOENT && kmod_builtin(m->builtin, wanted->name))
                return 0;
        if (r < 0)
                return error_set(err, ERR_CONFIG, "%s/modules:%u: kernel %s has no module %s",
                                 recipe_folder_of(m->recipe, wanted->of_base), wanted->line, m->version, wanted->name);
        for (size_t i = 0; i < e.n; i++) {
                r = add_one(m, e.paths[i], err);
                if (r == 0 && wanted->phase != RECIPE_ON_DEMAND)
                        r = boot_note(m, wanted->phase, e.paths[i], err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int
add_indexes(struct modules *m, struct error *err)
{
        static const char *const inputs[] = {"modules.order", "modules.builtin", "modules.builtin.modinfo"};
        static const char *const outputs[] = {"modules.dep", "modules.alias", "modules.softdep", "modules.builtin"};
        char in_image[IMAGE_PATH_SIZE], source[IMAGE_PATH_SIZE];
        int r;

        for (size_t i = 0; i < N_ELEMENTS(inputs); i++)
                if ((r = stage_file(m, inputs[i], err)) < 0)
                        return r;
        r = run_depmod(m->stage, m->version, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < N_ELEMENTS(outputs); i++) {
                if ((r = module_path(in_image, "", m->version, outputs[i], err)) < 0 ||
                    (r = module_path(source, m->stage, m->version, outputs[i], err)) < 0 ||
                    (r = tree_add_file(m->tree, in_image, source, 0644, err)) < 0)
                        return r;
        }
        return 0;
}

static int
add_boot_list(struct modules *m, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        r = image_path(path, err, "%s/boot-modules", m->stage);
        if (r < 0)
                return r;
        m->boot = fopen(path, "we");
        if (!m->boot)
                return error_errno_set(err, errno, "%s", path);
        for (size_t i = 0; i < m->recipe->n_modules && r == 0; i++) {
                const struct recipe_module *wanted = &m->recipe->modules[i];

                r = strchr(wanted->name, '/') ? add_folder(m, wanted, err) : add_module(m, wanted, err);
        }
        if (fclose(m->boot) != 0 && r == 0)
                r = error_errno_set(err, errno, "%s", path);
        return r < 0 ? r : tree_add_file(m->tree, IMAGE_BOOT_MODULES, path, 0644, err);
}

int
image_add_modules(struct tree *t, const struct recipe *recipe, const char *root, const char *stage, const char *version,
                  struct error *err)
{
        struct modules m = {.tree = t, .recipe = recipe, .root = root, .stage = stage, .version = version};
        int r;

        if ((r = image_mkdir(stage, err)) == 0 && (r = run_depmod(root, version, err)) == 0 &&
            (r = read_index(&m, "modules.dep", &m.dep, err)) == 0 &&
            (r = read_index(&m, "modules.builtin", &m.builtin, err)) == 0 && (r = add_boot_list(&m, err)) == 0)
                r = add_indexes(&m, err);
        for (size_t i = 0; i < m.n_boot; i++)
                free(m.boot_paths[i]);
        free(m.boot_paths);
        free(m.dep);
        free(m.builtin);
        return r;
}
