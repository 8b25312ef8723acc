/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_POLICY_H
#define DOMPOOL_BOOTCFG_POLICY_H
/*
 * The policy snapshot: all that `boot` and `files` need to answer without asking anybody. `core` writes it, to the disk as
 * STATE/core/policy.snap (beside, fsync, rename) and into a sealed memory file (base/sealed.h) which both roles map: the bytes
 * are used in place, are there once for all processes, and can neither change nor shrink under a reader. A role that starts
 * gets a sealed copy of the file on the disk from the parent, so it answers before core has read its database.
 *
 * What a snapshot of yesterday can do wrong: know a host that was removed or that has become another profile's, send "next boot
 * only" to a host that has fulfilled it, name an image that is gone (then: the local disk). core's first one follows as soon as
 * it has read its database; one that core holds newer than the disk's does not exist, as it is on the disk before it is sent.
 * Timetables are evaluated when the host asks and do not grow old. A token of an attempt that core has accepted is refused by
 * core, whoever renders it again.
 *
 * The file, little-endian, no pointers, each table at a multiple of 8, in this order; sizes and limits: the table of policy.c.
 *
 *     struct policy_header     magic, version, checksum of all that follows it, counts of the tables, what concerns all hosts
 *     struct policy_image[]    by index from here on
 *     struct policy_profile[]
 *     struct policy_rule[]
 *     struct policy_menu[]
 *     struct quirk[]
 *     struct enrol_rule[]      for machines that are no host
 *     struct policy_setting[]  what hosts are told, each combination once: most hosts share a few
 *     struct policy_choice[]   lists of choices, back to back, each list once
 *     uint16_t[]               lists of indices of quirks, likewise
 *     struct policy_row[]      the hosts, in the order of their MACs: MAC, address, name, index of the setting
 *     uint32_t[n_slots]        hosts by MAC: open addressing, linear probing; index + 1 of a row, 0: free; a power of two slots
 *     uint32_t[n_slots]        hosts by fixed address, those that have one; of two with the same one the first
 *     uint32_t[n_slots]        hosts by name
 *     char[]                   texts, each ending with NUL and there once; at 0 stands the empty one
 *
 * A new table is a row in policy.c's list, a count in the header, and another POLICY_VERSION. A file that is cut, changed in
 * any bit, or of another version is refused, and the reader stays with what it has.
 *
 * What a host boots depends on the time of day: core has sorted out which rules can concern it, policy_choose() looks at the
 * clock when the host asks. So a timetable switches while core is away.
 */
#include "base/error.h"
#include "base/parse.h"
#include "model/config.h"
#include "model/host.h"
#include "model/image.h"

#define POLICY_MAGIC 0x50504d44u /* "DMPP" */
#define POLICY_VERSION 8
#define POLICY_NONE UINT32_MAX              /* an index that names nothing; of an image: it is not there */
#define POLICY_HOSTS_IMAGE (UINT32_MAX - 1) /* a profile that leaves the image to the host */
#define POLICY_MAX_CHOICES 8                /* for a host: seven with a time, and what counts else */
#define POLICY_MAX_QUIRKS 6                 /* for a host; further ones are left out, with a word in the log */
#define POLICY_MAX_HOSTS 131072
#define POLICY_MAX_SIZE (256u << 20) /* of a file, with all its texts */

