/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a menu of GRUB legacy; see fuzz_import.h. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        return fuzz_import("grub", "x/menu.lst", data, size);
}
