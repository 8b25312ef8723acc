/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xen.efi's configuration: a section an item. iPXE hands it over as a file xen.cfg, and kernel and initrd by the names that its
 * script gave them (menu_ipxe.c). Pure.
 */
#include "bootcfg/menu.h"

static void
render(const struct menu_page *page, struct menu_text *out)
{
        menu_put(out, "# dompool: host %s\n[global]\ndefault=item0\n", page->host);
        for (uint32_t i = 0; i < page->n_items; i++) {
                const struct menu_item *item = &page->items[i];

                if (item->kind == PROFILE_LOCAL || item->kind == PROFILE_CHAIN)
                        continue; /* never asked for by the script; were it, Xen would say so and end */
                menu_put(out, "[item%u]\noptions=%s\nkernel=vmlinuz %s %s\nramdisk=%s\n", i, item->xen_args, item->dom0_args,
                         page->home, item->initrd);
        }
}

static const struct menu_language language = {.render = render, .password = MENU_PASSWORD_NONE, .forbidden = ""};

const struct menu_doc menu_doc_xen_cfg = {
        .name = "xen.cfg",
        .prefix = "xen.cfg/01-",
        .names = "xen.cfg/",
        .fallback = "xen.cfg/default",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_EFI | QUIRK_IPXE,
};
