/* SPDX-License-Identifier: Apache-2.0 */
/* The list of kept paths and the archive of kept files as pure functions. Process: agent's keep; the image builder (the list).
 */
#include "model/keep.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/cleanup.h"

static const struct rec_field keep_file_fields[] = {
        REC_STR(struct keep_file, path), REC_U32(struct keep_file, mode),     REC_U32(struct keep_file, uid),
        REC_U32(struct keep_file, gid),  REC_I64(struct keep_file, mtime_ns), REC_BLOB(struct keep_file, data, KEEP_LIMIT_MAX),
};
static const struct rec_desc keep_file_desc = REC_DESC(struct keep_file, keep_file_fields);

static const struct rec_field keep_archive_fields[] = {
        REC_LIST(struct keep_archive, files, keep_file_desc),
};
const struct rec_desc keep_archive_desc = REC_DESC(struct keep_archive, keep_archive_fields);

/* The kernel's, a boot's, or the image's and dompool's own. */
static bool
is_foreign(const char *path)
{
        static const char *const folders[] = {"/proc",        "/sys",         "/dev",
                                              "/run",         "/etc/dompool", "/usr/lib/dompool",
                                              "/var/log/xen", "/var/lib/xen", "/var/lib/xenstored"};

        for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
                size_t n = strlen(folders[i]);

                if (strncmp(path, folders[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
                        return true;
        }
        return false;
}

int
keep_path_check(const char *what, const char *path, struct error *err)
{
        for (const char *p = path; *p; p++)
                if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
                        return error_set(err, ERR_INVALID, "%s: a path has a character that is no printable ASCII", what);
        if (path[0] != '/')
                return error_set(err, ERR_INVALID, "%s: '%.100s' is no absolute path", what, path);
        for (const char *part = path; *part;) {
                size_t n = strcspn(++part, "/");

                if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
                        return error_set(err, ERR_INVALID, "%s: '%.100s' has a part that is empty, '.' or '..'", what, path);
                part += n;
        }
        if (is_foreign(path))
                return error_set(err, ERR_INVALID, "%s: '%.100s' is not a host's own; it cannot be kept", what, path);
        return 0;
}

void
keep_pattern_split(const char *pattern, char ret_folder[KEEP_PATTERN_SIZE], const char **ret_last)
{
        size_t n = (size_t)(strrchr(pattern, '/') - pattern);

        memcpy(ret_folder, pattern, n);
        ret_folder[n] = '\0';
        *ret_last = pattern + n + 1;
}

int
keep_pattern_check(const char *what, const char *pattern, struct error *err)
{
        int r = keep_path_check(what, pattern, err);

        if (r < 0)
                return r;
        if (strlen(pattern) >= KEEP_PATTERN_SIZE)
                return error_set(err, ERR_LIMIT, "%s: '%.60s...' is over %d bytes", what, pattern, KEEP_PATTERN_SIZE - 1);
        /* As a line of the list it would be cut there. */
        if (strchr(pattern, '#') || pattern[strlen(pattern) - 1] == ' ')
                return error_set(err, ERR_INVALID, "%s: '%.100s': a kept path has no '#', and no blank at its end", what,
                                 pattern);
        if (strcspn(pattern, "*?[\\") < (size_t)(strrchr(pattern, '/') - pattern))
                return error_set(err, ERR_INVALID, "%s: '%.100s': only the last part of a path may be a pattern", what,
                                 pattern);
        return 0;
}

static int
add_line(struct keep_list *list, char *line, unsigned number, struct error *err)
{
        char what[32], *end;
        int r;

        line += strspn(line, " \t\r");
        for (end = line + strlen(line); end > line && strchr(" \t\r", end[-1]); end--)
                ;
        *end = '\0';
        if (!*line)
                return 0;
        snprintf(what, sizeof(what), "line %u", number);
        r = keep_pattern_check(what, line, err);
        if (r < 0)
                return r;
        if (list->n == KEEP_MAX_PATHS)
                return error_set(err, ERR_LIMIT, "%s: more than %d paths", what, KEEP_MAX_PATHS);
        str_copy(list->paths[list->n++], KEEP_PATTERN_SIZE, line);
        return 0;
}

int
keep_list_parse(const char *text, struct keep_list *ret, struct error *err)
{
        char line[KEEP_PATTERN_SIZE + 64];

        ret->n = 0;
        for (unsigned number = 1; *text; number++) {
                size_t n = strcspn(text, "\n"), used = strcspn(text, "#\n");
                int r;

                if (used >= sizeof(line))
                        return error_set(err, ERR_LIMIT, "line %u is over %zu bytes", number, sizeof(line) - 1);
                memcpy(line, text, used);
                line[used] = '\0';
                text += n + (text[n] == '\n');
                r = add_line(ret, line, number, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The folder is the same, and the part behind it fits; what follows that is below. */
bool
keep_pattern_covers(const char *pattern, const char *path)
{
        char folder[KEEP_PATTERN_SIZE], part[KEEP_PATH_SIZE];
        const char *last;
        size_t n;

        keep_pattern_split(pattern, folder, &last);
        n = strlen(folder);
        if (strncmp(path, folder, n) != 0 || path[n] != '/')
                return false;
        path += n + 1;
        n = strcspn(path, "/");
        if (n == 0 || n >= sizeof(part))
                return false;
        memcpy(part, path, n);
        part[n] = '\0';
        return fnmatch(last, part, FNM_PERIOD) == 0;
}

bool
keep_list_covers(const struct keep_list *list, const char *path)
{
        for (size_t i = 0; i < list->n; i++)
                if (keep_pattern_covers(list->paths[i], path))
                        return true;
        return false;
}

int
keep_archive_write(const struct keep_archive *a, uint8_t **ret, size_t *ret_size, struct error *err)
{
        size_t magic = strlen(KEEP_MAGIC), size = magic + rec_encoded_size(&keep_archive_desc, a);
        uint8_t *data = malloc(size);

        if (!data)
                return error_set(err, ERR_NO_SPACE, "no memory for an archive of %zu bytes", size);
        memcpy(data, KEEP_MAGIC, magic);
        rec_encode(&keep_archive_desc, a, data + magic);
        *ret = data;
        *ret_size = size;
        return 0;
}

static int
check_file(const struct keep_file *f, const struct keep_file *before, const struct keep_list *list, struct error *err)
{
        uint32_t kind = f->mode & ~07777u;
        int r = keep_path_check("the archive", f->path, err);

        if (r < 0)
                return r;
        if (before && strcmp(before->path, f->path) >= 0)
                return error_set(err, ERR_INVALID, "the archive: '%.100s' is out of order, or there twice", f->path);
        if (list && !keep_list_covers(list, f->path))
                return error_set(err, ERR_INVALID, "the archive: '%.100s' is none of this image's kept paths", f->path);
        if (kind != KEEP_FILE && kind != KEEP_FOLDER)
                return error_set(err, ERR_INVALID, "the archive: '%.100s' is neither a file nor a folder", f->path);
        /* Of a folder, set-gid says whose what is made in it is; of a file, with whose rights it runs. */
        if (f->mode & (kind == KEEP_FILE ? 07000u : 04000u))
                return error_set(err, ERR_INVALID, "the archive: the mode of '%.100s' gives rights", f->path);
        if (f->mtime_ns < 0)
                return error_set(err, ERR_INVALID, "the archive: the time of '%.100s' is before 1970", f->path);
        if (kind == KEEP_FOLDER && f->data.size)
                return error_set(err, ERR_INVALID, "the archive: folder '%.100s' has contents", f->path);
        return 0;
}

int
keep_archive_read(const uint8_t *data, size_t size, const struct keep_list *list, struct keep_archive *ret, struct error *err)
{
        size_t magic = strlen(KEEP_MAGIC);
        int r = 0;

        if (size > KEEP_LIMIT_MAX)
                return error_set(err, ERR_LIMIT, "an archive of %zu bytes; the limit is %u", size, KEEP_LIMIT_MAX);
        if (size < magic || memcmp(data, KEEP_MAGIC, magic) != 0)
                return error_set(err, ERR_INVALID, "it is no archive of kept files");
        r = rec_decode_fresh(&keep_archive_desc, data + magic, size - magic, ret);
        if (r == -ENOMEM)
                return error_set(err, ERR_NO_SPACE, "no memory for kept files");
        if (r < 0)
                return error_set(err, ERR_INVALID, "the archive is damaged");
        for (uint32_t i = 0; i < ret->n_files && r == 0; i++)
                r = check_file(&ret->files[i], i ? &ret->files[i - 1] : NULL, list, err);
        if (r < 0)
                rec_clear(&keep_archive_desc, ret);
        return r;
}
