/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a dhcpd.conf; see fuzz_import.h. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        return fuzz_import("dhcpd", "x/dhcpd.conf", data, size);
}
