/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which loader a firmware gets and how DHCP says so. Pure: a packet's facts in, a table row and options out. Decides nothing on
 * what is booted. Runs in dompoold's `boot` role.
 */
#include "bootcfg/loader.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "bootcfg/menu.h"

/* --- Who asks. --- */

static const struct {
        uint8_t code;
        unsigned feature;
} ipxe_features[] = {
        {0x13, FIRMWARE_IPXE_HTTP},
        {0x19, FIRMWARE_IPXE_MULTIBOOT},
        {0x24, FIRMWARE_IPXE_EFI},
};

/* iPXE's own options: code, size, data; a feature is one whose data is not zero. */
static unsigned
features_of(const uint8_t *data, size_t size)
{
        unsigned features = 0;

        for (size_t at = 0; at + 2 < size; at += 2u + data[at + 1]) {
                if (data[at + 1] == 0 || data[at + 1] > size - at - 2)
                        continue;
                for (size_t i = 0; i < N_ELEMENTS(ipxe_features); i++)
                        if (data[at] == ipxe_features[i].code && data[at + 2] != 0)
                                features |= ipxe_features[i].feature;
        }
        return features;
}

/* Every iPXE calls itself "iPXE" in the user class, whose words have a size before them by RFC 3004 and in practice do not. */
static bool
is_ipxe(const struct dhcp_packet *p)
{
        size_t size;
        const uint8_t *class = dhcp_option(p, DHCP_OPT_USER_CLASS, &size);

        return (class && size == 4 && memcmp(class, "iPXE", 4) == 0) ||
               (class && size == 5 && memcmp(class, "\4iPXE", 5) == 0) || dhcp_option(p, DHCP_OPT_IPXE, &size);
}

bool
firmware_parse(const struct dhcp_packet *p, struct firmware *ret)
{
        struct firmware f = {0};
        const uint8_t *data;
        size_t size;

        if (dhcp_option_begins(p, DHCP_OPT_VENDOR_CLASS, "HTTPClient"))
                f.client = FIRMWARE_HTTP;
        else if (dhcp_option_begins(p, DHCP_OPT_VENDOR_CLASS, "PXEClient"))
                f.client = is_ipxe(p) ? FIRMWARE_IPXE : FIRMWARE_PXE;
        else
                return false;
        /* A list of types (RFC 4578, 2.1); firmware sends one. PXE without option 93 is an old BIOS. */
        data = dhcp_option(p, DHCP_OPT_CLIENT_ARCH, &size);
        f.arch = data && size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
        data = dhcp_option(p, DHCP_OPT_IPXE, &size);
        if (data && f.client == FIRMWARE_IPXE)
                f.features = features_of(data, size);
        *ret = f;
        return true;
}

/* --- The table. --- */

static const uint16_t archs_bios[] = {0, LOADER_ARCH_END};
/* RFC 4578 gave 9 to x86-64 and 7 to "EFI byte code"; an erratum and all firmware have 7 for x86-64. Some send 8. 16 is HTTP
 * boot. */
static const uint16_t archs_efi_x64[] = {7, 9, 8, 16, LOADER_ARCH_END};
static const uint16_t archs_efi_arm64[] = {11, 19, LOADER_ARCH_END};

#define ANY_PXE (FIRMWARE_PXE | FIRMWARE_IPXE)
#define ANY_CLIENT (FIRMWARE_PXE | FIRMWARE_HTTP | FIRMWARE_IPXE)

