/* SPDX-License-Identifier: Apache-2.0 */
/* What an xl.cfg means: keys to the typed configuration, refusals with file and line, notes for what has no effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xlcfg/xlcfg.h"
#include "xlcfg/xlcfg_doc.h"

#define BASE "name='g'\nkernel='k'\n" /* two lines that make a file complete */

static struct domain_config config;
static struct xlcfg_notes notes;
static struct error err;

static int
read_text(const char *text)
{
        return xlcfg_read("vm.cfg", text, strlen(text), &config, &notes, &err);
}

static void
must_read(const char *text)
{
        if (read_text(text))
                fail_msg("refused: %s", err.message);
}

static void
must_refuse(const char *text, enum error_code code, const char *words)
{
        if (!read_text(text))
                fail_msg("read: %s", text);
        if (err.code != code || !strstr(err.message, words))
                fail_msg("'%s' is refused as %s: %s; expected %s", text, error_text(err.code), err.message, words);
}

static void
must_note(unsigned line, const char *words)
{
        for (uint32_t i = 0; i < notes.n; i++)
                if (notes.notes[i].line == line && strstr(notes.notes[i].text, words))
                        return;
        fail_msg("no note in line %u with '%s'", line, words);
}

static int
read_file(const char *name)
{
        char path[1024];
        static char text[XLCFG_MAX_SIZE];
        size_t n;
        FILE *f;

        snprintf(path, sizeof(path), "%s/tests/data/xlcfg/%s", getenv("SOURCE_ROOT"), name);
        f = fopen(path, "rb");
        assert_non_null(f);
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
        return xlcfg_read(name, text, n, &config, &notes, &err);
}

static void
every_honoured_key_reaches_its_field(void **state)
{
        static const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                         0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
        static const struct mac mac = {{0x00, 0x16, 0x3e, 0x01, 0x02, 0x03}};

        (void)state;
        if (read_file("pvh.cfg"))
                fail_msg("%s", err.message);
        assert_int_equal(notes.n, 0);
        assert_string_equal(config.name, "web-1");
        assert_int_equal(config.type, DOMAIN_PVH);
        assert_memory_equal(config.uuid, uuid, sizeof(uuid));
        assert_int_equal(config.memory_kib, 256 << 10);
        assert_int_equal(config.maxmem_kib, 512 << 10);
        assert_int_equal(config.vcpus, 2);
        assert_int_equal(config.maxvcpus, 4);
        assert_string_equal(config.kernel.path, "vmlinuz");
        assert_string_equal(config.ramdisk.path, "initrd");
        assert_string_equal(config.cmdline, "root=/dev/ram0 ro console=hvc0 quiet");
        assert_int_equal(config.on_poweroff, ACTION_PRESERVE);
        assert_int_equal(config.on_reboot, ACTION_RENAME_RESTART);
        assert_int_equal(config.on_crash, ACTION_COREDUMP_RESTART);
        assert_int_equal(config.n_vifs, 2);
        assert_memory_equal(&config.vifs[0].mac, &mac, sizeof(mac));
        assert_string_equal(config.vifs[0].bridge, "xenbr0");
        assert_int_equal(config.vifs[0].ip, 0x0a000007);
        assert_string_equal(config.vifs[0].model, "e1000");
        assert_int_equal(config.vifs[0].rate_bytes, 200000);
        assert_int_equal(config.vifs[0].rate_interval_us, 20000);
        assert_string_equal(config.vifs[1].bridge, "");
        assert_int_equal(config.n_disks, 1);
        assert_string_equal(config.disks[0].target, "/srv/a,b.qcow2");
        assert_string_equal(config.disks[0].format, "qcow2");
        assert_true(config.disks[0].readonly);
        assert_true(config.localtime && config.nestedhvm);
        assert_false(config.acpi || config.apic || config.pae);
}

static void
a_short_file_gets_xls_defaults(void **state)
{
        (void)state;
        must_read(BASE);
        assert_int_equal(notes.n, 0);
        assert_int_equal(config.type, DOMAIN_PV);
        assert_int_equal(config.vcpus, 1);
        assert_int_equal(config.on_poweroff, ACTION_DESTROY);
        assert_int_equal(config.on_reboot, ACTION_RESTART);
        assert_int_equal(config.on_crash, ACTION_DESTROY);
        must_read(BASE "maxmem=64");
        assert_int_equal(config.memory_kib, 64 << 10);
}

