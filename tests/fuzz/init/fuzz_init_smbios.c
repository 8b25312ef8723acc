/* SPDX-License-Identifier: Apache-2.0 */
/* SMBIOS tables of lying firmware: any bytes. */
#include "init/init_smbios.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct host_hardware hw = {0};

        smbios_read(data, size, &hw);
        return 0;
}
