/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DHCP client as a state machine: what to send and when, no socket and no clock. Runs in dompool-init's unprivileged DHCP
 * child. Knows nothing of the bridge: the caller puts the lease there.
 */
#include "proto/dhcp_client.h"

#include <string.h>

#define FIRST_WAIT_MS 1000 /* shorter than RFC 2131's 4 s: a room that boots should not idle */
#define MAX_WAIT_MS 64000
#define REQUEST_TRIES 4         /* then DISCOVER again */
#define MIN_RENEW_WAIT_MS 60000 /* RFC 2131, 4.4.5 */
#define RESTART_WAIT_MS 10000   /* after a DECLINE (RFC 2131, 3.1, 5) */
#define MIN_LEASE_SECONDS 30    /* a server's shorter lease is taken as this: no storm of renewals on its word */
#define BROADCAST 0xffffffffu

static const uint8_t wanted_options[] = {
        DHCP_OPT_NETMASK,    DHCP_OPT_ROUTER,    DHCP_OPT_DNS, DHCP_OPT_HOSTNAME, DHCP_OPT_BROADCAST,
        DHCP_OPT_LEASE_TIME, DHCP_OPT_SERVER_ID, DHCP_OPT_T1,  DHCP_OPT_T2,
};

/* Starts a packet of ours. No client identifier (61): firmware's and ours would differ, and the MAC is to find the lease. */
static void
start_packet(const struct dhcp_client *c, struct dhcp_builder *b, uint8_t type, uint32_t ciaddr, int64_t now_ms)
{
        int64_t secs = (now_ms - c->start_ms) / 1000;
        struct dhcp_header h = {
                .op = DHCP_BOOTREQUEST,
                .xid = c->xid,
                .secs = (uint16_t)(secs < 0        ? 0
                                   : secs > 0xffff ? 0xffff
                                                   : secs),
                .ciaddr = ciaddr,
                .flags = ciaddr == 0 ? DHCP_FLAG_BROADCAST : 0, /* before the bridge has the address no unicast reaches us */
                .mac = c->mac,
        };

        dhcp_build_start(b, &h, type, 0);
}

/* The options of DISCOVER and REQUEST that say what we take. */
static void
add_wishes(struct dhcp_builder *b)
{
        dhcp_build_u16(b, DHCP_OPT_MAX_SIZE, DHCP_MAX_SIZE);
        dhcp_build_text(b, DHCP_OPT_VENDOR_CLASS, "dompool-init");
        dhcp_build_option(b, DHCP_OPT_PARAMETER_LIST, wanted_options, sizeof(wanted_options));
}

static void
finish_packet(struct dhcp_builder *b, struct dhcp_client_out *out, uint32_t source, uint32_t destination)
{
        out->size = dhcp_build_finish(b);
        memcpy(out->data, b->data, out->size);
        out->source = source;
        out->destination = destination;
}

static void
build_discover(const struct dhcp_client *c, int64_t now_ms, struct dhcp_client_out *out)
{
        struct dhcp_builder b;

        start_packet(c, &b, DHCP_DISCOVER, 0, now_ms);
        if (c->wanted != 0)
                dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, c->wanted);
        add_wishes(&b);
        finish_packet(&b, out, 0, BROADCAST);
}

/* REQUEST in answer to an offer. */
static void
build_select(const struct dhcp_client *c, int64_t now_ms, struct dhcp_client_out *out)
{
        struct dhcp_builder b;

        start_packet(c, &b, DHCP_REQUEST, 0, now_ms);
        dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, c->offered);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, c->offer_server);
        add_wishes(&b);
        finish_packet(&b, out, 0, BROADCAST);
}

/* REQUEST that prolongs: neither server identifier nor requested address (RFC 2131, table 4). */
static void
build_renew(const struct dhcp_client *c, int64_t now_ms, uint32_t destination, struct dhcp_client_out *out)
{
        struct dhcp_builder b;

        start_packet(c, &b, DHCP_REQUEST, c->lease.address, now_ms);
        add_wishes(&b);
        finish_packet(&b, out, c->lease.address, destination);
}

