/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed messages over a Unix stream socket: frames, queue, descriptor passing. What a message means is the callback's business.
 * Runs in every process of dompoold and of the agent; the other end may be owned by a stranger, so nothing in a frame is
 * trusted.
 *
 * A descriptor is attached to the first byte of its frame. The kernel never merges bytes behind a descriptor with bytes before
 * it, so descriptors arrive in the order of the frames that announce them, and not later than the frame's first byte.
 */
#include "ipc/channel.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define FRAME_MAGIC (0x444d0000u | MESSAGES_VERSION) /* "DM" and the version in the low half */
#define FRAME_HEADER 12
#define FRAME_FLAG_FD 1
#define READ_STEP (64u << 10)
#define DRAIN_READS 64           /* at once: a peer that never stops must not hold us */
#define KEEP_BUFFER (256u << 10) /* a larger input buffer is given back when it is empty */
#define MAX_FDS 16               /* received and not yet claimed by a frame */
#define SOCKET_BUFFER (1 << 20)
#define GATHER 64            /* parts of the queue that leave by one system call */
#define OUT_ROOM (16u << 10) /* of a part that waits: a queue of many small frames is no heap of small pieces */
#define HOLD_MAX (64u << 10) /* a held queue of that size leaves all the same */

struct frame {
        enum msg_type type;
        bool has_fd;
        uint32_t size; /* of the payload */
};

/* Frames that leave one after the other; a descriptor is the first one's. */
struct out {
        struct out *next;
        int fd; /* -1: none, or sent already */
        size_t room, size, done;
        uint8_t data[];
};

struct channel {
        uv_poll_t poll;
        int sock;
        enum role self, peer;
        channel_message_fn on_message;
        channel_close_fn on_close;
        void *arg;
        bool closing; /* channel_free was called: no callback any more */
        bool failed;  /* on_close was called */
        bool held;    /* channel_hold: what is sent waits in the queue */
        bool gathers; /* it was held once: frames leave together */
        int events;   /* that the poll handle waits for */

        struct out *out, *last; /* the queue */
        size_t out_size;        /* bytes in it that have not left */

        uint8_t *in;
        size_t in_size, in_room;
        int fds[MAX_FDS];
        unsigned n_fds;
};

static void
put_header(uint8_t *p, enum msg_type type, bool has_fd, uint32_t size)
{
        const uint32_t magic = htole32(FRAME_MAGIC), size_le = htole32(size);
        const uint16_t type_le = htole16((uint16_t)type), flags = htole16(has_fd ? FRAME_FLAG_FD : 0);

        memcpy(p, &magic, 4);
        memcpy(p + 4, &type_le, 2);
        memcpy(p + 6, &flags, 2);
        memcpy(p + 8, &size_le, 4);
}

/* 0; -EBADMSG: no frame of ours; -EPERM: a message that @peer may not send to @self. */
static int
get_header(const uint8_t *p, enum role self, enum role peer, struct frame *ret)
{
        uint32_t magic, size;
        uint16_t type, flags;

        memcpy(&magic, p, 4);
        memcpy(&type, p + 4, 2);
        memcpy(&flags, p + 6, 2);
        memcpy(&size, p + 8, 4);
        flags = le16toh(flags);
        *ret = (struct frame){.type = le16toh(type), .has_fd = flags & FRAME_FLAG_FD, .size = le32toh(size)};
        if (le32toh(magic) != FRAME_MAGIC || (flags & ~FRAME_FLAG_FD) || ret->size > CHANNEL_MAX)
                return -EBADMSG;
        if (!message_allowed(ret->type, peer, self))
                return -EPERM;
        if (ret->has_fd && !message_takes_fd(ret->type))
                return -EBADMSG;
        return 0;
}

