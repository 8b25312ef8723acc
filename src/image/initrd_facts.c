/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depmod's and the kernel's own indexes, as they lie in an initrd: which modules there are, and which PCI devices those for
 * network cards take. Runs in the facts child, see image_facts.c.
 */
#include "image/initrd_facts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/keep.h"

#define INDEX_MAX (8u << 20)
#define PAGE 4096u
#define FIRMWARE_SIZE 128

/* Words with a separator between; what does not fit makes the list worthless, so it says so. */
struct words {
        char *text;
        size_t size;
        bool failed;
};

enum index { INDEX_ALIAS, INDEX_BUILTIN, INDEX_MODINFO, INDEX_N };
static const char *const index_names[INDEX_N] = {
        [INDEX_ALIAS] = "modules.alias", [INDEX_BUILTIN] = "modules.builtin", [INDEX_MODINFO] = "modules.builtin.modinfo"};

struct bytes {
        char *data;
        size_t size;
        bool given;
};

/* modinfo's "firmware=NAME" with NUL behind, as it passes by in pieces of any size. */
struct firmware_scan {
        bool on;
        char module[NAME_SIZE];
        char name[FIRMWARE_SIZE];
        size_t key_at; /* characters of the key that were there */
        size_t n;      /* of the name */
        bool in_name;
};

struct initrd_collect {
        struct cpio_sink sink;
        char release[NAME_SIZE]; /* whose modules count; "" until the first is seen */
        char other[NAME_SIZE];   /* one that does not */
        bool seen;               /* the release's folder */
        bool init;
        uint64_t unpacked;
        struct words modules, nets; /* all, and those of network cards */
        struct words nics;
        struct bytes index[INDEX_N];
        struct bytes keep;  /* the last list in it: it is unpacked over others */
        struct bytes *into; /* where the present entry's bytes go */
        struct firmware_scan scan;
        struct words asked;    /* "MODULE FILE" for each firmware that a network card's module asks for, NUL behind */
        struct words firmware; /* what there is of it, with blanks between */
};

static void
words_add(struct words *w, const char *word, size_t n, char separator)
{
        char *more;

        if (w->failed || n == 0)
                return;
        if (w->size + n + 2 > FACTS_WORDS_MAX || !(more = realloc(w->text, w->size + n + 2))) {
                w->failed = true;
                return;
        }
        w->text = more;
        if (w->size > 0)
                w->text[w->size++] = separator;
        memcpy(w->text + w->size, word, n);
        w->size += n;
        w->text[w->size] = '\0';
}

