/* SPDX-License-Identifier: Apache-2.0 */
/* The list of an initrd's entries and its cpio archive (libarchive). Runs in the image builder. */
#include "image/image_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/image_files.h"

DEFINE_CLEANUP(struct archive *, archive_write_free)
DEFINE_CLEANUP(struct archive_entry *, archive_entry_free)

static struct tree_entry *
find(const struct tree *t, const char *path)
{
        if (*path == '/')
                path++;
        for (size_t i = 0; i < t->n; i++)
                if (strcmp(t->entries[i].path, path) == 0)
                        return &t->entries[i];
        return NULL;
}

const struct tree_entry *
tree_find(const struct tree *t, const char *path)
{
        return find(t, path);
}

static int
add(struct tree *t, const char *path, mode_t mode, const char *source, uint64_t size, struct error *err)
{
        struct tree_entry *e;

        if (find(t, path))
                return error_set(err, ERR_EXISTS, "%s is in the image twice", path);
        if (t->n == TREE_MAX_ENTRIES)
                return error_set(err, ERR_LIMIT, "more than %d files in an image", TREE_MAX_ENTRIES);
        if (t->n == t->room) {
                size_t room = t->room ? t->room * 2 : 256;
                struct tree_entry *more = reallocarray(t->entries, room, sizeof(*more));

                if (!more)
                        return error_errno_set(err, ENOMEM, "image tree");
                t->entries = more;
                t->room = room;
        }
        e = &t->entries[t->n];
        *e = (struct tree_entry){
                .path = strdup(path + 1), .source = source ? strdup(source) : NULL, .mode = mode, .size = size};
        if (!e->path || (source && !e->source)) {
                free(e->path);
                free(e->source);
                return error_errno_set(err, ENOMEM, "image tree");
        }
        t->n++;
        return 0;
}

static int
add_parents(struct tree *t, const char *path, struct error *err)
{
        char part[IMAGE_PATH_SIZE];
        int r;

        r = image_path(part, err, "%s", path);
        if (r < 0)
                return r;
        for (char *p = strchr(part + 1, '/'); p; p = strchr(p + 1, '/')) {
                struct tree_entry *e;

                *p = '\0';
                e = find(t, part);
                if (e && !S_ISDIR(e->mode))
                        return error_set(err, ERR_INVALID, "%s is no folder in the image, but %s is to be in it", part, path);
                r = e ? 0 : add(t, part, S_IFDIR | 0755, NULL, 0, err);
                if (r < 0)
                        return r;
                *p = '/';
        }
        return 0;
}

int
tree_add_folder(struct tree *t, const char *path, mode_t mode, struct error *err)
{
        struct tree_entry *e = find(t, path);
        int r;

        if (e && S_ISDIR(e->mode))
                return 0;
        r = add_parents(t, path, err);
        return r < 0 ? r : add(t, path, S_IFDIR | mode, NULL, 0, err);
}

int
tree_add_file(struct tree *t, const char *path, const char *source, mode_t mode, struct error *err)
{
        struct stat st;
        int r;

        if (stat(source, &st) < 0)
                return error_errno_set(err, errno, "%s", source);
        if (!S_ISREG(st.st_mode))
                return error_set(err, ERR_INVALID, "%s is no regular file", source);
        if (mode == 0)
                mode = st.st_mode & 0111 ? 0755 : 0644;
        r = add_parents(t, path, err);
        return r < 0 ? r : add(t, path, S_IFREG | mode, source, (uint64_t)st.st_size, err);
}

int
tree_add_link(struct tree *t, const char *path, const char *target, struct error *err)
{
        int r = add_parents(t, path, err);

        return r < 0 ? r : add(t, path, S_IFLNK | 0777, target, strlen(target), err);
}

static int
entry_order(const void *a, const void *b)
{
        return strcmp(((const struct tree_entry *)a)->path, ((const struct tree_entry *)b)->path);
}

static int
archive_error(struct archive *a, const char *path, struct error *err)
{
        return error_set(err, ERR_IO, "%s: %s", path, archive_error_string(a) ? archive_error_string(a) : "archive error");
}

