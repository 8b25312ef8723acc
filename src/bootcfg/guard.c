/* SPDX-License-Identifier: Apache-2.0 */
/* The list of findings and what concerns kernel and initrd. Pure; runs in core, `dompoold -n` and `dompool image check`. */
#include "bootcfg/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/guard_private.h"

const char *const guard_level_names[] = {
        [GUARD_WARNING] = "warning", [GUARD_DOUBT] = "doubt", [GUARD_ERROR] = "error", [GUARD_LEVEL_N] = NULL};

/* The level and the remedy of each code. */
static const struct {
        enum guard_level level;
        const char *remedy;
} codes[GUARD_CODE_N] = {
#define GUARD(ID, NAME, LEVEL, REMEDY) [GUARD_##ID] = {GUARD_##LEVEL, REMEDY},
#include "bootcfg/guard_codes.def"
#undef GUARD
};

const char *const guard_code_names[] = {
#define GUARD(ID, NAME, LEVEL, REMEDY) [GUARD_##ID] = NAME,
#include "bootcfg/guard_codes.def"
#undef GUARD
        [GUARD_CODE_N] = NULL,
};

static const struct rec_field finding_fields[] = {
        REC_ENUM(struct guard_finding, level, guard_level_names),
        REC_ENUM(struct guard_finding, code, guard_code_names),
        REC_STR(struct guard_finding, text),
        REC_STR(struct guard_finding, remedy),
};
const struct rec_desc guard_finding_desc = REC_DESC(struct guard_finding, finding_fields);

struct guard_finding *
guard_add(struct guard_report *report, enum guard_code code, const char *fmt, ...)
{
        struct guard_finding *f;
        va_list ap;

        if (report->n_findings == GUARD_MAX_FINDINGS)
                return NULL;
        f = &report->findings[report->n_findings++];
        *f = (struct guard_finding){.level = codes[code].level, .code = code};
        va_start(ap, fmt);
        vsnprintf(f->text, sizeof(f->text), fmt, ap);
        va_end(ap);
        str_copy(f->remedy, sizeof(f->remedy), codes[code].remedy);
        return f;
}

bool
guard_has(const struct guard_report *report, const struct guard_finding *f)
{
        for (uint32_t i = 0; i < report->n_findings; i++)
                if (report->findings[i].code == f->code && strcmp(report->findings[i].text, f->text) == 0)
                        return true;
        return false;
}

int
guard_worst(const struct guard_report *report)
{
        int worst = -1;

        for (uint32_t i = 0; i < report->n_findings; i++)
                if ((int)report->findings[i].level > worst)
                        worst = (int)report->findings[i].level;
        return worst;
}

enum facts_arch
guard_arch(const struct guard_request *r)
{
        const struct loader *l = r->loader && *r->loader ? loader_find(r->loader) : NULL;
        uint16_t arch = r->firmware ? r->firmware->arch : l ? l->archs[0] : 0;

        return arch == 11 || arch == 19 ? ARCH_ARM64 : ARCH_X86_64;
}

bool
guard_lacks_module(const struct guard_request *r, const char *name)
{
        return r->facts && r->facts->initrd.found && r->facts->initrd.modules.size > 0 && !facts_has_module(r->facts, name);
}

const char *
guard_initrd_name(const struct guard_request *r)
{
        return r->root == ROOT_RAM ? "the initrd" : "initrd-root";
}

bool
guard_word(const char *args, const char *name, char *value, size_t size)
{
        size_t n = strlen(name);
        bool found = false;

        for (const char *p = args; p && *p; p += strspn(p, " ")) {
                size_t end = strcspn(p, " ");

                if (strncmp(p, name, n) == 0 && p[n] == '=') {
                        snprintf(value, size, "%.*s", (int)(end - n - 1), p + n + 1);
                        found = true;
                }
                p += end;
        }
        return found;
}

/* --- the kernel --- */

/* Since when Xen unpacks a kernel packed so (xen/common/decompress.c); 0: always, as far as dompool goes back. */
static const struct {
        unsigned major, minor;
} xen_unpacks[PACKING_UNKNOWN] = {[PACKING_LZ4] = {4, 4}, [PACKING_ZSTD] = {4, 15}};

static void
check_packing(const struct guard_request *r, struct guard_report *report)
{
        uint32_t packing = r->facts->kernel.packing;
        unsigned major = 0, minor = 0;

        if (packing >= PACKING_UNKNOWN) {
                guard_add(report, GUARD_KERNEL_PACKING, "kernel %s is packed by something that neither Xen nor dompool knows",
                          r->facts->kernel.release);
                return;
        }
        if (sscanf(r->image->xen_version, "%u.%u", &major, &minor) == 2 &&
            (major < xen_unpacks[packing].major || (major == xen_unpacks[packing].major && minor < xen_unpacks[packing].minor)))
                guard_add(report, GUARD_KERNEL_PACKING,
                          "kernel %s is packed by %s, which Xen unpacks from %u.%u on; this is %u.%u", r->facts->kernel.release,
                          facts_packing_names[packing], xen_unpacks[packing].major, xen_unpacks[packing].minor, major, minor);
}

