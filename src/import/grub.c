/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads menus of GRUB legacy and pxeGRUB (grub-0.97's manual, "Commands"), and the lines that Debian's update-grub keeps in
 * comments. Pure.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/import_private.h"
#include "import/lines.h"

struct reader {
        struct import *im;
        struct import_menu *menu;
        struct import_place at;
        struct error *err;
        bool in_entry;
        bool on_disk; /* root (hd0,0) */
        struct import_place entry_at;
        char title[IMPORT_TITLE_SIZE];
        bool password;
        uint32_t server;
        char *modules[IMPORT_MAX_MODULES]; /* [0] is the kernel line's rest */
        size_t n_modules;
        const char *initrd, *config, *chain;
};

/* ---- an entry ---- */

static void
fill_kernel(struct reader *r, struct import_entry *e)
{
        char *rest = r->modules[0];

        if (r->n_modules > 1 || import_has_prefix(import_basename(rest), "xen")) {
                import_entry_modules(r->im, &r->entry_at, e, r->modules, r->n_modules);
        } else {
                const char *kernel = lines_word(&rest);

                import_copy(e->initrd, sizeof(e->initrd), r->initrd ?: "");
                import_entry_linux(r->im, &r->entry_at, e, kernel, rest);
        }
        if (r->on_disk) {
                e->boot = IMPORT_BOOT_LOCAL;
                import_note(r->im, IMPORT_NOTE_WARNING, &r->entry_at, r->title, "",
                            "its kernel is on the machine's own disk, so it counts as local");
        }
}

static void
fill_entry(struct reader *r, struct import_entry *e)
{
        if (r->n_modules > 0 && r->modules[0]) {
                fill_kernel(r, e);
        } else if (r->config) {
                e->boot = IMPORT_BOOT_CHAIN;
                e->server = r->server;
                import_copy(e->file, sizeof(e->file), r->config);
        } else if (r->chain) { /* "+1" and files of a disk; GRUB legacy has no other chainloading */
                e->boot = IMPORT_BOOT_LOCAL;
        } else {
                import_note(r->im, IMPORT_NOTE_WARNING, &r->entry_at, r->title, "", "the entry boots nothing");
        }
}

static int
end_entry(struct reader *r)
{
        struct import_entry *e;

        if (!r->in_entry)
                return 0;
        r->in_entry = false;
        e = import_entry_add(r->im, &r->entry_at, r->err);
        if (!e)
                return error_to_errno(r->err->code);
        str_copy(e->title, sizeof(e->title), r->title);
        e->password = r->password;
        r->menu->n_entries++;
        fill_entry(r, e);
        return 0;
}

/* ---- commands ---- */

typedef int (*command)(struct reader *r, const char *word, char *rest);

static int
cmd_title(struct reader *r, const char *word, char *rest)
{
        int ret = end_entry(r);

        (void)word;
        r->in_entry = true;
        r->on_disk = r->password = false;
        r->server = 0;
        r->n_modules = 0;
        r->initrd = r->config = r->chain = NULL;
        r->entry_at = r->at;
        import_copy(r->title, sizeof(r->title), rest);
        return ret;
}

static int
cmd_default(struct reader *r, const char *word, char *rest)
{
        r->menu->has_default = true;
        if (parse_u32(rest, UINT32_MAX, &r->menu->default_entry) < 0)
                import_note(r->im, IMPORT_NOTE_WARNING, &r->at, word, "write a number",
                            "'%.20s' is decided at the machine; the first entry is taken", rest);
        return 0;
}

static int
cmd_timeout(struct reader *r, const char *word, char *rest)
{
        uint32_t seconds;

        if (parse_u32(rest, UINT32_MAX / 10, &seconds) == 0)
                r->menu->timeout_ds = seconds * 10;
        else
                import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "", "a number of seconds is wanted");
        return 0;
}

static int
cmd_password(struct reader *r, const char *word, char *rest)
{
        (void)word;
        (void)rest;
        if (r->in_entry)
                r->password = true;
        else
                r->menu->password = true;
        return 0;
}

static int
cmd_root(struct reader *r, const char *word, char *rest)
{
        r->on_disk = strncmp(rest, "(hd", 3) == 0 || strncmp(rest, "(fd", 3) == 0;
        if (!r->on_disk && strcmp(rest, "(nd)") != 0)
                import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, rest, "", "as %s: neither the network (nd) nor a disk", word);
        return 0;
}

/* "kernel --type=multiboot (hd0,0)/xen.gz args": options and the device are no part of the file's name. */
static char *
without_options(struct reader *r, char *rest)
{
        while (strncmp(rest, "--", 2) == 0)
                lines_word(&rest);
        if (*rest == '(') {
                r->on_disk = r->on_disk || strncmp(rest, "(hd", 3) == 0;
                if (strchr(rest, ')'))
                        rest = strchr(rest, ')') + 1;
        }
        return rest;
}

static int
cmd_kernel(struct reader *r, const char *word, char *rest)
{
        (void)word;
        r->modules[0] = without_options(r, rest);
        r->n_modules = 1;
        return 0;
}

static int
cmd_module(struct reader *r, const char *word, char *rest)
{
        if (r->n_modules == 0 || r->n_modules == IMPORT_MAX_MODULES)
                import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "",
                            r->n_modules ? "there are too many modules" : "there is no 'kernel' line before it");
        else
                r->modules[r->n_modules++] = without_options(r, rest);
        return 0;
}

static int
cmd_initrd(struct reader *r, const char *word, char *rest)
{
        (void)word;
        r->initrd = without_options(r, rest);
        return 0;
}

static int
cmd_configfile(struct reader *r, const char *word, char *rest)
{
        (void)word;
        r->config = without_options(r, rest);
        return 0;
}

