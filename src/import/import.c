/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of an import: notes, hosts, entries and menus, each with its limit. Reads nothing; the readers fill it in. Pure;
 * linked by dompool.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/import_private.h"

const char *const import_note_kind_names[] = {
        [IMPORT_NOTE_UNKNOWN] = "not-understood",
        [IMPORT_NOTE_NOT_APPLIED] = "not-applied",
        [IMPORT_NOTE_WARNING] = "warning",
        [IMPORT_NOTE_IGNORED] = "ignored",
        [IMPORT_NOTE_N] = NULL,
};

const char *const import_client_names[] = {
        [IMPORT_CLIENT_BIOS] = "bios",
        [IMPORT_CLIENT_UEFI_X64] = "uefi-x86-64",
        [IMPORT_CLIENT_UEFI_ARM64] = "uefi-arm64",
        [IMPORT_CLIENT_HTTP_X64] = "uefi-http",
        [IMPORT_CLIENT_IPXE] = "ipxe",
        [IMPORT_CLIENT_ANY] = "any",
        NULL,
};

const struct import_client import_clients[] = {
        [IMPORT_CLIENT_BIOS] = {0, "PXEClient:Arch:00000:UNDI:002001", NULL},
        [IMPORT_CLIENT_UEFI_X64] = {7, "PXEClient:Arch:00007:UNDI:003016", NULL},
        [IMPORT_CLIENT_UEFI_ARM64] = {11, "PXEClient:Arch:00011:UNDI:003000", NULL},
        [IMPORT_CLIENT_HTTP_X64] = {16, "HTTPClient:Arch:00016:UNDI:003001", NULL},
        [IMPORT_CLIENT_IPXE] = {0, "PXEClient:Arch:00000:UNDI:002001", "iPXE"},
};

void
import_init(struct import *im, const struct import_io *io)
{
        *im = (struct import){.io = io};
}

void
import_deinit(struct import *im)
{
        struct import_menu *m, *next;

        HASH_CLEAR(by_mac, im->hosts_by_mac);
        HASH_CLEAR(by_name, im->hosts_by_name);
        for (size_t i = 0; i < im->n_hosts; i++)
                free(im->hosts[i]);
        HASH_ITER(hh, im->menus, m, next)
        {
                HASH_DEL(im->menus, m);
                free(m);
        }
        import_dnsmasq_deinit(im);
        free(im->hosts);
        free(im->entries);
        free(im->notes);
        *im = (struct import){.io = im->io};
}

int
import_grow(void *array, size_t *room, size_t n, size_t size, size_t limit, const char *what, struct error *err)
{
        size_t more = n ? 2 * n : 16;
        void *old, *p;

        if (n >= limit)
                return error_set(err, ERR_LIMIT, "more than %zu %s; import them in parts", limit, what);
        if (n < *room)
                return 0;
        memcpy(&old, array, sizeof(old));
        p = realloc(old, more * size);
        if (!p)
                return error_set(err, ERR_NO_SPACE, "out of memory");
        memcpy(array, &p, sizeof(p));
        *room = more;
        return 0;
}

/* ---- texts ---- */

