/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern and a firmware's words, three lines of any bytes: what passes the check makes names, whatever the words are. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/enrol_name.h"
#include "model/machine_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line into @to; cut where it is too long. */
static const uint8_t *
line(const uint8_t *at, const uint8_t *end, char *to, size_t to_size)
{
        size_t n = 0;

        for (; at < end && *at != '\n'; at++)
                if (*at && n + 1 < to_size)
                        to[n++] = (char)*at;
        to[n] = '\0';
        return at < end ? at + 1 : end;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint32_t numbers[] = {1, 2, 77, 16385};
        const struct mac mac = {{0x52, 0x54, 0, 0xab, 0xcd, 0xef}};
        const uint8_t *end = data + size;
        struct host_hardware hw = {0};
        char pattern[200], name[NAME_SIZE], before[NAME_SIZE] = "";
        struct error err;

        data = line(data, end, pattern, sizeof(pattern));
        data = line(data, end, hw.serial, sizeof(hw.serial));
        line(data, end, hw.asset, sizeof(hw.asset));
        (void)machine_text_is_junk(hw.serial);
        if (enrol_pattern_check(pattern, &err) < 0)
                return 0;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
                enrol_name(pattern, &mac, &hw, numbers[i], name);
                assert(name_ok(name));
                assert(strcmp(name, before) != 0); /* another number, another name */
                memcpy(before, name, sizeof(before));
        }
        return 0;
}
