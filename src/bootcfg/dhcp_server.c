/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP packet is answered with where the addresses are ours. Pure but for the lease table. Runs in dompoold's `boot`
 * role; the socket is role_boot.c's, the journal boot_journal.c's.
 */
#include "bootcfg/dhcp_network.h"
#include "bootcfg/dhcp_proxy.h"
#include "bootcfg/dhcp_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define silence dhcp_reply_silence

/* An address that a host of the packet's network can have. */
static bool
on_network(const struct dhcp_decision *d, uint32_t address)
{
        return config_network_has(d->network, address);
}

/* --- Building. --- */

/* A subnet of ours without a router: this server is named as one. It forwards nothing, but so its hosts reach the boot LAN's
 * address, at which it serves files. */
static uint32_t
router_of(const struct dhcp_server *s, const struct config_network *n)
{
        return n->router != 0 || n->address == s->address ? n->router : n->address;
}

static void
add_network(const struct dhcp_server *s, const struct config_network *n, struct dhcp_builder *b)
{
        uint32_t mask = prefix_mask(n->prefix), router = router_of(s, n);

        dhcp_build_u32(b, DHCP_OPT_NETMASK, mask);
        if (router != 0)
                dhcp_build_u32(b, DHCP_OPT_ROUTER, router);
        if (n->dns != 0)
                dhcp_build_u32(b, DHCP_OPT_DNS, n->dns);
        dhcp_build_u32(b, DHCP_OPT_BROADCAST, n->net | ~mask);
}

static uint32_t
lease_seconds(const struct dhcp_decision *d)
{
        uint32_t seconds = d->network->lease_seconds;

        return d->host->guest && seconds > GUEST_LEASE_SECONDS ? GUEST_LEASE_SECONDS : seconds;
}

static void
add_times(uint32_t seconds, struct dhcp_builder *b)
{

        dhcp_build_u32(b, DHCP_OPT_LEASE_TIME, seconds);
        dhcp_build_u32(b, DHCP_OPT_T1, seconds / 2);
        dhcp_build_u32(b, DHCP_OPT_T2, (uint32_t)((uint64_t)seconds * 7 / 8));
}

/*
 * iPXE waits for a proxyDHCP server's offer beside the one that it has: 2 s and on until its timer next goes off, which the
 * builds inside of network cards' ROMs let happen after 12 s (PXE 2.1's timing). Who names the boot file says that none will
 * come.
 */
static void
add_ipxe(const struct dhcp_packet *p, struct dhcp_builder *b)
{
        static const uint8_t no_proxy_dhcp[] = {176, 1, 1};
        size_t size;

        if (dhcp_option(p, DHCP_OPT_IPXE, &size))
                dhcp_build_option(b, DHCP_OPT_IPXE, no_proxy_dhcp, sizeof(no_proxy_dhcp));
}

/* OFFER and ACK. @address 0: the answer to an INFORM, which has an address of its own and gets no lease. As a DHCP server that
 * names the boot file itself we need no PXE vendor options (43, 60): they would only make firmware look for a boot server. */
static void
grant(const struct dhcp_server *s, const struct dhcp_packet *p, uint8_t type, uint32_t address, struct dhcp_decision *d)
{
        struct dhcp_header h = dhcp_reply_header(p);
        struct dhcp_builder b;
        struct firmware f;

        h.ciaddr = type == DHCP_ACK ? p->h.ciaddr : 0;
        h.yiaddr = address;
        if (firmware_parse(p, &f) && dhcp_reply_choose_loader(s, &f, NULL, d))
                dhcp_reply_boot_header(s, d, &h);
        dhcp_build_start(&b, &h, type, dhcp_reply_max_size(p));
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, s->address);
        if (address != 0)
                add_times(lease_seconds(d), &b);
        add_network(s, d->network, &b);
        dhcp_build_text(&b, DHCP_OPT_HOSTNAME, d->host->name);
        if (d->loader) {
                dhcp_reply_boot_options(s, &f, d, &b);
                add_ipxe(p, &b);
        }
        dhcp_reply_echo_uuid(p, &b);
        if (h.giaddr != 0) /* RFC 3011: who selected a subnet is told that it was understood */
                dhcp_reply_echo(p, DHCP_OPT_SUBNET_SELECTION, 4, 4, &b);
        dhcp_reply_finish(p, type, &b, d);
}

