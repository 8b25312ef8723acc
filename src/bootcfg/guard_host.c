/* SPDX-License-Identifier: Apache-2.0 */
/* What an image asks of the machine: CPU, network cards, memory; and the lengths of command lines. Pure. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/guard_private.h"

#define KIB(bytes) (((bytes) + 1023) / 1024)
#define MIB(kib) (((unsigned long long)(kib) + 1023) / 1024)
/* What the kernel keeps of dom0's memory beside its own size: 64 MiB for DMA by cards (swiotlb, which a dom0 always has) and
 * the table of pages, less what init_size counts only for its unpacking. Measured (docs/BENCHMARKS.md, Debian's 6.1 with
 * init_size 64 MiB): of 400 MiB 280 are left; micro starts with 256 and not with 224. */
#define DOM0_RESERVED_KIB (52u << 10)
#define DOM0_OWN_KIB (32u << 10) /* what programs take beside their files, at the least */
#define HOME_LEAST 280           /* the way home (menu_args_home) takes about so many characters */

/* --- CPU --- */

void
guard_cpu(const struct guard_request *r, struct guard_report *report)
{
        static const struct {
                const char *flag, *name;
        } needs[] = {{"lm", "64-bit mode"}, {"pae", "physical address extension"}};

        if (!r->hardware)
                return;
        for (size_t i = 0; i < N_ELEMENTS(needs); i++)
                if (facts_has_word(r->hardware->cpu_lacks, needs[i].flag))
                        guard_add(report, GUARD_CPU, "its CPU (%s) has no %s (%s), without which Xen does not start",
                                  *r->hardware->cpu ? r->hardware->cpu : "unknown", needs[i].name, needs[i].flag);
}

/* --- network cards --- */

/* The card that it boots from: by its address; the only one, if no driver told addresses. */
static const struct hardware_nic *
boot_nic(const struct guard_request *r)
{
        static const struct mac none;
        const struct host_hardware *h = r->hardware;

        for (uint32_t i = 0; i < h->n_nics; i++)
                if (memcmp(&h->nics[i].mac, &r->mac, sizeof(r->mac)) == 0)
                        return &h->nics[i];
        return h->n_nics == 1 && memcmp(&h->nics[0].mac, &none, sizeof(none)) == 0 ? &h->nics[0] : NULL;
}

/* Drivers whose card is dead without its firmware, and the module that asks for it; others only do without something. */
static const struct {
        const char *driver, *asks;
} needs_firmware[] = {{"bnx2", "bnx2"},         {"bnx2x", "bnx2x"}, {"bna", "bna"},
                      {"liquidio", "liquidio"}, {"qede", "qed"},    {"nfp", "nfp"}};

static bool
lacks_firmware(const struct image_facts *f, const char *driver)
{
        for (size_t i = 0; i < N_ELEMENTS(needs_firmware); i++)
                if (strcmp(needs_firmware[i].driver, driver) == 0)
                        return facts_no_firmware(f, needs_firmware[i].asks);
        return false;
}

void
guard_nics(const struct guard_request *r, struct guard_report *report)
{
        const struct hardware_nic *boot;

        if (!r->hardware || !r->facts || !r->facts->initrd.nics_known)
                return;
        boot = boot_nic(r);
        for (uint32_t i = 0; i < r->hardware->n_nics; i++) {
                const struct hardware_nic *n = &r->hardware->nics[i];
                char driver[NAME_SIZE];

                if (!n->vendor)
                        continue;
                if (facts_nic_module(r->facts, n->vendor, n->device, driver)) {
                        if (n == boot && lacks_firmware(r->facts, driver))
                                guard_add(report, GUARD_NIC_FIRMWARE,
                                          "%s, which drives the host's network card %04x:%04x, needs firmware that image %s "
                                          "has not",
                                          driver, n->vendor, n->device, r->image->name);
                        continue;
                }
                guard_add(report, n == boot ? GUARD_NIC_NO_DRIVER : GUARD_NIC_OTHER,
                          "no module of image %s drives %s network card %04x:%04x%s%s", r->image->name,
                          n == boot ? "the host's" : "its further", n->vendor, n->device,
                          *n->driver ? "; elsewhere its driver was " : "", n->driver);
        }
}

/* --- dom0's memory --- */

