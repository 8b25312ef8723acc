/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root by iSCSI whose parameters the loader is to leave in an iBFT (iscsi-hook of a profile): which loaders can, and which
 * images find it. Nothing depends on it: what the iBFT would say is on dom0's command line as well. Pure.
 */
#include "bootcfg/guard_private.h"
#include "bootcfg/menu.h"

/* An iPXE on UEFI: it hands the table on by ACPI, where a dom0 looks (docs/decisions/0018). One that we load asks once more. */
static bool
leaves_ibft(const struct loader *l)
{
        return l->menu == &menu_doc_ipxe_xen || (!l->menu && l->archs[0] != 0);
}

void
guard_iscsi(const struct guard_request *r, struct guard_report *report)
{
        const struct loader_wish wish = {.name = r->loader};
        const struct loader *l = NULL;

        if (!r->iscsi_hook || r->root != ROOT_ISCSI)
                return;
        if (r->firmware)
                l = loader_choose(r->firmware, &wish);
        else if (r->loader && *r->loader)
                l = loader_find(r->loader);
        if (l && !leaves_ibft(l))
                guard_add(report, GUARD_ISCSI_HOOK,
                          "its loader %s leaves no iBFT: the target is taken from dom0's command line", l->name);
        if (guard_lacks_module(r, "iscsi_ibft"))
                guard_add(report, GUARD_ISCSI_HOOK, "%s of image %s has not the module iscsi_ibft, which finds an iBFT",
                          guard_initrd_name(r), r->image->name);
}
