/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration of dnsmasq; see fuzz_import.h. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        return fuzz_import("dnsmasq", "x/dnsmasq.conf", data, size);
}
