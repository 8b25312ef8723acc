/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP sockets of the `boot` role: port 67 of each interface, and 4011 where we are a proxy. A batch of packets is read and
 * decided, the leases of all of them go to disk with one fdatasync, and only then the answers leave. What to answer is
 * src/bootcfg/dhcp_server.c's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "server/boot.h"
#include "server/boot_dhcp_send.h"

#define BATCH BOOT_DHCP_BATCH
#define UNTAKEN_SLOTS 4096 /* direct-mapped by the MAC */
#define UNTAKEN_TELL 3 /* so many OFFERs in a row that nobody took are worth a note; firmware repeats itself once or twice */
#define SETTLE_MS 500  /* records that no ACK waits for are on disk after that time */
#define QUIET_MS 10000 /* complaints about malformed packets and failed writes: one in that time */

/* OFFERs to one MAC since it last took one. */
struct untaken {
        struct mac mac;
        unsigned n;
};

/* What is worth telling of a packet besides its lease; it leaves after the stage that the packet reached. */
struct note {
        enum boot_note_kind kind;
        bool firmware;
        struct mac mac;
        char text[64];
};

/* One socket. */
struct boot_dhcp {
        struct boot *boot;
        struct dhcp_arrival at; /* of what it receives, but for the sender */
        uv_poll_t poll;
        int fd;
        int64_t quiet_until_ms;
        unsigned n_malformed; /* since the last complaint */
        uv_timer_t settle;
        int64_t now_ms; /* monotonic: of the batch */

        struct mmsghdr messages[BATCH];
        struct iovec iov[BATCH];
        struct sockaddr_in from[BATCH];
        uint8_t packets[BATCH][DHCP_MAX_SIZE + 1]; /* a byte more, so that too long ones show */
        struct dhcp_packet parsed;
        struct untaken untaken[UNTAKEN_SLOTS];
        struct dhcp_decision decisions[BATCH];
        struct note notes[BATCH];

        struct boot_dhcp_sender sender;
};

/* May a complaint of this kind be logged now? */
static bool
speak(struct boot_dhcp *d, int64_t now_ms)
{
        if (now_ms < d->quiet_until_ms)
                return false;
        d->quiet_until_ms = now_ms + QUIET_MS;
        return true;
}

static void
log_decision(const struct dhcp_packet *p, const struct dhcp_decision *d)
{
        char mac[MAC_TEXT_SIZE], ip[IP4_TEXT_SIZE];
        uint32_t address = d->lease.address ? d->lease.address : p->h.ciaddr;

        if (!d->host && log_max_level() < LOG_LEVEL_DEBUG)
                return;
        if (!d->host) { /* anybody can send these; core hears of them at a limited rate */
                log_debug("dhcp %s mac=%s ignored reason=\"%s\"", dhcp_type_name(p->type), mac_text(&p->h.mac, mac), d->reason);
                return;
        }
        log_info("dhcp %s mac=%s host=%s reply=%s address=%s loader=%s reason=\"%s\"", dhcp_type_name(p->type),
                 mac_text(&p->h.mac, mac), d->host->name, d->reply ? dhcp_type_name(d->reply) : "none", ip4_text(address, ip),
                 d->loader ? d->boot_name : "", d->reason ? d->reason : "");
}

/* Counts what the MAC makes of our OFFERs; true when it is time to say that it takes none. */
static bool
takes_none(struct boot_dhcp *d, const struct mac *mac, uint8_t reply)
{
        struct untaken *u = &d->untaken[mac_hash(mac) % UNTAKEN_SLOTS];

        if (!mac_eq(&u->mac, mac) || reply != DHCP_OFFER)
                *u = (struct untaken){.mac = *mac};
        return reply == DHCP_OFFER && ++u->n % UNTAKEN_TELL == 0;
}

/* A relay agent that reads raw frames on a virtual link sees a batch of answers as one: who has none of them takes any. */
static void
send_singly(struct boot_dhcp *d)
{
        if (!d->sender.no_gso)
                log_notice("dhcp: hosts behind a relay agent take no offers, its answers leave singly from now on");
        d->sender.no_gso = true;
}

