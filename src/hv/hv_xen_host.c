/* SPDX-License-Identifier: Apache-2.0 */
/* What this host is: from Xen, from the dom0 kernel, from the kernel's command line. Runs in: hv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "hv/hv_bridges.h"
#include "hv/hv_domcfg.h"
#include "hv/hv_root.h"
#include "hv/hv_xen.h"

static void
read_cpu_model(char *ret, size_t size)
{
        _cleanup_fclose_ FILE *f = fopen("/proc/cpuinfo", "re");
        char line[300];

        while (f && fgets(line, sizeof(line), f)) {
                char *colon = strchr(line, ':');

                if (strncmp(line, "model name", 10) != 0 || !colon)
                        continue;
                line[strcspn(line, "\n")] = '\0';
                str_copy(ret, size, colon[1] == ' ' ? colon + 2 : colon + 1);
                return;
        }
}

static uint64_t
read_boot_time(void)
{
        _cleanup_fclose_ FILE *f = fopen("/proc/stat", "re");
        unsigned long long t = 0;
        char line[4096];

        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "btime %llu", &t) == 1)
                        break;
        return t;
}

/* dompool.image=ID16 stands on the kernel's command line, see docs/ARCHITECTURE.md. */
static void
read_image(char *ret, size_t size)
{
        _cleanup_fclose_ FILE *f = fopen("/proc/cmdline", "re");
        char line[4096], *save = NULL;

        if (!f || !fgets(line, sizeof(line), f))
                return;
        for (char *word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
                if (strncmp(word, "dompool.image=", 14) == 0)
                        str_copy(ret, size, word + 14);
}

static void
fill_software(struct hv *hv, struct host_inventory *inv)
{
        const libxl_version_info *v = libxl_get_version_info(hv->ctx);
        struct utsname u;

        if (uname(&u) == 0) {
                str_copy(inv->hostname, sizeof(inv->hostname), u.nodename);
                str_copy(inv->kernel_version, sizeof(inv->kernel_version), u.release);
        }
        str_copy(inv->agent_version, sizeof(inv->agent_version), DOMPOOL_VERSION);
        if (!v)
                return;
        snprintf(inv->xen_version, sizeof(inv->xen_version), "%d.%d%s", v->xen_version_major, v->xen_version_minor,
                 v->xen_version_extra ?: "");
        str_copy(inv->xen_caps, sizeof(inv->xen_caps), v->capabilities ?: "");
        str_copy(inv->xen_commandline, sizeof(inv->xen_commandline), v->commandline ?: "");
}

uint64_t
hv_xen_free_memory_kib(struct hv *hv)
{
        libxl_physinfo info;
        uint64_t kib = 0;

        libxl_physinfo_init(&info);
        if (libxl_get_physinfo(hv->ctx, &info) == 0)
                kib = (info.free_pages + info.scrub_pages) * 4;
        libxl_physinfo_dispose(&info);
        return kib;
}

int
hv_xen_inventory(struct hv *hv, struct host_inventory *ret, struct error *err)
{
        struct host_inventory inv = {0};
        libxl_physinfo info;
        libxl_dominfo dom0;
        int rc;

        libxl_physinfo_init(&info);
        rc = libxl_get_physinfo(hv->ctx, &info);
        if (rc) {
                libxl_physinfo_dispose(&info);
                return hv_libxl_error(err, &hv->log, rc, "asking Xen what this host is");
        }
        inv.memory_kib = info.total_pages * 4;
        inv.free_memory_kib = (info.free_pages + info.scrub_pages) * 4;
        inv.n_cpus = info.nr_cpus;
        inv.cpu_khz = info.cpu_khz;
        inv.pv = info.cap_pv;
        inv.pvh = info.cap_hvm && info.cap_hap;
        inv.hvm = info.cap_hvm && hv_domcfg_device_model();
        libxl_physinfo_dispose(&info);
        libxl_dominfo_init(&dom0);
        if (libxl_domain_info(hv->ctx, &dom0, 0) == 0)
                inv.dom0_memory_kib = dom0.current_memkb;
        libxl_dominfo_dispose(&dom0);
        fill_software(hv, &inv);
        read_cpu_model(inv.cpu_model, sizeof(inv.cpu_model));
        read_image(inv.image, sizeof(inv.image));
        inv.boot_time = read_boot_time();
        hv_root_measure(&inv.root);
        hv_bridges_list(HV_NET, inv.bridges);
        hv_root_nfs_dirs(inv.nfs_dirs);
        *ret = inv;
        return 0;
}
