/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_EXPORT_PROCESS_H
#define DOMPOOL_EXPORT_PROCESS_H
/*
 * Starting a server's program with no more than it needs: user, capabilities, descriptors, and its death with the caller's.
 * Must be called by root (role work), which reaps.
 *
 *     ganesha.nfsd   root; CAP_DAC_READ_SEARCH (it opens files by handle), SETUID, SETGID (the client's ids)
 *     rpcbind        root, then _rpc; NET_BIND_SERVICE, SETUID, SETGID
 *     tgtd, tgtadm   root (tgtd obeys root alone); DAC_OVERRIDE
 *     vblade         dompool-export; NET_RAW
 *     nbdkit         dompool-export; nothing
 */
#include <sys/types.h>

#include "export/export_server.h"

#define EXPORT_USER "dompool-export"
#define EXPORT_FALLBACK_UID 64320
/* And @dir/tgt: in the environment of each of them. tgt needs it; by it they are found again. */
#define EXPORT_MARK "TGT_IPC_SOCKET="

/* @sock becomes its standard input and output, -1: neither. @dir: see struct export_site. A negative errno when there is no
 * process; a program that cannot be started ends with 127. */
pid_t export_process_start(enum export_kind kind, char *const args[], const char *dir, int sock);

/* fork(2) with a clean child: no files but the standard three, default signals, its death with the caller's. */
pid_t export_process_fork(void);

/* In such a child: no more rights than servers of this kind have, for ever. 0 or a negative errno. */
int export_process_become(enum export_kind kind);

/* Runs tgtadm for each line of export_tgt_calls(), in a process of its own, which waits for tgtd up to 5 s. Exit code 0: all
 * went well. */
pid_t export_process_tgt(const char *calls, const char *dir);

#endif
