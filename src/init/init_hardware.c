/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the `inspect` profile's report. Reads files of /sys and /proc; never a disk: its name, model and size are the
 * driver's words. Runs in dompool-init.
 */
#include "init/init_hardware.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "init/init_smbios.h"
#include "init/init_system.h"

#define DMI_TABLE "/sys/firmware/dmi/tables/DMI"
#define DMI_MAX 65536
#define DISKS_APPEAR_US 1000000
#define SECTOR 512u /* what /sys/block/X/size counts in, whatever the disk's own size is */

static void
read_smbios(struct host_hardware *h)
{
        _cleanup_close_ int fd = open(DMI_TABLE, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ uint8_t *table = malloc(DMI_MAX);
        size_t size = 0;
        ssize_t n;

        while (fd >= 0 && table && size < DMI_MAX && (n = read(fd, table + size, DMI_MAX - size)) > 0)
                size += (size_t)n;
        if (table)
                smbios_read(table, size, h);
}

/* "FOLDER/FILE" of sysfs as a number in C's notation; 0 where there is none. */
static uint64_t
read_number(const char *folder, const char *file)
{
        char path[400], line[40];

        snprintf(path, sizeof(path), "%s/%s", folder, file);
        return system_read_line(path, line, sizeof(line)) ? strtoull(line, NULL, 0) : 0;
}

/* The last part of what a link of sysfs points to. */
static void
read_link_name(const char *folder, const char *link, char *ret, size_t size)
{
        char path[400], target[400];
        ssize_t n;

        ret[0] = '\0';
        snprintf(path, sizeof(path), "%s/%s", folder, link);
        n = readlink(path, target, sizeof(target) - 1);
        if (n <= 0)
                return;
        target[n] = '\0';
        snprintf(ret, size, "%.*s", (int)size - 1, strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
}

/* The interface that the PCI device has, or whose virtio child has it. */
static void
read_interface(const char *folder, int depth, struct hardware_nic *nic)
{
        char path[400], line[32];
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *e;

        snprintf(path, sizeof(path), "%s/net", folder);
        d = opendir(path);
        while (d && (e = readdir(d))) {
                if (e->d_name[0] == '.')
                        continue;
                snprintf(nic->name, sizeof(nic->name), "%.15s", e->d_name);
                snprintf(path, sizeof(path), "%s/net/%.15s/address", folder, e->d_name);
                if (system_read_line(path, line, sizeof(line)))
                        (void)parse_mac(line, &nic->mac);
                return;
        }
        if (depth > 0)
                return;
        for (unsigned i = 0; i < 64 && !nic->name[0]; i++) {
                snprintf(path, sizeof(path), "%s/virtio%u", folder, i);
                read_interface(path, depth + 1, nic);
        }
}

/* What the first processor says. An x86 kernel has such a line; another one has none, and no opinion. */
static void
read_cpu(struct host_hardware *h)
{
        _cleanup_fclose_ FILE *f = fopen("/proc/cpuinfo", "re");
        char line[4096];

        while (f && fgets(line, sizeof(line), f)) {
                const char *colon = strchr(line, ':');

                if (!colon || strncmp(line, "flags", 5) != 0)
                        continue;
                line[strcspn(line, "\n")] = '\0';
                hardware_cpu_lacks(colon + 1, h->cpu_lacks);
                return;
        }
}

static void
read_nics(struct host_hardware *h)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/bus/pci/devices");
        struct dirent *e;

        while (d && (e = readdir(d)) && h->n_nics < HARDWARE_MAX_NICS) {
                struct hardware_nic *nic = &h->nics[h->n_nics];
                char folder[300];

                snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%.200s", e->d_name);
                if (e->d_name[0] == '.' || read_number(folder, "class") >> 16 != 0x02)
                        continue;
                nic->vendor = (uint32_t)read_number(folder, "vendor");
                nic->device = (uint32_t)read_number(folder, "device");
                read_link_name(folder, "driver", nic->driver, sizeof(nic->driver));
                read_interface(folder, 0, nic);
                h->n_nics++;
        }
}

/* Loops, RAM disks and the like have no device behind them. */
static void
read_disks(struct host_hardware *h)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/block");
        struct dirent *e;

        while (d && (e = readdir(d)) && h->n_disks < HARDWARE_MAX_DISKS) {
                struct hardware_disk *disk = &h->disks[h->n_disks];
                char folder[300], device[320], model[64];

                snprintf(folder, sizeof(folder), "/sys/block/%.200s", e->d_name);
                snprintf(device, sizeof(device), "%s/device", folder);
                if (e->d_name[0] == '.' || access(device, F_OK) < 0)
                        continue;
                snprintf(disk->name, sizeof(disk->name), "%.15s", e->d_name);
                disk->size = read_number(folder, "size") * SECTOR;
                snprintf(device, sizeof(device), "%s/device/model", folder);
                if (system_read_line(device, model, sizeof(model))) {
                        size_t n = strlen(model);

                        while (n > 0 && model[n - 1] == ' ')
                                model[--n] = '\0';
                        snprintf(disk->model, sizeof(disk->model), "%.23s", model);
                }
                h->n_disks++;
        }
}

void
init_hardware_read(struct host_hardware *ret)
{
        *ret = (struct host_hardware){0};
        read_smbios(ret);
        read_cpu(ret);
        read_nics(ret);
        read_disks(ret);
        /* Without SMBIOS dom0's own share is all that can be seen. */
        if (ret->n_cpus == 0)
                ret->n_cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
        if (ret->memory_kib == 0)
                ret->memory_kib = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 10;
}

void
init_hardware_find(struct host_hardware *ret)
{
        struct error err;

        /* A controller's disks appear a moment after its driver; theirs is loaded then. */
        if (modules_load_devices(true, &err) < 0)
                log_warning("%s", err.message);
        usleep(DISKS_APPEAR_US);
        init_hardware_read(ret);
}

void
init_hardware_text(const struct host_hardware *h, char *buf, size_t size)
{
        snprintf(buf, size, "%s%s%s, %u CPUs, %llu MiB, %u network cards, %u disks", h->manufacturer,
                 *h->manufacturer ? " " : "", *h->product ? h->product : "unknown machine", h->n_cpus,
                 (unsigned long long)h->memory_kib >> 10, h->n_nics, h->n_disks);
}
