/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the texts come from: an argument's kind, included files, folders, TFTP trees, and the limits on all of them. Opens
 * nothing itself (struct import_io). Pure but for that.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/import_private.h"
#include "import/lines.h"

const char *const import_format_names[] = {"dhcpd", "dnsmasq", "ethers", "pxelinux", "grub", NULL};
enum format { FORMAT_DHCPD, FORMAT_DNSMASQ, FORMAT_ETHERS, FORMAT_PXELINUX, FORMAT_GRUB, FORMAT_N };

static const import_reader readers[FORMAT_N] = {
        [FORMAT_DHCPD] = import_dhcpd,       [FORMAT_DNSMASQ] = import_dnsmasq, [FORMAT_ETHERS] = import_ethers,
        [FORMAT_PXELINUX] = import_pxelinux, [FORMAT_GRUB] = import_grub,
};

/* ---- files ---- */

void
import_names_free(struct import_names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->names[i]);
        free(names->names);
        *names = (struct import_names){0};
}

static int
check_limits(const struct import *im, const char *path, struct error *err)
{
        if (im->depth >= IMPORT_MAX_DEPTH)
                return error_set(err, ERR_LIMIT, "%s: files include each other more than %d deep", path, IMPORT_MAX_DEPTH);
        if (im->n_files >= IMPORT_MAX_FILES)
                return error_set(err, ERR_LIMIT, "%s: more than %d files; import them in parts", path, IMPORT_MAX_FILES);
        if (im->total >= IMPORT_MAX_TOTAL)
                return error_set(err, ERR_LIMIT, "%s: more than %u MiB of files; import them in parts", path,
                                 IMPORT_MAX_TOTAL >> 20);
        return 0;
}

/* "PATH: No such file": the note names the path already. */
static const char *
without_path(const struct error *why, const char *path)
{
        size_t n = strlen(path);

        return strncmp(why->message, path, n) == 0 && strncmp(why->message + n, ": ", 2) == 0 ? why->message + n + 2
                                                                                              : why->message;
}

/* The text of a file within the limits; *ret is NULL when it cannot be read (a note at @at unless it is missing and @quiet). */
static int
read_file(struct import *im, const struct import_place *at, const char *path, bool quiet, char **ret, struct error *err)
{
        struct import_text text = {0};
        struct error why = {0};
        int r = check_limits(im, path, err);

        *ret = NULL;
        if (r < 0)
                return r;
        r = im->io->read(im->io->arg, path, &text, &why);
        if (r == 0 && strlen(text.text) != text.size) {
                free(text.text);
                r = error_set(&why, ERR_INVALID, "has a NUL byte: this is no text file");
        }
        if (r < 0) {
                if (!quiet || why.code != ERR_NOT_FOUND)
                        import_note(im, IMPORT_NOTE_UNKNOWN, at, path, "give it to the importer as well", "cannot be read: %s",
                                    without_path(&why, path));
                return 0;
        }
        im->n_files++;
        im->total += text.size;
        *ret = text.text;
        return 0;
}

int
import_include(struct import *im, const struct import_place *at, const char *path, bool quiet, import_reader reader,
               void *state, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        char copy[IMPORT_PATH_SIZE];
        /* Files of another machine: what one includes by an absolute name may have been copied beside it. */
        bool elsewhere = !quiet && *path == '/' && at->line > 0 && import_path_beside(copy, at->file, import_basename(path));
        int r = read_file(im, at, path, quiet || elsewhere, &text, err);

        if (r == 0 && !text && elsewhere) {
                r = read_file(im, at, copy, true, &text, err);
                if (r == 0 && !text)
                        r = read_file(im, at, path, false, &text, err); /* for its note */
                else if (r == 0)
                        import_note(im, IMPORT_NOTE_WARNING, at, path, "", "is not here; %s was read instead", copy);
                path = copy;
        }
        if (r < 0 || !text)
                return r;
        im->depth++;
        r = reader(im, state, path, text, err);
        im->depth--;
        return r;
}

int
import_folder(struct import *im, const struct import_place *at, const char *path, bool (*keep)(void *state, const char *name),
              import_reader reader, void *state, struct error *err)
{
        struct import_names names = {0};
        char file[IMPORT_PATH_SIZE];
        struct error why = {0};
        int r = 0;

        if (im->io->list(im->io->arg, path, &names, &why) < 0) {
                import_note(im, IMPORT_NOTE_UNKNOWN, at, path, "give it to the importer as well", "cannot be read: %s",
                            without_path(&why, path));
                return 0;
        }
        for (size_t i = 0; r == 0 && i < names.n; i++) {
                if (keep && !keep(state, names.names[i]))
                        continue;
                if (import_path_join(file, path, names.names[i]))
                        r = import_include(im, at, file, false, reader, state, err);
        }
        import_names_free(&names);
        return r;
}

