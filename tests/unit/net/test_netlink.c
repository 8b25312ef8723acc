/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink requests against the running kernel, in a network namespace of the test's own; iproute2 and sysfs say what came of
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "net/netlink.h"

static const struct mac mac_a = {{0x02, 0, 0, 0, 0, 0xaa}};
static const struct mac mac_b = {{0x02, 0, 0, 0, 0, 0xbb}};

static int
namespace_setup(void **state)
{
        (void)state;
        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
                return -1;
        return netlink_link_up("lo", true);
}

/* First line that a command prints; empty when it prints none. */
static char *
line_of(const char *command, char *buf, size_t size)
{
        FILE *f = popen(command, "re");

        assert_non_null(f);
        if (!fgets(buf, (int)size, f))
                buf[0] = '\0';
        pclose(f);
        return buf;
}

#define assert_prints(command, text)                                                                                           \
        do {                                                                                                                   \
                char out_[1024];                                                                                               \
                if (!strstr(line_of(command, out_, sizeof(out_)), text))                                                       \
                        fail_msg("'%s' printed '%s' without '%s'", command, out_, text);                                       \
        } while (0)

static void
test_a_bridge_has_the_given_mac_and_neither_stp_nor_delay(void **state)
{
        struct mac got;

        (void)state;
        assert_int_equal(netlink_bridge_add("br-t", &mac_a), 0);
        assert_prints("ip -d -o link show br-t", "forward_delay 0 ");
        assert_prints("ip -d -o link show br-t", "stp_state 0 ");
        assert_int_equal(netlink_get_mac("br-t", &got), 0);
        assert_true(mac_eq(&got, &mac_a));
        assert_int_equal(netlink_bridge_add("br-t", &mac_a), -EEXIST);
        assert_int_equal(netlink_link_delete("br-t"), 0);
        assert_int_equal(netlink_link_delete("br-t"), -ENODEV);
}

static void
test_a_member_joins_and_leaves_its_bridge(void **state)
{
        (void)state;
        assert_int_equal(netlink_bridge_add("br-t", &mac_a), 0);
        assert_int_equal(netlink_veth_add("v0", "v1"), 0);
        assert_int_equal(netlink_set_master("v0", "br-t"), 0);
        assert_prints("ip -o link show v0", "master br-t");
        assert_int_equal(netlink_set_master("v0", "br-none"), -ENODEV);
        assert_int_equal(netlink_set_master("v0", NULL), 0);
        assert_prints("ip -o link show master br-t", "");
        assert_int_equal(netlink_link_delete("v0"), 0);
        assert_int_equal(netlink_link_delete("br-t"), 0);
}

static void
test_links_change_mac_mtu_and_state(void **state)
{
        struct mac got;

        (void)state;
        assert_int_equal(netlink_veth_add("v0", "v1"), 0);
        assert_int_equal(netlink_set_mac("v1", &mac_b), 0);
        assert_int_equal(netlink_get_mac("v1", &got), 0);
        assert_true(mac_eq(&got, &mac_b));
        assert_int_equal(netlink_set_mtu("v1", 1400), 0);
        assert_prints("cat /proc/self/net/dev | grep -c v1", "1");
        assert_prints("ip -o link show v1", "mtu 1400");
        assert_int_equal(netlink_link_up("v0", true), 0);
        assert_int_equal(netlink_link_up("v1", true), 0);
        assert_prints("ip -o link show v1", "state UP");
        assert_int_equal(netlink_link_up("v1", false), 0);
        assert_prints("ip -o link show v1", "state DOWN");
        assert_int_equal(netlink_link_up("none", true), -ENODEV);
        assert_int_equal(netlink_link_up("a-name-over-fifteen", true), -EINVAL);
        assert_int_equal(netlink_link_delete("v0"), 0);
}

static void
test_addresses_and_the_default_route_are_set_and_read_back(void **state)
{
        uint32_t address = 0;
        unsigned prefix = 0;

        (void)state;
        assert_int_equal(netlink_veth_add("v0", "v1"), 0);
        assert_int_equal(netlink_link_up("v0", true), 0);
        assert_int_equal(netlink_link_up("v1", true), 0);
        assert_int_equal(netlink_get_address("v0", &address, &prefix), -EADDRNOTAVAIL);
        assert_int_equal(netlink_address_set("v0", 0x0a4d0005, 24), 0);
        assert_int_equal(netlink_address_set("v0", 0x0a4d0005, 24), 0);
        assert_prints("ip -o -4 addr show v0", "10.77.0.5/24 brd 10.77.0.255");
        assert_int_equal(netlink_get_address("v0", &address, &prefix), 0);
        assert_int_equal(address, 0x0a4d0005);
        assert_int_equal(prefix, 24);
        assert_int_equal(netlink_route_default(0x0a4d0001, "v0"), 0);
        assert_int_equal(netlink_route_default(0x0a4d0002, "v0"), 0);
        assert_prints("ip route show default", "via 10.77.0.2 dev v0");
        assert_prints("ip route show default | wc -l", "1");
        assert_int_equal(netlink_address_delete("v0", 0x0a4d0005, 24), 0);
        assert_int_equal(netlink_get_address("v0", &address, &prefix), -EADDRNOTAVAIL);
        assert_int_equal(netlink_link_delete("v0"), 0);
}

