/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_ROOT_H
#define DOMPOOL_MODEL_ROOT_H
/*
 * Where a dom0's root filesystem comes from, and what lies over it: names, checks, and the words by which a kernel's command
 * line says it. The words are read by dompool-init (src/init/init_options.c). Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum root_kind {
        ROOT_RAM,  /* the whole dom0 is the initrd */
        ROOT_HTTP, /* root.squashfs is fetched into RAM */
        ROOT_NFS,  /* version 4 */
        ROOT_NFS3,
        ROOT_NBD,
        ROOT_ISCSI,
        ROOT_AOE,
        ROOT_N,
};
extern const char *const root_names[]; /* "ram", "http", "nfs", "nfs3", "nbd", "iscsi", "aoe" */

#define ROOT_NAME_SIZE 16               /* a setting's text and NUL */
#define ROOT_LAYER_SIZE 24              /* "overlay:256M" and NUL */
#define ROOT_IQN "iqn.2026-01.dompool:" /* and the first 16 digits of the id */
#define ROOT_INITIATOR ROOT_IQN "host-" /* and the MAC's 12 digits: a host as an initiator */
#define ROOT_WORD_SIZE 160              /* of dompool.root=, and its pattern, with NUL */

/* A setting's text; "" is ram. ROOT_N: there is none of the name. */
enum root_kind root_find(const char *text);

/* Is a server of its own asked for it, besides that of the boot files? */
bool root_is_exported(enum root_kind kind);

/* Is it such a one whose hosts read root.squashfs as a block device? */
bool root_is_block(enum root_kind kind);

/* A setting: "" or a root's name. 0 or ERR_INVALID with the list. */
int root_check(const char *text, struct error *err);

/* "", "overlay", "overlay:256M", "overlay:50%" or "flash". 0 or ERR_INVALID. */
int root_layer_check(const char *text, struct error *err);

/* What dompool.root= says: "%a" is the server's address, "%i" the first 16 digits of the image's id, "%s" its AoE shelf and
 * slot. NULL: ram needs no word, and those of nbd and iscsi have the configured port (config_root_pattern()). */
const char *root_pattern(enum root_kind kind);

/* An administrator's own server: the rest of the word behind "nfs:", with %a and %i at most. 0 or ERR_INVALID. */
int root_pattern_check(const char *text, struct error *err);

/* The pattern with its places filled in; false: it does not fit. @id16: at least 16 hex digits. */
bool root_word(const char *pattern, uint32_t server, const char *id16, char ret[ROOT_WORD_SIZE]);

/* The word of a root by iSCSI as RFC 4173, 5, writes it, and iPXE takes it: "iscsi:10.0.0.1::3260:1:iqn.x", the LUN hex. false:
 * it is no such word, or does not fit. */
bool root_iscsi_uri(const char *word, char ret[ROOT_WORD_SIZE]);

/* An image's AoE address: the same wherever it is asked, and made of the id, so that two versions hardly ever share one.
 * Shelves 1 to 65500 (65535 is the broadcast), slots 0 to 253 (255 likewise); AoE r11, 2.2. */
void root_aoe_address(const char *id16, uint32_t *ret_shelf, uint32_t *ret_slot);

#endif
