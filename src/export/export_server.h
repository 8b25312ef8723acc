/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_EXPORT_SERVER_H
#define DOMPOOL_EXPORT_SERVER_H
/*
 * From grants to servers: which programs are to run, with which arguments and configuration. Pure: it opens nothing, and equal
 * grants give equal texts, so that what changed is seen by comparing them. Used by role work (src/server/role_work_export.c).
 *
 *     nfs      ganesha.nfsd, one for both versions; a change is a new file and SIGHUP; version 3 needs rpcbind beside it
 *     rpcbind
 *     iscsi    tgtd; what it gives is told by tgtadm (export_tgt.h)
 *     aoe-...  vblade, one a version, interface and 32 machines (its limit, Nmasks)
 *     nbd      nbdkit, one a connection: role work accepts those of known addresses and hands each on (nbdkit 1.32 of Debian 12
 *              refuses every IPv4 address in its ip filter's rules, and would have to be restarted for each change)
 */
#include "model/config.h"
#include "model/export.h"

enum export_kind { EXPORT_NFS, EXPORT_RPCBIND, EXPORT_NBD, EXPORT_ISCSI, EXPORT_AOE };

#define EXPORT_MAX_ARGS 20

struct export_server {
        char name[NAME_SIZE];
        enum export_kind kind;
        char *args[EXPORT_MAX_ARGS + 1]; /* args[0] is a program's name, found in export_program() */
        char *file;                      /* configuration; NULL: none */
        char *file_text;
        uint32_t clients, versions;
};

struct export_site {
        const struct config *config;
        char dir[CONFIG_PATH_SIZE + 32]; /* RUN/export: configuration files, sockets, links */
};

/* Fills @ret with what @grants, in order, need. The number of servers, or -ENOMEM, or -E2BIG: more than EXPORT_MAX_SERVERS. */
int export_servers(const struct export_site *site, const struct export_grant *grants, size_t n,
                   struct export_server ret[EXPORT_MAX_SERVERS]);

void export_server_clear(struct export_server *s);

/* Are arguments and configuration the same? */
bool export_server_same_args(const struct export_server *a, const struct export_server *b);

bool export_server_same_file(const struct export_server *a, const struct export_server *b);

/* Absolute path of a server's program and the Debian package that has it. NULL: not one of ours. */
const char *export_program(const char *name, const char **ret_package);

/* May the address have roots by this transport at all? */
bool export_address_known(const struct export_grant *grants, size_t n, enum root_kind root, uint32_t address);

#endif
