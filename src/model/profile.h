/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_PROFILE_H
#define DOMPOOL_MODEL_PROFILE_H
/*
 * What hosts boot, as the administrator describes it: named profiles, the rules that choose among them, and menus for a person
 * at the machine. Pure data and checks; who gets what is decided in src/bootcfg/policy_choice.c and
 * src/bootcfg/profile_choice.c.
 */
#include "base/parse.h"
#include "base/rec.h"
#include "model/guest_net.h"
#include "model/nfs_dirs.h"
#include "model/root.h"

#define NAME_SIZE 64  /* a name of ours and NUL; see name_ok() */
#define ARGS_SIZE 512 /* a command line's part and NUL */

#define PROFILE_FILE_SIZE 128 /* as the DHCP header's `file` */
#define PROFILE_HASH_SIZE 400 /* GRUB's PBKDF2 hash is the longest form */
#define LABELS_SIZE 256
#define GLOBS_SIZE 256
#define MENU_MAX_ENTRIES 8
#define MINUTES_PER_DAY 1440u
#define DAYS_ALL 0x7fu /* bit 0 is Monday */

/* What kind of thing a profile boots. PROFILE_LOCAL, its own disk, is zero: the default and the answer to every doubt. */
enum profile_kind {
        PROFILE_LOCAL,
        PROFILE_POOL,    /* a Xen host of the pool */
        PROFILE_CHAIN,   /* another server's loader */
        PROFILE_INSPECT, /* the image in RAM: reports the hardware, powers off */
        PROFILE_RESCUE,  /* the image in RAM: a shell on the console */
        PROFILE_N,
};
extern const char *const profile_kind_names[];

/* One line for people, "its own disk ...". */
const char *profile_kind_meaning(enum profile_kind kind);

/* Is it one of an image of ours, with a token in its menu? */
bool profile_kind_boots_image(enum profile_kind kind);

struct profile {
        char name[NAME_SIZE];
        uint32_t kind;            /* enum profile_kind */
        char image[NAME_SIZE];    /* see image_name_ok(); empty: the host's */
        char xen_args[ARGS_SIZE]; /* between the image's and the host's */
        char kernel_args[ARGS_SIZE];
        char root[ROOT_NAME_SIZE];      /* where dom0's root comes from, see root_check(); empty: the host's */
        bool iscsi_hook;                /* the loader logs in to the target of a root by iSCSI, and leaves an iBFT */
        char layer[ROOT_LAYER_SIZE];    /* what is written goes there, see root_layer_check(); empty: "overlay" */
        char guest_nic[GUEST_NIC_SIZE]; /* the card of the bridge that guests use, see guest_nic_parse(); empty: "boot" */
        char vlans[GUEST_VLANS_SIZE];   /* of that card, each with a bridge, as guest_vlans_text() writes them; empty: none */
        char nfs_dirs[NFS_DIRS_SIZE];   /* directories over NFS, as nfs_dirs_text() writes them; empty: none */
        uint32_t server;                /* PROFILE_CHAIN: next server */
        char file[PROFILE_FILE_SIZE];
        char menu[NAME_SIZE]; /* shown before it boots; empty: none */
};
extern const struct rec_desc profile_desc;

/* Ordered, the first that matches wins. A condition that is empty matches every host; all given ones must match. */
struct rule {
        char name[NAME_SIZE];
        char hosts[GLOBS_SIZE];   /* globs on the host's name, one of them */
        char labels[LABELS_SIZE]; /* the host has one of them */
        char mac[MAC_TEXT_SIZE];  /* "52:54:00": how the address begins */
        char smbios[GLOBS_SIZE];  /* a glob on "manufacturer/product", without regard to case */
        uint32_t days;            /* bits; 0: every day */
        uint32_t from, to;        /* minutes of the day, local time; equal: all day; from > to: past midnight */
        char profile[NAME_SIZE];
        char menu[NAME_SIZE]; /* instead of the profile's; empty: the profile's */
};
extern const struct rec_desc rule_desc;

/* The password's hash in the forms that loaders check; empty: that loader has none. All empty: no password. */
struct menu_entry {
        char title[NAME_SIZE];
        char profile[NAME_SIZE];
        char password_grub[PROFILE_HASH_SIZE]; /* "grub.pbkdf2.sha512.10000.SALT.HASH" */
        char password_syslinux[128];           /* "$6$salt$hash" */
        char password_pxegrub[64];             /* "$1$salt$hash" */
};
extern const struct rec_desc menu_entry_desc;

/* The first entry is what boots when nobody presses a key: the profile that the menu was shown for. It is not in `entries`. */
struct menu {
        char name[NAME_SIZE];
        char title[NAME_SIZE];
        uint32_t timeout; /* seconds, 1..600 */
        uint32_t n_entries;
        struct menu_entry entries[MENU_MAX_ENTRIES];
};
extern const struct rec_desc menu_desc;

struct error;

int profile_check(const struct profile *p, struct error *err);

int rule_check(const struct rule *r, struct error *err);

int menu_check(const struct menu *m, struct error *err);

/* Names with blanks or commas between: each must be a name. @what for the message. */
int labels_check(const char *what, const char *labels, struct error *err);

/* One to six hex pairs in lower case with colons between: how MAC addresses begin. */
bool mac_beginning_ok(const char *word);

/* Does the address begin as one of the list's words? */
bool mac_begins_as(const char *beginnings, const struct mac *mac);

/* Calls for each word of a list with blanks or commas between: copies it to @word (at most NAME_SIZE - 1 bytes) and returns the
 * rest, NULL at the end. */
const char *list_next(const char *list, char word[NAME_SIZE]);
/* The same for words of up to @size - 1 bytes. */
const char *list_next_long(const char *list, char *word, size_t size);

/* Has the list @labels the word @label? */
bool labels_has(const char *labels, const char *label);

/* "mon-fri", "sat,sun", "mon-wed,fri"; bits. 0 or -EINVAL. */
int parse_days(const char *text, uint32_t *ret);

/* Canonical: "mon-fri,sun". @buf holds 40 bytes. */
#define DAYS_TEXT_SIZE 40
char *days_text(uint32_t days, char buf[DAYS_TEXT_SIZE]);

/* "08:00", 00:00 to 24:00; minutes. 0 or -EINVAL. */
int parse_minute(const char *text, uint32_t *ret);

#endif
