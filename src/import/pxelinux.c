/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the configuration of PXELINUX (syslinux 6.03, doc/syslinux.txt and doc/menu.txt): labels, what each of them boots, the
 * default, and for which machine the file is, by its name. Pure.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/import_private.h"
#include "import/lines.h"

/* What a label's lines say, before it is known what they mean together. */
struct label {
        struct import_place at;
        char name[IMPORT_TITLE_SIZE];
        char title[IMPORT_TITLE_SIZE];
        char type[16]; /* "kernel", "localboot" ...; empty: nothing yet */
        char file[IMPORT_PATH_SIZE];
        char append[IMPORT_CMDLINE_SIZE];
        char initrd[IMPORT_PATH_SIZE];
        bool has_append, password, is_default;
};

struct reader {
        struct import *im;
        struct import_menu *menu;
        struct import_place at;
        struct label label;
        bool in_label, in_help, after_append;
        char append[IMPORT_CMDLINE_SIZE]; /* global */
        char default_line[IMPORT_CMDLINE_SIZE];
        unsigned default_at;
        char ontimeout[IMPORT_CMDLINE_SIZE];
        int64_t menu_default; /* entry of MENU DEFAULT; -1: none */
        struct error *err;
};

static int read_lines(struct reader *r, const char *path, char *text);

/* ---- what a label boots ---- */

typedef void (*label_meaning)(struct reader *r, const struct label *l, struct import_entry *e, char *args);

static void
means_modules(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        char *modules[IMPORT_MAX_MODULES];

        import_entry_modules(r->im, &l->at, e, modules, import_modules_split(r->im, &l->at, args, modules));
}

static void
means_chain(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        (void)r;
        (void)l;
        e->boot = *args ? IMPORT_BOOT_LOCAL : IMPORT_BOOT_OTHER;
        if (strncmp(args, "hd", 2) != 0 && strncmp(args, "boot", 4) != 0 && strncmp(args, "fs", 2) != 0)
                e->boot = IMPORT_BOOT_OTHER;
}

/* "10.0.0.5::lts/pxelinux.0" */
static void
means_pxechn(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        char *file = lines_word(&args), *colons = strstr(file, "::");

        e->boot = IMPORT_BOOT_CHAIN;
        if (colons) {
                *colons = '\0';
                if (parse_ip4(file, &e->server) < 0)
                        import_note(r->im, IMPORT_NOTE_UNKNOWN, &l->at, file, "write its address",
                                    "is no IPv4 address; names are not looked up here");
                file = colons + 2;
        }
        import_copy(e->file, sizeof(e->file), file);
}

static void
means_menu(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        (void)r;
        (void)l;
        e->boot = IMPORT_BOOT_CHAIN;
        import_copy(e->file, sizeof(e->file), lines_word(&args));
}

static void
means_other(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        (void)args;
        e->boot = IMPORT_BOOT_OTHER;
        import_copy(e->file, sizeof(e->file), l->file);
        import_note(r->im, IMPORT_NOTE_UNKNOWN, &l->at, l->file, "", "what this module does is not known to the importer");
}

static void
means_loader(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        (void)r;
        (void)args;
        e->boot = IMPORT_BOOT_CHAIN;
        import_copy(e->file, sizeof(e->file), l->file);
}

static void
means_linux(struct reader *r, const struct label *l, struct import_entry *e, char *args)
{
        import_copy(e->initrd, sizeof(e->initrd), l->initrd);
        import_entry_linux(r->im, &l->at, e, l->file, args);
}

static bool
has_suffix(const char *text, const char *suffix)
{
        size_t n = strlen(text), m = strlen(suffix);

        return n >= m && strcasecmp(text + n - m, suffix) == 0;
}

static label_meaning
meaning_of(const struct label *l)
{
        static const struct {
                const char *suffix;
                label_meaning meaning;
        } by_file[] = {
                {"mboot.c32", means_modules}, {"pxechn.c32", means_pxechn}, {"chain.c32", means_chain},
                {"menu.c32", means_menu},     {".c32", means_other},        {".cbt", means_other},
                {".com", means_other},        {"memdisk", means_other},     {".0", means_loader},
                {".bs", means_loader},        {".bss", means_loader},       {".efi", means_loader},
        };

        if (strcasecmp(l->type, "config") == 0)
                return means_loader;
        for (size_t i = 0; i < N_ELEMENTS(by_file); i++)
                if (has_suffix(l->file, by_file[i].suffix))
                        return by_file[i].meaning;
        return strcasecmp(l->type, "pxe") == 0 || strcasecmp(l->type, "bss") == 0 ? means_loader : means_linux;
}