/* 1 s, 2 s, 4 s ... up to 64 s, each give or take a quarter, so that a room does not speak in step. */
static int64_t
back_off_ms(unsigned tries, uint32_t random)
{
        int64_t wait = FIRST_WAIT_MS;

        while (tries-- > 0 && wait < MAX_WAIT_MS)
                wait *= 2;
        return wait + (int64_t)(random % 501) * wait / 1000 - wait / 4;
}

static int64_t
lease_time(const struct dhcp_client *c, uint32_t seconds)
{
        return seconds == UINT32_MAX ? INT64_MAX : c->lease.bound_ms + (int64_t)seconds * 1000;
}

/* Half of what is left until @end, at least a minute, never beyond @end. */
static int64_t
renew_retry(int64_t now_ms, int64_t end)
{
        int64_t wait = (end - now_ms) / 2;

        if (wait < MIN_RENEW_WAIT_MS)
                wait = MIN_RENEW_WAIT_MS;
        return end - now_ms < wait ? end : now_ms + wait;
}

static void
start_anew(struct dhcp_client *c, int64_t at_ms)
{
        c->state = DHCP_CLIENT_INIT;
        c->tries = 0;
        c->deadline_ms = at_ms;
}

void
dhcp_client_init(struct dhcp_client *c, const struct mac *mac, uint32_t xid, int64_t now_ms)
{
        memset(c, 0, sizeof(*c));
        c->mac = *mac;
        c->xid = xid;
        start_anew(c, now_ms);
}

int64_t
dhcp_client_deadline(const struct dhcp_client *c)
{
        return c->deadline_ms;
}

static enum dhcp_client_event
tick_init(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        c->xid ^= random; /* each exchange has its own */
        c->start_ms = now_ms;
        c->state = DHCP_CLIENT_SELECTING;
        c->tries = 0;
        build_discover(c, now_ms, out);
        c->deadline_ms = now_ms + back_off_ms(0, random);
        return DHCP_CLIENT_NOTHING;
}

static enum dhcp_client_event
tick_selecting(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        build_discover(c, now_ms, out);
        c->deadline_ms = now_ms + back_off_ms(++c->tries, random);
        return DHCP_CLIENT_NOTHING;
}

static enum dhcp_client_event
tick_requesting(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        if (++c->tries >= REQUEST_TRIES)
                return tick_init(c, now_ms, random, out);
        build_select(c, now_ms, out);
        c->deadline_ms = now_ms + back_off_ms(c->tries, random);
        return DHCP_CLIENT_NOTHING;
}

/* BOUND, RENEWING and REBINDING: which of them it is, only the time says; each tick sends the request that is due then. */
static enum dhcp_client_event
tick_leased(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        int64_t t2 = lease_time(c, c->lease.t2_seconds), end = lease_time(c, c->lease.lease_seconds);

        if (now_ms >= end) {
                tick_init(c, now_ms, random, out);
                return DHCP_CLIENT_LOST;
        }
        if (c->state == DHCP_CLIENT_BOUND_STATE) {
                c->xid ^= random;
                c->start_ms = now_ms;
        }
        c->state = now_ms < t2 ? DHCP_CLIENT_RENEWING : DHCP_CLIENT_REBINDING;
        c->request_ms = now_ms;
        build_renew(c, now_ms, c->state == DHCP_CLIENT_RENEWING ? c->lease.server : BROADCAST, out);
        c->deadline_ms = renew_retry(now_ms, c->state == DHCP_CLIENT_RENEWING ? t2 : end);
        return DHCP_CLIENT_NOTHING;
}

static enum dhcp_client_event
tick_stopped(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        (void)c, (void)now_ms, (void)random, (void)out;
        return DHCP_CLIENT_NOTHING;
}

