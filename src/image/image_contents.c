/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what is in a version: made by the image builder, read by diff, verify, show and gc. */
#include "image/image_contents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "image/image_files.h"

#define MAX_ENTRIES (1u << 20)
#define MAX_FIELDS 7

static const char *const type_words[CONTENTS_TYPE_N] = {"package", "file", "dir", "link"};

void
contents_deinit(struct contents *c)
{
        for (size_t i = 0; i < c->n; i++) {
                free(c->entries[i].path);
                free(c->entries[i].text);
        }
        free(c->entries);
        *c = (struct contents){0};
}

static struct contents_entry *
add(struct contents *c, enum contents_type type, const char *path, const char *text, struct error *err)
{
        struct contents_entry *e;

        if (strpbrk(path, "\t\n") || (text && strpbrk(text, "\t\n")) || strlen(path) > CONTENTS_PATH_MAX ||
            (text && strlen(text) > 4096)) {
                error_set(err, ERR_INVALID, "'%.100s' has a tab or a newline in its name, or is over %d bytes", path,
                          CONTENTS_PATH_MAX);
                return NULL;
        }
        if (c->n == MAX_ENTRIES) {
                error_set(err, ERR_LIMIT, "more than %u files in an image", MAX_ENTRIES);
                return NULL;
        }
        if (c->n == c->room) {
                size_t room = c->room ? c->room * 2 : 1024;
                struct contents_entry *more = reallocarray(c->entries, room, sizeof(*more));

                if (!more)
                        goto no_memory;
                c->entries = more;
                c->room = room;
        }
        e = &c->entries[c->n];
        *e = (struct contents_entry){.type = type, .path = strdup(path), .text = text ? strdup(text) : NULL};
        if (e->path && (!text || e->text)) {
                c->n++;
                return e;
        }
        free(e->path);
        free(e->text);
no_memory:
        error_errno_set(err, ENOMEM, "contents of the image");
        return NULL;
}

int
contents_add_package(struct contents *c, const char *name, const char *version, struct error *err)
{
        return add(c, CONTENTS_PACKAGE, name, version, err) ? 0 : error_to_errno(err->code);
}

int
contents_add_tree(struct contents *c, const struct tree *t, struct error *err)
{
        for (size_t i = 0; i < t->n; i++) {
                const struct tree_entry *from = &t->entries[i];
                enum contents_type type = S_ISDIR(from->mode)   ? CONTENTS_DIR
                                          : S_ISLNK(from->mode) ? CONTENTS_LINK
                                                                : CONTENTS_FILE;
                char path[IMAGE_PATH_SIZE];
                struct contents_entry *e;
                int r;

                if ((r = image_path(path, err, "/%s", from->path)) < 0)
                        return r;
                e = add(c, type, path, type == CONTENTS_LINK ? from->source : NULL, err);
                if (!e)
                        return error_to_errno(err->code);
                e->mode = from->mode & 07777;
                if (type == CONTENTS_FILE && (r = image_hash(from->source, e->sha256, &e->size, err)) < 0)
                        return r;
        }
        return 0;
}

static int
add_link(struct contents *c, int dir, const char *name, const char *path, const struct stat *st, struct error *err)
{
        char target[4096];
        ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
        struct contents_entry *e;

        if (n < 0)
                return error_errno_set(err, errno, "%s", path);
        target[n] = '\0';
        e = add(c, CONTENTS_LINK, path, target, err);
        if (!e)
                return error_to_errno(err->code);
        e->uid = st->st_uid;
        e->gid = st->st_gid;
        return 0;
}

static int
add_file(struct contents *c, int dir, const char *name, const char *path, const struct stat *st, struct error *err)
{
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct contents_entry *e = fd < 0 ? NULL : add(c, CONTENTS_FILE, path, NULL, err);
        int r;

        if (fd < 0)
                return error_errno_set(err, errno, "%s", path);
        if (!e)
                return error_to_errno(err->code);
        e->mode = st->st_mode & 07777;
        e->uid = st->st_uid;
        e->gid = st->st_gid;
        r = digest_sha256_fd(fd, e->sha256, &e->size);
        return r < 0 ? error_errno_set(err, -r, "%s", path) : 0;
}

static int add_folder(struct contents *c, int dir, const char *at, struct error *err);

