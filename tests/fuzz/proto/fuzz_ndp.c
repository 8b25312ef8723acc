/* SPDX-License-Identifier: Apache-2.0 */
/* Router solicitations: any bytes. */
#include "proto/ndp.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct mac mac;

        ndp_parse_solicit(data, size, &mac);
        return 0;
}
