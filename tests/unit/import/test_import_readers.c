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
                            "not-applied dnsmasq/tftp/pxelinux.cfg/01-52-54-00-30-00-01:0: 01-52-54-00-30-00-01\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/01-52-54-00-30-00-01:6: ro\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/01-52-54-00-30-00-01:6: root=/dev/nfs\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/0A1E0063:0: 0A1E0063\n"
                            "not-applied dnsmasq/tftp/pxelinux.cfg/b8945908-d6a6-41a9-611d-74a6ab80b83d:0: "
                            "b8945908-d6a6-41a9-611d-74a6ab80b83d\n");
}

/* Reads the texts, the first one as the argument, and expects all that comes of it. */
static void
must_give(const struct test_file *files, const char *expected)
{
        test_io_begin(&im, files);
        test_io_source(&im, files[0].path);
        test_io_expect(&im, expected);
}

static void
pxelinux_labels_boot_what_their_modules_do(void **state)
{
        static const struct test_file files[] = {
                {"t/pxelinux.cfg/01-52-54-00-00-00-01",
                 "DEFAULT b\nAPPEND global\nLABEL a\nKERNEL vmlinuz\nLABEL b\n  LINUX v\n  APPEND -\n  INITRD i\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-02",
                 "DEFAULT vesamenu.c32\nLABEL a\nLOCALBOOT 0\nLABEL b\nMENU LABEL Next ^server\nMENU DEFAULT\nKERNEL "
                 "pxechn.c32\nAPPEND 10.0.0.9::lts/pxelinux.0\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-03", "DEFAULT a\nLABEL a\nKERNEL chain.c32\nAPPEND hd0 0\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-04", "DEFAULT a\nLABEL a\nCONFIG pxelinux.cfg/01-52-54-00-00-00-03\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-05",
                 "DEFAULT a\nLABEL a\nKERNEL memdisk\nAPPEND x.img\nnonsense here\nLABEL e\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-06", "DEFAULT a\nLABEL a\nBOOT other/pxelinux.0\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-07", "DEFAULT menu.c32\nONTIMEOUT b\nLABEL a\nLINUX x\nLABEL b\nLINUX y\n"},
                {"t/pxelinux.cfg/01-52-54-00-00-00-08",
                 "DEFAULT a\nLABEL a\nKERNEL mboot.c32\nAPPEND esx.gz --- b --- c --- d\n"},
                {"t/pxelinux.cfg/README", "default x\n"},
                {NULL, NULL},
        };

        (void)state;
        test_io_begin(&im, files);
        test_io_source(&im, "t");
        test_io_expect(&im, "host pc-525400000001 52:54:00:00:00:01 - -: linux v initrd i\n"
                            "host pc-525400000002 52:54:00:00:00:02 - -: chain 10.0.0.9 lts/pxelinux.0\n"
                            "host pc-525400000003 52:54:00:00:00:03 - -: local\n"
                            "host pc-525400000004 52:54:00:00:00:04 - -: local\n"
                            "host pc-525400000005 52:54:00:00:00:05 - -: other memdisk\n"
                            "host pc-525400000006 52:54:00:00:00:06 - -: chain other/pxelinux.0\n"
                            "host pc-525400000007 52:54:00:00:00:07 - -: linux y\n"
                            "host pc-525400000008 52:54:00:00:00:08 - -: other esx.gz --- b --- c\n"
                            "not-understood t/pxelinux.cfg/01-52-54-00-00-00-05:5: nonsense\n"
                            "not-understood t/pxelinux.cfg/01-52-54-00-00-00-05:2: memdisk\n"
                            "warning t/pxelinux.cfg/01-52-54-00-00-00-05:6: e\n"
                            "warning t/pxelinux.cfg/01-52-54-00-00-00-08:2: d\n"
                            "not-understood t/pxelinux.cfg/01-52-54-00-00-00-08:2: esx.gz\n"
                            "not-applied t/pxelinux.cfg/01-52-54-00-00-00-01:0: 01-52-54-00-00-00-01\n"
                            "not-applied t/pxelinux.cfg/01-52-54-00-00-00-02:0: 01-52-54-00-00-00-02\n"
                            "not-applied t/pxelinux.cfg/01-52-54-00-00-00-07:0: 01-52-54-00-00-00-07\n");
}

