/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capture role: copies one machine's frames from packet sockets, which the parent has opened, filtered and locked, into
 * pcap records for api. It looks at no byte of a frame. It can open nothing and send nothing on those sockets. Runs in:
 * capture.
 *
 *     parent --CAPTURE_SOCKET, descriptor--> session --CAPTURE_DATA ...--> api
 *                                              |
 *        CAPTURE_CLOSE of core, or the limit of bytes: what has arrived is read, then CAPTURE_CLOSE to api; closed
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "proto/pcap.h"
#include "server/role.h"

#define FRAME_MAX (65536 + 64) /* with segmentation offload a frame can be as large as IP lets it be */
#define FRAMES_AT_ONCE 512     /* then the other sessions have their turn */
#define FRAMES_AT_END 65536    /* what may be waiting in the kernel when a capture ends */

_Static_assert(CAPTURE_CHUNK > 2 * FRAME_MAX, "a chunk holds whole records");

struct session {
        struct role_ctx *ctx;
        uint64_t id;
        int fd;
        uv_poll_t poll;
        uint64_t packets, bytes;
        bool failed; /* api does not take it */
        struct session *prev, *next;
};

struct capture {
        struct session *sessions;
        uint8_t chunk[CAPTURE_CHUNK];
        size_t chunk_size;
};

/* --- the end --- */

static void
on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void
session_free(struct session *s)
{
        struct capture *c = s->ctx->state;

        DL_DELETE(c->sessions, s);
        uv_poll_stop(&s->poll);
        close(s->fd);
        uv_close((uv_handle_t *)&s->poll, on_closed);
}

static uint64_t
lost(const struct session *s)
{
        struct tpacket_stats stats = {0};
        socklen_t size = sizeof(stats);

        return getsockopt(s->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0 ? stats.tp_drops : 0;
}

/* Says good-bye to api, with the sum. */
static void
session_end(struct session *s, const char *code, const char *text)
{
        struct msg_capture_close m = {.session = s->id};
        uint64_t n_lost = lost(s);
        char more[60] = "";

        if (n_lost)
                snprintf(more, sizeof(more), ", %" PRIu64 " lost", n_lost);
        str_copy(m.code, sizeof(m.code), code);
        snprintf(m.text, sizeof(m.text), "%.160s; %" PRIu64 " packets%s", text, s->packets, more);
        role_send(s->ctx, ROLE_API, MSG_CAPTURE_CLOSE, &m, -1);
        session_free(s);
}

/* --- packets --- */

static void
flush(struct session *s)
{
        struct capture *c = s->ctx->state;
        const struct msg_capture_data m = {.session = s->id, .data = {.data = c->chunk, .size = c->chunk_size}};

        if (c->chunk_size > 0 && role_send(s->ctx, ROLE_API, MSG_CAPTURE_DATA, &m, -1) < 0)
                s->failed = true;
        s->bytes += c->chunk_size;
        c->chunk_size = 0;
}

/* When it came, and how long it was before the filter cut it; microseconds. */
static void
look_at_control(struct msghdr *msg, int64_t *us, uint32_t *size)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                        struct timespec t;

                        memcpy(&t, CMSG_DATA(c), sizeof(t));
                        *us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
                } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
                        struct tpacket_auxdata aux;

                        memcpy(&aux, CMSG_DATA(c), sizeof(aux));
                        *size = aux.tp_len;
                }
        }
}

