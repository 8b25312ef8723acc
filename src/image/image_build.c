/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image builder's order of steps. Everything is made below STORE/tmp and renamed into the store at the end, so that a build
 * that is killed leaves only a folder which the next build removes. Runs in role work's child and in `dompool image build`; one
 * build of a store at a time (flock).
 *
 *     recipe, stage -> versions (apt) -> in the cache? done
 *        -> download -> unpack -> modules -> files -> libraries -> initrd, root -> contents -> size -> publish
 */
#include "image/image_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/digest.h"
#include "image/facts_store.h"
#include "image/image_apt.h"
#include "image/image_cache.h"
#include "image/image_contents.h"
#include "image/image_files.h"
#include "image/image_key.h"
#include "image/image_lock.h"
#include "image/image_modules.h"
#include "image/image_object.h"
#include "image/image_report.h"
#include "image/image_root.h"
#include "image/image_store.h"
#include "image/image_system.h"
#include "image/image_tree.h"

#define PACKAGE_CACHE "/var/cache/dompool/packages"

struct build {
        const struct image_build *b;
        struct recipe recipe;
        struct recipe stage;         /* empty name: the image has none */
        char store[IMAGE_PATH_SIZE]; /* a guest's files have a store of their own below the hosts' */
        char temp[IMAGE_PATH_SIZE];
        char root[IMAGE_PATH_SIZE]; /* temp/root: packages unpacked */
        char out[IMAGE_PATH_SIZE];  /* temp/out: becomes the version */
        char cache[IMAGE_PATH_SIZE];
        int lock;
        struct sign_pair pair;
        size_t n_packages;
        struct apt_package packages[RECIPE_MAX_PACKAGES];
        char kernel_version[NAME_SIZE];
        char key[CACHE_KEY_SIZE];
        struct tree tree, stage_tree;
        char **host; /* this machine's files in the image */
};

