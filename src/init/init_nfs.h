/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_NFS_H
#define DOMPOOL_INIT_INIT_NFS_H
/* Mounting what an NFS server gives: a root, or a directory. Both block; for children of dompool-init. */
#include <stdint.h>

#include "base/error.h"

/* Does a server at @address answer for NFS @version? A connection of our own, at most five seconds, and a NULL call, as long,
 * tell one that is not there, or takes connections and is silent, from one that refuses the mount. The kernel must not find
 * out: it begins with one server of version 4 after the other, so a silent one would hold up the mounts of all. */
int init_nfs_reach(uint32_t address, const char *version, struct error *err);

/* @path of the server on @where. @version: "3" to "4.2". @flags: MS_RDONLY ... Waits for a server that does not answer until a
 * signal ends this process. */
int init_nfs_mount(uint32_t address, const char *path, const char *version, const char *where, unsigned long flags,
                   struct error *err);

#endif