/* S1: a line for one machine has its MAC and address on the kernel's line. */
static int
host_of_entry(struct reader *r, const struct label *l, size_t entry)
{
        const struct import_entry *e = &r->im->entries[entry];
        char text[64], *address = text;
        struct import_host *h;
        struct mac mac;
        uint32_t ip;

        if (!import_word_value(e->kernel_args, "BOOTIF", text, sizeof(text)))
                return 0;
        if (parse_mac(text, &mac) < 0 && (strncmp(text, "01-", 3) != 0 || parse_mac(text + 3, &mac) < 0))
                return 0;
        h = import_host_add(r->im, &l->at, NULL, &mac, r->err);
        if (!h)
                return error_to_errno(r->err->code);
        if (!h->entry)
                h->entry = (uint32_t)entry + 1;
        if (import_word_value(e->kernel_args, "ip", text, sizeof(text)) && parse_ip4(lines_part(&address, ':'), &ip) == 0)
                import_host_address(r->im, &l->at, h, ip);
        return 0;
}

/* The label is complete: makes its entry. */
static int
end_label(struct reader *r)
{
        struct label *l = &r->label;
        char args[IMPORT_CMDLINE_SIZE];
        struct import_entry *e;

        if (!r->in_label)
                return 0;
        r->in_label = false;
        if (!*l->type) {
                import_note(r->im, IMPORT_NOTE_WARNING, &l->at, l->name, "", "the label boots nothing");
                return 0;
        }
        e = import_entry_add(r->im, &l->at, r->err);
        if (!e)
                return error_to_errno(r->err->code);
        str_copy(e->label, sizeof(e->label), l->name);
        str_copy(e->title, sizeof(e->title), *l->title ? l->title : l->name);
        e->password = l->password;
        str_copy(args, sizeof(args), l->has_append ? l->append : r->append);
        if (l->is_default)
                r->menu_default = r->menu->n_entries;
        r->menu->n_entries++;
        if (strcasecmp(l->type, "localboot") == 0)
                e->boot = IMPORT_BOOT_LOCAL;
        else
                meaning_of(l)(r, l, e, args);
        return host_of_entry(r, l, r->im->n_entries - 1);
}

static void
begin_label(struct reader *r, const char *name)
{
        r->label = (struct label){.at = r->at};
        import_copy(r->label.name, sizeof(r->label.name), name);
        r->in_label = true;
}

/* ---- keywords ---- */

typedef int (*keyword)(struct reader *r, const char *word, char *rest);

static void
too_long(struct reader *r, const char *what)
{
        import_note(r->im, IMPORT_NOTE_WARNING, &r->at, what, "shorten it", "the line is too long; its end was cut off");
}

static int
key_label(struct reader *r, const char *word, char *rest)
{
        int ret = end_label(r);

        (void)word;
        begin_label(r, rest);
        return ret;
}

static int
key_file(struct reader *r, const char *word, char *rest)
{
        if (!r->in_label) {
                import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "put it under a LABEL", "stands outside of any label");
                return 0;
        }
        import_copy(r->label.type, sizeof(r->label.type), word);
        if (!import_copy(r->label.file, sizeof(r->label.file), rest))
                too_long(r, rest);
        return 0;
}

static int
key_append(struct reader *r, const char *word, char *rest)
{
        char *to = r->in_label ? r->label.append : r->append;

        (void)word;
        if (!import_copy(to, IMPORT_CMDLINE_SIZE, strcmp(rest, "-") == 0 ? "" : rest))
                too_long(r, rest);
        if (r->in_label)
                r->label.has_append = true;
        r->after_append = true;
        return 0;
}

static int
key_initrd(struct reader *r, const char *word, char *rest)
{
        (void)word;
        if (!import_copy(r->label.initrd, sizeof(r->label.initrd), rest))
                too_long(r, rest);
        return 0;
}

static int
key_default(struct reader *r, const char *word, char *rest)
{
        (void)word;
        if (!import_copy(r->default_line, sizeof(r->default_line), rest))
                too_long(r, rest);
        r->default_at = r->at.line;
        return 0;
}

static int
key_ontimeout(struct reader *r, const char *word, char *rest)
{
        (void)word;
        import_copy(r->ontimeout, sizeof(r->ontimeout), rest);
        return 0;
}

