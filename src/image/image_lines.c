/* SPDX-License-Identifier: Apache-2.0 */
/* The line formats of a recipe's `files` and `modules`: text to struct, pure. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/image_recipe.h"

#define MAX_WORDS 5
#define LINE_SIZE 1024

struct words {
        size_t n;
        char text[LINE_SIZE];
        const char *w[MAX_WORDS];
};

static const struct {
        const char *word;
        unsigned min, max; /* words behind it */
        bool from_first;   /* FROM TO; otherwise the first is where it goes */
        mode_t mode;       /* when none is given; 0: of the source */
} kinds[] = {
        [RECIPE_DIR] = {"dir", 1, 2, false, 0755},           [RECIPE_LINK] = {"link", 2, 2, false, 0777},
        [RECIPE_PACKAGE] = {"package", 1, 2, true, 0},       [RECIPE_OWN] = {"own", 2, 3, true, 0644},
        [RECIPE_PROGRAM] = {"program", 2, 2, true, 0755},    [RECIPE_KEY] = {"key", 1, 1, false, 0644},
        [RECIPE_SSH_KEYS] = {"ssh-keys", 1, 1, false, 0600}, [RECIPE_LIBRARY] = {"library", 1, 1, true, 0755},
};

bool
recipe_path_ok(const char *path)
{
        const char *p = path;

        if (*p != '/' || strlen(path) >= RECIPE_PATH_SIZE)
                return false;
        while (*p == '/') {
                size_t n = strcspn(++p, "/");

                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                for (size_t i = 0; i < n; i++)
                        if (!isgraph((unsigned char)p[i]))
                                return false;
                p += n;
        }
        return true;
}

/* Takes one line off @text; comments begin with '#'. Positive: the line is empty. */
static int
words_take(const char **text, struct words *w, const char *name, unsigned line, struct error *err)
{
        size_t n = strcspn(*text, "\n"), used = strcspn(*text, "#\n");
        char *save = NULL;

        w->n = 0;
        if (used >= sizeof(w->text))
                return error_set(err, ERR_CONFIG, "%s:%u: line over %d bytes", name, line, LINE_SIZE - 1);
        memcpy(w->text, *text, used);
        w->text[used] = '\0';
        *text += n + ((*text)[n] == '\n');
        for (char *p = strtok_r(w->text, " \t\r", &save); p; p = strtok_r(NULL, " \t\r", &save)) {
                if (w->n == MAX_WORDS)
                        return error_set(err, ERR_CONFIG, "%s:%u: more than %d words", name, line, MAX_WORDS);
                w->w[w->n++] = p;
        }
        return w->n == 0;
}

static int
parse_mode(const char *text, mode_t *ret)
{
        mode_t mode = 0;

        if (!text[0] || strlen(text) > 4)
                return -EINVAL;
        for (; *text; text++) {
                if (*text < '0' || *text > '7')
                        return -EINVAL;
                mode = mode * 8 + (mode_t)(*text - '0');
        }
        *ret = mode;
        return 0;
}

/* Paths in packages and in the initrd are absolute; those beside the recipe are relative; programs and libraries are names. */
static bool
source_ok(enum recipe_line_kind kind, const char *from)
{
        char absolute[RECIPE_PATH_SIZE + 1];

        switch (kind) {
        case RECIPE_PACKAGE:
                return recipe_path_ok(from);
        case RECIPE_OWN:
                snprintf(absolute, sizeof(absolute), "/%s", from);
                return strlen(from) < RECIPE_PATH_SIZE - 1 && recipe_path_ok(absolute);
        case RECIPE_PROGRAM:
        case RECIPE_LIBRARY:
                return name_ok(from);
        case RECIPE_LINK:
                return strlen(from) < RECIPE_PATH_SIZE;
        case RECIPE_DIR:
        case RECIPE_KEY:
        case RECIPE_SSH_KEYS:
                return true;
        }
        return false;
}

static int
line_fill(const struct words *w, enum recipe_line_kind kind, struct recipe_line *l, const char *name, struct error *err)
{
        const char *from = kinds[kind].from_first ? w->w[1] : w->n > 2 ? w->w[2] : "";
        const char *to = kinds[kind].from_first ? (w->n > 2 ? w->w[2] : w->w[1]) : w->w[1];
        const char *mode = NULL;

        if (kind == RECIPE_KEY || kind == RECIPE_SSH_KEYS) {
                from = "";
        } else if (kind == RECIPE_DIR) {
                mode = w->n > 2 ? w->w[2] : NULL;
                from = "";
        } else if (kind == RECIPE_OWN) {
                mode = w->n > 3 ? w->w[3] : NULL;
        } else if (kind == RECIPE_LIBRARY) {
                to = "";
        }
        l->mode = kinds[kind].mode;
        if (mode && parse_mode(mode, &l->mode) < 0)
                return error_set(err, ERR_CONFIG, "%s:%u: '%s' is no mode such as 0755", name, l->line, mode);
        if (!source_ok(kind, from))
                return error_set(err, ERR_CONFIG, "%s:%u: '%.100s' is not what '%s' takes", name, l->line, from, w->w[0]);
        if (kind != RECIPE_LIBRARY && !recipe_path_ok(to))
                return error_set(err, ERR_CONFIG, "%s:%u: '%.100s' is no absolute path without '..'", name, l->line, to);
        str_copy(l->from, sizeof(l->from), from);
        str_copy(l->to, sizeof(l->to), to);
        return 0;
}