static void
refuse(const struct dhcp_server *s, const struct dhcp_packet *p, const char *reason, struct dhcp_decision *d)
{
        struct dhcp_header h = dhcp_reply_header(p);
        struct dhcp_builder b;

        if (h.giaddr != 0)
                h.flags |= DHCP_FLAG_BROADCAST; /* RFC 2131, 4.3.2 */
        dhcp_build_start(&b, &h, DHCP_NAK, dhcp_reply_max_size(p));
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, s->address);
        dhcp_build_text(&b, DHCP_OPT_MESSAGE, reason);
        dhcp_reply_finish(p, DHCP_NAK, &b, d);
        d->reason = reason;
}

/* --- Leases. --- */

/* Enters a lease; false (and silence) when the table is full. */
static bool
put_lease(struct dhcp_server *s, const struct mac *mac, uint32_t address, enum lease_state state, int64_t expiry_ms,
          struct dhcp_decision *d)
{
        struct lease l = {.mac = *mac, .address = address, .state = state, .expiry_ms = expiry_ms};

        if (lease_put(s->leases, &l) < 0) {
                silence(d, "the lease table is full");
                return false;
        }
        d->lease = l;
        d->lease_changed = d->lease_urgent = state != LEASE_OFFERED; /* an offer binds nobody: it need not survive */
        return true;
}

static int64_t
lease_ms(const struct dhcp_decision *d)
{
        return (int64_t)lease_seconds(d) * 1000;
}

static bool
owns(const struct dhcp_server *s, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct lease *l = lease_by_mac(s->leases, mac);

        return l && l->address == address && lease_active(l, now_ms);
}

/* May this host, or guest, tie the address up until then? false: and silence. */
static bool
within_share(struct dhcp_server *s, const struct mac *mac, uint32_t address, int64_t until_ms, int64_t now_ms,
             struct dhcp_decision *d)
{
        if (!d->host->guest || guest_share_take(&s->guests, d->network, mac, address, until_ms, now_ms))
                return true;
        silence(d, "machines under inspection hold all addresses that they may (a quarter of the range)");
        d->note = BOOT_NOTE_NO_ADDRESS;
        return false;
}

/*
 * A lease is recorded for a quarter longer than the host is told, so that a renewal, or a boot after a boot, need not be: what
 * is on record covers it.
 */
static bool
bind_lease(struct dhcp_server *s, const struct mac *mac, uint32_t address, int64_t now_ms, struct dhcp_decision *d)
{
        const struct lease *had = lease_by_mac(s->leases, mac);
        int64_t expiry_ms = now_ms + lease_ms(d);
        bool covered = had && had->state == LEASE_BOUND && had->address == address && had->held_ms >= expiry_ms;
        struct lease l = {.mac = *mac,
                          .address = address,
                          .state = LEASE_BOUND,
                          .expiry_ms = expiry_ms,
                          .held_ms = covered ? had->held_ms : expiry_ms + lease_ms(d) / 4};

        if (!within_share(s, mac, address, lease_end(&l), now_ms, d))
                return false;
        if (lease_put(s->leases, &l) < 0) {
                silence(d, "the lease table is full");
                return false;
        }
        d->lease = l;
        d->lease_changed = !covered;
        d->lease_urgent = !covered;
        return true;
}

static void
acknowledge(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t address, int64_t now_ms, struct dhcp_decision *d)
{
        struct firmware f;

        if (!bind_lease(s, &p->h.mac, address, now_ms, d))
                return;
        grant(s, p, DHCP_ACK, address, d);
        d->event = firmware_parse(p, &f) ? DHCP_EVENT_BOOT : DHCP_EVENT_LEASE;
        if (d->event == DHCP_EVENT_BOOT && !d->loader)
                d->note = BOOT_NOTE_NO_LOADER;
}

/* --- The messages. --- */

static void
on_discover(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        uint32_t wanted = 0, address;

        dhcp_option_u32(p, DHCP_OPT_REQUESTED_ADDRESS, &wanted);
        address = lease_pick(s->leases, (size_t)(d->network - s->networks), &p->h.mac, wanted, now_ms);
        if (address == 0) {
                silence(d, "no address is free");
                d->note = BOOT_NOTE_NO_ADDRESS;
                return;
        }
        if (!owns(s, &p->h.mac, address, now_ms) &&
            (!within_share(s, &p->h.mac, address, now_ms + LEASE_OFFER_MS, now_ms, d) ||
             !put_lease(s, &p->h.mac, address, LEASE_OFFERED, now_ms + LEASE_OFFER_MS, d)))
                return;
        grant(s, p, DHCP_OFFER, address, d);
}