static int
key_timeout(struct reader *r, const char *word, char *rest)
{
        if (parse_u32(rest, UINT32_MAX, &r->menu->timeout_ds) < 0)
                import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "", "a number of tenths of a second is wanted");
        return 0;
}

/* File names are meant from the folder that pxelinux.0 is in, which holds pxelinux.cfg/. */
static bool
from_root(const struct reader *r, const char *name, char ret[IMPORT_PATH_SIZE])
{
        const char *folder = strstr(r->menu->path, "pxelinux.cfg/");
        char root[IMPORT_PATH_SIZE];

        if (!folder)
                return import_path_beside(ret, r->menu->path, name);
        snprintf(root, sizeof(root), "%.*s", (int)(folder - r->menu->path), r->menu->path);
        return import_path_join(ret, *root ? root : ".", name);
}

static int
read_included(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct reader *r = state;
        int ret = read_lines(r, path, text);

        (void)im;
        (void)err;
        return ret == 0 ? end_label(r) : ret; /* the label's place names this file */
}

static int
include(struct reader *r, const char *name)
{
        const struct import_place at = r->at;
        char path[IMPORT_PATH_SIZE];
        int ret;

        if (!from_root(r, name, path)) {
                too_long(r, name);
                return 0;
        }
        ret = import_include(r->im, &at, path, false, read_included, r, r->err);
        r->at = at;
        return ret;
}

static int
key_include(struct reader *r, const char *word, char *rest)
{
        (void)word;
        return include(r, lines_word(&rest));
}

static int
key_text(struct reader *r, const char *word, char *rest)
{
        (void)word;
        (void)rest;
        r->in_help = true;
        return 0;
}

/* MENU has a second word; those that are only looks are left out. */
static int
key_menu(struct reader *r, const char *word, char *rest)
{
        const char *what = lines_word(&rest);

        (void)word;
        if (strcasecmp(what, "label") == 0 && r->in_label) {
                char title[IMPORT_TITLE_SIZE], *to = r->label.title;

                import_copy(title, sizeof(title), rest);
                for (const char *p = title; *p; p++) /* ^ marks the key that chooses the entry */
                        if (*p != '^')
                                *to++ = *p;
                *to = '\0';
        } else if (strcasecmp(what, "default") == 0 && r->in_label) {
                r->label.is_default = true;
        } else if (strcasecmp(what, "passwd") == 0 && r->in_label) {
                r->label.password = true;
        } else if (strcasecmp(what, "master") == 0) {
                r->menu->password = true;
        } else if (strcasecmp(what, "include") == 0) {
                return include(r, lines_word(&rest));
        }
        return 0;
}

static int
key_looks(struct reader *r, const char *word, char *rest)
{
        (void)r;
        (void)word;
        (void)rest;
        return 0;
}

/* dompool's own menus send BOOTIF and the system's UUID where they are wanted. */
static int
key_sysappend(struct reader *r, const char *word, char *rest)
{
        (void)rest;
        import_note(r->im, IMPORT_NOTE_IGNORED, &r->at, word, "", "dompool tells the kernel its interface by itself");
        return 0;
}

static const struct {
        const char *word;
        keyword key;
} keywords[] = {
        {"label", key_label},
        {"kernel", key_file},
        {"linux", key_file},
        {"boot", key_file},
        {"bss", key_file},
        {"pxe", key_file},
        {"com32", key_file},
        {"comboot", key_file},
        {"fdimage", key_file},
        {"config", key_file},
        {"localboot", key_file},
        {"append", key_append},
        {"initrd", key_initrd},
        {"default", key_default},
        {"timeout", key_timeout},
        {"ontimeout", key_ontimeout},
        {"include", key_include},
        {"text", key_text},
        {"menu", key_menu},
        {"ipappend", key_sysappend},
        {"sysappend", key_sysappend},
        {"prompt", key_looks},
        {"ui", key_looks},
        {"totaltimeout", key_looks},
        {"display", key_looks},
        {"say", key_looks},
        {"font", key_looks},
        {"kbdmap", key_looks},
        {"serial", key_looks},
        {"console", key_looks},
        {"noescape", key_looks},
        {"nocomplete", key_looks},
        {"allowoptions", key_looks},
        {"implicit", key_looks},
        {"onerror", key_looks},
        {"path", key_looks},
        {"f1", key_looks},
        {"f2", key_looks},
        {"f3", key_looks},
        {"f4", key_looks},
        {"f5", key_looks},
        {"f6", key_looks},
        {"f7", key_looks},
        {"f8", key_looks},
        {"f9", key_looks},
        {"f10", key_looks},
        {"f11", key_looks},
        {"f12", key_looks},
};

