/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iPXE's language: everything by HTTP. On BIOS iPXE loads Xen itself (Multiboot 1, so Xen must not be gzipped); on UEFI it
 * starts xen.efi, which reads its configuration, kernel and initrd from iPXE's files. What this iPXE cannot do goes to another
 * loader, by TFTP; what fails ends at the local disk. Pure.
 */
#include <string.h>

#include "bootcfg/menu.h"

/*
 * iPXE 1.0 keeps all command lines together, each with its file's URL before it, in so many bytes and cuts what is longer
 * without a word (multiboot.c, MB_MAX_CMDLINE). So dom0 gets the short way home, and lines that are too long get another
 * loader.
 */
#define COMMAND_LINES_MAX 512

static size_t
line_size(const struct menu_page *page, const struct menu_item *item, const char *file, const char *args)
{
        char url[MENU_URL_SIZE];

        return strlen(menu_image_url(page, item, file, url)) + (*args ? 1 + strlen(args) : 0) + 1;
}

static bool
lines_fit(const struct menu_page *page, const struct menu_item *item)
{
        return line_size(page, item, "xen", item->xen_args) + line_size(page, item, "vmlinuz", item->dom0_args) + 1 +
                       strlen(page->home_short) + line_size(page, item, item->initrd, "") <=
               COMMAND_LINES_MAX;
}

static void
put_bios_image(const struct menu_page *page, uint32_t i, struct menu_text *out)
{
        const struct menu_item *item = &page->items[i];
        char url[MENU_URL_SIZE];

        menu_put(out, "kernel %s %s || goto other\n", menu_image_url(page, item, "xen", url), item->xen_args);
        menu_put(out, "module %s %s %s || goto other\n", menu_image_url(page, item, "vmlinuz", url), item->dom0_args,
                 page->home_short);
        menu_put(out, "module %s || goto other\nboot || goto other\n", menu_image_url(page, item, item->initrd, url));
}

/*
 * Logs in to the target of the root, so that dom0 finds an iBFT (iscsi-hook of the profile); as late as can be, for a disk that
 * is hooked is the firmware's, too, and a boot that ends at the local disk is to find that alone. Without an iBFT dom0 goes by
 * its command line.
 */
static void
put_hook(const struct menu_page *page, const struct menu_item *item, struct menu_text *out)
{
        char mac[2 * sizeof(page->mac.b) + 1];

        menu_put(out, "set initiator-iqn " ROOT_INITIATOR "%s\n", hex_text(page->mac.b, sizeof(page->mac.b), mac));
        menu_put(out, "sanhook %s || echo dompool: no iBFT, dom0 goes by its command line\n", item->hook);
        menu_put(out, "boot ||\nsanunhook ||\ngoto other\n");
}

/* xen.efi looks for xen.cfg among iPXE's files; its section is named on xen.efi's command line. */
static void
put_efi_image(const struct menu_page *page, uint32_t i, struct menu_text *out)
{
        const struct menu_item *item = &page->items[i];
        char url[MENU_URL_SIZE], ip[IP4_TEXT_SIZE], mac[MAC_TEXT_SIZE];

        mac_text(&page->mac, mac);
        for (char *p = mac; *p; p++)
                if (*p == ':')
                        *p = '-';
        menu_put(out, "kernel %s item%u || goto other\n", menu_image_url(page, item, "xen.efi", url), i);
        menu_put(out, "initrd --name xen.cfg http://%s:%u/%s%s || goto other\n", ip4_text(page->server, ip), page->http_port,
                 menu_doc_xen_cfg.prefix, mac);
        menu_put(out, "initrd %s || goto other\n", menu_image_url(page, item, "vmlinuz", url));
        menu_put(out, "initrd %s || goto other\n", menu_image_url(page, item, item->initrd, url));
        if (*item->hook)
                put_hook(page, item, out);
        else
                menu_put(out, "boot || goto other\n");
}

