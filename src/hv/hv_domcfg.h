/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_DOMCFG_H
#define DOMPOOL_HV_HV_DOMCFG_H
/* Our typed configuration of a domain -> libxl's. */
#include "hv/hv_libxl.h"

/* What libxl starts for an HVM domain and for a graphical console: Debian's qemu-system-xen. */
#define HV_DEVICE_MODEL "/usr/libexec/xen-qemu-system-i386"

struct hv_domcfg_files {
        const char *kernel;     /* paths that libxl and the device model open */
        const char *ramdisk;    /* NULL: none */
        const char *vif_script; /* dompool-vif */
        bool device_model;      /* the host has one */
};

/* Has this host's image a device model? */
bool
hv_domcfg_device_model(void);

/* What this hv cannot do: disks, and HVM without a device model. ERR_UNSUPPORTED with the reason, or 0. Pure. */
int
hv_domcfg_supported(const struct domain_config *c, bool device_model, struct error *err);

/* Fills @ret, which the caller has initialised with libxl_domain_config_init and disposes of whatever happens. Needs no
 * hypervisor. */
int
hv_domcfg_fill(const struct domain_config *c, const struct hv_domcfg_files *files, libxl_domain_config *ret,
                   struct error *err);

#endif