static void say(const struct build *x, const char *step, unsigned percent, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static void
say(const struct build *x, const char *step, unsigned percent, const char *fmt, ...)
{
        char text[300];
        va_list ap;

        if (!x->b->progress)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        x->b->progress(x->b->arg, step, percent, text);
}

/* Only root may write the machine's package cache; for others it is beside the store. */
static int
choose_cache(struct build *x, struct error *err)
{
        int r;

        str_copy(x->cache, sizeof(x->cache), PACKAGE_CACHE);
        if (image_mkdir(x->cache, err) == 0 && access(x->cache, W_OK) == 0)
                return 0;
        r = image_path(x->cache, err, "%s/packages", x->b->store);
        return r < 0 ? r : image_mkdir(x->cache, err);
}

static void
say_waiting(void *arg)
{
        const struct build *x = arg;

        say(x, "lock", 0, "waiting for another build in %s", x->store);
}

static int
take_lock(struct build *x, struct error *err)
{
        x->lock = image_lock(x->store, say_waiting, x, err);
        return x->lock < 0 ? x->lock : 0;
}

/* The room's key; who builds without a server has one in the store. */
static int
take_key(struct build *x, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r = 0;

        if (!x->b->key_file)
                r = image_path(path, err, "%s/" IMAGE_KEY_NAME, x->b->store);
        if (r < 0 || (r = image_mkdir(x->b->store, err)) < 0 ||
            (r = image_key_load(x->b->key_file ? x->b->key_file : path, &x->pair, err)) < 0)
                return r;
        return image_key_publish(x->b->store, &x->pair, err);
}

static int
prepare_folders(struct build *x, struct error *err)
{
        int r;

        if ((r = image_sweep(x->store, err)) < 0 ||
            (r = image_path(x->temp, err, "%s/tmp/build-%d", x->store, (int)getpid())) < 0 ||
            (r = image_path(x->root, err, "%s/root", x->temp)) < 0 || (r = image_path(x->out, err, "%s/out", x->temp)) < 0 ||
            (r = image_mkdir(x->root, err)) < 0 || (r = image_mkdir(x->out, err)) < 0)
                return r;
        return 0;
}

static int
load_stage(struct build *x, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        if (!x->recipe.stage[0])
                return 0;
        if ((r = image_path(path, err, "%s/../%s", x->recipe.folder, x->recipe.stage)) < 0 ||
            (r = recipe_load(path, &x->stage, err)) < 0)
                return error_prefix(err, "%s/recipe.conf: stage", x->recipe.folder);
        if (x->stage.kind != RECIPE_STAGE)
                return error_set(err, ERR_CONFIG, "%s/recipe.conf: stage: recipe '%s' is of another kind", x->recipe.folder,
                                 x->stage.name);
        return 0;
}

static int
add_package(const struct build *x, char names[RECIPE_MAX_PACKAGES][NAME_SIZE], size_t *n, const char *name, struct error *err)
{
        for (size_t i = 0; i < *n; i++)
                if (strcmp(names[i], name) == 0)
                        return 0;
        if (*n == RECIPE_MAX_PACKAGES)
                return error_set(err, ERR_LIMIT, "%s: more than %d packages with its stage's and the kernel", x->recipe.name,
                                 RECIPE_MAX_PACKAGES);
        str_copy(names[(*n)++], NAME_SIZE, name);
        return 0;
}

/* apt's message has the name; the person wants to know where it stands. */
static int
name_place(const struct build *x, const char (*names)[NAME_SIZE], size_t n, struct error *err)
{
        for (size_t i = 0; i < n; i++) {
                const char *at = strstr(err->message, names[i]);
                char after = at ? at[strlen(names[i])] : 'x';
                char place[IMAGE_PATH_SIZE];

                if (!at || (after && strchr("abcdefghijklmnopqrstuvwxyz0123456789+.-", after)))
                        continue;
                if (recipe_place_of(&x->recipe, names[i], place, sizeof(place)) ||
                    (x->stage.name[0] && recipe_place_of(&x->stage, names[i], place, sizeof(place))))
                        return error_prefix(err, "%s: package %s", place, names[i]);
        }
        return error_to_errno(err->code);
}

/* mmdebstrap would find out after minutes. */
static int
check_system_packages(const struct build *x, struct error *err)
{
        _cleanup_free_ struct apt_package *found = calloc(RECIPE_MAX_PACKAGES, sizeof(*found));
        int r;

        if (!found)
                return error_errno_set(err, ENOMEM, "packages");
        if (x->recipe.n_system == 0)
                return 0;
        r = apt_resolve((const char(*)[NAME_SIZE])x->recipe.system, x->recipe.n_system, found, err);
        return r < 0 ? name_place(x, (const char(*)[NAME_SIZE])x->recipe.system, x->recipe.n_system, err) : 0;
}

static int
resolve_packages(struct build *x, struct error *err)
{
        char names[RECIPE_MAX_PACKAGES][NAME_SIZE], kernel[NAME_SIZE];
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < x->recipe.n_packages && r == 0; i++)
                r = add_package(x, names, &n, x->recipe.packages[i], err);
        for (size_t i = 0; i < x->stage.n_packages && r == 0; i++)
                r = add_package(x, names, &n, x->stage.packages[i], err);
        if (r == 0)
                say(x, "packages", 0, "asking apt for the versions of %zu packages", n + 1);
        if (r < 0 || (r = apt_kernel(x->recipe.kernel, kernel, err)) < 0 || (r = add_package(x, names, &n, kernel, err)) < 0)
                return r;
        x->n_packages = n;
        r = apt_resolve((const char(*)[NAME_SIZE])names, n, x->packages, err);
        return r < 0 ? name_place(x, (const char(*)[NAME_SIZE])names, n, err) : check_system_packages(x, err);
}

static int
fetch_packages(struct build *x, struct error *err)
{
        int r = choose_cache(x, err);

        for (size_t i = 0; i < x->n_packages && r == 0; i++) {
                const struct apt_package *p = &x->packages[i];

                say(x, "download", (unsigned)(i * 100 / x->n_packages), "%s %s", p->name, p->version);
                r = apt_fetch(p, x->cache, x->temp, err);
        }
        for (size_t i = 0; i < x->n_packages && r == 0; i++) {
                say(x, "unpack", (unsigned)(i * 100 / x->n_packages), "%s", x->packages[i].name);
                r = apt_unpack(&x->packages[i], x->cache, x->root, err);
        }
        return r;
}

