/* SPDX-License-Identifier: Apache-2.0 */
/* Changes a version by hand. Runs in `dompool image shell` and `image commit`, as root on the machine that has the store. */
#include "image/image_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "image/facts_store.h"
#include "image/image_contents.h"
#include "image/image_files.h"
#include "image/image_key.h"
#include "image/image_lock.h"
#include "image/image_object.h"
#include "image/image_store.h"
#include "image/image_system.h"

#define SQUASHFS_LEVEL 6
#define MAX_ARGS 64

/* The copy's folder, locked: two shells in one tree would commit each other's half-done work. */
static int
open_copy(const struct image_shell *s, char ret[IMAGE_PATH_SIZE], struct error *err)
{
        char path[IMAGE_PATH_SIZE];
        _cleanup_close_ int fd = -1;
        int r;

        if (geteuid() != 0)
                return error_set(err, ERR_DENIED, "a shell in an image needs root");
        if (!name_ok(s->name))
                return error_set(err, ERR_INVALID, "'%.100s' is no image's name", s->name);
        if ((r = image_path(ret, err, "%s/shells/%s", s->store, s->name)) < 0 || (r = image_mkdir(ret, err)) < 0 ||
            (r = image_path(path, err, "%s/lock", ret)) < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return error_set(err, ERR_BUSY, "another shell is open in image '%s'", s->name);
        return TAKE_FD(fd);
}

/* Beside its place first: a copy that was cut short is no copy. */
static int
copy_tree(const struct image_shell *s, const char *copy, struct error *err)
{
        char root[IMAGE_PATH_SIZE], fresh[IMAGE_PATH_SIZE], from[IMAGE_PATH_SIZE];
        /* Files that are the same are one file in the store: who writes to one of them means that one. */
        const char *const argv[] = {"cp", "-a", "--no-preserve=links", "--reflink=auto", "--", from, fresh, NULL};
        struct image im;
        int r;

        if ((r = image_path(root, err, "%s/root", copy)) < 0 || access(root, F_OK) == 0)
                return r;
        if ((r = image_store_find(s->store, s->name, &im, err)) < 0)
                return r;
        for (uint32_t i = 0; i < im.n_files; i++)
                if (strcmp(im.files[i].name, "initrd") == 0)
                        return error_set(err, ERR_UNSUPPORTED,
                                         "image '%s' is an initrd as well as a tree: change its recipe and build it again",
                                         s->name);
        if ((r = image_path(from, err, "%s/versions/%s/root", s->store, im.id)) < 0 ||
            (r = image_path(fresh, err, "%s/root.new", copy)) < 0 || (r = image_remove(fresh, err)) < 0 ||
            (r = image_run(argv, NULL, "coreutils", NULL, err)) < 0 || (r = image_path(from, err, "%s/version", copy)) < 0 ||
            (r = image_write(from, im.id, strlen(im.id), err)) < 0)
                return r;
        return rename(fresh, root) < 0 ? error_errno_set(err, errno, "%s", root) : 0;
}

static int
run_in(const char *root, char *const words[], int *ret_status, struct error *err)
{
        const char *argv[MAX_ARGS + 12] = {"unshare",
                                           "--mount",
                                           "--pid",
                                           "--fork",
                                           "--kill-child",
                                           "--uts",
                                           "sh",
                                           "-c",
                                           "mount --make-rprivate / && mount -t proc proc \"$0/proc\" && mount --bind /dev "
                                           "\"$0/dev\" && exec chroot \"$0\" \"$@\"",
                                           root};
        static const char *const login[] = {"/bin/sh", "-l", NULL};
        char *const *from = words && words[0] ? words : (char *const *)login;
        size_t n = 10;
        pid_t pid;

        for (size_t i = 0; from[i]; i++) {
                if (i == MAX_ARGS)
                        return error_set(err, ERR_LIMIT, "a command of more than %d words", MAX_ARGS);
                argv[n++] = from[i];
        }
        argv[n] = NULL;
        pid = fork();
        if (pid < 0)
                return error_errno_set(err, errno, "fork");
        if (pid == 0) {
                execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        while (waitpid(pid, ret_status, 0) < 0)
                if (errno != EINTR)
                        return error_errno_set(err, errno, "waiting for the shell");
        return 0;
}

int
image_shell_run(const struct image_shell *s, char *const argv[], int *ret_status, struct error *err)
{
        char copy[IMAGE_PATH_SIZE], root[IMAGE_PATH_SIZE];
        _cleanup_close_ int lock = open_copy(s, copy, err);
        int r;

        if (lock < 0)
                return lock;
        if ((r = image_path(root, err, "%s/root", copy)) < 0)
                return r;
        if ((r = copy_tree(s, copy, err)) < 0) {
                struct error ignored;

                image_remove(copy, &ignored); /* it was not there before either */
                return r;
        }
        return run_in(root, argv, ret_status, err);
}

/* --- the new version --- */

/* What is no part of the tree is the old version's: Xen, kernel, initrd-root. */
static int
take_files(const char *old, const struct image *im, const char *out, struct error *err)
{
        for (uint32_t i = 0; i < im->n_files; i++) {
                char from[IMAGE_PATH_SIZE], to[IMAGE_PATH_SIZE];
                const char *name = im->files[i].name;
                int r;

                if (strcmp(name, "root.squashfs") == 0 || strcmp(name, CONTENTS_NAME) == 0)
                        continue;
                if ((r = image_path(from, err, "%s/%s", old, name)) < 0 || (r = image_path(to, err, "%s/%s", out, name)) < 0)
                        return r;
                if (link(from, to) < 0)
                        return error_errno_set(err, errno, "%s", to);
        }
        return 0;
}

static bool
has_package(const struct contents *c, const char *name)
{
        for (size_t i = 0; i < c->n; i++)
                if (c->entries[i].type == CONTENTS_PACKAGE && strcmp(c->entries[i].path, name) == 0)
                        return true;
        return false;
}

/* What was unpacked and not installed - kernel, hypervisor, those of the stage - dpkg does not know: it stays as it was. */
static int
take_packages(const char *old, const char *root, struct contents *c, struct error *err)
{
        struct contents before = {0}, installed = {0};
        char old_root[IMAGE_PATH_SIZE];
        int r;

        if ((r = image_path(old_root, err, "%s/root", old)) == 0 && (r = contents_read(old, &before, err)) == 0)
                r = image_system_packages(old_root, &installed, err);
        for (size_t i = 0; r == 0 && i < before.n; i++) {
                const struct contents_entry *e = &before.entries[i];

                if (e->type == CONTENTS_PACKAGE && !has_package(&installed, e->path))
                        r = contents_add_package(c, e->path, e->text, err);
        }
        contents_deinit(&before);
        contents_deinit(&installed);
        return r < 0 ? r : image_system_packages(root, c, err);
}

static int
make_version(const struct image_shell *s, const char *old, const char *out, struct image *im, struct error *err)
{
        char root[IMAGE_PATH_SIZE], path[IMAGE_PATH_SIZE], key[IMAGE_PATH_SIZE];
        struct contents c = {0};
        struct sign_pair pair;
        struct clock clock;
        int r;

        if ((r = image_path(root, err, "%s/root", out)) < 0 || (r = image_system_check(root, err)) < 0 ||
            (r = take_files(old, im, out, err)) < 0 || (r = take_packages(old, root, &c, err)) < 0 ||
            (r = contents_add_folder(&c, root, err)) < 0 || (r = image_path(path, err, "%s/" CONTENTS_NAME, out)) < 0 ||
            (r = contents_write(&c, path, err)) < 0 || (r = image_path(path, err, "%s/root.squashfs", out)) < 0 ||
            (r = image_system_pack(root, path, SQUASHFS_LEVEL, err)) < 0)
                goto out;
        if ((r = image_objects_link(s->store, root, &c, NULL, err)) < 0 ||
            (r = image_path(key, err, "%s/" IMAGE_KEY_NAME, s->store)) < 0 ||
            (r = image_key_load(s->key_file ? s->key_file : key, &pair, err)) < 0 ||
            (r = image_key_publish(s->store, &pair, err)) < 0)
                goto out;
        clock_init_real(&clock);
        im->built_ms = clock_wall_ms(&clock);
        r = image_store_publish(s->store, out, &pair, im, err);
        if (r == 0)
                r = facts_store_make(s->store, im->id, NULL, err);
out:
        contents_deinit(&c);
        return r;
}

/* With the store's lock. The tree goes back when no version comes of it: nobody's work is lost. */
static int
commit_locked(const struct image_shell *s, const char *copy, struct image *ret, struct error *err)
{
        char id[IMAGE_ID_SIZE], path[IMAGE_PATH_SIZE], old[IMAGE_PATH_SIZE], out[IMAGE_PATH_SIZE], root[IMAGE_PATH_SIZE];
        _cleanup_free_ uint8_t *text = NULL;
        struct error ignored;
        struct image im;
        int r;

        if ((r = image_path(root, err, "%s/root", copy)) < 0)
                return r;
        if (access(root, F_OK) < 0)
                return error_set(err, ERR_STATE, "there is no changed tree of image '%s'; begin with 'dompool image shell %s'",
                                 s->name, s->name);
        if ((r = image_path(path, err, "%s/version", copy)) < 0 || (r = image_read(path, 100, &text, NULL, err)) < 0)
                return r;
        str_copy(id, sizeof(id), (const char *)text);
        if ((r = image_store_find(s->store, id, &im, err)) < 0)
                return error_prefix(err, "the version that the changed tree of '%s' came from", s->name);
        if ((r = image_path(old, err, "%s/versions/%s", s->store, im.id)) < 0 || (r = image_sweep(s->store, err)) < 0 ||
            (r = image_path(out, err, "%s/tmp/commit", s->store)) < 0 || (r = image_mkdir(out, err)) < 0 ||
            (r = image_path(path, err, "%s/root", out)) < 0)
                return r;
        if (rename(root, path) < 0)
                return error_errno_set(err, errno, "%s", root);
        r = make_version(s, old, out, &im, err);
        if (r < 0) {
                rename(path, root);
                return r;
        }
        *ret = im;
        return image_remove(copy, &ignored);
}

int
image_shell_commit(const struct image_shell *s, struct image *ret, struct error *err)
{
        char copy[IMAGE_PATH_SIZE];
        _cleanup_close_ int own = open_copy(s, copy, err), lock = -1;

        if (own < 0)
                return own;
        lock = image_lock(s->store, NULL, NULL, err);
        return lock < 0 ? lock : commit_locked(s, copy, ret, err);
}