/* @d->parsed was decided as @r: what core is to know of it besides leases and stages, and what it tells of its loader. */
static void
make_note(struct boot_dhcp *d, const struct dhcp_decision *r, struct note *ret)
{
        const struct dhcp_packet *p = &d->parsed;
        struct firmware firmware;
        char ip[IP4_TEXT_SIZE];

        ret->kind = r->note;
        if (r->event == DHCP_EVENT_BOOT && firmware_parse(p, &firmware) && firmware.client == FIRMWARE_IPXE)
                boot_loader_runs(d->boot, &p->h.mac);
        if (r->host && takes_none(d, &p->h.mac, r->reply)) {
                ret->kind = ret->kind == BOOT_NOTE_NONE ? BOOT_NOTE_UNREQUESTED : ret->kind;
                if (p->h.giaddr != 0 && r->network->mode != NETWORK_PROXY)
                        send_singly(d);
        }
        if (ret->kind == BOOT_NOTE_NONE)
                return;
        *ret = (struct note){.kind = ret->kind, .firmware = firmware_parse(p, &firmware), .mac = p->h.mac};
        if (ret->kind == BOOT_NOTE_OTHER_SERVER)
                str_copy(ret->text, sizeof(ret->text), ip4_text(r->foreign, ip));
        else if (ret->kind == BOOT_NOTE_NO_LOADER)
                snprintf(ret->text, sizeof(ret->text), "architecture %u", firmware.arch);
        else if (ret->kind == BOOT_NOTE_LOADER)
                snprintf(ret->text, sizeof(ret->text), "nothing followed %s the last time, now %s", r->failed->name,
                         r->loader->name);
        else if (ret->kind == BOOT_NOTE_UNREQUESTED)
                snprintf(ret->text, sizeof(ret->text), "%s offered in vain", ip4_text(r->lease.address, ip));
        else if (r->reason)
                str_copy(ret->text, sizeof(ret->text), r->reason);
}

static void
handle(struct boot_dhcp *d, int i, int64_t wall_ms, struct dhcp_decision *ret, struct note *ret_note)
{
        struct boot *b = d->boot;
        size_t size = d->messages[i].msg_len;
        int why = dhcp_parse(d->packets[i], size, &d->parsed);

        ret->reply = 0;
        ret->lease_changed = false;
        ret->event = DHCP_EVENT_NONE;
        ret_note->kind = BOOT_NOTE_NONE;
        if (why != 0) {
                d->n_malformed++;
                if (speak(d, d->now_ms)) {
                        log_warning("dhcp malformed packets=%u last=\"%s\" size=%zu", d->n_malformed, dhcp_refusal_text(why),
                                    size);
                        d->n_malformed = 0;
                }
                return;
        }
        d->at.source = ntohl(d->from[i].sin_addr.s_addr);
        d->at.source_port = ntohs(d->from[i].sin_port);
        dhcp_server_decide(&b->server, &d->parsed, &d->at, wall_ms, ret);
        if (!ret->host || log_budget_take(&b->lines, d->now_ms))
                log_decision(&d->parsed, ret);
        make_note(d, ret, ret_note);
        if (ret->event == DHCP_EVENT_UNKNOWN)
                boot_report_unknown(b->reports, b->policy, &d->parsed, ret->network);
        else if (ret->host && ret->network)
                boot_report_seen(b->reports, b->policy, &d->parsed, ret->network);
        if (ret->lease_changed)
                boot_journal_append(b->journal, &ret->lease, ret->lease_urgent);
}

/* The answers of a batch of @n packets. One that cannot leave keeps none of the others. */
static void
send_replies(struct boot_dhcp *d, int n)
{
        struct boot_dhcp_answer answers[BATCH];
        unsigned n_answers = 0;
        int r;

        for (int i = 0; i < n; i++) {
                struct dhcp_decision *x = &d->decisions[i];

                if (x->reply)
                        answers[n_answers++] = (struct boot_dhcp_answer){
                                .data = x->data, .size = x->size, .to = x->destination, .port = x->port};
        }
        r = boot_dhcp_send(&d->sender, d->fd, d->boot->server.address, answers, n_answers);
        if (r < 0 && speak(d, d->now_ms))
                log_warning("dhcp answer not sent error=\"%s\"", strerror(-r));
}

