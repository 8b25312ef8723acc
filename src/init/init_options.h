/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_OPTIONS_H
#define DOMPOOL_INIT_INIT_OPTIONS_H
/* What dom0's kernel command line says to dompool-init (docs/ARCHITECTURE.md, "The life of a boot"). Pure. */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/parse.h"
#include "init/init_root_word.h"
#include "model/guest_net.h"
#include "model/host.h"
#include "model/nfs_dirs.h"

enum init_mode {
        INIT_MODE_POOL,    /* a dom0 with Xen's daemons and the agent */
        INIT_MODE_INSPECT, /* reports the hardware and powers off */
        INIT_MODE_RESCUE,  /* a shell on the console */
        INIT_MODE_N,
};
extern const char *const init_mode_names[]; /* "pool", "inspect", "rescue" */

/* A server that is started anew, or a switch, is back by then. */
#define INIT_ROOT_WAIT_S 300
#define INIT_ROOT_WAIT_MAX_S 86400

struct init_options {
        enum init_mode mode;        /* dompool.mode */
        uint32_t server;            /* dompool.server; 0: there is nobody to report to, and no agent is started */
        uint16_t http_port;         /* dompool.http, 8080 */
        uint16_t agent_port;        /* dompool.agent, 8444; or with an address before it */
        uint32_t agent_server;      /* 0: the same server */
        char fingerprint[65];       /* dompool.fp: hex SHA-256 */
        char token[120];            /* dompool.token */
        char host[NAME_SIZE];       /* dompool.host */
        struct mac mac;             /* dompool.mac, else PXELINUX's BOOTIF; zero: the first network card */
        char image[17];             /* dompool.image: the version's first 16 digits */
        bool shell;                 /* dompool.shell=1: a root shell on the console */
        struct init_root root;      /* dompool.root; none: ram */
        uint32_t root_wait_s;       /* dompool.root-wait: so long it is tried again and again; 0: for ever */
        struct init_layer layer;    /* dompool.layer */
        struct guest_nic guest_nic; /* dompool.guest-nic; the card that boots */
        struct guest_vlans vlans;   /* dompool.vlans; none */
        struct nfs_dirs nfs_dirs;   /* dompool.nfs-dirs; none */
};

/* A word that is not ours is skipped; a wrong value of ours is an error that names the word, and the rest is read all the same,
 * so that the error can be reported to the server. */
int init_options_parse(const char *cmdline, struct init_options *ret, struct error *err);

#endif