static void
pxelinux_looks_by_mac_then_by_ever_less_of_the_address_then_for_default(void **state)
{
        static const struct test_file files[] = {
                {"dhcpd.conf", "next-server 10.0.0.9; group { filename \"b/pxelinux.0\";"
                               "host mac { hardware ethernet 52:54:00:00:00:01; fixed-address 10.0.0.1; }"
                               "host full { hardware ethernet 52:54:00:00:00:02; fixed-address 10.0.0.2; }"
                               "host part { hardware ethernet 52:54:00:00:00:03; fixed-address 10.1.0.3; }"
                               "host rest { hardware ethernet 52:54:00:00:00:04; fixed-address 192.168.0.4; } }"
                               "host none { hardware ethernet 52:54:00:00:00:05; fixed-address 192.168.0.5; }"},
                {"t/b/pxelinux.cfg/01-52-54-00-00-00-01", "DEFAULT by-mac\n"},
                {"t/b/pxelinux.cfg/0A000002", "DEFAULT by-address\n"},
                {"t/b/pxelinux.cfg/0A00", "DEFAULT by-four\n"},
                {"t/b/pxelinux.cfg/0A", "DEFAULT by-two\n"},
                {"t/b/pxelinux.cfg/default", "DEFAULT by-default\n"},
                {NULL, NULL},
        };

        (void)state;
        test_io_begin(&im, files);
        test_io_source(&im, "dhcpd.conf");
        test_io_source(&im, "t");
        test_io_expect(&im, "host mac 52:54:00:00:00:01 10.0.0.1 bios: linux by-mac\n"
                            "host full 52:54:00:00:00:02 10.0.0.2 bios: linux by-address\n"
                            "host part 52:54:00:00:00:03 10.1.0.3 bios: linux by-two\n"
                            "host rest 52:54:00:00:00:04 192.168.0.4 bios: linux by-default\n"
                            "host none 52:54:00:00:00:05 192.168.0.5 -: nothing\n");
}

static void
a_host_without_a_boot_file_is_not_taken_to_boot_the_default(void **state)
{
        static const struct test_file files[] = {{"ethers", "52:54:00:00:00:01 pc\n"},
                                                 {"t/pxelinux.cfg/default", "DEFAULT mboot.c32 xen.gz --- v\n"},
                                                 {NULL, NULL}};

        (void)state;
        test_io_begin(&im, files);
        test_io_source(&im, "ethers");
        test_io_source(&im, "t");
        test_io_expect(&im, "host pc 52:54:00:00:00:01 - -: nothing\n"
                            "not-applied t/pxelinux.cfg/default:0: default\n");
}

static void
grub_menus_tell_network_from_disk(void **state)
{
        static const struct test_file files[] = {
                {"a/menu.lst",
                 "default=1\ntimeout 5\ntitle disk\nrootnoverify (hd0,0)\nchainloader +1\n"
                 "title xen\nroot (hd0,1)\nkernel --type=multiboot /xen.gz dom0_mem=min:65536,max:1G,1G\nmodule /v\nmodule /i\n"
                 "title old (not tried)\nkernel (nd)/linux a\ninitrd (nd)/i\nfrobnicate\n"
                 "title lost\nmodule x\nroot (cd)\ntftpserver name\n"},
                {NULL, NULL},
        };

        (void)state;
        must_give(files, "warning a/menu.lst:6: dom0_mem=min:65536,max:1G,1G\n"
                         "warning a/menu.lst:6: xen\n"
                         "not-understood a/menu.lst:14: frobnicate\n"
                         "not-understood a/menu.lst:16: module\n"
                         "not-understood a/menu.lst:17: (cd)\n"
                         "not-understood a/menu.lst:18: tftpserver\n"
                         "warning a/menu.lst:15: lost\n"
                         "not-applied a/menu.lst:0: menu.lst\n");
        assert_int_equal(im.entries[0].boot, IMPORT_BOOT_LOCAL);
        assert_int_equal(im.entries[1].boot, IMPORT_BOOT_LOCAL);
        assert_string_equal(im.entries[1].xen_args, "dom0_mem=min:65536K,max:1G,1G");
        assert_int_equal(im.entries[2].boot, IMPORT_BOOT_LINUX);
        assert_string_equal(im.entries[2].initrd, "/i");
        assert_int_equal(im.menus->default_entry, 1);
}