/* Length of the UTF-8 character at @p, 0 if it is none; the shortest form and U+10FFFF are not checked to the last bit. */
static size_t
utf8_length(const unsigned char *p)
{
        size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc3 && p[0] < 0xe0 ? 2 : p[0] > 0xe0 && p[0] < 0xed ? 3 : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

bool
import_copy(char *dst, size_t size, const char *src)
{
        const unsigned char *p = (const unsigned char *)src;
        size_t at = 0;

        while (*p) {
                size_t n = utf8_length(p);

                if (at + (n ? n : 1) >= size)
                        break;
                if (n == 0 || *p < 0x20 || *p == 0x7f) {
                        dst[at++] = '?';
                        p++;
                        continue;
                }
                memcpy(dst + at, p, n);
                at += n;
                p += n;
        }
        dst[at] = '\0';
        return !*p;
}

bool
import_append(char *dst, size_t size, const char *word)
{
        size_t n = strlen(dst), more = strlen(word) + (n > 0);

        if (n + more >= size)
                return false;
        if (n > 0)
                dst[n++] = ' ';
        import_copy(dst + n, size - n, word);
        return true;
}

const char *
import_basename(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

bool
import_has_prefix(const char *text, const char *prefix)
{
        return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

bool
import_path_ends(const char *path, const char *tail)
{
        size_t n = strlen(path), m;

        while (*tail == '/')
                tail++;
        m = strlen(tail);
        return m > 0 && m <= n && strcmp(path + n - m, tail) == 0 && (m == n || path[n - m - 1] == '/');
}

bool
import_path_join(char ret[IMPORT_PATH_SIZE], const char *folder, const char *name)
{
        size_t n = strlen(folder);

        while (*name == '/')
                name++;
        return (size_t)snprintf(ret, IMPORT_PATH_SIZE, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name) <
               IMPORT_PATH_SIZE;
}

bool
import_path_beside(char ret[IMPORT_PATH_SIZE], const char *from, const char *name)
{
        size_t n = *name == '/' ? 0 : (size_t)(import_basename(from) - from);

        return (size_t)snprintf(ret, IMPORT_PATH_SIZE, "%.*s%s", (int)n, from, name) < IMPORT_PATH_SIZE;
}

/* ---- notes ---- */

/* A file may be read twice: by itself and as part of another one. */
static bool
has_note(const struct import *im, enum import_note_kind kind, const struct import_place *at, const char *thing)
{
        struct import_note wanted;

        import_copy(wanted.file, sizeof(wanted.file), at->file);
        import_copy(wanted.thing, sizeof(wanted.thing), thing);
        for (size_t i = 0; i < im->n_notes; i++) {
                const struct import_note *n = &im->notes[i];

                if (n->kind == (uint32_t)kind && n->line == at->line && strcmp(n->thing, wanted.thing) == 0 &&
                    strcmp(n->file, wanted.file) == 0)
                        return true;
        }
        return false;
}

void
import_note(struct import *im, enum import_note_kind kind, const struct import_place *at, const char *thing, const char *todo,
            const char *why, ...)
{
        char text[sizeof(((struct import_note *)0)->why)];
        struct import_note *n;
        struct error full;
        va_list ap;

        if (has_note(im, kind, at, thing))
                return;
        if (import_grow(&im->notes, &im->notes_size, im->n_notes, sizeof(*im->notes), IMPORT_MAX_NOTES, "notes", &full) < 0) {
                im->n_notes_lost++;
                return;
        }
        va_start(ap, why);
        vsnprintf(text, sizeof(text), why, ap);
        va_end(ap);
        n = &im->notes[im->n_notes++];
        *n = (struct import_note){.kind = kind, .line = at->line};
        import_copy(n->file, sizeof(n->file), at->file);
        import_copy(n->thing, sizeof(n->thing), thing);
        import_copy(n->why, sizeof(n->why), text);
        import_copy(n->todo, sizeof(n->todo), todo);
}

/* ---- hosts ---- */

static struct import_host *
host_by_name(const struct import *im, const char *name)
{
        struct import_host *h;

        HASH_FIND(by_name, im->hosts_by_name, name, strlen(name), h);
        return h;
}

/* Letters, digits and . _ - of @wanted; its domain is cut off, as the old servers do for option 12. */
static void
fit_name(char ret[NAME_SIZE], const char *wanted, const struct mac *mac)
{
        size_t n = 0;

        for (; *wanted && *wanted != '.' && n + 8 < NAME_SIZE; wanted++) {
                bool plain = (*wanted >= 'a' && *wanted <= 'z') || (*wanted >= 'A' && *wanted <= 'Z') ||
                             (*wanted >= '0' && *wanted <= '9');

                if (plain || n > 0)
                        ret[n++] = plain || *wanted == '_' ? *wanted : '-';
        }
        ret[n] = '\0';
        if (n == 0)
                snprintf(ret, NAME_SIZE, "pc-%02x%02x%02x%02x%02x%02x", mac->b[0], mac->b[1], mac->b[2], mac->b[3], mac->b[4],
                         mac->b[5]);
}

static void
choose_name(struct import *im, const struct import_place *at, struct import_host *h, const char *wanted)
{
        char base[NAME_SIZE];

        fit_name(base, wanted, &h->mac);
        str_copy(h->name, sizeof(h->name), base);
        for (unsigned i = 2; host_by_name(im, h->name); i++)
                snprintf(h->name, sizeof(h->name), "%.56s-%u", base, i);
        if (*wanted && strcmp(h->name, wanted) != 0)
                import_note(im, IMPORT_NOTE_WARNING, at, wanted, "",
                            "the host is called %s here: names are unique, of a-z A-Z 0-9 _ -, without domain", h->name);
        HASH_ADD_KEYPTR(by_name, im->hosts_by_name, h->name, strlen(h->name), h);
}

/* A host that an earlier file knew only by its MAC gets the name that is known now. */
static void
take_name(struct import *im, const struct import_place *at, struct import_host *h, const char *name)
{
        char from_mac[NAME_SIZE];

        fit_name(from_mac, "", &h->mac);
        if (strcmp(h->name, from_mac) != 0)
                return;
        HASH_DELETE(by_name, im->hosts_by_name, h);
        choose_name(im, at, h, name);
}

struct import_host *
import_host_add(struct import *im, const struct import_place *at, const char *name, const struct mac *mac, struct error *err)
{
        struct import_host *h;

        HASH_FIND(by_mac, im->hosts_by_mac, mac->b, sizeof(mac->b), h);
        if (h) {
                if (name && *name)
                        take_name(im, at, h, name);
                return h;
        }
        if (import_grow(&im->hosts, &im->hosts_size, im->n_hosts, sizeof(struct import_host *), IMPORT_MAX_HOSTS, "hosts",
                        err) < 0)
                return NULL;
        h = calloc(1, sizeof(*h));
        if (!h) {
                error_set(err, ERR_NO_SPACE, "out of memory");
                return NULL;
        }
        im->hosts[im->n_hosts++] = h;
        h->mac = *mac;
        import_copy(h->at, sizeof(h->at), at->file);
        h->line = at->line;
        choose_name(im, at, h, name ?: "");
        HASH_ADD(by_mac, im->hosts_by_mac, mac.b, sizeof(h->mac.b), h);
        return h;
}

void
import_host_address(struct import *im, const struct import_place *at, struct import_host *h, uint32_t address)
{
        char old[IP4_TEXT_SIZE], new[IP4_TEXT_SIZE];

        if (h->address && h->address != address)
                import_note(im, IMPORT_NOTE_NOT_APPLIED, at, ip4_text(address, new), "",
                            "%s has the address %s already, by %s:%u; a host has one fixed address", h->name,
                            ip4_text(h->address, old), import_basename(h->at), h->line);
        else
                h->address = address;
}

static bool
same_loader(const struct import_loader *a, const struct import_loader *b)
{
        return a->server == b->server && strcmp(a->file, b->file) == 0 && strcmp(a->config, b->config) == 0;
}

void
import_host_loaders(struct import_host *h, const struct import_loader *loaders)
{
        bool all_same = true;

        if (h->n_loaders)
                return;
        for (size_t i = 1; i < IMPORT_N_CLIENTS; i++)
                all_same = all_same && same_loader(&loaders[0], &loaders[i]);
        for (size_t i = 0; i < (all_same ? 1 : IMPORT_N_CLIENTS); i++) {
                if (!*loaders[i].file && !*loaders[i].config)
                        continue;
                h->loaders[h->n_loaders] = loaders[i];
                h->loaders[h->n_loaders++].client = all_same ? IMPORT_CLIENT_ANY : (uint32_t)i;
        }
}

/* ---- entries and menus ---- */

struct import_entry *
import_entry_add(struct import *im, const struct import_place *at, struct error *err)
{
        struct import_entry *e;

        if (import_grow(&im->entries, &im->entries_size, im->n_entries, sizeof(*im->entries), IMPORT_MAX_ENTRIES,
                        "menu entries", err) < 0)
                return NULL;
        e = &im->entries[im->n_entries++];
        *e = (struct import_entry){.boot = IMPORT_BOOT_OTHER, .line = at->line};
        import_copy(e->at, sizeof(e->at), at->file);
        return e;
}

struct import_menu *
import_menu_find(const struct import *im, const char *path)
{
        struct import_menu *m;

        HASH_FIND_STR(im->menus, path, m);
        return m;
}

struct import_menu *
import_menu_add(struct import *im, const char *path, enum import_menu_kind kind, struct error *err)
{
        struct import_menu *m;

        if (import_menu_find(im, path)) {
                error_set(err, ERR_EXISTS, "%s: read already", path);
                return NULL;
        }
        m = calloc(1, sizeof(*m));
        if (!m) {
                error_set(err, ERR_NO_SPACE, "out of memory");
                return NULL;
        }
        m->kind = kind;
        m->first_entry = (uint32_t)im->n_entries;
        str_copy(m->path, sizeof(m->path), path);
        HASH_ADD_STR(im->menus, path, m);
        return m;
}

const struct import_entry *
import_host_entry(const struct import *im, const struct import_host *h)
{
        return h->entry ? &im->entries[h->entry - 1] : NULL;
}
