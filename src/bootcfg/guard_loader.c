/* SPDX-License-Identifier: Apache-2.0 */
/* Loader and Xen: what each loader is made of, and which of Xen's forms it can start. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/guard_private.h"
#include "bootcfg/menu.h"

enum xen_form { XEN_ANY, XEN_MULTIBOOT1, XEN_MULTIBOOT2, XEN_PLAIN, XEN_EFI };

/* Per loader of loader.c. */
static const struct loader_needs {
        const char *name;
        enum xen_form xen;
        const char *files[4]; /* of STORE/loaders; the first is the loader itself */
} needs[] = {
        {"pxelinux", XEN_MULTIBOOT1, {"pxelinux.0", "mboot.c32", "ldlinux.c32", "libcom32.c32"}},
        {"lpxelinux", XEN_MULTIBOOT1, {"lpxelinux.0", "mboot.c32", "ldlinux.c32", "libcom32.c32"}},
        {"pxegrub", XEN_MULTIBOOT1, {"pxegrub"}},
        {"grub-efi", XEN_MULTIBOOT2, {"grub/x86_64-efi/core.efi"}},
        {"grub-pc", XEN_MULTIBOOT2, {"grub-pc/core.0"}},
        {"grub-arm64", XEN_ANY, {"grub-arm64/core.efi"}},
        {"undionly", XEN_ANY, {"undionly.kpxe"}},
        {"ipxe-pxe", XEN_ANY, {"ipxe.pxe"}},
        {"snponly", XEN_EFI, {"snponly.efi"}},
        {"ipxe-efi", XEN_EFI, {"ipxe.efi"}},
        {"ipxe", XEN_PLAIN, {NULL}},
        {"ipxe-xen", XEN_EFI, {NULL}},
};

#define MBOOT_SINCE_MAJOR 2 /* mboot.c32 came with SYSLINUX 2.12 */
#define MBOOT_SINCE_MINOR 12
#define ELF_SINCE_MAJOR 5 /* modules are ELF, and ldlinux.c32 is one of them */

static const struct loader_needs *
needs_of(const struct loader *l)
{
        for (size_t i = 0; i < N_ELEMENTS(needs); i++)
                if (strcmp(needs[i].name, l->name) == 0)
                        return &needs[i];
        return NULL;
}

/* The loaders that the host may be given: one where firmware or a wish says which, else the usual ones of a PC. */
#define MAX_CANDIDATES 2
struct candidates {
        const struct loader *l[MAX_CANDIDATES];
        size_t n;
        bool certain;
};

static void
find_candidates(const struct guard_request *r, struct candidates *ret)
{
        static const struct firmware usual[MAX_CANDIDATES] = {{FIRMWARE_PXE, 0, 0}, {FIRMWARE_PXE, 7, 0}};
        const struct loader_wish wish = {.name = r->loader};
        const struct loader *l = r->loader && *r->loader ? loader_find(r->loader) : NULL;

        *ret = (struct candidates){.certain = true};
        if (r->firmware)
                l = loader_choose(r->firmware, &wish);
        if (l) {
                ret->l[ret->n++] = l;
                return;
        }
        if (r->firmware)
                return;
        ret->certain = false;
        for (size_t i = 0; i < MAX_CANDIDATES; i++)
                ret->l[ret->n++] = loader_choose(&usual[i], NULL);
}

/* Adds a finding about a candidate; where it is only one of several that may be, it is no certain one. */
static void
say(struct guard_report *report, const struct candidates *c, const struct loader *l, enum guard_code code, const char *text)
{
        bool bios = l->archs[0] == 0;
        struct guard_finding *f = guard_add(report, code, "%s%s", text,
                                            c->certain ? ""
                                            : bios     ? " (if this is a BIOS machine)"
                                                       : " (if this is a UEFI machine)");

        if (f && !c->certain && f->level == GUARD_ERROR)
                f->level = GUARD_DOUBT;
}

