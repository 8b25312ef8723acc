/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_DOMAIN_H
#define DOMPOOL_MODEL_DOMAIN_H
/*
 * A domain: its typed configuration, which is all that an agent ever gets, and its state. The configuration is made from an
 * xl.cfg by src/xlcfg on the server; file names in it have been replaced by hashes before it leaves the server.
 * Sources: xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5) of Xen 4.17; libxl_types.idl.
 */
#include "base/rec.h"
#include "model/host.h"

#define UUID_SIZE 16
#define PATH_SIZE 256
#define CMDLINE_SIZE 1024
#define DOMAIN_MAX_VIFS 8
#define DOMAIN_MAX_DISKS 16

enum domain_type { DOMAIN_PV, DOMAIN_PVH, DOMAIN_HVM };
extern const char *const domain_type_names[]; /* "pv" "pvh" "hvm" */

/* What becomes of a domain that ends; libxl does not do this, hv does. */
enum domain_action {
        ACTION_DESTROY,
        ACTION_RESTART,
        ACTION_RENAME_RESTART,
        ACTION_PRESERVE,
        ACTION_COREDUMP_DESTROY,
        ACTION_COREDUMP_RESTART,
        ACTION_SOFT_RESET,
};
extern const char *const domain_action_names[]; /* xl's words: "destroy", "restart", "rename-restart", ... */

enum domain_state {
        DOMAIN_DEFINED,  /* known to the server, on no host */
        DOMAIN_STARTING, /* a create operation is under way */
        DOMAIN_RUNNING,
        DOMAIN_PAUSED,
        DOMAIN_SHUTDOWN, /* has ended by itself, still held (preserve) */
        DOMAIN_CRASHED,
        DOMAIN_DYING,
        DOMAIN_GONE,     /* was on a host, is not any more */
        DOMAIN_LOST,     /* its host is lost; it may well be running */
};
extern const char *const domain_state_names[];

/* A file the guest is started from. On the server: @path below the guest-files directory; after resolution @sha256 and @size. */
struct guest_file {
        char path[PATH_SIZE];
        uint8_t sha256[32];
        uint64_t size; /* bytes; 0: there is no such file in this configuration */
};

struct vif {
        struct mac mac;            /* zero: core makes one (00:16:3e) when the domain is created */
        char bridge[16];           /* empty: the host's boot bridge */
        uint32_t ip;               /* informative, 0 none */
        char model[16];
        uint64_t rate_bytes;       /* per interval; 0 none */
        uint32_t rate_interval_us;
};

struct disk {
        char target[PATH_SIZE];
        char vdev[16];
        char format[16];           /* raw, qcow2, vhd, empty */
        char script[NAME_SIZE];
        bool readonly;
        bool cdrom;
};

struct domain_config {
        char name[NAME_SIZE];
        uint8_t uuid[UUID_SIZE];   /* zero: core makes one */
        uint32_t type;             /* enum domain_type */
        uint64_t memory_kib;
        uint64_t maxmem_kib;       /* 0: as memory */
        uint32_t vcpus;            /* 1..128 */
        uint32_t maxvcpus;         /* 0: as vcpus */
        struct guest_file kernel;
        struct guest_file ramdisk;
        char cmdline[CMDLINE_SIZE];
        uint32_t on_poweroff, on_reboot, on_crash; /* enum domain_action */
        uint32_t n_vifs;
        struct vif vifs[DOMAIN_MAX_VIFS];
        uint32_t n_disks;
        struct disk disks[DOMAIN_MAX_DISKS];
        bool acpi, apic, pae, nestedhvm; /* HVM, PVH */
        bool localtime;
        bool vnc; /* a graphical console by VNC, on the host itself (127.0.0.1), where it has a device model */
};
extern const struct rec_desc domain_config_desc;

/* A domain as an agent sees it. */
struct domain_info {
        uint8_t uuid[UUID_SIZE];
        char name[NAME_SIZE];
        uint32_t domid;
        uint32_t type;          /* enum domain_type */
        uint32_t state;         /* enum domain_state */
        uint64_t memory_kib;
        uint64_t max_memory_kib; /* what it may grow to; 0: not known */
        uint32_t vcpus;         /* online */
        uint32_t max_vcpus;     /* 0: not known */
        uint64_t cpu_time_ns;
        uint64_t op;            /* the operation that made it; 0: not made by dompool */
};
extern const struct rec_desc domain_info_desc;

/* Sets xl's defaults (vcpus 1, on_poweroff destroy, on_reboot restart, on_crash destroy, memory 128 MiB ...). */
void
domain_config_init(struct domain_config *c);

/* Limits and sense: name, memory 8 MiB..16 TiB, vcpus, unique vdevs, a kernel where none could be found otherwise. */
struct error;
int
domain_config_check(const struct domain_config *c, struct error *err);

#define UUID_TEXT_SIZE 37
char *
uuid_text(const uint8_t uuid[UUID_SIZE], char buf[UUID_TEXT_SIZE]);
int
parse_uuid(const char *text, uint8_t ret[UUID_SIZE]);

#endif