/* What core hears of a decision whose lease is on disk. */
static void
report(struct boot_dhcp *d, const struct dhcp_decision *r, const struct note *note)
{
        struct boot_reports *reports = d->boot->reports;

        if (r->event == DHCP_EVENT_BOOT) {
                boot_ndp_expect(d->boot->ndp, &r->lease.mac, d->now_ms);
                if (boot_report_due(reports, d->boot->policy, &r->lease.mac, r->boot_name))
                        boot_report_firmware(reports, &r->lease.mac, r->lease.address, &r->firmware,
                                             r->loader ? r->boot_name : "no loader for this firmware");
        }
        if (note->kind != BOOT_NOTE_NONE)
                boot_report_note(reports, &note->mac, r->lease.address, note->firmware ? STAGE_DHCP : STAGE_INIT, note->kind,
                                 note->firmware, note->text);
        if (r->event == DHCP_EVENT_FOREIGN)
                boot_report_foreign(reports, r);
        if (r->lease_changed)
                boot_report_lease(reports, &r->lease);
}

/* Was a lease promised that is not on record? Addresses that are another server's are only noted. */
static bool
is_empty_promise(const struct dhcp_decision *r, int sync)
{
        return sync < 0 && (r->lease_changed || (r->reply == DHCP_ACK && r->lease.address != 0)) &&
               r->network->mode != NETWORK_PROXY;
}

static void
on_settle(uv_timer_t *timer)
{
        struct boot_dhcp *d = timer->data;
        int r = boot_journal_settle(d->boot->journal);

        if (r < 0 && speak(d, clock_mono_ms(&d->boot->ctx->clock)))
                log_error("lease journal cannot be brought to disk error=\"%s\"", strerror(-r));
}

static void
handle_batch(struct boot_dhcp *d, int n)
{
        struct boot *b = d->boot;
        int64_t wall_ms = clock_wall_ms(&b->ctx->clock);
        int r;

        d->now_ms = clock_mono_ms(&b->ctx->clock);
        for (int i = 0; i < n; i++)
                handle(d, i, wall_ms, &d->decisions[i], &d->notes[i]);
        r = boot_journal_sync(b->journal, b->server.leases);
        if (r < 0 && speak(d, d->now_ms))
                log_error("lease journal cannot be written, no lease is granted error=\"%s\"", strerror(-r));
        if (boot_journal_unsettled(b->journal) && !uv_is_active((uv_handle_t *)&d->settle))
                uv_timer_start(&d->settle, on_settle, SETTLE_MS, 0);
        role_hold(b->ctx, ROLE_FILES, true);
        for (int i = 0; i < n; i++) {
                const struct dhcp_decision *x = &d->decisions[i];

                if (is_empty_promise(x, r)) /* it was never said */
                        d->decisions[i].reply = 0;
                else
                        report(d, x, &d->notes[i]);
        }
        role_hold(b->ctx, ROLE_FILES, false); /* it has the leases before the hosts have */
        send_replies(d, n);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
        struct boot_dhcp *d = poll->data;
        int n;

        (void)events;
        if (status < 0)
                return;
        for (int i = 0; i < BATCH; i++) {
                d->iov[i] = (struct iovec){.iov_base = d->packets[i], .iov_len = sizeof(d->packets[i])};
                d->messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &d->from[i], .msg_namelen = sizeof(d->from[i]), .msg_iov = &d->iov[i], .msg_iovlen = 1};
        }
        n = recvmmsg(d->fd, d->messages, BATCH, MSG_DONTWAIT, NULL);
        if (n > 0)
                handle_batch(d, n);
}

int
boot_dhcp_start(struct boot *b, int fd, uint16_t port, uint32_t network, struct error *err)
{
        struct boot_dhcp *d = calloc(1, sizeof(*d));
        int on = 1, r;

        if (!d)
                return error_errno_set(err, ENOMEM, "dhcp");
        d->boot = b;
        d->fd = fd;
        d->at.port = port;
        d->at.network = network;
        if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0)
                return error_errno_set(err, errno, "dhcp socket: SO_BROADCAST");
        r = uv_poll_init(b->ctx->loop, &d->poll, fd);
        if (r < 0)
                return error_errno_set(err, -r, "dhcp socket");
        uv_timer_init(b->ctx->loop, &d->settle);
        d->poll.data = d->settle.data = d;
        return uv_poll_start(&d->poll, UV_READABLE, on_readable);
}
