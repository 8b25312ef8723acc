/* SPDX-License-Identifier: Apache-2.0 */
/* Domains: names, record tables, defaults and the check of a configuration. Pure; linked by every program. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "model/domain.h"

#define MEMORY_MIN_KIB (8ull << 10)
#define MEMORY_MAX_KIB (16ull << 30)
#define VCPUS_MAX 128u

const char *const domain_type_names[] = {
        [DOMAIN_PV] = "pv",
        [DOMAIN_PVH] = "pvh",
        [DOMAIN_HVM] = "hvm",
        NULL,
};

const char *const domain_action_names[] = {
        [ACTION_DESTROY] = "destroy",
        [ACTION_RESTART] = "restart",
        [ACTION_RENAME_RESTART] = "rename-restart",
        [ACTION_PRESERVE] = "preserve",
        [ACTION_COREDUMP_DESTROY] = "coredump-destroy",
        [ACTION_COREDUMP_RESTART] = "coredump-restart",
        [ACTION_SOFT_RESET] = "soft-reset",
        NULL,
};

const char *const domain_state_names[] = {
        [DOMAIN_DEFINED] = "defined",   [DOMAIN_STARTING] = "starting",
        [DOMAIN_RUNNING] = "running",   [DOMAIN_PAUSED] = "paused",
        [DOMAIN_SHUTDOWN] = "shutdown", [DOMAIN_CRASHED] = "crashed",
        [DOMAIN_DYING] = "dying",       [DOMAIN_GONE] = "gone",
        [DOMAIN_LOST] = "lost",         NULL,
};

static const struct rec_field guest_file_fields[] = {
        REC_STR(struct guest_file, path),
        REC_BYTES(struct guest_file, sha256),
        REC_U64(struct guest_file, size),
};
static const struct rec_desc guest_file_desc = REC_DESC(struct guest_file, guest_file_fields);

static const struct rec_field vif_fields[] = {
        REC_MAC(struct vif, mac),   REC_STR(struct vif, bridge),     REC_IP4(struct vif, ip),
        REC_STR(struct vif, model), REC_U64(struct vif, rate_bytes), REC_U32(struct vif, rate_interval_us),
};
static const struct rec_desc vif_desc = REC_DESC(struct vif, vif_fields);

static const struct rec_field disk_fields[] = {
        REC_STR(struct disk, target), REC_STR(struct disk, vdev),      REC_STR(struct disk, format),
        REC_STR(struct disk, script), REC_BOOL(struct disk, readonly), REC_BOOL(struct disk, cdrom),
};
static const struct rec_desc disk_desc = REC_DESC(struct disk, disk_fields);

static const struct rec_field domain_config_fields[] = {
        REC_STR(struct domain_config, name),
        REC_BYTES(struct domain_config, uuid),
        REC_ENUM(struct domain_config, type, domain_type_names),
        REC_U64(struct domain_config, memory_kib),
        REC_U64(struct domain_config, maxmem_kib),
        REC_U32(struct domain_config, vcpus),
        REC_U32(struct domain_config, maxvcpus),
        REC_REC(struct domain_config, kernel, guest_file_desc),
        REC_REC(struct domain_config, ramdisk, guest_file_desc),
        REC_STR(struct domain_config, cmdline),
        REC_ENUM(struct domain_config, on_poweroff, domain_action_names),
        REC_ENUM(struct domain_config, on_reboot, domain_action_names),
        REC_ENUM(struct domain_config, on_crash, domain_action_names),
        REC_LIST(struct domain_config, vifs, vif_desc),
        REC_LIST(struct domain_config, disks, disk_desc),
        REC_BOOL(struct domain_config, acpi),
        REC_BOOL(struct domain_config, apic),
        REC_BOOL(struct domain_config, pae),
        REC_BOOL(struct domain_config, nestedhvm),
        REC_BOOL(struct domain_config, localtime),
        REC_BOOL(struct domain_config, vnc),
};
const struct rec_desc domain_config_desc = REC_DESC(struct domain_config, domain_config_fields);

static const struct rec_field domain_info_fields[] = {
        REC_BYTES(struct domain_info, uuid),
        REC_STR(struct domain_info, name),
        REC_U32(struct domain_info, domid),
        REC_ENUM(struct domain_info, type, domain_type_names),
        REC_ENUM(struct domain_info, state, domain_state_names),
        REC_U64(struct domain_info, memory_kib),
        REC_U64(struct domain_info, max_memory_kib),
        REC_U32(struct domain_info, vcpus),
        REC_U32(struct domain_info, max_vcpus),
        REC_U64(struct domain_info, cpu_time_ns),
        REC_U64(struct domain_info, op),
};
const struct rec_desc domain_info_desc = REC_DESC(struct domain_info, domain_info_fields);

void
domain_config_init(struct domain_config *c)
{
        memset(c, 0, sizeof(*c));
        c->type = DOMAIN_PV; /* xl.cfg(5): "type ... currently pv is the default" */
        c->memory_kib = 128 << 10;
        c->vcpus = 1;
        c->on_poweroff = ACTION_DESTROY;
        c->on_reboot = ACTION_RESTART;
        c->on_crash = ACTION_DESTROY;
        c->acpi = c->apic = c->pae = true;
}

