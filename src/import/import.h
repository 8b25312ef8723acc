/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_IMPORT_H
#define DOMPOOL_IMPORT_IMPORT_H
/*
 * Reads the files of other boot set-ups - ISC dhcpd.conf, dnsmasq, /etc/ethers, PXELINUX and GRUB legacy menus - into one
 * result: hosts, what each of them boots, and what was not understood, with file and line. Nothing is opened here: files come
 * through `struct import_io`, so that tests and the fuzzer give texts and `dompool import` gives files.
 *
 *     import_init --> import_source (once an argument) --> import_finish --> hosts, entries, menus, notes --> import_deinit
 *
 * What is not understood is a note, and reading goes on behind it. The functions fail only when memory is out, a limit is reached or a
 * file that was named cannot be read.
 */
#include <jansson.h>
#include <uthash.h>

#include "base/error.h"
#include "model/host.h"

#define IMPORT_MAX_FILE (4u << 20)
#define IMPORT_MAX_TOTAL (64u << 20)
#define IMPORT_MAX_FILES 16384
#define IMPORT_MAX_DEPTH 8      /* includes in includes */
#define IMPORT_MAX_HOSTS 10000
#define IMPORT_MAX_NOTES 2000   /* further ones are counted */
#define IMPORT_MAX_ENTRIES 32768
#define IMPORT_MAX_TREES 16

#define IMPORT_PATH_SIZE 256
#define IMPORT_TITLE_SIZE 128
#define IMPORT_CMDLINE_SIZE 1024

/* Whom the old server told apart: a row of import_clients each. */
enum import_client_kind {
        IMPORT_CLIENT_BIOS,
        IMPORT_CLIENT_UEFI_X64,
        IMPORT_CLIENT_UEFI_ARM64,
        IMPORT_CLIENT_HTTP_X64,
        IMPORT_CLIENT_IPXE,
        IMPORT_N_CLIENTS,
        IMPORT_CLIENT_ANY = IMPORT_N_CLIENTS,
};
extern const char *const import_client_names[];

/* The file that a kind of firmware is given. */
struct import_loader {
        uint32_t client;                /* enum import_client_kind */
        uint32_t server;                /* next-server; 0: the DHCP server itself */
        char file[IMPORT_PATH_SIZE];
        char config[IMPORT_PATH_SIZE];  /* the menu by option 150 or 209; empty: the loader's own search */
};

enum import_boot {
        IMPORT_BOOT_NONE,  /* gets an address and no boot file */
        IMPORT_BOOT_LOCAL, /* its own disk */
        IMPORT_BOOT_CHAIN, /* a loader or menu of another server */
        IMPORT_BOOT_LINUX, /* a kernel without Xen */
        IMPORT_BOOT_XEN,
        IMPORT_BOOT_OTHER,
        IMPORT_BOOT_N,
};

/* One thing that can be booted: an entry of a menu, or a boot file that no menu explains. */
struct import_entry {
        uint32_t boot;                  /* enum import_boot */
        char label[IMPORT_TITLE_SIZE];  /* PXELINUX's name of it */
        char title[IMPORT_TITLE_SIZE];
        char at[IMPORT_PATH_SIZE];      /* file ... */
        uint32_t line;                  /* ... and line where it begins */
        bool password;                  /* one is asked for; the password itself is never kept */
        uint32_t server;                /* CHAIN: 0: the server that the menu came from */
        char file[IMPORT_PATH_SIZE];    /* CHAIN: loader or menu */
        char xen[IMPORT_PATH_SIZE];
        char xen_args[IMPORT_CMDLINE_SIZE];
        uint64_t dom0_mem_kib;          /* 0: not said */
        char kernel[IMPORT_PATH_SIZE];
        char kernel_args[IMPORT_CMDLINE_SIZE];
        char initrd[IMPORT_PATH_SIZE];
        /* XEN: what a host of the pool takes over of the two command lines. */
        char pool_xen_args[ARGS_SIZE];
        char pool_kernel_args[ARGS_SIZE];
        char pool_console[NAME_SIZE];   /* Xen's console=, which has its own place in a host's description */
        bool used;                      /* by a host */
};

enum import_menu_kind { IMPORT_MENU_PXELINUX, IMPORT_MENU_GRUB, IMPORT_MENU_N };

struct import_menu {
        char path[IMPORT_PATH_SIZE];    /* key */
        uint32_t kind;                  /* enum import_menu_kind */
        bool alone;                     /* an argument by itself, not found in a tree */
        uint32_t first_entry, n_entries;
        uint32_t default_entry;         /* index in the menu */
        uint32_t timeout_ds;            /* tenths of a second; 0: none */
        bool has_default, default_guessed;
        bool password;                  /* of the whole menu */
        char xen_args[IMPORT_CMDLINE_SIZE]; /* GRUB: what Debian's update-grub puts on Xen's lines (xenhopt) */
        char kernel_args[IMPORT_CMDLINE_SIZE]; /* and on the kernel's behind it (xenkopt) */
        bool used;                      /* by a host */
        UT_hash_handle hh;
};

