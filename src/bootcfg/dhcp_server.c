/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DHCP packet is answered with. Pure but for the lease table. Runs in dompoold's `boot` role; the socket is
 * role_boot.c's, the journal boot_journal.c's.
 */
#include "bootcfg/dhcp_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define IP_UDP_HEADERS 28
#define MAX_ECHO                                                                                                               \
        255 /* of client identifier and relay options: longer ones are no honest client's, and no echo is owed to them */
#define UUID_OPTION_SIZE 17

static const struct config_network *
network_of(const struct dhcp_server *s)
{
        return &policy_header(s->policy)->network;
}

static uint32_t
netmask_of(const struct dhcp_server *s)
{
        return prefix_mask(network_of(s)->prefix);
}

/* An address that a host of the boot LAN can have. */
static bool
on_network(const struct dhcp_server *s, uint32_t address)
{
        uint32_t mask = netmask_of(s);

        return (address & mask) == (network_of(s)->net & mask) && (address & ~mask) != 0 && (address & ~mask) != ~mask;
}

bool
dhcp_server_wants_boot(const struct dhcp_packet *p, uint32_t *ret_arch)
{
        const uint8_t *arch;
        size_t size;

        *ret_arch = UINT32_MAX;
        if (!dhcp_option_begins(p, DHCP_OPT_VENDOR_CLASS, "PXEClient"))
                return false;
        /* A list of types (RFC 4578, 2.1); firmware sends one. PXE without option 93 is an old BIOS. */
        arch = dhcp_option(p, DHCP_OPT_CLIENT_ARCH, &size);
        *ret_arch = arch && size >= 2 ? (uint32_t)(arch[0] << 8 | arch[1]) : 0;
        return true;
}

static void
silence(struct dhcp_decision *d, const char *reason)
{
        d->reply = 0;
        d->reason = reason;
}

/* --- Building. --- */

/* Copies an option of the request into the reply (61: RFC 6842, 82: RFC 3046, 97: PXE 2.1). */
static void
echo_option(const struct dhcp_packet *p, uint8_t code, size_t min, size_t max, struct dhcp_builder *b)
{
        size_t size;
        const uint8_t *data = dhcp_option(p, code, &size);

        if (data && size >= min && size <= max)
                dhcp_build_option(b, code, data, size);
}

static void
add_network(const struct dhcp_server *s, struct dhcp_builder *b)
{
        const struct config_network *n = network_of(s);
        uint32_t mask = netmask_of(s);

        dhcp_build_u32(b, DHCP_OPT_NETMASK, mask);
        if (n->router != 0)
                dhcp_build_u32(b, DHCP_OPT_ROUTER, n->router);
        if (n->dns != 0)
                dhcp_build_u32(b, DHCP_OPT_DNS, n->dns);
        dhcp_build_u32(b, DHCP_OPT_BROADCAST, n->net | ~mask);
}

static void
add_times(const struct dhcp_server *s, struct dhcp_builder *b)
{
        uint32_t seconds = network_of(s)->lease_seconds;

        dhcp_build_u32(b, DHCP_OPT_LEASE_TIME, seconds);
        dhcp_build_u32(b, DHCP_OPT_T1, seconds / 2);
        dhcp_build_u32(b, DHCP_OPT_T2, (uint32_t)((uint64_t)seconds * 7 / 8));
}

/* As a DHCP server that names the boot file itself we need no PXE vendor options (43, 60): they would only make firmware look
 * for a boot server. The name goes into both places, with its NUL in 67: some ROMs read only one, some need the NUL. */
