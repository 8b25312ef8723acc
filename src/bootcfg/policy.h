/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_POLICY_H
#define DOMPOOL_BOOTCFG_POLICY_H
/*
 * The policy snapshot: all that `boot` and `files` need to answer without asking anybody. `core` writes it as a file
 * (STATE/policy.snap, replaced by rename), the roles map it read-only and swap pointers. Flat, fixed-size, little-endian, no
 * pointers inside; hosts are sorted by MAC so that a lookup is O(log n). A file that is cut or of another version is refused
 * and the old one kept.
 *
 *     struct policy_header | policy_image[n_images] | policy_profile[n_profiles] | policy_rule[n_rules] | policy_menu[n_menus]
 *                          | quirk[n_quirks] | policy_host[n_hosts]
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
#define POLICY_VERSION 3
#define POLICY_NONE UINT32_MAX                 /* an index that names nothing; of an image: it is not there */
#define POLICY_HOSTS_IMAGE (UINT32_MAX - 1)    /* a profile that leaves the image to the host */
#define POLICY_MAX_CHOICES 8                   /* for a host: seven with a time, and what counts else */
#define POLICY_MAX_QUIRKS 6                    /* for a host; further ones are left out, with a word in the log */

struct policy_header {
        uint32_t magic, version;
        uint64_t generation;
        uint64_t size;          /* of the whole file */
        uint32_t n_images, n_hosts, n_profiles, n_rules, n_menus, n_quirks;
        uint32_t reserved;
        uint32_t default_image; /* index; POLICY_NONE */
        uint8_t token_key[32];  /* HMAC key of the per-boot tokens */
        char tls_fingerprint[65]; /* hex SHA-256 of the agent listener's certificate (DER) */
        char console[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        uint32_t agent_port, http_port;
        uint32_t n_networks; /* 1.. */
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
        uint32_t kind;   /* enum profile_kind */
        uint32_t image;  /* index; POLICY_HOSTS_IMAGE; POLICY_NONE: it names one that is not there */
        uint32_t server; /* PROFILE_CHAIN */
        uint32_t menu;   /* index; POLICY_NONE */
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

/* In order: the first whose time it is counts. The last one of a host has no time. */
struct policy_choice {
        uint32_t profile;  /* index */
        uint32_t rule;     /* index; POLICY_NONE */
        uint32_t image;    /* set together with the profile; POLICY_HOSTS_IMAGE: the profile's, or the host's */
        uint16_t from, to; /* minutes of the day; equal: all day; from > to: past midnight, the day is the one it begins on */
        uint8_t days;      /* bits, 0 is Monday; 0: every day */
        uint8_t by;        /* enum policy_by */
        uint16_t pad;
};

struct policy_host {
        struct mac mac;
        uint8_t n_choices; /* 1.. */
        uint8_t pad;
        uint32_t address;  /* fixed; 0: pool */
        uint32_t image;    /* index; POLICY_NONE: then the profile is local */
        char name[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        char console[NAME_SIZE];
        char loader[16]; /* its name; empty: none is wished */
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint16_t quirks[POLICY_MAX_QUIRKS]; /* indices; those whose firmware it has count, see quirk_match.h */
        uint16_t n_quirks;
        uint16_t pad2;
};

struct policy; /* a mapped or built snapshot */

/* Maps the file @fd (not consumed) read-only after checking it. */
int
policy_map(int fd, struct policy **ret, struct error *err);

/* Builds one in memory from arrays; hosts need not be sorted. For core and tests. */
struct policy_parts {
        const struct policy_header *header; /* its counts are filled in */
        const struct policy_image *images;
        const struct policy_profile *profiles;
        const struct policy_rule *rules;
        const struct policy_menu *menus;
        const struct quirk *quirks;
        const struct policy_host *hosts;
        uint32_t n_images, n_profiles, n_rules, n_menus, n_quirks, n_hosts;
};
int
policy_build(const struct policy_parts *parts, struct policy **ret);

/* The bytes to write to a file. */
const void *
policy_bytes(const struct policy *p, size_t *ret_size);

void
policy_free(struct policy *p);

const struct policy_header *
policy_header(const struct policy *p);

/* NULL: unknown MAC. */
const struct policy_host *
policy_host_by_mac(const struct policy *p, const struct mac *mac);

const struct policy_host *
policy_host_at(const struct policy *p, uint32_t i);

/* NULL when the index names none. */
const struct policy_image *
policy_image_at(const struct policy *p, uint32_t i);

/* NULL when the index names none; so for the next two. */
const struct policy_profile *
policy_profile_at(const struct policy *p, uint32_t i);

const struct policy_rule *
policy_rule_at(const struct policy *p, uint32_t i);

const struct policy_menu *
policy_menu_at(const struct policy *p, uint32_t i);

const struct quirk *
policy_quirk_at(const struct policy *p, uint32_t i);

#endif