static void
the_seeds_guest_of_s4_is_read_and_its_last_extra_wins(void **state)
{
        (void)state;
        if (read_file("s4-centos7.cfg"))
                fail_msg("%s", err.message);
        assert_string_equal(config.name, "CentOS");
        assert_int_equal(config.type, DOMAIN_PV);
        assert_int_equal(config.memory_kib, 3800 << 10);
        assert_non_null(strstr(config.cmdline, "inst.repo="));
        assert_null(strstr(config.cmdline, "xencons"));
        assert_int_equal(config.n_disks, 1);
        assert_string_equal(config.disks[0].vdev, "xvda");
        assert_string_equal(config.vifs[0].bridge, "bridge0");
        must_note(5, "given again in line 6");
        must_note(14, "usbdevice");
        must_note(17, "vnc");
}

static void
the_seeds_guest_of_s2_is_read_with_a_note_for_each_key_of_xm(void **state)
{
        (void)state;
        if (read_file("s2-lenny.cfg"))
                fail_msg("%s", err.message);
        assert_string_equal(config.cmdline, "root=/dev/sda2 ro");
        assert_int_equal(config.n_disks, 2);
        assert_string_equal(config.disks[1].target, "/etc/xen/mbr/test-drbd-sda");
        assert_int_equal(config.on_crash, ACTION_RESTART);
        must_note(9, "graphical");
        must_note(10, "ip=dhcp");
        must_note(11, "hostname");
        assert_int_equal(notes.n, 3);
}

static void
a_boot_loader_is_refused_because_another_guest_would_start(void **state)
{
        (void)state;
        assert_int_not_equal(read_file("s2-pygrub.cfg"), 0);
        assert_int_equal(err.code, ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, "s2-pygrub.cfg:2: bootloader"));
}

static void
a_python_file_of_xm_is_named_as_such(void **state)
{
        (void)state;
        assert_int_not_equal(read_file("xm-python.cfg"), 0);
        assert_int_equal(err.code, ERR_CONFIG);
        assert_non_null(strstr(err.message, "xm-python.cfg:2: not xl.cfg: Python"));
        must_refuse("name = 'vm%d' % 3\n", ERR_CONFIG, "vm.cfg:1: not xl.cfg: Python expression at '%'");
        must_refuse("name = arch\n", ERR_CONFIG, "no variables");
        must_refuse("acpi = True\n", ERR_CONFIG, "true is 1");
}

static void
errors_name_file_and_line(void **state)
{
        (void)state;
        must_refuse("\n\nname = 'a\n", ERR_CONFIG, "vm.cfg:3: string without its closing '");
        must_refuse(BASE "vcpus=0", ERR_CONFIG, "vm.cfg:3: vcpus=0: must be 1 to 128");
        must_refuse(BASE "vcpus='2x'", ERR_CONFIG, "vm.cfg:3: vcpus=\"2x\": not a number");
        must_refuse(BASE "vcpus=99999999999999999999", ERR_CONFIG, "must be 1 to 128");
        must_refuse(BASE "memory=64\nmemory+=64", ERR_CONFIG, "vm.cfg:4: memory is a number");
        must_refuse(BASE "memory=[64]", ERR_CONFIG, "vm.cfg:3: memory is a list");
        must_refuse(BASE "vif='bridge=x'", ERR_CONFIG, "vm.cfg:3: vif must be a list");
        must_refuse(BASE "vif=['',\n['']]", ERR_CONFIG, "vm.cfg:4: vif: each entry");
        must_refuse(BASE "on_crash='explode'", ERR_CONFIG, "vm.cfg:3: on_crash=\"explode\": must be destroy, restart");
        must_refuse(BASE "uuid='12'", ERR_CONFIG, "vm.cfg:3: uuid=");
        must_refuse("kernel='k'", ERR_CONFIG, "vm.cfg: the domain has no name");
        must_refuse("name='g'", ERR_CONFIG, "vm.cfg: domain 'g' is pv and has no kernel");
        must_refuse("name='a b'\nkernel='k'", ERR_CONFIG, "vm.cfg: domain name 'a b'");
        must_refuse(BASE "memory=64\nmaxmem=32", ERR_CONFIG, "maxmem");
        must_refuse("name='a\\x41'", ERR_CONFIG, "escape \\x");
        must_refuse(BASE "extra='\\n'", ERR_CONFIG, "control character (byte 0x0a)");
        must_refuse(BASE "extra='\xff'", ERR_CONFIG, "not UTF-8");
        must_refuse("name='g'\r\n", ERR_CONFIG, "DOS line end");
}

