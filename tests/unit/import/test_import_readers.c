/* SPDX-License-Identifier: Apache-2.0 */
/* Each reader on files as sites have them, and on what may go wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "test_io.h"

static struct import im;

static int
end(void **state)
{
        (void)state;
        import_deinit(&im);
        return 0;
}

static int
begin(void **state)
{
        (void)state;
        test_io_begin(&im, NULL);
        return 0;
}

static void
isc_dhcpd_with_groups_includes_and_conditions(void **state)
{
        (void)state;
        test_io_source(&im, "isc/dhcpd.conf");
        test_io_source(&im, "ethers");
        test_io_expect(&im, "host pc 52:54:00:20:00:06 - -: nothing\n"
                            "host lab-1 52:54:00:20:00:01 10.20.0.11 bios: chain 10.20.0.5 pxelinux.0\n"
                            "host lab-2 52:54:00:20:00:02 10.20.0.12 bios: chain 10.20.0.5 pxelinux.0\n"
                            "host office 52:54:00:20:00:03 10.20.0.13 bios: local\n"
                            "host mixed 52:54:00:20:00:04 10.20.0.14 any: chain 10.20.0.5 pxelinux.0\n"
                            "host named 52:54:00:20:00:05 - -: nothing\n"
                            "host pc-525400400002 52:54:00:40:00:02 10.20.0.42 -: nothing\n"
                            "ignored isc/dhcpd.conf:2: authoritative\n"
                            "ignored isc/dhcpd.conf:3: default-lease-time 600\n"
                            "ignored isc/dhcpd.conf:5: option domain-name-servers 10.20.0.1\n"
                            "not-understood isc/pc.conf:2: isc/missing.conf\n"
                            "not-applied isc/dhcpd.conf:21: subnet 10.20.0.0 netmask 255.255.255.0\n"
                            "not-applied isc/dhcpd.conf:23: range 10.20.0.100 10.20.0.199\n"
                            "ignored isc/dhcpd.conf:24: option routers 10.20.0.1\n"
                            "ignored isc/dhcpd.conf:25: on commit\n"
                            "not-applied isc/dhcpd.conf:31: fixed-address 10.20.0.12 10.20.1.12\n"
                            "warning isc/dhcpd.conf:31: lab-2.example.org\n"
                            "not-understood isc/dhcpd.conf:38: fixed-address named.example.org\n"
                            "not-understood isc/dhcpd.conf:38: next-server boot.example.org\n"
                            "not-understood isc/dhcpd.conf:39: host nomac\n"
                            "not-understood isc/dhcpd.conf:40: frobnicate 7\n"
                            "not-understood isc/dhcpd.conf:41: subclass rooms 1:52:54:00:20:00:09\n"
                            "not-understood isc/dhcpd.conf:17: option dhcp-client-identifier = x\n"
                            "not-understood ethers:4: 52:54:00:40:00:03\n"
                            "not-understood ethers:5: ff:ff:ff:ff:ff:ff\n");
}

static void
dnsmasq_with_tags_folder_and_tftp_tree(void **state)
{
        (void)state;
        test_io_source(&im, "dnsmasq/dnsmasq.conf");
        test_io_source(&im, "dnsmasq/dnsmasq.d");
        test_io_source(&im, "dnsmasq/tftp");
        test_io_expect(&im, "host lab-1 52:54:00:30:00:01 10.30.0.11 bios: xen xen-4.17-amd64.gz dom0_mem=1024M,max:1024M "
                            "noreboot --- vmlinuz console=hvc0 ro root=/dev/nfs quirk=1 --- initrd.img\n"
                            "host lab-2 52:54:00:30:00:02 10.30.0.12 any: local\n"
                            "host laptop 52:54:00:30:00:03 - any: chain 10.30.0.5 pxelinux.0\n"
                            "host laptop-2 52:54:00:30:00:04 - any: chain 10.30.0.5 pxelinux.0\n"
                            "ignored dnsmasq/dnsmasq.conf:2: interface\n"
                            "ignored dnsmasq/dnsmasq.conf:3: port\n"
                            "not-applied dnsmasq/dnsmasq.conf:4: dhcp-range=10.30.0.100,10.30.0.199\n"
                            "ignored dnsmasq/dnsmasq.conf:5: option:router\n"
                            "ignored dnsmasq/dnsmasq.conf:6: enable-tftp\n"
                            "not-understood dnsmasq/dnsmasq.conf:17: frobnicate\n"
                            "warning dnsmasq/dnsmasq.d/10-hosts.conf:3: laptop\n"
                            "not-understood dnsmasq/dnsmasq.d/10-hosts.conf:4: dhcp-host\n"
                            "not-applied dnsmasq/dnsmasq.d/10-hosts.conf:5: dhcp-host\n"
                            "warning dnsmasq/dnsmasq.d/10-hosts.conf:6: id:01:02:03\n"
                            "not-understood dnsmasq/dnsmasq.d/10-hosts.conf:6: byid\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/01-52-54-00-30-00-01:6: ro\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/01-52-54-00-30-00-01:6: root=/dev/nfs\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/0A1E0063:0: 0A1E0063\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d:0: "
                            "b8945908-d6a6-41a9-611d-74a6ab80b83d\n");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(isc_dhcpd_with_groups_includes_and_conditions),
                CASE(dnsmasq_with_tags_folder_and_tftp_tree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
