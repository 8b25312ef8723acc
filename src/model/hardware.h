/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_HARDWARE_H
#define DOMPOOL_MODEL_HARDWARE_H
/* What a machine is made of, as the `inspect` profile reports it. Pure data. */
#include "base/parse.h"
#include "base/rec.h"

#define HARDWARE_TEXT_SIZE 48
#define CPU_LACKS_SIZE 16
#define HARDWARE_MAX_NICS 8
#define HARDWARE_MAX_DISKS 8

struct hardware_nic {
        char name[16];
        struct mac mac;          /* zero: no driver has it, so its address is not known */
        uint32_t vendor, device; /* PCI ids */
        char driver[24];         /* empty: the image has none for it */
};

struct hardware_disk {
        char name[16];
        char model[24];
        uint64_t size; /* bytes */
};

struct host_hardware {
        char manufacturer[HARDWARE_TEXT_SIZE]; /* of the system, SMBIOS type 1 */
        char product[HARDWARE_TEXT_SIZE];
        char serial[HARDWARE_TEXT_SIZE];
        char asset[HARDWARE_TEXT_SIZE]; /* tag of the chassis, type 3 */
        uint8_t uuid[16];
        char bios[HARDWARE_TEXT_SIZE]; /* vendor and version, type 0 */
        char cpu[HARDWARE_TEXT_SIZE];  /* type 4 */
        char cpu_lacks[CPU_LACKS_SIZE];           /* of "lm pae", which Xen needs, those that it has not; empty: none, or not known */
        uint32_t n_cpus;               /* cores of all sockets */
        uint64_t memory_kib;           /* of all modules, type 17 */
        uint32_t n_nics;
        struct hardware_nic nics[HARDWARE_MAX_NICS];
        uint32_t n_disks;
        struct hardware_disk disks[HARDWARE_MAX_DISKS];
        int64_t time_ms; /* wall; when the server heard of it. 0: there is no report */
};
extern const struct rec_desc host_hardware_desc;

/* Who asked for the boot file last: as struct firmware of src/bootcfg/loader.h has it. */
struct host_firmware {
        uint32_t client; /* enum firmware_client; 0: not known */
        uint32_t arch;   /* DHCP option 93 */
        uint32_t features; /* enum firmware_feature of an iPXE (option 175) */
};
extern const struct rec_desc host_firmware_desc;

/* Is the machine's "manufacturer/product" like @glob, without regard to case? One that is not known (empty, NULL) is like none. */
bool
hardware_is_like(const char *manufacturer, const char *product, const char *glob);

/* Of the flags of /proc/cpuinfo ("fpu vme ... lm"): which words of cpu_lacks are not among them. */
void hardware_cpu_lacks(const char *flags, char ret[CPU_LACKS_SIZE]);

#endif
