/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One disk of a guest, "/srv/a.img,raw,xvda,rw" or "format=raw,vdev=xvda,target=/srv/a.img" or xm's "file:/srv/a.img,xvda,w",
 * with the rules of libxlu_disk_l.l of 4.17. Whether the disk can be had is not decided here. Pure; run by the API role.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "xlcfg/xlcfg_reader.h"

struct disk_spec {
        const struct xlcfg_reader *r;
        unsigned line;
        struct disk disk;
        bool have_target, had_prefix, have_access;
};

static int
wrong(const struct disk_spec *s, const char *what, const char *value)
{
        return xlcfg_refuse(s->r, s->line, ERR_CONFIG, "disk: %s '%.80s'", what, value);
}

/* A text may be given once; an empty one does not count. */
static int
set_text(struct disk_spec *s, const char *what, const char *value, char *dst, size_t size)
{
        if (*dst)
                return wrong(s, "given twice:", what);
        return xlcfg_copy(s->r, s->line, what, value, dst, size);
}

static int
set_target(struct disk_spec *s, const char *value)
{
        s->have_target = true;
        return set_text(s, "disk target", value, s->disk.target, sizeof(s->disk.target));
}

static int
set_vdev(struct disk_spec *s, const char *value)
{
        return set_text(s, "disk vdev", value, s->disk.vdev, sizeof(s->disk.vdev));
}

static int
set_script(struct disk_spec *s, const char *value)
{
        return set_text(s, "disk script", value, s->disk.script, sizeof(s->disk.script));
}

static int
set_format(struct disk_spec *s, const char *value)
{
        static const char *const formats[] = {"raw", "qcow", "qcow2", "vhd", "empty", "qed", NULL};

        if (!*value)
                value = "raw";
        if (names_find(formats, value) < 0)
                return wrong(s, "unknown format", value);
        if (*s->disk.format && strcmp(s->disk.format, value) != 0)
                return wrong(s, "a second, different format", value);
        str_copy(s->disk.format, sizeof(s->disk.format), value);
        return 0;
}

static int
set_access(struct disk_spec *s, const char *value)
{
        if (strcmp(value, "r") == 0 || strcmp(value, "ro") == 0)
                s->disk.readonly = true;
        else if (!*value || strcmp(value, "w") == 0 || strcmp(value, "rw") == 0)
                s->disk.readonly = false;
        else
                return wrong(s, "access must be r or rw, is", value);
        return 0;
}

static int
set_devtype(struct disk_spec *s, const char *value)
{
        if (strcmp(value, "cdrom") != 0 && strcmp(value, "disk") != 0)
                return wrong(s, "devtype must be disk or cdrom, is", value);
        s->disk.cdrom = *value == 'c';
        return 0;
}

static int
set_backendtype(struct disk_spec *s, const char *value)
{
        static const char *const types[] = {"phy", "tap", "qdisk", "standalone", NULL};

        return names_find(types, value) < 0 ? wrong(s, "unknown backendtype", value) : 0;
}

static int
set_backend(struct disk_spec *s, const char *value)
{
        if (strcmp(value, "0") == 0 || strcmp(value, "Domain-0") == 0)
                return 0;
        return xlcfg_refuse(s->r, s->line, ERR_UNSUPPORTED, "disk: backend=%.60s: the backend is always dom0", value);
}

static int
set_specification(struct disk_spec *s, const char *value)
{
        if (strcmp(value, "xen") == 0)
                return 0;
        return xlcfg_refuse(s->r, s->line, ERR_UNSUPPORTED, "disk: specification=%.60s: only xen is offered", value);
}

static const struct disk_key {
        const char *key;
        int (*set)(struct disk_spec *s, const char *value);
} disk_keys[] = {
        {"format", set_format},   {"vdev", set_vdev},
        {"access", set_access},   {"devtype", set_devtype},
        {"script", set_script},   {"backendtype", set_backendtype},
        {"backend", set_backend}, {"specification", set_specification},
};

/* What libxl tunes with these does not change what the guest finds on the disk. */
static const char *const silent_flags[] = {"direct-io-safe", "discard", "no-discard", "no-colo", "trusted", "untrusted", NULL};

/* xm's "PREFIX:"; format is what the prefix says of it, script what fetches the device. */
static const struct disk_prefix {
        const char *prefix, *format, *script;
} disk_prefixes[] = {
        {"raw", "raw", ""},
        {"qcow", "qcow", ""},
        {"qcow2", "qcow2", ""},
        {"vhd", "vhd", ""},
        {"iscsi", "", "block-iscsi"},
        {"nbd", "", "block-nbd"},
        {"enbd", "", "block-enbd"},
        {"drbd", "", "block-drbd"},
        {"tapdisk", "", ""},
        {"tap", "", ""},
        {"tap2", "", ""},
        {"aio", "", ""},
        {"ioemu", "", ""},
        {"file", "", ""},
        {"phy", "", ""},
};