static void
a_menu_of_grub_2_is_named_as_such(void **state)
{
        static const struct test_file files[] = {{"grub.conf", "set timeout=5\nmenuentry x {\n}\n"}, {NULL, NULL}};

        (void)state;
        test_io_begin(&im, files);
        test_io_source(&im, "grub.conf");
        test_io_expect_note(&im, "menuentry", "this is GRUB 2");
}

static void
dnsmasq_lines_with_later_and_tagged_ones_before_others(void **state)
{
        static const struct test_file files[] = {
                {"x/dnsmasq.conf", "dhcp-hostsfile=/etc/hosts.dhcp\ndhcp-mac=set:vm,52:54:00:*:*:*\ndhcp-boot=old.0,,10.0.0.1\n"
                                   "dhcp-boot=new.0,,10.0.0.1\ndhcp-boot=tag:vm,tag:!desk,vm.0,,10.0.0.2\n"
                                   "dhcp-range=10.0.0.0,proxy\nconf-script=/bin/x\ndhcp-option=tag:menu,209,m.cfg\n"
                                   "dhcp-option=tag:menu,210,/p/ # where\ndhcp-option=17,/root\n"},
                {"x/hosts.dhcp",
                 "52:54:00:00:00:01,vm1\n# none\n00:11:22:33:44:55,pc1,10.0.0.5\n52:54:00:00:00:02,set:desk,set:menu,vm2\n"},
                {NULL, NULL},
        };

        (void)state;
        must_give(files, "host vm1 52:54:00:00:00:01 - bios: chain 10.0.0.2 vm.0\n"
                         "host pc1 00:11:22:33:44:55 10.0.0.5 bios: chain 10.0.0.1 new.0\n"
                         "host vm2 52:54:00:00:00:02 - bios: chain 10.0.0.1 new.0\n"
                         "warning x/dnsmasq.conf:1: /etc/hosts.dhcp\n"
                         "not-applied x/dnsmasq.conf:6: dhcp-range=10.0.0.0,proxy\n"
                         "not-understood x/dnsmasq.conf:7: conf-script\n"
                         "not-applied x/dnsmasq.conf:10: 17\n");
        assert_string_equal(im.hosts[2]->loaders[0].config, "/p/m.cfg");
}

static void
dnsmasq_reads_the_files_of_a_folder_that_it_asks_for(void **state)
{
        static const struct test_file files[] = {
                {"dnsmasq.conf", "conf-dir=d,*.conf,.old.conf\nconf-dir=e,.bak\n"},
                {"d/a.conf", "dhcp-host=52:54:00:00:00:01,a\n"},
                {"d/b.old.conf", "dhcp-host=52:54:00:00:00:02,b\n"},
                {"d/c", "dhcp-host=52:54:00:00:00:03,c\n"},
                {"e/f.bak", "dhcp-host=52:54:00:00:00:04,f\n"},
                {"e/g", "dhcp-host=52:54:00:00:00:05,g\n"},
                {NULL, NULL},
        };

        (void)state;
        must_give(files, "host a 52:54:00:00:00:01 - -: nothing\n"
                         "host g 52:54:00:00:00:05 - -: nothing\n");
}

