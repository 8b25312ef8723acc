/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_HARDWARE_H
#define DOMPOOL_INIT_INIT_HARDWARE_H
/* What this machine is made of, from /sys and /proc: names, numbers and sizes only. No disk is opened. */
#include "model/hardware.h"

void init_hardware_read(struct host_hardware *ret);

/* The same with its disks: loads their drivers and waits a second for what appears. Nothing else may wait for this process. */
void init_hardware_find(struct host_hardware *ret);

/* "4 CPUs, 2048 MiB, 1 network card, 2 disks": for a report's text. */
void init_hardware_text(const struct host_hardware *h, char *buf, size_t size);

#endif