/* ---- TFTP trees ---- */

/* Editors' and packages' leftovers are no menus. */
static bool
is_menu_name(void *state, const char *name)
{
        size_t n = strlen(name);

        (void)state;
        return name[0] != '.' && n > 0 && name[n - 1] != '~' && !strstr(name, ".dpkg-") && !import_path_ends(name, "README");
}

/* @path is a tree, or its pxelinux.cfg folder. */
static bool
tree_paths(struct import_tree *t, const char *path)
{
        size_t n = strlen(path);

        while (n > 1 && path[n - 1] == '/')
                n--;
        if (n >= sizeof(t->path))
                return false;
        snprintf(t->path, sizeof(t->path), "%.*s", (int)n, path);
        if (strcmp(import_basename(t->path), "pxelinux.cfg") == 0) {
                memcpy(t->pxelinux, t->path, sizeof(t->pxelinux));
                n = (size_t)(import_basename(t->path) - t->path);
                snprintf(t->path, sizeof(t->path), "%.*s", (int)(n > 1 ? n - 1 : 1), n ? t->pxelinux : ".");
                return true;
        }
        return import_path_join(t->pxelinux, t->path, "pxelinux.cfg");
}

int
import_tree_add(struct import *im, const struct import_place *at, uint32_t server, const char *path, struct error *err)
{
        struct import_tree t = {.server = server};
        struct import_names names = {0};
        struct error why;

        if (im->n_trees >= IMPORT_MAX_TREES)
                return error_set(err, ERR_LIMIT, "more than %d TFTP trees", IMPORT_MAX_TREES);
        if (!tree_paths(&t, path))
                return error_set(err, ERR_LIMIT, "%s: the path is longer than %d", path, IMPORT_PATH_SIZE - 1);
        for (size_t i = 0; i < im->n_trees; i++)
                if (strcmp(im->trees[i].path, t.path) == 0)
                        return 0;
        if (im->io->list(im->io->arg, t.pxelinux, &names, &why) < 0)
                t.pxelinux[0] = '\0';
        import_names_free(&names);
        im->trees[im->n_trees++] = t;
        return *t.pxelinux ? import_folder(im, at, t.pxelinux, is_menu_name, import_pxelinux, NULL, err) : 0;
}

static struct import_menu *
menu_given_alone(const struct import *im, const char *file, enum import_menu_kind kind, const struct import_menu *except)
{
        struct import_menu *m, *next;

        HASH_ITER(hh, im->menus, m, next)
        {
                if (m->alone && m != except && m->kind == kind && import_path_ends(m->path, file))
                        return m;
        }
        return NULL;
}

int
import_tree_menu(struct import *im, const struct import_place *at, uint32_t server, const char *file,
                 enum import_menu_kind kind, const struct import_menu *except, struct import_menu **ret, struct error *err)
{
        static const import_reader by_kind[] = {
                [IMPORT_MENU_PXELINUX] = import_pxelinux,
                [IMPORT_MENU_GRUB] = import_grub,
        };
        char path[IMPORT_PATH_SIZE];

        *ret = NULL;
        for (size_t i = 0; !strstr(file, "..") && i < im->n_trees; i++) {
                const struct import_tree *t = &im->trees[i];
                int r;

                if ((server && t->server && t->server != server) || !import_path_join(path, t->path, file))
                        continue;
                if (except && strcmp(path, except->path) == 0)
                        continue;
                *ret = import_menu_find(im, path);
                if (*ret)
                        return 0;
                r = import_include(im, at, path, true, by_kind[kind], NULL, err);
                if (r < 0)
                        return r;
                *ret = import_menu_find(im, path);
                if (*ret)
                        return 0;
        }
        *ret = menu_given_alone(im, file, kind, except);
        return 0;
}

/* ---- arguments ---- */

static const struct {
        const char *part; /* of the file's name */
        enum format format;
} by_name[] = {
        {"dhcpd", FORMAT_DHCPD},   {"dnsmasq", FORMAT_DNSMASQ}, {"ethers", FORMAT_ETHERS},
        {"menu.lst", FORMAT_GRUB}, {"grub.conf", FORMAT_GRUB},
};

