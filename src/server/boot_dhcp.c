/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP sockets of the `boot` role: port 67 of each interface, and 4011 where we are a proxy. What to answer is
 * src/bootcfg/dhcp_server.c's.
 *
 *     batch of packets --> decisions --+--> OFFERs, which promise nothing: leave at once
 *       ^                              +--> ACKs and other changes of leases: wait
 *       +-- more packets, a lease is new: they come along
 *                          no more, or MAX_ROUNDS: one write and fdatasync for all that wait --> core, files --> the ACKs
 * leave
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/udp.h"
#include "server/boot.h"
#include "server/boot_dhcp_send.h"

#define BATCH BOOT_DHCP_BATCH
#define UNTAKEN_SLOTS 4096 /* direct-mapped by the MAC */
#define UNTAKEN_TELL 3 /* so many OFFERs in a row that nobody took are worth a note; firmware repeats itself once or twice */
#define SETTLE_MS 500  /* records that no ACK waits for are on disk after that time */
#define MAX_ROUNDS 4   /* batches before one fdatasync: who floods us keeps no ACK back for longer */
#define MAX_WAITING (MAX_ROUNDS * BATCH)
#define HELD_MS 1      /* between two looks whether the interface's full queue takes answers again */
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

struct answer {
        struct dhcp_decision decision;
        struct note note;
};

/* One socket. */
struct boot_dhcp {
        struct boot *boot;
        struct dhcp_arrival at; /* of what it receives, but for the sender */
        uv_poll_t poll;
        int fd;
        int64_t quiet_until_ms;
        unsigned n_malformed; /* since the last complaint */
        uv_timer_t settle, held;
        int64_t now_ms; /* monotonic: of the batch */

