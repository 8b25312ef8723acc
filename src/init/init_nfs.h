/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_NFS_H
#define DOMPOOL_INIT_INIT_NFS_H
/* Mounting what an NFS server gives: a root, or a directory. Both block; for children of dompool-init. */
#include <stdint.h>

#include "base/error.h"

/* Is there a server at @address? A connection of our own, at most five seconds, tells one that is not there from one that
 * refuses the mount. */
int init_nfs_reach(uint32_t address, struct error *err);

/* @path of the server on @where. @version: "3" to "4.2". @flags: MS_RDONLY ... Waits for a server that does not answer until a
 * signal ends this process. */
int init_nfs_mount(uint32_t address, const char *path, const char *version, const char *where, unsigned long flags,
                   struct error *err);

#endif
