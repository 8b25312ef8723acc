/* SPDX-License-Identifier: Apache-2.0 */
/* Each finding of the guards: what brings it about, and that nothing else does. */
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

static void
add_loader(struct room *x, const char *name, enum loader_form form, const char *version, bool multiboot)
{
        struct loader_file *f = &x->loaders.files[x->loaders.n_files++];

        str_copy(f->name, sizeof(f->name), name);
        str_copy(f->version, sizeof(f->version), version);
        f->form = form;
        f->multiboot = multiboot;
}

static void
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

static struct loader_file *
file_of(struct room *x, const char *name)
{
        struct loader_file *f = (struct loader_file *)loaders_facts_file(&x->loaders, name);

        assert_non_null(f);
        return f;
}

static void
expect_none(struct room *x)
{
        guard_check(&x->r, &x->report);
        if (x->report.n_findings > 0)
                fail_msg("unexpected: %s: %s", guard_code_names[x->report.findings[0].code], x->report.findings[0].text);
        assert_int_equal(guard_worst(&x->report), -1);
}

/* Exactly this one, whose text has @word in it. */
static void
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

static void
what_fits_has_no_finding(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        expect_none(&x);
        x.r.firmware = NULL; /* neither BIOS nor UEFI would fail */
        expect_none(&x);
        x.r.hardware = NULL;
        x.r.loaders = NULL;
        expect_none(&x);
        x.r.has_host = false;
        expect_none(&x);
}

static void
facts_that_are_not_known_refuse_nothing(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.r.facts = NULL;
        expect_one(&x, GUARD_FACTS_MISSING, GUARD_WARNING, "micro");
        room_init(&x);
        x.facts.kernel.notes_known = x.facts.kernel.xen_dom0 = x.facts.kernel.xen_pv = x.facts.kernel.xen_pvh = false;
        x.facts.kernel.config_known = false;
        x.facts.kernel.unpacks[0] = '\0';
        x.facts.initrd.nics_known = false;
        expect_none(&x);
}

static void
a_file_that_is_no_kernel(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.kernel = (struct kernel_facts){0};
        expect_one(&x, GUARD_KERNEL_NONE, GUARD_ERROR, "vmlinuz");
}

static void
a_kernel_of_another_architecture(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.kernel.arch = ARCH_ARM64;
        expect_one(&x, GUARD_KERNEL_ARCH, GUARD_ERROR, "arm64");
        x.facts.kernel.arch = ARCH_X86_32;
        expect_one(&x, GUARD_KERNEL_ARCH, GUARD_ERROR, "x86-32");
        /* and the other way round: a PC's image on an arm64 host */
        room_init(&x);
        x.firmware.arch = 11;
        add_loader(&x, "grub-arm64/core.efi", LOADER_FORM_GRUB, "", true);
        guard_check(&x.r, &x.report);
        assert_int_equal(x.report.findings[0].code, GUARD_KERNEL_ARCH);
        assert_int_equal(x.report.findings[1].code, GUARD_XEN_ARCH);
}

static void
a_kernel_without_xen_or_dom0(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.kernel.xen_dom0 = false;
        expect_one(&x, GUARD_KERNEL_NO_DOM0, GUARD_ERROR, "dom0");
        x.facts.kernel.xen_pv = x.facts.kernel.xen_pvh = false;
        expect_one(&x, GUARD_KERNEL_NO_XEN, GUARD_ERROR, "6.1.0-56-amd64");
}

static void
a_kernel_that_xen_cannot_unpack(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.kernel.packing = PACKING_UNKNOWN;
        expect_one(&x, GUARD_KERNEL_PACKING, GUARD_ERROR, "packed");
        x.facts.kernel.packing = PACKING_ZSTD;
        expect_none(&x);
        str_copy(x.image.xen_version, sizeof(x.image.xen_version), "4.14.6");
        expect_one(&x, GUARD_KERNEL_PACKING, GUARD_ERROR, "4.15");
        x.facts.kernel.packing = PACKING_XZ;
        expect_none(&x);
}

