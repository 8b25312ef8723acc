/* SPDX-License-Identifier: Apache-2.0 */
/* The heads of bzImage, arm64 Image and vmlinux, and packers' magic numbers. Runs in the facts child, see image_facts.c. */
#include "image/kernel_head.h"

#include <ctype.h>
#include <elf.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"

static const struct {
        enum facts_packing packing;
        uint8_t size;
        uint8_t magic[6];
} packings[] = {
        /* As init/do_mounts' and Xen's decompressors know them (lib/decompress.c, xen/common/decompress.c). */
        {PACKING_GZIP, 2, {0x1f, 0x8b}},
        {PACKING_BZIP2, 3, {'B', 'Z', 'h'}},
        {PACKING_XZ, 6, {0xfd, '7', 'z', 'X', 'Z', 0}},
        {PACKING_LZMA, 3, {0x5d, 0, 0}},
        {PACKING_LZO, 5, {0x89, 'L', 'Z', 'O', 0}},
        {PACKING_LZ4, 4, {0x02, 0x21, 0x4c, 0x18}},
        {PACKING_LZ4, 4, {0x04, 0x22, 0x4d, 0x18}},
        {PACKING_ZSTD, 4, {0x28, 0xb5, 0x2f, 0xfd}},
};

enum facts_packing
packing_of(const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < N_ELEMENTS(packings); i++)
                if (size >= packings[i].size && memcmp(data, packings[i].magic, packings[i].size) == 0)
                        return packings[i].packing;
        return PACKING_NONE;
}

static uint32_t
le(const uint8_t *data, size_t at, size_t bytes)
{
        return (uint32_t)get_le(data + at, bytes);
}

/* x86's setup header: offsets in the file. */
enum {
        SETUP_SECTS = 0x1f1,
        BOOT_FLAG = 0x1fe,
        HEADER = 0x202,
        PROTOCOL = 0x206,
        KERNEL_VERSION = 0x20e,
        XLOADFLAGS = 0x236,
        CMDLINE_SIZE = 0x238,
        PAYLOAD_OFFSET = 0x248,
        PAYLOAD_LENGTH = 0x24c,
        INIT_SIZE = 0x260,
        HEADER_END = 0x268,
        SECTOR = 512,
};
#define XLF_KERNEL_64 1
#define OLD_CMDLINE_MAX 255 /* before protocol 2.06 */

/* The first word of "6.1.0-56-amd64 (debian-kernel@...) #1 SMP". */
static void
read_release(const uint8_t *data, size_t size, size_t at, struct kernel_facts *ret)
{
        size_t n = 0;

        while (at + n < size && n + 1 < sizeof(ret->release) && isgraph(data[at + n]) && data[at + n] < 0x7f)
                n++;
        if (at + n >= size || (data[at + n] != ' ' && data[at + n] != '\0'))
                n = 0;
        if (n > 0)
                memcpy(ret->release, data + at, n);
        ret->release[n] = '\0';
}

static void
bzimage_read(const uint8_t *data, size_t size, struct kernel_facts *ret, size_t *ret_offset, size_t *ret_size)
{
        uint32_t protocol = le(data, PROTOCOL, 2), version = le(data, KERNEL_VERSION, 2);
        size_t start = ((data[SETUP_SECTS] ? data[SETUP_SECTS] : 4u) + 1u) * SECTOR;
        size_t offset, length;

        ret->found = true;
        /* The flag came with protocol 2.12 (Linux 3.8): before that a kernel does not say, and its payload's ELF head does. */
        ret->arch = protocol >= 0x020c ? (le(data, XLOADFLAGS, 2) & XLF_KERNEL_64 ? ARCH_X86_64 : ARCH_X86_32) : ARCH_UNKNOWN;
        ret->cmdline_max = protocol >= 0x0206 ? le(data, CMDLINE_SIZE, 4) : OLD_CMDLINE_MAX;
        if (protocol >= 0x020a)
                ret->init_size = le(data, INIT_SIZE, 4);
        if (version)
                read_release(data, size, version + SECTOR, ret);
        if (protocol < 0x0208)
                return;
        offset = start + (size_t)le(data, PAYLOAD_OFFSET, 4);
        length = le(data, PAYLOAD_LENGTH, 4);
        if (offset >= size || length == 0 || length > size - offset)
                return;
        *ret_offset = offset;
        *ret_size = length;
        ret->packing = packing_of(data + offset, length);
        if (ret->packing == PACKING_NONE && (length < SELFMAG || memcmp(data + offset, ELFMAG, SELFMAG) != 0))
                ret->packing = PACKING_UNKNOWN;
}

/* A bare vmlinux, which Xen takes as well. */
static void
vmlinux_read(const uint8_t *data, size_t size, struct kernel_facts *ret, size_t *ret_offset, size_t *ret_size)
{
        uint32_t machine = le(data, offsetof(Elf64_Ehdr, e_machine), 2);

        ret->found = true;
        ret->arch = machine == EM_X86_64    ? ARCH_X86_64
                    : machine == EM_386     ? ARCH_X86_32
                    : machine == EM_AARCH64 ? ARCH_ARM64
                                            : ARCH_OTHER;
        *ret_offset = 0;
        *ret_size = size;
}

void
kernel_head_read(const uint8_t *data, size_t size, struct kernel_facts *ret, size_t *ret_offset, size_t *ret_size)
{
        *ret_offset = *ret_size = 0;
        if (size >= HEADER_END && le(data, BOOT_FLAG, 2) == 0xaa55 && memcmp(data + HEADER, "HdrS", 4) == 0) {
                bzimage_read(data, size, ret, ret_offset, ret_size);
        } else if (size >= 64 && memcmp(data + 0x38, "ARM\x64", 4) == 0) {
                ret->found = true;
                ret->arch = ARCH_ARM64;
        } else if (size >= sizeof(Elf64_Ehdr) && memcmp(data, ELFMAG, SELFMAG) == 0 && data[EI_DATA] == ELFDATA2LSB) {
                vmlinux_read(data, size, ret, ret_offset, ret_size);
        }
}