static int
decode_payload(const struct frame *f, const uint8_t *data, void **ret)
{
        const struct rec_desc *desc = message_desc(f->type);
        _cleanup_free_ void *payload = calloc(1, desc->size);
        int r;

        if (!payload)
                return -ENOMEM;
        r = rec_decode_fresh(desc, data, f->size, payload);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(payload);
        return 0;
}

int
channel_parse(const uint8_t *data, size_t size, enum role self, enum role peer, enum msg_type *ret_type, void **ret_payload)
{
        struct frame f;
        int r;

        if (size < FRAME_HEADER)
                return -EBADMSG;
        r = get_header(data, self, peer, &f);
        if (r < 0)
                return r;
        if (size - FRAME_HEADER != f.size)
                return -EBADMSG;
        r = decode_payload(&f, data + FRAME_HEADER, ret_payload);
        if (r < 0)
                return r;
        *ret_type = f.type;
        return 0;
}

/* Room for @room bytes. 0 or negative errno. */
static int
out_new(size_t room, int fd, struct out **ret)
{
        struct out *o = malloc(sizeof(*o) + room);

        if (!o)
                return -ENOMEM;
        *o = (struct out){.fd = -1, .room = room};
        if (fd >= 0) {
                o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (o->fd < 0) {
                        int e = errno;

                        free(o);
                        return -e;
                }
        }
        *ret = o;
        return 0;
}

/* The size of a whole frame; -EPERM, -EMSGSIZE. */
static ssize_t
frame_size(enum role self, enum role peer, enum msg_type type, const void *payload, int fd)
{
        const struct rec_desc *desc = message_desc(type);
        size_t size;

        if (!desc || !message_allowed(type, self, peer))
                return -EPERM;
        assert(fd < 0 || message_takes_fd(type));
        size = rec_encoded_size(desc, payload);
        return size > CHANNEL_MAX ? -EMSGSIZE : (ssize_t)(FRAME_HEADER + size);
}

/* Appends a frame of @size bytes, for which @o has room. */
static void
put_frame(struct out *o, enum msg_type type, const void *payload, size_t size, bool has_fd)
{
        put_header(o->data + o->size, type, has_fd, (uint32_t)(size - FRAME_HEADER));
        rec_encode(message_desc(type), payload, o->data + o->size + FRAME_HEADER);
        o->size += size;
}

static void
out_free(struct out *o)
{
        if (o->fd >= 0)
                close(o->fd);
        free(o);
}

/* Sends a part of the queue from @o on, at most @n_frames; a descriptor must be attached to the first byte that is sent. Bytes,
 * or negative errno. */
static ssize_t
send_some(int sock, struct out *o, size_t n_frames)
{
        struct iovec iov[GATHER];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct msghdr msg = {.msg_iov = iov};
        ssize_t n;

        for (struct out *i = o; i && msg.msg_iovlen < n_frames && (i == o || i->fd < 0); i = i->next)
                iov[msg.msg_iovlen++] = (struct iovec){.iov_base = i->data + i->done, .iov_len = i->size - i->done};
        if (o->fd >= 0) {
                struct cmsghdr *c;

                msg.msg_control = &control;
                msg.msg_controllen = sizeof(control);
                c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &o->fd, sizeof(int));
        }
        do
                /* The capture role has no sendmsg(2): it can carry an address. It never holds. */
                n = o->fd >= 0 || msg.msg_iovlen > 1 ? sendmsg(sock, &msg, MSG_NOSIGNAL)
                                                     : send(sock, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (o->fd >= 0) {
                close(o->fd);
                o->fd = -1;
        }
        return n;
}

/* Receives at most @size bytes and appends descriptors to @fds. Bytes, 0 at the end, or negative errno; -EBADMSG: too many
 * descriptors. */