static int
cmd_chainloader(struct reader *r, const char *word, char *rest)
{
        (void)word;
        r->chain = rest;
        return 0;
}

static int
cmd_tftpserver(struct reader *r, const char *word, char *rest)
{
        if (parse_ip4(rest, &r->server) < 0)
                import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "write its address", "'%.40s' is no IPv4 address", rest);
        return 0;
}

static int
cmd_no_effect(struct reader *r, const char *word, char *rest)
{
        (void)r;
        (void)word;
        (void)rest;
        return 0;
}

static const struct {
        const char *word;
        command command;
} commands[] = {
        {"title", cmd_title},
        {"default", cmd_default},
        {"timeout", cmd_timeout},
        {"password", cmd_password},
        {"lock", cmd_password},
        {"root", cmd_root},
        {"rootnoverify", cmd_root},
        {"kernel", cmd_kernel},
        {"module", cmd_module},
        {"modulenounzip", cmd_module},
        {"initrd", cmd_initrd},
        {"configfile", cmd_configfile},
        {"chainloader", cmd_chainloader},
        {"tftpserver", cmd_tftpserver},
        {"dhcp", cmd_no_effect},
        {"bootp", cmd_no_effect},
        {"rarp", cmd_no_effect},
        {"ifconfig", cmd_no_effect},
        {"boot", cmd_no_effect},
        {"fallback", cmd_no_effect},
        {"hiddenmenu", cmd_no_effect},
        {"color", cmd_no_effect},
        {"splashimage", cmd_no_effect},
        {"serial", cmd_no_effect},
        {"terminal", cmd_no_effect},
        {"savedefault", cmd_no_effect},
        {"makeactive", cmd_no_effect},
        {"map", cmd_no_effect},
        {"quiet", cmd_no_effect},
        {"uppermem", cmd_no_effect},
        {"pause", cmd_no_effect},
        {"setkey", cmd_no_effect},
        {"hide", cmd_no_effect},
        {"unhide", cmd_no_effect},
        {"background", cmd_no_effect},
        {"foreground", cmd_no_effect},
        {"gfxmenu", cmd_no_effect},
        {"viewport", cmd_no_effect},
        {"shade", cmd_no_effect},
        {"device", cmd_no_effect},
};

/* "# xenhopt=com2=115200,8n1 console=com2,vga": update-grub writes it on the lines that it makes. */
static void
read_comment(struct reader *r, const char *comment)
{
        static const struct {
                const char *name;
                size_t offset;
        } defaults[] = {
                {"xenhopt=", offsetof(struct import_menu, xen_args)},
                {"xenkopt=", offsetof(struct import_menu, kernel_args)},
        };

        if (strncmp(comment, "# ", 2) != 0) /* "##" is a comment on the comments */
                return;
        for (size_t i = 0; i < N_ELEMENTS(defaults); i++)
                if (strncmp(comment + 2, defaults[i].name, strlen(defaults[i].name)) == 0)
                        import_copy((char *)r->menu + defaults[i].offset, IMPORT_CMDLINE_SIZE,
                                    comment + 2 + strlen(defaults[i].name));
}

static int
read_line(struct reader *r, char *line)
{
        const char *word;

        if (*line == '#' || !*line) {
                read_comment(r, line);
                return 0;
        }
        if (line[strcspn(line, " \t=")] == '=') /* "default=0" is allowed as well */
                line[strcspn(line, "=")] = ' ';
        word = lines_word(&line);
        for (size_t i = 0; i < N_ELEMENTS(commands); i++)
                if (strcmp(word, commands[i].word) == 0)
                        return commands[i].command(r, word, line);
        import_note(r->im, IMPORT_NOTE_UNKNOWN, &r->at, word, "",
                    strcmp(word, "menuentry") == 0 || strcmp(word, "set") == 0
                            ? "this is GRUB 2; menus of GRUB legacy are read here"
                            : "is no command of GRUB legacy's menus");
        return 0;
}

/* S2: a file with update-grub's defaults and nothing made of them yet. */
static void
check_defaults(struct reader *r)
{
        const struct import_menu *m = r->menu;
        bool has_xen = false;

        for (uint32_t i = 0; i < m->n_entries; i++)
                has_xen = has_xen || *r->im->entries[m->first_entry + i].xen;
        r->at.line = 0;
        if ((*m->xen_args || *m->kernel_args) && !has_xen)
                import_note(r->im, IMPORT_NOTE_NOT_APPLIED, &r->at, *m->xen_args ? m->xen_args : m->kernel_args,
                            "give them to the hosts: dompool host add --xen-args, --kernel-args",
                            "update-grub would put these on Xen's lines, but no entry of the file boots Xen");
        if (m->has_default && m->default_entry >= m->n_entries && m->n_entries > 0)
                import_note(r->im, IMPORT_NOTE_WARNING, &r->at, "default", "", "there is no entry %u; the first one is taken",
                            m->default_entry);
}

int
import_grub(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct reader r = {.im = im, .err = err};
        struct lines lines;
        char *line;
        int ret = 0;

        (void)state;
        if (import_menu_find(im, path))
                return 0;
        r.menu = import_menu_add(im, path, IMPORT_MENU_GRUB, err);
        if (!r.menu)
                return error_to_errno(err->code);
        r.at.file = r.menu->path;
        lines_init(&lines, text, true);
        while (ret == 0 && (line = lines_next(&lines))) {
                r.at.line = lines.line;
                ret = read_line(&r, line);
        }
        if (ret == 0)
                ret = end_entry(&r);
        if (ret < 0)
                return ret;
        check_defaults(&r);
        if (r.menu->default_entry >= r.menu->n_entries)
                r.menu->default_entry = 0;
        r.menu->has_default = r.menu->n_entries > 0;
        return 0;
}
