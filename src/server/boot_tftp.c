/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TFTP socket of the `boot` role: requests come in, transfers (boot_transfer.c) go out. Here are the limits: how many
 * transfers there may be in all and for one address. When a limit is reached the oldest transfer that nobody has acknowledged
 * yet gives way, so half-open ones, forged or not, keep nobody from booting.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/log.h"
#include "bootcfg/quirk_match.h"
#include "net/peer_count.h"
#include "server/boot_transfer.h"

#define BATCH 32
#define MAX_TRANSFERS 10000
#define MAX_PER_ADDRESS 128
#define READY 64 /* transfers that are looked after before anything else has its turn */
#define PROVED_SLOTS                                                                                                           \
        4096 /* as proved_slot() counts; direct-mapped by the address: a flood of them overwrites, it does not grow */
#define PROVED_MS (10 * 60 * 1000)

/* The transfers of one address. */
struct boot_peer {
        struct peer_count count; /* first: it is the entry of the table */
        struct boot_transfer *half_open;
};

/* An address that has acknowledged a block: it is no forged one. */
struct proved_slot {
        uint32_t address; /* 0: free */
        int64_t since_ms;
};

/* A request with where it came from and which of our addresses it went to. */
struct request {
        struct boot_transfer_key key;
        uint32_t local_address;
        struct tftp_request tftp;
        const struct lease *lease; /* of the address; NULL: none in force */
};

struct boot_tftp {
        struct boot *boot;
        struct boot_transfer_ctx ctx;
        uv_poll_t poll, transfers_poll; /* the socket of port 69; ctx.epoll, in which those of the transfers are */
        int fd;
        struct boot_transfer *transfers; /* by key */
        struct boot_transfer *half_open; /* oldest first */
        struct peer_count *peers;
        struct proved_slot proved[PROVED_SLOTS];

        struct mmsghdr messages[BATCH];
        struct iovec iov[BATCH];
        struct sockaddr_in from[BATCH];
        uint8_t packets[BATCH][TFTP_MAX_REQUEST + 1];
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(struct in_pktinfo))];
        } control[BATCH];
};

static struct boot_tftp *
tftp_of(const struct boot_transfer *t)
{
        return t->ctx->boot->tftp;
}

unsigned
boot_tftp_count(const struct boot_tftp *t)
{
        return HASH_COUNT(t->transfers);
}

/* --- Which transfers there are. --- */

static void
no_longer_half_open(struct boot_transfer *t)
{
        if (!t->half_open)
                return;
        t->half_open = false;
        DL_DELETE(tftp_of(t)->half_open, t);
        DL_DELETE2(t->peer->half_open, t, peer_prev, peer_next);
}

static struct proved_slot *
proved_slot(struct boot_tftp *s, uint32_t address)
{
        return &s->proved[address * 2654435761u >> 20];
}

static bool
has_proved_itself(struct boot_tftp *s, uint32_t address)
{
        const struct proved_slot *p = proved_slot(s, address);

        return p->address == address && clock_mono_ms(&s->boot->ctx->clock) - p->since_ms < PROVED_MS;
}

static void
on_first_ack(struct boot_transfer *t)
{
        struct boot_tftp *s = tftp_of(t);

        *proved_slot(s, t->key.address) =
                (struct proved_slot){.address = t->key.address, .since_ms = clock_mono_ms(&s->boot->ctx->clock)};
        no_longer_half_open(t);
}

static void
on_ended(struct boot_transfer *t)
{
        struct boot_tftp *s = tftp_of(t);

        no_longer_half_open(t);
        HASH_DEL(s->transfers, t);
        peer_count_give(&s->peers, &t->peer->count);
        t->peer = NULL;
}

static void
enlist(struct boot_tftp *s, struct boot_peer *peer, struct boot_transfer *t)
{
        t->peer = peer;
        t->half_open = true;
        HASH_ADD(hh, s->transfers, key, sizeof(t->key), t);
        DL_APPEND(s->half_open, t);
        DL_APPEND2(peer->half_open, t, peer_prev, peer_next);
}