struct policy_header {
        uint32_t magic, version;
        uint8_t checksum[32]; /* SHA-256 of the bytes behind this field */
        uint64_t size;        /* of the whole file */
        uint64_t generation;
        uint32_t n_images, n_profiles, n_rules, n_menus, n_quirks, n_enrols;
        uint32_t n_settings, n_choices, n_quirk_refs, n_hosts;
        uint32_t n_slots;         /* of each of the three indices */
        uint32_t n_texts;         /* bytes */
        uint32_t default_image;   /* index; POLICY_NONE */
        uint8_t token_key[32];    /* HMAC key of the per-boot tokens */
        char tls_fingerprint[65]; /* hex SHA-256 of the agent listener's certificate (DER) */
        char console[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        uint32_t agent_port, http_port;
        uint32_t
                agent_address; /* where agents connect, if it is not who gives the boot files: a satellite's snapshot; else 0 */
        char root_patterns[ROOT_N][ROOT_WORD_SIZE];          /* of dompool.root=, see root_word() */
        uint32_t n_networks;                                 /* 1.. */
        struct config_network networks[CONFIG_MAX_NETWORKS]; /* as config_network_at counts */
};

struct policy_image {
        char id[IMAGE_ID_SIZE];
        char name[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        uint64_t xen_size, kernel_size, initrd_size;
};

struct policy_profile {
        char name[NAME_SIZE];
        uint32_t kind;       /* enum profile_kind */
        uint32_t image;      /* index; POLICY_HOSTS_IMAGE; POLICY_NONE: it names one that is not there */
        uint32_t server;     /* PROFILE_CHAIN */
        uint32_t menu;       /* index; POLICY_NONE */
        uint32_t root;       /* enum root_kind; ROOT_N: the host's */
        uint32_t iscsi_hook; /* 1: menus that can make an iBFT of a root by iSCSI */
        char layer[ROOT_LAYER_SIZE];
        char guest_nic[GUEST_NIC_SIZE];
        char vlans[GUEST_VLANS_SIZE];
        char nfs_dirs[NFS_DIRS_SIZE];
        char file[PROFILE_FILE_SIZE];
        char xen_args[ARGS_SIZE]; /* behind the image's, before the host's */
        char kernel_args[ARGS_SIZE];
};

struct policy_rule {
        char name[NAME_SIZE];
        uint32_t menu; /* instead of the profile's; POLICY_NONE */
        uint32_t pad;
};

struct policy_entry {
        uint32_t profile; /* index */
        uint32_t pad;
        char title[NAME_SIZE];
        char password_grub[PROFILE_HASH_SIZE]; /* as in struct menu_entry; all three empty: no password */
        char password_syslinux[128];
        char password_pxegrub[64];
};

struct policy_menu {
        char name[NAME_SIZE];
        char title[NAME_SIZE];
        uint32_t timeout; /* seconds */
        uint32_t n_entries;
        struct policy_entry entries[MENU_MAX_ENTRIES];
};

/* Who decided what a host boots. */
enum policy_by {
        POLICY_BY_ONCE,    /* "next boot only" */
        POLICY_BY_SETTING, /* dompool profile set */
        POLICY_BY_RULE,
        POLICY_BY_HOST,    /* its own profile in the configuration */
        POLICY_BY_DEFAULT, /* the server's default */
        POLICY_BY_N,
};
extern const char *const policy_by_names[]; /* "once", "setting", "rule", "host", "default" */

/* In order: the first whose time it is counts; an order for the next boot only is before all others, which stand behind it all
 * the same (policy_once.h). The last one of a host has no time. */
struct policy_choice {
        uint32_t profile;  /* index */
        uint32_t rule;     /* index; POLICY_NONE */
        uint32_t image;    /* set together with the profile; POLICY_HOSTS_IMAGE: the profile's, or the host's */
        uint16_t from, to; /* minutes of the day; equal: all day; from > to: past midnight, the day is the one it begins on */
        uint8_t days;      /* bits, 0 is Monday; 0: every day */
        uint8_t by;        /* enum policy_by */
        uint16_t fallen;   /* 1: what is wanted failed on this host, this is instead */
        uint32_t set_s;    /* POLICY_BY_ONCE: Unix seconds of the order; 0 else */
};

/* In the file; readers see struct policy_host. */
struct policy_setting {
        uint32_t image;                                  /* index; POLICY_NONE */
        uint32_t xen_args, kernel_args, console, loader; /* texts */
        uint32_t root;                                   /* enum root_kind */
        uint32_t choices;                                /* the first of the list */
        uint32_t quirks;
        uint16_t n_choices; /* 1.. */
        uint16_t n_quirks;
};

struct policy_row {
        struct mac mac;
        uint16_t guest;   /* 1: no host, a machine that is let in for an inspection */
        uint32_t address; /* fixed; 0: pool */
        uint32_t name;    /* text */
        uint32_t setting;
};

/* A host as it is read and as it is given to the builder; what it points to is the snapshot's, or the giver's. */
struct policy_host {
        struct mac mac;
        uint32_t index;   /* its place in this snapshot, below n_hosts: for tables beside it */
        uint32_t address; /* fixed; 0: pool */
        uint32_t image;   /* index; POLICY_NONE: then the profile is local */
        const char *name; /* texts are never NULL when read; to the builder NULL is an empty one */
        const char *xen_args;
        const char *kernel_args;
        const char *console;
        const char *loader;  /* its name; empty: none is wished */
        enum root_kind root; /* if the profile does not say */
        const struct policy_choice *choices;
        const uint16_t *quirks; /* indices; those whose firmware it has count, see quirk_match.h */
        uint16_t n_choices;     /* 1..POLICY_MAX_CHOICES */
        uint16_t n_quirks;      /* ..POLICY_MAX_QUIRKS */
        bool guest;             /* no host, a machine that is let in for an inspection */
};

struct policy; /* a mapped or built snapshot */

/* Maps the sealed file @fd (not consumed) after checking it. ERR_INVALID: it is none, cut, damaged, of another version; errno
 * of what failed otherwise. */
int policy_map(int fd, struct policy **ret, struct error *err);

/* Builds one in memory: tables are copied, hosts are added one by one in any order. For core and tests. */
struct policy_builder;

struct policy_parts {
        const struct policy_header *header; /* its counts are filled in */
        const struct policy_image *images;
        const struct policy_profile *profiles;
        const struct policy_rule *rules;
        const struct policy_menu *menus;
        const struct quirk *quirks;
        const struct enrol_rule *enrols;
        const struct policy_host *hosts; /* policy_build() only */
        uint32_t n_images, n_profiles, n_rules, n_menus, n_quirks, n_enrols, n_hosts;
};

/* NULL: no memory. @parts is used until the end. */
struct policy_builder *policy_builder_new(const struct policy_parts *parts);

/* What @h points to is copied. 0, -ENOMEM, or -E2BIG: more than POLICY_MAX_HOSTS or POLICY_MAX_SIZE. */
int policy_builder_add(struct policy_builder *b, const struct policy_host *h);

/* 0, -ENOMEM, or -EINVAL: what was given is no policy (an index that names nothing, a MAC twice). The builder is freed. */
int policy_builder_end(struct policy_builder *b, struct policy **ret);

/* NULL is allowed. */
void policy_builder_free(struct policy_builder *b);

/* The three in one. */
int policy_build(const struct policy_parts *parts, struct policy **ret);

/* The bytes to write to a file. */
const void *policy_bytes(const struct policy *p, size_t *ret_size);

/* Puts the checksum into @size bytes of a snapshot that was made or changed by hand: tests and fuzzers. */
void policy_checksum(void *bytes, size_t size);

void policy_free(struct policy *p);

const struct policy_header *policy_header(const struct policy *p);

/* Fill *ret and return it; NULL: there is none, and *ret is untouched. It is valid as long as the snapshot. */
const struct policy_host *policy_host_by_mac(const struct policy *p, const struct mac *mac, struct policy_host *ret);

const struct policy_host *policy_host_by_name(const struct policy *p, const char *name, struct policy_host *ret);

/* Whose fixed address it is. */
const struct policy_host *policy_host_by_address(const struct policy *p, uint32_t address, struct policy_host *ret);

/* In the order of their MACs. */
const struct policy_host *policy_host_at(const struct policy *p, uint32_t i, struct policy_host *ret);

/* NULL when the index names none. */
const struct policy_image *policy_image_at(const struct policy *p, uint32_t i);

/* NULL when the index names none; so for the next two. */
const struct policy_profile *policy_profile_at(const struct policy *p, uint32_t i);

const struct policy_rule *policy_rule_at(const struct policy *p, uint32_t i);

const struct policy_menu *policy_menu_at(const struct policy *p, uint32_t i);

const struct quirk *policy_quirk_at(const struct policy *p, uint32_t i);

/* All of them, policy_header()->n_enrols, in order. */
const struct enrol_rule *policy_enrols(const struct policy *p);

#endif