static void
an_initrd_that_the_kernel_cannot_unpack(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        str_copy(x.facts.kernel.unpacks, sizeof(x.facts.kernel.unpacks), "gzip xz");
        expect_one(&x, GUARD_INITRD_PACKING, GUARD_ERROR, "zstd");
        room_init(&x);
        x.facts.initrd.packing = PACKING_UNKNOWN;
        expect_one(&x, GUARD_INITRD_PACKING, GUARD_ERROR, "no kernel knows");
}

static void
an_initrd_that_is_cut_missing_or_without_init(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.initrd.found = false;
        expect_one(&x, GUARD_INITRD_NONE, GUARD_ERROR, "cut");
        x.facts.initrd = (struct initrd_facts){0};
        expect_one(&x, GUARD_INITRD_NONE, GUARD_ERROR, "no initrd");
        room_init(&x);
        x.facts.initrd.init = false;
        expect_one(&x, GUARD_INITRD_NO_INIT, GUARD_DOUBT, "/init");
}

static void
modules_of_another_kernel(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        str_copy(x.facts.initrd.modules_release, NAME_SIZE, "6.1.0-55-amd64");
        expect_one(&x, GUARD_MODULES_RELEASE, GUARD_DOUBT, "6.1.0-55-amd64");
}

static void
a_root_whose_modules_are_not_there(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.r.dom0_args = "root=/dev/nbd0 ro";
        expect_one(&x, GUARD_ROOT_MODULE, GUARD_DOUBT, "nbd");
        x.r.dom0_args = "root=/dev/nfs nfsroot=10.0.0.1:/srv/x";
        expect_one(&x, GUARD_ROOT_IGNORED, GUARD_WARNING, "nfs");
        x.r.dom0_args = "root=/dev/sda1";
        expect_none(&x);
        /* a profile's own is no matter of doubt */
        x.r.dom0_args = "";
        x.r.root = ROOT_ISCSI;
        expect_one(&x, GUARD_INITRD_NONE, GUARD_ERROR, "has no initrd-root");
        x.facts.initrd_root = x.facts.initrd;
        expect_one(&x, GUARD_ROOT_MODULE, GUARD_ERROR, "iscsi_tcp");
        x.facts.initrd = (struct initrd_facts){0};
        x.r.root = ROOT_NFS;
        expect_none(&x);
        x.r.root = ROOT_RAM;
        expect_one(&x, GUARD_INITRD_NONE, GUARD_ERROR, "root cannot be in RAM");
        /* the image alone: nobody wants it in RAM */
        x.r.has_host = false;
        expect_none(&x);
}

static void
who_cannot_make_or_find_an_ibft_is_warned_of(void **state)
{
        static char older[] = "iscsi_tcp sd_mod squashfs overlay", modules[] = "iscsi_tcp sd_mod squashfs overlay iscsi_ibft";
        const struct firmware efi = {FIRMWARE_PXE, 7, 0}, ipxe = {FIRMWARE_IPXE, 7, FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_EFI};
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.initrd_root = x.facts.initrd;
        x.facts.initrd_root.modules = (struct blob){(uint8_t *)modules, sizeof(modules) - 1};
        add_loader(&x, "undionly.kpxe", LOADER_FORM_OTHER, "", false);
        x.r.root = ROOT_ISCSI;
        expect_none(&x);
        x.r.iscsi_hook = true;
        expect_one(&x, GUARD_ISCSI_HOOK, GUARD_WARNING, "pxelinux leaves no iBFT"); /* it is a BIOS machine */
        x.r.firmware = NULL;
        expect_none(&x);
        x.r.loader = "undionly";
        expect_one(&x, GUARD_ISCSI_HOOK, GUARD_WARNING, "undionly leaves no iBFT");
        x.r.loader = "";
        x.r.firmware = &efi;
        expect_none(&x);
        x.r.loader = "grub-efi";
        expect_one(&x, GUARD_ISCSI_HOOK, GUARD_WARNING, "grub-efi leaves no iBFT");
        x.r.loader = "";
        x.r.firmware = &ipxe;
        expect_none(&x);
        x.facts.initrd_root.modules = (struct blob){(uint8_t *)older, sizeof(older) - 1};
        expect_one(&x, GUARD_ISCSI_HOOK, GUARD_WARNING, "has not the module iscsi_ibft");
        x.r.iscsi_hook = false;
        expect_none(&x);
}

