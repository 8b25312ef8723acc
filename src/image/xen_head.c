/* SPDX-License-Identifier: Apache-2.0 */
/* The heads of xen and xen.efi. Runs in the facts child, see image_facts.c. */
#include "image/xen_head.h"

#include <elf.h>
#include <string.h>

#include "base/cleanup.h"

/* An option's name that every Xen has in it and other multiboot programs have not. */
#define XEN_WORD "dom0_mem"

static uint32_t
u32(const uint8_t *data, size_t at)
{
        return (uint32_t)data[at] | (uint32_t)data[at + 1] << 8 | (uint32_t)data[at + 2] << 16 | (uint32_t)data[at + 3] << 24;
}

/* A head of @words 32-bit words whose sum is 0, within the first @limit bytes, begins with @magic. */
static bool
has_head(const uint8_t *data, size_t size, uint32_t magic, size_t limit, size_t step, unsigned words)
{
        if (size > limit)
                size = limit;
        for (size_t at = 0; at + 4u * words <= size; at += step) {
                uint32_t sum = 0;

                if (u32(data, at) != magic)
                        continue;
                for (unsigned i = 0; i < words; i++)
                        sum += u32(data, at + 4u * i);
                if (sum == 0)
                        return true;
        }
        return false;
}

void
xen_head_read(const uint8_t *data, size_t size, struct xen_facts *ret)
{
        if (!memmem(data, size, XEN_WORD, strlen(XEN_WORD)))
                return;
        ret->multiboot1 = has_head(data, size, 0x1badb002, 8192, 4, 3);
        ret->multiboot2 = has_head(data, size, 0xe85250d6, 32768, 8, 4);
        if (size >= 64 && memcmp(data + 0x38, "ARM\x64", 4) == 0)
                ret->arch = ARCH_ARM64;
        else if (size >= sizeof(Elf32_Ehdr) && memcmp(data, ELFMAG, SELFMAG) == 0)
                /* The multiboot form says EM_386 though what it holds is 64-bit, as every Xen since 4.3 is. */
                ret->arch =
                        data[offsetof(Elf32_Ehdr, e_machine)] == EM_386 || data[offsetof(Elf32_Ehdr, e_machine)] == EM_X86_64
                                ? ARCH_X86_64
                                : ARCH_OTHER;
        ret->found = ret->arch != ARCH_UNKNOWN;
}

void
xen_efi_read(const uint8_t *data, size_t size, struct xen_facts *ret)
{
        static const struct {
                uint16_t machine;
                enum facts_arch arch;
        } machines[] = {{0x8664, ARCH_X86_64}, {0x14c, ARCH_X86_32}, {0xaa64, ARCH_ARM64}};
        size_t pe;
        uint32_t machine;

        if (size < 64 || data[0] != 'M' || data[1] != 'Z')
                return;
        pe = u32(data, 0x3c);
        /* Signature, COFF header of 20 bytes, optional header with the subsystem at its byte 68: 10 is a UEFI application. */
        if (pe > size || size - pe < 24 + 70 || memcmp(data + pe, "PE\0", 4) != 0 || data[pe + 24 + 68] != 10)
                return;
        machine = data[pe + 4] | (uint32_t)data[pe + 5] << 8;
        ret->efi = true;
        ret->efi_arch = ARCH_OTHER;
        for (size_t i = 0; i < N_ELEMENTS(machines); i++)
                if (machines[i].machine == machine)
                        ret->efi_arch = machines[i].arch;
}
