/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From hosts and menus to what each host boots: the loader it is given, the menu that this loader would show it, the entry that
 * is the menu's default, on through menus that name other menus. And what dompool would make of it. Pure.
 */
#include <stdio.h>
#include <string.h>

#include "import/import_private.h"

#define MAX_CHAIN 4 /* menus behind menus */

struct join {
        struct import *im;
        struct import_host *h;
        const struct import_loader *loader; /* the one that decides; NULL: none */
        struct import_place at;
        struct error *err;
};

/* ---- the menu of a loader ---- */

/* PXELINUX asks for its files in this order: by MAC, by address with ever fewer digits, "default". */
static int
pxelinux_menu(const struct join *j, const char *folder, struct import_menu **ret)
{
        uint32_t server = j->loader ? j->loader->server : 0, ip = j->h->address;
        const uint8_t *b = j->h->mac.b;
        char name[IMPORT_PATH_SIZE];
        int r;

        snprintf(name, sizeof(name), "%spxelinux.cfg/01-%02x-%02x-%02x-%02x-%02x-%02x", folder, b[0], b[1], b[2], b[3], b[4],
                 b[5]);
        r = import_tree_menu(j->im, &j->at, server, name, IMPORT_MENU_PXELINUX, NULL, ret, j->err);
        for (int digits = 8; r == 0 && !*ret && ip && digits > 0; digits--) {
                snprintf(name, sizeof(name), "%spxelinux.cfg/%0*X", folder, digits, ip >> (32 - 4 * digits));
                r = import_tree_menu(j->im, &j->at, server, name, IMPORT_MENU_PXELINUX, NULL, ret, j->err);
        }
        /* Without a boot file it is not known whether the host boots from here at all: only a file of its own says so. */
        if (r == 0 && !*ret && j->loader) {
                snprintf(name, sizeof(name), "%spxelinux.cfg/default", folder);
                r = import_tree_menu(j->im, &j->at, server, name, IMPORT_MENU_PXELINUX, NULL, ret, j->err);
        }
        return r;
}

static int
find_menu(const struct join *j, struct import_menu **ret)
{
        const char *file = j->loader ? j->loader->file : "";
        char folder[IMPORT_PATH_SIZE];

        *ret = NULL;
        if (j->loader && *j->loader->config)
                return import_tree_menu(j->im, &j->at, j->loader->server, j->loader->config,
                                        import_is_pxelinux(file) ? IMPORT_MENU_PXELINUX : IMPORT_MENU_GRUB, NULL, ret, j->err);
        if (j->loader && !import_is_pxelinux(file))
                return 0;
        snprintf(folder, sizeof(folder), "%.*s", (int)(import_basename(file) - file), file);
        return strlen(folder) < 200 ? pxelinux_menu(j, folder, ret) : 0;
}

/* ---- the entry ---- */

static int
entry_of_loader(const struct join *j, uint32_t *ret)
{
        struct import_entry *e = import_entry_add(j->im, &j->at, j->err);

        if (!e)
                return error_to_errno(j->err->code);
        e->boot = j->h->denied ? IMPORT_BOOT_LOCAL : IMPORT_BOOT_CHAIN;
        if (j->h->denied) {
                str_copy(e->title, sizeof(e->title), "booting is denied");
        } else {
                e->server = j->loader->server;
                str_copy(e->file, sizeof(e->file), *j->loader->file ? j->loader->file : j->loader->config);
        }
        *ret = (uint32_t)j->im->n_entries;
        return 0;
}

/* Once for each menu that a host is shown. */
static void
use_menu(struct import *im, struct import_menu *m)
{
        const struct import_place at = {m->path, 0};

        if (m->used)
                return;
        m->used = true;
        if (m->default_guessed)
                import_note(im, IMPORT_NOTE_WARNING, &at, import_basename(m->path), "write DEFAULT",
                            "no label is the default; the first one is taken");
        if (m->n_entries > 1)
                import_note(im, IMPORT_NOTE_NOT_APPLIED, &at, import_basename(m->path),
                            "describe the others as a menu in dompoold.conf, and give their passwords again",
                            "a person could choose among %u entries; only the default is taken over", m->n_entries);
}

