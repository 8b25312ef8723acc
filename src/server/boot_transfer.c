/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TFTP transfer: carries blocks from a content to a socket as tftp_xfer says, and tells core when the file has arrived.
 * Runs in dompoold's unprivileged `boot` role.
 */
#include "server/boot_transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/log.h"
#include "net/udp.h"

#define MAX_DATAGRAM 65507

/*
 * In lock-step a sleeping process costs more than the block: the ACK of a near client is back before it sleeps soundly. So a
 * transfer that is alone looks for its next ACK for LINGER_NS, and all others wait for LINGER_TURN_NS at most. When a client is
 * not that near, it is let go, for twice as many blocks each time: a slow one costs a look in LINGER_MAX_PAUSE blocks.
 */
#define LINGER_NS 100000
#define LINGER_TURN_NS 1000000
#define LINGER_MAX_PAUSE 255

/* How long a full queue of the interface is left alone: at 1 Gbit/s it has room for five windows of 16 blocks by then. */
#define HELD_MS 1
#define CROWDED_MS 100 /* files is told again */

#define MOVES_MS 3000 /* a client that wants anything of its transfer says so within that time */

static int64_t
now_ms(const struct boot_transfer *t)
{
        return clock_mono_ms(&t->ctx->boot->ctx->clock);
}

static void
on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void
leave_line(struct boot_transfer *t)
{
        if (!t->held)
                return;
        t->held = false;
        DL_DELETE2(t->ctx->held, t, held_prev, held_next);
}

/* The end, good or bad. */
static void
end(struct boot_transfer *t)
{
        if (t->over)
                return;
        t->over = true;
        leave_line(t);
        t->ctx->ended(t);
        boot_content_unref(t->ctx->boot->contents, t->content);
        t->content = NULL;
        close(t->fd); /* leaves the epoll set */
        uv_close((uv_handle_t *)&t->timer, on_closed);
}

bool
boot_transfer_moves(const struct boot_transfer *t)
{
        return t->heard_ms != 0 && now_ms(t) - t->heard_ms < MOVES_MS && !tftp_xfer_may_have_all(&t->xfer);
}

void
boot_transfer_drop(struct boot_transfer *t)
{
        end(t);
}

static void
log_end(const struct boot_transfer *t, const char *how, const char *detail)
{
        char ip[IP4_TEXT_SIZE];

        if (!log_budget_take(&t->ctx->boot->lines, now_ms(t)))
                return;
        log_info("tftp %s file=%s address=%s size=%llu blksize=%u window=%u ms=%lld detail=\"%s\"", how, t->name,
                 ip4_text(t->key.address, ip), (unsigned long long)t->xfer.size, t->xfer.blksize, t->xfer.window,
                 (long long)(now_ms(t) - t->started_ms), detail);
}

/* Tells core that the file has arrived, where that is news. */
static void
tell_arrival(const struct boot_transfer *t)
{
        struct boot *b = t->ctx->boot;
        int64_t attempt_ms = t->stage >= STAGE_MENU ? menu_attempts_get(b->attempts, &t->mac) : 0;
        char text[TFTP_NAME_SIZE + 160], again[48] = "";

        snprintf(text, sizeof(text), "%s %lld", t->name, (long long)attempt_ms);
        if (!boot_report_due(b->reports, b->policy, &t->mac, text))
                return;
        if (t->xfer.again > 0)
                snprintf(again, sizeof(again), ", %llu blocks sent again", (unsigned long long)t->xfer.again);
        snprintf(text, sizeof(text), "%s, %llu bytes in %lld ms%s", t->name, (unsigned long long)t->xfer.size,
                 (long long)(now_ms(t) - t->started_ms), again);
        boot_report_stage(b->reports, &t->mac, t->key.address, t->stage, attempt_ms, text);
}

/* The whole file has arrived. */
static void
arrived(struct boot_transfer *t)
{
        struct boot *b = t->ctx->boot;

        log_end(t, "sent", "");
        if (t->has_mac) {
                if (t->stage >= STAGE_MENU)
                        boot_loader_runs(b, &t->mac);
                else
                        loader_memory_fetched(b->server.memory, &t->mac, t->name + strspn(t->name, "/"));
                tell_arrival(t);
        }
        end(t);
}

static void
failed(struct boot_transfer *t, const char *why)
{
        char text[TFTP_NAME_SIZE + 160];

        log_end(t, "broken off", why);
        /* A loader that asks only for the size, and then breaks off before the first block, is in order. */
        if (t->has_mac && t->xfer.acked_to > 0) {
                snprintf(text, sizeof(text), "%s, about %llu of %llu bytes: %s", t->name,
                         (unsigned long long)(t->xfer.acked_to * t->xfer.blksize), (unsigned long long)t->xfer.size, why);
                boot_report_note(t->ctx->boot->reports, &t->mac, t->key.address, t->stage, BOOT_NOTE_CUT, true, text);
        }
        end(t);
}

