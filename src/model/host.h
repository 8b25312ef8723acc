/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_HOST_H
#define DOMPOOL_MODEL_HOST_H
/*
 * A host: a physical machine that can become a dom0. Here stand its description (what the administrator says), its boot
 * (stages, in order) and its state. Pure data and pure functions.
 */
#include "base/rec.h"
#include "model/profile.h"
#include "model/root_cost.h"

#define IMAGE_ID_SIZE 65    /* hex SHA-256 and NUL */
#define IMAGE_SHORT_SIZE 17 /* its first digits, as menus and hosts name it */

/*
 *  off --dhcp--> booting --agent's welcome--> ready --no sign of life for 15 s--> lost --agent is back--> ready
 *                   ^                                                            |
 *                   +------------------------------ dhcp by firmware ------------+
 */
enum host_state {
        HOST_OFF,     /* not seen since the server's state began, or said good-bye */
        HOST_BOOTING, /* firmware asked; not ready yet */
        HOST_READY,   /* its agent is connected and has reported */
        HOST_LOST,    /* was ready, its agent is silent */
        HOST_N,
};
extern const char *const host_state_names[];

/* The stages of a boot in the order in which they happen; each becomes one event with a time. */
enum boot_stage {
        STAGE_DHCP,   /* firmware's DHCP answered */
        STAGE_LOADER, /* first loader file asked for */
        STAGE_MENU,   /* menu rendered */
        STAGE_XEN,    /* hypervisor sent */
        STAGE_KERNEL, /* dom0 kernel sent */
        STAGE_INITRD, /* initrd sent */
        STAGE_INIT,   /* dompool-init reported from the running dom0 */
        STAGE_AGENT,  /* agent connected, token accepted */
        STAGE_READY,  /* inventory and domains reported */
        STAGE_N,
};
extern const char *const boot_stage_names[];

/* What a server notices of a boot besides its stages. */
enum boot_note_kind {
        BOOT_NOTE_NONE,         /* a stage was reached */
        BOOT_NOTE_MISSING,      /* a file was asked for that there is not */
        BOOT_NOTE_OTHER_SERVER, /* its DHCP client chose another server; the text is its address */
        BOOT_NOTE_NO_ADDRESS,   /* there was no address to offer */
        BOOT_NOTE_NO_LOADER,    /* of the firmware's kind */
        BOOT_NOTE_UNREQUESTED,  /* several OFFERs in a row were not taken */
        BOOT_NOTE_FOREIGN_MENU, /* it asked for another host's menu */
        BOOT_NOTE_DAMAGED,      /* a file has not the length that its image's manifest says */
        BOOT_NOTE_CUT,          /* a transfer ended in the middle */
        BOOT_NOTE_TOKEN,        /* a token was refused */
        BOOT_NOTE_LOADER,       /* its loader fell silent the last time, another one is offered */
        BOOT_NOTE_ROOT,         /* its root came over the network, and is mounted; the text says from where */
        BOOT_NOTE_FOOTPRINT,    /* it is ready; the text says what its root costs */
        BOOT_NOTE_GUEST_NET,    /* guests have networks beside the host's own; the text says which */
        BOOT_NOTE_NFS_DIRS,     /* it has directories over NFS; the text says which are there, and why others are not */
        BOOT_NOTE_N,
};
extern const char *const boot_note_names[];

struct host {
        char name[NAME_SIZE];
        struct mac mac;
        uint32_t address;         /* fixed IPv4 address; 0: from the pool */
        char profile[NAME_SIZE];  /* empty: what the server's configuration has for such; rules come before it */
        char labels[LABELS_SIZE]; /* names with blanks or commas between */
        char image[NAME_SIZE];    /* see image_name_ok(); empty: the server's default image */
        char xen_args[ARGS_SIZE]; /* behind the server's defaults on Xen's command line */
        char kernel_args[ARGS_SIZE];
        char console[NAME_SIZE];   /* "com1,vga" form of Xen; empty: the server's default */
        char loader[NAME_SIZE];    /* one of src/bootcfg/loader.c; empty: the best for its firmware */
        char root[ROOT_NAME_SIZE]; /* where dom0's root comes from if the profile does not say; empty: "ram" */
        char enrolled[NAME_SIZE];  /* the enrolment rule that made it a host; empty: somebody did */
        bool configured;           /* stands in the configuration file: the API may set its profile, nothing else */
};
extern const struct rec_desc host_desc;

/* What a host boots instead of a version whose root it could not get, until somebody says otherwise. */
struct host_fallback {
        char failed[IMAGE_SHORT_SIZE]; /* that version's first digits; empty: there is no fall-back */
        uint32_t root;                 /* enum root_kind: by this transport */
        uint32_t kind; /* enum profile_kind: PROFILE_POOL from another version, or the last resort, local or rescue */
        char instead[IMAGE_SHORT_SIZE]; /* the version that is booted; empty: local */
        int64_t since_ms;               /* wall */
        char why[96];
};
extern const struct rec_desc host_fallback_desc;

/* What was set through the API; stands beside the description, so that a configured host's file stays true. */
struct host_setting {
        char profile[NAME_SIZE]; /* empty: none, the rules decide */
        char image[NAME_SIZE];   /* empty: the profile's or the host's */
        char once[NAME_SIZE];    /* the next boot only; empty: none */
        char once_image[NAME_SIZE];
        int64_t once_set_ms;           /* wall */
        int64_t once_sent_ms;          /* its menu or boot file left at this time; 0: not yet */
        struct host_fallback fallback; /* goes with the next word about the profile */
};
extern const struct rec_desc host_setting_desc;

#define HOST_BRIDGES_SIZE 288 /* GUEST_MAX_VLANS, the usual one, and some that somebody made */

/* What a ready host said of itself. */
struct host_inventory {
        char hostname[NAME_SIZE];
        char xen_version[NAME_SIZE];
        char kernel_version[NAME_SIZE];
        char xen_caps[256];
        char xen_commandline[ARGS_SIZE * 2];
        char cpu_model[NAME_SIZE];
        char image[IMAGE_ID_SIZE];
        char agent_version[NAME_SIZE];
        uint64_t memory_kib;      /* of the machine */
        uint64_t free_memory_kib; /* what Xen can still give to domains */
        uint64_t dom0_memory_kib;
        uint32_t n_cpus;
        uint32_t cpu_khz;
        bool hvm, pv, pvh;                  /* kinds of guest it can run */
        uint64_t boot_time;                 /* Unix seconds of this dom0's start */
        struct root_cost root;              /* of this dom0, as it was when this was said */
        char bridges[HOST_BRIDGES_SIZE];    /* that guests may name, with blanks between; empty: it did not say */
        char nfs_dirs[NFS_DIRS_STATE_SIZE]; /* its directories over NFS, and why one is not there; empty: it has none */
};
extern const struct rec_desc host_inventory_desc;

struct error;
/* A part of Xen's or the kernel's command line (@what: "xen-args"): no character that means something to a menu. */
int boot_args_check(const char *what, const char *args, struct error *err);

/* "micro", "micro:current", "micro:previous", or at least eight digits of a version's id. */
bool image_name_ok(const char *text);

/* Checks names, lengths and characters of a description from outside (MAC must be unicast and not zero). */
int host_check(const struct host *h, struct error *err);

#endif