/* The default entry of @m, and of the menu that it names, as far as those are known. */
static int
entry_of_menu(const struct join *j, struct import_menu *m, uint32_t *ret)
{
        for (unsigned depth = 0; m && depth < MAX_CHAIN; depth++) {
                struct import_menu *next = NULL;
                struct import_entry *e;
                int r;

                use_menu(j->im, m);
                if (!m->has_default)
                        return 0;
                *ret = m->first_entry + m->default_entry + 1;
                e = &j->im->entries[*ret - 1];
                if (e->boot != IMPORT_BOOT_CHAIN)
                        return 0;
                if (!e->server && j->loader)
                        e->server = j->loader->server;
                if (import_is_loader(e->file))
                        return 0;
                r = import_tree_menu(j->im, &j->at, e->server, e->file, (enum import_menu_kind)m->kind, m, &next, j->err);
                if (r < 0)
                        return r;
                m = next;
        }
        return 0;
}

static int
join_host(struct import *im, struct import_host *h, struct error *err)
{
        struct join j = {.im = im, .h = h, .loader = h->n_loaders ? &h->loaders[0] : NULL, .at = {h->at, h->line}, .err = err};
        struct import_menu *menu = NULL;
        struct import_entry *e;
        int r = 0;

        if (!h->entry && !h->denied)
                r = find_menu(&j, &menu);
        if (r == 0 && menu)
                r = entry_of_menu(&j, menu, &h->entry);
        if (r == 0 && !h->entry && (j.loader || h->denied))
                r = entry_of_loader(&j, &h->entry);
        if (r < 0 || !h->entry)
                return r;
        e = &im->entries[h->entry - 1];
        if (!e->used && e->boot == IMPORT_BOOT_XEN)
                import_entry_plan(im, e);
        e->used = true;
        return 0;
}

/* ---- menus that nobody shows ---- */

static bool
menu_has_used_entry(const struct import *im, const struct import_menu *m)
{
        for (uint32_t i = 0; i < m->n_entries; i++)
                if (im->entries[m->first_entry + i].used)
                        return true;
        return false;
}

static void
note_unused_menu(struct import *im, const struct import_menu *m)
{
        const struct import_place at = {m->path, 0};
        const char *name = import_basename(m->path);
        size_t n = strlen(name);

        if (strcmp(name, "default") == 0)
                import_note(im, IMPORT_NOTE_NOT_APPLIED, &at, name,
                            "give dhcpd.conf, dnsmasq.conf or ethers to the importer as well",
                            "counts for every machine without a file of its own; here none is known by its MAC that loads it");
        else if (n == 36 && name[8] == '-' && name[13] == '-')
                import_note(im, IMPORT_NOTE_NOT_APPLIED, &at, name, "describe the host by its MAC: dompool host add",
                            "is for the machine with this UUID; hosts are known by their MAC");
        else if (n <= 8 && strspn(name, "0123456789ABCDEF") == n)
                import_note(im, IMPORT_NOTE_NOT_APPLIED, &at, name,
                            "give dhcpd.conf, dnsmasq.conf or ethers to the importer as well",
                            "is for machines with addresses that begin so; none of the hosts has one");
        else if (m->alone)
                import_note(im, IMPORT_NOTE_NOT_APPLIED, &at, name, "give the file that names it to the importer as well",
                            "no host is shown this menu");
}

int
import_finish(struct import *im, struct error *err)
{
        struct import_menu *m, *next;

        import_dnsmasq_finish(im);
        for (size_t i = 0; i < im->n_hosts; i++) {
                int r = join_host(im, im->hosts[i], err);

                if (r < 0)
                        return r;
        }
        HASH_ITER(hh, im->menus, m, next)
        {
                if (!m->used && !menu_has_used_entry(im, m))
                        note_unused_menu(im, m);
        }
        return 0;
}

/* ---- what dompool makes of it ---- */

