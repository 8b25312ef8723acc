/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TFTP transfers of the `boot` role send: files of the image store, opened below a folder's descriptor so that no name and
 * no link leads out of it, and texts in memory. A thousand transfers of one file share one descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "server/boot.h"

#define NETASCII_MAX (64u << 10)

struct shared_file {
        char key[BOOTFILE_PATH_SIZE + 2]; /* folder's letter, path */
        struct boot_content content;
        UT_hash_handle hh;
};

struct boot_contents {
        char loaders_path[ROLE_PATH_SIZE + 16], versions_path[ROLE_PATH_SIZE + 16];
        struct shared_file *open;
};

struct boot_contents *
boot_contents_new(const char *image_store)
{
        struct boot_contents *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        snprintf(c->loaders_path, sizeof(c->loaders_path), "%s/loaders", image_store);
        snprintf(c->versions_path, sizeof(c->versions_path), "%s/versions", image_store);
        return c;
}

static void
close_file(struct shared_file *f)
{
        if (f->content.bytes)
                munmap((void *)(uintptr_t)f->content.bytes, f->content.size);
        close(f->content.fd);
        free(f);
}

void
boot_contents_free(struct boot_contents *c)
{
        struct shared_file *f, *next;

        if (!c)
                return;
        HASH_ITER(hh, c->open, f, next)
        {
                HASH_DEL(c->open, f);
                close_file(f);
        }
        free(c);
}

static int
open_beneath(int dir, const char *path)
{
        /* NONBLOCK: a FIFO in the folder must not stop us; it is refused by its type below. */
        const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                     .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
        int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

        if (fd >= 0)
                return fd;
        return errno == EXDEV || errno == ELOOP || errno == ENOTDIR ? -EACCES : -errno;
}

/* @folder is opened each time: a new set of loaders takes its place by rename. */
static int
open_plain(const char *folder, const char *path, uint64_t *ret_size)
{
        _cleanup_close_ int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
        struct stat st;

        if (dir < 0)
                return -errno;
        fd = open_beneath(dir, path);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EACCES;
        *ret_size = (uint64_t)st.st_size;
        return TAKE_FD(fd);
}

/* Takes over @fd. NULL: out of memory. */
static struct shared_file *
share_file(int fd, uint64_t size)
{
        struct shared_file *f = calloc(1, sizeof(*f));
        void *bytes = f && size > 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : NULL;

        if (!f || bytes == MAP_FAILED) {
                close(fd);
                free(f);
                return NULL;
        }
        f->content = (struct boot_content){.refs = 1, .size = size, .bytes = bytes, .fd = fd};
        return f;
}

int
boot_content_open(struct boot_contents *c, enum bootfile_kind kind, const char *path, struct boot_content **ret)
{
        bool image = kind == BOOTFILE_IMAGE;
        char key[BOOTFILE_PATH_SIZE + 2];
        struct shared_file *f;
        uint64_t size;
        int fd;

        snprintf(key, sizeof(key), "%c%s", image ? 'v' : 'l', path);
        HASH_FIND_STR(c->open, key, f);
        if (f) {
                f->content.refs++;
                *ret = &f->content;
                return 0;
        }
        fd = open_plain(image ? c->versions_path : c->loaders_path, path, &size);
        if (fd < 0)
                return fd;
        f = share_file(fd, size);
        if (!f)
                return -ENOMEM;
        snprintf(f->key, sizeof(f->key), "%s", key);
        f->content.shared_by = c;
        HASH_ADD_STR(c->open, key, f);
        *ret = &f->content;
        return 0;
}

int
boot_content_text(const char *text, size_t size, struct boot_content **ret)
{
        struct boot_content *c = malloc(sizeof(*c) + size);

        if (!c)
                return -ENOMEM;
        memcpy(c + 1, text, size);
        *c = (struct boot_content){.refs = 1, .size = size, .bytes = (const uint8_t *)(c + 1), .fd = -1};
        *ret = c;
        return 0;
}

int
boot_content_netascii(struct boot_contents *cs, struct boot_content *c, struct boot_content **ret)
{
        _cleanup_free_ uint8_t *plain = NULL, *net = NULL;
        size_t n = 0;
        int r;

        if (c->size > NETASCII_MAX)
                return -EFBIG;
        plain = malloc(c->size + 1);
        net = malloc(2 * c->size + 1);
        if (!plain || !net)
                return -ENOMEM;
        r = boot_content_read(c, 0, plain, c->size);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->size; i++) {
                if (plain[i] == '\n')
                        net[n++] = '\r';
                net[n++] = plain[i];
                if (plain[i] == '\r')
                        net[n++] = '\0';
        }
        r = boot_content_text((const char *)net, n, ret);
        if (r == 0)
                boot_content_unref(cs, c);
        return r;
}

int
boot_content_read(const struct boot_content *c, uint64_t offset, void *buf, size_t size)
{
        uint8_t *to = buf;

        if (c->fd < 0) {
                if (offset > c->size || size > c->size - offset)
                        return -EIO;
                memcpy(buf, c->bytes + offset, size);
                return 0;
        }
        while (size > 0) {
                ssize_t n = pread(c->fd, to, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) /* shorter than it was when it was opened */
                        return n < 0 ? -errno : -EIO;
                to += n;
                offset += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}

void
boot_content_unref(struct boot_contents *cs, struct boot_content *c)
{
        struct shared_file *f;

        if (!c || --c->refs > 0)
                return;
        if (!c->shared_by) {
                free(c);
                return;
        }
        f = (struct shared_file *)((char *)c - offsetof(struct shared_file, content));
        HASH_DEL(cs->open, f);
        close_file(f);
}