static int
add_entry(struct contents *c, int dir, const char *at, const char *name, struct error *err)
{
        char path[CONTENTS_PATH_MAX + NAME_MAX + 2];
        struct contents_entry *e;
        struct stat st;
        int fd;

        snprintf(path, sizeof(path), "%s/%s", at, name);
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_errno_set(err, errno, "%s", path);
        if (S_ISLNK(st.st_mode))
                return add_link(c, dir, name, path, &st, err);
        if (S_ISREG(st.st_mode))
                return add_file(c, dir, name, path, &st, err);
        if (!S_ISDIR(st.st_mode))
                return 0;
        e = add(c, CONTENTS_DIR, path, NULL, err);
        if (!e)
                return error_to_errno(err->code);
        e->mode = st.st_mode & 07777;
        e->uid = st.st_uid;
        e->gid = st.st_gid;
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? error_errno_set(err, errno, "%s", path) : add_folder(c, fd, path, err);
}

/* @dir is taken over. */
static int
add_folder(struct contents *c, int dir, const char *at, struct error *err)
{
        _cleanup_closedir_ DIR *d = fdopendir(dir);
        struct dirent *e;
        int r = 0;

        if (!d) {
                r = error_errno_set(err, errno, "%s", at);
                close(dir);
                return r;
        }
        while (r == 0 && (e = readdir(d)))
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        r = add_entry(c, dirfd(d), at, e->d_name, err);
        return r;
}

int
contents_add_folder(struct contents *c, const char *folder, struct error *err)
{
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

        return fd < 0 ? error_errno_set(err, errno, "%s", folder) : add_folder(c, fd, "", err);
}

static int
entry_order(const void *a, const void *b)
{
        const struct contents_entry *x = a, *y = b;
        bool x_package = x->type == CONTENTS_PACKAGE, y_package = y->type == CONTENTS_PACKAGE;

        if (x_package != y_package)
                return x_package ? -1 : 1;
        return strcmp(x->path, y->path);
}

static void
print_entry(FILE *f, const struct contents_entry *e)
{
        char hash[SHA256_TEXT_SIZE];

        switch ((enum contents_type)e->type) {
        case CONTENTS_PACKAGE:
                fprintf(f, "package\t%s\t%s\n", e->path, e->text);
                break;
        case CONTENTS_FILE:
                hex_text(e->sha256, sizeof(e->sha256), hash);
                fprintf(f, "file\t%o\t%u\t%u\t%llu\t%s\t%s\n", (unsigned)e->mode, e->uid, e->gid, (unsigned long long)e->size,
                        hash, e->path);
                break;
        case CONTENTS_DIR:
                fprintf(f, "dir\t%o\t%u\t%u\t%s\n", (unsigned)e->mode, e->uid, e->gid, e->path);
                break;
        case CONTENTS_LINK:
                fprintf(f, "link\t%u\t%u\t%s\t%s\n", e->uid, e->gid, e->path, e->text);
                break;
        case CONTENTS_TYPE_N:
                break;
        }
}

int
contents_write(struct contents *c, const char *path, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return error_errno_set(err, errno, "%s", path);
        qsort(c->entries, c->n, sizeof(*c->entries), entry_order);
        for (size_t i = 0; i < c->n; i++)
                print_entry(f, &c->entries[i]);
        if (fclose(f) != 0)
                return error_errno_set(err, ENOMEM, "%s", path);
        if (size > CONTENTS_MAX)
                return error_set(err, ERR_LIMIT, "the list of the image's files is over %u bytes", CONTENTS_MAX);
        return image_write(path, text, size, err);
}

/* --- reading --- */

struct fields {
        size_t n;
        const char *f[MAX_FIELDS];
};

/* Cuts @line up; more fields than any line has are one too many. */
static void
fields_take(char *line, struct fields *ret)
{
        ret->n = 0;
        for (char *tab = line; tab && ret->n < MAX_FIELDS; line = tab) {
                ret->f[ret->n++] = line;
                tab = strchr(line, '\t');
                if (tab)
                        *tab++ = '\0';
        }
}

static int
parse_octal(const char *text, mode_t *ret)
{
        unsigned n = 0;

        if (!*text || strlen(text) > 5 || strspn(text, "01234567") != strlen(text))
                return -EINVAL;
        for (; *text; text++)
                n = n * 8 + (unsigned)(*text - '0');
        *ret = n;
        return n <= 07777 ? 0 : -EINVAL;
}