static void
test_a_nic_is_found_by_mac_though_its_bridge_has_the_same(void **state)
{
        char name[16];

        (void)state;
        assert_int_equal(netlink_find_by_mac(&mac_b, name), -ENODEV);
        assert_int_equal(netlink_bridge_add("br-t", &mac_b), 0);
        assert_int_equal(netlink_find_by_mac(&mac_b, name), -ENODEV);
        assert_int_equal(netlink_first_ethernet(name), -ENODEV);
        assert_int_equal(netlink_veth_add("vif1.0", "nic"), 0);
        assert_int_equal(netlink_set_mac("nic", &mac_b), 0);
        assert_int_equal(netlink_find_by_mac(&mac_b, name), 0);
        assert_string_equal(name, "nic");
        assert_int_equal(netlink_first_ethernet(name), 0);
        assert_string_equal(name, "nic");
        assert_int_equal(netlink_link_delete("nic"), 0);
        assert_int_equal(netlink_link_delete("br-t"), 0);
}

static void
test_another_nic_is_neither_the_first_nor_a_vif(void **state)
{
        char name[16];

        (void)state;
        assert_int_equal(netlink_veth_add("vif1.0", "nic1"), 0);
        assert_int_equal(netlink_other_ethernet("nic1", name), -ENODEV);
        assert_int_equal(netlink_veth_add("vif2.0", "nic2"), 0);
        assert_int_equal(netlink_other_ethernet("nic1", name), 0);
        assert_string_equal(name, "nic2");
        assert_int_equal(netlink_link_delete("nic1"), 0);
        assert_int_equal(netlink_link_delete("nic2"), 0);
}

static void
test_a_vlan_needs_a_card_and_a_kernel_that_has_vlans(void **state)
{
        int r;

        (void)state;
        assert_int_equal(netlink_veth_add("vif3.0", "nic1"), 0);
        assert_int_equal(netlink_vlan_add("trunk.10", "none", 10), -ENODEV);
        assert_int_equal(netlink_vlan_add("a-name-over-fifteen", "nic1", 10), -EINVAL);
        r = netlink_vlan_add("trunk.10", "nic1", 10);
        /* iproute2 is of the same opinion: "Unknown device type", or the name is taken. */
        assert_prints("ip link add link nic1 name trunk.10 type vlan id 11 2>&1",
                      r == 0 ? "File exists" : "Unknown device type");
        assert_int_equal(r, r == 0 ? 0 : -EOPNOTSUPP);
        assert_int_equal(netlink_link_delete("nic1"), 0);
}

/* Where this machine's kernel has VLANs; where not, tests/room/test_room_guest_net.py alone sees it. */
static void
test_a_vlan_is_one_tag_of_its_card_and_no_card_itself(void **state)
{
        struct mac got;
        char name[16];
        int r;

        (void)state;
        assert_int_equal(netlink_veth_add("vif3.0", "nic1"), 0);
        assert_int_equal(netlink_set_mac("nic1", &mac_a), 0);
        r = netlink_vlan_add("trunk.10", "nic1", 10);
        if (r == -EOPNOTSUPP) {
                assert_int_equal(netlink_link_delete("nic1"), 0);
                return;
        }
        assert_int_equal(r, 0);
        assert_prints("ip -d -o link show trunk.10", "trunk.10@nic1");
        assert_prints("ip -d -o link show trunk.10", "vlan protocol 802.1Q id 10 ");
        assert_int_equal(netlink_vlan_add("trunk.11", "nic1", 4094), 0); /* the name is nothing but a name */
        assert_prints("ip -d -o link show trunk.11", "vlan protocol 802.1Q id 4094 ");
        assert_int_equal(netlink_get_mac("trunk.10", &got), 0);
        assert_true(mac_eq(&got, &mac_a)); /* its card's, which is found by it nevertheless */
        assert_int_equal(netlink_find_by_mac(&mac_a, name), 0);
        assert_string_equal(name, "nic1");
        assert_int_equal(netlink_other_ethernet("nic1", name), -ENODEV);
        assert_int_equal(netlink_vlan_add("trunk.10", "nic1", 12), -EEXIST); /* the name */
        assert_int_equal(netlink_vlan_add("trunk.12", "nic1", 10), -EEXIST); /* the tag */
        assert_int_equal(netlink_link_delete("nic1"), 0);                    /* and its VLANs with it */
        assert_int_equal(netlink_get_mac("trunk.10", &got), -ENODEV);
}

static void
test_a_link_moves_to_another_namespace(void **state)
{
        _cleanup_close_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        struct mac got;

        (void)state;
        assert_true(home >= 0);
        assert_int_equal(unshare(CLONE_NEWNET), 0);
        assert_int_equal(netlink_veth_add("moved", "stays"), 0);
        assert_int_equal(netlink_set_netns("moved", home), 0);
        assert_int_equal(netlink_get_mac("moved", &got), -ENODEV);
        assert_int_equal(setns(home, CLONE_NEWNET), 0);
        assert_int_equal(netlink_get_mac("moved", &got), 0);
        assert_int_equal(netlink_link_delete("moved"), 0);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_bridge_has_the_given_mac_and_neither_stp_nor_delay),
                cmocka_unit_test(test_a_member_joins_and_leaves_its_bridge),
                cmocka_unit_test(test_links_change_mac_mtu_and_state),
                cmocka_unit_test(test_addresses_and_the_default_route_are_set_and_read_back),
                cmocka_unit_test(test_a_nic_is_found_by_mac_though_its_bridge_has_the_same),
                cmocka_unit_test(test_another_nic_is_neither_the_first_nor_a_vif),
                cmocka_unit_test(test_a_vlan_needs_a_card_and_a_kernel_that_has_vlans),
                cmocka_unit_test(test_a_vlan_is_one_tag_of_its_card_and_no_card_itself),
                cmocka_unit_test(test_a_link_moves_to_another_namespace),
        };

        return cmocka_run_group_tests(tests, namespace_setup, NULL);
}
