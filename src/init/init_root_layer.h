/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_ROOT_LAYER_H
#define DOMPOOL_INIT_INIT_ROOT_LAYER_H
/*
 * What is written to a root that is read-only: goes to RAM, within a limit. By overlayfs over everything, or the way of /flash:
 * the paths that the image's /etc/dompool/flash lists are made in RAM, everything else stays read-only. That file has a line
 * for each path: "PATH" (made empty, with the mode and the owner that it has in the image) or "PATH copy" (with its contents).
 */
#include "base/error.h"
#include "init/init_root_word.h"

#define INIT_FLASH_LIST "/etc/dompool/flash"
#define INIT_FLASH_MAX 256 /* lines */
#define INIT_FLASH_PATH_SIZE 200

struct init_flash_line {
        char path[INIT_FLASH_PATH_SIZE]; /* absolute, without ".." */
        bool copy;
};

/* Takes the next line that says something off *text. 1; 0: no more; -EINVAL: not such a line. Pure. */
int init_flash_next(const char **text, struct init_flash_line *ret);

/* INIT_ROOT_LOWER becomes INIT_ROOT_NEW. */
int init_root_layer(const struct init_layer *l, struct error *err);

#endif
