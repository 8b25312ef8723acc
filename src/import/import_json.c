/* SPDX-License-Identifier: Apache-2.0 */
/* An import as JSON, and what a host boots in one line. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/rec_json.h"
#include "import/import_private.h"

static const char *const boot_names[] = {
        [IMPORT_BOOT_NONE] = "nothing", [IMPORT_BOOT_LOCAL] = "local", [IMPORT_BOOT_CHAIN] = "chain",
        [IMPORT_BOOT_LINUX] = "linux",  [IMPORT_BOOT_XEN] = "xen",     [IMPORT_BOOT_OTHER] = "other",
        [IMPORT_BOOT_N] = NULL,
};

static const char *const menu_kind_names[] = {
        [IMPORT_MENU_PXELINUX] = "pxelinux", [IMPORT_MENU_GRUB] = "grub", [IMPORT_MENU_N] = NULL};

static const struct rec_field loader_fields[] = {
        REC_ENUM(struct import_loader, client, import_client_names),
        REC_IP4(struct import_loader, server),
        REC_STR(struct import_loader, file),
        REC_STR(struct import_loader, config),
};
static const struct rec_desc loader_rec = REC_DESC(struct import_loader, loader_fields);

static const struct rec_field host_fields[] = {
        REC_STR(struct import_host, name),
        REC_MAC(struct import_host, mac),
        REC_IP4(struct import_host, address),
        REC_BOOL(struct import_host, denied),
        REC_STR(struct import_host, at),
        REC_U32(struct import_host, line),
        REC_LIST(struct import_host, loaders, loader_rec),
};
static const struct rec_desc host_rec = REC_DESC(struct import_host, host_fields);

static const struct rec_field entry_fields[] = {
        REC_ENUM(struct import_entry, boot, boot_names),
        REC_STR(struct import_entry, title),
        REC_STR(struct import_entry, at),
        REC_U32(struct import_entry, line),
        REC_BOOL(struct import_entry, password),
        REC_IP4(struct import_entry, server),
        REC_STR(struct import_entry, file),
        REC_STR(struct import_entry, xen),
        REC_STR(struct import_entry, xen_args),
        REC_U64(struct import_entry, dom0_mem_kib),
        REC_STR(struct import_entry, kernel),
        REC_STR(struct import_entry, kernel_args),
        REC_STR(struct import_entry, initrd),
        REC_STR(struct import_entry, pool_xen_args),
        REC_STR(struct import_entry, pool_kernel_args),
        REC_STR(struct import_entry, pool_console),
};
static const struct rec_desc entry_rec = REC_DESC(struct import_entry, entry_fields);

static const struct rec_field menu_fields[] = {
        REC_STR(struct import_menu, path),       REC_ENUM(struct import_menu, kind, menu_kind_names),
        REC_U32(struct import_menu, timeout_ds), REC_BOOL(struct import_menu, password),
        REC_STR(struct import_menu, xen_args),   REC_STR(struct import_menu, kernel_args),
};
static const struct rec_desc menu_rec = REC_DESC(struct import_menu, menu_fields);

static const struct rec_field note_fields[] = {
        REC_ENUM(struct import_note, kind, import_note_kind_names),
        REC_STR(struct import_note, file),
        REC_U32(struct import_note, line),
        REC_STR(struct import_note, thing),
        REC_STR(struct import_note, why),
        REC_STR(struct import_note, todo),
};
static const struct rec_desc note_rec = REC_DESC(struct import_note, note_fields);

static json_t *
host_json(const struct import *im, const struct import_host *h)
{
        const struct import_entry *e = import_host_entry(im, h);
        json_t *json = rec_to_json(&host_rec, h);

        json_object_set_new(json, "arch", json_string(import_host_arch(h)));
        json_object_set_new(json, "boots", e ? rec_to_json(&entry_rec, e) : json_null());
        return json;
}

static json_t *
menu_json(const struct import *im, const struct import_menu *m)
{
        json_t *json = rec_to_json(&menu_rec, m), *entries = json_array();

        for (uint32_t i = 0; i < m->n_entries; i++)
                json_array_append_new(entries, rec_to_json(&entry_rec, &im->entries[m->first_entry + i]));
        json_object_set_new(json, "default", m->has_default ? json_integer(m->default_entry) : json_null());
        json_object_set_new(json, "entries", entries);
        return json;
}

json_t *
import_json(const struct import *im)
{
        json_t *hosts = json_array(), *menus = json_array(), *notes = json_array();
        const struct import_menu *m;

        for (size_t i = 0; i < im->n_hosts; i++)
                json_array_append_new(hosts, host_json(im, im->hosts[i]));
        for (m = im->menus; m; m = m->hh.next)
                json_array_append_new(menus, menu_json(im, m));
        for (size_t i = 0; i < im->n_notes; i++)
                json_array_append_new(notes, rec_to_json(&note_rec, &im->notes[i]));
        return json_pack("{s:o,s:o,s:o,s:I}", "hosts", hosts, "menus", menus, "notes", notes, "notes_lost",
                         (json_int_t)im->n_notes_lost);
}

static void
put(char *buf, size_t size, const char *word)
{
        if (*word)
                import_append(buf, size, word);
}

char *
import_entry_text(const struct import_entry *e, char *buf, size_t size)
{
        char server[IP4_TEXT_SIZE];

        str_copy(buf, size, e ? boot_names[e->boot] : boot_names[IMPORT_BOOT_NONE]);
        if (!e)
                return buf;
        if (e->boot == IMPORT_BOOT_CHAIN && e->server)
                put(buf, size, ip4_text(e->server, server));
        put(buf, size, e->file);
        put(buf, size, e->xen);
        put(buf, size, e->xen_args);
        if (*e->xen && *e->kernel)
                put(buf, size, "---");
        put(buf, size, e->kernel);
        put(buf, size, e->kernel_args);
        if (*e->xen && *e->initrd)
                put(buf, size, "---");
        if (!*e->xen && *e->initrd && !strstr(e->kernel_args, "initrd="))
                put(buf, size, "initrd");
        if (*e->xen || !strstr(e->kernel_args, "initrd="))
                put(buf, size, e->initrd);
        return buf;
}

char *
import_boot_text(const struct import *im, const struct import_host *h, char *buf, size_t size)
{
        return import_entry_text(import_host_entry(im, h), buf, size);
}