static void
type_and_builder_follow_xl_and_contradictions_are_refused(void **state)
{
        (void)state;
        must_read(BASE "builder='generic'");
        assert_int_equal(config.type, DOMAIN_PV);
        must_read(BASE "builder='linux'");
        must_note(3, "xm's word");
        must_read(BASE "pvh=1");
        assert_int_equal(config.type, DOMAIN_PVH);
        must_note(3, "old word");
        must_read(BASE "type='pvh'\npvh=1");
        must_read(BASE "pvh=0");
        assert_int_equal(config.type, DOMAIN_PV);
        must_refuse(BASE "type='pvh'\nbuilder='generic'", ERR_CONFIG, "contradicts");
        must_refuse(BASE "type='pv'\npvh=1", ERR_CONFIG, "contradicts");
        must_refuse(BASE "type='xen'", ERR_CONFIG, "must be \"pv\"");
        must_refuse(BASE "builder='p'", ERR_CONFIG, "generic");
        must_refuse(BASE "type='pvh'\nbuilder='hvm'", ERR_CONFIG, "contradicts");
}

static void
an_hvm_guest_has_vnc_unless_it_says_no(void **state)
{
        (void)state;
        must_read(BASE "type='hvm'");
        assert_int_equal(config.type, DOMAIN_HVM);
        assert_true(config.vnc);
        must_read(BASE "builder='hvm'\nvnc=0");
        assert_int_equal(config.type, DOMAIN_HVM);
        assert_false(config.vnc);
        must_read(BASE "type='hvm'\nbuilder='hvm'\nboot='d'");
        must_note(5, "HVM guests get Xen's default");
        must_read(BASE "vnc=1");
        assert_false(config.vnc);
        must_note(3, "other guests' word is vfb");
}

static void
a_vfb_is_vnc_on_the_host_itself(void **state)
{
        (void)state;
        must_read(BASE "vfb=['type=vnc, vnclisten=0.0.0.0, vncpasswd=x']");
        assert_true(config.vnc);
        must_note(3, "127.0.0.1");
        must_read(BASE "vfb=['sdl=1']");
        assert_false(config.vnc);
        must_note(3, "only VNC");
        must_refuse(BASE "vfb=['vnc=1','vnc=1']", ERR_LIMIT, "at most 1");
}

static void
cmdline_wins_over_root_and_extra_with_a_note(void **state)
{
        (void)state;
        must_read(BASE "extra='b'\nroot='a'");
        assert_string_equal(config.cmdline, "root=a b");
        must_read(BASE "extra='b'");
        assert_string_equal(config.cmdline, "b");
        must_read(BASE "extra='b'\nextra+=' c'");
        assert_string_equal(config.cmdline, "b c");
        assert_int_equal(notes.n, 0);
        must_read(BASE "extra='b'\ncmdline='c'\nroot='r'");
        assert_string_equal(config.cmdline, "c");
        must_note(3, "ignored because cmdline=");
        must_note(5, "ignored because cmdline=");
}

static void
what_would_change_the_guest_is_refused_unless_it_is_off(void **state)
{
        (void)state;
        must_refuse(BASE "pci=['01:00.0']", ERR_UNSUPPORTED, "vm.cfg:3: pci: host devices");
        must_refuse(BASE "cpuid='host,x=0'", ERR_UNSUPPORTED, "cpuid");
        must_refuse(BASE "firmware='pvgrub64'", ERR_UNSUPPORTED, "firmware");
        must_refuse(BASE "vif=['script=vif-route']", ERR_UNSUPPORTED, "bridged");
        must_refuse(BASE "vif=['backend=netvm']", ERR_UNSUPPORTED, "dom0");
        must_read(BASE "pci=[]\nusbdev=[]\nfirmware=''\ndriver_domain=0\nvif=['script=/etc/xen/scripts/vif-bridge']");
        assert_int_equal(notes.n, 0);
}

static void
keys_without_effect_are_noted_never_silent(void **state)
{
        (void)state;
        must_read(BASE "cpu_weight=512\nfoo=1\nnfs_root='/x'\nvif=['vifname=v1,mtu=1400, ip=10.0.0.1 10.0.0.2']");
        must_note(3, "cpu_weight has no effect");
        must_note(4, "foo is no key of xl.cfg");
        must_note(5, "nfsroot=");
        must_note(6, "vifname=v1 has no effect");
        must_note(6, "mtu=1400");
        must_note(6, "no single IPv4");
        assert_int_equal(notes.n, 6);
        for (uint32_t i = 1; i < notes.n; i++)
                assert_true(notes.notes[i - 1].line <= notes.notes[i].line);
}