/* Debug symbols have no business in RAM. */
static int
add_program(const struct build *x, struct tree *t, const struct recipe_line *l, struct error *err)
{
        char source[IMAGE_PATH_SIZE], stripped[IMAGE_PATH_SIZE];
        const char *const argv[] = {"strip", "--strip-unneeded", "-o", stripped, source, NULL};
        int r;

        if ((r = image_path(source, err, "%s/%s", x->b->program_dir, l->from)) < 0 ||
            (r = image_path(stripped, err, "%s/program-%s", x->temp, l->from)) < 0 ||
            (r = image_run(argv, NULL, "binutils", NULL, err)) < 0)
                return r;
        return tree_add_file(t, l->to, stripped, l->mode, err);
}

/* Whose file is not there has no keys to give. */
static int
add_ssh_keys(const struct build *x, struct tree *t, const struct recipe_line *l, struct error *err)
{
        _cleanup_free_ uint8_t *text = NULL;
        int r;

        if (!x->b->ssh_keys || access(x->b->ssh_keys, F_OK) < 0)
                return 0;
        r = image_read(x->b->ssh_keys, RECIPE_FILE_MAX, &text, NULL, err);
        if (r == 0 && strstr((const char *)text, "PRIVATE KEY"))
                r = error_set(err, ERR_DENIED, "%s holds a private key; images get the public ones (*.pub)", x->b->ssh_keys);
        return r < 0 ? r : tree_add_file(t, l->to, x->b->ssh_keys, l->mode, err);
}

static int
add_line(struct build *x, const struct recipe *recipe, struct tree *t, const struct recipe_line *l, struct error *err)
{
        char source[IMAGE_PATH_SIZE];
        int r;

        switch (l->kind) {
        case RECIPE_DIR:
                return tree_add_folder(t, l->to, l->mode, err);
        case RECIPE_LINK:
                return tree_add_link(t, l->to, l->from, err);
        case RECIPE_PACKAGE:
                r = image_path(source, err, "%s%s", x->root, l->from);
                return r < 0 ? r : tree_add_file(t, l->to, source, l->mode, err);
        case RECIPE_OWN:
                r = image_path(source, err, "%s/%s", recipe_folder_of(recipe, l->of_base), l->from);
                return r < 0 ? r : tree_add_file(t, l->to, source, l->mode, err);
        case RECIPE_PROGRAM:
                return add_program(x, t, l, err);
        case RECIPE_KEY:
                r = image_path(source, err, "%s/" IMAGE_PUBLIC_NAME, x->b->store);
                return r < 0 ? r : tree_add_file(t, l->to, source, l->mode, err);
        case RECIPE_SSH_KEYS:
                return add_ssh_keys(x, t, l, err);
        case RECIPE_LIBRARY:
                return tree_add_library(t, x->root, l->from, &x->host, err);
        }
        return 0;
}

/* The recipe's kept paths, for dompool-init and the agent. */
static int
add_keep(const struct build *x, const struct recipe *recipe, struct tree *t, struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        int r;

        if (recipe->n_keep == 0)
                return 0;
        if ((r = image_path(path, err, "%s/keep", x->temp)) < 0 ||
            (r = recipe_write_paths(path, recipe->keep, recipe->n_keep, err)) < 0)
                return r;
        return tree_add_file(t, KEEP_LIST_PATH, path, 0644, err);
}

/* @libraries: the file system in which libraries are looked for first. */
static int
add_lines(struct build *x, const struct recipe *recipe, struct tree *t, const char *libraries, struct error *err)
{
        int r;

        say(x, "files", 0, "%s: %zu entries", recipe->name, recipe->n_lines);
        for (size_t i = 0; i < recipe->n_lines; i++) {
                r = add_line(x, recipe, t, &recipe->lines[i], err);
                if (r < 0)
                        return error_prefix(err, "%s/files:%u", recipe_folder_of(recipe, recipe->lines[i].of_base),
                                            recipe->lines[i].line);
        }
        r = add_keep(x, recipe, t, err);
        return r < 0 ? r : tree_add_libraries(t, libraries, &x->host, err);
}

static int
fill_tree(struct build *x, const struct recipe *recipe, struct tree *t, struct error *err)
{
        char stage[IMAGE_PATH_SIZE];
        int r;

        say(x, "modules", 0, "%s: %zu modules and what they need", recipe->name, recipe->n_modules);
        if ((r = image_path(stage, err, "%s/modules-%s", x->temp, recipe->name)) < 0 ||
            (r = image_add_modules(t, recipe, x->root, stage, x->kernel_version, err)) < 0)
                return r;
        return add_lines(x, recipe, t, x->root, err);
}