enum dhcp_client_event
dhcp_client_tick(struct dhcp_client *c, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        static enum dhcp_client_event (*const ticks[])(struct dhcp_client *, int64_t, uint32_t, struct dhcp_client_out *) = {
                [DHCP_CLIENT_INIT] = tick_init,
                [DHCP_CLIENT_SELECTING] = tick_selecting,
                [DHCP_CLIENT_REQUESTING] = tick_requesting,
                [DHCP_CLIENT_BOUND_STATE] = tick_leased,
                [DHCP_CLIENT_RENEWING] = tick_leased,
                [DHCP_CLIENT_REBINDING] = tick_leased,
                [DHCP_CLIENT_STOPPED] = tick_stopped,
        };

        out->size = 0;
        if (now_ms < c->deadline_ms)
                return DHCP_CLIENT_NOTHING;
        return ticks[c->state](c, now_ms, random, out);
}

/* Is @ip an address that a host can have? */
static bool
usable_address(uint32_t ip)
{
        return ip != 0 && ip >> 24 != 0 && ip >> 24 != 127 && ip >> 28 < 0xe;
}

/* A netmask has its ones on the left. */
static bool
usable_netmask(uint32_t mask)
{
        return mask != 0 && (~mask & (~mask + 1)) == 0;
}

static void
read_times(const struct dhcp_packet *p, struct dhcp_client_lease *l)
{
        if (l->lease_seconds < MIN_LEASE_SECONDS)
                l->lease_seconds = MIN_LEASE_SECONDS;
        if (!dhcp_option_u32(p, DHCP_OPT_T2, &l->t2_seconds) || l->t2_seconds >= l->lease_seconds || l->t2_seconds < 2)
                l->t2_seconds = (uint32_t)((uint64_t)l->lease_seconds * 7 / 8);
        if (!dhcp_option_u32(p, DHCP_OPT_T1, &l->t1_seconds) || l->t1_seconds >= l->t2_seconds || l->t1_seconds < 1)
                l->t1_seconds = l->lease_seconds / 2 < l->t2_seconds ? l->lease_seconds / 2 : l->t2_seconds / 2;
        if (l->lease_seconds == UINT32_MAX)
                l->t1_seconds = l->t2_seconds = UINT32_MAX;
}

/* false: an ACK that we cannot live with. */
static bool
read_lease(const struct dhcp_packet *p, int64_t bound_ms, struct dhcp_client_lease *l)
{
        memset(l, 0, sizeof(*l));
        l->address = p->h.yiaddr;
        l->bound_ms = bound_ms;
        if (!usable_address(l->address) || !dhcp_option_u32(p, DHCP_OPT_SERVER_ID, &l->server) || l->server == 0 ||
            !dhcp_option_u32(p, DHCP_OPT_LEASE_TIME, &l->lease_seconds) || l->lease_seconds == 0)
                return false;
        if (!dhcp_option_u32(p, DHCP_OPT_NETMASK, &l->netmask) || !usable_netmask(l->netmask))
                l->netmask = 0xffffff00u;
        if (!dhcp_option_u32(p, DHCP_OPT_BROADCAST, &l->broadcast))
                l->broadcast = l->address | ~l->netmask;
        if (!dhcp_option_first_ip4(p, DHCP_OPT_ROUTER, &l->router) || !usable_address(l->router))
                l->router = 0;
        if (!dhcp_option_first_ip4(p, DHCP_OPT_DNS, &l->dns) || !usable_address(l->dns))
                l->dns = 0;
        dhcp_option_text(p, DHCP_OPT_HOSTNAME, l->hostname, sizeof(l->hostname));
        read_times(p, l);
        return true;
}

static enum dhcp_client_event
take_offer(struct dhcp_client *c, const struct dhcp_packet *p, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        uint32_t server;

        if (p->type != DHCP_OFFER || !usable_address(p->h.yiaddr) || !dhcp_option_u32(p, DHCP_OPT_SERVER_ID, &server) ||
            server == 0)
                return DHCP_CLIENT_NOTHING;
        c->offered = p->h.yiaddr;
        c->offer_server = server;
        c->state = DHCP_CLIENT_REQUESTING;
        c->tries = 0;
        c->request_ms = now_ms;
        build_select(c, now_ms, out);
        c->deadline_ms = now_ms + back_off_ms(0, random);
        return DHCP_CLIENT_NOTHING;
}