/* Is there room for one more of this address? Makes it where an unacknowledged one can go. */
static bool
make_room(struct boot_tftp *s, uint32_t address)
{
        const struct boot_peer *p = (struct boot_peer *)peer_count_find(s->peers, address);

        if (p && p->count.n >= MAX_PER_ADDRESS) {
                if (!p->half_open)
                        return false;
                boot_transfer_drop(p->half_open);
        }
        if (HASH_COUNT(s->transfers) >= MAX_TRANSFERS) {
                if (!s->half_open)
                        return false;
                boot_transfer_drop(s->half_open);
        }
        return true;
}

/* --- Answering a request. --- */

/* From port 69: an error starts no transfer. Who asks from port 69 is never answered (CVE-2024-2169), so no two servers talk
 * for ever. */
static void
answer_error(const struct boot_tftp *s, const struct request *r, enum tftp_error code, const char *text)
{
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons((uint16_t)r->key.port), .sin_addr.s_addr = htonl(r->key.address)};
        uint8_t buf[TFTP_MAX_ANSWER];
        size_t size = tftp_build_error(buf, code, text);

        (void)!sendto(s->fd, buf, size, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
}

/* What a stranger may read: no path of ours, no errno. */
static const char *
public_text(enum tftp_error code)
{
        switch (code) {
        case TFTP_ERR_ACCESS:
                return "access refused";
        case TFTP_ERR_ILLEGAL:
                return "not in netascii, ask for octet";
        case TFTP_ERR_UNDEFINED:
                return "the file is damaged";
        default:
                return "no such file";
        }
}

/* A request that leads nowhere: an entry of the host's search trail. */
static void
answer_missing(const struct boot_tftp *s, const struct request *r, const struct bootfile *file, enum tftp_error code,
               enum boot_note_kind note, const char *why)
{
        char ip[IP4_TEXT_SIZE], text[BOOTFILE_PATH_SIZE + 100];
        const char *name = file->path[0] ? file->path : r->tftp.name;

        answer_error(s, r, code, public_text(code));
        if (!r->lease) { /* anybody on the LAN can cause these lines */
                log_debug("tftp missing file=%s address=%s reason=\"%s\"", name, ip4_text(r->key.address, ip), why);
                return;
        }
        log_info("tftp missing file=%s address=%s reason=\"%s\"", name, ip4_text(r->key.address, ip), why);
        snprintf(text, sizeof(text), "%s: %s", name, why);
        boot_report_note(s->boot->reports, &r->lease->mac, r->key.address, file->stage, note, true, text);
}

static int
open_menu(struct boot_tftp *s, const struct request *r, const struct bootfile *file, struct boot_content **ret)
{
        struct menu_served served;

        if (!boot_menu(s->boot, file, r->key.address, clock_wall_ms(&s->boot->ctx->clock), &served))
                return -EPERM;
        return boot_content_text(served.menu.text, served.menu.size, ret);
}

static int
open_content(struct boot_tftp *s, const struct request *r, const struct bootfile *file, struct boot_content **ret)
{
        struct boot_content *content;
        int e;

        if (file->kind == BOOTFILE_MENU || file->kind == BOOTFILE_MENU_DEFAULT)
                e = open_menu(s, r, file, &content);
        else
                e = boot_content_open(s->boot->contents, file->kind, file->path, &content);
        if (e == 0 && file->size != 0 && content->size != file->size) {
                boot_content_unref(s->boot->contents, content);
                return -EBADMSG;
        }
        if (e < 0)
                return e;
        if (r->tftp.netascii) {
                e = boot_content_netascii(s->boot->contents, content, ret);
                if (e < 0)
                        boot_content_unref(s->boot->contents, content);
                return e;
        }
        *ret = content;
        return 0;
}

/* Drops what this hardware is known to ask for and not to cope with. */
static void
heed_quirks(const struct boot_tftp *s, const struct request *r, struct tftp_options *o)
{
        const struct policy *p = s->boot->policy;
        struct policy_host known;
        const struct policy_host *h = p && r->lease ? policy_host_by_mac(p, &r->lease->mac, &known) : NULL;
        struct quirk_effects e;

        if (!h || h->n_quirks == 0)
                return;
        quirk_effects(p, h, QUIRK_ANY_FIRMWARE, &e);
        if (e.no_tftp_options)
                *o = (struct tftp_options){0};
        if (e.no_tftp_window)
                o->windowsize = 0;
        if (e.tftp_blksize && o->blksize > e.tftp_blksize)
                o->blksize = e.tftp_blksize;
}

