/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes the two settings of guests' networks. Pure. */
#include "model/guest_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/profile.h"

/* An interface's name as the kernel takes it (dev_valid_name(), IFNAMSIZ), without what a menu could misread. */
static bool
interface_name_ok(const char *name)
{
        return name_ok(name) && strlen(name) < BRIDGE_NAME_SIZE;
}

/* Names of interfaces that are no network card and no bridge of an administrator's: the kernel's, Xen's, ours. */
static bool
is_taken(const char *name)
{
        static const char *const begins[] = {"vif", "tap", GUEST_TRUNK};
        static const char *const names[] = {"lo", "all", "default", GUEST_BRIDGE};

        for (size_t i = 0; i < N_ELEMENTS(begins); i++)
                if (strncmp(name, begins[i], strlen(begins[i])) == 0)
                        return true;
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}

int
guest_nic_parse(const char *text, struct guest_nic *ret, struct error *err)
{
        struct guest_nic nic = {.kind = GUEST_NIC_BOOT};

        if (strcmp(text, "other") == 0)
                nic.kind = GUEST_NIC_OTHER;
        else if (parse_mac(text, &nic.mac) == 0 && !mac_zero(&nic.mac))
                nic.kind = GUEST_NIC_MAC;
        else if (*text && strcmp(text, "boot") != 0) {
                if (!interface_name_ok(text) || is_taken(text))
                        return error_set(
                                err, ERR_INVALID,
                                "guest-nic '%s' must be boot, other, the name of an interface such as eth1 (at most %d "
                                "characters), or a MAC address",
                                text, BRIDGE_NAME_SIZE - 1);
                nic.kind = GUEST_NIC_NAME;
                str_copy(nic.name, sizeof(nic.name), text);
        }
        *ret = nic;
        return 0;
}

static int
vlan_parse(char *word, struct guest_vlan *ret, struct error *err)
{
        char *bridge = strchr(word, ':');

        if (bridge)
                *bridge++ = '\0';
        if (parse_u32(word, GUEST_VLAN_TAG_MAX, &ret->tag) < 0 || ret->tag == 0)
                return error_set(err, ERR_INVALID, "vlans: '%s' is no VLAN; a tag is a number from 1 to %u", word,
                                 GUEST_VLAN_TAG_MAX);
        if (!bridge)
                snprintf(ret->bridge, sizeof(ret->bridge), "vlan%u", ret->tag);
        else if (!interface_name_ok(bridge))
                return error_set(err, ERR_INVALID,
                                 "vlans: '%s', the bridge of VLAN %u, must be 1 to %d of a-z A-Z 0-9 . _ -, the first a letter "
                                 "or digit",
                                 bridge, ret->tag, BRIDGE_NAME_SIZE - 1);
        else if (is_taken(bridge) || strncmp(bridge, "eth", 3) == 0)
                return error_set(err, ERR_INVALID,
                                 "vlans: a bridge cannot be called '%s': other interfaces of a host are, or begin so", bridge);
        else
                str_copy(ret->bridge, sizeof(ret->bridge), bridge);
        return 0;
}

static int
check_new(const struct guest_vlans *v, const struct guest_vlan *one, struct error *err)
{
        for (uint32_t i = 0; i < v->n; i++) {
                if (v->list[i].tag == one->tag)
                        return error_set(err, ERR_INVALID, "vlans: VLAN %u is named twice", one->tag);
                if (strcmp(v->list[i].bridge, one->bridge) == 0)
                        return error_set(err, ERR_INVALID, "vlans: the VLANs %u and %u have one bridge, %s", v->list[i].tag,
                                         one->tag, one->bridge);
        }
        if (v->n == GUEST_MAX_VLANS)
                return error_set(err, ERR_INVALID, "vlans: more than %d VLANs", GUEST_MAX_VLANS);
        return 0;
}

int
guest_vlans_parse(const char *text, struct guest_vlans *ret, struct error *err)
{
        struct guest_vlans v = {0};
        char word[NAME_SIZE];

        while ((text = list_next(text, word))) {
                struct guest_vlan one = {0};
                int r = vlan_parse(word, &one, err);

                if (r == 0)
                        r = check_new(&v, &one, err);
                if (r < 0)
                        return r;
                v.list[v.n++] = one;
        }
        *ret = v;
        return 0;
}

char *
guest_vlans_text(const struct guest_vlans *v, char buf[GUEST_VLANS_SIZE])
{
        size_t n = 0;

        buf[0] = '\0';
        for (uint32_t i = 0; i < v->n && n < GUEST_VLANS_SIZE; i++) {
                char usual[BRIDGE_NAME_SIZE];
                bool named;

                snprintf(usual, sizeof(usual), "vlan%u", v->list[i].tag);
                named = strcmp(usual, v->list[i].bridge) != 0;
                n += (size_t)snprintf(buf + n, GUEST_VLANS_SIZE - n, "%s%u%s%s", i > 0 ? "," : "", v->list[i].tag,
                                      named ? ":" : "", named ? v->list[i].bridge : "");
        }
        return buf;
}