/* false: there is none. */
static bool
take_frame(struct session *s)
{
        struct capture *c = s->ctx->state;
        struct iovec iov = {.iov_base = c->chunk + c->chunk_size + PCAP_RECORD_SIZE, .iov_len = FRAME_MAX};
        union {
                struct cmsghdr align;
                char space[256];
        } control;
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        const ssize_t n = recvmsg(s->fd, &msg, MSG_DONTWAIT);
        int64_t us = clock_wall_ms(&s->ctx->clock) * 1000;
        uint32_t size = n > 0 ? (uint32_t)n : 0;

        if (n < 0)
                return errno == EINTR || errno == ENETDOWN; /* told once, when an interface goes down */
        look_at_control(&msg, &us, &size);
        pcap_record(c->chunk + c->chunk_size, us, (uint32_t)n, size < (uint32_t)n ? (uint32_t)n : size);
        c->chunk_size += PCAP_RECORD_SIZE + (size_t)n;
        s->packets++;
        if (c->chunk_size + PCAP_RECORD_SIZE + FRAME_MAX > sizeof(c->chunk))
                flush(s);
        return true;
}

/* false: the session is gone. */
static bool
take_frames(struct session *s, unsigned n)
{
        while (n-- > 0 && s->bytes < CAPTURE_MAX_BYTES && take_frame(s))
                ;
        flush(s);
        if (s->failed) {
                session_end(s, error_text(ERR_LIMIT), "packets came faster than they could be passed on");
                return false;
        }
        if (s->bytes < CAPTURE_MAX_BYTES)
                return true;
        session_end(s, error_text(ERR_NONE), "the limit of a capture, " CAPTURE_MAX_TEXT ", is reached");
        return false;
}

static void
on_frames(uv_poll_t *poll, int status, int events)
{
        (void)status, (void)events;
        take_frames(poll->data, FRAMES_AT_ONCE);
}

/* --- the beginning --- */

static void
session_begin(struct role_ctx *ctx, const struct msg_capture_socket *m, int fd)
{
        struct capture *c = ctx->state;
        struct session *s = fd >= 0 ? calloc(1, sizeof(*s)) : NULL;

        if (!s || uv_poll_init(ctx->loop, &s->poll, fd) < 0) {
                const struct msg_capture_close close_it = {.session = m->session, .code = "internal", .text = "no memory"};

                role_send(ctx, ROLE_API, MSG_CAPTURE_CLOSE, &close_it, -1);
                cleanup_close(&fd);
                free(s);
                return;
        }
        s->ctx = ctx;
        s->id = m->session;
        s->fd = fd;
        s->poll.data = s;
        DL_APPEND(c->sessions, s);
        pcap_head(c->chunk);
        c->chunk_size = PCAP_HEAD_SIZE;
        flush(s); /* a reader knows at once that it has begun */
        uv_poll_start(&s->poll, UV_READABLE, on_frames);
}

static void
end_all(struct role_ctx *ctx, const char *text)
{
        struct capture *c = ctx->state;
        struct session *s, *next;

        DL_FOREACH_SAFE(c->sessions, s, next)
        session_end(s, error_text(ERR_UNREACHABLE), text);
}

static int
role_capture_start(struct role_ctx *ctx, struct error *err)
{
        ctx->state = calloc(1, sizeof(struct capture));
        return ctx->state ? 0 : error_errno_set(err, ENOMEM, "capture");
}

static void
role_capture_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        const struct msg_capture_close *m = payload;
        struct capture *c = ctx->state;
        struct session *s, *next;

        if (type == MSG_CAPTURE_SOCKET && peer == ROLE_PARENT) {
                session_begin(ctx, payload, fd);
                return;
        }
        cleanup_close(&fd);
        if (type != MSG_CAPTURE_CLOSE || peer != ROLE_CORE)
                return;
        DL_FOREACH_SAFE(c->sessions, s, next)
        if (s->id == m->session && take_frames(s, FRAMES_AT_END))
                session_end(s, m->code, m->text);
}

static void
role_capture_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        if (!up && ctx->state)
                end_all(ctx, peer == ROLE_CORE ? "the server's core is being started again" : "");
}

const struct role_def role_capture_def = {
        .role = ROLE_CAPTURE,
        .background = true,
        .sandbox =
                {
                        .syscalls = SYS_BASE | SYS_FD_TAKING,
                        .max_files = 256,
                        .no_new_processes = true,
                },
        .start = role_capture_start,
        .message = role_capture_message,
        .peer = role_capture_peer,
};