/* Satellite 'north' on 10.78.0.0/24, its main server at 10.77.0.1; all modules are there. */
static void
room_with_satellite(struct room *x, struct guard_satellite *s, struct config_network *n)
{
        static char modules[] = "nbd iscsi_tcp sd_mod aoe nfs nfsv3 nfsv4 loop squashfs overlay";

        room_init(x);
        x->facts.initrd_root = x->facts.initrd;
        x->facts.initrd_root.modules = (struct blob){(uint8_t *)modules, sizeof(modules) - 1};
        *n = (struct config_network){.net = 0x0a4e0000, .prefix = 24, .address = 0x0a4e0001, .router = 0x0a4e0001};
        *s = (struct guard_satellite){
                .name = "north", .server = 0x0a4d0001, .address = 0x0a4e0064, .networks = n, .n_networks = 1};
        x->r.satellite = s;
}

static void
roots_behind_a_satellite(void **state)
{
        static const enum root_kind served[] = {ROOT_RAM, ROOT_HTTP};
        static const enum root_kind routed[] = {ROOT_NFS, ROOT_NFS3, ROOT_NBD, ROOT_ISCSI};
        struct guard_satellite s;
        struct config_network n;
        struct room x;

        (void)state;
        room_with_satellite(&x, &s, &n);
        for (size_t i = 0; i < N_ELEMENTS(served); i++) {
                x.r.root = served[i];
                expect_none(&x);
        }
        for (size_t i = 0; i < N_ELEMENTS(routed); i++) {
                x.r.root = routed[i];
                expect_one(&x, GUARD_SATELLITE_ROOT, GUARD_WARNING, "main server 10.77.0.1, not from satellite 'north'");
        }
        x.r.root = ROOT_AOE;
        expect_one(&x, GUARD_SATELLITE_LAYER2, GUARD_ERROR, "ends at the LAN of the main server 10.77.0.1");
        s.foreign_root = true; /* it may be on that LAN */
        expect_none(&x);
        x.r.satellite = NULL;
        x.r.root = ROOT_AOE;
        expect_none(&x);
}

static void
a_satellite_that_names_no_router(void **state)
{
        struct config_network n[2];
        struct guard_satellite s;
        struct room x;

        (void)state;
        room_with_satellite(&x, &s, &n[0]);
        n[0].router = 0;
        expect_one(&x, GUARD_SATELLITE_ROUTE, GUARD_DOUBT, "hosts of 10.78.0.0/24 no router: its agent would not reach");
        n[0].mode = NETWORK_PROXY; /* told by another server, perhaps */
        expect_none(&x);
        n[0].mode = NETWORK_DHCP;
        n[1] = (struct config_network){.net = 0x0a4c0000, .prefix = 24, .router = 0x0a4c0001};
        s.n_networks = 2;
        expect_one(&x, GUARD_SATELLITE_ROUTE, GUARD_DOUBT, "10.78.0.0/24");
        s.address = 0x0a4c0064;
        expect_none(&x);
        s.address = 0; /* it may be in either */
        expect_none(&x);
        s.n_networks = 1;
        expect_one(&x, GUARD_SATELLITE_ROUTE, GUARD_DOUBT, "10.78.0.0/24");
        s.n_networks = 0; /* it was never seen */
        expect_none(&x);
}

