/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives the settings of an xl.cfg their meaning: settings to a typed domain_config. Opens no file, knows no host; whether the
 * named kernel exists is for core to see. Pure; run by the API role.
 */
#include "xlcfg/xlcfg.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "xlcfg/xlcfg_doc.h"
#include "xlcfg/xlcfg_reader.h"

int
xlcfg_refuse(const struct xlcfg_reader *r, unsigned line, enum error_code code, const char *fmt, ...)
{
        char text[600];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return error_set(r->err, code, "%s:%u: %s", r->name, line, text);
}

void
xlcfg_note(const struct xlcfg_reader *r, unsigned line, const char *fmt, ...)
{
        struct xlcfg_notes *notes = r->notes;
        struct xlcfg_note *note;
        va_list ap;

        if (notes->n == XLCFG_MAX_NOTES) {
                str_copy(notes->notes[notes->n - 1].text, sizeof(notes->notes[0].text), "there are more keys without effect");
                return;
        }
        note = &notes->notes[notes->n++];
        note->line = line;
        va_start(ap, fmt);
        vsnprintf(note->text, sizeof(note->text), fmt, ap);
        va_end(ap);
}

static bool
is_utf8(const char *text, size_t size)
{
        json_t *s = json_stringn(text, size);

        json_decref(s);
        return s;
}

int
xlcfg_copy(const struct xlcfg_reader *r, unsigned line, const char *what, const char *text, char *dst, size_t size)
{
        size_t n = strlen(text);

        if (n >= size)
                return xlcfg_refuse(r, line, ERR_LIMIT, "%s is %zu bytes long; at most %zu are allowed", what, n, size - 1);
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
                        return xlcfg_refuse(r, line, ERR_CONFIG, "%s contains a control character (byte 0x%02x)", what,
                                            (unsigned char)text[i]);
        if (!is_utf8(text, n))
                return xlcfg_refuse(r, line, ERR_CONFIG, "%s is not UTF-8 text", what);
        memcpy(dst, text, n + 1);
        return 0;
}

static int
string_of(const struct xlcfg_reader *r, const struct xlcfg_setting *s, const char **ret)
{
        if (s->value.kind != XLCFG_STRING)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "%s is a list but must be a single value", s->key);
        *ret = s->value.string;
        return 0;
}

/* A number as libxlu reads it: also in quotes; decimal, 0x hexadecimal or 0 octal. */
static int
number_of(const struct xlcfg_reader *r, const struct xlcfg_setting *s, long long min, long long max, long long *ret)
{
        const char *text;
        char *end;
        long long v;
        int e = string_of(r, s, &text);

        if (e)
                return e;
        if (s->added)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "%s is a number: += cannot be used", s->key);
        errno = 0;
        v = strtoll(text, &end, 0);
        if (errno == ERANGE || (!*end && end != text && (v < min || v > max)))
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "%s=%.40s: must be %lld to %lld", s->key, text, min, max);
        if (*end || end == text)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "%s=\"%.40s\": not a number", s->key, text);
        *ret = v;
        return 0;
}

static int
read_bool(const struct xlcfg_reader *r, const struct xlcfg_setting *s, bool *ret)
{
        long long v;
        int e = number_of(r, s, INT_MIN, INT_MAX, &v);

        if (!e)
                *ret = v != 0;
        return e;
}

static int
read_u32(const struct xlcfg_reader *r, const struct xlcfg_setting *s, uint32_t min, uint32_t max, uint32_t *ret)
{
        long long v;
        int e = number_of(r, s, min, max, &v);

        if (!e)
                *ret = (uint32_t)v;
        return e;
}

/* MiB in the file, KiB in the configuration. */
static int
read_mib(const struct xlcfg_reader *r, const struct xlcfg_setting *s, uint64_t *ret)
{
        long long v;
        int e = number_of(r, s, 0, 16ll << 20, &v);

        if (!e)
                *ret = (uint64_t)v << 10;
        return e;
}

static int
read_text(const struct xlcfg_reader *r, const struct xlcfg_setting *s, char *dst, size_t size)
{
        const char *text;
        int e = string_of(r, s, &text);

        return e ? e : xlcfg_copy(r, s->line, s->key, text, dst, size);
}

/* Which host has a device model is not known here: the server looks for one, and refuses. xl's HVM guests have VNC by default.
 */
