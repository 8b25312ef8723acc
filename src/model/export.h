/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_EXPORT_H
#define DOMPOOL_MODEL_EXPORT_H
/*
 * Roots that are given over the network: who may have which version by which transport, and how the servers that give them are.
 * `core` makes the grants, `work` the servers. Pure data.
 */
#include "base/rec.h"
#include "model/host.h"
#include "model/root.h"

#define EXPORT_MAX_GRANTS 8192
#define EXPORT_MAX_SERVERS 64

/* In the order of root, image, address, MAC; each there once. */
struct export_grant {
        uint32_t root; /* enum root_kind, one that is exported */
        char image[IMAGE_ID_SIZE];
        uint32_t address; /* 0: it has none yet; AoE needs none */
        struct mac mac;
};
extern const struct rec_desc export_grant_desc;

/* For qsort and for finding what is there twice. */
int export_grant_compare(const void *a, const void *b);

/* What was found when a version was looked at, before it is given as a block device. One that is damaged is not given. */
#define EXPORT_MAX_CHECKED 64
struct export_check {
        char image[IMAGE_ID_SIZE];
        char text[160]; /* what is wrong, for people; empty: it is whole */
};
extern const struct rec_desc export_check_desc;

enum export_run {
        EXPORT_STARTING, /* not tried yet */
        EXPORT_RUNNING,
        EXPORT_WAITING, /* it died, and is started again later */
        EXPORT_MISSING, /* its program is not installed */
        EXPORT_RUN_N,
};
extern const char *const export_run_names[]; /* "starting", "running", "waiting", "missing" */

struct export_state {
        char name[NAME_SIZE]; /* "nfs", "nbd", "iscsi", "aoe-<id16>-eth0" ... */
        uint32_t run;         /* enum export_run */
        uint32_t pid;         /* 0: none */
        int64_t since_ms;     /* wall */
        uint32_t restarts;    /* deaths that were not asked for */
        uint32_t clients, versions;
        char text[200]; /* what is wrong; empty: nothing */
};
extern const struct rec_desc export_state_desc;

#endif