static enum dhcp_client_event
become_bound(struct dhcp_client *c, const struct dhcp_client_lease *lease)
{
        bool had = c->state != DHCP_CLIENT_REQUESTING;

        c->lease = *lease;
        c->wanted = lease->address;
        c->state = DHCP_CLIENT_BOUND_STATE;
        c->tries = 0;
        c->deadline_ms = lease_time(c, lease->t1_seconds);
        return had ? DHCP_CLIENT_RENEWED : DHCP_CLIENT_BOUND;
}

static enum dhcp_client_event
take_answer(struct dhcp_client *c, const struct dhcp_packet *p, int64_t now_ms, uint32_t random, struct dhcp_client_out *out)
{
        bool leased = c->state != DHCP_CLIENT_REQUESTING;
        uint32_t expected = leased ? c->lease.address : c->offered, from = 0;
        struct dhcp_client_lease lease;

        /* While only one server was asked, nobody else may answer; CVE-2020-13529 was a client that listened to anybody. */
        if (!dhcp_option_u32(p, DHCP_OPT_SERVER_ID, &from) || (c->state == DHCP_CLIENT_REQUESTING && from != c->offer_server) ||
            (c->state == DHCP_CLIENT_RENEWING && from != c->lease.server))
                return DHCP_CLIENT_NOTHING;
        if (p->type == DHCP_NAK) {
                c->wanted = 0;
                /* A second's pause, so that a server that offers and refuses is not asked in a tight loop. */
                start_anew(c, now_ms + back_off_ms(0, random));
                return leased ? DHCP_CLIENT_LOST : DHCP_CLIENT_NOTHING;
        }
        if (p->type != DHCP_ACK || p->h.yiaddr != expected || !read_lease(p, c->request_ms, &lease))
                return DHCP_CLIENT_NOTHING;
        out->size = 0;
        return become_bound(c, &lease);
}

enum dhcp_client_event
dhcp_client_input(struct dhcp_client *c, const uint8_t *data, size_t size, int64_t now_ms, uint32_t random,
                  struct dhcp_client_out *out)
{
        struct dhcp_packet p;

        out->size = 0;
        if (dhcp_parse(data, size, &p) != 0 || p.h.op != DHCP_BOOTREPLY || p.h.xid != c->xid || !mac_eq(&p.h.mac, &c->mac))
                return DHCP_CLIENT_NOTHING;
        if (c->state == DHCP_CLIENT_SELECTING)
                return take_offer(c, &p, now_ms, random, out);
        if (c->state == DHCP_CLIENT_REQUESTING || c->state == DHCP_CLIENT_RENEWING || c->state == DHCP_CLIENT_REBINDING)
                return take_answer(c, &p, now_ms, random, out);
        return DHCP_CLIENT_NOTHING;
}

static bool
has_lease(const struct dhcp_client *c)
{
        return c->state == DHCP_CLIENT_BOUND_STATE || c->state == DHCP_CLIENT_RENEWING || c->state == DHCP_CLIENT_REBINDING;
}

void
dhcp_client_release(struct dhcp_client *c, struct dhcp_client_out *out)
{
        struct dhcp_builder b;

        out->size = 0;
        if (has_lease(c)) {
                start_packet(c, &b, DHCP_RELEASE, c->lease.address, c->start_ms);
                dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, c->lease.server);
                finish_packet(&b, out, c->lease.address, c->lease.server);
        }
        c->state = DHCP_CLIENT_STOPPED;
        c->deadline_ms = INT64_MAX;
}

enum dhcp_client_event
dhcp_client_decline(struct dhcp_client *c, int64_t now_ms, struct dhcp_client_out *out)
{
        struct dhcp_builder b;

        out->size = 0;
        if (!has_lease(c))
                return DHCP_CLIENT_NOTHING;
        start_packet(c, &b, DHCP_DECLINE, 0, c->start_ms);
        dhcp_build_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, c->lease.address);
        dhcp_build_u32(&b, DHCP_OPT_SERVER_ID, c->lease.server);
        finish_packet(&b, out, 0, BROADCAST);
        c->wanted = 0;
        start_anew(c, now_ms + RESTART_WAIT_MS);
        return DHCP_CLIENT_LOST;
}
