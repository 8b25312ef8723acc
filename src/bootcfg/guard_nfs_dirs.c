/* SPDX-License-Identifier: Apache-2.0 */
/* Directories over NFS: what they need of the initrd that mounts them. Pure. */
#include <stdio.h>
#include <string.h>

#include "bootcfg/guard_private.h"

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
        for (uint32_t i = 0; i < dirs.n; i++) {
                const char *module = dirs.list[i].version[0] == '3' ? "nfsv3" : "nfsv4";

                if (!guard_lacks_module(r, module))
                        continue;
                guard_add(report, GUARD_NFS_MODULE, "%s over NFS needs the module %s, which %s has not", dirs.list[i].path,
                          module, guard_initrd_name(r));
                return; /* one word is enough */
        }
}
