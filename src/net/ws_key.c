/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the web socket handshake, by GnuTLS. Pure but for the random bytes. Runs in: api, the command line. */
#include "net/ws_key.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"

/* RFC 6455 section 1.3 */
#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SHA1_SIZE 20

static void
base64(const uint8_t *data, unsigned size, char *ret, size_t ret_size)
{
        gnutls_datum_t raw = {.data = (unsigned char *)data, .size = size}, text = {0};
        int r = gnutls_base64_encode2(&raw, &text);

        assert(r >= 0 && text.size == ret_size - 1);
        memcpy(ret, text.data, ret_size - 1);
        ret[ret_size - 1] = '\0';
        gnutls_free(text.data);
}

bool
ws_key_ok(const char *key)
{
        gnutls_datum_t text = {.data = (unsigned char *)key, .size = WS_KEY_SIZE - 1}, raw = {0};
        bool ok;

        if (strlen(key) != WS_KEY_SIZE - 1)
                return false;
        ok = gnutls_base64_decode2(&text, &raw) >= 0 && raw.size == 16;
        gnutls_free(raw.data);
        return ok;
}

void
ws_key_accept(const char *key, char ret[WS_ACCEPT_SIZE])
{
        char text[128];
        uint8_t digest[SHA1_SIZE];
        int r;

        snprintf(text, sizeof(text), "%.64s%s", key, WS_GUID);
        r = gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest);
        assert(r >= 0);
        base64(digest, sizeof(digest), ret, WS_ACCEPT_SIZE);
}

void
ws_key_make(char ret[WS_KEY_SIZE])
{
        uint8_t bytes[16];

        digest_random(bytes, sizeof(bytes));
        base64(bytes, sizeof(bytes), ret, WS_KEY_SIZE);
}
