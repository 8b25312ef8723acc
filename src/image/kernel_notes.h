/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_KERNEL_NOTES_H
#define DOMPOOL_IMAGE_KERNEL_NOTES_H
/*
 * What an unpacked kernel (vmlinux) says to Xen in its ELF notes, and what its configuration says it can unpack. Pure; trusts
 * no offset. Xen: xen/include/public/elfnote.h, features.h; xen/arch/x86/pv/dom0_build.c refuses a kernel whose
 * SUPPORTED_FEATURES lack XENFEAT_dom0 ("Kernel does not support Dom0 operation").
 */
#include <stddef.h>
#include <stdint.h>

#include "model/facts.h"

/* Fills notes_known, xen_*, and arch where it is not known. Does nothing with what is no ELF file. */
void kernel_notes_read(const uint8_t *data, size_t size, struct kernel_facts *ret);

/* The text of a configuration ("CONFIG_RD_GZIP=y\n..."): fills config_known and unpacks. */
void kernel_config_read(const char *text, size_t size, struct kernel_facts *ret);

/* The gzipped configuration that CONFIG_IKCONFIG leaves in a vmlinux, between its marks; false: there is none. */
bool kernel_config_find(const uint8_t *data, size_t size, const uint8_t **ret, size_t *ret_size);

#endif
