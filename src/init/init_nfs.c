/* SPDX-License-Identifier: Apache-2.0 */
/* The options of an NFS mount, without mount.nfs: the kernel takes an address and does the rest. */
#include "init/init_nfs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/parse.h"
#include "init/init_root.h"
#include "proto/rpc_null.h"

#define NFS_PORT 2049
#define ANSWER_S 5
#define XID 0x646f6d70 /* one call on a connection: any will do */

int
init_nfs_reach(uint32_t address, const char *version, struct error *err)
{
        const struct timeval limit = {.tv_sec = ANSWER_S};
        _cleanup_close_ int fd = init_root_connect(address, NFS_PORT, err);
        uint8_t call[RPC_CALL_SIZE], reply[RPC_REPLY_SIZE];
        char text[IP4_TEXT_SIZE];
        ssize_t n;
        int r;

        if (fd < 0)
                return fd;
        rpc_null_write(XID, RPC_NFS, (uint32_t)(version[0] - '0'), call);
        r = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ? -errno : fd_write_all(fd, call, sizeof(call));
        if (r < 0)
                return error_errno_set(err, -r, "asking %s for NFS", ip4_text(address, text));
        n = recv(fd, reply, sizeof(reply), MSG_WAITALL); /* the limit is for all of it */
        if (n < (ssize_t)sizeof(reply))
                return error_set(err, ERR_TIMEOUT, "%s takes connections on port %d and %s: look whether its NFS service runs",
                                 ip4_text(address, text), NFS_PORT, n == 0 ? "closes them" : "does not answer");
        if (rpc_null_read(reply, XID) < 0)
                return error_set(err, ERR_PROTOCOL, "%s port %d is no NFS server: what it answers is no RPC",
                                 ip4_text(address, text), NFS_PORT);
        return 0;
}

/* hard: who reads or writes waits for the server, however long that is away, and is told no lie about what was written; a
 * signal that kills ends the wait. An answer is asked for again after 10 s, over a new connection where the old one is dead.
 * Version 3 would need daemons for locks between hosts (nolock: they hold within this one); version 4 has them in itself. */
int
init_nfs_mount(uint32_t address, const char *path, const char *version, const char *where, unsigned long flags,
               struct error *err)
{
        char source[INIT_ROOT_TEXT_SIZE + 20], options[200], text[IP4_TEXT_SIZE];
        const bool v3 = version[0] == '3';

        ip4_text(address, text);
        snprintf(source, sizeof(source), "%s:%s", text, path);
        snprintf(options, sizeof(options), "vers=%s,proto=tcp,addr=%s,hard,timeo=100,retrans=3%s%s", version, text,
                 v3 ? ",nolock,mountproto=tcp,mountaddr=" : "", v3 ? text : "");
        if (mount(source, where, "nfs", flags, options) < 0)
                return error_errno_set(err, errno, "mounting %s, NFS version %s", source, version);
        return 0;
}