static int
take_hvm(const struct xlcfg_reader *r)
{
        r->config->type = DOMAIN_HVM;
        r->config->vnc = true;
        return 0;
}

static int
read_type(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        const char *text;
        int i, e = string_of(r, s, &text);

        if (e)
                return e;
        i = names_find(domain_type_names, text);
        if (i < 0)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "type=\"%.40s\": must be \"pv\", \"pvh\" or \"hvm\"", text);
        if (i == DOMAIN_HVM)
                return take_hvm(r);
        r->config->type = (uint32_t)i;
        return 0;
}

/* Before Xen 4.10 the type was the builder's. xm's files say builder='linux', on which xl exits; it means PV. */
static int
read_builder(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        bool typed = xlcfg_doc_find(r->doc, "type");
        const char *text;
        int e = string_of(r, s, &text);

        if (e)
                return e;
        if (strcmp(text, "hvm") == 0 && (!typed || r->config->type == DOMAIN_HVM))
                return take_hvm(r);
        if (strcmp(text, "linux") == 0)
                xlcfg_note(r, s->line, "builder=\"linux\" is xm's word for type=\"pv\"");
        else if (strcmp(text, "generic") != 0 && strcmp(text, "hvm") != 0)
                return xlcfg_refuse(r, s->line, ERR_CONFIG,
                                    "builder=\"%.40s\": must be \"generic\" or \"hvm\"; better give type=", text);
        if (typed && r->config->type != DOMAIN_PV)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "builder=\"%.40s\" contradicts type=\"%s\"", text,
                                    domain_type_names[r->config->type]);
        return 0;
}

/* A key of Xen 4.4 to 4.9; 4.17 ignores it, which would start another kind of guest than the file asks for. */
static int
read_pvh(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        bool pvh;
        int e = read_bool(r, s, &pvh);

        if (e || !pvh)
                return e;
        if (xlcfg_doc_find(r->doc, "type") && r->config->type != DOMAIN_PVH)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "pvh=1 contradicts type=\"%s\"",
                                    domain_type_names[r->config->type]);
        r->config->type = DOMAIN_PVH;
        xlcfg_note(r, s->line, "pvh=1 is the old word for type=\"pvh\"");
        return 0;
}

static int
read_name(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_text(r, s, r->config->name, sizeof(r->config->name));
}

static int
read_uuid(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        const char *text;
        int e = string_of(r, s, &text);

        if (e)
                return e;
        if (parse_uuid(text, r->config->uuid))
                return xlcfg_refuse(r, s->line, ERR_CONFIG,
                                    "uuid=\"%.60s\": must have the form 01234567-89ab-cdef-0123-456789abcdef", text);
        return 0;
}

static int
read_memory(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_mib(r, s, &r->config->memory_kib);
}

/* As libxl does it: without memory=, the guest starts with all of maxmem. */
static int
read_maxmem(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        int e = read_mib(r, s, &r->config->maxmem_kib);

        if (!e && !xlcfg_doc_find(r->doc, "memory"))
                r->config->memory_kib = r->config->maxmem_kib;
        return e;
}

static int
read_vcpus(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_u32(r, s, 1, 128, &r->config->vcpus);
}

static int
read_maxvcpus(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_u32(r, s, 1, 128, &r->config->maxvcpus);
}

static int
read_kernel(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_text(r, s, r->config->kernel.path, sizeof(r->config->kernel.path));
}

static int
read_ramdisk(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_text(r, s, r->config->ramdisk.path, sizeof(r->config->ramdisk.path));
}

static int
read_cmdline(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_text(r, s, r->config->cmdline, sizeof(r->config->cmdline));
}

/* root= and extra= make the command line when there is no cmdline=; xl warns in the same way. */
static int
append_cmdline(const struct xlcfg_reader *r, const struct xlcfg_setting *s, const char *prefix)
{
        const char *text;
        char line[CMDLINE_SIZE * 2];
        int e = string_of(r, s, &text);

        if (e)
                return e;
        if (xlcfg_doc_find(r->doc, "cmdline")) {
                xlcfg_note(r, s->line, "%s= is ignored because cmdline= is given", s->key);
                return 0;
        }
        if (strlen(text) >= CMDLINE_SIZE)
                return xlcfg_refuse(r, s->line, ERR_LIMIT, "%s= makes the command line longer than %d bytes", s->key,
                                    CMDLINE_SIZE - 1);
        snprintf(line, sizeof(line), "%s%s%s", r->config->cmdline, prefix, text);
        return xlcfg_copy(r, s->line, "the command line from root= and extra=", line, r->config->cmdline,
                          sizeof(r->config->cmdline));
}