static void
send_error(struct boot_transfer *t, enum tftp_error code, const char *text)
{
        uint8_t buf[TFTP_MAX_ANSWER];
        size_t size = tftp_build_error(buf, code, text);

        (void)!send(t->fd, buf, size, MSG_DONTWAIT);
}

/* 0 or negative errno. */
static int
send_oack(const struct boot_transfer *t)
{
        uint8_t buf[TFTP_MAX_ANSWER];
        size_t size = tftp_build_oack(buf, &t->xfer.accepted, t->xfer.size);

        return send(t->fd, buf, size, MSG_DONTWAIT) < 0 ? udp_send_error(errno) : 0;
}

/* Some blocks of equal size (but for the last) in one system call: the kernel cuts them. How many have left, or negative errno;
 * so do send_one(), send_each() and send_some(). */
static int
send_segmented(const struct boot_transfer *t, struct iovec *iov, unsigned n_blocks)
{
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(uint16_t))];
        } control;
        struct msghdr m = {.msg_iov = iov,
                           .msg_iovlen = 2 * (size_t)n_blocks,
                           .msg_control = control.space,
                           .msg_controllen = sizeof(control.space)};
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        uint16_t segment = (uint16_t)(TFTP_HEADER_SIZE + t->xfer.blksize);

        c->cmsg_level = IPPROTO_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof(segment));
        memcpy(CMSG_DATA(c), &segment, sizeof(segment));
        return sendmsg(t->fd, &m, MSG_DONTWAIT) < 0 ? udp_send_error(errno) : (int)n_blocks;
}

static int
send_one(const struct boot_transfer *t, struct iovec *iov)
{
        const struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};

        return sendmsg(t->fd, &m, MSG_DONTWAIT) < 0 ? udp_send_error(errno) : 1;
}

static int
send_each(const struct boot_transfer *t, struct iovec *iov, unsigned n_blocks)
{
        struct mmsghdr *messages = t->ctx->messages;
        int n;

        memset(messages, 0, n_blocks * sizeof(messages[0]));
        for (unsigned i = 0; i < n_blocks; i++) {
                messages[i].msg_hdr.msg_iov = iov + 2 * i;
                messages[i].msg_hdr.msg_iovlen = 2;
        }
        n = sendmmsg(t->fd, messages, n_blocks, MSG_DONTWAIT);
        return n < 0 ? udp_send_error(errno) : n;
}

static int
send_some(const struct boot_transfer *t, struct iovec *iov, unsigned n_blocks)
{
        int r = -EOPNOTSUPP;

        if (n_blocks == 1)
                return send_one(t, iov);
        if (!t->ctx->no_gso)
                r = send_segmented(t, iov, n_blocks);
        if (r > 0 || !udp_lacks_segmentation(-r))
                return r;
        t->ctx->no_gso = true;
        return send_each(t, iov, n_blocks);
}

/*
 * Sends blocks first..first+n-1, by one system call where the kernel can. The kernel reads the file's pages itself: a file that
 * was cut meanwhile is its -EFAULT, not our SIGBUS. @ret_n: how many have left before the error.
 */