static bool
words_have(const struct words *w, const char *word, size_t n)
{
        for (const char *p = w->text; p && (p = memmem(p, w->size - (size_t)(p - w->text), word, n)); p += n)
                if ((p == w->text || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
                        return true;
        return false;
}

static void
scan_byte(struct initrd_collect *c, char b)
{
        static const char key[] = "firmware=";
        struct firmware_scan *s = &c->scan;
        char line[NAME_SIZE + FIRMWARE_SIZE];

        if (s->in_name && isgraph((unsigned char)b) && s->n < sizeof(s->name) - 1) {
                s->name[s->n++] = b;
                return;
        }
        if (s->in_name && !b && s->n > 0)
                words_add(&c->asked, line, (size_t)snprintf(line, sizeof(line), "%s %.*s", s->module, (int)s->n, s->name),
                          '\n');
        s->in_name = false;
        s->key_at = b == key[s->key_at] ? s->key_at + 1 : b == key[0];
        if (!key[s->key_at]) {
                s->in_name = true;
                s->key_at = s->n = 0;
        }
}

/* "kernel/drivers/net/ethernet/x/a-b.ko.xz": "a_b". True: its bytes may tell of firmware. */
static bool
take_module(struct initrd_collect *c, const char *path, size_t size)
{
        const char *slash = memrchr(path, '/', size), *base = slash ? slash + 1 : path;
        const char *ko = memmem(base, size - (size_t)(base - path), ".ko", 3);
        char name[NAME_SIZE];
        size_t n = ko ? (size_t)(ko - base) : 0;

        if (n == 0 || n >= sizeof(name) || (ko + 3 < path + size && ko[3] != '.'))
                return false;
        for (size_t i = 0; i < n; i++) {
                if (!isgraph((unsigned char)base[i]) || (unsigned char)base[i] > 0x7e)
                        return false;
                name[i] = base[i] == '-' ? '_' : base[i];
        }
        words_add(&c->modules, name, n, ' ');
        if (!memmem(path, size, "drivers/net/", strlen("drivers/net/")))
                return false;
        words_add(&c->nets, name, n, ' ');
        snprintf(c->scan.module, sizeof(c->scan.module), "%.*s", (int)n, name);
        return true;
}

/* "lib/firmware/bnx2/x.fw" */
static void
take_firmware(struct initrd_collect *c, const char *path)
{
        static const char *const folders[] = {"lib/firmware/", "usr/lib/firmware/"};

        for (size_t i = 0; i < N_ELEMENTS(folders); i++)
                if (strncmp(path, folders[i], strlen(folders[i])) == 0)
                        words_add(&c->firmware, path + strlen(folders[i]), strlen(path) - strlen(folders[i]), ' ');
}

/* Room for the bytes of the present entry; none where they are too many. */
static void
take_bytes(struct initrd_collect *c, struct bytes *b, const struct cpio_entry *e, size_t max)
{
        free(b->data);
        *b = (struct bytes){.data = e->size <= max ? malloc((size_t)e->size + 1) : NULL, .given = true};
        c->into = b->data ? b : NULL;
}

/* What is below /lib/modules/RELEASE: the rest of the path, if it is the release that counts. */
static const char *
below_release(struct initrd_collect *c, const char *path)
{
        static const char *const folders[] = {"lib/modules/", "usr/lib/modules/"};
        char release[NAME_SIZE];

        for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
                size_t n = strlen(folders[i]), size;

                if (strncmp(path, folders[i], n) != 0)
                        continue;
                size = strcspn(path + n, "/");
                if (size == 0 || size >= sizeof(release))
                        return NULL;
                memcpy(release, path + n, size);
                release[size] = '\0';
                if (!*c->release)
                        memcpy(c->release, release, sizeof(c->release));
                if (strcmp(c->release, release) != 0) {
                        memcpy(c->other, release, sizeof(c->other));
                        return NULL;
                }
                c->seen = true;
                return path[n + size] ? path + n + size + 1 : NULL;
        }
        return NULL;
}

static bool
on_entry(void *arg, const struct cpio_entry *e)
{
        struct initrd_collect *c = arg;
        const char *path = e->name, *rest;

        while (strncmp(path, "./", 2) == 0 || *path == '/')
                path += *path == '/' ? 1 : 2;
        c->into = NULL;
        c->scan = (struct firmware_scan){0};
        c->unpacked += (e->size + PAGE - 1) / PAGE * PAGE;
        c->init |= strcmp(path, "init") == 0;
        take_firmware(c, path);
        if (strcmp(path, &KEEP_LIST_PATH[1]) == 0)
                take_bytes(c, &c->keep, e, KEEP_LIST_SIZE - 1);
        rest = below_release(c, path);
        if (!rest)
                return c->into;
        if (memmem(rest, strlen(rest), ".ko", 3))
                c->scan.on = take_module(c, rest, strlen(rest));
        for (size_t i = 0; i < INDEX_N; i++)
                if (strcmp(rest, index_names[i]) == 0 && !c->index[i].given && e->size <= INDEX_MAX)
                        take_bytes(c, &c->index[i], e, INDEX_MAX);
        return c->into || c->scan.on;
}

static void
on_data(void *arg, const uint8_t *data, size_t size)
{
        struct initrd_collect *c = arg;

        for (size_t i = 0; c->scan.on && i < size; i++) {
                const uint8_t *f = data + i;

                /* Of megabytes, only what may begin the key. */
                if (!c->scan.in_name && !c->scan.key_at && !(f = memchr(data + i, 'f', size - i)))
                        break;
                i = (size_t)(f - data);
                scan_byte(c, (char)data[i]);
        }
        if (!c->into)
                return;
        memcpy(c->into->data + c->into->size, data, size);
        c->into->size += size;
}

struct initrd_collect *
initrd_collect_new(const char *release)
{
        struct initrd_collect *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->sink = (struct cpio_sink){.entry = on_entry, .data = on_data, .arg = c};
        snprintf(c->release, sizeof(c->release), "%s", release);
        return c;
}

void
initrd_collect_free(struct initrd_collect *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < INDEX_N; i++)
                free(c->index[i].data);
        free(c->keep.data);
        free(c->modules.text);
        free(c->nets.text);
        free(c->nics.text);
        free(c->asked.text);
        free(c->firmware.text);
        free(c);
}

