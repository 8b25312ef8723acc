/* SPDX-License-Identifier: Apache-2.0 */
/* Finds, reads and puts back kept files, see keep_files.h. Runs in: dompool-agent --keep, as root. */
#include "agent/keep_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"

#define TEMPORARY ".dompool-keep"
/* Of an entry in the archive, beside path and contents */
#define ENTRY_SIZE 32

struct search {
        struct keep_archive *found;
        struct keep_look *look;
        bool too_many;
        dev_t dev; /* of the path that is walked: other file systems below it are passed over */
};

/* The folder @path below @root, each part opened by itself so that none is a link; @make: what is not there becomes one. */
static int
open_folder(int root, const char *path, size_t size, bool make)
{
        int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (size_t at = 0; fd >= 0 && at < size;) {
                _cleanup_close_ int above = fd;
                char part[KEEP_PATH_SIZE];
                size_t n = strcspn(path + ++at, "/");

                if (n > size - at)
                        n = size - at;
                memcpy(part, path + at, n);
                part[n] = '\0';
                at += n;
                if (make && mkdirat(above, part, 0755) < 0 && errno != EEXIST)
                        return -errno;
                fd = openat(above, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        return fd < 0 ? -errno : fd;
}

/* The folder in which @path lies; @ret_name points into @path. */
static int
open_parent(int root, const char *path, bool make, const char **ret_name)
{
        const char *slash = strrchr(path, '/');

        *ret_name = slash + 1;
        return open_folder(root, path, (size_t)(slash - path), make);
}

/* ---- finding ---- */

static void
mark(struct keep_look *look, const void *data, size_t size)
{
        for (const uint8_t *p = data; size > 0; p++, size--)
                look->mark = (look->mark ^ *p) * 0x100000001b3u; /* FNV-1a */
}

static void
mark_file(struct keep_look *look, const char *path, const struct stat *st)
{
        const uint64_t facts[] = {st->st_ino,
                                  st->st_mode,
                                  st->st_uid,
                                  st->st_gid,
                                  (uint64_t)st->st_size,
                                  (uint64_t)st->st_mtim.tv_sec,
                                  (uint64_t)st->st_mtim.tv_nsec};

        mark(look, path, strlen(path) + 1);
        /* A folder's size and times are its entries', which are looked at themselves. */
        mark(look, facts, S_ISDIR(st->st_mode) ? 4 * sizeof(facts[0]) : sizeof(facts));
}

static void
add(struct search *s, const char *path, const struct stat *st)
{
        struct keep_file *f;

        if (s->found->n_files == KEEP_MAX_FILES) {
                s->too_many = true;
                return;
        }
        f = &s->found->files[s->found->n_files++];
        str_copy(f->path, sizeof(f->path), path);
        f->mode = S_ISDIR(st->st_mode) ? KEEP_FOLDER | (st->st_mode & 03777) : KEEP_FILE | (st->st_mode & 0777);
        f->uid = st->st_uid;
        f->gid = st->st_gid;
        mark_file(s->look, path, st);
        s->look->size += ENTRY_SIZE + strlen(path);
        if (S_ISDIR(st->st_mode))
                return;
        if (st->st_mtim.tv_sec > 0 && st->st_mtim.tv_sec < INT64_MAX / 1000000000) /* else 1970: a clock was wrong */
                f->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
        s->look->size += (uint64_t)st->st_size;
        if ((uint64_t)st->st_size >= s->look->biggest_size) {
                s->look->biggest_size = (uint64_t)st->st_size;
                str_copy(s->look->biggest, sizeof(s->look->biggest), path);
        }
}

/* All of @folder, which is closed, whose names fit @pattern (NULL: all). */
static void find_in(struct search *s, int folder, const char *path, const char *pattern, unsigned depth);

static void
find_one(struct search *s, int folder, const char *above, const char *name, unsigned depth)
{
        char path[KEEP_PATH_SIZE];
        struct error ignored;
        struct stat st;
        int n = snprintf(path, sizeof(path), "%s/%s", above, name);

        if (strcmp(name, TEMPORARY) == 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        if (depth == 0)
                s->dev = st.st_dev;
        if (n >= (int)sizeof(path) || depth > KEEP_DEPTH || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ||
            keep_path_check("", path, &ignored) < 0 || (S_ISDIR(st.st_mode) && st.st_dev != s->dev)) {
                s->look->n_passed++;
                return;
        }
        add(s, path, &st);
        if (S_ISDIR(st.st_mode))
                find_in(s, openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path, NULL, depth + 1);
}

static void
find_in(struct search *s, int folder, const char *path, const char *pattern, unsigned depth)
{
        _cleanup_closedir_ DIR *d = folder < 0 ? NULL : fdopendir(folder);
        struct dirent *e;

        if (!d) {
                cleanup_close(&folder);
                return;
        }
        while (!s->too_many && (e = readdir(d)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
                    (!pattern || fnmatch(pattern, e->d_name, FNM_PERIOD) == 0))
                        find_one(s, dirfd(d), path, e->d_name, depth);
}

static int
by_path(const void *a, const void *b)
{
        return strcmp(((const struct keep_file *)a)->path, ((const struct keep_file *)b)->path);
}

int
keep_files_find(int root, const struct keep_list *list, struct keep_archive *ret, struct keep_look *ret_look, struct error *err)
{
        struct search s = {.found = ret, .look = ret_look};
        uint32_t n = 0;

        *ret_look = (struct keep_look){.mark = 0xcbf29ce484222325u, .size = strlen(KEEP_MAGIC) + 4};
        rec_clear(&keep_archive_desc, ret);
        for (size_t i = 0; i < list->n; i++) {
                char folder[KEEP_PATTERN_SIZE];
                const char *last;

                keep_pattern_split(list->paths[i], folder, &last);
                find_in(&s, open_folder(root, folder, strlen(folder), false), folder, last, 0);
        }
        if (s.too_many)
                return error_set(err, ERR_LIMIT, "more than %d files and folders are to be kept", KEEP_MAX_FILES);
        qsort(ret->files, ret->n_files, sizeof(ret->files[0]), by_path);
        /* Two of the list's paths may name the same. */
        for (uint32_t i = 0; i < ret->n_files; i++)
                if (i == 0 || strcmp(ret->files[i].path, ret->files[n - 1].path) != 0)
                        ret->files[n++] = ret->files[i];
        ret->n_files = n;
        return 0;
}

/* ---- reading ---- */

/* 1: it has gone, or is no file any more. */
static int
read_one(int root, struct keep_file *f, uint64_t *left, struct error *err)
{
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int folder = -1, fd = -1;
        const char *name;
        struct stat st;
        size_t size;
        int r;

        folder = open_parent(root, f->path, false, &name);
        if (folder >= 0)
                fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return 1;
        r = fd_read_all(fd, (size_t)*left, &data, &size);
        if (r == -EFBIG)
                return error_set(err, ERR_LIMIT, "kept files have over %u MiB together", KEEP_LIMIT_MAX >> 20);
        if (r < 0)
                return error_errno_set(err, -r, "reading %s", f->path);
        *left -= size;
        f->data = (struct blob){.data = size ? TAKE_PTR(data) : NULL, .size = size};
        return 0;
}

int
keep_files_read(int root, struct keep_archive *a, struct error *err)
{
        uint64_t left = KEEP_LIMIT_MAX;
        uint32_t n = 0;

        for (uint32_t i = 0; i < a->n_files; i++) {
                struct keep_file *f = &a->files[i];
                int r = f->mode & KEEP_FILE ? read_one(root, f, &left, err) : 0;

                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (n != i) {
                        a->files[n] = *f;
                        f->data = (struct blob){0};
                }
                n++;
        }
        a->n_files = n;
        return 0;
}

/* ---- putting back ---- */

static int
write_folder(int folder, const char *name, const struct keep_file *f)
{
        _cleanup_close_ int fd = -1;

        if (mkdirat(folder, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchown(fd, f->uid, f->gid) < 0 || fchmod(fd, f->mode & 07777) < 0)
                return -errno;
        return 0;
}

static int
write_file(int folder, const char *name, const struct keep_file *f)
{
        const struct timespec times[2] = {{.tv_nsec = UTIME_NOW},
                                          {.tv_sec = f->mtime_ns / 1000000000, .tv_nsec = f->mtime_ns % 1000000000}};
        _cleanup_close_ int fd = -1;
        int r;

        unlinkat(folder, TEMPORARY, 0);
        fd = openat(folder, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, f->data.data, f->data.size);
        if (r == 0 && (fchown(fd, f->uid, f->gid) < 0 || fchmod(fd, f->mode & 0777) < 0 || futimens(fd, times) < 0 ||
                       renameat(folder, TEMPORARY, folder, name) < 0))
                r = -errno;
        if (r < 0)
                unlinkat(folder, TEMPORARY, 0);
        return r;
}

int
keep_files_write(int root, const struct keep_archive *a, uint32_t *ret_n, struct error *err)
{
        int first = 0;

        *ret_n = 0;
        for (uint32_t i = 0; i < a->n_files; i++) {
                const struct keep_file *f = &a->files[i];
                _cleanup_close_ int folder = -1;
                const char *name;
                int r;

                r = folder = open_parent(root, f->path, true, &name);
                if (folder >= 0)
                        r = f->mode & KEEP_FILE ? write_file(folder, name, f) : write_folder(folder, name, f);
                if (r == 0)
                        (*ret_n)++;
                else if (first == 0)
                        first = error_errno_set(err, -r, "putting back %s", f->path);
        }
        return first;
}
