/* SPDX-License-Identifier: Apache-2.0 */
/* The two settings of guests' networks: what they mean, and that nothing else gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/guest_net.h"

static void
a_card_is_named_in_one_of_four_ways(void **state)
{
        static const struct mac mac = {{0x52, 0x54, 0, 0x12, 0x34, 0x56}};
        static const char *const bad[] = {"xenbr0",
                                          "an-interface-too-long",
                                          "a/b",
                                          "eth1 eth2",
                                          ".",
                                          "-1",
                                          "00:00:00:00:00:00",
                                          "52:54:00:12:34",
                                          "eth1:1",
                                          "_x",
                                          "lo",
                                          "vif1.0",
                                          "tap3",
                                          "trunk.10"};
        struct guest_nic nic;
        struct error err;

        (void)state;
        assert_int_equal(guest_nic_parse("", &nic, &err), 0);
        assert_int_equal(nic.kind, GUEST_NIC_BOOT);
        assert_int_equal(guest_nic_parse("boot", &nic, &err), 0);
        assert_int_equal(nic.kind, GUEST_NIC_BOOT);
        assert_int_equal(guest_nic_parse("other", &nic, &err), 0);
        assert_int_equal(nic.kind, GUEST_NIC_OTHER);
        assert_int_equal(guest_nic_parse("52:54:00:12:34:56", &nic, &err), 0);
        assert_int_equal(nic.kind, GUEST_NIC_MAC);
        assert_true(mac_eq(&nic.mac, &mac));
        assert_int_equal(guest_nic_parse("enp130s0f1np1", &nic, &err), 0);
        assert_int_equal(nic.kind, GUEST_NIC_NAME);
        assert_string_equal(nic.name, "enp130s0f1np1");
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                if (guest_nic_parse(bad[i], &nic, &err) == 0 || !strstr(err.message, "must be boot, other"))
                        fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(nic.kind, GUEST_NIC_NAME); /* untouched */
}

static void
vlans_have_a_tag_and_a_bridge_each(void **state)
{
        char text[GUEST_VLANS_SIZE];
        struct guest_vlans v;
        struct error err;

        (void)state;
        assert_int_equal(guest_vlans_parse("", &v, &err), 0);
        assert_int_equal(v.n, 0);
        assert_string_equal(guest_vlans_text(&v, text), "");
        assert_int_equal(guest_vlans_parse("1, 20:labs 4094:vlan4094", &v, &err), 0);
        assert_int_equal(v.n, 3);
        assert_int_equal(v.list[0].tag, 1);
        assert_string_equal(v.list[0].bridge, "vlan1");
        assert_int_equal(v.list[1].tag, 20);
        assert_string_equal(v.list[1].bridge, "labs");
        assert_int_equal(v.list[2].tag, 4094);
        assert_string_equal(guest_vlans_text(&v, text), "1,20:labs,4094");
}

static void
a_wrong_vlan_is_refused_with_its_limit(void **state)
{
        static const char *const cases[][2] = {
                {"0", "'0' is no VLAN; a tag is a number from 1 to 4094"},
                {"4095", "'4095' is no VLAN"},
                {"10 x", "'x' is no VLAN"},
                {"-1", "'-1' is no VLAN"},
                {"10:", "the bridge of VLAN 10, must be 1 to 15"},
                {"10:a-bridge-too-long", "'a-bridge-too-long', the bridge of VLAN 10, must be 1 to 15"},
                {"10:a/b", "must be 1 to 15"},
                {"10:xenbr0", "cannot be called 'xenbr0'"},
                {"10:vif1.0", "cannot be called 'vif1.0'"},
                {"10:eth1", "cannot be called 'eth1'"},
                {"10:trunk.20", "cannot be called 'trunk.20'"},
                {"10:all", "cannot be called 'all'"},
                {"10 11 10", "VLAN 10 is named twice"},
                {"10:vlan11 11", "the VLANs 10 and 11 have one bridge, vlan11"},
                {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "more than 16 VLANs"},
        };
        struct guest_vlans v = {.n = 7};
        struct error err;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                if (guest_vlans_parse(cases[i][0], &v, &err) == 0)
                        fail_msg("'%s' was taken", cases[i][0]);
                if (!strstr(err.message, cases[i][1]))
                        fail_msg("'%s': %s", cases[i][0], err.message);
        }
        assert_int_equal(v.n, 7); /* untouched */
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_card_is_named_in_one_of_four_ways),
                cmocka_unit_test(vlans_have_a_tag_and_a_bridge_each),
                cmocka_unit_test(a_wrong_vlan_is_refused_with_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
