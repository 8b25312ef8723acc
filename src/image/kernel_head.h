/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_KERNEL_HEAD_H
#define DOMPOOL_IMAGE_KERNEL_HEAD_H
/*
 * What a kernel file says of itself before it is unpacked, where its payload lies, and by which magic number packed bytes are
 * known. Pure; trusts no offset. Linux Documentation/arch/x86/boot.rst (protocol 2.12) and arch/arm64/booting.rst.
 */
#include <stddef.h>
#include <stdint.h>

#include "model/facts.h"

/* Which packing do bytes begin with? PACKING_NONE: none that is known. */
enum facts_packing packing_of(const uint8_t *data, size_t size);

/* Fills the members of @ret that the head tells; @ret->found stays false for what is no kernel. The payload (x86) is
 * data[*ret_offset .. + *ret_size], size 0: there is none to look into. */
void kernel_head_read(const uint8_t *data, size_t size, struct kernel_facts *ret, size_t *ret_offset, size_t *ret_size);

#endif