const struct menu_doc *
guard_menu(const char *loader, const struct firmware *fw)
{
        const struct loader_wish wish = {.name = loader};
        const struct loader *l = fw ? loader_choose(fw, &wish) : loader_find(loader);

        return l && l->menu ? l->menu : &menu_doc_pxelinux;
}

/* --- the loader's own files --- */

static void
check_syslinux(const struct guard_request *r, const struct candidates *c, const struct loader *l, const struct loader_needs *n,
               struct guard_report *report)
{
        const struct loader_file *core = loaders_facts_file(r->loaders, n->files[0]);
        unsigned major = 0, minor = 0;
        enum loader_form wanted;
        char text[200];

        if (!core)
                return; /* said already */
        if (core->form != LOADER_FORM_PXELINUX || sscanf(core->version, "%u.%u", &major, &minor) != 2) {
                snprintf(text, sizeof(text), "%s is no PXELINUX", n->files[0]);
                say(report, c, l, GUARD_LOADER_MISSING, text);
                return;
        }
        if (major < MBOOT_SINCE_MAJOR || (major == MBOOT_SINCE_MAJOR && minor < MBOOT_SINCE_MINOR)) {
                snprintf(text, sizeof(text), "%s is version %s; only from 2.12 on can it start Xen (mboot.c32)", n->files[0],
                         core->version);
                say(report, c, l, GUARD_LOADER_OLD, text);
                return;
        }
        wanted = major >= ELF_SINCE_MAJOR ? LOADER_FORM_COM32 : LOADER_FORM_COM32_OLD;
        for (size_t i = 1; i < N_ELEMENTS(n->files); i++) {
                const struct loader_file *f = loaders_facts_file(r->loaders, n->files[i]);

                if (!f || f->form == wanted)
                        continue;
                snprintf(text, sizeof(text), "%s is no module of %s, which is version %s", n->files[i], n->files[0],
                         core->version);
                say(report, c, l, GUARD_LOADER_MIXED, text);
        }
}

static void
check_files(const struct guard_request *r, const struct candidates *c, const struct loader *l, const struct loader_needs *n,
            struct guard_report *report)
{
        char text[200];

        for (size_t i = 0; i < N_ELEMENTS(n->files) && n->files[i]; i++) {
                const struct loader_file *f = loaders_facts_file(r->loaders, n->files[i]);

                if (!f) {
                        snprintf(text, sizeof(text), "loader %s needs %s, which is not in the store's folder loaders", l->name,
                                 n->files[i]);
                        say(report, c, l, GUARD_LOADER_MISSING, text);
                } else if (f->form == LOADER_FORM_GRUB && !f->multiboot) {
                        snprintf(text, sizeof(text), "%s has no command that starts Xen (%s)", n->files[i],
                                 n->xen == XEN_ANY ? "xen_hypervisor" : "multiboot2");
                        say(report, c, l, GUARD_LOADER_NO_MULTIBOOT, text);
                }
        }
        if (n->xen == XEN_MULTIBOOT1 && n->files[1])
                check_syslinux(r, c, l, n, report);
}

/* --- the firmware's wishes --- */

static void
check_wish(const struct guard_request *r, const struct candidates *c, struct guard_report *report)
{
        const struct loader *wish = r->loader && *r->loader ? loader_find(r->loader) : NULL;
        const struct firmware *f = r->firmware;

        if (!f)
                return;
        if (c->n == 0)
                guard_add(report, GUARD_LOADER_NONE, "there is no loader for its firmware (client architecture %u)", f->arch);
        /* Who wishes an iPXE has it when he asks as one. */
        else if (wish && wish != c->l[0] && !(f->client == FIRMWARE_IPXE && !wish->menu))
                guard_add(report, GUARD_LOADER_WISH, "its firmware cannot run the loader %s that is set for it; it gets %s",
                          wish->name, c->l[0]->name);
        if (f->client == FIRMWARE_IPXE && f->arch == 0 && !(f->features & FIRMWARE_IPXE_MULTIBOOT))
                guard_add(report, GUARD_IPXE_FEATURES,
                          "its iPXE was built without multiboot (option 175 of its last boot), so it gets %s by TFTP",
                          c->n > 0 ? c->l[0]->name : "nothing");
}