static int
line_parse(const struct words *w, unsigned line, void *entry, const char *name, struct error *err)
{
        struct recipe_line *l = entry;

        l->line = line;
        for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
                if (strcmp(w->w[0], kinds[k].word) != 0)
                        continue;
                if (w->n - 1 < kinds[k].min || w->n - 1 > kinds[k].max)
                        return error_set(err, ERR_CONFIG, "%s:%u: '%s' takes %u to %u words", name, l->line, w->w[0],
                                         kinds[k].min, kinds[k].max);
                l->kind = (enum recipe_line_kind)k;
                return line_fill(w, l->kind, l, name, err);
        }
        return error_set(err, ERR_CONFIG, "%s:%u: '%.100s' is none of dir, link, package, own, program, key, ssh-keys, library",
                         name, l->line, w->w[0]);
}

/* Fills one zeroed entry from the words of line @line. */
typedef int (*entry_parse_fn)(const struct words *w, unsigned line, void *entry, const char *name, struct error *err);

/* An array of entries of @size bytes, one for each line that says something. */
static int
parse_entries(const char *name, const char *text, size_t size, entry_parse_fn parse, void **ret, size_t *ret_n,
              struct error *err)
{
        _cleanup_free_ uint8_t *entries = calloc(RECIPE_MAX_LINES, size);
        struct words w;
        size_t n = 0;
        int r;

        if (!entries)
                return error_errno_set(err, ENOMEM, "%s", name);
        for (unsigned line = 1; *text; line++) {
                r = words_take(&text, &w, name, line, err);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (n == RECIPE_MAX_LINES)
                        return error_set(err, ERR_LIMIT, "%s:%u: more than %d entries", name, line, RECIPE_MAX_LINES);
                r = parse(&w, line, entries + n++ * size, name, err);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(entries);
        *ret_n = n;
        return 0;
}

int
recipe_parse_lines(const char *name, const char *text, struct recipe_line **ret, size_t *ret_n, struct error *err)
{
        void *entries;
        int r = parse_entries(name, text, sizeof(**ret), line_parse, &entries, ret_n, err);

        if (r == 0)
                *ret = entries;
        return r;
}

/* "drivers/net/ethernet/": all that is below it. */
static int
folder_parse(const struct words *w, struct recipe_module *m, const char *name, struct error *err)
{
        char path[RECIPE_PATH_SIZE + 1];
        size_t n = strlen(w->w[0]);

        if (n < sizeof(m->name))
                snprintf(path, sizeof(path), "/%.*s", (int)n - 1, w->w[0]);
        if (n >= sizeof(m->name) || w->w[0][n - 1] != '/' || !recipe_path_ok(path))
                return error_set(err, ERR_CONFIG,
                                 "%s:%u: '%.100s' is no folder of modules such as drivers/net/ethernet/ (at most %zu bytes)",
                                 name, m->line, w->w[0], sizeof(m->name) - 1);
        if (w->n > 1)
                return error_set(err, ERR_CONFIG, "%s:%u: a folder's modules are loaded when their hardware is there, not '%s'",
                                 name, m->line, w->w[1]);
        str_copy(m->name, sizeof(m->name), w->w[0]);
        m->phase = RECIPE_ON_DEMAND;
        return 0;
}

static int
module_parse(const struct words *w, unsigned line, void *entry, const char *name, struct error *err)
{
        struct recipe_module *m = entry;

        m->line = line;
        if (strchr(w->w[0], '/'))
                return folder_parse(w, m, name, err);
        if (!name_ok(w->w[0]))
                return error_set(err, ERR_CONFIG, "%s:%u: '%.100s' is no module's name", name, m->line, w->w[0]);
        if (w->n > 2 || (w->n == 2 && strcmp(w->w[1], "boot") != 0 && strcmp(w->w[1], "late") != 0))
                return error_set(err, ERR_CONFIG, "%s:%u: behind a module's name only 'boot' or 'late' may stand", name,
                                 m->line);
        str_copy(m->name, sizeof(m->name), w->w[0]);
        for (char *p = m->name; *p; p++)
                if (*p == '-')
                        *p = '_';
        m->phase = w->n < 2 ? RECIPE_ON_DEMAND : strcmp(w->w[1], "boot") == 0 ? RECIPE_BOOT : RECIPE_LATE;
        return 0;
}

int
recipe_parse_modules(const char *name, const char *text, struct recipe_module **ret, size_t *ret_n, struct error *err)
{
        void *entries;
        int r = parse_entries(name, text, sizeof(**ret), module_parse, &entries, ret_n, err);

        if (r == 0)
                *ret = entries;
        return r;
}
