/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GRUB legacy's language, as network-enabled pxegrub reads it: (nd) is the server that it was loaded from. Pure.
 */
#include <string.h>

#include "bootcfg/menu.h"

#define LINE_MAX_SIZE 1500 /* of GRUB 0.97's 1600 bytes a command */

static bool
lines_fit(const struct menu_page *page, const struct menu_item *item)
{
        return strlen(item->dom0_args) + strlen(page->home) + 64 < LINE_MAX_SIZE;
}

static void
put_local(struct menu_text *out)
{
        menu_put(out, "  rootnoverify (hd0)\n  chainloader +1\n");
}

/* Another server's menu: pxegrub has no way to start another network loader. */
static void
put_chain(const struct menu_item *item, struct menu_text *out)
{
        char ip[IP4_TEXT_SIZE];

        menu_put(out, "  tftpserver %s\n  configfile (nd)/%s\n", ip4_text(item->chain_server, ip), item->chain_file);
}

static void
put_image(const struct menu_page *page, const struct menu_item *item, struct menu_text *out)
{
        menu_put(out, "  root (nd)\n  kernel (nd)/i/%s/xen.gz %s\n", item->image, item->xen_args);
        menu_put(out, "  module (nd)/i/%s/vmlinuz %s %s\n", item->image, item->dom0_args, page->home);
        menu_put(out, "  modulenounzip (nd)/i/%s/%s\n", item->image, item->initrd);
}

static void
put_item(const struct menu_page *page, const struct menu_item *item, struct menu_text *out)
{
        menu_put(out, "title %s\n", item->title);
        if (item->password)
                menu_put(out, "  password --md5 %s\n", item->password);
        if (item->kind == PROFILE_CHAIN)
                put_chain(item, out);
        else if (item->kind == PROFILE_LOCAL || !lines_fit(page, item))
                put_local(out);
        else
                put_image(page, item, out);
}

/* What fails falls back to the local disk, which is the last item. */
static void
render(const struct menu_page *page, struct menu_text *out)
{
        const struct menu_item *first = &page->items[0];

        if (!page->title && first->kind == PROFILE_LOCAL)
                menu_put(out, "# dompool: local disk (%s)\n", first->why);
        else
                menu_put(out, "# dompool: host %s, %s\n", page->host, page->title ? "menu" : first->profile);
        menu_put(out, "default 0\ntimeout %u\nfallback %u\n", page->title ? page->timeout : 0, page->n_items);
        if (!page->title)
                menu_put(out, "hiddenmenu\n");
        for (uint32_t i = 0; i < page->n_items; i++)
                put_item(page, &page->items[i], out);
        menu_put(out, "title local disk\n");
        put_local(out);
}

static const struct menu_language language = {.render = render, .password = MENU_PASSWORD_PXEGRUB, .forbidden = ""};

const struct menu_doc menu_doc_pxegrub = {
        .name = "pxegrub",
        .prefix = "pxegrub/01-",
        .names = "pxegrub/",
        .fallback = "pxegrub/default",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_BIOS,
};