/* Another server's address on a network where they are ours: worth a word, for this is how boots fail. */
static void
chose_another(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t server, uint32_t wanted, int64_t now_ms,
              struct dhcp_decision *d)
{
        const struct lease *l = lease_by_mac(s->leases, &p->h.mac);

        d->event = DHCP_EVENT_FOREIGN;
        d->note = BOOT_NOTE_OTHER_SERVER;
        d->foreign = server;
        d->wanted = wanted;
        d->offered = l && l->state == LEASE_OFFERED;
        if (d->offered)
                put_lease(s, &p->h.mac, l->address, LEASE_RELEASED, now_ms, d);
        d->lease_changed = false; /* an offer taken back was never on disk */
        silence(d, "it chose another server");
}

/* The client chose; maybe not us. */
static void
on_select(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t server, uint32_t wanted, int64_t now_ms,
          struct dhcp_decision *d)
{
        if (server != s->address)
                chose_another(s, p, server, wanted, now_ms, d);
        else if (lease_address_free_for(s->leases, &p->h.mac, wanted, now_ms) && on_network(d, wanted))
                acknowledge(s, p, wanted, now_ms, d);
        else
                refuse(s, p, "the address is not this host's", d);
}

/* INIT-REBOOT: an address of an earlier time, asked for by broadcast. Without a record of the client silence is due (RFC
 * 2131, 4.3.2). */
static void
on_reboot(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t wanted, int64_t now_ms, struct dhcp_decision *d)
{
        bool known = lease_by_mac(s->leases, &p->h.mac) || d->host->address != 0;

        if (!on_network(d, wanted))
                refuse(s, p, "the address is not on this network", d);
        else if (!known)
                silence(d, "it asks for an address that we have no record of");
        else if (!lease_address_free_for(s->leases, &p->h.mac, wanted, now_ms))
                refuse(s, p, "the address is not this host's", d);
        else
                acknowledge(s, p, wanted, now_ms, d);
}

/* RENEWING and REBINDING: the client uses ciaddr. Nobody else may have it; a lost record is no reason to cut a running host
 * off. */
static void
on_renew(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        if (on_network(d, p->h.ciaddr) && lease_address_free_for(s->leases, &p->h.mac, p->h.ciaddr, now_ms))
                acknowledge(s, p, p->h.ciaddr, now_ms, d);
        else
                refuse(s, p, "the address is not this host's", d);
}

static void
on_request(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        uint32_t server, wanted = 0;
        bool has_wanted = dhcp_option_u32(p, DHCP_OPT_REQUESTED_ADDRESS, &wanted);

        if (dhcp_option_u32(p, DHCP_OPT_SERVER_ID, &server))
                on_select(s, p, server, has_wanted ? wanted : p->h.ciaddr, now_ms, d);
        else if (has_wanted && p->h.ciaddr == 0)
                on_reboot(s, p, wanted, now_ms, d);
        else if (p->h.ciaddr != 0)
                on_renew(s, p, now_ms, d);
        else
                silence(d, "a REQUEST without any address");
}

/* For DECLINE and RELEASE: named us, or nobody. */
static bool
meant_for_us(const struct dhcp_server *s, const struct dhcp_packet *p)
{
        uint32_t server;

        return !dhcp_option_u32(p, DHCP_OPT_SERVER_ID, &server) || server == s->address;
}

/* Only of an address that was acknowledged just now, by the one to whom: it is to be tested then (RFC 2131, 3.1). */
static const char *
decline_fault(const struct dhcp_server *s, const struct dhcp_packet *p, uint32_t address, int64_t now_ms,
              const struct dhcp_decision *d)
{
        const struct lease *l = lease_by_mac(s->leases, &p->h.mac);

        if (!meant_for_us(s, p) || !l || l->state != LEASE_BOUND || l->address != address)
                return "DECLINE of an address that is not its own";
        if (now_ms - (l->expiry_ms - lease_ms(d)) > DHCP_SERVER_DECLINE_MS)
                return "DECLINE of an address in use: not believed";
        if (!lease_may_decline(s->leases, &p->h.mac, address, now_ms))
                return "DECLINE once too often: not believed";
        return NULL;
}