static void
dnsmasq_services_serve_kinds_of_firmware(void **state)
{
        static const struct test_file files[] = {
                {"dnsmasq.conf",
                 "pxe-service=x86PC,\"Boot, now\",boot/pxelinux,10.0.0.1\npxe-service=X86-64_EFI,UEFI,shim.efi\n"
                 "pxe-service=x86PC,\"Disk\",0\npxe-service=Alpha,x,y\ndhcp-host=52:54:00:00:00:01,a\n"},
                {NULL, NULL},
        };

        (void)state;
        must_give(files, "host a 52:54:00:00:00:01 - any: chain 10.0.0.1 boot/pxelinux.0\n"
                         "warning dnsmasq.conf:3: pxe-service\n"
                         "not-understood dnsmasq.conf:4: Alpha\n");
        assert_int_equal(im.hosts[0]->n_loaders, 3);
        assert_string_equal(im.hosts[0]->loaders[1].file, "shim.efi");
}

static void
the_same_machine_is_one_host_and_names_are_unique(void **state)
{
        static const struct test_file files[] = {
                {"ethers", "52:54:00:00:00:01 10.0.0.1\n52:54:0:0:0:1 pc\n52:54:00:00:00:01 10.0.0.9\n52:54:00:00:00:02 pc\n"
                           "52:54:00:00:00:03 d\xc3\xa9j\xff\n52:54:00:00:00:04 -x\n"},
                {NULL, NULL},
        };

        (void)state;
        must_give(files, "host pc 52:54:00:00:00:01 10.0.0.1 -: nothing\n"
                         "host pc-2 52:54:00:00:00:02 - -: nothing\n"
                         "host d--j- 52:54:00:00:00:03 - -: nothing\n"
                         "host x 52:54:00:00:00:04 - -: nothing\n"
                         "not-applied ethers:3: 10.0.0.9\n"
                         "warning ethers:4: pc\n"
                         "warning ethers:5: déj?\n"
                         "warning ethers:6: -x\n");
}

