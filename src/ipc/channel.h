/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_IPC_CHANNEL_H
#define DOMPOOL_IPC_CHANNEL_H
/*
 * A channel: typed messages over a Unix stream socket between two roles on one machine, on a libuv loop.
 *
 * Frame: le32 magic+version, le16 type, le16 flags (1: one descriptor comes along), le32 payload size; then the payload.
 * A frame that is malformed, too large (CHANNEL_MAX) or not allowed by messages.def closes the channel: a role that speaks out of turn is
 * broken or owned. Sending never blocks: what does not fit is queued, up to CHANNEL_QUEUE_MAX bytes, then -ENOBUFS.
 */
#include <uv.h>

#include "ipc/messages.h"

#define CHANNEL_MAX (16u << 20)
#define CHANNEL_QUEUE_MAX (64u << 20)

struct channel;

/*
 * @payload is a struct of the message's type; it and its blobs are freed by the channel after the call (TAKE what you keep by
 * zeroing it in place). @fd is -1 or a descriptor that the callback now owns.
 */
typedef void (*channel_message_fn)(void *arg, struct channel *ch, enum msg_type type, void *payload, int fd);

/* The peer is gone or misbehaved (@reason). Called once; the channel is then to be freed by channel_free (allowed in the callback). */
typedef void (*channel_close_fn)(void *arg, struct channel *ch, const char *reason);

/* Takes over @fd (closed on failure as well). */
int
channel_new(uv_loop_t *loop, int fd, enum role self, enum role peer, channel_message_fn on_message, channel_close_fn on_close,
            void *arg, struct channel **ret);

/* Encodes and sends or queues. @fd is -1 or duplicated into the message. 0, -ENOBUFS, -EPIPE, -EPERM (not in the table), -EMSGSIZE
 * (over CHANNEL_MAX), -ENOMEM. After -ENOBUFS and -EMSGSIZE the channel is as it was; on -EPIPE on_close follows from the loop. */
int
channel_send(struct channel *ch, enum msg_type type, const void *payload, int fd);

/* While it is on, what is sent waits; when it is put off, all of it leaves by as few system calls as there can be. Who holds lets
 * go before he waits for an answer. */
void
channel_hold(struct channel *ch, bool on);

/* Delivers what has come already, without waiting for the loop's turn: what the peer sent before something else that we have seen is
 * then known. Not inside this channel's own callbacks. */
void
channel_drain(struct channel *ch);

enum role
channel_peer(const struct channel *ch);

/* Closes without on_close. Safe inside callbacks; memory goes when libuv has closed the handle. */
void
channel_free(struct channel *ch);

/* Before there is a loop: reads one whole message, blocking. For a role's start. Returns the type, or negative errno (0: peer closed);
 * the payload is calloc'ed: rec_clear(message_desc(type)) and free it. */
int
channel_read_blocking(int sock, enum role self, enum role peer, void **ret_payload, int *ret_fd);

int
channel_write_blocking(int sock, enum role self, enum role peer, enum msg_type type, const void *payload, int fd);

/* A connected pair, close-on-exec, with large buffers. */
int
channel_pair(int fds[2]);

/* One frame from memory, for the fuzzer and the tests: 0 and the message, or -EBADMSG, -EPERM. */
int
channel_parse(const uint8_t *data, size_t size, enum role self, enum role peer, enum msg_type *ret_type, void **ret_payload);

#endif
