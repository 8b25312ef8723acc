/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that go out, opened once for all who ask: a room that boots wants the same few. One descriptor and one ready-made
 * answer (head and sendfile) serve every connection; a name is looked at again after FRESH_MS, and what has changed is opened
 * anew, while those who are in the middle of the old one get it to its end. Runs in files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "server/role_files.h"

#define MAX_OPEN 64
#define FRESH_MS 1000

struct files_cache {
        struct files_open *by_name; /* oldest first: uthash keeps the order of adding */
};

struct files_cache *
files_cache_new(void)
{
        return calloc(1, sizeof(struct files_cache));
}

/* A file strictly below the first folder of @path ("loaders" of "loaders/x", in @folder), however links in there point: what
 * else is in the store is not published. A path without a folder is a blob's. The fd, or negative errno; -ENOENT as well for
 * what is no plain file. */
static int
open_beneath(int folder, const char *path, struct stat *ret_st)
{
        const struct open_how how = {
                .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* a fifo must not make us wait */
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };
        _cleanup_close_ int top = -1, fd = -1;
        const char *slash = strchr(path, '/');
        char name[16];

        if (folder < 0)
                return -ENOENT;
        if (slash) {
                snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
                top = openat(folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (top < 0)
                        return -errno;
                folder = top;
                path = slash + 1;
        }
        fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
        if (fd < 0)
                return -errno;
        if (fstat(fd, ret_st) < 0)
                return -errno;
        if (!S_ISREG(ret_st->st_mode))
                return -ENOENT;
        return TAKE_FD(fd);
}

/* Files are replaced by rename, never changed in place: size and time of change tell one from the next. */
static void
make_etag(const struct stat *st, char ret[FILES_ETAG_SIZE])
{
        snprintf(ret, FILES_ETAG_SIZE, "\"%llx-%llx-%lx\"", (unsigned long long)st->st_size,
                 (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
drop(struct files_cache *c, struct files_open *o)
{
        HASH_DEL(c->by_name, o);
        MHD_destroy_response(o->whole); /* closes the file when the last who gets it is done */
        free(o);
}

/* Takes over @fd. */
static struct files_open *
keep(struct files_cache *c, const char *key, int fd, const struct stat *st, int64_t now_ms)
{
        struct files_open *o = calloc(1, sizeof(*o));

        if (HASH_COUNT(c->by_name) >= MAX_OPEN)
                drop(c, c->by_name);
        if (o)
                o->whole = MHD_create_response_from_fd_at_offset64((uint64_t)st->st_size, fd, 0);
        if (!o || !o->whole) {
                close(fd);
                free(o);
                return NULL;
        }
        snprintf(o->name, sizeof(o->name), "%s", key);
        o->fd = fd;
        o->st = *st;
        o->looked_ms = now_ms;
        make_etag(st, o->etag);
        MHD_add_response_header(o->whole, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
        MHD_add_response_header(o->whole, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
        MHD_add_response_header(o->whole, MHD_HTTP_HEADER_ETAG, o->etag);
        HASH_ADD_STR(c->by_name, name, o);
        return o;
}

int
files_cache_get(struct files_cache *c, int folder, const char *path, int64_t now_ms, const struct files_open **ret)
{
        char key[FILES_OPEN_NAME_SIZE];
        struct files_open *o;
        struct stat st;
        int fd;

        if (snprintf(key, sizeof(key), "%d/%s", folder, path) >= (int)sizeof(key))
                return -ENAMETOOLONG;
        HASH_FIND_STR(c->by_name, key, o);
        if (!o || now_ms - o->looked_ms >= FRESH_MS) {
                fd = open_beneath(folder, path, &st);
                if (o && fd >= 0 && is_same(&o->st, &st)) {
                        close(fd);
                        o->looked_ms = now_ms;
                } else {
                        if (o)
                                drop(c, o);
                        if (fd < 0)
                                return fd;
                        o = keep(c, key, fd, &st, now_ms);
                }
        }
        if (!o)
                return -ENOMEM;
        *ret = o;
        return 0;
}

void
files_cache_free(struct files_cache *c)
{
        struct files_open *o, *next;

        if (!c)
                return;
        HASH_ITER(hh, c->by_name, o, next)
        drop(c, o);
        free(c);
}