static void
add_boot_file(const struct dhcp_server *s, const struct menu_loader *loader, struct dhcp_builder *b)
{
        char ip[IP4_TEXT_SIZE];

        dhcp_build_text(b, DHCP_OPT_TFTP_SERVER, ip4_text(s->address, ip));
        dhcp_build_option(b, DHCP_OPT_BOOT_FILE, loader->boot_file, strlen(loader->boot_file) + 1);
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

static size_t
max_reply_size(const struct dhcp_packet *p)
{
        uint16_t size;

        return dhcp_option_u16(p, DHCP_OPT_MAX_SIZE, &size) && size > IP_UDP_HEADERS ? size - IP_UDP_HEADERS : 0;
}

static struct dhcp_header
reply_header(const struct dhcp_packet *p)
{
        return (struct dhcp_header){
                .op = DHCP_BOOTREPLY,
                .xid = p->h.xid,
                .flags = p->h.flags,
                .giaddr = p->h.giaddr,
                .mac = p->h.mac,
        };
}

static void
finish(const struct dhcp_packet *p, uint8_t type, struct dhcp_builder *b, struct dhcp_decision *d)
{
        echo_option(p, DHCP_OPT_CLIENT_ID, 2, MAX_ECHO, b);
        echo_option(p, DHCP_OPT_RELAY_AGENT, 0, MAX_ECHO, b); /* last: RFC 3046, 2.1 */
        d->size = dhcp_build_finish(b);
        if (d->size == 0) {
                silence(d, "the answer does not fit into what the client takes");
                return;
        }
        memcpy(d->data, b->data, d->size);
        dhcp_reply_destination(&p->h, type, &d->destination, &d->port);
        d->reply = type;
}

/* OFFER and ACK. @address 0: the answer to an INFORM, which has an address of its own and gets no lease. */
static void
grant(const struct dhcp_server *s, const struct dhcp_packet *p, uint8_t type, uint32_t address, struct dhcp_decision *d)
{
        struct dhcp_header h = reply_header(p);
        struct dhcp_builder b;
        uint32_t arch;

        if (dhcp_server_wants_boot(p, &arch))
                d->loader = arch <= UINT16_MAX ? menu_loader_by_arch((uint16_t)arch) : NULL;
        h.ciaddr = type == DHCP_ACK ? p->h.ciaddr : 0;
        h.yiaddr = address;
        if (d->loader) {
                h.siaddr = s->address;
                str_copy(h.file, sizeof(h.file), d->loader->boot_file);
        }
        dhcp_build_start(&b, &h, type, max_reply_size(p));
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, s->address);
        if (address != 0)
                add_times(s, &b);
        add_network(s, &b);
        dhcp_build_text(&b, DHCP_OPT_HOSTNAME, d->host->name);
        if (d->loader) {
                add_boot_file(s, d->loader, &b);
                add_ipxe(p, &b);
        }
        echo_option(p, DHCP_OPT_CLIENT_UUID, UUID_OPTION_SIZE, UUID_OPTION_SIZE, &b);
        finish(p, type, &b, d);
}

static void
refuse(const struct dhcp_server *s, const struct dhcp_packet *p, const char *reason, struct dhcp_decision *d)
{
        struct dhcp_header h = reply_header(p);
        struct dhcp_builder b;

        if (h.giaddr != 0)
                h.flags |= DHCP_FLAG_BROADCAST; /* RFC 2131, 4.3.2 */
        dhcp_build_start(&b, &h, DHCP_NAK, max_reply_size(p));
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, s->address);
        dhcp_build_text(&b, DHCP_OPT_MESSAGE, reason);
        finish(p, DHCP_NAK, &b, d);
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
        d->lease_changed = state != LEASE_OFFERED; /* an offer binds nobody: it need not survive */
        return true;
}

static int64_t
lease_ms(const struct dhcp_server *s)
{
        return (int64_t)network_of(s)->lease_seconds * 1000;
}

static bool
owns(const struct dhcp_server *s, const struct mac *mac, uint32_t address, int64_t now_ms)
{
        const struct lease *l = lease_by_mac(s->leases, mac);

        return l && l->address == address && lease_active(l, now_ms);
}

static void
acknowledge(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t address, int64_t now_ms, struct dhcp_decision *d)
{
        uint32_t arch;

        if (!put_lease(s, &p->h.mac, address, LEASE_BOUND, now_ms + lease_ms(s), d))
                return;
        grant(s, p, DHCP_ACK, address, d);
        d->event = dhcp_server_wants_boot(p, &arch) ? DHCP_EVENT_BOOT : DHCP_EVENT_LEASE;
        if (d->event == DHCP_EVENT_BOOT && !d->loader)
                d->note = BOOT_NOTE_NO_LOADER;
}

/* --- The messages. --- */

static void
on_discover(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        uint32_t wanted = 0, address;

        dhcp_option_u32(p, DHCP_OPT_REQUESTED_ADDRESS, &wanted);
        address = lease_pick(s->leases, &p->h.mac, wanted, now_ms);
        if (address == 0 || !on_network(s, address)) {
                silence(d, address == 0 ? "no address is free" : "its fixed address is not on the boot LAN");
                d->note = BOOT_NOTE_NO_ADDRESS;
                return;
        }
        if (!owns(s, &p->h.mac, address, now_ms) &&
            !put_lease(s, &p->h.mac, address, LEASE_OFFERED, now_ms + LEASE_OFFER_MS, d))
                return;
        grant(s, p, DHCP_OFFER, address, d);
}

/* The client chose; maybe not us. */
static void
on_select(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t server, uint32_t wanted, int64_t now_ms,
          struct dhcp_decision *d)
{
        const struct lease *l = lease_by_mac(s->leases, &p->h.mac);

