/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GRUB 2's language, on BIOS and x86 UEFI by Multiboot 2, on arm64 by its own commands for Xen. Pure. GRUB's shell sees every
 * word, so that words with its special characters are quoted.
 */
#include <string.h>

#include "bootcfg/menu.h"

/* The words of @args, in single quotes where GRUB's shell would see more than a word; menu_args_safe() let no quote through. */
static void
put_words(struct menu_text *out, const char *args)
{
        while (*args) {
                size_t n = strcspn(args, " ");
                bool plain = strspn(args, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,:=/+@%-") >= n;

                if (n > 0)
                        menu_put(out, plain ? " %.*s" : " '%.*s'", (int)n, args);
                args += n;
                args += strspn(args, " ");
        }
}

/* By TFTP, which every GRUB reads; (http,SERVER,PORT) is known to newer and patched ones only. */
static void
put_path(const struct menu_page *page, const struct menu_item *item, const char *file, struct menu_text *out)
{
        char ip[IP4_TEXT_SIZE];

        menu_put(out, " (tftp,%s)/i/%s/%s", ip4_text(page->server, ip), item->image, file);
}

/* The commands that load Xen, dom0's kernel and its initrd, which is to arrive as it is: Linux unpacks it. And the loaders that
 * a disk may have below /EFI: those of installed systems, and last what a removable disk would have as well. */
struct arch {
        const char *xen, *kernel, *initrd;
        const char *loaders; /* without their .efi */
};
static const struct arch x86 = {"multiboot2", "module2", "module2 --nounzip",
                                "Microsoft/Boot/bootmgfw debian/shimx64 debian/grubx64 ubuntu/shimx64 fedora/shimx64 "
                                "redhat/shimx64 centos/shimx64 rocky/shimx64 almalinux/shimx64 opensuse/shim BOOT/BOOTX64"};
static const struct arch arm64 = {"xen_hypervisor", "xen_module", "xen_module --nounzip",
                                  "Microsoft/Boot/bootmgfw debian/shimaa64 debian/grubaa64 ubuntu/shimaa64 fedora/shimaa64 "
                                  "BOOT/BOOTAA64"};

static void
put_image(const struct menu_page *page, const struct menu_item *item, const struct arch *c, struct menu_text *out)
{
        menu_put(out, "if %s", c->xen);
        put_path(page, item, "xen.gz", out);
        put_words(out, item->xen_args);
        menu_put(out, "; then\n  if %s", c->kernel);
        put_path(page, item, "vmlinuz", out);
        put_words(out, item->dom0_args);
        put_words(out, page->home);
        menu_put(out, "; then\n    if %s", c->initrd);
        put_path(page, item, item->initrd, out);
        menu_put(out, "; then\n      boot\n    fi\n  fi\nfi\n");
        menu_put(out, "echo 'dompool: the image could not be loaded; the local disk follows'\nsleep 5\n");
}

/* Only EFI can start another network loader from GRUB. */
static void
put_chain(const struct menu_item *item, const struct menu_doc *doc, struct menu_text *out)
{
        char ip[IP4_TEXT_SIZE];

        if (doc == &menu_doc_grub_pc) {
                menu_put(out, "echo 'dompool: GRUB on BIOS cannot start a loader of another server'\nsleep 5\n");
                return;
        }
        menu_put(out, "if chainloader (tftp,%s)/%s; then\n  boot\nfi\n", ip4_text(item->chain_server, ip), item->chain_file);
}

/* GRUB 2.06 leaves with success whatever `exit` is told, and UEFI firmware shows its set-up then instead of going on to the
 * disk. So the disk's own loader is looked for. */
static void
put_local_efi(const struct arch *a, struct menu_text *out)
{
        menu_put(out,
                 "for file in %s; do\n"
                 "  if search --no-floppy --set=disk --file /EFI/$file.efi; then\n"
                 "    if chainloader ($disk)/EFI/$file.efi; then\n      boot\n    fi\n"
                 "  fi\n"
                 "done\n",
                 a->loaders);
}

/* Ends with an error code, so that firmware which looks at it goes on to its next boot device. */
static void
put_item(const struct menu_page *page, const struct menu_item *item, struct menu_text *out)
{
        const struct arch *a = page->doc == &menu_doc_grub_arm64 ? &arm64 : &x86;

        if (item->kind == PROFILE_CHAIN)
                put_chain(item, page->doc, out);
        else if (item->kind != PROFILE_LOCAL)
                put_image(page, item, a, out);
        else if (page->doc != &menu_doc_grub_pc)
                put_local_efi(a, out);
        menu_put(out, "exit 1\n");
}

static void
put_single(const struct menu_page *page, struct menu_text *out)
{
        const struct menu_item *item = &page->items[0];

        if (item->kind == PROFILE_LOCAL) {
                menu_put(out, "# dompool: local disk (%s)\n", item->why);
        } else {
                menu_put(out, "# dompool: host %s, %s", page->host, item->profile);
                if (item->image[0])
                        menu_put(out, ", image %s", item->image);
                menu_put(out, "\nset timeout=0\n");
        }
        put_item(page, item, out);
}

/* A superuser without a password is nobody: then GRUB's own shell and editor are closed, and an entry's password is asked for
 * with the user name that its title names. */
static void
put_menu(const struct menu_page *page, struct menu_text *out)
{
        menu_put(out, "# dompool: host %s, menu\nset timeout=%u\nset default=0\nset superusers=nobody\n", page->host,
                 page->timeout);
        for (uint32_t i = 0; i < page->n_items; i++)
                if (page->items[i].password)
                        menu_put(out, "password_pbkdf2 user%u %s\n", i, page->items[i].password);
        for (uint32_t i = 0; i < page->n_items; i++) {
                const struct menu_item *item = &page->items[i];

                if (item->password)
                        menu_put(out, "menuentry '%s (user: user%u)' --users user%u {\n", item->title, i, i);
                else
                        menu_put(out, "menuentry '%s' --unrestricted {\n", item->title);
                put_item(page, item, out);
                menu_put(out, "}\n");
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

static const struct menu_language language = {.render = render, .password = MENU_PASSWORD_GRUB, .forbidden = ""};

const struct menu_doc menu_doc_grub_efi = {
        .name = "grub-efi",
        .prefix = "grub/grub.cfg-01-",
        .names = "grub/grub.cfg",
        .fallback = "grub/grub.cfg",
        .language = &language,
        /* As Debian's own scripts: there is no real mode to go back to, and no BIOS disk data to ask for. */
        .xen_args = "no-real-mode edd=off",
        .firmware = QUIRK_EFI,
};

const struct menu_doc menu_doc_grub_pc = {
        .name = "grub-pc",
        .prefix = "grub-pc/grub.cfg-01-",
        .names = "grub-pc/grub.cfg",
        .fallback = "grub-pc/grub.cfg",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_BIOS,
};

const struct menu_doc menu_doc_grub_arm64 = {
        .name = "grub-arm64",
        .prefix = "grub-arm64/grub.cfg-01-",
        .names = "grub-arm64/grub.cfg",
        .fallback = "grub-arm64/grub.cfg",
        .language = &language,
        .xen_args = "",
        .firmware = QUIRK_EFI,
};
