/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_ROOT_WORD_H
#define DOMPOOL_INIT_INIT_ROOT_WORD_H
/*
 * The words of dom0's command line that say where its root comes from and what lies over it:
 *
 *     dompool.root=   http | nfs:ADDR:/PATH[:VERS] | nbd:ADDR:PORT:EXPORT | iscsi:ADDR:PORT:LUN:IQN | aoe:SHELF.SLOT; none: ram
 *     dompool.layer=  overlay[:SIZE] (SIZE such as 256M, or 50% of dom0's memory) | flash
 *
 * Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/nfs_dirs.h"

enum init_root_kind {
        INIT_ROOT_RAM, /* the initrd is the whole dom0 */
        INIT_ROOT_HTTP,
        INIT_ROOT_NFS,
        INIT_ROOT_NBD,
        INIT_ROOT_ISCSI,
        INIT_ROOT_AOE,
        INIT_ROOT_N,
};
extern const char *const init_root_names[];

#define INIT_ROOT_TEXT_SIZE 160

struct init_root {
        enum init_root_kind kind;
        uint32_t address;               /* nfs, nbd, iscsi */
        uint16_t port;                  /* nbd, iscsi */
        char name[INIT_ROOT_TEXT_SIZE]; /* nfs: the path; nbd: the export; iscsi: the target's IQN */
        char version[NFS_VERSION_SIZE]; /* nfs */
        uint32_t lun;                   /* iscsi */
        uint32_t shelf, slot;           /* aoe */
};

#define INIT_LAYER_PERCENT 50

struct init_layer {
        bool flash;
        uint64_t size;    /* bytes; 0: @percent counts */
        unsigned percent; /* of dom0's memory */
};

/* 0 or -EINVAL. */
int init_root_parse(const char *value, struct init_root *ret);
int init_layer_parse(const char *value, struct init_layer *ret);

/* "nbd 10.0.0.1:10809 export 0123...": for people. */
void init_root_text(const struct init_root *r, char *buf, unsigned long size);

#endif