static void
start_transfer(struct boot_tftp *s, const struct request *r, const struct bootfile *file, struct boot_content *content)
{
        struct boot_transfer *t = calloc(1, sizeof(*t));
        struct boot_peer *peer = t ? (struct boot_peer *)peer_count_take(&s->peers, r->key.address, sizeof(*peer)) : NULL;
        struct tftp_options options;
        int e;

        if (!peer) {
                free(t);
                boot_content_unref(s->boot->contents, content);
                return;
        }
        t->ctx = &s->ctx;
        t->key = r->key;
        t->content = content;
        t->stage = file->stage;
        snprintf(t->name, sizeof(t->name), "%s", r->tftp.name);
        t->has_mac = r->lease != NULL;
        if (r->lease)
                t->mac = r->lease->mac;
        enlist(s, peer, t);
        options = r->tftp.options;
        heed_quirks(s, r, &options);
        e = boot_transfer_start(t, r->local_address, &options, has_proved_itself(s, r->key.address));
        if (e < 0) {
                log_warning("tftp transfer not started error=\"%s\"", strerror(-e));
                on_ended(t);
                free(t);
        }
}

static void
serve(struct boot_tftp *s, const struct request *r)
{
        struct boot_content *content;
        struct bootfile file;
        int e;

        bootfile_resolve(s->boot->policy, r->tftp.name, &file);
        if (file.kind == BOOTFILE_REFUSED || file.kind == BOOTFILE_MISSING) {
                answer_missing(s, r, &file, file.kind == BOOTFILE_REFUSED ? TFTP_ERR_ACCESS : TFTP_ERR_NOT_FOUND,
                               BOOT_NOTE_MISSING, file.why);
                return;
        }
        if (!make_room(s, r->key.address))
                return; /* the client asks again, and then there may be room */
        e = open_content(s, r, &file, &content);
        if (e == 0)
                start_transfer(s, r, &file, content);
        else if (e == -EPERM)
                answer_missing(s, r, &file, TFTP_ERR_ACCESS, BOOT_NOTE_FOREIGN_MENU, "this is another host's menu");
        else if (e == -EBADMSG)
                answer_missing(s, r, &file, TFTP_ERR_UNDEFINED, BOOT_NOTE_DAMAGED, "not as long as it was built");
        else if (e == -EACCES)
                answer_missing(s, r, &file, TFTP_ERR_ACCESS, BOOT_NOTE_MISSING, "not a plain file below the boot files");
        else if (e == -EFBIG)
                answer_missing(s, r, &file, TFTP_ERR_ILLEGAL, BOOT_NOTE_MISSING, "too large for netascii");
        else
                answer_missing(s, r, &file, TFTP_ERR_NOT_FOUND, BOOT_NOTE_MISSING, strerror(-e));
}

/* true: the request belongs to a transfer that there is already. When many ask at once, a client asks again before its first
 * answer is there: the second request comes when the transfer moves already, and another transfer in its place would be one
 * that the client does not listen to. Where nothing moves, or another file is asked for, the port was taken anew. */
static bool
repeated(struct boot_tftp *s, const struct request *r)
{
        struct boot_transfer *t;

        HASH_FIND(hh, s->transfers, &r->key, sizeof(r->key), t);
        if (!t)
                return false;
        if (strcmp(t->name, r->tftp.name) == 0 && (t->half_open || boot_transfer_moves(t))) {
                if (t->half_open)
                        boot_transfer_repeat(t);
                return true;
        }
        boot_transfer_drop(t);
        return false;
}

/* Can an answer go there? */
static bool
answerable(const struct boot_transfer_key *k)
{
        return k->port != 0 && k->port != TFTP_PORT && k->address != 0 && k->address >> 28 < 0xe;
}