/* S1 as printed: a long APPEND that was wrapped. PXELINUX itself reads one line. */
static bool
joins_append(struct reader *r, const char *word, const char *rest)
{
        char *to = r->in_label ? r->label.append : r->append;

        if (!r->after_append || !strchr(word, '='))
                return false;
        if (!import_append(to, IMPORT_CMDLINE_SIZE, word) || (*rest && !import_append(to, IMPORT_CMDLINE_SIZE, rest)))
                too_long(r, word);
        import_note(r->im, IMPORT_NOTE_WARNING, &r->at, word, "write it on one line",
                    "read as the end of the APPEND above; PXELINUX itself does not join lines");
        return true;
}

static int
read_line(struct reader *r, char *line)
{
        const char *word = lines_word(&line);

        if (r->in_help) {
                r->in_help = strcasecmp(word, "endtext") != 0;
                return 0;
        }
        if (!*word || *word == '#')
                return 0;
        if (joins_append(r, word, line))
                return 0;
        r->after_append = false;
        for (size_t i = 0; i < N_ELEMENTS(keywords); i++)
                if (strcasecmp(word, keywords[i].word) == 0)
                        return keywords[i].key(r, word, line);
        import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "", "is no keyword of PXELINUX");
        return 0;
}

static int
read_lines(struct reader *r, const char *path, char *text)
{
        struct lines lines;
        char *line;
        int ret = 0;

        r->at.file = path;
        lines_init(&lines, text, false);
        while (ret == 0 && (line = lines_next(&lines))) {
                r->at.line = lines.line;
                ret = read_line(r, line);
        }
        return ret;
}

/* ---- the whole ---- */

static bool
find_label(const struct reader *r, const char *name)
{
        struct import_menu *m = r->menu;

        for (uint32_t i = 0; i < m->n_entries; i++)
                if (strcasecmp(r->im->entries[m->first_entry + i].label, name) == 0) {
                        m->default_entry = i;
                        return true;
                }
        return false;
}

/* DEFAULT names a label, or is a command line of its own (S1), or a menu program that shows the labels. */
static int
choose_default(struct reader *r)
{
        const struct import_place at = {r->menu->path, r->default_at};
        char line[IMPORT_CMDLINE_SIZE], *rest = line, *file;
        struct import_menu *m = r->menu;

        str_copy(line, sizeof(line), r->default_line);
        file = lines_word(&rest);
        m->has_default = true;
        if (*file && find_label(r, r->default_line))
                return 0;
        if (*file && !has_suffix(file, "menu.c32")) {
                begin_label(r, "default");
                r->label.at = at;
                str_copy(r->label.type, sizeof(r->label.type), "kernel");
                str_copy(r->label.file, sizeof(r->label.file), file);
                str_copy(r->label.append, sizeof(r->label.append), rest);
                r->label.has_append = true;
                m->default_entry = m->n_entries;
                return end_label(r);
        }
        if (r->menu_default >= 0)
                m->default_entry = (uint32_t)r->menu_default;
        else if (!*r->ontimeout || !find_label(r, r->ontimeout))
                m->default_guessed = !*file;
        m->has_default = m->n_entries > 0;
        return 0;
}

/* "01-00-11-2f-a8-b4-d4": the file is for this machine alone. */
static int
host_of_name(struct reader *r)
{
        const struct import_place at = {r->menu->path, 0};
        const char *name = import_basename(r->menu->path);
        struct mac mac;

        if (strncmp(name, "01-", 3) != 0 || parse_mac(name + 3, &mac) < 0)
                return 0;
        return import_host_add(r->im, &at, NULL, &mac, r->err) ? 0 : error_to_errno(r->err->code);
}

int
import_pxelinux(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct reader r = {.im = im, .menu_default = -1, .err = err};
        int ret;

        (void)state;
        if (import_menu_find(im, path))
                return 0;
        r.menu = import_menu_add(im, path, IMPORT_MENU_PXELINUX, err);
        if (!r.menu)
                return error_to_errno(err->code);
        ret = host_of_name(&r);
        if (ret == 0)
                ret = read_lines(&r, r.menu->path, text);
        if (ret == 0)
                ret = end_label(&r);
        return ret == 0 ? choose_default(&r) : ret;
}