static void
includes_are_found_beside_their_file_and_cycles_end(void **state)
{
        static const struct test_file copied[] = {
                {"old/dhcpd.conf", "include \"/etc/dhcp/room.conf\";\nfilename \"x.0\";\nnext-server 10.0.0.1;\n"},
                {"old/room.conf", "host a { hardware ethernet 52:54:00:00:00:01; }\n"},
                {NULL, NULL},
        };
        static const struct test_file cycle[] = {{"dhcpd.conf", "include \"dhcpd.conf\";\n"}, {NULL, NULL}};
        struct error err;

        (void)state;
        must_give(copied, "host a 52:54:00:00:00:01 - bios: chain 10.0.0.1 x.0\n"
                          "warning old/dhcpd.conf:1: /etc/dhcp/room.conf\n");
        import_deinit(&im);
        test_io_begin(&im, cycle);
        assert_true(import_source(&im, "dhcpd.conf", NULL, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
}

static void
kinds_of_files_are_guessed_or_asked_for(void **state)
{
        static const struct test_file files[] = {
                {"a", "# x\ntitle y\n"}, {"b", "52:54:00:00:00:01 pc\n"}, {"c", "LABEL x\n"}, {"d", "dhcp-host=1\n"},
                {"e", "host x { }\n"},   {"f", "nothing known\n"},        {NULL, NULL},
        };
        struct error err;

        (void)state;
        test_io_begin(&im, files);
        for (const char *name = "a\0b\0c\0d\0e\0"; *name; name += 2)
                test_io_source(&im, name);
        assert_true(import_source(&im, "f", NULL, &err) < 0);
        assert_non_null(strstr(err.message, "say --format"));
        assert_true(import_source(&im, "f", "xml", &err) < 0);
        assert_int_equal(err.code, ERR_USAGE);
        assert_true(import_source(&im, "nowhere", NULL, &err) < 0);
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_true(import_source(&im, "10.0.0.1=a", NULL, &err) < 0);
        assert_int_equal(err.code, ERR_USAGE);
}

static void
more_hosts_than_the_limit_are_refused(void **state)
{
        static char text[(IMPORT_MAX_HOSTS + 1) * 32];
        static const struct test_file files[] = {{"ethers", text}, {NULL, NULL}};
        struct error err;
        char *p = text;

        (void)state;
        for (unsigned i = 0; i <= IMPORT_MAX_HOSTS; i++)
                p += sprintf(p, "52:54:00:%02x:%02x:%02x h%u\n", i >> 16, i >> 8 & 255, i & 255, i);
        test_io_begin(&im, files);
        assert_true(import_source(&im, "ethers", NULL, &err) < 0);
        assert_int_equal(err.code, ERR_LIMIT);
        assert_int_equal(im.n_hosts, IMPORT_MAX_HOSTS);
}

static void
notes_beyond_the_limit_are_counted(void **state)
{
        static char text[(IMPORT_MAX_NOTES + 5) * 12];
        static const struct test_file files[] = {{"ethers", text}, {NULL, NULL}};
        char *p = text;

        (void)state;
        for (unsigned i = 0; i < IMPORT_MAX_NOTES + 5; i++)
                p += sprintf(p, "bad%u\n", i);
        test_io_begin(&im, files);
        test_io_source(&im, "ethers");
        assert_int_equal(im.n_notes, IMPORT_MAX_NOTES);
        assert_int_equal(im.n_notes_lost, 5);
}

static void
a_loader_of_the_old_server_becomes_a_chain_profile_only_when_it_is_one(void **state)
{
        static const struct {
                const char *conf, *name, *why;
        } cases[] = {
                {"next-server 10.0.0.1; filename \"a/lpxelinux.0\";", "chain-10.0.0.1-a-lpxelinux.0", ""},
                {"filename \"x.0\";", "", "whose address no file tells"},
                {"next-server 10.0.0.1; filename \"x.0\"; option option-209 \"m\";", "", "wants the menu's name by DHCP"},
                {"next-server 10.0.0.1; if option arch = 00:07 { filename \"x.efi\"; } else { filename \"x.0\"; }", "",
                 "each kind of firmware has its own boot file"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char text[400], why[300] = "";
                const struct test_file files[] = {{"dhcpd.conf", text}, {NULL, NULL}};
                struct import_plan plan = {0};
                struct error err;

                snprintf(text, sizeof(text), "host a { hardware ethernet 52:54:00:00:00:01; %s }", cases[i].conf);
                test_io_begin(&im, files);
                test_io_source(&im, "dhcpd.conf");
                assert_int_equal(import_finish(&im, &err), 0);
                assert_int_equal(import_plan(&im, im.hosts[0], &plan, why, sizeof(why)), *cases[i].name ? 0 : 1);
                assert_string_equal(plan.profile.name, cases[i].name);
                if (!strstr(why, cases[i].why))
                        fail_msg("%s: %s", cases[i].conf, why);
                import_deinit(&im);
        }
}

#define CASE(f) cmocka_unit_test_prestate_setup_teardown(f, test_io_setup, test_io_teardown, &im)

int
main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(isc_dhcpd_with_groups_includes_and_conditions),
                CASE(dnsmasq_with_tags_folder_and_tftp_tree),
                CASE(dnsmasq_lines_with_later_and_tagged_ones_before_others),
                CASE(dnsmasq_reads_the_files_of_a_folder_that_it_asks_for),
                CASE(dnsmasq_services_serve_kinds_of_firmware),
                CASE(pxelinux_labels_boot_what_their_modules_do),
                CASE(pxelinux_looks_by_mac_then_by_ever_less_of_the_address_then_for_default),
                CASE(a_host_without_a_boot_file_is_not_taken_to_boot_the_default),
                CASE(grub_menus_tell_network_from_disk),
                CASE(a_menu_of_grub_2_is_named_as_such),
                CASE(the_same_machine_is_one_host_and_names_are_unique),
                CASE(includes_are_found_beside_their_file_and_cycles_end),
                CASE(kinds_of_files_are_guessed_or_asked_for),
                CASE(more_hosts_than_the_limit_are_refused),
                CASE(notes_beyond_the_limit_are_counted),
                CASE(a_loader_of_the_old_server_becomes_a_chain_profile_only_when_it_is_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
