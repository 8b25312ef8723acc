/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_GUARD_H
#define DOMPOOL_BOOTCFG_GUARD_H
/*
 * Can this loader, Xen, kernel and initrd work together on this host? Asked when a profile is set and wherever a person looks,
 * so that nobody learns it from a black screen. Pure: facts of the image and the loaders (model/facts.h), of the host (its
 * hardware report, the firmware of its last boot) and the command lines that its menu would have, in; findings out.
 *
 * What is not known is never a reason: a missing fact gives no finding, but for GUARD_FACTS_MISSING.
 *
 *     guard.c           the list of findings, kernel, initrd
 *     guard_loader.c    loader and Xen          guard_root.c   root transports and what they need of the initrd
 *     guard_host.c      CPU, network cards, memory, command lines
 *     guard_guest_net.c guests' networks        guard_nfs_dirs.c directories over NFS
 *     guard_iscsi.c     who can make an iBFT for a root by iSCSI, and find it
 *     guard_satellite.c what a satellite's host wants of the main server
 */
#include "bootcfg/loader.h"
#include "model/config.h"
#include "model/facts.h"
#include "model/hardware.h"
#include "model/image.h"

enum guard_level {
        GUARD_WARNING, /* it boots, though perhaps not as meant */
        GUARD_DOUBT,   /* it will most likely not: refused unless forced */
        GUARD_ERROR,   /* it cannot: refused */
        GUARD_LEVEL_N,
};
extern const char *const guard_level_names[]; /* "warning", "doubt", "error" */

/* Numbers are of this process; the names are an interface. man/dompool-errors.7 explains them. */
enum guard_code {
#define GUARD(ID, NAME, LEVEL, REMEDY) GUARD_##ID,
#include "bootcfg/guard_codes.def"
#undef GUARD
        GUARD_CODE_N,
};
extern const char *const guard_code_names[]; /* "facts-missing", ... */

#define GUARD_MAX_FINDINGS 24

struct guard_finding {
        uint32_t level; /* enum guard_level */
        uint32_t code;  /* enum guard_code */
        char text[256]; /* what does not fit, and to what */
        char remedy[200];
};

struct guard_report {
        uint32_t n_findings;
        struct guard_finding findings[GUARD_MAX_FINDINGS];
};
extern const struct rec_desc guard_finding_desc;

/* The satellite that a host boots from. */
struct guard_satellite {
        const char *name;
        uint32_t server;                       /* the main server, where agents connect and our servers of roots are */
        uint32_t address;                      /* of the host; 0: not known */
        bool foreign_root;                     /* the server of its root is the administrator's own, wherever that is */
        const struct config_network *networks; /* as the satellite told them */
        uint32_t n_networks;                   /* 0: it was never seen */
};

struct guard_request {
        const struct image *image;
        const struct image_facts *facts;     /* NULL: not known yet */
        const struct loaders_facts *loaders; /* NULL: not known yet */
        enum root_kind root;
        const char *root_damage; /* what is wrong with the file that gives it, as far as the server knows; NULL, "": nothing */
        bool iscsi_hook;         /* the profile wants an iBFT where that is iscsi */
        /* The host; all may be unknown: then the image alone is judged. */
        bool has_host;
        struct mac mac;
        const struct host_hardware *hardware;    /* NULL: no report */
        const struct firmware *firmware;         /* of its last boot; NULL: not seen */
        const char *loader;                      /* its wish; "" */
        const char *xen_args, *dom0_args;        /* as its menu would have them, but for the way home; "": not made */
        const struct guard_satellite *satellite; /* NULL: it boots from the main server, or into nothing of the pool */
        const char *args_refused;                /* why there would be no menu but the local disk's; NULL: there is one */
};

void guard_check(const struct guard_request *r, struct guard_report *ret);

/* The menu that its loader reads: in it the command lines are to be tried. @fw: its firmware; NULL: not known. */
const struct menu_doc *guard_menu(const char *loader, const struct firmware *fw);

/* Is the finding, in the same words, in the report? */
bool guard_has(const struct guard_report *report, const struct guard_finding *f);

/* The worst level in it; -1: there are no findings. */
int guard_worst(const struct guard_report *report);

/* --- guard_root.c --- */

/* Where a root may come from, and the modules without which it cannot. */
struct root_transport {
        const char *name;
        const char *needs[5]; /* each "a|b": one of these */
};

/* One of root_names, "squashfs" or "overlay"; NULL: there is none of the name. */
const struct root_transport *root_transport_find(const char *name);

/* By position; NULL behind the last. */
const struct root_transport *root_transport_at(size_t i);

/* Does the kernel's command line (root=, nfsroot=, netroot=, boot=) mean this transport? */
bool root_transport_in_args(const struct root_transport *t, const char *args);

/* What it needs and the image has not, "nfs, nfsv3 or nfsv4"; false: nothing, or it is not known what the image has. */
bool root_transport_lacks(const struct root_transport *t, const struct image_facts *f, char *buf, size_t size);

#endif
