/* SPDX-License-Identifier: Apache-2.0 */
/* The seeds' own files: what was understood of them, to the last warning, and what dompool makes of their hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_io.h"

static struct import im;

/* 0: planned; @expected "PROFILE: XEN ARGS: KERNEL ARGS" */
static void
must_plan(size_t host, const char *expected)
{
        struct import_plan plan;
        char got[1200], why[300] = "";

        if (import_plan(&im, im.hosts[host], &plan, why, sizeof(why)))
                snprintf(got, sizeof(got), "left: %s", why);
        else
                snprintf(got, sizeof(got), "%s: %s: %s", plan.host.profile, plan.host.xen_args, plan.host.kernel_args);
        assert_string_equal(got, expected);
}

static void
s0_has_its_memory_in_kib_and_no_initrd(void **state)
{
        (void)state;
        test_io_source(&im, "s0");
        test_io_expect(&im, "host pc-00163e000050 00:16:3e:00:00:50 - -: xen xen.gz dom0_mem=192000K --- vmlinuz_xen "
                            "root=/dev/nfs devfs=mount ip=::::::dhcp nfsroot=10.0.0.20:/share/homeXen initrd=initrd_xen\n"
                            "warning s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: dom0_mem=192000\n"
                            "warning s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: initrd=initrd_xen\n"
                            "not-applied s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: dom0_mem=192000K\n"
                            "not-applied s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: root=/dev/nfs\n"
                            "not-applied s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: devfs=mount\n"
                            "not-applied s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: ip=::::::dhcp\n"
                            "not-applied s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: nfsroot=10.0.0.20:/share/homeXen\n"
                            "not-applied s0/pxelinux.cfg/01-00-16-3e-00-00-50:2: initrd=initrd_xen\n");
        test_io_expect_note(&im, "dom0_mem=192000", "KiB to Xen, so this is 187 MiB");
        test_io_expect_note(&im, "initrd=initrd_xen", "does not load it, so the kernel starts without any initrd");
        test_io_expect_note(&im, "initrd=initrd_xen", "load it as a module of its own");
        assert_int_equal(import_host_entry(&im, im.hosts[0])->dom0_mem_kib, 192000);
        must_plan(0, "pool: : ");
}

static void
s1_boots_xen_by_the_default_line(void **state)
{
        (void)state;
        test_io_source(&im, "s1/direct");
        test_io_expect(&im, "warning s1/direct/pxelinux.cfg/default:1: dom0_mem=258048\n"
                            "not-applied s1/direct/pxelinux.cfg/default:0: default\n");
        assert_int_equal(im.n_entries, 1);
        assert_int_equal(im.entries[0].dom0_mem_kib, 258048);
        assert_string_equal(im.entries[0].xen_args, "dom0_mem=258048K");
        assert_string_equal(im.entries[0].initrd, "initrd-2.6.10-xen0");
}

static void
s1_is_read_over_its_wrapped_lines_and_names_its_machine(void **state)
{
        (void)state;
        test_io_source(&im, "s1/wrapped");
        test_io_expect(&im,
                       "host pc-000d60d5d63b 00:0d:60:d5:d6:3b 10.0.0.99 -: xen boot/xen.gz nosmp noacpi --- boot/res-1-kernel "
                       "ramdisk_size=131072 ramdisk_blocksize=1024 console=ttyS0 apm=off id=1 qrm=10.0.1.1 "
                       "ip=10.0.0.99:10.0.1.1:10.0.0.1:255.0.0.0 BOOTIF=00:0d:60:d5:d6:3b --- boot/res-1-initrd.img\n"
                       "warning s1/wrapped/pxelinux.cfg/default:4: ramdisk_size=131072\n"
                       "warning s1/wrapped/pxelinux.cfg/default:5: qrm=10.0.1.1\n"
                       "warning s1/wrapped/pxelinux.cfg/default:6: BOOTIF=00:0d:60:d5:d6:3b\n"
                       "ignored s1/wrapped/pxelinux.cfg/default:7: ipappend\n"
                       "not-applied s1/wrapped/pxelinux.cfg/default:1: ramdisk_size=131072\n"
                       "not-applied s1/wrapped/pxelinux.cfg/default:1: ramdisk_blocksize=1024\n"
                       "not-applied s1/wrapped/pxelinux.cfg/default:1: ip=10.0.0.99:10.0.1.1:10.0.0.1:255.0.0.0\n"
                       "not-applied s1/wrapped/pxelinux.cfg/default:1: BOOTIF=00:0d:60:d5:d6:3b\n");
        must_plan(0, "pool: nosmp noacpi: console=ttyS0 apm=off id=1 qrm=10.0.1.1");
}

