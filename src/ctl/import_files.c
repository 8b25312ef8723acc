/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders of this machine for src/import: read whole, within its limits; nothing is written. Runs in: dompool. */
#include "ctl/import_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static int
open_file(const char *path, int *ret, struct error *err)
{
        /* O_NONBLOCK: a FIFO in a configuration folder must not hold us up */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_errno_set(err, errno, "%s", path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, ERR_INVALID, "%s: is no plain file", path);
        if (st.st_size > IMPORT_MAX_FILE)
                return error_set(err, ERR_LIMIT, "%s: is larger than %u MiB", path, IMPORT_MAX_FILE >> 20);
        *ret = TAKE_FD(fd);
        return 0;
}

static int
read_file(void *arg, const char *path, struct import_text *ret, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        size_t size = 0;
        ssize_t n;
        int r = open_file(path, &fd, err);

        (void)arg;
        if (r < 0)
                return r;
        text = malloc(IMPORT_MAX_FILE + 1);
        if (!text)
                return error_set(err, ERR_NO_SPACE, "out of memory");
        while ((n = read(fd, text + size, IMPORT_MAX_FILE - size)) > 0)
                size += (size_t)n;
        if (n < 0)
                return error_errno_set(err, errno, "%s", path);
        text[size] = '\0';
        ret->size = size;
        ret->text = realloc(text, size + 1) ?: text;
        text = NULL;
        return 0;
}

static int
by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
add_name(struct import_names *names, const char *name)
{
        char **more = realloc(names->names, (names->n + 1) * sizeof(char *));
        char *copy = strdup(name);

        if (more)
                names->names = more;
        if (!more || !copy) {
                free(copy);
                return -ENOMEM;
        }
        names->names[names->n++] = copy;
        return 0;
}

static int
list_folder(void *arg, const char *path, struct import_names *ret, struct error *err)
{
        _cleanup_closedir_ DIR *d = opendir(path);
        const struct dirent *e;
        struct stat st;

        (void)arg;
        if (!d)
                return error_errno_set(err, errno, "%s", path);
        while ((e = readdir(d)) && ret->n < IMPORT_MAX_FILES) {
                if (fstatat(dirfd(d), e->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
                        continue;
                if (add_name(ret, e->d_name) < 0) {
                        for (size_t i = 0; i < ret->n; i++)
                                free(ret->names[i]);
                        free(ret->names);
                        *ret = (struct import_names){0};
                        return error_set(err, ERR_NO_SPACE, "out of memory");
                }
        }
        if (ret->n > 0)
                qsort(ret->names, ret->n, sizeof(char *), by_name);
        return 0;
}

const struct import_io import_files_io = {.read = read_file, .list = list_folder};
