/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_SMBIOS_H
#define DOMPOOL_INIT_INIT_SMBIOS_H
/* Reads a firmware's SMBIOS structure table (DSP0134), as Linux has it in /sys/firmware/dmi/tables/DMI. Pure. */
#include <stddef.h>

#include "model/hardware.h"

/* Fills in what types 0, 1, 3, 4 and 17 say; what is cut, missing or empty stays as it is. Firmware lies: nothing here is
 * trusted to lie within the table. */
void smbios_read(const uint8_t *table, size_t size, struct host_hardware *ret);

#endif