/* Takes off a prefix at @p, if there is one. 1: taken, 0: none, or an error. */
static int
take_prefix(struct disk_spec *s, char **p)
{
        size_t n = strspn(*p, "abcdefghijklmnopqrstuvwxyz0123456789");
        int e = 0;

        if (n == 0 || (*p)[n] != ':' || ((*p)[0] >= '0' && (*p)[0] <= '9'))
                return 0;
        for (size_t i = 0; i < N_ELEMENTS(disk_prefixes); i++) {
                const struct disk_prefix *d = &disk_prefixes[i];

                if (strlen(d->prefix) != n || memcmp(d->prefix, *p, n) != 0)
                        continue;
                s->had_prefix = true;
                if (*d->format)
                        e = set_format(s, d->format);
                if (!e && *d->script)
                        e = set_script(s, d->script);
                *p += n + 1;
                return e ? e : 1;
        }
        /* "hdc:cdrom" is a device and its type, "foo:/path" can only be a prefix that nobody knows. */
        if ((*p)[n + 1] && !strchr("abcdefghijklmnopqrstuvwxyz0123456789", (*p)[n + 1]))
                return wrong(s, "unknown prefix in", *p);
        return 0;
}

/* "hdc" or the old "hdc:cdrom". */
static int
set_vdev_and_devtype(struct disk_spec *s, char *word)
{
        char *colon = strrchr(word, ':');
        int e;

        if (!colon)
                return set_vdev(s, word);
        *colon = '\0';
        e = set_vdev(s, word);
        return e ? e : set_devtype(s, colon + 1);
}

/* target, format (not behind a prefix), vdev, access: in this order, each may be empty. */
static int
take_positional(struct disk_spec *s, char *word)
{
        if (!s->have_target)
                return set_target(s, word);
        if (!s->had_prefix && !*s->disk.format) {
                if (*s->disk.target || !strchr(word, ':'))
                        return set_format(s, word);
                set_format(s, "empty");
                return set_vdev_and_devtype(s, word);
        }
        if (!*s->disk.vdev)
                return set_vdev_and_devtype(s, word);
        if (s->have_access)
                return wrong(s, "one positional parameter too many:", word);
        s->have_access = true;
        return set_access(s, word);
}

static int
take_word(struct disk_spec *s, char *word)
{
        size_t n = strcspn(word, "=");

        if (word[n] == '=') {
                for (size_t i = 0; i < N_ELEMENTS(disk_keys); i++)
                        if (strlen(disk_keys[i].key) == n && memcmp(disk_keys[i].key, word, n) == 0)
                                return disk_keys[i].set(s, word + n + 1);
                return wrong(s, "unknown parameter", word);
        }
        if (strcmp(word, "cdrom") == 0)
                return set_devtype(s, word);
        if (names_find(silent_flags, word) >= 0)
                return 0;
        return take_positional(s, word);
}

static int
take_words(struct disk_spec *s, char *p)
{
        while (*p) {
                char *comma;
                int e;

                p += strspn(p, " ");
                e = take_prefix(s, &p);
                if (e < 0)
                        return e;
                if (e > 0)
                        continue;
                if (!*p)
                        return 0;
                if (strncmp(p, "target=", 7) == 0) { /* takes the rest, commas and all, but for one at the very end */
                        size_t n = strlen(p);

                        if (p[n - 1] == ',')
                                p[n - 1] = '\0';
                        return set_target(s, p + 7);
                }
                comma = strchrnul(p, ',');
                if (*comma)
                        *comma++ = '\0';
                e = take_word(s, p);
                if (e)
                        return e;
                p = comma;
        }
        return 0;
}

int
xlcfg_disk_read(const struct xlcfg_reader *r, unsigned line, const char *spec, struct disk *ret)
{
        struct disk_spec s = {.r = r, .line = line};
        char copy[1024];
        int e = xlcfg_copy(r, line, "disk", spec, copy, sizeof(copy));

        if (!e)
                e = take_words(&s, copy);
        if (e)
                return e;
        if (s.disk.cdrom) {
                s.disk.readonly = true;
                if (!*s.disk.target)
                        str_copy(s.disk.format, sizeof(s.disk.format), "empty");
        }
        if (!*s.disk.format)
                str_copy(s.disk.format, sizeof(s.disk.format), "raw");
        if (!*s.disk.vdev)
                return wrong(&s, "no vdev (xvda, hda ...) in", spec);
        if (!s.have_target && !s.disk.cdrom)
                return wrong(&s, "no target in", spec);
        *ret = s.disk;
        return 0;
}