/* The first word of a line that only one kind of file has. */
static const struct {
        const char *word;
        enum format format;
} by_word[] = {
        {"label", FORMAT_PXELINUX},    {"append", FORMAT_PXELINUX}, {"localboot", FORMAT_PXELINUX},
        {"ipappend", FORMAT_PXELINUX}, {"title", FORMAT_GRUB},      {"module", FORMAT_GRUB},
        {"chainloader", FORMAT_GRUB},  {"configfile", FORMAT_GRUB}, {"subnet", FORMAT_DHCPD},
        {"host", FORMAT_DHCPD},        {"group", FORMAT_DHCPD},     {"class", FORMAT_DHCPD},
        {"option", FORMAT_DHCPD},      {"include", FORMAT_DHCPD},   {"shared-network", FORMAT_DHCPD},
};

static enum format
guess_by_word(const char *word)
{
        struct mac mac;

        for (size_t i = 0; i < N_ELEMENTS(by_word); i++)
                if (strcasecmp(word, by_word[i].word) == 0)
                        return by_word[i].format;
        if (strncmp(word, "dhcp-", 5) == 0 || strncmp(word, "pxe-service", 11) == 0 || strncmp(word, "enable-tftp", 11) == 0)
                return FORMAT_DNSMASQ;
        return parse_mac(word, &mac) == 0 ? FORMAT_ETHERS : FORMAT_N;
}

static enum format
guess(const char *path, const char *text)
{
        _cleanup_free_ char *copy = strdup(text);
        const char *name = import_basename(path);
        struct lines lines;
        char *line;

        for (size_t i = 0; i < N_ELEMENTS(by_name); i++)
                if (strstr(name, by_name[i].part))
                        return by_name[i].format;
        if (strstr(path, "pxelinux.cfg/"))
                return FORMAT_PXELINUX;
        if (!copy)
                return FORMAT_N;
        lines_init(&lines, copy, false);
        while ((line = lines_next(&lines))) {
                enum format f = guess_by_word(lines_word(&line));

                if (f != FORMAT_N)
                        return f;
        }
        return FORMAT_N;
}

/* @state is the format's name, or NULL. */
static int
read_guessed(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        enum format f = state ? (enum format)names_find(import_format_names, state) : guess(path, text);
        struct import_menu *menu;
        int r;

        if (f == FORMAT_N)
                return error_set(err, ERR_INVALID,
                                 "%s: what kind of file is it? say --format dhcpd, dnsmasq, ethers, pxelinux or grub", path);
        r = readers[f](im, NULL, path, text, err);
        menu = import_menu_find(im, path);
        if (menu)
                menu->alone = true;
        return r;
}

static int
source_file(struct import *im, const char *path, const char *format, struct error *err)
{
        const struct import_place at = {path, 0};
        size_t n_files = im->n_files, n_notes = im->n_notes;
        int r = import_include(im, &at, path, false, read_guessed, (void *)format, err);

        /* An argument that cannot be read is no note but an error. */
        if (r == 0 && im->n_files == n_files && im->n_notes > n_notes)
                r = error_set(err, ERR_NOT_FOUND, "%s: %s", path, im->notes[im->n_notes - 1].why);
        return r;
}

static int
source_folder(struct import *im, const char *path, uint32_t server, const char *format, struct error *err)
{
        const struct import_place at = {path, 0};
        bool dnsmasq = format ? strcmp(format, "dnsmasq") == 0 : strstr(import_basename(path), "dnsmasq") != NULL;

        return dnsmasq ? import_dnsmasq_folder(im, path, err) : import_tree_add(im, &at, server, path, err);
}

int
import_source(struct import *im, const char *argument, const char *format, struct error *err)
{
        const char *equals = strchr(argument, '=');
        struct import_names names = {0};
        char address[IP4_TEXT_SIZE] = "";
        const char *path = argument;
        uint32_t server = 0;
        struct error why;

        if (format && names_find(import_format_names, format) < 0)
                return error_set(err, ERR_USAGE, "--format '%.40s': dhcpd, dnsmasq, ethers, pxelinux or grub", format);
        if (equals && (size_t)(equals - argument) < sizeof(address)) {
                memcpy(address, argument, (size_t)(equals - argument));
                if (parse_ip4(address, &server) == 0)
                        path = equals + 1;
        }
        if (strlen(path) >= IMPORT_PATH_SIZE)
                return error_set(err, ERR_LIMIT, "%.60s...: the path is longer than %d", path, IMPORT_PATH_SIZE - 1);
        if (im->io->list(im->io->arg, path, &names, &why) == 0) {
                import_names_free(&names);
                return source_folder(im, path, server, format, err);
        }
        if (server)
                return error_set(err, ERR_USAGE, "%s: a folder is wanted behind 'IP='", argument);
        return source_file(im, path, format, err);
}
