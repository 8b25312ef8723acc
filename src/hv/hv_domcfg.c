/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libxl_domain_config from a struct domain_config: every field that libxl gets from us is set here and nowhere else.
 * Runs in: hv's tasks. xl.cfg(5) and libxl_types.idl of Xen 4.17 say what the fields mean.
 */
#include "hv/hv_domcfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
hv_domcfg_device_model(void)
{
        return access(HV_DEVICE_MODEL, X_OK) == 0;
}

int
hv_domcfg_supported(const struct domain_config *c, bool device_model, struct error *err)
{
        if (c->type == DOMAIN_HVM && !device_model)
                return error_set(err, ERR_UNSUPPORTED,
                                 "domain '%s': the host's image has no device model for HVM domains; boot it with one that has "
                                 "(micro-hvm), or use type=\"pvh\"",
                                 c->name);
        if (c->n_disks > 0)
                return error_set(err, ERR_UNSUPPORTED,
                                 "domain '%s': disk '%s': disks are not supported yet; boot from kernel and ramdisk", c->name,
                                 c->disks[0].vdev);
        if (c->kernel.size == 0)
                return error_set(err, ERR_INVALID, "domain '%s' has no kernel", c->name);
        return 0;
}

static void
fill_create_info(const struct domain_config *c, libxl_domain_create_info *info)
{
        info->type = hv_libxl_type(c->type);
        info->name = strdup(c->name);
        memcpy(libxl_uuid_bytearray(&info->uuid), c->uuid, UUID_SIZE);
        libxl_defbool_set(&info->run_hotplug_scripts, true);
}

static int
fill_vcpus(const struct domain_config *c, libxl_domain_build_info *info)
{
        uint32_t max = c->maxvcpus ? c->maxvcpus : c->vcpus;

        info->max_vcpus = (int)max;
        /* by hand: libxl_bitmap_alloc wants a libxl context, and with it a hypervisor */
        info->avail_vcpus.map = calloc(1, (max + 7) / 8);
        if (!info->avail_vcpus.map)
                return -ENOMEM;
        info->avail_vcpus.size = (max + 7) / 8;
        for (uint32_t i = 0; i < c->vcpus; i++)
                libxl_bitmap_set(&info->avail_vcpus, (int)i);
        return 0;
}

static void
fill_build_info(const struct domain_config *c, const struct hv_domcfg_files *files, libxl_domain_build_info *info)
{
        info->target_memkb = c->memory_kib;
        info->max_memkb = c->maxmem_kib ? c->maxmem_kib : c->memory_kib;
        info->kernel = strdup(files->kernel);
        info->ramdisk = files->ramdisk ? strdup(files->ramdisk) : NULL;
        info->cmdline = strdup(c->cmdline);
        libxl_defbool_set(&info->localtime, c->localtime);
        if (c->type == DOMAIN_PV)
                return;
        libxl_defbool_set(&info->acpi, c->acpi);
        libxl_defbool_set(&info->apic, c->apic);
        libxl_defbool_set(&info->nested_hvm, c->nestedhvm);
}

/* Nobody but the host itself reaches the VNC server: it has no password. */
static void
fill_vnc(libxl_vnc_info *vnc)
{
        libxl_defbool_set(&vnc->enable, true);
        libxl_defbool_set(&vnc->findunused, true);
        vnc->listen = strdup("127.0.0.1");
}

static void
fill_hvm(const struct domain_config *c, libxl_domain_build_info *info)
{
        if (c->vnc)
                fill_vnc(&info->u.hvm.vnc);
        else
                libxl_defbool_set(&info->u.hvm.vnc.enable, false);
}

/* Paravirtual screen and keyboard, whose other end is the device model. */
static int
fill_vfb(libxl_domain_config *ret)
{
        ret->vfbs = calloc(1, sizeof(*ret->vfbs));
        ret->vkbs = calloc(1, sizeof(*ret->vkbs));
        if (!ret->vfbs || !ret->vkbs)
                return -ENOMEM;
        libxl_device_vfb_init(&ret->vfbs[ret->num_vfbs++]);
        fill_vnc(&ret->vfbs[0].vnc);
        libxl_device_vkb_init(&ret->vkbs[ret->num_vkbs++]);
        return 0;
}

static void
fill_nic(const struct vif *v, int devid, const char *script, libxl_device_nic *nic)
{
        libxl_device_nic_init(nic);
        nic->devid = devid;
        nic->nictype = LIBXL_NIC_TYPE_VIF;
        memcpy(nic->mac, v->mac.b, sizeof(v->mac.b));
        nic->bridge = strdup(*v->bridge ? v->bridge : GUEST_BRIDGE);
        nic->script = strdup(script);
        if (v->rate_bytes) {
                nic->rate_bytes_per_interval = v->rate_bytes;
                nic->rate_interval_usecs = v->rate_interval_us ? v->rate_interval_us : 50000;
        }
}

int
hv_domcfg_fill(const struct domain_config *c, const struct hv_domcfg_files *files, libxl_domain_config *ret, struct error *err)
{
        int r = hv_domcfg_supported(c, files->device_model, err);

        if (r < 0)
                return r;
        fill_create_info(c, &ret->c_info);
        libxl_domain_build_info_init_type(&ret->b_info, ret->c_info.type);
        fill_build_info(c, files, &ret->b_info);
        if (c->type == DOMAIN_HVM)
                fill_hvm(c, &ret->b_info);
        else if (c->vnc && files->device_model && fill_vfb(ret) < 0)
                return error_set(err, ERR_NO_SPACE, "domain '%s': out of memory", c->name);
        if (fill_vcpus(c, &ret->b_info) < 0 || !ret->c_info.name || !ret->b_info.kernel || !ret->b_info.cmdline)
                return error_set(err, ERR_NO_SPACE, "domain '%s': out of memory", c->name);
        if (c->n_vifs == 0)
                return 0;
        ret->nics = calloc(c->n_vifs, sizeof(*ret->nics));
        if (!ret->nics)
                return error_set(err, ERR_NO_SPACE, "domain '%s': out of memory", c->name);
        for (uint32_t i = 0; i < c->n_vifs; i++)
                fill_nic(&c->vifs[i], (int)i, files->vif_script, &ret->nics[ret->num_nics++]);
        return 0;
}