static const struct loader loaders[] = {
        {
                .name = "ipxe",
                .archs = archs_bios,
                .clients = FIRMWARE_IPXE,
                .needs = FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_MULTIBOOT,
                .by_http = true,
                .menu = &menu_doc_ipxe,
        },
        {
                .name = "ipxe-xen",
                .archs = archs_efi_x64,
                .clients = FIRMWARE_IPXE,
                .needs = FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_EFI,
                .by_http = true,
                .menu = &menu_doc_ipxe_xen,
        },
        {
                .name = "pxelinux",
                .boot_file = "pxelinux.0",
                .archs = archs_bios,
                .clients = ANY_PXE,
                .menu = &menu_doc_pxelinux,
        },
        {
                /* GRUB takes three times as long for the files: its TCP says no segment size, so that it gets 536 bytes. */
                .name = "snponly",
                .boot_file = "snponly.efi",
                .archs = archs_efi_x64,
                .clients = FIRMWARE_PXE | FIRMWARE_HTTP,
        },
        {
                .name = "grub-efi",
                .boot_file = "grub/x86_64-efi/core.efi",
                .archs = archs_efi_x64,
                .clients = ANY_CLIENT,
                .menu = &menu_doc_grub_efi,
        },
        {
                .name = "grub-arm64",
                .boot_file = "grub-arm64/core.efi",
                .archs = archs_efi_arm64,
                .clients = ANY_CLIENT,
                .menu = &menu_doc_grub_arm64,
        },
        /* From here on there is a wish for it, or another one that failed before. */
        {
                .name = "undionly",
                .boot_file = "undionly.kpxe",
                .archs = archs_bios,
                .clients = ANY_PXE,
                .by_wish = true,
        },
        {
                .name = "ipxe-pxe",
                .boot_file = "ipxe.pxe",
                .archs = archs_bios,
                .clients = ANY_PXE,
                .by_wish = true,
        },
        {
                .name = "ipxe-efi",
                .boot_file = "ipxe.efi",
                .archs = archs_efi_x64,
                .clients = ANY_CLIENT,
                .by_wish = true,
        },
        {
                .name = "grub-pc",
                .boot_file = "grub-pc/core.0",
                .archs = archs_bios,
                .clients = ANY_PXE,
                .by_wish = true,
                .menu = &menu_doc_grub_pc,
        },
        {
                .name = "lpxelinux",
                .boot_file = "lpxelinux.0",
                .archs = archs_bios,
                .clients = ANY_PXE,
                .by_wish = true,
                .by_http = true,
                .menu = &menu_doc_pxelinux,
        },
        {
                .name = "pxegrub",
                .boot_file = "pxegrub",
                .archs = archs_bios,
                .clients = ANY_PXE,
                .by_wish = true,
                .menu = &menu_doc_pxegrub,
        },
};

static bool
runs_arch(const struct loader *l, uint16_t arch)
{
        for (const uint16_t *a = l->archs; *a != LOADER_ARCH_END; a++)
                if (*a == arch)
                        return true;
        return false;
}

static bool
can_run(const struct loader *l, const struct firmware *f, bool no_http)
{
        return (l->clients & f->client) && runs_arch(l, f->arch) && (l->needs & ~f->features) == 0 && !(l->by_http && no_http);
}

/* The row that the wish names, if this firmware can run it. Who wishes an iPXE has got it once he asks as one. */
static const struct loader *
wished(const struct firmware *f, const struct loader_wish *wish)
{
        const struct loader *l = wish && wish->name ? loader_find(wish->name) : NULL;

        if (!l || !can_run(l, f, wish->no_http) || (!l->menu && f->client == FIRMWARE_IPXE))
                return NULL;
        return l;
}

/* An iPXE is loaded for its HTTP: without, it would only ask again and be given a further loader. */
static bool
is_usual(const struct loader *l, bool no_http)
{
        return !l->by_wish && (l->menu || !no_http);
}

const struct loader *
loader_choose(const struct firmware *f, const struct loader_wish *wish)
{
        const bool no_http = wish && wish->no_http;
        const struct loader *l = wished(f, wish);

        for (size_t i = 0; !l && i < N_ELEMENTS(loaders); i++)
                if (is_usual(&loaders[i], no_http) && can_run(&loaders[i], f, no_http))
                        l = &loaders[i];
        return l;
}

const struct loader *
loader_after(const struct firmware *f, const struct loader_wish *wish, const struct loader *tried)
{
        bool no_http = wish && wish->no_http;

        for (size_t i = 0; i < N_ELEMENTS(loaders); i++) {
                const struct loader *l = &loaders[(size_t)(tried - loaders + 1 + (ptrdiff_t)i) % N_ELEMENTS(loaders)];

                /* pxegrub is packaged by nobody: it may not be there. An iPXE that already runs is no other loader. */
                if (l != tried && can_run(l, f, no_http) && l->menu != &menu_doc_pxegrub &&
                    (l->menu || f->client != FIRMWARE_IPXE))
                        return l;
        }
        return NULL;
}

