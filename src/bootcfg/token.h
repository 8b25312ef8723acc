/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_TOKEN_H
#define DOMPOOL_BOOTCFG_TOKEN_H
/*
 * The per-boot token: rendered into a menu, traded once by the agent for a session.
 *
 *     text = "v1." hex(mac) "." hex64(attempt) "." hex64(expiry) "." hex(HMAC-SHA256(key, all before the last dot))
 *
 * attempt and expiry are wall clock milliseconds. Whoever renders keeps the attempt of a host for TOKEN_SAME_MS, so that firmware that
 * asks twice gets the same bytes, unless core said that it was used. core accepts an attempt only if it is later than the last one that it
 * accepted for that host: so a token works once, and an older one never again.
 */
#include <stdint.h>

#include "base/error.h"
#include "base/parse.h"

#define TOKEN_SAME_MS (10 * 60 * 1000)
#define TOKEN_VALID_MS (30 * 60 * 1000)
#define TOKEN_TEXT_SIZE 120

struct token {
        struct mac mac;
        int64_t attempt_ms;
        int64_t expiry_ms;
};

void
token_render(const uint8_t key[32], const struct token *t, char ret[TOKEN_TEXT_SIZE]);

/* Parses and verifies signature and expiry; ERR_UNAUTHENTICATED otherwise, with the reason. */
int
token_verify(const uint8_t key[32], const char *text, int64_t now_ms, struct token *ret, struct error *err);

#endif
