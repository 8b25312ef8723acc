/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a PXELINUX configuration; see fuzz_import.h. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        return fuzz_import("pxelinux", "x/pxelinux.cfg/01-52-54-00-00-00-02", data, size);
}
