/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs and serial numbers of firmware, and those that say nothing. Pure. */
#include "model/machine_id.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

/*
 * Seen on many boards of different owners, in the order in which they are written. AMI's default is by far the most common; the
 * others are in lists of inventory programs (osquery's placeholder list; dmidecode's reports).
 */
static const uint8_t junk_uuids[][MACHINE_UUID_SIZE] = {
        {0x03, 0x00, 0x02, 0x00, 0x04, 0x00, 0x05, 0x00, 0x00, 0x06, 0x00, 0x07, 0x00, 0x08, 0x00, 0x09},
        {0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x07, 0x00, 0x08, 0x00, 0x09},
        {0x03, 0x02, 0x01, 0x00, 0x05, 0x04, 0x07, 0x06, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f},
        {0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xde, 0xef, 0xaa, 0xbb, 0xcc},
        {0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef},
};

/* In lower case; a text is compared without regard to case. */
static const char *const junk_texts[] = {
        "to be filled by o.e.m.",
        "to be filled by oem",
        "default string",
        "default_string",
        "system serial number",
        "chassis serial number",
        "serial number",
        "not specified",
        "not available",
        "not applicable",
        "none",
        "unknown",
        "invalid",
        "empty",
        "oem",
        "o.e.m.",
        "n/a",
        "no asset tag",
        "asset tag",
        "no asset information",
        "chassis asset tag",
        "asset-1234567890",
        "0123456789",
        "1234567890",
        "123456789",
        "standard",
        "sernum0",
        "not settable",
        "system asset tag",
        "base board serial number",
};

static bool
all_equal(const uint8_t uuid[MACHINE_UUID_SIZE])
{
        for (size_t i = 1; i < MACHINE_UUID_SIZE; i++)
                if (uuid[i] != uuid[0])
                        return false;
        return true;
}

static void
turn(const uint8_t uuid[MACHINE_UUID_SIZE], uint8_t ret[MACHINE_UUID_SIZE])
{
        static const uint8_t from[MACHINE_UUID_SIZE] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

        for (size_t i = 0; i < MACHINE_UUID_SIZE; i++)
                ret[i] = uuid[from[i]];
}

bool
machine_uuid_key(const uint8_t uuid[MACHINE_UUID_SIZE], uint8_t ret[MACHINE_UUID_SIZE])
{
        uint8_t turned[MACHINE_UUID_SIZE];

        if (all_equal(uuid))
                return false;
        turn(uuid, turned);
        for (size_t i = 0; i < N_ELEMENTS(junk_uuids); i++)
                if (memcmp(junk_uuids[i], uuid, MACHINE_UUID_SIZE) == 0 ||
                    memcmp(junk_uuids[i], turned, MACHINE_UUID_SIZE) == 0)
                        return false;
        memcpy(ret, memcmp(uuid, turned, MACHINE_UUID_SIZE) <= 0 ? uuid : turned, MACHINE_UUID_SIZE);
        return true;
}

bool
machine_uuid_same(const uint8_t a[MACHINE_UUID_SIZE], const uint8_t b[MACHINE_UUID_SIZE])
{
        uint8_t x[MACHINE_UUID_SIZE], y[MACHINE_UUID_SIZE];

        return machine_uuid_key(a, x) && machine_uuid_key(b, y) && memcmp(x, y, MACHINE_UUID_SIZE) == 0;
}

/* "000000", "XXXX", ".........": one character all along. */
static bool
one_character(const char *text)
{
        return text[strspn(text, (const char[]){text[0], '\0'})] == '\0';
}

bool
machine_text_is_junk(const char *text)
{
        if (!*text || one_character(text))
                return true;
        for (size_t i = 0; i < N_ELEMENTS(junk_texts); i++)
                if (strcasecmp(text, junk_texts[i]) == 0)
                        return true;
        return false;
}