static void
transports_name_what_they_lack(void **state)
{
        static const struct {
                const char *args, *transport;
        } cases[] = {{"root=/dev/nfs", "nfs"},
                     {"netroot=iscsi:10.0.0.1::::iqn.x", "iscsi"},
                     {"quiet root=/dev/etherd/e0.0", "aoe"},
                     {"root=live:http://x/y.squashfs", "squashfs"},
                     {"overlayroot=tmpfs", "overlay"},
                     {"root=nbd:10.0.0.1:10809:ext4", "nbd"}};
        struct room x;
        char lacks[100];

        (void)state;
        room_init(&x);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_true(root_transport_in_args(root_transport_find(cases[i].transport), cases[i].args));
                assert_false(root_transport_in_args(root_transport_find(cases[i].transport), "root=/dev/ram0 nroot=nfs"));
        }
        assert_null(root_transport_find("carrier-pigeon"));
        assert_string_equal(root_transport_find("ram")->name, "ram");
        assert_true(root_transport_lacks(root_transport_find("squashfs"), &x.facts, lacks, sizeof(lacks)));
        assert_string_equal(lacks, "squashfs, loop");
        x.facts.initrd.modules.data = (uint8_t *)"nfs";
        x.facts.initrd.modules.size = 3;
        assert_true(root_transport_lacks(root_transport_find("nfs"), &x.facts, lacks, sizeof(lacks)));
        assert_string_equal(lacks, "nfsv4, overlay");
        x.facts.initrd.modules.size = 0; /* not known */
        assert_false(root_transport_lacks(root_transport_find("nfs"), &x.facts, lacks, sizeof(lacks)));
}

static void
a_xen_that_is_none_or_of_another_kind(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.xen = (struct xen_facts){0};
        expect_one(&x, GUARD_XEN_NONE, GUARD_ERROR, "no Xen");
        room_init(&x);
        x.facts.xen.arch = ARCH_ARM64;
        expect_one(&x, GUARD_XEN_ARCH, GUARD_ERROR, "arm64");
        room_init(&x);
        x.facts.xen.multiboot1 = false;
        expect_one(&x, GUARD_XEN_MULTIBOOT, GUARD_ERROR, "Multiboot 1");
        x.firmware.arch = 7; /* iPXE starts xen.efi */
        expect_none(&x);
        x.r.loader = "grub-efi"; /* GRUB takes the other one */
        expect_none(&x);
        x.facts.xen.multiboot1 = true;
        x.facts.xen.multiboot2 = false;
        expect_one(&x, GUARD_XEN_MULTIBOOT, GUARD_ERROR, "Multiboot 2");
        x.r.loader = "";
        expect_none(&x);
        x.facts.xen.efi = false; /* then iPXE goes on with GRUB */
        x.r.firmware = NULL;
        expect_one(&x, GUARD_XEN_MULTIBOOT, GUARD_DOUBT, "UEFI");
}

static void
an_ipxe_without_its_form_of_xen(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.xen.efi = false;
        expect_none(&x); /* nobody wants it */
        x.firmware = (struct firmware){FIRMWARE_IPXE, 7, FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_EFI};
        expect_one(&x, GUARD_XEN_EFI_MISSING, GUARD_WARNING, "xen.efi");
        x.firmware = (struct firmware){FIRMWARE_PXE, 7, 0}; /* whose usual loader is an iPXE */
        expect_one(&x, GUARD_XEN_EFI_MISSING, GUARD_WARNING, "goes on with GRUB");
        x.r.loader = "snponly";
        expect_one(&x, GUARD_XEN_EFI_MISSING, GUARD_DOUBT, "snponly");
        room_init(&x);
        x.firmware = (struct firmware){FIRMWARE_IPXE, 0, FIRMWARE_IPXE_HTTP | FIRMWARE_IPXE_MULTIBOOT};
        expect_none(&x);
        x.facts.xen.plain = false;
        expect_one(&x, GUARD_XEN_PLAIN_MISSING, GUARD_WARNING, "PXELINUX");
}