struct import_host {
        char name[NAME_SIZE];
        struct mac mac;
        uint32_t address;               /* 0: from a range */
        bool denied;                    /* the old server refused to boot it */
        char at[IMPORT_PATH_SIZE];
        uint32_t line;
        uint32_t n_loaders;
        struct import_loader loaders[IMPORT_N_CLIENTS];
        uint32_t entry;                 /* index of import.entries + 1; 0: boots nothing from the network */
        UT_hash_handle by_mac, by_name;
};

enum import_note_kind {
        IMPORT_NOTE_UNKNOWN,     /* not understood */
        IMPORT_NOTE_NOT_APPLIED, /* understood; dompool cannot take it over by its API */
        IMPORT_NOTE_WARNING,     /* understood; will surprise */
        IMPORT_NOTE_IGNORED,     /* no part of booting, or dompool's own business */
        IMPORT_NOTE_N,
};
extern const char *const import_note_kind_names[];

struct import_note {
        uint32_t kind;
        char file[IMPORT_PATH_SIZE];
        uint32_t line;          /* 0: the file as a whole */
        char thing[120];
        char why[240];
        char todo[200];         /* may be empty */
};

/* A file's bytes; malloc'ed and NUL-terminated, for the importer to cut up and free. */
struct import_text {
        char *text;
        size_t size;
};

struct import_names {
        char **names; /* malloc'ed array of malloc'ed names, sorted */
        size_t n;
};

struct import_io {
        /* At most IMPORT_MAX_FILE bytes; ERR_NOT_FOUND when there is no such file, ERR_LIMIT when it is larger. */
        int (*read)(void *arg, const char *path, struct import_text *ret, struct error *err);
        /* The plain files in a folder, links followed; ERR_NOT_FOUND when it is no folder. */
        int (*list)(void *arg, const char *path, struct import_names *ret, struct error *err);
        void *arg;
};

/* A TFTP server's files. */
struct import_tree {
        uint32_t server; /* 0: of any */
        char path[IMPORT_PATH_SIZE];
        char pxelinux[IMPORT_PATH_SIZE]; /* its pxelinux.cfg folder; empty: none */
};

struct import {
        const struct import_io *io;
        struct import_host **hosts;     /* in the order in which they were found; owned */
        size_t n_hosts, hosts_size;
        struct import_host *hosts_by_mac, *hosts_by_name;
        struct import_entry *entries;
        size_t n_entries, entries_size;
        struct import_menu *menus;      /* hash by path, in the order of reading */
        struct import_note *notes;
        size_t n_notes, notes_size;
        size_t n_notes_lost;
        struct import_tree trees[IMPORT_MAX_TREES];
        size_t n_trees;
        struct dnsmasq *dnsmasq;        /* lines of all of its files: they count together; NULL: none */
        size_t n_files, total;
        unsigned depth;
};

/* @io is kept. */
void
import_init(struct import *im, const struct import_io *io);

void
import_deinit(struct import *im);

/*
 * Reads one argument: a file (its kind is guessed from name and text), a folder (a TFTP tree, or a pxelinux.cfg folder), either
 * with "IP=" before it: the TFTP server whose tree it is. @format: a name of import_format_names, or NULL to guess.
 */
int
import_source(struct import *im, const char *argument, const char *format, struct error *err);
extern const char *const import_format_names[];

/* After the last source: joins hosts and menus and works out what each host boots. */
int
import_finish(struct import *im, struct error *err);

/* NULL when the host boots nothing from the network. */
const struct import_entry *
import_host_entry(const struct import *im, const struct import_host *h);

/* What the entry boots, in one line; NULL: nothing. Returns @buf. */
char *
import_entry_text(const struct import_entry *e, char *buf, size_t size);

/* What the host boots, in one line: "xen: xen.gz dom0_mem=32M --- kernel ip=dhcp". Returns @buf. */
char *
import_boot_text(const struct import *im, const struct import_host *h, char *buf, size_t size);

/* "bios", "uefi-x86-64", "any" ... from the files that it is given; "-" when that tells nothing. */
const char *
import_host_arch(const struct import_host *h);

/* What dompool is to be told of a host. */
struct import_plan {
        struct host host;       /* names a profile of this kind: local, pool, or the one below */
        struct profile profile; /* CHAIN: one to be made, unless there is one; its name is empty otherwise */
};

/*
 * 0, or 1: this host must be left to the old server, and @why says why (@why may hold a remark as well when it is 0). Never pool where the old set-up did not boot Xen, never
 * local where it booted something from the network.
 */
int
import_plan(const struct import *im, const struct import_host *h, struct import_plan *ret, char *why, size_t why_size);

/* {"hosts":[…],"menus":[…],"notes":[…],"notes_lost":N}; NULL when memory is out. */
json_t *
import_json(const struct import *im);

#endif