const struct cpio_sink *
initrd_collect_sink(struct initrd_collect *c)
{
        return &c->sink;
}

void
initrd_collect_builtin(struct initrd_collect *c, const char *modinfo, size_t size)
{
        struct bytes *b = &c->index[INDEX_MODINFO];

        if (b->given || size > INDEX_MAX || !(b->data = malloc(size + 1)))
                return;
        memcpy(b->data, modinfo, size);
        b->size = size;
        b->given = true;
}

/* Eight hex digits or "*" at *at; -1: any, -2: neither. Moves on. */
static int64_t
alias_number(const char **at, const char *end)
{
        char digits[9], *stop;
        unsigned long v;

        if (*at < end && **at == '*') {
                (*at)++;
                return -1;
        }
        if (end - *at < 8)
                return -2;
        memcpy(digits, *at, 8);
        digits[8] = '\0';
        v = strtoul(digits, &stop, 16);
        *at += 8;
        return *stop || v > 0xffff ? -2 : (int64_t)v;
}

/* "pci:v000010ECd00008168sv*sd*bc*sc*i*" of a module for network cards. */
static void
take_alias(struct initrd_collect *c, const char *alias, size_t size, const char *module, size_t module_size)
{
        const char *at = alias + 5, *end = alias + size;
        char line[NAME_SIZE + 16], name[NAME_SIZE];
        int64_t vendor, device;
        int n;

        if (size < 5 || memcmp(alias, "pci:v", 5) != 0 || module_size == 0 || module_size >= sizeof(name))
                return;
        for (size_t i = 0; i < module_size; i++)
                name[i] = module[i] == '-' ? '_' : module[i];
        name[module_size] = '\0';
        /* A virtio card is PCI's only to virtio_pci; virtio_net takes it from there. */
        if (!words_have(&c->nets, name, module_size) &&
            !(strcmp(name, "virtio_pci") == 0 && words_have(&c->nets, "virtio_net", strlen("virtio_net"))))
                return;
        vendor = alias_number(&at, end);
        if (vendor < 0 || at >= end || *at++ != 'd' || (device = alias_number(&at, end)) == -2)
                return; /* by class and not by maker: drivers for network cards have no such */
        n = device < 0 ? snprintf(line, sizeof(line), "%04x:* %s", (unsigned)vendor, name)
                       : snprintf(line, sizeof(line), "%04x:%04x %s", (unsigned)vendor, (unsigned)device, name);
        words_add(&c->nics, line, (size_t)n, '\n');
}

/* modules.builtin: paths. */
static void
read_builtin(struct initrd_collect *c, const struct bytes *b)
{
        for (size_t at = 0; at < b->size;) {
                const char *line = b->data + at, *end = memchr(line, '\n', b->size - at);
                size_t n = end ? (size_t)(end - line) : b->size - at;

                (void)take_module(c, line, n);
                at += n + 1;
        }
}

/* modules.alias: "alias PATTERN MODULE". */
static void
read_alias(struct initrd_collect *c, const struct bytes *b)
{
        for (size_t at = 0; at < b->size;) {
                const char *line = b->data + at, *end = memchr(line, '\n', b->size - at), *space;
                size_t n = end ? (size_t)(end - line) : b->size - at;

                if (n > 6 && memcmp(line, "alias ", 6) == 0 && (space = memchr(line + 6, ' ', n - 6)))
                        take_alias(c, line + 6, (size_t)(space - line) - 6, space + 1, n - (size_t)(space + 1 - line));
                at += n + 1;
        }
}