static bool
parse_owner(const struct fields *w, size_t at, struct contents_entry *e)
{
        return parse_u32(w->f[at], UINT32_MAX, &e->uid) == 0 && parse_u32(w->f[at + 1], UINT32_MAX, &e->gid) == 0;
}

/* Where path and text are, and how many fields there are, by type. */
static const struct {
        size_t n, path, text;
} shapes[CONTENTS_TYPE_N] = {
        [CONTENTS_PACKAGE] = {3, 1, 2}, [CONTENTS_FILE] = {7, 6, 0}, [CONTENTS_DIR] = {5, 4, 0}, [CONTENTS_LINK] = {5, 3, 4}};

static bool
parse_numbers(const struct fields *w, struct contents_entry *e)
{
        switch ((enum contents_type)e->type) {
        case CONTENTS_FILE:
                return parse_octal(w->f[1], &e->mode) == 0 && parse_owner(w, 2, e) &&
                       parse_u64(w->f[4], INT64_MAX, &e->size) == 0 && parse_hex(w->f[5], e->sha256, sizeof(e->sha256)) == 0;
        case CONTENTS_DIR:
                return parse_octal(w->f[1], &e->mode) == 0 && parse_owner(w, 2, e);
        case CONTENTS_LINK:
                return parse_owner(w, 1, e);
        case CONTENTS_PACKAGE:
        case CONTENTS_TYPE_N:
                break;
        }
        return true;
}

/* 0; 1: it is no line of ours. */
static int
parse_line(struct contents *c, char *line, struct error *err)
{
        struct contents_entry e = {0}, *added;
        struct fields w;

        fields_take(line, &w);
        while (e.type < CONTENTS_TYPE_N && strcmp(w.f[0], type_words[e.type]) != 0)
                e.type++;
        if (e.type == CONTENTS_TYPE_N || w.n != shapes[e.type].n || !parse_numbers(&w, &e))
                return 1;
        if (e.type != CONTENTS_PACKAGE && w.f[shapes[e.type].path][0] != '/')
                return 1;
        added = add(c, (enum contents_type)e.type, w.f[shapes[e.type].path],
                    shapes[e.type].text ? w.f[shapes[e.type].text] : NULL, err);
        if (!added)
                return error_to_errno(err->code);
        e.path = added->path;
        e.text = added->text;
        *added = e;
        return 0;
}

int
contents_parse(struct contents *ret, const char *name, char *text, struct error *err)
{
        struct contents c = {0};
        unsigned line = 1;

        for (char *at = text; *at; line++) {
                char *end = strchrnul(at, '\n'), *next = *end ? end + 1 : end;
                int r;

                *end = '\0';
                r = parse_line(&c, at, err);
                if (r != 0) {
                        contents_deinit(&c);
                        return r > 0 ? error_set(err, ERR_INVALID, "%s:%u: is no line of a version's contents", name, line) : r;
                }
                at = next;
        }
        if (c.n)
                qsort(c.entries, c.n, sizeof(*c.entries), entry_order); /* contents_find depends on it */
        *ret = c;
        return 0;
}

int
contents_read(const char *folder, struct contents *ret, struct error *err)
{
        _cleanup_free_ uint8_t *text = NULL;
        char path[IMAGE_PATH_SIZE];
        size_t size;
        int r;

        if ((r = image_path(path, err, "%s/" CONTENTS_NAME, folder)) < 0)
                return r;
        r = image_read(path, CONTENTS_MAX, &text, &size, err);
        if (r == -ENOENT)
                return error_set(err, ERR_NOT_FOUND,
                                 "%s: the version has no list of its files: an older dompool built it, build it again", path);
        return r < 0 ? r : contents_parse(ret, path, (char *)text, err);
}

const struct contents_entry *
contents_find(const struct contents *c, enum contents_type type, const char *path)
{
        const struct contents_entry key = {.type = type, .path = (char *)path};
        const struct contents_entry *e = c->n ? bsearch(&key, c->entries, c->n, sizeof(*c->entries), entry_order) : NULL;

        return e && e->type == type ? e : NULL;
}
