/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_MACHINE_ID_H
#define DOMPOOL_MODEL_MACHINE_ID_H
/*
 * What firmware says a machine is: its UUID and its serial number. Neither is a key to anything here - boards share them, or
 * have what their maker forgot to fill in - but two machines with one are worth a word. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_UUID_SIZE 16

/*
 * The UUID in one form: SMBIOS before 2.6 stores it in network order, later ones its first three fields little-endian, and of
 * firmware, iPXE and the operating system some turn it around and some do not (DSP0134, 7.2.1). So of the two forms the smaller
 * one stands for both. false: the UUID is none: zeros, ones, or one that many boards are sold with.
 */
bool machine_uuid_key(const uint8_t uuid[MACHINE_UUID_SIZE], uint8_t ret[MACHINE_UUID_SIZE]);

/* Do both mean the same machine, as far as they mean one at all? */
bool machine_uuid_same(const uint8_t a[MACHINE_UUID_SIZE], const uint8_t b[MACHINE_UUID_SIZE]);

/* Is it a text of a board's maker that stands where a number should ("To be filled by O.E.M."), or empty? For serial numbers
 * and asset tags. */
bool machine_text_is_junk(const char *text);

#endif
