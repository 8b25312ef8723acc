/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot menus: the table of loaders, and the texts that they read. Pure: host, image and settings in, text out; nothing is ever
 * written to a boot directory. Runs in dompoold's `boot` role at the moment a loader asks.
 */
#include "bootcfg/menu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static void put(struct menu_text *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct menu_text *out, const char *fmt, ...)
{
        size_t left = sizeof(out->text) - out->size;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(out->text + out->size, left, fmt, ap);
        va_end(ap);
        if (n < 0 || (size_t)n >= left)
                out->overflow = true;
        else
                out->size += (size_t)n;
}

/* --- PXELINUX and mboot.c32 (Multiboot 1). Paths are relative to pxelinux.0. --- */

static void
pxelinux_local(const char *why, struct menu_text *out)
{
        put(out, "# dompool: local disk (%s)\nDEFAULT local\nPROMPT 0\nLABEL local\n  LOCALBOOT 0\n", why);
}

/* PROMPT 0 boots at once; a prompt, and with it the time-out, comes only after a failure and then leads to the local disk. */
static void
pxelinux_pool(const struct menu_boot *boot, struct menu_text *out)
{
        put(out, "# dompool: host %s, %s, image %s\n", boot->host, boot->profile, boot->image);
        put(out, "DEFAULT pool\nPROMPT 0\nTIMEOUT 100\nONTIMEOUT local\nLABEL pool\n  KERNEL mboot.c32\n");
        put(out, "  APPEND i/%s/xen.gz %s", boot->image, boot->xen_args);
        put(out, " --- i/%s/vmlinuz %s", boot->image, boot->dom0_args);
        put(out, " --- i/%s/initrd\n", boot->image);
        put(out, "LABEL local\n  LOCALBOOT 0\n");
}

/* --- GRUB 2 (Multiboot 2). --- */

static void
grub_local(const char *why, struct menu_text *out)
{
        /* An error code, so that firmware which looks at it goes on to its next boot device. */
        put(out, "# dompool: local disk (%s)\nexit 1\n", why);
}

