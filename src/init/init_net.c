/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's card and its address. Where guests share the card it is in the bridge before anything uses the network, so that
 * nothing ever has to be moved from one to the other; the bridge has the card's MAC, so that firmware, init and the agent are
 * one client to the DHCP server.
 */
#include "init/init_net.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init_system.h"
#include "net/netlink.h"

int
init_net_join(const char *card, const char *bridge)
{
        char port[64];

        /* Put into its bridge once more, the kernel would take it out before: after a switch of the root that hangs on it. */
        snprintf(port, sizeof(port), "/sys/class/net/%.15s/brport", card);
        return access(port, F_OK) == 0 ? 0 : netlink_set_master(card, bridge);
}

static int
put_into_bridge(const struct init_net *net, struct error *err)
{
        int r = netlink_bridge_add(GUEST_BRIDGE, &net->mac);

        if (r < 0 && r != -EEXIST)
                return error_errno_set(err, -r, "making bridge " GUEST_BRIDGE);
        r = init_net_join(net->card, GUEST_BRIDGE);
        return r < 0 ? error_errno_set(err, -r, "putting %s into bridge " GUEST_BRIDGE, net->card) : 0;
}

int
init_net_card(const struct mac *wanted, bool bridged, struct init_net *ret, struct error *err)
{
        struct init_net net = {0};
        int r = mac_zero(wanted) ? netlink_first_ethernet(net.card) : netlink_find_by_mac(wanted, net.card);

        if (r == -ENODEV)
                return -EAGAIN;
        if (r < 0 || (r = netlink_get_mac(net.card, &net.mac)) < 0)
                return error_errno_set(err, -r, "looking for the network card");
        /* An address that is taken off must not take the new one, its secondary, along. */
        system_write("/proc/sys/net/ipv4/conf/all/promote_secondaries", "1\n");
        r = netlink_link_up("lo", true);
        if (r < 0)
                return error_errno_set(err, -r, "bringing lo up");
        if (bridged && (r = put_into_bridge(&net, err)) < 0)
                return r;
        str_copy(net.device, sizeof(net.device), bridged ? GUEST_BRIDGE : net.card);
        if ((r = netlink_link_up(net.card, true)) < 0 || (r = netlink_link_up(net.device, true)) < 0)
                return error_errno_set(err, -r, "bringing %s up", net.device);
        *ret = net;
        return 0;
}

bool
init_net_carrier(const char *card)
{
        char path[64], line[8];

        snprintf(path, sizeof(path), "/sys/class/net/%.15s/carrier", card);
        return system_read_line(path, line, sizeof(line)) && line[0] == '1';
}

void
init_net_describe(char *buf, size_t size)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/class/net");
        struct dirent *e;
        size_t n = 0;

        buf[0] = '\0';
        while (d && (e = readdir(d))) {
                char path[300], bridge[300], line[32];

                snprintf(path, sizeof(path), "/sys/class/net/%.200s/address", e->d_name);
                snprintf(bridge, sizeof(bridge), "/sys/class/net/%.200s/bridge", e->d_name);
                if (e->d_name[0] == '.' || strcmp(e->d_name, "lo") == 0 || access(bridge, F_OK) == 0 ||
                    !system_read_line(path, line, sizeof(line)))
                        continue;
                if (n < size)
                        n += (size_t)snprintf(buf + n, size - n, "%s%.15s %s", n ? ", " : "", e->d_name, line);
        }
        if (n == 0)
                str_copy(buf, size, "none");
}

static int
action_do(const char *device, const struct net_action *a)
{
        char line[64], text[IP4_TEXT_SIZE];

        switch (a->kind) {
        case NET_ADDRESS_SET:
                return netlink_address_set(device, a->address, a->prefix);
        case NET_ADDRESS_REMOVE:
                return netlink_address_delete(device, a->address, a->prefix);
        case NET_ROUTE_SET:
                return netlink_route_default(a->address, device);
        case NET_DNS_SET:
                snprintf(line, sizeof(line), "nameserver %s\n", ip4_text(a->address, text));
                return system_write("/etc/resolv.conf", a->address ? line : "");
        }
        return 0;
}

int
init_net_lease(const char *device, const struct init_lease *was, const struct init_lease *is, struct error *err)
{
        static const char *const names[] = {
                [NET_ADDRESS_REMOVE] = "removing address",
                [NET_ADDRESS_SET] = "setting address",
                [NET_ROUTE_SET] = "setting the default route by",
                [NET_DNS_SET] = "writing resolv.conf for",
        };
        struct net_action actions[NET_MAX_ACTIONS];
        size_t n = init_lease_actions(was, is, actions);
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                char text[IP4_TEXT_SIZE];
                int x = action_do(device, &actions[i]);

                if (x < 0 && r == 0)
                        r = error_errno_set(err, -x, "%s %s", names[actions[i].kind], ip4_text(actions[i].address, text));
        }
        return r;
}
