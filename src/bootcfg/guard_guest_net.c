/* SPDX-License-Identifier: Apache-2.0 */
/* Guests' networks: what they need of the initrd, and of the machine. Pure. */
#include <string.h>

#include "bootcfg/guard_private.h"

static void
check_vlans(const struct guard_request *r, struct guard_report *report)
{
        char value[GUEST_VLANS_SIZE];
        struct guest_vlans vlans;
        struct error err;

        if (!guard_word(r->dom0_args, "dompool.vlans", value, sizeof(value)) || !*value)
                return;
        /* Of a host's kernel-args; what a profile says is checked as it is read. */
        if (guest_vlans_parse(value, &vlans, &err) < 0) {
                guard_add(report, GUARD_GUEST_NIC, "%s: guests will have no VLANs", err.message);
                return;
        }
        if (guard_lacks_module(r, "8021q"))
                guard_add(report, GUARD_VLAN_MODULE, "the VLANs %s need the module 8021q, which %s has not", value,
                          guard_initrd_name(r));
}

static bool
has_nic(const struct guard_request *r, const struct guest_nic *nic)
{
        for (uint32_t i = 0; i < r->hardware->n_nics; i++) {
                const struct hardware_nic *n = &r->hardware->nics[i];
                bool boots = mac_eq(&n->mac, &r->mac);

                /* A card without a driver has no address yet; what another guard says of it. */
                if ((nic->kind == GUEST_NIC_OTHER && !boots) || (nic->kind == GUEST_NIC_MAC && mac_eq(&n->mac, &nic->mac)))
                        return true;
        }
        return false;
}

/* Interfaces are named by the image's kernel, which may do it otherwise than the one that inspected: only cards are counted. */
static void
check_nic(const struct guard_request *r, struct guard_report *report)
{
        struct guest_nic nic;
        char value[GUEST_NIC_SIZE];
        struct error err;

        if (!guard_word(r->dom0_args, "dompool.guest-nic", value, sizeof(value)))
                return;
        if (guest_nic_parse(value, &nic, &err) < 0) {
                guard_add(report, GUARD_GUEST_NIC, "%s: guests will have no network card", err.message);
                return;
        }
        if (!r->hardware)
                return;
        if (nic.kind == GUEST_NIC_MAC && mac_eq(&nic.mac, &r->mac))
                guard_add(report, GUARD_GUEST_NIC, "guest-nic %s is the network card that boots, which keeps its address",
                          value);
        else if ((nic.kind == GUEST_NIC_OTHER || nic.kind == GUEST_NIC_MAC) && !has_nic(r, &nic))
                guard_add(report, GUARD_GUEST_NIC, "the machine has %u network card%s, and none that is guest-nic %s",
                          r->hardware->n_nics, r->hardware->n_nics == 1 ? "" : "s", value);
}

void
guard_guest_net(const struct guard_request *r, struct guard_report *report)
{
        check_vlans(r, report);
        check_nic(r, report);
}
