/* SPDX-License-Identifier: Apache-2.0 */
/* The satellites' list of files: written by `core`, read by the role `satellite`. No I/O. */
#include "proto/satellite_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"

#define ID_DIGITS 64
#define SHORT_DIGITS 16
static const char loaders[] = "loaders/", versions[] = "versions/";

size_t
satellite_files_add(char *text, size_t size, size_t room, const struct satellite_file *f)
{
        char hex[SHA256_TEXT_SIZE];
        int n = snprintf(text + size, room - size, "%s %llu %s\n", hex_text(f->sha256, sizeof(f->sha256), hex),
                         (unsigned long long)f->size, f->path);

        return (size_t)n < room - size ? size + (size_t)n : 0;
}

/* Parts of plain characters, none of them empty or beginning with a dot. */
static bool
parts_ok(const char *p)
{
        while (*p) {
                size_t n = strcspn(p, "/");

                if (n == 0 || *p == '.')
                        return false;
                for (size_t i = 0; i < n; i++)
                        if (p[i] <= 0x20 || p[i] > 0x7e || p[i] == '\\')
                                return false;
                p += n;
                if (*p == '/' && *++p == '\0')
                        return false;
        }
        return true;
}

bool
satellite_files_path_ok(const char *path)
{
        const char *id = path + strlen(versions);

        if (strlen(path) >= SATELLITE_PATH_SIZE || !parts_ok(path))
                return false;
        if (strncmp(path, loaders, strlen(loaders)) == 0)
                return path[strlen(loaders)] != '\0';
        return strncmp(path, versions, strlen(versions)) == 0 && strspn(id, "0123456789abcdef") == ID_DIGITS &&
               id[ID_DIGITS] == '/' && id[ID_DIGITS + 1] != '\0' && !strchr(id + ID_DIGITS + 1, '/');
}

static int
parse_line(char *line, struct satellite_file *f)
{
        char *size = strchr(line, ' '), *path = size ? strchr(size + 1, ' ') : NULL;

        if (!path)
                return -EINVAL;
        *size++ = *path++ = '\0';
        *f = (struct satellite_file){0};
        if (parse_hex(line, f->sha256, sizeof(f->sha256)) < 0 || parse_u64(size, INT64_MAX, &f->size) < 0 ||
            !satellite_files_path_ok(path))
                return -EINVAL;
        str_copy(f->path, sizeof(f->path), path);
        return 0;
}

static size_t
count_lines(const char *text, size_t size)
{
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += text[i] == '\n';
        return n;
}

int
satellite_files_parse(const char *text, size_t size, struct satellite_file **ret, size_t *ret_n, struct error *err)
{
        size_t n = count_lines(text, size), i = 0;
        _cleanup_free_ struct satellite_file *files = NULL;

        if (n > SATELLITE_MAX_FILES)
                return error_set(err, ERR_LIMIT, "the list of files has %zu lines; the limit is %d", n, SATELLITE_MAX_FILES);
        if (size > 0 && text[size - 1] != '\n')
                return error_set(err, ERR_PROTOCOL, "the list of files ends within a line");
        files = n > 0 ? calloc(n, sizeof(*files)) : NULL;
        if (n > 0 && !files)
                return error_errno_set(err, ENOMEM, "the list of files");
        for (const char *at = text; at < text + size; i++) {
                const char *end = memchr(at, '\n', (size_t)(text + size - at));
                char line[SATELLITE_FILE_LINE_MAX + 1];
                size_t length = (size_t)(end - at);

                if (length >= sizeof(line) || memchr(at, '\0', length))
                        return error_set(err, ERR_PROTOCOL, "the list of files: line %zu is no file", i + 1);
                memcpy(line, at, length);
                line[length] = '\0';
                if (parse_line(line, &files[i]) < 0)
                        return error_set(err, ERR_PROTOCOL, "the list of files: line %zu is no file", i + 1);
                at = end + 1;
        }
        *ret = TAKE_PTR(files);
        *ret_n = n;
        return 0;
}

void
satellite_files_url(const struct satellite_file *f, char ret[SATELLITE_PATH_SIZE + 2])
{
        const char *id = f->path + strlen(versions);

        if (strncmp(f->path, versions, strlen(versions)) == 0)
                snprintf(ret, SATELLITE_PATH_SIZE + 2, "/i/%.*s%s", SHORT_DIGITS, id, id + ID_DIGITS);
        else
                snprintf(ret, SATELLITE_PATH_SIZE + 2, "/%s", f->path);
}