        if (server != s->address) {
                if (l && l->state == LEASE_OFFERED)
                        put_lease(s, &p->h.mac, l->address, LEASE_RELEASED, now_ms, d);
                d->lease_changed = false; /* an offer taken back was never on disk */
                silence(d, "it chose another server");
                d->note = BOOT_NOTE_OTHER_SERVER;
                d->other_server = server;
        } else if (lease_address_free_for(s->leases, &p->h.mac, wanted, now_ms) && on_network(s, wanted)) {
                acknowledge(s, p, wanted, now_ms, d);
        } else {
                refuse(s, p, "the address is not this host's", d);
        }
}

/* INIT-REBOOT: an address of an earlier time, asked for by broadcast. Without a record of the client silence is due (RFC
 * 2131, 4.3.2). */
static void
on_reboot(struct dhcp_server *s, const struct dhcp_packet *p, uint32_t wanted, int64_t now_ms, struct dhcp_decision *d)
{
        bool known = lease_by_mac(s->leases, &p->h.mac) || d->host->address != 0;

        if (!on_network(s, wanted))
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
        if (on_network(s, p->h.ciaddr) && lease_address_free_for(s->leases, &p->h.mac, p->h.ciaddr, now_ms))
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

static void
on_decline(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        const struct lease *l = lease_by_mac(s->leases, &p->h.mac);
        uint32_t address = 0;

        dhcp_option_u32(p, DHCP_OPT_REQUESTED_ADDRESS, &address);
        silence(d, "declined: the address is used by somebody else");
        if (!meant_for_us(s, p) || !owns(s, &p->h.mac, address, now_ms))
                silence(d, "DECLINE of an address that is not its own");
        else if (l->state == LEASE_BOUND && now_ms - (l->expiry_ms - lease_ms(s)) > DHCP_SERVER_DECLINE_MS)
                silence(d, "DECLINE of an address in use: not believed");
        else if (put_lease(s, &p->h.mac, address, LEASE_DECLINED, now_ms + LEASE_QUARANTINE_MS, d))
                d->event = DHCP_EVENT_LEASE;
}

static void
on_release(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        silence(d, "released");
        if (!meant_for_us(s, p) || !owns(s, &p->h.mac, p->h.ciaddr, now_ms))
                silence(d, "RELEASE of an address that is not its own");
        else if (put_lease(s, &p->h.mac, p->h.ciaddr, LEASE_RELEASED, now_ms, d))
                d->event = DHCP_EVENT_LEASE;
}

static void
on_inform(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *d)
{
        (void)now_ms;
        if (on_network(s, p->h.ciaddr))
                grant(s, p, DHCP_ACK, 0, d);
        else
                silence(d, "INFORM from outside the boot LAN");
}

void
dhcp_server_decide(struct dhcp_server *s, const struct dhcp_packet *p, int64_t now_ms, struct dhcp_decision *ret)
{
        static void (*const handlers[])(struct dhcp_server *, const struct dhcp_packet *, int64_t, struct dhcp_decision *) = {
                [DHCP_DISCOVER] = on_discover, [DHCP_REQUEST] = on_request, [DHCP_DECLINE] = on_decline,
                [DHCP_RELEASE] = on_release,   [DHCP_INFORM] = on_inform,
        };

        memset(ret, 0, offsetof(struct dhcp_decision, data));
        ret->size = 0;
        if (p->h.op != DHCP_BOOTREQUEST || p->type >= N_ELEMENTS(handlers) || !handlers[p->type]) {
                silence(ret, "not a client's message");
                return;
        }
        ret->host = s->policy ? policy_host_by_mac(s->policy, &p->h.mac) : NULL;
        if (!ret->host) {
                silence(ret, "unknown MAC");
                ret->event = DHCP_EVENT_UNKNOWN;
        } else if (p->h.giaddr != 0 && !on_network(s, p->h.giaddr)) {
                silence(ret, "relayed from a network that is not ours");
        } else {
                handlers[p->type](s, p, now_ms, ret);
        }
}

int
dhcp_server_configure(struct dhcp_server *s)
{
        const struct config_network *n = network_of(s);
        const struct lease_pool pool = {.first = n->range_first, .last = n->range_last, .exclude = {s->address, n->router}};
        uint32_t n_hosts = policy_header(s->policy)->n_hosts, n_fixed = 0;
        _cleanup_free_ struct lease_reservation *fixed = calloc((size_t)n_hosts + 1, sizeof(*fixed));

        if (!fixed)
                return -ENOMEM;
        for (uint32_t i = 0; i < n_hosts; i++) {
                const struct policy_host *h = policy_host_at(s->policy, i);

                if (h->address != 0)
                        fixed[n_fixed++] = (struct lease_reservation){.mac = h->mac, .address = h->address};
        }
        return lease_table_configure(s->leases, &pool, fixed, n_fixed);
}
