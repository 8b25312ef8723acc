/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_BOOTFILE_H
#define DOMPOOL_BOOTCFG_BOOTFILE_H
/*
 * What stands behind a name that a loader asks for, by TFTP or HTTP: a menu, a loader's file, a file of an image, or nothing.
 * Pure: nothing is opened here, and the paths it gives are relative and clean ("a/b", no "..", no empty part).
 */
#include "bootcfg/menu.h"
#include "bootcfg/policy.h"

#define BOOTFILE_NAME_MAX 255 /* longer names are refused */
#define BOOTFILE_PATH_SIZE 336

enum bootfile_kind {
        BOOTFILE_REFUSED,      /* "..", control characters, too long ... : `why` */
        BOOTFILE_MISSING,      /* a menu or image name that nothing stands under */
        BOOTFILE_MENU,         /* the menu of the host with `mac` */
        BOOTFILE_MENU_DEFAULT, /* the local menu, for whoever asks */
        BOOTFILE_LOADER,       /* `path` below STORE/loaders */
        BOOTFILE_IMAGE,        /* `path` below STORE/versions */
};

struct bootfile {
        enum bootfile_kind kind;
        enum boot_stage stage;
        const char *why;               /* REFUSED, MISSING: static text */
        const struct menu_doc *menu;   /* MENU, MENU_DEFAULT */
        struct mac mac;                /* MENU */
        uint64_t size;                 /* IMAGE: as it was built; 0: not known */
        char path[BOOTFILE_PATH_SIZE]; /* clean name asked for; IMAGE: <id>/<file> */
};

/* @policy may be NULL: then there are no images. @name is NUL-terminated. */
void
bootfile_resolve(const struct policy *policy, const char *name, struct bootfile *ret);

/* Is it a file of an image that loaders may fetch? */
bool bootfile_image_has(const char *name);

#endif
