/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ELF file: every name that comes out lies in the file and ends there. */
#include <assert.h>
#include <string.h>

#include "image/image_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct elf_needs n;

        if (elf_needs_read(data, size, &n) != 0)
                return 0;
        for (size_t i = 0; i < n.n_needed; i++) {
                const uint8_t *p = (const uint8_t *)n.needed[i];

                assert(p >= data && p < data + size && memchr(p, '\0', (size_t)(data + size - p)));
        }
        return 0;
}