const struct loader *
loader_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(loaders); i++)
                if (strcmp(loaders[i].name, name) == 0)
                        return &loaders[i];
        return NULL;
}

int
loader_check(const char *name, struct error *err)
{
        char list[256] = "";
        size_t n = 0;

        if (*name == '\0' || loader_find(name))
                return 0;
        for (size_t i = 0; i < N_ELEMENTS(loaders) && n < sizeof(list); i++)
                n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i > 0 ? ", " : "", loaders[i].name);
        return error_set(err, ERR_INVALID, "there is no loader '%s'; there are: %s", name, list);
}

const struct loader *
loader_at(size_t i)
{
        return i < N_ELEMENTS(loaders) ? &loaders[i] : NULL;
}

/* --- What DHCP says. --- */

static char *
menu_path(const struct loader *l, const struct mac *mac, char buf[LOADER_URL_SIZE])
{
        snprintf(buf, LOADER_URL_SIZE, "%s%02x-%02x-%02x-%02x-%02x-%02x", l->menu->prefix, mac->b[0], mac->b[1], mac->b[2],
                 mac->b[3], mac->b[4], mac->b[5]);
        return buf;
}

char *
loader_boot_name(const struct loader *l, const struct firmware *f, const struct loader_site *site, char buf[LOADER_URL_SIZE])
{
        char menu[LOADER_URL_SIZE], ip[IP4_TEXT_SIZE];
        const char *file = l->boot_file ? l->boot_file : menu_path(l, &site->mac, menu);

        /* An iPXE that is there already takes the bigger files of a further loader by HTTP as well, where it can. */
        if (!l->boot_file || f->client == FIRMWARE_HTTP)
                snprintf(buf, LOADER_URL_SIZE, "http://%s:%u/%.80s", ip4_text(site->address, ip), site->http_port, file);
        else
                snprintf(buf, LOADER_URL_SIZE, "%s", file);
        return buf;
}

/* GRUB legacy takes the path of its menu from here; elsewhere 150 is a list of addresses (RFC 5859), so it goes to nobody else.
 */
static void
add_pxegrub(const struct loader *l, const struct loader_site *site, struct dhcp_builder *b)
{
        char menu[LOADER_URL_SIZE], text[LOADER_URL_SIZE + 8];

        snprintf(text, sizeof(text), "(nd)/%s", menu_path(l, &site->mac, menu));
        dhcp_build_text(b, DHCP_OPT_GRUB_MENU, text);
}

/* RFC 5071: all names that it asks for, its menu's too, begin with this. */
static void
add_path_prefix(const struct loader_site *site, struct dhcp_builder *b)
{
        char ip[IP4_TEXT_SIZE], text[64];

        snprintf(text, sizeof(text), "http://%s:%u/", ip4_text(site->address, ip), site->http_port);
        dhcp_build_text(b, DHCP_OPT_PXELINUX_PREFIX, text);
}

void
loader_add_options(const struct loader *l, const struct firmware *f, const struct loader_site *site, struct dhcp_builder *b)
{
        char name[LOADER_URL_SIZE], ip[IP4_TEXT_SIZE];

        loader_boot_name(l, f, site, name);
        if (f->client == FIRMWARE_HTTP)
                dhcp_build_text(b, DHCP_OPT_VENDOR_CLASS,
                                "HTTPClient"); /* UEFI 2.10, 24.7.3.1: else the offer is no HTTP offer */
        else
                dhcp_build_text(b, DHCP_OPT_TFTP_SERVER, ip4_text(site->address, ip));
        /* With its NUL, which some ROMs need. */
        dhcp_build_option(b, DHCP_OPT_BOOT_FILE, name, strlen(name) + 1);
        if (l->menu == &menu_doc_pxegrub)
                add_pxegrub(l, site, b);
        if (l->menu == &menu_doc_pxelinux && l->by_http)
                add_path_prefix(site, b);
}