static ssize_t
receive_some(int sock, void *buf, size_t size, int fds[MAX_FDS], unsigned *n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int) * MAX_FDS)];
        } control;
        struct iovec iov = {.iov_base = buf, .iov_len = size};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        bool overflow;
        ssize_t n;

        do
                n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        overflow = msg.msg_flags & MSG_CTRUNC;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
                size_t got;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < got; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (*n_fds < MAX_FDS) {
                                fds[(*n_fds)++] = fd;
                        } else {
                                close(fd);
                                overflow = true;
                        }
                }
        }
        return overflow ? -EBADMSG : n;
}

static void poll_wanted(struct channel *ch);

static void
fail(struct channel *ch, const char *reason)
{
        if (ch->closing || ch->failed)
                return;
        ch->failed = true;
        uv_poll_stop(&ch->poll);
        ch->on_close(ch->arg, ch, reason);
}

/* The first @n bytes of the queue have left. */
static void
take_sent(struct channel *ch, size_t n)
{
        while (n > 0) {
                struct out *o = ch->out;
                size_t part = o->size - o->done < n ? o->size - o->done : n;

                o->done += part;
                n -= part;
                ch->out_size -= part;
                if (o->done < o->size)
                        return;
                ch->out = o->next;
                if (!ch->out)
                        ch->last = NULL;
                out_free(o);
        }
}

/* 0, or negative errno when the socket is unusable. */
static int
flush_queue(struct channel *ch)
{
        while (ch->out) {
                ssize_t n = send_some(ch->sock, ch->out, ch->gathers ? GATHER : 1);

                if (n == -EAGAIN)
                        return 0;
                if (n < 0)
                        return (int)n;
                take_sent(ch, (size_t)n);
        }
        return 0;
}

/* 0 or -EPIPE. */
static int
send_queue(struct channel *ch)
{
        if (flush_queue(ch) < 0) {
                /* The loop sees the end of the stream and calls on_close from there: never from inside a send. */
                shutdown(ch->sock, SHUT_RDWR);
                return -EPIPE;
        }
        poll_wanted(ch);
        return 0;
}

void
channel_hold(struct channel *ch, bool on)
{
        ch->held = on;
        ch->gathers = true;
        if (!on && ch->out && !ch->closing && !ch->failed)
                send_queue(ch);
}

/* A part at the queue's end with room for a frame of @size bytes. 0 or negative errno. */
static int
queue_end(struct channel *ch, size_t size, int fd, struct out **ret)
{
        bool waits = ch->out || ch->held;
        struct out *o;
        int r;

        if (ch->last && fd < 0 && ch->last->room - ch->last->size >= size) {
                *ret = ch->last;
                return 0;
        }
        r = out_new(waits && size < OUT_ROOM ? OUT_ROOM : size, fd, &o);
        if (r < 0)
                return r;
        if (ch->last)
                ch->last->next = o;
        else
                ch->out = o;
        ch->last = o;
        *ret = o;
        return 0;
}

int
channel_send(struct channel *ch, enum msg_type type, const void *payload, int fd)
{
        struct out *o;
        ssize_t size;
        int r;

        if (ch->closing || ch->failed)
                return -EPIPE;
        size = frame_size(ch->self, ch->peer, type, payload, fd);
        if (size < 0)
                return (int)size;
        if (ch->out_size + (size_t)size > CHANNEL_QUEUE_MAX)
                return -ENOBUFS;
        r = queue_end(ch, (size_t)size, fd, &o);
        if (r < 0)
                return r;
        put_frame(o, type, payload, (size_t)size, fd >= 0);
        ch->out_size += (size_t)size;
        return ch->held && ch->out_size < HOLD_MAX ? 0 : send_queue(ch);
}

/* Takes the first frame off the input. 1: delivered; 0: not complete; negative: failed, or the channel was freed by the
 * callback. */