/* "400M" as Xen reads it (parse_size_and_unit): a number without unit is KiB. false: it is no plain size. */
static bool
parse_amount(const char *text, size_t n, uint64_t *ret_kib, bool *ret_bare)
{
        static const struct {
                char unit;
                unsigned shift; /* to bytes */
        } units[] = {{'B', 0}, {'K', 10}, {'M', 20}, {'G', 30}, {'T', 40}};
        char number[24], *end;
        unsigned long long v;

        if (n == 0 || n >= sizeof(number) || !isdigit((unsigned char)text[0]))
                return false;
        memcpy(number, text, n);
        number[n] = '\0';
        v = strtoull(number, &end, 0);
        *ret_bare = *end == '\0';
        *ret_kib = v;
        if (*ret_bare)
                return true;
        for (size_t i = 0; i < N_ELEMENTS(units); i++)
                if (toupper((unsigned char)*end) == units[i].unit && end[1] == '\0' && v < 1ull << (60 - units[i].shift)) {
                        *ret_kib = (v << units[i].shift) >> 10;
                        return true;
                }
        return false;
}

/* The part of "dom0_mem=min:A,max:B,C" without a name. false: there is none, or it is no plain size ("1G+5%"). */
static bool
dom0_mem(const char *xen_args, char part[32], uint64_t *ret_kib, bool *ret_bare)
{
        char value[200];

        if (!guard_word(xen_args, "dom0_mem", value, sizeof(value)))
                return false;
        for (const char *p = value; *p; p += strspn(p, ",")) {
                size_t n = strcspn(p, ",");

                if (!memchr(p, ':', n)) {
                        snprintf(part, 32, "%.*s", (int)n, p);
                        return parse_amount(p, n, ret_kib, ret_bare);
                }
                p += n;
        }
        return false;
}

/* The file system into which the initrd is unpacked takes half of the memory that is left (tmpfs). With root= or rootfstype= it
 * may be one without a limit (ramfs; Linux init/do_mounts.c init_rootfs). */
static bool
half_for_initrd(const struct guard_request *r)
{
        char value[32];

        return !guard_word(r->dom0_args, "root", value, sizeof(value)) &&
               !guard_word(r->dom0_args, "rootfstype", value, sizeof(value));
}

/* dom0_mem against what starts: the kernel, the initrd as it came, and the same unpacked. Then against what runs. */
static void
check_room(const struct guard_request *r, const char *part, uint64_t kib, struct guard_report *report)
{
        const struct initrd_facts *i = &r->facts->initrd;
        const uint64_t kernel = KIB(r->facts->kernel.init_size) + DOM0_RESERVED_KIB, unpacked = KIB(i->unpacked);
        const bool half = half_for_initrd(r);
        const uint64_t least = kernel + KIB(i->size) + (half ? 2 : 1) * unpacked, wanted = kernel + unpacked + DOM0_OWN_KIB;

        if (kib < least)
                guard_add(
                        report, GUARD_DOM0_MEM_SMALL,
                        "dom0_mem=%s does not hold the initrd of image %s while it is unpacked, for which %llu MiB are needed: "
                        "kernel %llu, packed %llu, unpacked %llu%s",
                        part, r->image->name, MIB(least), MIB(kernel), MIB(KIB(i->size)), MIB(unpacked),
                        half ? " in half of the rest" : "");
        else if (kib < wanted)
                guard_add(report, GUARD_DOM0_MEM_TIGHT,
                          "dom0_mem=%s holds kernel and unpacked initrd of image %s, but not what runs on them (%llu MiB)",
                          part, r->image->name, MIB(wanted));
}

void
guard_memory(const struct guard_request *r, struct guard_report *report)
{
        uint64_t kib;
        char part[32];
        bool bare;

        if (!r->xen_args || !dom0_mem(r->xen_args, part, &kib, &bare))
                return;
        if (bare)
                guard_add(report, GUARD_DOM0_MEM_UNIT, "dom0_mem=%s has no unit: Xen takes it as KiB, so %llu MiB", part,
                          (unsigned long long)kib >> 10);
        if (r->hardware && r->hardware->memory_kib && kib > r->hardware->memory_kib)
                guard_add(report, GUARD_DOM0_MEM_MACHINE, "dom0_mem=%s is more than the machine's %llu MiB", part,
                          (unsigned long long)r->hardware->memory_kib >> 10);
        if (r->facts && r->facts->initrd.found)
                check_room(r, part, kib, report);
}

/* --- command lines --- */

void
guard_args(const struct guard_request *r, struct guard_report *report)
{
        size_t n = r->dom0_args ? strlen(r->dom0_args) : 0;

        if (r->args_refused)
                guard_add(report, GUARD_ARGS_REFUSED, "%s: the answer would be the local disk", r->args_refused);
        if (r->facts && r->facts->kernel.cmdline_max && n > 0 && n + HOME_LEAST > r->facts->kernel.cmdline_max)
                guard_add(report, GUARD_ARGS_KERNEL_LIMIT,
                          "dom0's arguments have %zu characters with the way home, and kernel %s keeps %u", n + HOME_LEAST,
                          r->facts->kernel.release, r->facts->kernel.cmdline_max);
}