static void
handle(struct boot_tftp *s, const uint8_t *data, size_t size, struct request *r)
{
        const struct lease *l = lease_by_address(s->boot->server.leases, r->key.address);
        int why;

        if (!answerable(&r->key))
                return;
        r->lease = l && lease_kept(l, clock_wall_ms(&s->boot->ctx->clock)) ? l : NULL;
        why = tftp_parse_request(data, size, &r->tftp);
        if (why == TFTP_REFUSED_SHORT || why == TFTP_REFUSED_OPCODE)
                return; /* never an answer to an ERROR, an ACK or noise */
        if (why != 0)
                answer_error(s, r, TFTP_ERR_ILLEGAL, "malformed request");
        else if (r->tftp.opcode == TFTP_WRQ)
                answer_error(s, r, TFTP_ERR_ACCESS, "nothing can be written here");
        else if (!repeated(s, r))
                serve(s, r);
}

/* The address of ours that the packet was sent to. */
static uint32_t
local_address(struct boot_tftp *s, struct msghdr *m)
{
        struct in_pktinfo info;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        return ntohl(info.ipi_spec_dst.s_addr);
                }
        return s->boot->server.address;
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
        struct boot_tftp *s = poll->data;
        struct request r;
        int n;

        (void)events;
        if (status < 0)
                return;
        for (int i = 0; i < BATCH; i++) {
                s->iov[i] = (struct iovec){.iov_base = s->packets[i], .iov_len = sizeof(s->packets[i])};
                s->messages[i].msg_hdr = (struct msghdr){.msg_name = &s->from[i],
                                                         .msg_namelen = sizeof(s->from[i]),
                                                         .msg_iov = &s->iov[i],
                                                         .msg_iovlen = 1,
                                                         .msg_control = s->control[i].space,
                                                         .msg_controllen = sizeof(s->control[i].space)};
        }
        n = recvmmsg(s->fd, s->messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
                r.key.address = ntohl(s->from[i].sin_addr.s_addr);
                r.key.port = ntohs(s->from[i].sin_port);
                r.local_address = local_address(s, &s->messages[i].msg_hdr);
                handle(s, s->packets[i], s->messages[i].msg_len, &r);
        }
}

/* Some transfer has got an answer. The only one there is need not be asked for. */
static void
on_transfers_readable(uv_poll_t *poll, int status, int events)
{
        struct boot_tftp *s = poll->data;
        struct epoll_event ready[READY];
        int n;

        (void)status;
        (void)events;
        if (HASH_COUNT(s->transfers) == 1) {
                boot_transfer_readable_alone(s->transfers);
                return;
        }
        n = epoll_wait(s->ctx.epoll, ready, READY, 0);
        for (int i = 0; i < n; i++)
                boot_transfer_readable(ready[i].data.ptr);
}

/* libuv watches the set as a whole: for each socket of its own it makes seven system calls where one does. */
static int
watch_transfers(struct boot_tftp *s)
{
        int r;

        s->ctx.epoll = epoll_create1(EPOLL_CLOEXEC);
        if (s->ctx.epoll < 0)
                return -errno;
        r = uv_poll_init(s->boot->ctx->loop, &s->transfers_poll, s->ctx.epoll);
        if (r < 0)
                return r;
        s->transfers_poll.data = s;
        return uv_poll_start(&s->transfers_poll, UV_READABLE, on_transfers_readable);
}

int
boot_tftp_start(struct boot *b, int fd, struct error *err)
{
        struct boot_tftp *s = calloc(1, sizeof(*s));
        int on = 1, r;

        if (!s)
                return error_errno_set(err, ENOMEM, "tftp");
        b->tftp = s;
        s->boot = b;
        s->fd = fd;
        s->ctx.boot = b;
        s->ctx.acked = on_first_ack;
        s->ctx.ended = on_ended;
        if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
                return error_errno_set(err, errno, "tftp socket: IP_PKTINFO");
        boot_transfer_init(&s->ctx);
        r = watch_transfers(s);
        if (r == 0)
                r = uv_poll_init(b->ctx->loop, &s->poll, fd);
        if (r < 0)
                return error_errno_set(err, -r, "tftp socket");
        s->poll.data = s;
        return uv_poll_start(&s->poll, UV_READABLE, on_readable);
}
