/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A satellite's disk: boot files by content under their paths in the image store, and the snapshot that goes with them. What is
 * there whole is renamed into place; a process that dies leaves the old or the new, and staged files for the next one. Only
 * this role writes there. Runs in: satellite.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/sealed.h"
#include "server/satellite.h"

#define POLICY_NAME "policy.snap"
#define POLICY_NEW POLICY_NAME ".new"
#define POLICY_EDITED "policy.snap.edited" /* beside one that is being fetched */
#define RESERVE (32u << 20)                /* left free for journals and the rest of the system */
#define SWEEP_DEPTH 8

DEFINE_CLEANUP(struct policy *, policy_free)

struct satellite_disk {
        char store[CONFIG_PATH_SIZE];
        int state_dir;                    /* the role's */
        struct satellite_file *published; /* what this process has put into force; NULL: nothing yet */
        size_t n_published;
};

struct satellite_disk *
satellite_disk_new(const struct role_ctx *ctx, int state_dir)
{
        struct satellite_disk *d = calloc(1, sizeof(*d));

        if (!d)
                return NULL;
        str_copy(d->store, sizeof(d->store), ctx->config->image_store);
        d->state_dir = state_dir;
        return d;
}

void
satellite_disk_free(struct satellite_disk *d)
{
        if (d)
                free(d->published);
        free(d);
}

/* --- one file --- */

static const char *
base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        assert(slash); /* satellite_files_path_ok */
        return slash + 1;
}

static void
stage_of(const struct satellite_disk *d, const struct satellite_file *f, struct satellite_staged *ret)
{
        const char *base = base_name(f->path);
        char hex[SHA256_TEXT_SIZE];

        snprintf(ret->folder, sizeof(ret->folder), "%s/%.*s", d->store, (int)(base - 1 - f->path), f->path);
        snprintf(ret->name, sizeof(ret->name), ".%.80s.%.16s", base, hex_text(f->sha256, sizeof(f->sha256), hex));
}

static bool
is_whole(const char *path, const struct satellite_file *f)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        uint8_t sha256[SHA256_SIZE];
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == f->size &&
               digest_sha256_fd(fd, sha256, NULL) == 0 && memcmp(sha256, f->sha256, sizeof(sha256)) == 0;
}

static const struct satellite_file *
find(const struct satellite_file *files, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(files[i].path, path) == 0)
                        return &files[i];
        return NULL;
}

/* Published by this process with this content, and not cut since. */
static bool
is_published(const struct satellite_disk *d, const struct satellite_file *f, const char *path)
{
        const struct satellite_file *p = find(d->published, d->n_published, f->path);
        struct stat st;

        return p && memcmp(p->sha256, f->sha256, sizeof(p->sha256)) == 0 && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
               (uint64_t)st.st_size == f->size;
}

bool
satellite_disk_has(struct satellite_disk *d, const struct satellite_file *f)
{
        char path[SATELLITE_FOLDER_SIZE + SATELLITE_PATH_SIZE];
        struct satellite_staged staged;

        snprintf(path, sizeof(path), "%s/%s", d->store, f->path);
        if (is_published(d, f, path) || is_whole(path, f))
                return true;
        stage_of(d, f, &staged);
        snprintf(path, sizeof(path), "%s/%s", staged.folder, staged.name);
        return is_whole(path, f);
}

int
satellite_disk_stage(struct satellite_disk *d, const struct satellite_file *f, struct satellite_staged *ret, struct error *err)
{
        char *at;

        stage_of(d, f, ret);
        for (at = ret->folder + strlen(d->store); at; at = strchr(at + 1, '/')) {
                *at = '\0';
                if (mkdir(ret->folder, 0755) < 0 && errno != EEXIST) {
                        int e = errno;

                        *at = '/';
                        return error_errno_set(err, e, "cannot make the folder '%s'", ret->folder);
                }
                *at = '/';
        }
        if (mkdir(ret->folder, 0755) < 0 && errno != EEXIST)
                return error_errno_set(err, errno, "cannot make the folder '%s'", ret->folder);
        return 0;
}

int
satellite_disk_room(const struct satellite_disk *d, uint64_t size, struct error *err)
{
        struct statvfs v;
        uint64_t room;

        if (statvfs(d->store, &v) < 0)
                return error_errno_set(err, errno, "'%s' cannot be looked at", d->store);
        room = (uint64_t)v.f_bavail * v.f_frsize;
        if (size == 0 || size + RESERVE <= room)
                return 0;
        return error_set(err, ERR_NO_SPACE,
                         "the disk of '%s' is full: %llu MiB of files are missing, %llu MiB are free and %u of them stay so",
                         d->store, (unsigned long long)(size >> 20) + 1, (unsigned long long)(room >> 20), RESERVE >> 20);
}