static struct image_system
system_of(const struct build *x, const char *root)
{
        return (struct image_system){
                .store = x->b->store,
                .temp = x->temp,
                .root = root,
                .kernel = x->root,
                .kernel_version = x->kernel_version,
                .kernel_package = x->packages[x->n_packages - 1].file,
                .recipe = &x->recipe,
                .progress = x->b->progress,
                .arg = x->b->arg,
        };
}

/* A whole Debian, what the recipe puts over it, and its hooks. */
static int
make_system(struct build *x, struct error *err)
{
        char root[IMAGE_PATH_SIZE];
        const struct image_system s = system_of(x, root);
        int r;

        if ((r = image_path(root, err, "%s/root", x->out)) < 0 || (r = image_system_install(&s, err)) < 0 ||
            (r = add_lines(x, &x->recipe, &x->tree, root, err)) < 0 || (r = image_system_put(&x->tree, root, err)) < 0 ||
            (r = image_system_writable(&s, err)) < 0 || (r = image_system_hooks(&s, err)) < 0)
                return r;
        return image_system_check(root, err);
}

static int
make_trees(struct build *x, struct error *err)
{
        int r;

        if ((r = image_kernel_version(x->root, x->kernel_version, err)) < 0 ||
            (r = x->recipe.n_system ? make_system(x, err) : fill_tree(x, &x->recipe, &x->tree, err)) < 0)
                return r;
        return x->stage.name[0] ? fill_tree(x, &x->stage, &x->stage_tree, err) : 0;
}

/* As it is packed, for GRUB and PXELINUX; unpacked, for iPXE on BIOS, which takes nothing else; and for iPXE on UEFI the EFI
 * program beside it, where the package has one. */
static int
put_hypervisor(const struct build *x, struct error *err)
{
        char from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
        const char *name = x->recipe.hypervisor, *dot = strrchr(name, '.');
        int r;

        if ((r = image_path(from, err, "%s%s", x->root, name)) < 0 || (r = image_path(to, err, "%s/xen.gz", x->out)) < 0 ||
            (r = image_copy(from, to, 0644, err)) < 0 || (r = image_path(to, err, "%s/xen", x->out)) < 0 ||
            (r = image_gunzip(from, to, 0644, err)) < 0)
                return r;
        if (!dot || strchr(dot, '/'))
                return 0;
        if ((r = image_path(from, err, "%s%.*s.efi", x->root, (int)(dot - name), name)) < 0 || access(from, R_OK) < 0)
                return r;
        r = image_path(to, err, "%s/xen.efi", x->out);
        return r < 0 ? r : image_copy(from, to, 0644, err);
}

/* The same tree once more, for hosts that mount it, and the initrd that does. */
static int
make_root(struct build *x, struct error *err)
{
        char root[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE];
        int r;

        say(x, "compress", 33, "initrd-root of %zu files by %s", x->stage_tree.n, x->stage.compression);
        if ((r = image_path(path, err, "%s/initrd-root", x->out)) < 0 ||
            (r = tree_write(&x->stage_tree, path, x->stage.compression, x->stage.level, err)) < 0 ||
            (r = image_path(root, err, "%s/root", x->out)) < 0 ||
            (r = x->recipe.n_system ? 0 : image_root_unpack(&x->tree, root, err)) < 0)
                return r;
        say(x, "compress", 66, "root.squashfs by zstd");
        if ((r = image_path(path, err, "%s/root.squashfs", x->out)) < 0)
                return r;
        return x->recipe.n_system ? image_system_pack(root, path, x->recipe.level, err)
                                  : image_root_pack(root, path, x->stage.level, err);
}

static int
make_output(struct build *x, struct error *err)
{
        char from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(from, err, "%s/boot/vmlinuz-%s", x->root, x->kernel_version)) < 0 ||
            (r = image_path(to, err, "%s/vmlinuz", x->out)) < 0 || (r = image_copy(from, to, 0644, err)) < 0)
                return r;
        if (x->recipe.hypervisor[0] && (r = put_hypervisor(x, err)) < 0)
                return r;
        if (x->recipe.n_system) /* far too big to be one initrd */
                return make_root(x, err);
        say(x, "compress", 0, "initrd of %zu files by %s", x->tree.n, x->recipe.compression);
        if ((r = image_path(to, err, "%s/initrd", x->out)) < 0 ||
            (r = tree_write(&x->tree, to, x->recipe.compression, x->recipe.level, err)) < 0)
                return r;
        return x->stage.name[0] ? make_root(x, err) : 0;
}