static int
send_blocks(const struct boot_transfer *t, uint64_t first, uint32_t n, uint32_t *ret_n)
{
        unsigned at_once = MAX_DATAGRAM / (TFTP_HEADER_SIZE + t->xfer.blksize);
        struct boot_transfer_ctx *ctx = t->ctx;
        int r;

        for (uint32_t i = 0; i < n; i++) {
                uint64_t offset;
                uint32_t size;

                tftp_xfer_block(&t->xfer, first + i, &offset, &size);
                tftp_build_data_header(ctx->headers[i], (uint16_t)(first + i));
                ctx->iov[2 * i] = (struct iovec){.iov_base = ctx->headers[i], .iov_len = TFTP_HEADER_SIZE};
                ctx->iov[2 * i + 1] =
                        (struct iovec){.iov_base = (void *)(uintptr_t)(t->content->bytes + offset), .iov_len = size};
        }
        for (*ret_n = 0; *ret_n < n; *ret_n += (uint32_t)r) {
                r = send_some(t, ctx->iov + 2 * (size_t)*ret_n, n - *ret_n < at_once ? n - *ret_n : at_once);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Sends what the state machine said, and takes off @out what has left. 0, -ENOBUFS: the interface's queue is full, or -EFAULT.
 * Whatever else keeps a packet from leaving is as if it were lost on the wire. */
static int
send_out(const struct boot_transfer *t, struct tftp_xfer_out *out)
{
        uint32_t n;
        int r = 0;

        if (out->oack)
                r = send_oack(t);
        if (r == -ENOBUFS)
                return r;
        out->oack = false;
        if (out->n > 0)
                r = send_blocks(t, out->first, out->n, &n);
        if (r == -ENOBUFS) {
                out->first += n;
                out->n -= n;
        }
        return r == -ENOBUFS || r == -EFAULT ? r : 0;
}

static void on_timer(uv_timer_t *timer);

/* The deadline moves on with each block; the timer follows only when it has gone off, or when it would be late. */
static void
arm_timer(struct boot_transfer *t)
{
        int64_t deadline_ms = tftp_xfer_deadline(&t->xfer), wait;

        if (t->armed_ms <= deadline_ms)
                return;
        wait = deadline_ms - now_ms(t);
        t->armed_ms = deadline_ms;
        uv_timer_start(&t->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void
unreadable(struct boot_transfer *t)
{
        send_error(t, TFTP_ERR_UNDEFINED, "the file cannot be read");
        failed(t, "the file cannot be read");
}

/* HTTP is to leave room on the line, too: TCP takes what comes free before we can. */
static void
tell_crowded(struct boot_transfer_ctx *ctx)
{
        static const struct msg_empty nothing;
        const int64_t now = clock_mono_ms(&ctx->boot->ctx->clock);

        if (now - ctx->crowded_said_ms < CROWDED_MS)
                return;
        ctx->crowded_said_ms = now;
        role_send(ctx->boot->ctx, ROLE_FILES, MSG_LINE_CROWDED, &nothing, -1);
}

static void
on_held_timer(uv_timer_t *timer)
{
        struct boot_transfer_ctx *ctx = timer->data;
        struct boot_transfer *t;
        int r = 0;

        while ((t = ctx->held) && (r = send_out(t, &t->unsent)) != -ENOBUFS) {
                leave_line(t);
                if (r == -EFAULT) {
                        unreadable(t);
                        continue;
                }
                tftp_xfer_release(&t->xfer, now_ms(t));
                arm_timer(t);
        }
        if (ctx->held)
                tell_crowded(ctx);
        else
                uv_timer_stop(timer);
}

/* Sends it, or keeps it until its turn has come. false: it is over. */
static bool
send_in_turn(struct boot_transfer *t, const struct tftp_xfer_out *out)
{
        int r = -ENOBUFS;

        t->unsent = *out;
        if (!t->ctx->held)
                r = send_out(t, &t->unsent);
        if (r == -EFAULT) {
                unreadable(t);
                return false;
        }
        if (r == -ENOBUFS) {
                tftp_xfer_hold(&t->xfer);
                if (!t->ctx->held) {
                        t->ctx->crowded_said_ms = now_ms(t); /* a moment's rush is not told */
                        uv_timer_start(&t->ctx->held_timer, on_held_timer, HELD_MS, HELD_MS);
                }
                if (!t->held)
                        DL_APPEND2(t->ctx->held, t, held_prev, held_next);
                t->held = true;
        }
        return true;
}

/* Does what the state machine said, and looks where it stands. */
static void
carry_out(struct boot_transfer *t, const struct tftp_xfer_out *out)
{
        if ((out->oack || out->n > 0) && !send_in_turn(t, out))
                return;
        if (t->xfer.state == TFTP_XFER_DONE)
                arrived(t);
        else if (t->xfer.state == TFTP_XFER_FAILED)
                failed(t, t->xfer.acked ? "the client is silent" : "the client never answered");
        else
                arm_timer(t);
}

static void
on_timer(uv_timer_t *timer)
{
        struct boot_transfer *t = timer->data;
        struct tftp_xfer_out out;

        t->armed_ms = INT64_MAX;
        tftp_xfer_tick(&t->xfer, now_ms(t), &out);
        carry_out(t, &out);
}

/* An ICMP error: nobody listens there any more. After the last block that is how a client looks whose last ACK got lost. */
static void
peer_refuses(struct boot_transfer *t)
{
        if (tftp_xfer_may_have_all(&t->xfer))
                arrived(t);
        else
                failed(t, "the client's port is closed");
}

/* Who closes a file says so by ERROR 0, too; but GRUB also closes one so of which it wanted to know the size only. */
static void
peer_breaks_off(struct boot_transfer *t, enum tftp_error code, const char *text)
{
        bool has_all = code == TFTP_ERR_UNDEFINED && !t->held && t->xfer.acked_to > 0 && tftp_xfer_may_have_all(&t->xfer);

        tftp_xfer_abort(&t->xfer);
        if (has_all)
                arrived(t);
        else
                failed(t, text[0] ? text : "the client broke it off");
}

static void
take_packet(struct boot_transfer *t, const uint8_t *data, size_t size)
{
        struct tftp_xfer_out out;
        uint16_t value;
        char text[64];
        bool first;

        switch (tftp_parse_reply(data, size, &value)) {
        case TFTP_ACK:
                first = !t->xfer.acked;
                t->heard_ms = now_ms(t);
                tftp_xfer_ack(&t->xfer, value, t->heard_ms, &out);
                if (first && t->xfer.acked)
                        t->ctx->acked(t);
                if (out.n > 0 || tftp_xfer_over(&t->xfer))
                        carry_out(t, &out);
                break;
        case TFTP_ERROR:
                tftp_error_text(data, size, text, sizeof(text));
                peer_breaks_off(t, value, text);
                break;
        default:
                break; /* noise: nothing is ever answered to it */
        }
}

/* One packet: who sends in lock-step has sent no second one, and the loop comes back for it if he has. false: there was none.
 */
static bool
take_one(struct boot_transfer *t)
{
        uint8_t buf[256];
        ssize_t n;

        if (t->over)
                return false;
        n = recv(t->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n >= 0)
                take_packet(t, buf, (size_t)n);
        else if (errno == ECONNREFUSED)
                peer_refuses(t);
        else
                return false;
        return true;
}

void
boot_transfer_readable(struct boot_transfer *t)
{
        if (!take_one(t) && !t->over)
                udp_drop_errors(t->fd);
}

static bool
linger(struct boot_transfer *t)
{
        uint64_t until_ns = uv_hrtime() + LINGER_NS;

        do {
                if (take_one(t)) {
                        t->linger_pause = 0;
                        return true;
                }
        } while (!t->over && uv_hrtime() < until_ns);
        t->linger_pause = t->linger_pause < LINGER_MAX_PAUSE / 2 ? (uint16_t)(2 * t->linger_pause + 1) : LINGER_MAX_PAUSE;
        t->linger_skip = t->linger_pause;
        return false;
}

void
boot_transfer_readable_alone(struct boot_transfer *t)
{
        uint64_t until_ns = uv_hrtime() + LINGER_TURN_NS;

        if (!take_one(t)) {
                if (!t->over)
                        udp_drop_errors(t->fd);
                return;
        }
        if (t->linger_skip > 0) {
                t->linger_skip--;
                return;
        }
        while (!t->over && t->xfer.window == 1 && uv_hrtime() < until_ns && linger(t))
                ;
}

static int
open_socket(struct boot_transfer *t, uint32_t local_address)
{
        struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(local_address)};
        struct sockaddr_in peer = {
                .sin_family = AF_INET, .sin_port = htons((uint16_t)t->key.port), .sin_addr.s_addr = htonl(t->key.address)};
        struct epoll_event watch = {.events = EPOLLIN, .data.ptr = t};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e;

        if (fd < 0)
                return -errno;
        if (udp_report_drops(fd) < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
            connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0 ||
            epoll_ctl(t->ctx->epoll, EPOLL_CTL_ADD, fd, &watch) < 0) {
                e = errno;
                close(fd);
                return -e;
        }
        return fd;
}

void
boot_transfer_init(struct boot_transfer_ctx *ctx)
{
        uv_timer_init(ctx->boot->ctx->loop, &ctx->held_timer);
        ctx->held_timer.data = ctx;
}

int
boot_transfer_start(struct boot_transfer *t, uint32_t local_address, const struct tftp_options *options, bool proved)
{
        struct tftp_xfer_out out;

        t->fd = open_socket(t, local_address);
        if (t->fd < 0) {
                boot_content_unref(t->ctx->boot->contents, t->content);
                return t->fd;
        }
        uv_timer_init(t->ctx->boot->ctx->loop, &t->timer);
        t->timer.data = t;
        t->started_ms = now_ms(t);
        t->armed_ms = INT64_MAX;
        tftp_xfer_init(&t->xfer, options, t->content->size, BOOT_TRANSFER_BLKSIZE);
        t->xfer.proved = proved;
        tftp_xfer_start(&t->xfer, t->started_ms, &out);
        carry_out(t, &out);
        return 0;
}

void
boot_transfer_repeat(struct boot_transfer *t)
{
        struct tftp_xfer_out out;

        tftp_xfer_start(&t->xfer, now_ms(t), &out);
        carry_out(t, &out);
}
