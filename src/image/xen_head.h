/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IMAGE_XEN_HEAD_H
#define DOMPOOL_IMAGE_XEN_HEAD_H
/*
 * Is it a Xen, and which loaders can start it? Pure; trusts no offset. Multiboot specification 0.6.96, 3.1;
 * Multiboot2 2.0, 3.1; PE/COFF 8.3.
 */
#include <stddef.h>
#include <stdint.h>

#include "model/facts.h"

/* An unpacked xen: fills found, arch, multiboot1 and multiboot2. */
void xen_head_read(const uint8_t *data, size_t size, struct xen_facts *ret);

/* xen.efi: fills efi and efi_arch. */
void xen_efi_read(const uint8_t *data, size_t size, struct xen_facts *ret);

#endif