static int
check_size(const struct domain_config *c, struct error *err)
{
        if (c->memory_kib < MEMORY_MIN_KIB || c->memory_kib > MEMORY_MAX_KIB)
                return error_set(err, ERR_INVALID, "domain '%s': memory is %llu KiB; allowed are 8 MiB to 16 TiB", c->name,
                                 (unsigned long long)c->memory_kib);
        if (c->maxmem_kib && (c->maxmem_kib < c->memory_kib || c->maxmem_kib > MEMORY_MAX_KIB))
                return error_set(err, ERR_INVALID, "domain '%s': maxmem is %llu KiB; it must be at least memory (%llu KiB)",
                                 c->name, (unsigned long long)c->maxmem_kib, (unsigned long long)c->memory_kib);
        if (c->vcpus < 1 || c->vcpus > VCPUS_MAX)
                return error_set(err, ERR_INVALID, "domain '%s': %u vcpus; allowed are 1 to %u", c->name, c->vcpus, VCPUS_MAX);
        if (c->maxvcpus && (c->maxvcpus < c->vcpus || c->maxvcpus > VCPUS_MAX))
                return error_set(err, ERR_INVALID, "domain '%s': maxvcpus is %u; it must be %u to %u", c->name, c->maxvcpus,
                                 c->vcpus, VCPUS_MAX);
        return 0;
}

static int
check_enums(const struct domain_config *c, struct error *err)
{
        if (c->type > DOMAIN_HVM)
                return error_set(err, ERR_INVALID, "domain '%s': there is no type number %u", c->name, c->type);
        if (c->on_poweroff > ACTION_SOFT_RESET || c->on_reboot > ACTION_SOFT_RESET || c->on_crash > ACTION_SOFT_RESET)
                return error_set(err, ERR_INVALID, "domain '%s': an on_... action has an unknown number", c->name);
        return 0;
}

/* PV and PVH have no firmware that could look for a kernel; HVM starts from a disk, a CD or the network. */
static int
check_kernel(const struct domain_config *c, struct error *err)
{
        if (c->kernel.size == 0 && !*c->kernel.path) {
                if (c->type != DOMAIN_HVM)
                        return error_set(err, ERR_INVALID, "domain '%s' is %s and has no kernel; add kernel=\"...\"", c->name,
                                         domain_type_names[c->type]);
                if (c->n_disks == 0 && c->n_vifs == 0)
                        return error_set(err, ERR_INVALID, "domain '%s' has neither kernel nor disk nor vif to start from",
                                         c->name);
        }
        if ((*c->ramdisk.path || c->ramdisk.size) && !*c->kernel.path && !c->kernel.size)
                return error_set(err, ERR_INVALID, "domain '%s' has a ramdisk but no kernel", c->name);
        return 0;
}

static int
check_devices(const struct domain_config *c, struct error *err)
{
        uint32_t i, j;

        if (c->n_disks > DOMAIN_MAX_DISKS || c->n_vifs > DOMAIN_MAX_VIFS)
                return error_set(err, ERR_LIMIT, "domain '%s': at most %d disks and %d vifs", c->name, DOMAIN_MAX_DISKS,
                                 DOMAIN_MAX_VIFS);
        for (i = 0; i < c->n_disks; i++) {
                if (!*c->disks[i].vdev)
                        return error_set(err, ERR_INVALID, "domain '%s': disk %u has no vdev", c->name, i + 1);
                for (j = 0; j < i; j++)
                        if (!strcmp(c->disks[i].vdev, c->disks[j].vdev))
                                return error_set(err, ERR_INVALID, "domain '%s': two disks are '%s'", c->name,
                                                 c->disks[i].vdev);
        }
        for (i = 0; i < c->n_vifs; i++) {
                if (c->vifs[i].mac.b[0] & 1)
                        return error_set(err, ERR_INVALID, "domain '%s': vif %u has a multicast MAC", c->name, i + 1);
                for (j = 0; j < i; j++)
                        if (!mac_zero(&c->vifs[i].mac) && mac_eq(&c->vifs[i].mac, &c->vifs[j].mac))
                                return error_set(err, ERR_INVALID, "domain '%s': vifs %u and %u have the same MAC", c->name,
                                                 j + 1, i + 1);
        }
        return 0;
}

int
domain_config_check(const struct domain_config *c, struct error *err)
{
        int r;

        if (!name_ok(c->name))
                return error_set(err, ERR_INVALID,
                                 "domain name '%s' must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", c->name);
        if (!strcmp(c->name, "Domain-0"))
                return error_set(err, ERR_INVALID, "'Domain-0' is the host itself");
        if ((r = check_enums(c, err)) || (r = check_size(c, err)) || (r = check_kernel(c, err)))
                return r;
        return check_devices(c, err);
}

char *
uuid_text(const uint8_t uuid[UUID_SIZE], char buf[UUID_TEXT_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        char *p = buf;
        int i;

        for (i = 0; i < UUID_SIZE; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *p++ = '-';
                *p++ = digits[uuid[i] >> 4];
                *p++ = digits[uuid[i] & 15];
        }
        *p = '\0';
        return buf;
}

/* The 8-4-4-4-12 form of RFC 4122, any case; nothing else. */
int
parse_uuid(const char *text, uint8_t ret[UUID_SIZE])
{
        uint8_t out[UUID_SIZE];
        char hex[UUID_SIZE * 2 + 1];
        size_t i, n = 0;
        int r;

        if (strlen(text) != UUID_TEXT_SIZE - 1)
                return -EINVAL;
        for (i = 0; i < UUID_TEXT_SIZE - 1; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;

                if (dash != (text[i] == '-'))
                        return -EINVAL;
                if (!dash)
                        hex[n++] = text[i];
        }
        hex[n] = '\0';
        r = parse_hex(hex, out, UUID_SIZE);
        if (r)
                return r;
        memcpy(ret, out, UUID_SIZE);
        return 0;
}
