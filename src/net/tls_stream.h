/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_TLS_STREAM_H
#define DOMPOOL_NET_TLS_STREAM_H
/*
 * Lines over TLS 1.3 (GnuTLS) on a libuv loop: the wire between an agent and the server's api role. One line is one JSON
 * object; a line over TLS_LINE_MAX closes the stream. The client pins the server by the SHA-256 of its certificate (DER).
 */
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"

#define TLS_LINE_MAX (1u << 20)
#define TLS_QUEUE_MAX (16u << 20)

struct tls_stream;

struct tls_stream_events {
        void (*open)(void *arg, struct tls_stream *s);                  /* handshake done */
        void (*line)(void *arg, struct tls_stream *s, const char *line, size_t size); /* without the newline */
        void (*closed)(void *arg, struct tls_stream *s, const char *reason); /* once; then call tls_stream_free */
};

/* Server side: credentials shared by all streams of a listener. PEM texts in memory. */
struct tls_server;
int
tls_server_new(const void *cert_pem, size_t cert_size, const void *key_pem, size_t key_size,
               struct tls_server **ret, struct error *err);
void
tls_server_free(struct tls_server *s);
/* Takes over a connected, non-blocking socket. */
int
tls_server_accept(struct tls_server *s, uv_loop_t *loop, int fd, const struct tls_stream_events *ev, void *arg,
                  struct tls_stream **ret);

/* Client side: starts connecting; @fingerprint is 32 bytes. Address in host order. */
int
tls_stream_connect(uv_loop_t *loop, uint32_t address, uint16_t port, const uint8_t fingerprint[32],
                   const struct tls_stream_events *ev, void *arg, struct tls_stream **ret, struct error *err);

/* Adds the newline. 0, -ENOBUFS when TLS_QUEUE_MAX would be passed, -EPIPE. */
int
tls_stream_send_line(struct tls_stream *s, const char *line, size_t size);

/* Stops and starts the handing out of lines; the peer then feels TCP's back-pressure. Lines of a record that has been read
 * already still come. Safe inside callbacks. */
void
tls_stream_pause(struct tls_stream *s, bool paused);

/*
 * The kernels keep watch from now on: the peer's is asked after each @interval_s seconds of silence, and a stream whose peer says
 * nothing for three of them is closed. No process wakes for that, here or there, until it happens.
 */
void
tls_stream_keepalive(struct tls_stream *s, unsigned interval_s);

/* For how many milliseconds nothing has come from the peer's kernel; also good in `closed`. */
uint32_t
tls_stream_silence_ms(const struct tls_stream *s);

/* IPv4 address of the peer, host order; 0 unknown. */
uint32_t
tls_stream_peer(const struct tls_stream *s);

/* Closes without a callback; safe inside callbacks. */
void
tls_stream_free(struct tls_stream *s);

/* Makes a self-signed certificate (ECDSA P-256, 10 years); PEM texts are malloc'ed. For the parent's first start. */
int
tls_make_certificate(const char *common_name, int64_t now_s, char **ret_cert_pem, char **ret_key_pem, struct error *err);

/* SHA-256 of the first certificate's DER. */
int
tls_certificate_fingerprint(const char *cert_pem, size_t size, uint8_t ret[32], struct error *err);

#endif