static int
read_root(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return append_cmdline(r, s, "root=");
}

static int
read_extra(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return append_cmdline(r, s, *r->config->cmdline ? " " : "");
}

static int
read_action(const struct xlcfg_reader *r, const struct xlcfg_setting *s, uint32_t *ret)
{
        const char *text;
        int i, e = string_of(r, s, &text);

        if (e)
                return e;
        i = names_find(domain_action_names, text);
        if (i < 0)
                return xlcfg_refuse(r, s->line, ERR_CONFIG,
                                    "%s=\"%.40s\": must be destroy, restart, rename-restart, preserve, coredump-destroy, "
                                    "coredump-restart or soft-reset",
                                    s->key, text);
        *ret = (uint32_t)i;
        return 0;
}

static int
read_on_poweroff(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_action(r, s, &r->config->on_poweroff);
}

static int
read_on_reboot(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_action(r, s, &r->config->on_reboot);
}

static int
read_on_crash(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_action(r, s, &r->config->on_crash);
}

/* A list of at most @max device strings. */
static int
device_list(const struct xlcfg_reader *r, const struct xlcfg_setting *s, size_t max)
{
        if (s->value.kind != XLCFG_LIST)
                return xlcfg_refuse(r, s->line, ERR_CONFIG, "%s must be a list: %s = [ '...' ]", s->key, s->key);
        if (s->value.n_items > max)
                return xlcfg_refuse(r, s->line, ERR_LIMIT, "%s has %zu entries; at most %zu are allowed", s->key,
                                    s->value.n_items, max);
        for (size_t i = 0; i < s->value.n_items; i++)
                if (s->value.items[i].kind != XLCFG_STRING)
                        return xlcfg_refuse(r, s->value.items[i].line, ERR_CONFIG,
                                            "%s: each entry of the list must be a string", s->key);
        return 0;
}

static int
read_vif(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        int e = device_list(r, s, DOMAIN_MAX_VIFS);

        for (size_t i = 0; !e && i < s->value.n_items; i++)
                e = xlcfg_vif_read(r, s->value.items[i].line, s->value.items[i].string, &r->config->vifs[r->config->n_vifs++]);
        return e;
}

static int
read_disk(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        int e = device_list(r, s, DOMAIN_MAX_DISKS);

        for (size_t i = 0; !e && i < s->value.n_items; i++)
                e = xlcfg_disk_read(r, s->value.items[i].line, s->value.items[i].string,
                                    &r->config->disks[r->config->n_disks++]);
        return e;
}

static int
read_localtime(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_bool(r, s, &r->config->localtime);
}

static int
read_acpi(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_bool(r, s, &r->config->acpi);
}

static int
read_apic(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_bool(r, s, &r->config->apic);
}

static int
read_pae(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_bool(r, s, &r->config->pae);
}

static int
read_nestedhvm(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        return read_bool(r, s, &r->config->nestedhvm);
}

/* "type=vnc, vncunused=1": is it VNC? Address, display and password are not taken from it. */
static int
read_vfb(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        int e = device_list(r, s, 1);

        for (size_t i = 0; !e && i < s->value.n_items; i++) {
                const char *spec = s->value.items[i].string;

                r->config->vnc = !strstr(spec, "sdl=1") && !strstr(spec, "type=sdl") && !strstr(spec, "vnc=0");
                if (r->config->vnc)
                        xlcfg_note(r, s->value.items[i].line,
                                   "vfb: the graphical console is VNC on 127.0.0.1 of the host, on its first free display and "
                                   "without a password, where its image has a device model (micro-hvm), and nowhere else");
                else
                        xlcfg_note(r, s->value.items[i].line, "vfb: only VNC is offered, not '%.60s'", spec);
        }
        return e;
}

/* Does the setting switch nothing on? */
static bool
is_off(const struct xlcfg_value *v)
{
        if (v->kind == XLCFG_LIST)
                return v->n_items == 0;
        return !*v->string || strcmp(v->string, "0") == 0;
}