static int
deliver_frame(struct channel *ch, size_t *used)
{
        size_t left = ch->in_size - *used;
        const uint8_t *p = ch->in + *used;
        void *payload = NULL;
        struct frame f;
        int fd = -1, r;

        if (left < FRAME_HEADER)
                return 0;
        r = get_header(p, ch->self, ch->peer, &f);
        if (r < 0) {
                fail(ch, r == -EPERM ? "a message that the peer may not send" : "a malformed frame");
                return r;
        }
        if (left - FRAME_HEADER < f.size)
                return 0;
        if (f.has_fd && ch->n_fds == 0) {
                fail(ch, "an announced descriptor is missing");
                return -EBADMSG;
        }
        r = decode_payload(&f, p + FRAME_HEADER, &payload);
        if (r < 0) {
                fail(ch, r == -ENOMEM ? "out of memory" : "a malformed payload");
                return r;
        }
        if (f.has_fd) {
                fd = ch->fds[0];
                ch->n_fds--;
                memmove(ch->fds, ch->fds + 1, ch->n_fds * sizeof(int));
        }
        *used += FRAME_HEADER + f.size;
        ch->on_message(ch->arg, ch, f.type, payload, fd);
        rec_clear(message_desc(f.type), payload);
        free(payload);
        return ch->closing || ch->failed ? -EPIPE : 1;
}

/* Grows with the bytes that have come, not with what a header promises. */
static int
make_room(struct channel *ch)
{
        size_t room = ch->in_room ? ch->in_room * 2 : READ_STEP;
        uint8_t *p;

        if (ch->in_room - ch->in_size >= READ_STEP / 4)
                return 0;
        p = realloc(ch->in, room);
        if (!p)
                return -ENOMEM;
        ch->in = p;
        ch->in_room = room;
        return 0;
}

/* true: something came and was good. */
static bool
read_frames(struct channel *ch)
{
        size_t used = 0;
        ssize_t n;
        int r;

        if (make_room(ch) < 0) {
                fail(ch, "out of memory");
                return false;
        }
        n = receive_some(ch->sock, ch->in + ch->in_size, ch->in_room - ch->in_size, ch->fds, &ch->n_fds);
        if (n == -EAGAIN)
                return false;
        if (n <= 0) {
                fail(ch, n == 0 ? "the peer is gone" : n == -EBADMSG ? "too many descriptors" : strerror((int)-n));
                return false;
        }
        ch->in_size += (size_t)n;
        do
                r = deliver_frame(ch, &used);
        while (r > 0);
        if (r < 0)
                return false; /* the buffer goes with the channel */
        ch->in_size -= used;
        memmove(ch->in, ch->in + used, ch->in_size);
        if (ch->in_size == 0 && ch->in_room > KEEP_BUFFER) {
                free(ch->in);
                ch->in = NULL;
                ch->in_room = 0;
        }
        return true;
}

void
channel_drain(struct channel *ch)
{
        for (int i = 0; i < DRAIN_READS && read_frames(ch); i++)
                ;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
        struct channel *ch = poll->data;

        if (status < 0) {
                fail(ch, "the peer is gone"); /* an error on the socket; libuv only says EBADF */
                return;
        }
        if ((events & UV_WRITABLE) && flush_queue(ch) < 0) {
                fail(ch, "the peer is gone");
                return;
        }
        if (events & UV_READABLE)
                read_frames(ch);
        poll_wanted(ch);
}

static void
poll_wanted(struct channel *ch)
{
        int events = UV_READABLE | (ch->out && !ch->held ? UV_WRITABLE : 0);

        if (ch->closing || ch->failed || events == ch->events)
                return;
        ch->events = events; /* each change is a system call */
        uv_poll_start(&ch->poll, events, on_poll);
}