/* modules.builtin.modinfo: "e1000.file=drivers/net/ethernet/intel/e1000/e1000", "e1000.alias=pci:v..." */
static void
read_modinfo(struct initrd_collect *c, const struct bytes *b, const char *key)
{
        size_t key_size = strlen(key);

        for (size_t at = 0; at < b->size;) {
                const char *line = b->data + at, *dot;
                size_t n = strnlen(line, b->size - at), rest;

                dot = memchr(line, '.', n);
                rest = dot ? n - (size_t)(dot - line) : 0;
                if (rest > key_size && memcmp(dot, key, key_size) == 0) {
                        char path[300];

                        if (strcmp(key, ".alias=") == 0)
                                take_alias(c, dot + key_size, rest - key_size, line, (size_t)(dot - line));
                        else if (rest - key_size + 4 < sizeof(path))
                                (void)take_module(c, path,
                                                  (size_t)snprintf(path, sizeof(path), "%.*s.ko", (int)(rest - key_size),
                                                                   dot + key_size));
                }
                at += n + 1;
        }
}

/* Modules that ask for firmware of which nothing is there; lines of one module follow each other. */
static void
find_lacking(const struct initrd_collect *c, struct words *ret)
{
        const char *p = c->asked.text;

        while (p && *p) {
                size_t n = strcspn(p, " ");
                const char *module = p;
                bool has = false;

                do {
                        size_t size = strcspn(p, "\n");

                        has = has || words_have(&c->firmware, p + n + 1, size - n - 1);
                        p += size + (p[size] == '\n');
                } while (strncmp(p, module, n + 1) == 0);
                if (!has)
                        words_add(ret, module, n, ' ');
        }
}

/* What dompool-init would read of it, in its own words. */
static int
read_keep(struct initrd_collect *c, struct blob *ret)
{
        struct words lines = {0};
        struct keep_list list;
        struct error err;
        int r = 0;

        if (!c->keep.data)
                return 0;
        c->keep.data[c->keep.size] = '\0';
        if (keep_list_parse(c->keep.data, &list, &err) < 0)
                return 0;
        for (size_t i = 0; i < list.n; i++)
                words_add(&lines, list.paths[i], strlen(list.paths[i]), '\n');
        if (lines.text && !lines.failed)
                r = blob_set(ret, lines.text, lines.size);
        free(lines.text);
        return r;
}

int
initrd_collect_finish(struct initrd_collect *c, struct initrd_facts *ret)
{
        bool builtin = c->index[INDEX_BUILTIN].data != NULL;
        struct words lacking = {0};
        int r = 0;

        if (builtin)
                read_builtin(c, &c->index[INDEX_BUILTIN]);
        else if (c->index[INDEX_MODINFO].data)
                read_modinfo(c, &c->index[INDEX_MODINFO], ".file=");
        read_alias(c, &c->index[INDEX_ALIAS]);
        if (c->index[INDEX_MODINFO].data)
                read_modinfo(c, &c->index[INDEX_MODINFO], ".alias=");
        ret->init = c->init;
        ret->unpacked = c->unpacked;
        snprintf(ret->modules_release, sizeof(ret->modules_release), "%s", c->seen ? c->release : c->other);
        ret->nics_known = c->seen && c->index[INDEX_ALIAS].data && !c->nics.failed && !c->nets.failed;
        if (c->seen && !c->modules.failed && c->modules.text && blob_set(&ret->modules, c->modules.text, c->modules.size) < 0)
                return -ENOMEM;
        if (ret->nics_known && c->nics.text && blob_set(&ret->nics, c->nics.text, c->nics.size) < 0)
                return -ENOMEM;
        if (!c->asked.failed && !c->firmware.failed)
                find_lacking(c, &lacking);
        if (lacking.text && !lacking.failed)
                r = blob_set(&ret->no_firmware, lacking.text, lacking.size);
        free(lacking.text);
        if (r == 0)
                r = read_keep(c, &ret->keep);
        return r < 0 ? -ENOMEM : 0;
}