static void
put_chain(const struct menu_item *item, struct menu_text *out)
{
        char ip[IP4_TEXT_SIZE];

        ip4_text(item->chain_server, ip);
        if (strstr(item->chain_file, "://"))
                menu_put(out, "chain %s || goto local\n", item->chain_file);
        else
                menu_put(out, "set next-server %s\nset filename %s\nchain tftp://%s/%s || goto local\n", ip, item->chain_file,
                         ip, item->chain_file);
}

static void
put_item(const struct menu_page *page, uint32_t i, struct menu_text *out)
{
        const struct menu_item *item = &page->items[i];

        if (item->kind == PROFILE_LOCAL) {
                menu_put(out, "goto local\n");
        } else if (item->kind == PROFILE_CHAIN) {
                put_chain(item, out);
        } else if (page->doc == &menu_doc_ipxe_xen) {
                put_efi_image(page, i, out);
        } else if (lines_fit(page, item)) {
                put_bios_image(page, i, out);
        } else {
                menu_put(out, "echo dompool: the command lines are too long for iPXE\ngoto other\n");
        }
}

/* BIOS: some start the network again when a ROM returns, so the disk is started from here; UEFI goes on to its next entry. */
static void
put_end(const struct menu_page *page, struct menu_text *out)
{
        char ip[IP4_TEXT_SIZE];

        if (page->host[0])
                menu_put(out, ":other\necho dompool: %s is tried instead\nimgfree\nchain tftp://%s/%s || goto local\n",
                         page->doc->other, ip4_text(page->server, ip), page->doc->other);
        if (page->doc == &menu_doc_ipxe_xen)
                menu_put(out, ":local\necho dompool: local disk\nexit 1\n");
        else
                menu_put(out, ":local\necho dompool: local disk\nsanboot --no-describe --drive 0x80 || exit 1\n");
}

static void
put_menu(const struct menu_page *page, struct menu_text *out)
{
        menu_put(out, "menu %s\n", page->title);
        for (uint32_t i = 0; i < page->n_items; i++)
                menu_put(out, "item item%u %s\n", i, page->items[i].title);
        menu_put(out, "choose --timeout %u --default item0 target && goto ${target} || goto item0\n", page->timeout * 1000);
        for (uint32_t i = 0; i < page->n_items; i++) {
                menu_put(out, ":item%u\n", i);
                put_item(page, i, out);
        }
}

static void
render(const struct menu_page *page, struct menu_text *out)
{
        const struct menu_item *item = &page->items[0];

        menu_put(out, "#!ipxe\n");
        if (!page->host[0] || (!page->title && item->kind == PROFILE_LOCAL))
                menu_put(out, "# dompool: local disk (%s)\n", item->why);
        else
                menu_put(out, "# dompool: host %s, %s\n", page->host, page->title ? "menu" : item->profile);
        if (page->title && page->hidden_password)
                menu_put(out, "# iPXE knows no hashed password\ngoto other\n");
        else if (page->title)
                put_menu(page, out);
        else
                put_item(page, 0, out);
        put_end(page, out);
}

/* iPXE expands ${...} and knows || and && everywhere, quotes or not. */
static const struct menu_language language = {
        .render = render, .password = MENU_PASSWORD_NONE, .short_home = true, .forbidden = "$|&#"};

const struct menu_doc menu_doc_ipxe = {
        .name = "ipxe",
        .prefix = "ipxe/01-",
        .names = "ipxe/",
        .fallback = "ipxe/default",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_BIOS | QUIRK_IPXE,
        .other = "pxelinux.0",
};

const struct menu_doc menu_doc_ipxe_xen = {
        .name = "ipxe-xen",
        .prefix = "ipxe-efi/01-",
        .names = "ipxe-efi/",
        .fallback = "ipxe-efi/default",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_EFI | QUIRK_IPXE,
        .other = "grub/x86_64-efi/core.efi",
};