int
channel_new(uv_loop_t *loop, int fd, enum role self, enum role peer, channel_message_fn on_message, channel_close_fn on_close,
            void *arg, struct channel **ret)
{
        struct channel *ch = calloc(1, sizeof(*ch));
        int r;

        if (!ch) {
                close(fd);
                return -ENOMEM;
        }
        ch->sock = fd;
        ch->self = self;
        ch->peer = peer;
        ch->on_message = on_message;
        ch->on_close = on_close;
        ch->arg = arg;
        ch->poll.data = ch;
        r = uv_poll_init(loop, &ch->poll, fd); /* makes it non-blocking */
        if (r < 0) {
                close(fd);
                free(ch);
                return r;
        }
        poll_wanted(ch);
        *ret = ch;
        return 0;
}

enum role
channel_peer(const struct channel *ch)
{
        return ch->peer;
}

static void
on_closed(uv_handle_t *handle)
{
        struct channel *ch = handle->data;

        while (ch->out) {
                struct out *o = ch->out;

                ch->out = o->next;
                out_free(o);
        }
        for (unsigned i = 0; i < ch->n_fds; i++)
                close(ch->fds[i]);
        free(ch->in);
        free(ch);
}

void
channel_free(struct channel *ch)
{
        if (!ch || ch->closing)
                return;
        ch->closing = true;
        uv_poll_stop(&ch->poll);
        close(ch->sock);
        uv_close((uv_handle_t *)&ch->poll, on_closed);
}

/* 1: all of it; 0: the peer closed before the first byte; -EPIPE in the middle. */
static int
read_full(int sock, uint8_t *buf, size_t size, int fds[MAX_FDS], unsigned *n_fds)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = receive_some(sock, buf + done, size - done, fds, n_fds);

                if (n < 0)
                        return (int)n;
                if (n == 0)
                        return done == 0 ? 0 : -EPIPE;
                done += (size_t)n;
        }
        return 1;
}

static int
read_blocking(int sock, enum role self, enum role peer, void **ret_payload, int fds[MAX_FDS], unsigned *n_fds)
{
        uint8_t header[FRAME_HEADER];
        _cleanup_free_ uint8_t *data = NULL;
        struct frame f;
        int r;

        r = read_full(sock, header, sizeof(header), fds, n_fds);
        if (r <= 0)
                return r;
        r = get_header(header, self, peer, &f);
        if (r < 0)
                return r;
        data = malloc(f.size + 1);
        if (!data)
                return -ENOMEM;
        if (f.size > 0) {
                r = read_full(sock, data, f.size, fds, n_fds);
                if (r <= 0)
                        return r < 0 ? r : -EPIPE;
        }
        if (*n_fds != (f.has_fd ? 1 : 0))
                return -EBADMSG;
        r = decode_payload(&f, data, ret_payload);
        return r < 0 ? r : (int)f.type;
}

int
channel_read_blocking(int sock, enum role self, enum role peer, void **ret_payload, int *ret_fd)
{
        unsigned n_fds = 0;
        int fds[MAX_FDS];
        int r = read_blocking(sock, self, peer, ret_payload, fds, &n_fds);

        if (r > 0) {
                *ret_fd = n_fds ? fds[0] : -1;
                return r;
        }
        for (unsigned i = 0; i < n_fds; i++)
                close(fds[i]);
        return r;
}

int
channel_write_blocking(int sock, enum role self, enum role peer, enum msg_type type, const void *payload, int fd)
{
        ssize_t size = frame_size(self, peer, type, payload, fd);
        struct out *o = NULL;
        int r = size < 0 ? (int)size : out_new((size_t)size, fd, &o);

        if (r < 0)
                return r;
        put_frame(o, type, payload, (size_t)size, fd >= 0);
        while (r == 0 && o->done < o->size) {
                ssize_t n = send_some(sock, o, 1);

                r = n < 0 ? (int)n : 0;
                o->done += n > 0 ? (size_t)n : 0;
        }
        out_free(o);
        return r;
}

int
channel_pair(int fds[2])
{
        const int size = SOCKET_BUFFER;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        for (int i = 0; i < 2; i++) {
                /* Beyond net.core.wmem_max only for root; smaller buffers work as well, only slower. */
                if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        }
        return 0;
}
