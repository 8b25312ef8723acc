/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PXELINUX's language: Xen by mboot.c32 (Multiboot 1), another server's loader by pxechn.c32, menus for people by menu.c32.
 * Paths are relative to pxelinux.0 or to the prefix of option 210: lpxelinux fetches the same names by HTTP. Pure.
 */
#include "bootcfg/menu.h"

static void
put_action(const struct menu_page *page, const struct menu_item *item, struct menu_text *out)
{
        char ip[IP4_TEXT_SIZE];

        switch (item->kind) {
        case PROFILE_LOCAL:
                menu_put(out, "  LOCALBOOT 0\n");
                break;
        case PROFILE_CHAIN:
                menu_put(out, "  KERNEL pxechn.c32\n  APPEND %s::%s\n", ip4_text(item->chain_server, ip), item->chain_file);
                break;
        default:
                menu_put(out, "  KERNEL mboot.c32\n");
                menu_put(out, "  APPEND i/%s/xen.gz %s", item->image, item->xen_args);
                menu_put(out, " --- i/%s/vmlinuz %s %s", item->image, item->dom0_args, page->home);
                menu_put(out, " --- i/%s/%s\n", item->image, item->initrd);
        }
}

/* PROMPT 0 boots at once; a prompt, and with it the time-out, comes only after a failure and then leads to the local disk. */
static void
put_single(const struct menu_page *page, struct menu_text *out)
{
        const struct menu_item *item = &page->items[0];

        if (item->kind == PROFILE_LOCAL) {
                menu_put(out, "# dompool: local disk (%s)\nDEFAULT local\nPROMPT 0\nLABEL local\n", item->why);
                put_action(page, item, out);
                return;
        }
        menu_put(out, "# dompool: host %s, %s", page->host, item->profile);
        if (item->image[0])
                menu_put(out, ", image %s", item->image);
        menu_put(out, "\nDEFAULT boot\nPROMPT 0\nTIMEOUT 100\nONTIMEOUT local\nLABEL boot\n");
        put_action(page, item, out);
        menu_put(out, "LABEL local\n  LOCALBOOT 0\n");
}

/* ALLOWOPTIONS 0 and NOESCAPE 1: who may not pick an entry may not type it either. */
static void
put_menu(const struct menu_page *page, struct menu_text *out)
{
        menu_put(out, "# dompool: host %s, menu\nUI menu.c32\nPROMPT 0\nNOESCAPE 1\nALLOWOPTIONS 0\n", page->host);
        menu_put(out, "MENU TITLE %s\nTIMEOUT %u\nONTIMEOUT item0\n", page->title, page->timeout * 10);
        for (uint32_t i = 0; i < page->n_items; i++) {
                const struct menu_item *item = &page->items[i];

                menu_put(out, "LABEL item%u\n  MENU LABEL %s\n", i, item->title);
                if (i == 0)
                        menu_put(out, "  MENU DEFAULT\n");
                if (item->password)
                        menu_put(out, "  MENU PASSWD %s\n", item->password);
                put_action(page, item, out);
        }
}

static void
render(const struct menu_page *page, struct menu_text *out)
{
        if (page->title)
                put_menu(page, out);
        else
                put_single(page, out);
}

static const struct menu_language language = {.render = render, .password = MENU_PASSWORD_SYSLINUX, .forbidden = ""};

const struct menu_doc menu_doc_pxelinux = {
        .name = "pxelinux",
        .prefix = "pxelinux.cfg/01-",
        .names = "pxelinux.cfg/",
        .fallback = "pxelinux.cfg/default",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_BIOS,
};
