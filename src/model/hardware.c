/* SPDX-License-Identifier: Apache-2.0 */
/* Record tables of a machine's hardware. Pure; linked by every program. */
#include "model/hardware.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static const struct rec_field nic_fields[] = {
        REC_STR(struct hardware_nic, name),   REC_MAC(struct hardware_nic, mac),    REC_U32(struct hardware_nic, vendor),
        REC_U32(struct hardware_nic, device), REC_STR(struct hardware_nic, driver),
};
static const struct rec_desc nic_desc = REC_DESC(struct hardware_nic, nic_fields);

static const struct rec_field disk_fields[] = {
        REC_STR(struct hardware_disk, name),
        REC_STR(struct hardware_disk, model),
        REC_U64(struct hardware_disk, size),
};
static const struct rec_desc disk_desc = REC_DESC(struct hardware_disk, disk_fields);

static const struct rec_field host_hardware_fields[] = {
        REC_STR(struct host_hardware, manufacturer),
        REC_STR(struct host_hardware, product),
        REC_STR(struct host_hardware, serial),
        REC_STR(struct host_hardware, asset),
        REC_BYTES(struct host_hardware, uuid),
        REC_STR(struct host_hardware, bios),
        REC_STR(struct host_hardware, cpu),
        REC_STR(struct host_hardware, cpu_lacks),
        REC_U32(struct host_hardware, n_cpus),
        REC_U64(struct host_hardware, memory_kib),
        REC_LIST(struct host_hardware, nics, nic_desc),
        REC_LIST(struct host_hardware, disks, disk_desc),
        REC_I64(struct host_hardware, time_ms),
};
const struct rec_desc host_hardware_desc = REC_DESC(struct host_hardware, host_hardware_fields);

static const struct rec_field firmware_fields[] = {
        REC_U32(struct host_firmware, client),
        REC_U32(struct host_firmware, arch),
        REC_U32(struct host_firmware, features),
};
const struct rec_desc host_firmware_desc = REC_DESC(struct host_firmware, firmware_fields);

bool
hardware_is_like(const char *manufacturer, const char *product, const char *glob)
{
        char text[2 * HARDWARE_TEXT_SIZE + 2];

        if (!manufacturer || !*manufacturer)
                return false;
        snprintf(text, sizeof(text), "%s/%s", manufacturer, product ? product : "");
        return fnmatch(glob, text, FNM_CASEFOLD) == 0;
}

/* Is @word among the words of @list? */
static bool
has_flag(const char *list, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = list; *p; p += strspn(p, " ")) {
                size_t end = strcspn(p, " ");

                if (end == n && memcmp(p, word, n) == 0)
                        return true;
                p += end;
        }
        return false;
}

void
hardware_cpu_lacks(const char *flags, char ret[CPU_LACKS_SIZE])
{
        static const char *const needs[] = {"lm", "pae"};
        size_t n = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
                if (!has_flag(flags, needs[i]))
                        n += (size_t)snprintf(ret + n, CPU_LACKS_SIZE - n, "%s%s", n ? " " : "", needs[i]);
}