static void
pxelinux_before_2_12_or_in_pieces(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        str_copy(file_of(&x, "pxelinux.0")->version, 32, "2.11");
        expect_one(&x, GUARD_LOADER_OLD, GUARD_ERROR, "2.12");
        x.r.firmware = NULL;
        expect_one(&x, GUARD_LOADER_OLD, GUARD_DOUBT, "BIOS");
        room_init(&x);
        str_copy(file_of(&x, "pxelinux.0")->version, 32, "4.05"); /* wants modules of before ELF */
        guard_check(&x.r, &x.report);
        assert_int_equal(x.report.n_findings, 3);
        assert_int_equal(x.report.findings[0].code, GUARD_LOADER_MIXED);
        room_init(&x);
        file_of(&x, "mboot.c32")->form = LOADER_FORM_COM32_OLD;
        expect_one(&x, GUARD_LOADER_MIXED, GUARD_ERROR, "mboot.c32");
        room_init(&x);
        str_copy(file_of(&x, "mboot.c32")->name, NAME_SIZE, "other.c32");
        expect_one(&x, GUARD_LOADER_MISSING, GUARD_ERROR, "mboot.c32");
        room_init(&x);
        *file_of(&x, "pxelinux.0") = (struct loader_file){.name = "pxelinux.0"};
        expect_one(&x, GUARD_LOADER_MISSING, GUARD_ERROR, "no PXELINUX");
}

static void
grub_without_multiboot2(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        file_of(&x, "grub/x86_64-efi/core.efi")->multiboot = false;
        expect_none(&x); /* a BIOS machine */
        x.firmware.arch = 7;
        expect_none(&x); /* iPXE */
        x.r.loader = "grub-efi";
        expect_one(&x, GUARD_LOADER_NO_MULTIBOOT, GUARD_ERROR, "multiboot2");
}

static void
firmware_without_a_loader_and_wishes_that_it_cannot_run(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.firmware.arch = 6; /* 32-bit UEFI */
        expect_one(&x, GUARD_LOADER_NONE, GUARD_ERROR, "architecture 6");
        room_init(&x);
        x.r.loader = "grub-efi";
        expect_one(&x, GUARD_LOADER_WISH, GUARD_WARNING, "pxelinux");
        room_init(&x);
        x.firmware = (struct firmware){FIRMWARE_IPXE, 0, FIRMWARE_IPXE_HTTP};
        expect_one(&x, GUARD_IPXE_FEATURES, GUARD_WARNING, "multiboot");
}

static void
a_cpu_without_long_mode_or_pae(void **state)
{
        struct room x;
        char lacks[CPU_LACKS_SIZE];

        (void)state;
        room_init(&x);
        str_copy(x.hardware.cpu_lacks, sizeof(x.hardware.cpu_lacks), "lm");
        expect_one(&x, GUARD_CPU, GUARD_ERROR, "64-bit");
        str_copy(x.hardware.cpu_lacks, sizeof(x.hardware.cpu_lacks), "lm pae");
        guard_check(&x.r, &x.report);
        assert_int_equal(x.report.n_findings, 2);
        hardware_cpu_lacks(" fpu vme pae nx lm", lacks);
        assert_string_equal(lacks, "");
        hardware_cpu_lacks(" fpu vme pae nx lahf_lm", lacks);
        assert_string_equal(lacks, "lm");
        hardware_cpu_lacks("", lacks);
        assert_string_equal(lacks, "lm pae");
}

static void
a_network_card_without_driver(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.hardware.nics[0].device = 0x8125;
        expect_one(&x, GUARD_NIC_NO_DRIVER, GUARD_DOUBT, "10ec:8125");
        x.hardware.nics[0].mac = (struct mac){{0}}; /* no driver had told its address either: it is the only one */
        expect_one(&x, GUARD_NIC_NO_DRIVER, GUARD_DOUBT, "10ec:8125");
        room_init(&x);
        x.hardware.nics[x.hardware.n_nics++] = (struct hardware_nic){.vendor = 0x14e4, .device = 0x1234};
        expect_one(&x, GUARD_NIC_OTHER, GUARD_WARNING, "14e4:1234");
        x.hardware.nics[1] = (struct hardware_nic){.vendor = 0x1af4, .device = 0x1041}; /* any device of this maker */
        expect_none(&x);
}

