/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMPORT_IMPORT_PRIVATE_H
#define DOMPOOL_IMPORT_IMPORT_PRIVATE_H
/* What the readers of src/import share: places, notes, growing the result. */
#include "import/import.h"

#include "base/cleanup.h"

struct import_place {
        const char *file;
        unsigned line;
};

/* How a kind of client looks in its DHCP packet. */
struct import_client {
        uint16_t arch; /* option 93 */
        const char *vendor_class;
        const char *user_class; /* NULL: none */
};
extern const struct import_client import_clients[IMPORT_N_CLIENTS];

/*
 * A reader of one text. @state is the reader's own when it reads an included file, else NULL. @text is NUL-terminated, free of NUL before its end, and may be cut up. Errors are for memory and
 * limits; everything about the text is a note.
 */
typedef int (*import_reader)(struct import *im, void *state, const char *path, char *text, struct error *err);
int
import_dhcpd(struct import *im, void *state, const char *path, char *text, struct error *err);
int
import_dnsmasq(struct import *im, void *state, const char *path, char *text, struct error *err);
/* Each file of a conf-dir. */
int
import_dnsmasq_folder(struct import *im, const char *path, struct error *err);
/* After the last file: what dnsmasq would give its hosts. */
void
import_dnsmasq_finish(struct import *im);
void
import_dnsmasq_deinit(struct import *im);
int
import_ethers(struct import *im, void *state, const char *path, char *text, struct error *err);
int
import_pxelinux(struct import *im, void *state, const char *path, char *text, struct error *err);
int
import_grub(struct import *im, void *state, const char *path, char *text, struct error *err);

/* ---- texts ---- */

/* Copies a text that came from a file: control bytes and what is no UTF-8 become '?'. False if it had to cut. */
bool
import_copy(char *dst, size_t size, const char *src);
/* Appends @word behind a blank; false if it does not fit (nothing is appended). */
bool
import_append(char *dst, size_t size, const char *word);
/* The part behind the last '/'. */
const char *
import_basename(const char *path);
/* Does @text begin with @prefix, in any case? */
bool
import_has_prefix(const char *text, const char *prefix);
/* Does @path end with the whole path components of @tail ("/grub/a.conf" of "x/grub/a.conf")? */
bool
import_path_ends(const char *path, const char *tail);
/* @name beside the file @from; an absolute @name stays. False if it is too long. */
bool
import_path_beside(char ret[IMPORT_PATH_SIZE], const char *from, const char *name);
bool
import_path_join(char ret[IMPORT_PATH_SIZE], const char *folder, const char *name);

/* ---- result ---- */

/*
 * Makes room for element number @n (the first is 0) in *(T **)@array of *room elements; ERR_LIMIT at @limit elements of @what.
 */
int
import_grow(void *array, size_t *room, size_t n, size_t size, size_t limit, const char *what, struct error *err);

void
import_note(struct import *im, enum import_note_kind kind, const struct import_place *at, const char *thing, const char *todo,
            const char *why, ...) __attribute__((format(printf, 6, 7)));

/*
 * The host with this MAC: a new one, or the one that is there. @name is made fit, and unique; NULL or "": from the MAC. NULL
 * with @err: no room.
 */
struct import_host *
import_host_add(struct import *im, const struct import_place *at, const char *name, const struct mac *mac, struct error *err);
/* Sets the address; another one that is there already stays, with a note. */
void
import_host_address(struct import *im, const struct import_place *at, struct import_host *h, uint32_t address);
/* What each kind of client is given, IMPORT_N_CLIENTS of them; equal ones become one. Stays as it is if there were some. */
void
import_host_loaders(struct import_host *h, const struct import_loader *loaders);

/* A new entry, valid until the next one is added. */
struct import_entry *
import_entry_add(struct import *im, const struct import_place *at, struct error *err);

struct import_menu *
import_menu_find(const struct import *im, const char *path);
/* An empty menu of that path; NULL: there is one, or memory is out (@err). */
struct import_menu *
import_menu_add(struct import *im, const char *path, enum import_menu_kind kind, struct error *err);

/* ---- files, import_source.c ---- */

/*
 * Reads @path with @reader one level deeper. A file that is missing is a note at @at, unless @quiet.
 */
int
import_include(struct import *im, const struct import_place *at, const char *path, bool quiet, import_reader reader, void *state,
               struct error *err);
/* Reads each file of a folder; @keep says which names count (NULL: all). */
int
import_folder(struct import *im, const struct import_place *at, const char *path, bool (*keep)(void *state, const char *name),
              import_reader reader, void *state, struct error *err);
/* A TFTP tree of the server; a second one of the same path changes nothing. */
int
import_tree_add(struct import *im, const struct import_place *at, uint32_t server, const char *path, struct error *err);
/* The menu @file of the TFTP server (0: any), read when that has not been done; NULL: not there. @except: never this one. */
int
import_tree_menu(struct import *im, const struct import_place *at, uint32_t server, const char *file,
                 enum import_menu_kind kind, const struct import_menu *except, struct import_menu **ret, struct error *err);
void
import_names_free(struct import_names *names);

/* ---- command lines, import_cmdline.c ---- */

#define IMPORT_MAX_MODULES 8
/* Splits "xen.gz a --- kernel b --- initrd" in place. Returns the number, at most IMPORT_MAX_MODULES (a note says the rest). */
size_t
import_modules_split(struct import *im, const struct import_place *at, char *text, char **ret);
/* Fills the entry from a multiboot loader's modules, each "file arguments". */
void
import_entry_modules(struct import *im, const struct import_place *at, struct import_entry *e, char **modules, size_t n);
/* Fills the entry from a Linux kernel's command line, "file arguments". */
void
import_entry_linux(struct import *im, const struct import_place *at, struct import_entry *e, const char *kernel, char *args);
/* For an entry of Xen that a host uses: what the pool takes over, with a note for each word that it does not. */
void
import_entry_plan(struct import *im, struct import_entry *e);
/* Value of "name=value" among the words of a command line; false: not there. */
bool
import_word_value(const char *args, const char *name, char *ret, size_t size);
/* "pxelinux.0" and its kin: they look for pxelinux.cfg/ by themselves. */
bool
import_is_pxelinux(const char *file);
bool
import_is_loader(const char *file);

#endif
