/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_NET_WS_KEY_H
#define DOMPOOL_NET_WS_KEY_H
/* The opening handshake of a web socket (RFC 6455 section 4); framing is libwslay's. */
#include <stdbool.h>

#define WS_KEY_SIZE 25    /* base64 of 16 bytes and NUL */
#define WS_ACCEPT_SIZE 29 /* base64 of 20 bytes and NUL */

/* A client's Sec-WebSocket-Key: 24 characters of base64 that stand for 16 bytes. */
bool
ws_key_ok(const char *key);

/* Sec-WebSocket-Accept for it. */
void
ws_key_accept(const char *key, char ret[WS_ACCEPT_SIZE]);

/* A new random key, for clients. */
void
ws_key_make(char ret[WS_KEY_SIZE]);

#endif