/* --- the snapshot --- */

static int
write_policy(struct satellite_disk *d, const char *name, const void *data, size_t size, uint64_t *ret_generation,
             struct error *err)
{
        CLEANUP(policy_free) struct policy *policy = NULL;
        _cleanup_close_ int fd = openat(d->state_dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        _cleanup_close_ int sealed = -1;
        int r;

        if (fd < 0)
                return error_errno_set(err, errno, "the snapshot cannot be written");
        r = fd_write_all(fd, data, size);
        if (r == 0 && fdatasync(fd) < 0)
                r = -errno;
        if (r < 0)
                return error_errno_set(err, -r, "the snapshot cannot be written");
        r = sealed_file_new("policy", data, size, &sealed);
        if (r < 0)
                return error_errno_set(err, -r, "the snapshot");
        r = policy_map(sealed, &policy, err);
        if (r == 0)
                *ret_generation = policy_header(policy)->generation;
        return r;
}

int
satellite_disk_stage_policy(struct satellite_disk *d, const void *data, size_t size, uint64_t *ret_generation,
                            struct error *err)
{
        return write_policy(d, POLICY_NEW, data, size, ret_generation, err);
}

int
satellite_disk_replace_policy(struct satellite_disk *d, const void *data, size_t size, struct error *err)
{
        uint64_t generation;
        int r = write_policy(d, POLICY_EDITED, data, size, &generation, err);

        if (r < 0)
                return r;
        if (renameat(d->state_dir, POLICY_EDITED, d->state_dir, POLICY_NAME) < 0 || fsync(d->state_dir) < 0)
                return error_errno_set(err, errno, "the changed snapshot cannot be put in place");
        return 0;
}

int
satellite_disk_policy(const struct satellite_disk *d)
{
        _cleanup_close_ int fd = openat(d->state_dir, POLICY_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        int sealed = -1;

        if (fd < 0 || sealed_file_copy("policy", fd, POLICY_MAX_SIZE, &sealed) < 0)
                return -1;
        return sealed;
}

/* --- publishing --- */

static int
publish_file(struct satellite_disk *d, const struct satellite_file *f, struct error *err)
{
        char from[SATELLITE_FOLDER_SIZE + SATELLITE_PATH_SIZE], to[SATELLITE_FOLDER_SIZE + SATELLITE_PATH_SIZE];
        struct satellite_staged staged;

        stage_of(d, f, &staged);
        snprintf(from, sizeof(from), "%s/%s", staged.folder, staged.name);
        snprintf(to, sizeof(to), "%s/%s", d->store, f->path);
        if (chmod(from, 0644) < 0 && errno == ENOENT) /* not staged: it has its name already */
                return 0;
        if (rename(from, to) == 0) /* boot and files, users of their own, may read it now */
                return 0;
        return error_errno_set(err, errno, "'%s' cannot be put in place", to);
}

/* What neither list names goes; what is being fetched was named by none yet, so nothing is fetched meanwhile. */
struct sweep {
        const struct satellite_file *lists[2];
        size_t n[2];
};

static bool
is_named(const struct sweep *s, const char *path)
{
        return find(s->lists[0], s->n[0], path) || find(s->lists[1], s->n[1], path);
}

static void
sweep_file(void *arg, int dir, const char *name, const char *path)
{
        if (!is_named(arg, path))
                unlinkat(dir, name, 0);
}

static void
sweep_folder(void *arg, int dir, const char *name)
{
        (void)arg;
        unlinkat(dir, name, AT_REMOVEDIR); /* if it is empty now */
}

static void
sweep(struct satellite_disk *d, const struct satellite_file *files, size_t n)
{
        static const char *const folders[] = {"loaders", "versions"};
        struct sweep s = {{files, d->published}, {n, d->n_published}};
        const struct folder_walk walk = {.hidden = true, .file = sweep_file, .left = sweep_folder, .arg = &s};
        char path[SATELLITE_FOLDER_SIZE];

        for (size_t i = 0; d->published && i < N_ELEMENTS(folders); i++) {
                snprintf(path, sizeof(path), "%s/%s", d->store, folders[i]);
                folder_walk(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), folders[i], SWEEP_DEPTH, &walk);
        }
}

int
satellite_disk_publish(struct satellite_disk *d, struct satellite_file *files, size_t n, struct error *err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = publish_file(d, &files[i], err);
        if (r < 0)
                return r;
        if (renameat(d->state_dir, POLICY_NEW, d->state_dir, POLICY_NAME) < 0 || fsync(d->state_dir) < 0)
                return error_errno_set(err, errno, "the snapshot cannot be put in place");
        sweep(d, files, n);
        free(d->published);
        d->published = files;
        d->n_published = n;
        return 0;
}