static void
on_decline(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        uint32_t address = 0;
        const char *fault;

        dhcp_option_u32(p, DHCP_OPT_REQUESTED_ADDRESS, &address);
        fault = decline_fault(s, p, address, now_ms, d);
        silence(d, fault ? fault : "declined: the address is used by somebody else");
        if (!fault && put_lease(s, &p->h.mac, address, LEASE_DECLINED, now_ms + LEASE_QUARANTINE_MS, d)) {
                d->event = DHCP_EVENT_LEASE;
                if (d->host->guest)
                        guest_share_decline(&s->guests, &p->h.mac, now_ms + LEASE_QUARANTINE_MS);
        }
}

/* The address stays its host's until the lease would have ended: whoever sends this in its name takes nothing away. */
static void
on_release(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        silence(d, "released");
        if (!meant_for_us(s, p) || !owns(s, &p->h.mac, p->h.ciaddr, now_ms))
                silence(d, "RELEASE of an address that is not its own");
        else if (put_lease(s, &p->h.mac, p->h.ciaddr, LEASE_RELEASED, lease_end(lease_by_mac(s->leases, &p->h.mac)), d))
                d->event = DHCP_EVENT_LEASE;
}

static void
on_inform(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        (void)now_ms;
        if (on_network(d, p->h.ciaddr))
                grant(s, p, DHCP_ACK, 0, d);
        else
                silence(d, "INFORM from outside the boot LAN");
}

typedef void message_fn(struct dhcp_server *, const struct dhcp_packet *, int64_t, struct dhcp_decision *);

static message_fn *const messages[] = {
        [DHCP_DISCOVER] = on_discover, [DHCP_REQUEST] = on_request, [DHCP_DECLINE] = on_decline,
        [DHCP_RELEASE] = on_release,   [DHCP_INFORM] = on_inform,
};

void
dhcp_server_decide(struct dhcp_server *s, const struct dhcp_packet *p, const struct dhcp_arrival *from, int64_t now_ms,
                   struct dhcp_decision *ret)
{
        const char *why = NULL;

        memset(ret, 0, offsetof(struct dhcp_decision, data));
        ret->size = 0;
        if (p->h.op != DHCP_BOOTREQUEST || p->type >= N_ELEMENTS(messages) || !messages[p->type]) {
                silence(ret, "not a client's message");
                return;
        }
        ret->host = s->policy ? policy_host_by_mac(s->policy, &p->h.mac, &ret->known) : NULL;
        ret->network = s->n_networks > 0 ? dhcp_network_find(s, p, from, &why) : NULL;
        if (!ret->host) {
                silence(ret, "unknown MAC");
                ret->event = DHCP_EVENT_UNKNOWN;
                return;
        }
        if (!ret->network)
                silence(ret, why);
        else if (ret->network->mode == NETWORK_PROXY)
                dhcp_proxy_decide(s, p, from, now_ms, ret);
        else if (from->port == DHCP_PXE_PORT)
                silence(ret, "no boot server is asked where the boot file came with the address");
        else
                messages[p->type](s, p, now_ms, ret);
}

/* Pools of the networks, in their order; proxied ones have none. */
static void
fill_pools(const struct dhcp_server *s, struct lease_pool pools[CONFIG_MAX_NETWORKS])
{
        for (uint32_t i = 0; i < s->n_networks; i++) {
                const struct config_network *n = &s->networks[i];

                pools[i] = (struct lease_pool){.net = n->net, .mask = prefix_mask(n->prefix)};
                if (n->mode != NETWORK_PROXY) {
                        pools[i].first = n->range_first;
                        pools[i].last = n->range_last;
                }
                memcpy(pools[i].exclude, (uint32_t[]){s->address, n->address, n->router, n->relay}, sizeof(pools[i].exclude));
        }
}

int
dhcp_server_configure(struct dhcp_server *s)
{
        const struct policy_header *h = policy_header(s->policy);
        struct lease_pool pools[CONFIG_MAX_NETWORKS];
        uint32_t n_fixed = 0;
        _cleanup_free_ struct lease_reservation *fixed = calloc((size_t)h->n_hosts + 1, sizeof(*fixed));

        s->networks = h->networks;
        s->n_networks = h->n_networks;
        if (!fixed)
                return -ENOMEM;
        fill_pools(s, pools);
        for (uint32_t i = 0; i < h->n_hosts; i++) {
                struct policy_host host;

                if (policy_host_at(s->policy, i, &host) && host.address != 0)
                        fixed[n_fixed++] = (struct lease_reservation){.mac = host.mac, .address = host.address};
        }
        return lease_table_configure(s->leases, pools, s->n_networks, fixed, n_fixed);
}