const char *
import_host_arch(const struct import_host *h)
{
        const char *file = h->n_loaders ? h->loaders[0].file : "", *dot = strrchr(file, '.');
        enum import_client_kind kind = h->n_loaders ? (enum import_client_kind)h->loaders[0].client : IMPORT_CLIENT_ANY;

        if (h->n_loaders > 1)
                return "any";
        if (kind != IMPORT_CLIENT_ANY)
                return import_client_names[kind];
        if (!*file)
                return "-";
        if (!dot || strcmp(dot, ".efi") != 0)
                return import_client_names[IMPORT_CLIENT_BIOS];
        return import_client_names[strstr(file, "aa64") || strstr(file, "arm64") ? IMPORT_CLIENT_UEFI_ARM64
                                                                                 : IMPORT_CLIENT_UEFI_X64];
}

/* "chain-192.168.0.100-pxelinux.0": the same server and file give the same name. */
static void
chain_name(const struct import_loader *l, char ret[NAME_SIZE])
{
        size_t n = strlen(l->file), most = 35, used;
        char server[IP4_TEXT_SIZE];

        snprintf(ret, NAME_SIZE, "chain-%s-", ip4_text(l->server, server));
        used = strlen(ret);
        snprintf(ret + used, NAME_SIZE - used, "%s", l->file + (n > most ? n - most : 0)); /* its end tells more */
        for (char *p = ret + used; *p; p++)
                if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') && *p != '.')
                        *p = '-';
}

/* A host that boots anything else goes on with the old server's loader, which knows how. */
static int
plan_chain(const struct import_host *h, struct import_plan *plan, char *why, size_t why_size)
{
        const struct import_loader *l = &h->loaders[0];
        struct error err;

        if (h->n_loaders == 0)
                snprintf(why, why_size, "which loader starts its menu is not known: give the file that says so as well");
        else if (h->n_loaders > 1)
                snprintf(why, why_size, "each kind of firmware has its own boot file, and a profile names one");
        else if (*l->config)
                snprintf(why, why_size, "its loader %.60s wants the menu's name by DHCP, which a chain profile does not send",
                         l->file);
        else if (!l->server)
                snprintf(why, why_size,
                         "its boot file comes from the DHCP server itself, whose address no file tells: add next-server");
        else if (strlen(l->file) >= sizeof(plan->profile.file))
                snprintf(why, why_size, "its boot file's name is too long for a profile");
        else
                *why = '\0';
        if (*why)
                return 1;
        plan->profile = (struct profile){.kind = PROFILE_CHAIN, .server = l->server};
        chain_name(l, plan->profile.name);
        str_copy(plan->profile.file, sizeof(plan->profile.file), l->file);
        if (profile_check(&plan->profile, &err) < 0) {
                snprintf(why, why_size, "%s", err.message);
                return 1;
        }
        str_copy(plan->host.profile, sizeof(plan->host.profile), plan->profile.name);
        return 0;
}

int
import_plan(const struct import *im, const struct import_host *h, struct import_plan *ret, char *why, size_t why_size)
{
        const struct import_entry *e = import_host_entry(im, h);
        enum import_boot boot = e ? (enum import_boot)e->boot : IMPORT_BOOT_NONE;
        struct import_plan plan = {.host = {.mac = h->mac, .address = h->address}};

        str_copy(plan.host.name, sizeof(plan.host.name), h->name);
        str_copy(plan.host.profile, sizeof(plan.host.profile), profile_kind_names[PROFILE_LOCAL]);
        if (boot == IMPORT_BOOT_CHAIN || boot == IMPORT_BOOT_LINUX || boot == IMPORT_BOOT_OTHER) {
                if (plan_chain(h, &plan, why, why_size))
                        return 1;
        } else if (boot == IMPORT_BOOT_XEN) {
                str_copy(plan.host.profile, sizeof(plan.host.profile), profile_kind_names[PROFILE_POOL]);
                str_copy(plan.host.xen_args, sizeof(plan.host.xen_args), e->pool_xen_args);
                str_copy(plan.host.kernel_args, sizeof(plan.host.kernel_args), e->pool_kernel_args);
                str_copy(plan.host.console, sizeof(plan.host.console), e->pool_console);
        }
        if (e && h->n_loaders > 1)
                snprintf(why, why_size, "decided by what %s is given; %s is given %.80s",
                         import_client_names[h->loaders[0].client], import_client_names[h->loaders[1].client],
                         h->loaders[1].file);
        *ret = plan;
        return 0;
}