        struct mmsghdr messages[BATCH];
        struct iovec iov[BATCH];
        struct sockaddr_in from[BATCH];
        uint8_t packets[BATCH][DHCP_MAX_SIZE + 1]; /* a byte more, so that too long ones show */
        struct dhcp_packet parsed;
        struct untaken untaken[UNTAKEN_SLOTS];
        struct answer now[BATCH];
        struct answer waiting[MAX_WAITING]; /* for the journal */
        unsigned n_waiting;

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

/* Packet @i of the batch becomes d->parsed; false: it is none. */
static bool
parse(struct boot_dhcp *d, unsigned i)
{
        size_t size = d->messages[i].msg_len;
        int why = dhcp_parse(d->packets[i], size, &d->parsed);

        if (why == 0)
                return true;
        d->n_malformed++;
        if (speak(d, d->now_ms)) {
                log_warning("dhcp malformed packets=%u last=\"%s\" size=%zu", d->n_malformed, dhcp_refusal_text(why), size);
                d->n_malformed = 0;
        }
        return false;
}

/* d->parsed, which @from sent. */
static void
handle(struct boot_dhcp *d, const struct sockaddr_in *from, int64_t wall_ms, struct answer *ret)
{
        struct boot *b = d->boot;
        struct dhcp_decision *r = &ret->decision;

        ret->note.kind = BOOT_NOTE_NONE;
        d->at.source = ntohl(from->sin_addr.s_addr);
        d->at.source_port = ntohs(from->sin_port);
        dhcp_server_decide(&b->server, &d->parsed, &d->at, wall_ms, r);
        if (!r->host || log_budget_take(&b->lines, d->now_ms))
                log_decision(&d->parsed, r);
        make_note(d, r, &ret->note);
        if (r->event == DHCP_EVENT_UNKNOWN)
                boot_report_unknown(b->reports, b->policy, &d->parsed, r->network);
        else if (r->host && r->network)
                boot_report_seen(b->reports, b->policy, &d->parsed, r->network);
        if (r->lease_changed)
                boot_journal_append(b->journal, &r->lease, r->lease_urgent);
}

static void
on_held(uv_timer_t *timer)
{
        struct boot_dhcp *d = timer->data;

        boot_dhcp_send_held(&d->sender, d->fd, d->boot->server.address, clock_mono_ms(&d->boot->ctx->clock));
        if (d->sender.n_held == 0)
                uv_timer_stop(timer);
}

/* At most a batch. One that cannot leave keeps none of the others. */
static void
send_replies(struct boot_dhcp *d, struct answer *answers, unsigned n)
{
        struct boot_dhcp_answer out[BATCH];
        unsigned n_out = 0;
        int r;

        for (unsigned i = 0; i < n; i++) {
                struct dhcp_decision *x = &answers[i].decision;

                if (x->reply)
                        out[n_out++] = (struct boot_dhcp_answer){
                                .data = x->data, .size = x->size, .to = x->destination, .port = x->port};
        }
        r = boot_dhcp_send(&d->sender, d->fd, d->boot->server.address, out, n_out, d->now_ms);
        if (d->sender.n_held > 0 && !uv_is_active((uv_handle_t *)&d->held))
                uv_timer_start(&d->held, on_held, HELD_MS, HELD_MS);
        if (r < 0 && speak(d, d->now_ms))
                log_warning("dhcp answer not sent error=\"%s\"", strerror(-r));
}

/* What core hears of a decision whose lease is on disk. */
static void
report(struct boot_dhcp *d, const struct answer *a)
{
        struct boot_reports *reports = d->boot->reports;
        const struct dhcp_decision *r = &a->decision;
        const struct note *note = &a->note;

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

/* What waits goes on record, then to the other roles and to those who asked. */
static void
commit(struct boot_dhcp *d)
{
        struct boot *b = d->boot;
        int r = boot_journal_sync(b->journal, b->server.leases);

        if (r < 0 && speak(d, d->now_ms))
                log_error("lease journal cannot be written, no lease is granted error=\"%s\"", strerror(-r));
        if (boot_journal_unsettled(b->journal) && !uv_is_active((uv_handle_t *)&d->settle))
                uv_timer_start(&d->settle, on_settle, SETTLE_MS, 0);
        role_hold(b->ctx, ROLE_FILES, true);
        for (unsigned i = 0; i < d->n_waiting; i++) {
                struct answer *a = &d->waiting[i];

                if (is_empty_promise(&a->decision, r)) /* it was never said */
                        a->decision.reply = 0;
                else
                        report(d, a);
        }
        role_hold(b->ctx, ROLE_FILES, false); /* it has the leases before the hosts have */
        for (unsigned i = 0; i < d->n_waiting; i += BATCH)
                send_replies(d, d->waiting + i, d->n_waiting - i < BATCH ? d->n_waiting - i : BATCH);
        d->n_waiting = 0;
}

/* Decides on @n packets. Of DISCOVER and INFORM nothing goes on record, so they are answered; the others wait for commit(). */
static void
handle_batch(struct boot_dhcp *d, unsigned n)
{
        int64_t wall_ms = clock_wall_ms(&d->boot->ctx->clock);
        unsigned n_now = 0;

        d->now_ms = clock_mono_ms(&d->boot->ctx->clock);
        for (unsigned i = 0; i < n; i++) {
                if (!parse(d, i))
                        continue;
                if (d->parsed.type == DHCP_DISCOVER || d->parsed.type == DHCP_INFORM)
                        handle(d, &d->from[i], wall_ms, &d->now[n_now++]);
                else
                        handle(d, &d->from[i], wall_ms, &d->waiting[d->n_waiting++]);
        }
        for (unsigned i = 0; i < n_now; i++)
                report(d, &d->now[i]);
        send_replies(d, d->now, n_now);
}

static int
receive(struct boot_dhcp *d)
{
        for (int i = 0; i < BATCH; i++) {
                d->iov[i] = (struct iovec){.iov_base = d->packets[i], .iov_len = sizeof(d->packets[i])};
                d->messages[i].msg_hdr = (struct msghdr){
                        .msg_name = &d->from[i], .msg_namelen = sizeof(d->from[i]), .msg_iov = &d->iov[i], .msg_iovlen = 1};
        }
        return recvmmsg(d->fd, d->messages, BATCH, MSG_DONTWAIT, NULL);
}

/* Who asks while we work comes along, where all will wait for the disk. */
static void
on_readable(uv_poll_t *poll, int status, int events)
{
        struct boot_dhcp *d = poll->data;
        int n;

        (void)events;
        if (status < 0) { /* libuv lets go of a socket that has an error; ours has only heard of one that somebody else has */
                udp_drop_errors(d->fd);
                uv_poll_start(poll, UV_READABLE, on_readable);
                return;
        }
        for (unsigned round = 0; round < MAX_ROUNDS; round++) {
                n = receive(d);
                if (n > 0)
                        handle_batch(d, (unsigned)n);
                if (n <= 0 || !boot_journal_urgent(d->boot->journal))
                        break;
        }
        commit(d);
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
        r = udp_report_drops(fd);
        if (r < 0)
                return error_errno_set(err, -r, "dhcp socket: IP_RECVERR");
        r = uv_poll_init(b->ctx->loop, &d->poll, fd);
        if (r < 0)
                return error_errno_set(err, -r, "dhcp socket");
        uv_timer_init(b->ctx->loop, &d->settle);
        uv_timer_init(b->ctx->loop, &d->held);
        d->poll.data = d->settle.data = d->held.data = d;
        return uv_poll_start(&d->poll, UV_READABLE, on_readable);
}