static void
a_bad_interface_is_refused(void **state)
{
        (void)state;
        must_refuse(BASE "vif=['mac=00:16:3e:01:02']", ERR_CONFIG, "vm.cfg:3: vif: mac=");
        must_refuse(BASE "vif=['mac=01:16:3e:01:02:03']", ERR_CONFIG, "not the address of a single interface");
        must_refuse(BASE "vif=['mac=00:00:00:00:00:00']", ERR_CONFIG, "not the address of a single interface");
        must_refuse(BASE "vif=['brigde=x']", ERR_CONFIG, "'brigde=x' is not known");
        must_refuse(BASE "vif=['bridge=a-bridge-with-a-long-name']", ERR_LIMIT, "at most 15");
        must_refuse(BASE "vif=['rate=fast']", ERR_CONFIG, "10MB/s");
        must_refuse(BASE "vif=['mac=00:16:3e:01:02:03','mac=00:16:3e:01:02:03']", ERR_CONFIG, "the same MAC");
}

static void
what_a_stranger_can_make_grow_has_a_limit(void **state)
{
        static char big[XLCFG_MAX_SIZE + 1];
        static char many[XLCFG_MAX_SIZE];
        char text[4096];
        size_t n = 0;

        (void)state;
        memset(big, ' ', sizeof(big));
        assert_int_not_equal(xlcfg_read("vm.cfg", big, sizeof(big), &config, &notes, &err), 0);
        assert_int_equal(err.code, ERR_LIMIT);
        must_refuse("a=[[[[[[[[[1]]]]]]]]]", ERR_LIMIT, "nested deeper than 8");
        must_refuse(BASE "vif=['','','','','','','','','']", ERR_LIMIT, "at most 8");
        snprintf(text, sizeof(text), BASE "extra='%01024d'", 0);
        must_refuse(text, ERR_LIMIT, "longer than 1023");
        for (unsigned i = 0; i <= XLCFG_MAX_SETTINGS; i++)
                n += (size_t)snprintf(many + n, sizeof(many) - n, "k%u=1\n", i);
        must_refuse(many, ERR_LIMIT, "more than 1024 different keys");
        n = 0;
        for (unsigned i = 0; i <= XLCFG_MAX_ASSIGNMENTS; i++)
                n += (size_t)snprintf(many + n, sizeof(many) - n, "k=1\n");
        must_refuse(many, ERR_LIMIT, "more than 4096 assignments");
        n = (size_t)snprintf(many, sizeof(many), "k=[");
        for (unsigned i = 0; i <= XLCFG_MAX_VALUES; i++)
                n += (size_t)snprintf(many + n, sizeof(many) - n, "1,");
        must_refuse(many, ERR_LIMIT, "more than 16384 values");
}

static void
notes_beyond_the_limit_end_with_saying_so(void **state)
{
        static char text[8192];
        size_t n = (size_t)snprintf(text, sizeof(text), BASE);

        (void)state;
        for (unsigned i = 0; i < XLCFG_MAX_NOTES + 5; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "k%u=1\n", i);
        must_read(text);
        assert_int_equal(notes.n, XLCFG_MAX_NOTES);
        assert_non_null(strstr(notes.notes[XLCFG_MAX_NOTES - 1].text, "there are more"));
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_honoured_key_reaches_its_field),
                cmocka_unit_test(a_short_file_gets_xls_defaults),
                cmocka_unit_test(the_seeds_guest_of_s4_is_read_and_its_last_extra_wins),
                cmocka_unit_test(the_seeds_guest_of_s2_is_read_with_a_note_for_each_key_of_xm),
                cmocka_unit_test(a_boot_loader_is_refused_because_another_guest_would_start),
                cmocka_unit_test(a_python_file_of_xm_is_named_as_such),
                cmocka_unit_test(errors_name_file_and_line),
                cmocka_unit_test(type_and_builder_follow_xl_and_contradictions_are_refused),
                cmocka_unit_test(an_hvm_guest_has_vnc_unless_it_says_no),
                cmocka_unit_test(a_vfb_is_vnc_on_the_host_itself),
                cmocka_unit_test(cmdline_wins_over_root_and_extra_with_a_note),
                cmocka_unit_test(what_would_change_the_guest_is_refused_unless_it_is_off),
                cmocka_unit_test(keys_without_effect_are_noted_never_silent),
                cmocka_unit_test(a_bad_interface_is_refused),
                cmocka_unit_test(what_a_stranger_can_make_grow_has_a_limit),
                cmocka_unit_test(notes_beyond_the_limit_end_with_saying_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
