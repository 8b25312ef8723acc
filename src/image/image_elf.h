/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_IMAGE_ELF_H
#define DOMPOOL_IMAGE_IMAGE_ELF_H
/* What an ELF file needs to run: its dynamic linker and its libraries. Pure. System V gABI, chapter 5; 64-bit little-endian
 * only. */
#include <stddef.h>
#include <stdint.h>

#define ELF_MAX_NEEDED 64

struct elf_needs {
        const char *interpreter; /* NULL: a library, or static; points into the file's bytes */
        size_t n_needed;
        const char *needed[ELF_MAX_NEEDED];
};

/* 0; 1: no ELF file of ours; -EBADMSG: broken; -E2BIG: more than ELF_MAX_NEEDED libraries. */
int elf_needs_read(const uint8_t *data, size_t size, struct elf_needs *ret);

#endif
