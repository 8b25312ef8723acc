/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_LOADER_HEAD_H
#define DOMPOOL_IMAGE_LOADER_HEAD_H
/* What a loader's file says of itself. Pure; trusts nothing in it. */
#include <stddef.h>
#include <stdint.h>

#include "model/facts.h"

/*
 * Fills form, version and multiboot; @ret->name is given and says what a file that is packed is meant to be. A GRUB for UEFI
 * has its modules' names in it; one for BIOS is packed: @modules, the note that loaders_build() keeps beside the loaders, says
 * which it was made with ("i386-pc-pxe: pxe tftp ...\n"; NULL: none).
 */
void loader_head_read(const uint8_t *data, size_t size, const char *modules, struct loader_file *ret);

#endif
