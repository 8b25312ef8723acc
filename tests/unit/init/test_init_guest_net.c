/* SPDX-License-Identifier: Apache-2.0 */
/* Guests' bridges against the running kernel, in a network namespace of the test's own with two cards, which are ends of veth
 * pairs. Whether this kernel has VLANs is unknown: what is expected of them holds either way. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "init/init_guest_net.h"
#include "init/init_system.h"
#include "net/netlink.h"

static const struct mac mac_boot = {{0x02, 0, 0, 0, 0, 0xaa}};
static const struct mac mac_second = {{0x02, 0, 0, 0, 0, 0xbb}};

/* A new room for each test: a namespace in which /sys shows its own interfaces. */
static int
room_setup(void **state)
{
        (void)state;
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
                return -1;
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
                return -1;
        if (netlink_veth_add("nic1", "vif-far1") < 0 || netlink_set_mac("nic1", &mac_boot) < 0)
                return -1;
        return 0;
}

static void
add_second(void)
{
        assert_int_equal(netlink_veth_add("nic2", "vif-far2"), 0);
        assert_int_equal(netlink_set_mac("nic2", &mac_second), 0);
}

static struct init_options
options(const char *words)
{
        struct init_options o;
        struct error err;

        init_options_parse(words, &o, &err);
        return o;
}

static struct init_net
host_card(const struct init_options *o)
{
        struct init_net net;
        struct error err;

        assert_int_equal(init_net_card(&mac_boot, o->guest_nic.kind == GUEST_NIC_BOOT, &net, &err), 0);
        assert_string_equal(net.card, "nic1");
        return net;
}

/* What a file of sysfs or proc begins with. */
static void
assert_says(const char *path, const char *text)
{
        char line[64] = "(no such file)";

        system_read_line(path, line, sizeof(line));
        if (strncmp(line, text, strlen(text)) != 0)
                fail_msg("%s: '%s' instead of '%s'", path, line, text);
}

static bool
is_port(const char *card, const char *bridge)
{
        char path[100];

        snprintf(path, sizeof(path), "/sys/class/net/%s/brif/%s", bridge, card);
        return access(path, F_OK) == 0;
}

static void
as_ever_host_and_guests_share_the_card(void **state)
{
        struct init_options o = options("");
        struct init_net net = host_card(&o);
        struct init_guest_net x = {0};
        struct error err;
        char text[200];

        (void)state;
        assert_string_equal(net.device, GUEST_BRIDGE);
        assert_int_equal(init_guest_net_step(&x, &o, &net, 0, &err), 0);
        assert_true(x.done);
        assert_true(is_port("nic1", GUEST_BRIDGE));
        assert_string_equal(init_guest_net_text(&x, &o, &net, text, sizeof(text)), "");
        assert_says("/proc/sys/net/ipv4/conf/" GUEST_BRIDGE "/arp_ignore", "0");
}

static void
a_second_card_is_for_guests_alone(void **state)
{
        struct init_options o = options("dompool.guest-nic=other");
        struct init_net net;
        struct init_guest_net x = {0};
        struct error err;
        char text[200];

        (void)state;
        add_second();
        net = host_card(&o);
        assert_string_equal(net.device, "nic1");
        for (int i = 0; i < 2; i++) { /* once more after a switch of the root */
                x = (struct init_guest_net){0};
                assert_int_equal(init_guest_net_step(&x, &o, &net, 0, &err), 0);
                assert_true(x.done);
                assert_false(is_port("nic1", GUEST_BRIDGE));
                assert_true(is_port("nic2", GUEST_BRIDGE));
        }
        assert_string_equal(init_guest_net_text(&x, &o, &net, text, sizeof(text)), "xenbr0 with nic2");
        assert_int_equal(system("ip -o link show nic2 up | grep -q nic2"), 0);
        for (int i = 0; i < 2; i++) {
                const char *name = i ? "nic2" : GUEST_BRIDGE;
                char path[100];

                snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/arp_ignore", name);
                assert_says(path, "8");
                snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
                assert_says(path, "1");
        }
}