static void
check_kernel(const struct guard_request *r, struct guard_report *report)
{
        const struct kernel_facts *k = &r->facts->kernel;
        enum facts_arch wanted = guard_arch(r);

        if (!k->found) {
                guard_add(report, GUARD_KERNEL_NONE, "the file vmlinuz of image %s is no Linux kernel", r->image->name);
                return;
        }
        if (k->arch != ARCH_UNKNOWN && k->arch != wanted) {
                guard_add(report, GUARD_KERNEL_ARCH, "kernel %s is for %s, the host is %s", k->release,
                          facts_arch_names[k->arch < ARCH_N ? k->arch : ARCH_OTHER], facts_arch_names[wanted]);
                return; /* what follows is about another machine */
        }
        if (wanted != ARCH_X86_64)
                return; /* on arm64 a kernel needs no word of Xen: it is told by the device tree */
        check_packing(r, report);
        if (k->notes_known && !k->xen_pv && !k->xen_pvh)
                guard_add(report, GUARD_KERNEL_NO_XEN, "kernel %s knows nothing of Xen (it has no Xen ELF notes)", k->release);
        else if (k->notes_known && !k->xen_dom0)
                guard_add(report, GUARD_KERNEL_NO_DOM0,
                          "kernel %s can be a guest of Xen and not dom0 (its ELF notes lack the feature dom0)", k->release);
}

/* --- the initrd --- */

static void
check_initrd(const struct guard_request *r, struct guard_report *report)
{
        const struct initrd_facts *i = &r->facts->initrd;
        const struct kernel_facts *k = &r->facts->kernel;
        const char *packing = facts_packing_names[i->packing < PACKING_N ? i->packing : PACKING_UNKNOWN];

        if (i->size == 0) {
                guard_add(report, GUARD_INITRD_NONE,
                          r->root == ROOT_RAM ? "image %s has no initrd, so that its root cannot be in RAM: set another root"
                                              : "image %s has no initrd-root, so that its root can only be in RAM",
                          r->image->name);
                return;
        }
        if (i->packing == PACKING_UNKNOWN) {
                guard_add(report, GUARD_INITRD_PACKING, "the initrd is packed by something that no kernel knows");
                return;
        }
        if (i->packing != PACKING_NONE && k->config_known && !facts_has_word(k->unpacks, packing)) {
                guard_add(report, GUARD_INITRD_PACKING, "the initrd is packed by %s and kernel %s can unpack %s", packing,
                          k->release, *k->unpacks ? k->unpacks : "none");
                return;
        }
        /* What only a helper program unpacks was not looked into. */
        if (i->packing == PACKING_LZO)
                return;
        if (!i->found)
                guard_add(report, GUARD_INITRD_NONE, "the initrd of image %s is no whole cpio archive: cut short or damaged",
                          r->image->name);
        else if (!i->init)
                guard_add(report, GUARD_INITRD_NO_INIT, "the initrd of image %s has no /init", r->image->name);
        if (i->found && *i->modules_release && *k->release && strcmp(i->modules_release, k->release) != 0)
                guard_add(report, GUARD_MODULES_RELEASE, "the initrd's modules are those of kernel %s, the kernel is %s",
                          i->modules_release, k->release);
}

/* --- all --- */

static void (*const checks[])(const struct guard_request *, struct guard_report *) = {
        check_kernel, check_initrd, guard_root,      guard_iscsi,    guard_satellite, guard_xen,  guard_loader,
        guard_cpu,    guard_nics,   guard_guest_net, guard_nfs_dirs, guard_memory,    guard_args,
};

/* An image, judged without a host, that is made for other roots. */
static bool
never_in_ram(const struct guard_request *r)
{
        return !r->has_host && r->facts->initrd.size == 0 && r->facts->initrd_root.size > 0;
}

void
guard_check(const struct guard_request *r, struct guard_report *ret)
{
        struct guard_request of_root = *r;
        struct image_facts facts;

        *ret = (struct guard_report){0};
        if (r->facts && (r->root != ROOT_RAM || never_in_ram(r))) { /* the initrd that its menu names */
                facts = *r->facts;
                facts.initrd = facts.initrd_root;
                of_root.facts = &facts;
                r = &of_root;
        }
        if (!r->facts)
                guard_add(ret, GUARD_FACTS_MISSING, "what is in image %s is not known yet", r->image->name);
        for (size_t i = 0; i < N_ELEMENTS(checks); i++)
                if (r->facts || (checks[i] != check_kernel && checks[i] != check_initrd))
                        checks[i](r, ret);
}
