/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image builder's order of steps. Everything is made below STORE/tmp and renamed into the store at the end, so that a build
 * that is killed leaves only a folder which the next build removes. Runs in role work's child and in `dompool image build`; one
 * build of a store at a time (flock).
 *
 *     recipe -> versions (apt) -> in the cache? done
 *        -> download -> unpack -> modules -> files -> libraries -> initrd -> contents -> size -> publish
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
#include "image/image_store.h"
#include "image/image_tree.h"

#define PACKAGE_CACHE "/var/cache/dompool/packages"

struct build {
        const struct image_build *b;
        struct recipe recipe;
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
        struct tree tree;
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
resolve_packages(struct build *x, struct error *err)
{
        struct recipe *r = &x->recipe;
        int e;

        say(x, "packages", 0, "asking apt for the versions of %zu packages", r->n_packages + 1);
        e = apt_kernel(r->kernel, r->packages[r->n_packages], err);
        if (e < 0)
                return e;
        x->n_packages = r->n_packages + 1;
        return apt_resolve((const char(*)[NAME_SIZE])r->packages, x->n_packages, x->packages, err);
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
add_program(struct build *x, const struct recipe_line *l, struct error *err)
{
        char source[IMAGE_PATH_SIZE], stripped[IMAGE_PATH_SIZE];
        const char *const argv[] = {"strip", "--strip-unneeded", "-o", stripped, source, NULL};
        int r;

        if ((r = image_path(source, err, "%s/%s", x->b->program_dir, l->from)) < 0 ||
            (r = image_path(stripped, err, "%s/program-%s", x->temp, l->from)) < 0 ||
            (r = image_run(argv, NULL, "binutils", NULL, err)) < 0)
                return r;
        return tree_add_file(&x->tree, l->to, stripped, l->mode, err);
}

static int
add_line(struct build *x, const struct recipe_line *l, struct error *err)
{
        char source[IMAGE_PATH_SIZE];
        int r;

        switch (l->kind) {
        case RECIPE_DIR:
                return tree_add_folder(&x->tree, l->to, l->mode, err);
        case RECIPE_LINK:
                return tree_add_link(&x->tree, l->to, l->from, err);
        case RECIPE_PACKAGE:
                r = image_path(source, err, "%s%s", x->root, l->from);
                return r < 0 ? r : tree_add_file(&x->tree, l->to, source, l->mode, err);
        case RECIPE_OWN:
                r = image_path(source, err, "%s/%s", x->recipe.folder, l->from);
                return r < 0 ? r : tree_add_file(&x->tree, l->to, source, l->mode, err);
        case RECIPE_PROGRAM:
                return add_program(x, l, err);
        case RECIPE_LIBRARY:
                return tree_add_library(&x->tree, x->root, l->from, &x->host, err);
        }
        return 0;
}

static int
make_tree(struct build *x, struct error *err)
{
        char stage[IMAGE_PATH_SIZE];
        int r;

        say(x, "modules", 0, "%zu modules and what they need", x->recipe.n_modules);
        if ((r = image_kernel_version(x->root, x->kernel_version, err)) < 0 ||
            (r = image_path(stage, err, "%s/stage", x->temp)) < 0 ||
            (r = image_add_modules(&x->tree, &x->recipe, x->root, stage, x->kernel_version, err)) < 0)
                return r;
        say(x, "files", 0, "%zu entries", x->recipe.n_lines);
        for (size_t i = 0; i < x->recipe.n_lines; i++) {
                r = add_line(x, &x->recipe.lines[i], err);
                if (r < 0)
                        return error_prefix(err, "%s/files:%u", x->recipe.folder, x->recipe.lines[i].line);
        }
        return tree_add_libraries(&x->tree, x->root, &x->host, err);
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
        say(x, "compress", 0, "initrd of %zu files by %s", x->tree.n, x->recipe.compression);
        r = image_path(to, err, "%s/initrd", x->out);
        return r < 0 ? r : tree_write(&x->tree, to, x->recipe.compression, x->recipe.level, err);
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
        if (r == 0 && (r = image_path(root, err, "%s/root", x->out)) == 0)
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

static int
build_fresh(struct build *x, struct image *ret, struct error *err)
{
        int r;

        if ((r = fetch_packages(x, err)) < 0 || (r = make_tree(x, err)) < 0 || (r = make_output(x, err)) < 0 ||
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

        r = recipe_load(x->b->recipe_dir, &x->recipe, err);
        if (r < 0)
                return r;
        r = image_path(x->store, err, x->recipe.kind == RECIPE_GUEST ? "%s/guests" : "%s", x->b->store);
        if (r < 0 || (r = take_lock(x, err)) < 0 || (r = take_key(x, err)) < 0 || (r = prepare_folders(x, err)) < 0 ||
            (r = resolve_packages(x, err)) < 0 ||
            (r = image_cache_key(&x->recipe, x->packages, x->n_packages, x->b->program_dir, x->key, err)) < 0)
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
        tree_host_free(x->host);
        recipe_deinit(&x->recipe);
        if (x->lock >= 0)
                close(x->lock);
        free(x);
        return r;
}
