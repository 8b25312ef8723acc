/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_ENROL_NAME_H
#define DOMPOOL_MODEL_ENROL_NAME_H
/*
 * Names of enrolled hosts, from a pattern such as "pc-{n:03}":
 *
 *     {n} {n:03}   the lowest number that is free; filled with zeros to so many digits (1 to 9)
 *     {mac}        the MAC address, twelve hex digits
 *     {serial}     the serial number that the firmware reports (SMBIOS type 1)
 *     {asset}      its asset tag (type 3)
 *
 * Serial number and asset tag are a stranger's bytes: of them only a-z, 0-9 and '-' come into a name, in lower case, at most
 * ENROL_WORD_MAX of them. One that is empty or a board maker's filler (machine_text_is_junk) is the MAC address instead. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "model/hardware.h"
#include "model/profile.h"

#define ENROL_WORD_MAX 32

struct error;

/* ERR_INVALID for what makes no name. */
int enrol_pattern_check(const char *pattern, struct error *err);

/* Does it need what only an inspection finds out? */
bool enrol_pattern_needs_hardware(const char *pattern);

/* The name number @n, from 1: the number stands where the pattern has {n}; else 1 is the name without, 2 the name with "-2".
 * Always a name_ok() one, for a pattern that passed the check, whatever the hardware says; cut before its number where it is
 * too long. */
void enrol_name(const char *pattern, const struct mac *mac, const struct host_hardware *hw, uint32_t n, char ret[NAME_SIZE]);

#endif