static void
vlans_without_their_module(void **state)
{
        static char modules[] = MODULES " 8021q";
        struct room x;

        (void)state;
        room_init(&x);
        x.r.dom0_args = "console=hvc0 dompool.vlans=10,20:labs";
        expect_one(&x, GUARD_VLAN_MODULE, GUARD_ERROR, "the VLANs 10,20:labs need the module 8021q, which the initrd has not");
        x.facts.initrd.modules = (struct blob){(uint8_t *)modules, sizeof(modules) - 1};
        expect_none(&x);
        room_init(&x);
        x.r.dom0_args = "console=hvc0 dompool.vlans=10 dompool.vlans="; /* a host's own word takes it back */
        expect_none(&x);
        x.r.dom0_args = "console=hvc0 dompool.vlans=10";
        x.facts.initrd.modules = (struct blob){0}; /* not known */
        expect_none(&x);
}

static void
directories_over_nfs_without_their_module(void **state)
{
        static char none[] = "e1000 r8169 overlay", modules[] = MODULES;
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.initrd.modules = (struct blob){(uint8_t *)none, sizeof(none) - 1};
        x.r.dom0_args = "console=hvc0 dompool.nfs-dirs=/home=10.0.0.5:/export/home,/srv=10.0.0.5:/srv";
        expect_one(&x, GUARD_NFS_MODULE, GUARD_ERROR, "/home over NFS needs the module nfsv4, which the initrd has not");
        x.facts.initrd.modules = (struct blob){(uint8_t *)modules, sizeof(modules) - 1};
        expect_none(&x);
        x.r.dom0_args = "dompool.nfs-dirs=/home=10.0.0.5:/x,/srv=10.0.0.5:/srv:3";
        expect_one(&x, GUARD_NFS_MODULE, GUARD_ERROR, "/srv over NFS needs the module nfsv3, which the initrd has not");
        x.facts.initrd.modules = (struct blob){(uint8_t *)none, sizeof(none) - 1};
        x.r.dom0_args = "dompool.nfs-dirs=/home=10.0.0.5:/x dompool.nfs-dirs="; /* a host's own word takes it back */
        expect_none(&x);
        x.r.dom0_args = "dompool.nfs-dirs=/home=filer:/x";
        expect_one(&x, GUARD_NFS_DIRS, GUARD_WARNING, "'filer' is no IPv4 address");
        x.r.dom0_args = "dompool.nfs-dirs=/home=10.0.0.5:/x";
        x.facts.initrd.modules = (struct blob){0}; /* not known */
        expect_none(&x);
}

static void
a_card_for_guests_that_the_machine_has_not(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.r.dom0_args = "dompool.guest-nic=other";
        expect_one(&x, GUARD_GUEST_NIC, GUARD_WARNING, "the machine has 1 network card, and none that is guest-nic other");
        x.r.dom0_args = "dompool.guest-nic=02:00:00:00:00:01";
        expect_one(&x, GUARD_GUEST_NIC, GUARD_WARNING, "is the network card that boots");
        x.r.dom0_args = "dompool.guest-nic=ohter/1";
        expect_one(&x, GUARD_GUEST_NIC, GUARD_WARNING, "guests will have no network card");
        x.r.dom0_args = "dompool.vlans=10,5000";
        expect_one(&x, GUARD_GUEST_NIC, GUARD_WARNING, "'5000' is no VLAN");
        x.r.dom0_args = "dompool.guest-nic=eth7"; /* what the image calls eth7 is not known */
        expect_none(&x);
        x.hardware.nics[x.hardware.n_nics++] =
                (struct hardware_nic){.mac = {{2, 0, 0, 0, 0, 2}}, .vendor = 0x10ec, .device = 0x8168};
        x.r.dom0_args = "dompool.guest-nic=other";
        expect_none(&x);
        x.r.dom0_args = "dompool.guest-nic=02:00:00:00:00:02";
        expect_none(&x);
        x.r.dom0_args = "dompool.guest-nic=02:00:00:00:00:03";
        expect_one(&x, GUARD_GUEST_NIC, GUARD_WARNING, "has 2 network cards, and none");
}