static void
a_card_by_name_or_mac_may_come_later(void **state)
{
        static const char *const words[] = {"dompool.guest-nic=nic2", "dompool.guest-nic=02:00:00:00:00:bb"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(words); i++) {
                struct init_options o = options(words[i]);
                struct init_net net = host_card(&o);
                struct init_guest_net x = {0};
                struct error err;

                assert_int_equal(init_guest_net_step(&x, &o, &net, 1000, &err), -EAGAIN);
                assert_int_equal(access("/sys/class/net/" GUEST_BRIDGE "/bridge", F_OK), 0); /* guests can be made */
                add_second();
                assert_int_equal(init_guest_net_step(&x, &o, &net, 1000 + INIT_GUEST_NIC_MS - 1, &err), 0);
                assert_true(x.done && is_port("nic2", GUEST_BRIDGE));
                assert_int_equal(netlink_link_delete("nic2"), 0);
        }
}

static void
a_card_that_never_comes_is_said_once_and_the_bridge_stays_empty(void **state)
{
        struct init_options o = options("dompool.guest-nic=nic2");
        struct init_net net = host_card(&o);
        struct init_guest_net x = {0};
        struct error err;
        char text[200];

        (void)state;
        assert_int_equal(init_guest_net_step(&x, &o, &net, 0, &err), -EAGAIN);
        assert_false(x.done);
        assert_int_equal(init_guest_net_step(&x, &o, &net, INIT_GUEST_NIC_MS, &err), -ENOENT);
        assert_true(x.done);
        assert_non_null(strstr(err.message, "the guests' network card, nic2, is not there after 20 s"));
        assert_non_null(strstr(err.message, "nic1 02:00:00:00:00:aa"));
        assert_string_equal(init_guest_net_text(&x, &o, &net, text, sizeof(text)), "xenbr0 with no card");
        assert_false(is_port("nic1", GUEST_BRIDGE)); /* rather no network than the host's */
}

static void
the_card_that_boots_is_never_the_guests_own(void **state)
{
        static const char *const words[] = {"dompool.guest-nic=nic1", "dompool.guest-nic=02:00:00:00:00:aa",
                                            "dompool.guest-nic=a/b"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(words); i++) {
                struct init_options o = options(words[i]);
                struct init_net net = host_card(&o);
                struct init_guest_net x = {0};
                struct error err;

                assert_int_equal(init_guest_net_step(&x, &o, &net, 0, &err), -EINVAL);
                assert_true(x.done);
                assert_false(is_port("nic1", GUEST_BRIDGE));
        }
}

static void
each_vlan_has_a_bridge_also_where_the_kernel_has_no_vlans(void **state)
{
        struct init_options o = options("dompool.guest-nic=other dompool.vlans=10,20:labs");
        struct init_net net;
        struct init_guest_net x = {0};
        struct error err;
        char text[200];
        int r;

        (void)state;
        add_second();
        net = host_card(&o);
        r = init_guest_net_step(&x, &o, &net, 0, &err);
        assert_true(x.done);
        if (r < 0 && !strstr(err.message, "no VLANs: "))
                fail_msg("%s", err.message);
        if (r == 0) {
                assert_true(is_port("trunk.10", "vlan10") && is_port("trunk.20", "labs"));
                /* No guest of xenbr0 sends tagged frames into them. */
                assert_says("/sys/class/net/" GUEST_BRIDGE "/bridge/vlan_filtering", "1");
        }
        assert_int_equal(access("/sys/class/net/vlan10/bridge", F_OK), 0);
        assert_int_equal(access("/sys/class/net/labs/bridge", F_OK), 0);
        assert_says("/proc/sys/net/ipv4/conf/labs/arp_ignore", "8");
        assert_true(is_port("nic2", GUEST_BRIDGE)); /* the host goes on with what there is */
        assert_string_equal(
                init_guest_net_text(&x, &o, &net, text, sizeof(text)),
                r == 0 ? "xenbr0 with nic2; vlan10 is VLAN 10, labs is VLAN 20"
                       : "xenbr0 with nic2; vlan10 is VLAN 10 and leads nowhere, labs is VLAN 20 and leads nowhere");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(as_ever_host_and_guests_share_the_card, room_setup),
                cmocka_unit_test_setup(a_second_card_is_for_guests_alone, room_setup),
                cmocka_unit_test_setup(a_card_by_name_or_mac_may_come_later, room_setup),
                cmocka_unit_test_setup(a_card_that_never_comes_is_said_once_and_the_bridge_stays_empty, room_setup),
                cmocka_unit_test_setup(the_card_that_boots_is_never_the_guests_own, room_setup),
                cmocka_unit_test_setup(each_vlan_has_a_bridge_also_where_the_kernel_has_no_vlans, room_setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