/* The list of packages and files; and where there is a tree for NFS, its files become links to the store's objects. */
static int
list_contents(struct build *x, struct error *err)
{
        char path[IMAGE_PATH_SIZE], root[IMAGE_PATH_SIZE];
        struct contents c = {0};
        int r = 0;

        if (x->recipe.kind == RECIPE_GUEST)
                return 0;
        for (size_t i = 0; r == 0 && i < x->n_packages; i++)
                r = contents_add_package(&c, x->packages[i].name, x->packages[i].version, err);
        if (r == 0 && (r = image_path(root, err, "%s/root", x->out)) == 0 && x->recipe.n_system)
                r = image_system_packages(root, &c, err);
        if (r == 0)
                r = access(root, F_OK) == 0 ? contents_add_folder(&c, root, err) : contents_add_tree(&c, &x->tree, err);
        if (r == 0 && (r = image_path(path, err, "%s/" CONTENTS_NAME, x->out)) == 0)
                r = contents_write(&c, path, err);
        if (r == 0 && access(root, F_OK) == 0)
                r = image_objects_link(x->b->store, root, &c, NULL, err);
        contents_deinit(&c);
        return r;
}

static int
check_size(struct build *x, struct error *err)
{
        struct image_report report;
        int r;

        r = image_report_make(x->out, x->b->store, &x->tree, &report, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < report.n_lines; i++)
                say(x, "size", 100, "%s", report.lines[i]);
        if (x->recipe.limit && report.wire > x->recipe.limit)
                return error_set(err, ERR_LIMIT,
                                 "%s: %llu bytes on the wire are more than the recipe's limit of %llu; biggest: %s",
                                 x->recipe.name, (unsigned long long)report.wire, (unsigned long long)x->recipe.limit,
                                 report.n_lines > 1 ? report.lines[1] : "");
        return 0;
}

/* "4.17.7+13-g2445b30a44-0+deb12u1" of the package that is the hypervisor. */
static const char *
hypervisor_version(const struct build *x)
{
        for (size_t i = 0; i < x->n_packages; i++)
                if (strncmp(x->packages[i].name, "xen-hypervisor", strlen("xen-hypervisor")) == 0)
                        return x->packages[i].version;
        return "";
}

/* Readers know a guest's files by a path that does not change: STORE/guests/NAME. */
static int
link_guest(const struct build *x, const struct image *im, struct error *err)
{
        char path[IMAGE_PATH_SIZE], fresh[IMAGE_PATH_SIZE], target[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(path, err, "%s/%s", x->store, im->name)) < 0 ||
            (r = image_path(fresh, err, "%s/tmp/link", x->store)) < 0 ||
            (r = image_path(target, err, "versions/%s", im->id)) < 0)
                return r;
        unlink(fresh);
        if (symlink(target, fresh) < 0 || rename(fresh, path) < 0)
                return error_errno_set(err, errno, "%s", path);
        return 0;
}

/* What the version's bytes say of themselves, with what only the unpacked packages still have. Guests' files are never a host's
 * boot. */
static int
make_facts(const struct build *x, const struct image *im, struct error *err)
{
        char config[IMAGE_PATH_SIZE], modinfo[IMAGE_PATH_SIZE];
        const struct image_facts_hints hints = {.config = config, .modinfo = modinfo};
        int r;

        if (x->recipe.kind == RECIPE_GUEST)
                return 0;
        if ((r = image_path(config, err, "%s/boot/config-%s", x->root, x->kernel_version)) < 0 ||
            (r = image_path(modinfo, err, "%s/lib/modules/%s/modules.builtin.modinfo", x->root, x->kernel_version)) < 0)
                return r;
        return facts_store_make(x->store, im->id, &hints, err);
}

