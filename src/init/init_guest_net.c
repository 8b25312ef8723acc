/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges of guests and the card below them. Runs in dompool-init, as root; blocks no longer than a module takes to load. */
#include "init/init_guest_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/init_system.h"
#include "net/netlink.h"

#define VLAN_MODULE "8021q"

static bool
link_exists(const char *name)
{
        char path[64];

        snprintf(path, sizeof(path), "/sys/class/net/%.15s", name);
        return access(path, F_OK) == 0;
}

/* The host has no part in this interface: what comes from there is for guests. Its sender is never one that the host would
 * answer by that way (rp_filter), so nothing of it is accepted. */
static void
shut(const char *name)
{
        static const struct {
                const char *family, *setting, *value;
        } settings[] = {
                {"ipv6", "disable_ipv6", "1\n"},
                {"ipv4", "arp_ignore", "8\n"}, /* no answer for any address of the host */
                {"ipv4", "rp_filter", "1\n"},
        };
        char path[80];

        for (size_t i = 0; i < N_ELEMENTS(settings); i++) {
                snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%.15s/%s", settings[i].family, name, settings[i].setting);
                system_write(path, settings[i].value); /* a kernel without IPv6 has no such file */
        }
}

/* A bridge that the host is no part of. */
static int
make_bridge(const char *name, struct error *err)
{
        int r = netlink_bridge_add(name, NULL);

        if (r < 0 && r != -EEXIST)
                return error_errno_set(err, -r, "making bridge %s", name);
        shut(name);
        r = netlink_link_up(name, true);
        return r < 0 ? error_errno_set(err, -r, "bringing bridge %s up", name) : 0;
}

/* What can be made without the card. Goes on after a failure and reports the first. */
static int
make_bridges(const struct init_options *o, struct error *err)
{
        int r = o->guest_nic.kind != GUEST_NIC_BOOT ? make_bridge(GUEST_BRIDGE, err) : 0;
        struct error later;

        for (uint32_t i = 0; i < o->vlans.n; i++) {
                int x = make_bridge(o->vlans.list[i].bridge, r ? &later : err);

                r = r ? r : x;
        }
        return r;
}

/* 0, -ENODEV: not there (yet), or ERR_INVALID; @ret then as it was. */
static int
find_card(const struct guest_nic *nic, const struct init_net *net, char ret[16], struct error *err)
{
        char card[16] = "";
        struct mac mac;
        int r = -ENODEV;

        switch (nic->kind) {
        case GUEST_NIC_BOOT:
                str_copy(ret, 16, net->card);
                return 0;
        case GUEST_NIC_OTHER:
                r = netlink_other_ethernet(net->card, card);
                break;
        case GUEST_NIC_NAME:
                r = netlink_get_mac(nic->name, &mac);
                str_copy(card, sizeof(card), nic->name);
                break;
        case GUEST_NIC_MAC:
                r = netlink_find_by_mac(&nic->mac, card);
                break;
        case GUEST_NIC_NONE:
                return error_set(err, ERR_INVALID, "dompool.guest-nic is wrong");
        }
        if (r == -ENODEV)
                return r;
        if (r < 0)
                return error_errno_set(err, -r, "looking for the guests' network card");
        if (strcmp(card, net->card) == 0)
                return error_set(err, ERR_INVALID,
                                 "dompool.guest-nic names %s, the card that boots, which keeps the host's address", card);
        str_copy(ret, 16, card);
        return 0;
}

static int
join(struct init_guest_net *x, struct error *err)
{
        int r;

        shut(x->card);
        r = init_net_join(x->card, GUEST_BRIDGE);
        if (r == 0)
                r = netlink_link_up(x->card, true);
        if (r == 0)
                return 0;
        error_errno_set(err, -r, "putting %s into bridge " GUEST_BRIDGE, x->card);
        x->card[0] = '\0';
        return r;
}

static int
add_vlan(const char *card, const struct guest_vlan *v, struct error *err)
{
        char trunk[BRIDGE_NAME_SIZE];
        int r;

        snprintf(trunk, sizeof(trunk), GUEST_TRUNK "%u", v->tag);
        r = netlink_vlan_add(trunk, card, v->tag);
        if (r < 0 && r != -EEXIST)
                return error_errno_set(err, -r, "making VLAN %u on %s", v->tag, card);
        shut(trunk);
        r = init_net_join(trunk, v->bridge);
        if (r == 0)
                r = netlink_link_up(trunk, true);
        return r < 0 ? error_errno_set(err, -r, "putting VLAN %u into bridge %s", v->tag, v->bridge) : 0;
}