/* The words of @args, in single quotes where GRUB's shell would see more than a word; args_safe() let no quote through. */
static void
grub_words(struct menu_text *out, const char *args)
{
        while (*args) {
                size_t n = strcspn(args, " ");
                bool plain = strspn(args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,:=/+@%-") >= n;

                if (n > 0)
                        put(out, plain ? " %.*s" : " '%.*s'", (int)n, args);
                args += n;
                args += strspn(args, " ");
        }
}

/* Where GRUB fetches Xen, kernel and initrd from. TFTP; for HTTP it is "(http,%s:PORT)/i/%s" with boot->http_port. */
static void
grub_path(struct menu_text *out, const struct menu_boot *boot, const char *file)
{
        char ip[IP4_TEXT_SIZE];

        put(out, " (tftp,%s)/i/%s/%s", ip4_text(boot->server, ip), boot->image, file);
}

static void
grub_pool(const struct menu_boot *boot, struct menu_text *out)
{
        put(out, "# dompool: host %s, %s, image %s\nset timeout=0\n", boot->host, boot->profile, boot->image);
        put(out, "if multiboot2");
        grub_path(out, boot, "xen.gz");
        grub_words(out, boot->xen_args);
        put(out, "; then\n  if module2");
        grub_path(out, boot, "vmlinuz");
        grub_words(out, boot->dom0_args);
        put(out, "; then\n    if module2 --nounzip");
        grub_path(out, boot, "initrd");
        put(out, "; then\n      boot\n    fi\n  fi\nfi\n");
        put(out, "echo 'dompool: the image could not be loaded; the local disk follows'\nsleep 5\nexit 1\n");
}

/* --- The table. --- */

static const uint16_t archs_bios[] = {0, MENU_ARCH_END};
/* RFC 4578 gave 9 to x86-64 and 7 to "EFI byte code"; an erratum and all firmware have 7 for x86-64. Some send 8. */
static const uint16_t archs_efi_x64[] = {7, 9, 8, MENU_ARCH_END};

static const struct menu_loader loaders[] = {
        {
                .name = "pxelinux",
                .boot_file = "pxelinux.0",
                .archs = archs_bios,
                .menu_prefix = "pxelinux.cfg/01-",
                .menu_names = "pxelinux.cfg/",
                .menu_default = "pxelinux.cfg/default",
                .render_pool = pxelinux_pool,
                .render_local = pxelinux_local,
        },
        {
                .name = "grub-efi",
                .boot_file = "grub/x86_64-efi/core.efi",
                .archs = archs_efi_x64,
                .menu_prefix = "grub/grub.cfg-01-",
                .menu_names = "grub/grub.cfg",
                .menu_default = "grub/grub.cfg",
                .efi = true,
                .render_pool = grub_pool,
                .render_local = grub_local,
        },
};

const struct menu_loader *
menu_loader_at(size_t i)
{
        return i < N_ELEMENTS(loaders) ? &loaders[i] : NULL;
}

const struct menu_loader *
menu_loader_by_arch(uint16_t arch)
{
        for (size_t i = 0; i < N_ELEMENTS(loaders); i++)
                for (const uint16_t *a = loaders[i].archs; *a != MENU_ARCH_END; a++)
                        if (*a == arch)
                                return &loaders[i];
        return NULL;
}

static bool
begins(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum menu_name
menu_name_parse(const char *path, const struct menu_loader **ret_loader, struct mac *ret_mac)
{
        for (size_t i = 0; i < N_ELEMENTS(loaders); i++) {
                const struct menu_loader *l = &loaders[i];

                if (!begins(path, l->menu_names))
                        continue;
                *ret_loader = l;
                if (strcmp(path, l->menu_default) == 0)
                        return MENU_NAME_DEFAULT;
                if (begins(path, l->menu_prefix) && parse_mac(path + strlen(l->menu_prefix), ret_mac) == 0)
                        return MENU_NAME_HOST;
                return MENU_NAME_OTHER;
        }
        return MENU_NAME_NONE;
}

/* --- Command lines. --- */

/* May this text stand in a menu? No control characters (a newline is a new menu line), no quotes and escapes, and no word that
 * mboot.c32 takes for the border between modules. */
static bool
args_safe(const char *text)
{
        for (const char *p = text; *p; p++)
                if (*p < 0x20 || *p > 0x7e || strchr("'\"\\`", *p))
                        return false;
        for (const char *p = text; (p = strstr(p, "---")); p += 3)
                if (p == text || p[-1] == ' ')
                        return false;
        return true;
}

/* Appends @more and a blank before it where needed; false when it does not fit or is not fit for a menu. */
static bool
args_add(char *args, size_t size, const char *more)
{
        size_t have = strlen(args);
        int n;

        if (*more == '\0')
                return true;
        if (!args_safe(more))
                return false;
        n = snprintf(args + have, size - have, "%s%s", have > 0 ? " " : "", more);
        return n > 0 && (size_t)n < size - have;
}

/* Is @word one of the comma-separated words of @list? */
static bool
list_has(const char *list, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
                if (strncmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == ','))
                        return true;
        return false;
}

/* console=..., and the serial port's speed when it is named and nobody has set it. */
static bool
add_console(char *args, size_t size, const char *console)
{
        static const struct {
                const char *name, *setting, *set;
        } ports[] = {{"com1", "com1=", "com1=115200,8n1"}, {"com2", "com2=", "com2=115200,8n1"}};
        char text[NAME_SIZE + 16];
        bool ok;

        if (*console == '\0')
                return true;
        if (strchr(console, ' '))
                return false;
        snprintf(text, sizeof(text), "console=%s", console);
        ok = args_add(args, size, text);
        for (size_t i = 0; i < N_ELEMENTS(ports); i++)
                if (list_has(console, ports[i].name) && !strstr(args, ports[i].setting))
                        ok = ok && args_add(args, size, ports[i].set);
        return ok;
}

static bool
make_xen_args(const struct menu_request *r, const struct policy_image *image, struct menu_boot *boot)
{
        const struct policy_header *h = policy_header(r->policy);
        const char *console = r->host->console[0] ? r->host->console : h->console;
        char *args = boot->xen_args;
        size_t size = sizeof(boot->xen_args);

        /* Debian's own scripts give these two on EFI: there is no real mode to go back to, and no BIOS disk data to ask for. */
        return args_add(args, size, h->xen_args) && args_add(args, size, image->xen_args) &&
               args_add(args, size, r->chosen.profile->xen_args) && args_add(args, size, r->host->xen_args) &&
               add_console(args, size, console) && args_add(args, size, r->loader->efi ? "no-real-mode edd=off" : "");
}

/* What dompool-init needs to find home (docs/ARCHITECTURE.md, "The life of a boot", 3). */
static bool
add_way_home(const struct menu_request *r, const struct menu_boot *boot, char *args, size_t size)
{
        const struct policy_header *h = policy_header(r->policy);
        char ip[IP4_TEXT_SIZE], mac[MAC_TEXT_SIZE], text[512];

        snprintf(text, sizeof(text),
                 "dompool.server=%s dompool.http=%u dompool.agent=%u dompool.fp=%s dompool.token=%s dompool.host=%s "
                 "dompool.mac=%s dompool.image=%s",
                 ip4_text(r->server, ip), h->http_port, h->agent_port, h->tls_fingerprint, r->token, r->host->name,
                 mac_text(&r->host->mac, mac), boot->image);
        return args_add(args, size, text);
}

/* What dompool-init is to do with the machine; a pool host needs no word. */
static const char *
mode_arg(enum profile_kind kind)
{
        switch (kind) {
        case PROFILE_INSPECT:
                return "dompool.mode=inspect";
        case PROFILE_RESCUE:
                return "dompool.mode=rescue";
        default:
                return "";
        }
}

static bool
make_dom0_args(const struct menu_request *r, const struct policy_image *image, struct menu_boot *boot)
{
        char *args = boot->dom0_args;
        size_t size = sizeof(boot->dom0_args);

        return args_add(args, size, "console=hvc0") && args_add(args, size, policy_header(r->policy)->kernel_args) &&
               args_add(args, size, image->kernel_args) && args_add(args, size, r->chosen.profile->kernel_args) &&
               args_add(args, size, r->host->kernel_args) && args_add(args, size, mode_arg(r->chosen.profile->kind)) &&
               add_way_home(r, boot, args, size);
}

/* NULL: everything is there for the pool; else why not. */
static const char *
make_boot(const struct menu_request *r, struct menu_boot *boot)
{
        const struct policy_image *image = r->chosen.image;

        if (!r->policy || !r->host || !r->chosen.profile)
                return "this host is not known";
        if (!profile_kind_boots_image(r->chosen.profile->kind))
                return "profile local";
        if (!image)
                return "there is no image for this host";
        boot->host = r->host->name;
        boot->profile = r->chosen.profile->name;
        boot->server = r->server;
        boot->http_port = policy_header(r->policy)->http_port;
        snprintf(boot->image, sizeof(boot->image), "%.16s", image->id);
        if (!make_xen_args(r, image, boot))
                return "Xen's arguments are too long or hold characters that a menu cannot";
        if (!make_dom0_args(r, image, boot))
                return "dom0's arguments are too long or hold characters that a menu cannot";
        return NULL;
}

void
menu_render_local(const struct menu_loader *loader, const char *why, struct menu_text *out)
{
        memset(out, 0, sizeof(*out));
        loader->render_local(why, out);
}

enum profile_kind
menu_render(const struct menu_request *r, struct menu_text *out, const char **ret_why)
{
        struct menu_boot boot = {0};
        const char *why = make_boot(r, &boot);

        memset(out, 0, sizeof(*out));
        if (!why) {
                r->loader->render_pool(&boot, out);
                if (!out->overflow)
                        return r->chosen.profile->kind;
                why = "the menu is too long";
        }
        menu_render_local(r->loader, why, out);
        *ret_why = why;
        return PROFILE_LOCAL;
}
