/* SPDX-License-Identifier: Apache-2.0 */
/* Each finding of the guards about kernel, initrd, root, Xen and loader: what brings it about, and that nothing else does. */
#include "guard_room.h"

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
a_root_that_the_server_knows_to_be_damaged_is_refused(void **state)
{
        struct room x;

        (void)state;
        room_init(&x);
        x.r.root_damage = "";
        expect_none(&x);
        x.r.root_damage = "its root.squashfs is not the one of its manifest";
        expect_one(&x, GUARD_ROOT_DAMAGED, GUARD_ERROR, "of image micro is damaged: its root.squashfs is not");
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
                cmocka_unit_test(a_root_that_the_server_knows_to_be_damaged_is_refused),
                cmocka_unit_test(who_cannot_make_or_find_an_ibft_is_warned_of),
                cmocka_unit_test(roots_behind_a_satellite),
                cmocka_unit_test(a_satellite_that_names_no_router),
                cmocka_unit_test(transports_name_what_they_lack),
                cmocka_unit_test(a_xen_that_is_none_or_of_another_kind),
                cmocka_unit_test(an_ipxe_without_its_form_of_xen),
                cmocka_unit_test(pxelinux_before_2_12_or_in_pieces),
                cmocka_unit_test(grub_without_multiboot2),
                cmocka_unit_test(firmware_without_a_loader_and_wishes_that_it_cannot_run),
        };

        return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