static int
publish(struct build *x, struct image *ret, struct error *err)
{
        _cleanup_free_ struct image *im = calloc(1, sizeof(*im));
        struct clock clock;
        int r;

        if (!im)
                return error_errno_set(err, ENOMEM, "image");
        clock_init_real(&clock);
        im->built_ms = clock_wall_ms(&clock);
        if (!str_copy(im->name, sizeof(im->name), x->b->name))
                return error_set(err, ERR_INVALID, "image name over %d bytes", NAME_SIZE - 1);
        str_copy(im->recipe, sizeof(im->recipe), x->recipe.name);
        str_copy(im->xen_version, sizeof(im->xen_version), hypervisor_version(x));
        str_copy(im->kernel_version, sizeof(im->kernel_version), x->kernel_version);
        str_copy(im->xen_args, sizeof(im->xen_args), x->recipe.xen_args);
        str_copy(im->kernel_args, sizeof(im->kernel_args), x->recipe.kernel_args);
        r = image_store_publish(x->store, x->out, &x->pair, im, err);
        if (r == 0 && x->recipe.kind == RECIPE_GUEST)
                r = link_guest(x, im, err);
        if (r == 0)
                r = make_facts(x, im, err);
        if (r == 0)
                r = image_cache_put(x->store, x->b->name, x->key, im->id, x->host, err);
        if (r == 0)
                *ret = *im;
        return r;
}

/* What else a build depends on: how the Debian is installed, and the administrators' keys. */
static int
add_to_key(struct build *x, struct error *err)
{
        const struct image_system s = system_of(x, NULL);
        struct {
                char key[CACHE_KEY_SIZE], system[IMAGE_SYSTEM_KEY_SIZE];
                uint8_t ssh_keys[SHA256_SIZE];
        } all = {0};
        uint8_t sha256[SHA256_SIZE];
        int r = 0;

        if (x->recipe.n_system == 0)
                return 0;
        str_copy(all.key, sizeof(all.key), x->key);
        r = image_system_key(&s, all.system, err);
        if (r == 0 && x->b->ssh_keys && access(x->b->ssh_keys, F_OK) == 0)
                r = image_hash(x->b->ssh_keys, all.ssh_keys, NULL, err);
        if (r < 0)
                return r;
        digest_sha256(&all, sizeof(all), sha256);
        hex_text(sha256, sizeof(sha256), x->key);
        return 0;
}

static int
build_fresh(struct build *x, struct image *ret, struct error *err)
{
        int r;

        if ((r = fetch_packages(x, err)) < 0 || (r = make_trees(x, err)) < 0 || (r = make_output(x, err)) < 0 ||
            (r = list_contents(x, err)) < 0 || (r = check_size(x, err)) < 0)
                return r;
        say(x, "publish", 0, "into %s", x->store);
        r = publish(x, ret, err);
        if (r == 0)
                say(x, "done", 100, "%s is version %.16s", ret->name, ret->id);
        return r;
}

static int
build_run(struct build *x, struct image *ret, struct error *err)
{
        struct error ignored;
        int r;

        if ((r = recipe_load(x->b->recipe_dir, &x->recipe, err)) < 0 || (r = load_stage(x, err)) < 0)
                return r;
        if (x->recipe.kind == RECIPE_STAGE)
                return error_set(err, ERR_INVALID, "%s is the first stage of other images (stage = \"%s\"), none of its own",
                                 x->recipe.name, x->recipe.name);
        r = image_path(x->store, err, x->recipe.kind == RECIPE_GUEST ? "%s/guests" : "%s", x->b->store);
        if (r < 0 || (r = take_lock(x, err)) < 0 || (r = take_key(x, err)) < 0 || (r = prepare_folders(x, err)) < 0 ||
            (r = resolve_packages(x, err)) < 0 ||
            (r = image_cache_key(&x->recipe, x->stage.name[0] ? &x->stage : NULL, x->packages, x->n_packages, x->b->store,
                                 x->b->program_dir, x->key, err)) < 0 ||
            (r = add_to_key(x, err)) < 0)
                return r;
        if (image_cache_find(x->store, x->b->name, x->key, ret) && image_store_sign(x->store, ret->id, &x->pair, err) == 0)
                say(x, "done", 100, "%s is version %.16s already", ret->name, ret->id);
        else
                r = build_fresh(x, ret, err);
        image_remove(x->temp, &ignored);
        return r;
}

int
image_build(const struct image_build *b, struct image *ret, struct error *err)
{
        struct build *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return error_errno_set(err, ENOMEM, "image build");
        x->b = b;
        x->lock = -1;
        r = build_run(x, ret, err);
        tree_deinit(&x->tree);
        tree_deinit(&x->stage_tree);
        tree_host_free(x->host);
        recipe_deinit(&x->recipe);
        recipe_deinit(&x->stage);
        if (x->lock >= 0)
                close(x->lock);
        free(x);
        return r;
}
