/* SPDX-License-Identifier: Apache-2.0 */
/* Directories over NFS: what they need of the initrd that mounts them, and where the image keeps files of the host's own. Pure.
 */
#include <stdio.h>
#include <string.h>

#include "bootcfg/guard_private.h"

static void
check_module(const struct guard_request *r, const struct nfs_dirs *dirs, struct guard_report *report)
{
        for (uint32_t i = 0; i < dirs->n; i++) {
                const char *module = dirs->list[i].version[0] == '3' ? "nfsv3" : "nfsv4";

                if (!guard_lacks_module(r, module))
                        continue;
                guard_add(report, GUARD_NFS_MODULE, "%s over NFS needs the module %s, which %s has not", dirs->list[i].path,
                          module, guard_initrd_name(r));
                return; /* one word is enough */
        }
}

/* The list of an image's initrd is that of its roots, which are made of the same recipe. */
static void
check_kept(const struct guard_request *r, const struct nfs_dirs *dirs, struct guard_report *report)
{
        char text[KEEP_LIST_SIZE];
        const char *pattern = NULL;
        struct keep_list list;
        struct error err;
        uint32_t i;

        if (!r->facts || r->facts->initrd.keep.size == 0 || r->facts->initrd.keep.size >= sizeof(text))
                return;
        memcpy(text, r->facts->initrd.keep.data, r->facts->initrd.keep.size);
        text[r->facts->initrd.keep.size] = '\0';
        if (keep_list_parse(text, &list, &err) < 0)
                return;
        for (i = 0; i < dirs->n && !pattern; i++)
                pattern = nfs_dirs_kept(dirs->list[i].path, &list);
        if (pattern)
                guard_add(report, GUARD_NFS_KEEP,
                          "%s over NFS and %.100s, which the image keeps for each host, lie in each other",
                          dirs->list[i - 1].path, pattern);
}

void
guard_nfs_dirs(const struct guard_request *r, struct guard_report *report)
{
        char value[ARGS_SIZE];
        struct nfs_dirs dirs;
        struct error err;

        if (!guard_word(r->dom0_args, "dompool.nfs-dirs", value, sizeof(value)) || !*value)
                return;
        /* Of a host's kernel-args; what a profile says is checked as it is read. */
        if (nfs_dirs_parse(value, &dirs, &err) < 0) {
                guard_add(report, GUARD_NFS_DIRS, "%.160s: none will be mounted", err.message);
                return;
        }
        check_module(r, &dirs, report);
        check_kept(r, &dirs, report);
}
