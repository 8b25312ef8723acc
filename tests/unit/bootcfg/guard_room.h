/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_GUARD_ROOM_H
#define DOMPOOL_TESTS_GUARD_ROOM_H
/* What the tests of the guards share: an image, loaders and a machine that fit, and how a finding is expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "bootcfg/guard.h"

/* Everything fits: Debian's kernel and Xen, all loaders, a BIOS machine with a Realtek card. A test spoils one thing. */
struct room {
        struct image image;
        struct image_facts facts;
        struct loaders_facts loaders;
        struct host_hardware hardware;
        struct firmware firmware;
        struct guard_request r;
        struct guard_report report;
};

#define MODULES "e1000 r8169 nfs nfsv4 overlay"
#define NICS "8086:100e e1000\n10ec:8168 r8169\n1af4:* virtio_pci"

static inline void
add_loader(struct room *x, const char *name, enum loader_form form, const char *version, bool multiboot)
{
        struct loader_file *f = &x->loaders.files[x->loaders.n_files++];

        str_copy(f->name, sizeof(f->name), name);
        str_copy(f->version, sizeof(f->version), version);
        f->form = form;
        f->multiboot = multiboot;
}

static inline void
room_init(struct room *x)
{
        static char modules[] = MODULES, nics[] = NICS;

        *x = (struct room){
                .image = {.name = "micro", .xen_version = "4.17.7+13"},
                .facts = {.version = FACTS_VERSION,
                          .kernel = {.found = true,
                                     .arch = ARCH_X86_64,
                                     .release = "6.1.0-56-amd64",
                                     .packing = PACKING_XZ,
                                     .cmdline_max = 2047,
                                     .init_size = 64u << 20,
                                     .notes_known = true,
                                     .xen_pv = true,
                                     .xen_pvh = true,
                                     .xen_dom0 = true,
                                     .config_known = true,
                                     .unpacks = "gzip xz zstd"},
                          .xen = {.found = true,
                                  .arch = ARCH_X86_64,
                                  .multiboot1 = true,
                                  .multiboot2 = true,
                                  .plain = true,
                                  .efi = true,
                                  .efi_arch = ARCH_X86_64},
                          .initrd = {.found = true,
                                     .packing = PACKING_ZSTD,
                                     .size = 8u << 20,
                                     .unpacked = 30u << 20,
                                     .init = true,
                                     .modules_release = "6.1.0-56-amd64",
                                     .modules = {(uint8_t *)modules, sizeof(MODULES) - 1},
                                     .nics_known = true,
                                     .nics = {(uint8_t *)nics, sizeof(NICS) - 1}}},
                .loaders = {.version = FACTS_VERSION},
                .hardware = {.memory_kib = 4u << 20,
                             .cpu = "Intel Core i3",
                             .n_nics = 1,
                             .nics = {{.name = "eth0", .mac = {{2, 0, 0, 0, 0, 1}}, .vendor = 0x10ec, .device = 0x8168}},
                             .time_ms = 1},
                .firmware = {.client = FIRMWARE_PXE, .arch = 0},
        };
        add_loader(x, "pxelinux.0", LOADER_FORM_PXELINUX, "6.04", false);
        add_loader(x, "lpxelinux.0", LOADER_FORM_PXELINUX, "6.04", false);
        add_loader(x, "mboot.c32", LOADER_FORM_COM32, "", false);
        add_loader(x, "ldlinux.c32", LOADER_FORM_COM32, "", false);
        add_loader(x, "libcom32.c32", LOADER_FORM_COM32, "", false);
        add_loader(x, "snponly.efi", LOADER_FORM_OTHER, "", false);
        add_loader(x, "grub/x86_64-efi/core.efi", LOADER_FORM_GRUB, "", true);
        add_loader(x, "grub-pc/core.0", LOADER_FORM_GRUB, "", true);
        x->r = (struct guard_request){.image = &x->image,
                                      .facts = &x->facts,
                                      .loaders = &x->loaders,
                                      .has_host = true,
                                      .mac = {{2, 0, 0, 0, 0, 1}},
                                      .hardware = &x->hardware,
                                      .firmware = &x->firmware,
                                      .loader = "",
                                      .xen_args = "dom0_mem=400M,max:400M console=vga",
                                      .dom0_args = "console=hvc0 quiet"};
}

static inline struct loader_file *
file_of(struct room *x, const char *name)
{
        struct loader_file *f = (struct loader_file *)loaders_facts_file(&x->loaders, name);

        assert_non_null(f);
        return f;
}

static inline void
expect_none(struct room *x)
{
        guard_check(&x->r, &x->report);
        if (x->report.n_findings > 0)
                fail_msg("unexpected: %s: %s", guard_code_names[x->report.findings[0].code], x->report.findings[0].text);
        assert_int_equal(guard_worst(&x->report), -1);
}

/* Exactly this one, whose text has @word in it. */
static inline void
expect_one(struct room *x, enum guard_code code, enum guard_level level, const char *word)
{
        const struct guard_finding *f = &x->report.findings[0];

        guard_check(&x->r, &x->report);
        for (uint32_t i = 0; i < x->report.n_findings; i++)
                if (x->report.findings[i].code != code)
                        fail_msg("unexpected: %s: %s", guard_code_names[x->report.findings[i].code],
                                 x->report.findings[i].text);
        assert_int_equal(x->report.n_findings, 1);
        assert_int_equal(f->level, level);
        assert_int_equal(guard_worst(&x->report), level);
        assert_true(strlen(f->remedy) > 10);
        if (!strstr(f->text, word))
                fail_msg("'%s' is not in: %s", word, f->text);
}

#endif