/* A guest of xenbr0 must not reach a VLAN by tagging its frames itself: they would leave on the card's line as they are. With
 * filtering a port of the bridge takes frames without a tag alone. */
static int
filter_tags(struct error *err)
{
        if (system_write("/sys/class/net/" GUEST_BRIDGE "/bridge/vlan_filtering", "1\n") == 0)
                return 0;
        return error_set(err, ERR_UNSUPPORTED,
                         "no VLANs: this kernel cannot keep tagged frames of guests out of " GUEST_BRIDGE
                         "; take one with CONFIG_BRIDGE_VLAN_FILTERING");
}

static int
add_vlans(struct init_guest_net *net, const struct init_options *o, struct error *err)
{
        char first[BRIDGE_NAME_SIZE];
        int r = 0;

        if (o->vlans.n == 0)
                return 0;
        if ((r = filter_tags(err)) < 0)
                return r;
        snprintf(first, sizeof(first), GUEST_TRUNK "%u", o->vlans.list[0].tag);
        /* After a switch of the root they are there, and the module perhaps is not. */
        if (!link_exists(first) && (r = modules_load_name(VLAN_MODULE, err)) < 0)
                return error_prefix(err, "no VLANs");
        for (uint32_t i = 0; i < o->vlans.n; i++) {
                struct error later;
                int x = add_vlan(net->card, &o->vlans.list[i], r ? &later : err);

                if (x == 0)
                        net->made |= 1u << i;
                r = r ? r : x;
        }
        return r;
}

static int
not_there(const struct init_options *o, struct error *err)
{
        char found[150], mac[MAC_TEXT_SIZE];
        const char *which = o->guest_nic.kind == GUEST_NIC_NAME  ? o->guest_nic.name
                            : o->guest_nic.kind == GUEST_NIC_MAC ? mac_text(&o->guest_nic.mac, mac)
                                                                 : "a second one";

        init_net_describe(found, sizeof(found));
        return error_set(err, ERR_NOT_FOUND,
                         "the guests' network card, %s, is not there after %d s: their bridges lead nowhere; there are: %s",
                         which, INIT_GUEST_NIC_MS / 1000, found);
}

int
init_guest_net_step(struct init_guest_net *x, const struct init_options *o, const struct init_net *net, int64_t now_ms,
                    struct error *err)
{
        int r = 0, found;
        struct error later;

        if (!x->begun) {
                x->begun = true;
                x->since_ms = now_ms;
                r = make_bridges(o, err);
        }
        found = find_card(&o->guest_nic, net, x->card, r ? &later : err);
        if (found == -ENODEV && now_ms - x->since_ms < INIT_GUEST_NIC_MS)
                return r ? r : -EAGAIN;
        x->done = true;
        if (found == -ENODEV)
                found = not_there(o, r ? &later : err);
        if (found == 0 && o->guest_nic.kind != GUEST_NIC_BOOT)
                found = join(x, r ? &later : err);
        if (found == 0)
                found = add_vlans(x, o, r ? &later : err);
        return r ? r : found;
}

char *
init_guest_net_text(const struct init_guest_net *x, const struct init_options *o, const struct init_net *net, char *buf,
                    size_t size)
{
        size_t n = 0;

        buf[0] = '\0';
        if (o->guest_nic.kind == GUEST_NIC_BOOT && o->vlans.n == 0)
                return buf;
        if (o->guest_nic.kind == GUEST_NIC_BOOT)
                n = (size_t)snprintf(buf, size, GUEST_BRIDGE " with %s, the host's own card", net->card);
        else
                n = (size_t)snprintf(buf, size, GUEST_BRIDGE " with %s", *x->card ? x->card : "no card");
        for (uint32_t i = 0; i < o->vlans.n && n < size; i++)
                n += (size_t)snprintf(buf + n, size - n, "%s%s is VLAN %u%s", i == 0 ? "; " : ", ", o->vlans.list[i].bridge,
                                      o->vlans.list[i].tag, x->made & 1u << i ? "" : " and leads nowhere");
        return buf;
}
