/* SPDX-License-Identifier: Apache-2.0 */
/* modules.dep and modules.alias as text, searched line by line: an image has a few hundred modules, and some thousand aliases
 * of them. No I/O. */
#include "image/kmod_index.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

/* Does "kernel/drivers/net/xen-netback/xen-netback.ko" (of @size bytes) hold module @name? */
static bool
path_is_module(const char *path, size_t size, const char *name)
{
        const char *slash = memrchr(path, '/', size), *base = slash ? slash + 1 : path;
        size_t n = size - (size_t)(base - path), i;

        for (i = 0; i < n && base[i] != '.' && name[i]; i++)
                if (base[i] != name[i] && !(strchr("-_", base[i]) && strchr("-_", name[i])))
                        return false;
        return name[i] == '\0' && i < n && base[i] == '.' && i > 0;
}

static bool
path_take(struct kmod_entry *e, const char *path, size_t size)
{
        if (e->n == KMOD_MAX_DEPENDS + 1 || size >= KMOD_PATH_SIZE)
                return false;
        memcpy(e->paths[e->n], path, size);
        e->paths[e->n++][size] = '\0';
        return true;
}

/* "a.ko: b.ko c.ko": c is loaded first, then b, then a. */
static int
line_take(const char *line, size_t colon, size_t size, struct kmod_entry *ret)
{
        struct kmod_entry e = {0};
        size_t end = size;

        while (end > colon + 1) {
                size_t start = end;

                while (start > colon + 1 && line[start - 1] != ' ')
                        start--;
                if (end > start && !path_take(&e, line + start, end - start))
                        return -E2BIG;
                end = start;
                while (end > colon + 1 && line[end - 1] == ' ')
                        end--;
        }
        if (!path_take(&e, line, colon))
                return -E2BIG;
        *ret = e;
        return 0;
}

int
kmod_dep_find(const char *dep_text, const char *name, struct kmod_entry *ret)
{
        const char *p = dep_text;

        while (*p) {
                size_t size = strcspn(p, "\n"), colon = strcspn(p, ":\n");

                if (colon < size && path_is_module(p, colon, name))
                        return line_take(p, colon, size, ret);
                p += size + (p[size] == '\n');
        }
        return -ENOENT;
}

int
kmod_dep_folder_next(const char **dep_text, const char *folder, struct kmod_entry *ret)
{
        static const char top[] = "kernel/";
        const char *p = *dep_text;
        size_t n = strlen(folder);
        int r = -ENOENT;

        while (*p && r == -ENOENT) {
                size_t size = strcspn(p, "\n"), colon = strcspn(p, ":\n");

                if (colon < size && colon > strlen(top) + n && memcmp(p, top, strlen(top)) == 0 &&
                    memcmp(p + strlen(top), folder, n) == 0)
                        r = line_take(p, colon, size, ret);
                p += size + (p[size] == '\n');
        }
        *dep_text = p;
        return r;
}

bool
kmod_path_name(const char *path, char ret_name[KMOD_NAME_SIZE])
{
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        size_t n = strcspn(base, ".");

        if (n == 0 || n >= KMOD_NAME_SIZE || strncmp(base + n, ".ko", 3) != 0)
                return false;
        for (size_t i = 0; i < n; i++)
                ret_name[i] = base[i] == '-' ? '_' : base[i];
        ret_name[n] = '\0';
        return true;
}

bool
kmod_builtin(const char *builtin_text, const char *name)
{
        const char *p = builtin_text;

        while (*p) {
                size_t size = strcspn(p, "\n");

                if (path_is_module(p, size, name))
                        return true;
                p += size + (p[size] == '\n');
        }
        return false;
}

/* Can @pattern match, as far as its first wildcard? Nearly all differ in their first characters; fnmatch is slow, and slower in
 * an emulated machine. */
static bool
fixed_part_fits(const char *pattern, const char *modalias)
{
        while (*pattern && *pattern == *modalias && !strchr("*?[\\", *pattern)) {
                pattern++;
                modalias++;
        }
        return *pattern && strchr("*?[\\ ", *pattern);
}

/* "alias PATTERN MODULE" */
static bool
alias_line_matches(const char *line, size_t size, const char *modalias, char ret_name[KMOD_NAME_SIZE])
{
        static const char key[] = "alias ";
        const char *pattern = line + strlen(key), *space;
        char text[256];
        size_t n;

        if (size <= strlen(key) || memcmp(line, key, strlen(key)) != 0 || !fixed_part_fits(pattern, modalias))
                return false;
        space = memrchr(line, ' ', size);
        if (space < pattern || (n = (size_t)(space - pattern)) >= sizeof(text))
                return false;
        memcpy(text, pattern, n);
        text[n] = '\0';
        if (fnmatch(text, modalias, 0) != 0)
                return false;
        n = size - (size_t)(space + 1 - line);
        if (n == 0 || n >= KMOD_NAME_SIZE)
                return false;
        memcpy(ret_name, space + 1, n);
        ret_name[n] = '\0';
        return true;
}

bool
kmod_alias_next(const char **alias_text, const char *modalias, char ret_name[KMOD_NAME_SIZE])
{
        const char *p = *alias_text;
        bool found = false;

        while (*p && !found) {
                size_t size = strcspn(p, "\n");

                found = alias_line_matches(p, size, modalias, ret_name);
                p += size + (p[size] == '\n');
        }
        *alias_text = p;
        return found;
}