static void
s2_has_xen_arguments_and_no_entry(void **state)
{
        (void)state;
        test_io_source(&im, "s2/menu.lst");
        test_io_expect(&im, "not-applied s2/menu.lst:0: com2=115200,8n1 console=com2,vga\n"
                            "not-applied s2/menu.lst:0: menu.lst\n");
        assert_string_equal(im.menus->kernel_args, "console=tty0 console=hvc0");
}

static void
s3_boots_the_terminal_server_by_default(void **state)
{
        (void)state;
        test_io_source(&im, "s3/dhcpd.conf");
        test_io_source(&im, "192.168.0.100=s3/infolab");
        test_io_source(&im, "192.168.0.5=s3/virtdom");
        test_io_expect(&im, "host post01 00:11:2f:a8:b4:d4 192.168.0.101 bios: linux /kernel/ltsp-2.6.17.8 rw root=/dev/ram0 "
                            "initrd /initrd/ltsp-2.6.17.8.gz\n"
                            "ignored s3/dhcpd.conf:12: option vendor-class-identifier PXEClient\n"
                            "ignored s3/dhcpd.conf:13: vendor-option-space PXE\n"
                            "ignored s3/dhcpd.conf:14: option PXE.mtftp-ip 0.0.0.0\n"
                            "not-applied s3/infolab/grub/post01.conf:0: post01.conf\n");
        must_plan(0, "left: its loader pxegrub wants the menu's name by DHCP, which a chain profile does not send");
}

static void
s3_switched_to_the_pool_is_followed_to_the_second_server(void **state)
{
        (void)state;
        test_io_source(&im, "s3/dhcpd.conf");
        test_io_source(&im, "192.168.0.5=s3/virtdom");
        test_io_source(&im, "192.168.0.100=s3/ondemand");
        test_io_expect(&im,

                       "host post01 00:11:2f:a8:b4:d4 192.168.0.101 bios: xen /hypervisors/xen-3.1.gz dom0_mem=32M --- "
                       "/kernels/kernel-2.6.20-xen-r6-pIV-rltk ip=dhcp root=/dev/nfs nfsroot=192.168.0.5:/opt/ondemand/root\n"
                       "ignored s3/dhcpd.conf:12: option vendor-class-identifier PXEClient\n"
                       "ignored s3/dhcpd.conf:13: vendor-option-space PXE\n"
                       "ignored s3/dhcpd.conf:14: option PXE.mtftp-ip 0.0.0.0\n"
                       "not-applied s3/ondemand/grub/post01.conf:0: post01.conf\n"
                       "not-applied s3/virtdom/grub/post01.conf:4: dom0_mem=32M\n"
                       "not-applied s3/virtdom/grub/post01.conf:4: ip=dhcp\n"
                       "not-applied s3/virtdom/grub/post01.conf:4: root=/dev/nfs\n"
                       "not-applied s3/virtdom/grub/post01.conf:4: nfsroot=192.168.0.5:/opt/ondemand/root\n");
        must_plan(0, "pool: : ");
        assert_true(im.menus->password);
        assert_true(im.entries[1].password);
}

static void
s3_without_its_menus_is_known_by_its_loader(void **state)
{
        (void)state;
        test_io_source(&im, "s3/dhcpd.conf");
        test_io_expect(&im, "host post01 00:11:2f:a8:b4:d4 192.168.0.101 bios: chain 192.168.0.100 pxegrub\n"
                            "ignored s3/dhcpd.conf:12: option vendor-class-identifier PXEClient\n"
                            "ignored s3/dhcpd.conf:13: vendor-option-space PXE\n"
                            "ignored s3/dhcpd.conf:14: option PXE.mtftp-ip 0.0.0.0\n");
}

static void
no_password_is_kept(void **state)
{
        json_t *json;
        char *text;

        (void)state;
        test_io_source(&im, "192.168.0.100=s3/infolab");
        test_io_source(&im, "s3/infolab/grub/post01.conf");
        json = import_json(&im);
        text = json_dumps(json, 0);
        assert_non_null(strstr(text, "\"password\": true"));
        assert_null(strstr(text, "xxxxx"));
        free(text);
        json_decref(json);
}

#define CASE(f) cmocka_unit_test_prestate_setup_teardown(f, test_io_setup, test_io_teardown, &im)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(s0_has_its_memory_in_kib_and_no_initrd),
                CASE(s1_boots_xen_by_the_default_line),
                CASE(s1_is_read_over_its_wrapped_lines_and_names_its_machine),
                CASE(s2_has_xen_arguments_and_no_entry),
                CASE(s3_boots_the_terminal_server_by_default),
                CASE(s3_switched_to_the_pool_is_followed_to_the_second_server),
                CASE(s3_without_its_menus_is_known_by_its_loader),
                CASE(no_password_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
