/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_ROOT_COST_H
#define DOMPOOL_MODEL_ROOT_COST_H
/*
 * What a host's root costs: bytes over the network, RAM that the image takes, and how full the writable layer is. Here are the
 * files of the kernel from which that is read, as text; who reads them is src/hv/hv_root.c on a host. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/rec.h"

#define ROOT_FACTS_FILE "/run/dompool/root"    /* what dompool-init wrote when it had mounted the root */
#define ROOT_LOWER "/run/dompool/lower"        /* the image, read-only */
#define ROOT_LAYER_FOLDER "/run/dompool/layer" /* the tmpfs that takes what is written */
#define ROOT_COST_TEXT_SIZE 200

/* As a host reports it; all zero: not known. */
struct root_cost {
        char root[ROOT_COST_TEXT_SIZE];  /* "nfs 10.0.0.1:/image version 4.1"; "ram" */
        uint64_t fetched;                /* bytes so far; 0 with "ram", which the loader brought */
        uint64_t ram;                    /* bytes that the image takes of dom0's memory; with "ram" the layer is in it */
        uint64_t layer_used, layer_size; /* bytes; size 0: none that has a limit */
};
extern const struct rec_desc root_cost_desc;

/* "24.1 MiB fetched, 22.5 MiB of RAM for the image, 1.2 of 128 MiB of its writable layer". */
void root_cost_text(const struct root_cost *cost, char *buf, size_t size);

/* ROOT_FACTS_FILE: root, fetched (of what is fetched as a whole), ram and layer_size. -EINVAL. */
int root_cost_facts(const char *text, struct root_cost *ret);

/* Linux's /proc/self/mountstats (fs/nfs/super.c, net/sunrpc/stats.c): the bytes that came from the NFS server for what is
 * mounted at @where, all RPCs' answers. false: there is no such NFS mount. */
bool root_cost_nfs(const char *mountstats, const char *where, uint64_t *ret);

/* Linux's /sys/block/DEV/stat (Documentation/block/stat.rst): bytes read. false: that is something else. */
bool root_cost_block(const char *stat, uint64_t *ret);

/* How full the layer is: told once at each step, and again only after it had become emptier. */
enum root_layer_level { ROOT_LAYER_FINE, ROOT_LAYER_FILLING, ROOT_LAYER_FULL, ROOT_LAYER_N };
extern const char *const root_layer_level_names[]; /* "fine", "filling", "full" */
#define ROOT_LAYER_FILLING_PERCENT 80
#define ROOT_LAYER_FULL_PERCENT 95
#define ROOT_LAYER_CALM_PERCENT 70

/* The level that follows on @was. */
enum root_layer_level root_layer_level(enum root_layer_level was, uint64_t used, uint64_t size);

#endif