static int
write_contents(struct archive *a, const struct tree_entry *e, struct error *err)
{
        _cleanup_close_ int fd = open(e->source, O_RDONLY | O_CLOEXEC);
        char buf[65536];
        uint64_t left = e->size;

        if (fd < 0)
                return error_errno_set(err, errno, "%s", e->source);
        while (left > 0) {
                ssize_t n = read(fd, buf, left < sizeof(buf) ? left : sizeof(buf));

                if (n < 0)
                        return error_errno_set(err, errno, "%s", e->source);
                if (n == 0)
                        return error_set(err, ERR_IO, "%s became shorter while it was read", e->source);
                if (archive_write_data(a, buf, (size_t)n) != n)
                        return archive_error(a, e->source, err);
                left -= (uint64_t)n;
        }
        return 0;
}

static int
write_entry(struct archive *a, const struct tree_entry *e, int64_t inode, struct error *err)
{
        CLEANUP(archive_entry_free) struct archive_entry *h = archive_entry_new();

        if (!h)
                return error_errno_set(err, ENOMEM, "%s", e->path);
        archive_entry_set_pathname(h, e->path);
        archive_entry_set_mode(h, e->mode);
        archive_entry_set_mtime(h, 0, 0);
        archive_entry_set_uid(h, 0);
        archive_entry_set_gid(h, 0);
        archive_entry_set_nlink(h, S_ISDIR(e->mode) ? 2 : 1);
        archive_entry_set_ino64(h, inode);
        archive_entry_set_size(h, S_ISREG(e->mode) ? (int64_t)e->size : 0);
        if (S_ISLNK(e->mode))
                archive_entry_set_symlink(h, e->source);
        if (archive_write_header(a, h) != ARCHIVE_OK)
                return archive_error(a, e->path, err);
        return S_ISREG(e->mode) ? write_contents(a, e, err) : 0;
}

static int
archive_setup(struct archive *a, const char *compression, unsigned level)
{
        char text[8];

        snprintf(text, sizeof(text), "%u", level);
        if (archive_write_add_filter_by_name(a, compression) != ARCHIVE_OK ||
            archive_write_set_filter_option(a, compression, "compression-level", text) != ARCHIVE_OK)
                return -EINVAL;
        /* gzip's header would have the time; the kernel's xz reader knows no CRC64 (its default), which libarchive leaves out
         * anyway. */
        if (strcmp(compression, "gzip") == 0 &&
            archive_write_set_filter_option(a, compression, "timestamp", NULL) != ARCHIVE_OK)
                return -EINVAL;
        /* A fixed number, whatever processors there are: the bytes depend on whether there are workers at all. */
        if (strcmp(compression, "zstd") == 0 && archive_write_set_filter_option(a, compression, "threads", "2") != ARCHIVE_OK)
                return -EINVAL;
        return archive_write_set_format_cpio_newc(a) == ARCHIVE_OK ? 0 : -EINVAL;
}

int
tree_write(struct tree *t, const char *path, const char *compression, unsigned level, struct error *err)
{
        CLEANUP(archive_write_free) struct archive *a = archive_write_new();

        if (!a)
                return error_errno_set(err, ENOMEM, "%s", path);
        if (archive_setup(a, compression, level) < 0 || archive_write_open_filename(a, path) != ARCHIVE_OK)
                return archive_error(a, path, err);
        qsort(t->entries, t->n, sizeof(*t->entries), entry_order);
        for (size_t i = 0; i < t->n; i++) {
                int r = write_entry(a, &t->entries[i], (int64_t)i + 1, err);

                if (r < 0)
                        return r;
        }
        if (archive_write_close(a) != ARCHIVE_OK)
                return archive_error(a, path, err);
        return 0;
}

void
tree_deinit(struct tree *t)
{
        for (size_t i = 0; i < t->n; i++) {
                free(t->entries[i].path);
                free(t->entries[i].source);
        }
        free(t->entries);
        *t = (struct tree){0};
}