static void
a_network_card_whose_driver_needs_firmware_that_is_not_there(void **state)
{
        static char nics[] = "14e4:163b bnx2\n10ec:8168 r8169\n1077:1644 qede", lacking[] = "bnx2 r8169 qed";
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.initrd.nics = (struct blob){(uint8_t *)nics, sizeof(nics) - 1};
        x.facts.initrd.no_firmware = (struct blob){(uint8_t *)lacking, sizeof(lacking) - 1};
        expect_none(&x); /* r8169 works without */
        x.hardware.nics[0].vendor = 0x14e4;
        x.hardware.nics[0].device = 0x163b;
        expect_one(&x, GUARD_NIC_FIRMWARE, GUARD_DOUBT, "bnx2");
        x.hardware.nics[0].vendor = 0x1077;
        x.hardware.nics[0].device = 0x1644;
        expect_one(&x, GUARD_NIC_FIRMWARE, GUARD_DOUBT, "qede");
        x.facts.initrd.no_firmware.size = 0;
        expect_none(&x);
}

static void
too_little_memory_for_dom0(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.r.xen_args = "dom0_mem=80M";
        expect_one(&x, GUARD_DOM0_MEM_SMALL, GUARD_ERROR, "80M");
        x.r.xen_args = "dom0_mem=min:64M,180M,max:180M";
        expect_one(&x, GUARD_DOM0_MEM_SMALL, GUARD_ERROR, "180M");
        x.r.xen_args = "dom0_mem=400000"; /* KiB */
        expect_one(&x, GUARD_DOM0_MEM_UNIT, GUARD_WARNING, "390 MiB");
        x.r.xen_args = "dom0_mem=400"; /* surely meant as MiB */
        guard_check(&x.r, &x.report);
        assert_int_equal(x.report.n_findings, 2);
        assert_int_equal(x.report.findings[1].code, GUARD_DOM0_MEM_SMALL);
        x.r.xen_args = "dom0_mem=64M dom0_mem=400M"; /* the last one counts */
        expect_none(&x);
        x.r.xen_args = "dom0_mem=1G+5%"; /* a share of what there is */
        expect_none(&x);
        x.r.xen_args = "dom0_mem=8G";
        expect_one(&x, GUARD_DOM0_MEM_MACHINE, GUARD_DOUBT, "4096 MiB");
        x.r.xen_args = "";
        expect_none(&x);
}

/* As seen in the room: 256 MiB are enough for micro, with 224 the kernel says "Initramfs unpacking failed: write error". */
static void
an_initrd_needs_twice_its_size_while_it_is_unpacked(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.kernel.init_size = 66682880;
        x.facts.initrd.size = 15842304;
        x.facts.initrd.unpacked = 59949056;
        x.r.xen_args = "dom0_mem=224M,max:224M";
        expect_one(&x, GUARD_DOM0_MEM_SMALL, GUARD_ERROR,
                   "246 MiB are needed: kernel 116, packed 16, unpacked 58 in half of the rest");
        x.r.xen_args = "dom0_mem=256M,max:256M";
        expect_none(&x);
        x.r.xen_args = "dom0_mem=224M";
        x.r.dom0_args = "rootfstype=ramfs"; /* has no limit */
        expect_none(&x);
        x.r.xen_args = "dom0_mem=180M";
        expect_one(&x, GUARD_DOM0_MEM_SMALL, GUARD_ERROR, "188 MiB are needed: kernel 116, packed 16, unpacked 58");
}