static int
read_vnc(const struct xlcfg_reader *r, const struct xlcfg_setting *s)
{
        if (r->config->type == DOMAIN_HVM)
                return read_bool(r, s, &r->config->vnc);
        if (!is_off(&s->value))
                xlcfg_note(r, s->line, "%s has no effect: it is for type=\"hvm\"; other guests' word is vfb", s->key);
        return 0;
}

struct key_row {
        const char *key;
        int (*read)(const struct xlcfg_reader *r, const struct xlcfg_setting *s);
        bool refused;
        bool hvm; /* a note to HVM guests is another one than to those who do not know the key */
        const char *reason;
};

static const struct key_row key_rows[] = {
#define READ(KEY, FN) {.key = #KEY, .read = FN},
#define REFUSE(KEY, REASON) {.key = #KEY, .refused = true, .reason = REASON},
#define NOTE(KEY, REASON) {.key = #KEY, .reason = REASON},
#define HVM(KEY) {.key = #KEY, .hvm = true, .reason = "it is for type=\"hvm\""},
#include "xlcfg/xlcfg_keys.def"
#undef READ
#undef REFUSE
#undef NOTE
#undef HVM
};

static bool
is_known(const char *key)
{
        for (size_t i = 0; i < N_ELEMENTS(key_rows); i++)
                if (strcmp(key_rows[i].key, key) == 0)
                        return true;
        return false;
}

static int
read_key(const struct xlcfg_reader *r, const struct key_row *row)
{
        const struct xlcfg_setting *s = xlcfg_doc_find(r->doc, row->key);

        if (!s)
                return 0;
        if (s->overridden_line)
                xlcfg_note(r, s->overridden_line, "%s is given again in line %u; the last one counts", s->key, s->line);
        if (row->read)
                return row->read(r, s);
        if (is_off(&s->value))
                return 0;
        if (row->refused)
                return xlcfg_refuse(r, s->line, ERR_UNSUPPORTED, "%s: %s; remove the line to start the guest without it",
                                    s->key, row->reason);
        xlcfg_note(r, s->line, "%s has no effect: %s", s->key,
                   row->hvm && r->config->type == DOMAIN_HVM ? "HVM guests get Xen's default" : row->reason);
        return 0;
}

static int
by_line(const void *a, const void *b)
{
        const struct xlcfg_note *x = a, *y = b;

        return x->line < y->line ? -1 : x->line > y->line;
}

static int
read_keys(const struct xlcfg_reader *r)
{
        int e = 0;

        if (!xlcfg_doc_find(r->doc, "name"))
                return error_set(r->err, ERR_CONFIG, "%s: the domain has no name; add name = \"...\"", r->name);
        for (size_t i = 0; !e && i < N_ELEMENTS(key_rows); i++)
                e = read_key(r, &key_rows[i]);
        for (size_t i = 0; !e && i < r->doc->n_settings; i++)
                if (!is_known(r->doc->settings[i].key))
                        xlcfg_note(r, r->doc->settings[i].line, "%.60s is no key of xl.cfg and has no effect",
                                   r->doc->settings[i].key);
        qsort(r->notes->notes, r->notes->n, sizeof(r->notes->notes[0]), by_line);
        if (e)
                return e;
        e = domain_config_check(r->config, r->err);
        if (!e)
                return 0;
        /* The check knows the data, not the file: here its refusal becomes one of the file. */
        if (r->err->code == ERR_INVALID)
                r->err->code = ERR_CONFIG;
        return error_prefix(r->err, "%s", r->name);
}

int
xlcfg_read(const char *name, const char *text, size_t size, struct domain_config *ret, struct xlcfg_notes *notes,
           struct error *err)
{
        struct xlcfg_doc doc;
        struct xlcfg_reader r = {.name = name, .doc = &doc, .config = ret, .notes = notes, .err = err};
        int e;

        domain_config_init(ret);
        notes->n = 0;
        if (size > XLCFG_MAX_SIZE)
                return error_set(err, ERR_LIMIT, "%s: %zu bytes long; at most %u are read", name, size, XLCFG_MAX_SIZE);
        e = xlcfg_doc_parse(name, text, size, &doc, err);
        if (e)
                return e;
        e = read_keys(&r);
        xlcfg_doc_deinit(&doc);
        return e;
}
