/* SPDX-License-Identifier: Apache-2.0 */
/* Rendering and verifying per-boot tokens. Pure: who may use a token how often is core's decision. */
#include "bootcfg/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"

/* "v1." 12 "." 16 "." 16 */
#define SIGNED_SIZE (3 + 12 + 1 + 16 + 1 + 16)
#define TEXT_SIZE (SIGNED_SIZE + 1 + 2 * SHA256_SIZE)
_Static_assert(TEXT_SIZE < TOKEN_TEXT_SIZE, "a token fits");

void
token_render(const uint8_t key[32], const struct token *t, char ret[TOKEN_TEXT_SIZE])
{
        uint8_t hmac[SHA256_SIZE];
        char mac[13];

        hex_text(t->mac.b, sizeof(t->mac.b), mac);
        snprintf(ret, TOKEN_TEXT_SIZE, "v1.%s.%016" PRIx64 ".%016" PRIx64 ".", mac, (uint64_t)t->attempt_ms,
                 (uint64_t)t->expiry_ms);
        digest_hmac_sha256(key, 32, ret, SIGNED_SIZE, hmac);
        hex_text(hmac, sizeof(hmac), ret + SIGNED_SIZE + 1);
}

/* Hex digits of a fixed-width field that ends with a dot. */
static bool
take_hex(const char **text, uint8_t *ret, size_t n)
{
        char field[33];

        memcpy(field, *text, 2 * n);
        field[2 * n] = '\0';
        if (parse_hex(field, ret, n) != 0 || (*text)[2 * n] != '.')
                return false;
        *text += 2 * n + 1;
        return true;
}

static int64_t
time_of(const uint8_t b[8])
{
        uint64_t v = 0;

        for (size_t i = 0; i < 8; i++)
                v = v << 8 | b[i];
        return (int64_t)v;
}

int
token_verify(const uint8_t key[32], const char *text, int64_t now_ms, struct token *ret, struct error *err)
{
        uint8_t attempt[8], expiry[8], said[SHA256_SIZE], hmac[SHA256_SIZE];
        const char *p = text + 3;
        struct token t;

        if (strnlen(text, TOKEN_TEXT_SIZE) != TEXT_SIZE || strncmp(text, "v1.", 3) != 0 ||
            !take_hex(&p, t.mac.b, sizeof(t.mac.b)) || !take_hex(&p, attempt, sizeof(attempt)) ||
            !take_hex(&p, expiry, sizeof(expiry)) || parse_hex(p, said, sizeof(said)) != 0)
                return error_set(err, ERR_UNAUTHENTICATED, "the boot token is not one of this server's");
        digest_hmac_sha256(key, 32, text, SIGNED_SIZE, hmac);
        if (!digest_equal(said, hmac, sizeof(hmac)))
                return error_set(err, ERR_UNAUTHENTICATED, "the boot token is forged or another server's");
        t.attempt_ms = time_of(attempt);
        t.expiry_ms = time_of(expiry);
        if (now_ms >= t.expiry_ms)
                return error_set(err, ERR_UNAUTHENTICATED, "the boot token has run out %lld s ago",
                                 (long long)((now_ms - t.expiry_ms) / 1000));
        *ret = t;
        return 0;
}