/* What is unpacked is that initrd which the menu names: the whole Debian comes later, from its server. */
static void
a_small_initrd_needs_little_and_what_runs_needs_more(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.facts.initrd_root = x.facts.initrd;
        x.facts.initrd.unpacked = 400u << 20;
        x.facts.initrd_root.size = 7u << 20;
        x.facts.initrd_root.unpacked = 23u << 20;
        x.facts.initrd_root.modules = (struct blob){0}; /* which there are is not known */
        x.r.root = ROOT_NFS;
        x.r.xen_args = "dom0_mem=160M";
        expect_one(&x, GUARD_DOM0_MEM_SMALL, GUARD_ERROR, "169 MiB are needed");
        x.r.xen_args = "dom0_mem=170M";
        expect_one(&x, GUARD_DOM0_MEM_TIGHT, GUARD_DOUBT, "171 MiB");
        x.r.xen_args = "dom0_mem=192M";
        expect_none(&x);
}

static void
command_lines_that_are_too_long(void **state)
{
        struct room x;
        char args[400];

        (void)state;
        room_init(&x);
        x.r.args_refused = "Xen's arguments are too long";
        expect_one(&x, GUARD_ARGS_REFUSED, GUARD_ERROR, "local disk");
        room_init(&x);
        memset(args, 'a', sizeof(args) - 1);
        args[sizeof(args) - 1] = '\0';
        x.r.dom0_args = args;
        expect_none(&x);
        x.facts.kernel.cmdline_max = 255; /* Linux before 2.6.22 */
        expect_one(&x, GUARD_ARGS_KERNEL_LIMIT, GUARD_ERROR, "255");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_fits_has_no_finding),
                cmocka_unit_test(facts_that_are_not_known_refuse_nothing),
                cmocka_unit_test(a_file_that_is_no_kernel),
                cmocka_unit_test(a_kernel_of_another_architecture),
                cmocka_unit_test(a_kernel_without_xen_or_dom0),
                cmocka_unit_test(a_kernel_that_xen_cannot_unpack),
                cmocka_unit_test(an_initrd_that_the_kernel_cannot_unpack),
                cmocka_unit_test(an_initrd_that_is_cut_missing_or_without_init),
                cmocka_unit_test(modules_of_another_kernel),
                cmocka_unit_test(a_root_whose_modules_are_not_there),
                cmocka_unit_test(who_cannot_make_or_find_an_ibft_is_warned_of),
                cmocka_unit_test(roots_behind_a_satellite),
                cmocka_unit_test(a_satellite_that_names_no_router),
                cmocka_unit_test(transports_name_what_they_lack),
                cmocka_unit_test(a_xen_that_is_none_or_of_another_kind),
                cmocka_unit_test(an_ipxe_without_its_form_of_xen),
                cmocka_unit_test(pxelinux_before_2_12_or_in_pieces),
                cmocka_unit_test(grub_without_multiboot2),
                cmocka_unit_test(firmware_without_a_loader_and_wishes_that_it_cannot_run),
                cmocka_unit_test(a_cpu_without_long_mode_or_pae),
                cmocka_unit_test(a_network_card_without_driver),
                cmocka_unit_test(vlans_without_their_module),
                cmocka_unit_test(directories_over_nfs_without_their_module),
                cmocka_unit_test(a_card_for_guests_that_the_machine_has_not),
                cmocka_unit_test(a_network_card_whose_driver_needs_firmware_that_is_not_there),
                cmocka_unit_test(too_little_memory_for_dom0),
                cmocka_unit_test(an_initrd_needs_twice_its_size_while_it_is_unpacked),
                cmocka_unit_test(a_small_initrd_needs_little_and_what_runs_needs_more),
                cmocka_unit_test(command_lines_that_are_too_long),
        };

        return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