void
guard_loader(const struct guard_request *r, struct guard_report *report)
{
        struct candidates c;

        if (!r->has_host)
                return;
        find_candidates(r, &c);
        check_wish(r, &c, report);
        for (size_t i = 0; r->loaders && i < c.n; i++) {
                const struct loader_needs *n = needs_of(c.l[i]);

                if (n)
                        check_files(r, &c, c.l[i], n, report);
        }
}

/* --- Xen --- */

static bool
has_efi(const struct xen_facts *x)
{
        return x->efi && x->efi_arch == ARCH_X86_64;
}

static void
check_form(const struct guard_request *r, const struct candidates *c, const struct loader *l, struct guard_report *report)
{
        const struct xen_facts *x = &r->facts->xen;
        const struct loader_needs *n = needs_of(l);
        char text[200];

        if (n && n->xen == XEN_EFI && !has_efi(x)) {
                l = loader_find("grub-efi"); /* to which its script leads on */
                n = needs_of(l);
        }
        if (!n)
                return;
        if ((n->xen == XEN_MULTIBOOT1 && !x->multiboot1) || (n->xen == XEN_MULTIBOOT2 && !x->multiboot2)) {
                snprintf(text, sizeof(text), "loader %s starts Xen by Multiboot %d, and xen.gz has no such header", l->name,
                         n->xen == XEN_MULTIBOOT1 ? 1 : 2);
                say(report, c, l, GUARD_XEN_MULTIBOOT, text);
        }
        if (n->xen == XEN_PLAIN && !x->plain)
                guard_add(report, GUARD_XEN_PLAIN_MISSING,
                          "image %s has no unpacked xen for its iPXE, which goes on with PXELINUX", r->image->name);
}

/* xen.efi is what an iPXE on UEFI starts. Who wishes that is refused; who has an iPXE anyhow is led on to GRUB. */
static void
check_efi(const struct guard_request *r, const struct candidates *c, struct guard_report *report)
{
        const struct xen_facts *x = &r->facts->xen;
        const struct loader *wish = r->loader ? loader_find(r->loader) : NULL;
        const bool wished = wish && needs_of(wish) && needs_of(wish)->xen == XEN_EFI;
        const bool given = c->certain && c->n > 0 && needs_of(c->l[0]) && needs_of(c->l[0])->xen == XEN_EFI;
        struct guard_finding *f;

        if ((!wished && !given) || has_efi(x))
                return;
        f = guard_add(report, GUARD_XEN_EFI_MISSING, "image %s has no xen.efi%s, which %s starts on UEFI; it goes on with GRUB",
                      r->image->name, x->efi ? " for x86-64" : "", wished ? r->loader : "iPXE");
        if (f && wished)
                f->level = GUARD_DOUBT;
}

void
guard_xen(const struct guard_request *r, struct guard_report *report)
{
        enum facts_arch wanted = guard_arch(r);
        struct candidates c;

        if (!r->facts)
                return;
        if (!r->facts->xen.found) {
                guard_add(report, GUARD_XEN_NONE, "the file xen.gz of image %s is no Xen", r->image->name);
                return;
        }
        if (r->facts->xen.arch != wanted) {
                guard_add(report, GUARD_XEN_ARCH, "the Xen of image %s is for %s, the host is %s", r->image->name,
                          facts_arch_names[r->facts->xen.arch < ARCH_N ? r->facts->xen.arch : ARCH_OTHER],
                          facts_arch_names[wanted]);
                return;
        }
        find_candidates(r, &c);
        for (size_t i = 0; i < c.n; i++)
                check_form(r, &c, c.l[i], report);
        check_efi(r, &c, report);
}
