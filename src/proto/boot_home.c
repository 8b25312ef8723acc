/* SPDX-License-Identifier: Apache-2.0 */
/* The way home in one word: fields to bytes to base64url (RFC 4648, 5, without padding) and back. No I/O. */
#include "proto/boot_home.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HOME_SAME_SERVER = 1, HOME_TWO_SERVERS = 2 }; /* versions */
#define HOME_SIZE 96                                 /* multiples of three: no padding */
#define HOME_SIZE_2 102
#define TEXT_SIZE(SIZE) ((SIZE) / 3 * 4)
_Static_assert(TEXT_SIZE(HOME_SIZE_2) < BOOT_HOME_TEXT_SIZE, "it fits");

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
to_text(const uint8_t *bytes, size_t size, char ret[BOOT_HOME_TEXT_SIZE])
{
        for (size_t i = 0; i < size; i += 3) {
                uint32_t v = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];

                for (unsigned k = 0; k < 4; k++)
                        *ret++ = alphabet[v >> (18 - 6 * k) & 63];
        }
        *ret = '\0';
}

static int
to_bytes(const char *text, uint8_t ret[HOME_SIZE_2])
{
        if (strlen(text) != TEXT_SIZE(HOME_SIZE) && strlen(text) != TEXT_SIZE(HOME_SIZE_2))
                return -EINVAL;
        for (; *text; text += 4, ret += 3) {
                uint32_t v = 0;

                for (unsigned k = 0; k < 4; k++) {
                        const char *at = strchr(alphabet, text[k]);

                        if (!at)
                                return -EINVAL;
                        v = v << 6 | (uint32_t)(at - alphabet);
                }
                ret[0] = (uint8_t)(v >> 16);
                ret[1] = (uint8_t)(v >> 8);
                ret[2] = (uint8_t)v;
        }
        return 0;
}

static uint8_t *
put_number(uint8_t *at, uint64_t value, size_t size)
{
        for (size_t i = size; i-- > 0; value >>= 8)
                at[i] = (uint8_t)value;
        return at + size;
}

static uint64_t
take_number(const uint8_t **at, size_t size)
{
        uint64_t value = 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | *(*at)++;
        return value;
}

static int
put_hex(uint8_t **at, const char *text, size_t size)
{
        int r = parse_hex(text, *at, size);

        *at += size;
        return r < 0 ? -EINVAL : 0;
}

/* "v1.<12 hex>.<16 hex>.<16 hex>.<64 hex>": the MAC is known, the rest goes in. */
static int
put_token(uint8_t **at, const char *token, const char *mac)
{
        static const struct {
                size_t offset, size;
        } parts[] = {{16, 8}, {33, 8}, {50, 32}};
        char field[65];

        if (strlen(token) != 50 + 64 || strncmp(token, "v1.", 3) != 0 || strncmp(token + 3, mac, 12) != 0 || token[15] != '.' ||
            token[32] != '.' || token[49] != '.')
                return -EINVAL;
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                memcpy(field, token + parts[i].offset, 2 * parts[i].size);
                field[2 * parts[i].size] = '\0';
                if (put_hex(at, field, parts[i].size) < 0)
                        return -EINVAL;
        }
        return 0;
}

int
boot_home_encode(const struct boot_home *h, char ret[BOOT_HOME_TEXT_SIZE])
{
        uint8_t bytes[HOME_SIZE_2] = {0}, *at = bytes;
        char mac[13];

        hex_text(h->mac.b, sizeof(h->mac.b), mac);
        at = put_number(at, h->agent_server ? HOME_TWO_SERVERS : HOME_SAME_SERVER, 1);
        at = put_number(at, 0, 1);
        at = put_number(at, h->server, 4);
        at = put_number(at, h->http_port, 2);
        at = put_number(at, h->agent_port, 2);
        memcpy(at, h->mac.b, sizeof(h->mac.b));
        at += sizeof(h->mac.b);
        if (put_hex(&at, h->fingerprint, 32) < 0 || put_token(&at, h->token, mac) < 0)
                return -EINVAL;
        put_number(at, h->agent_server, 4);
        to_text(bytes, h->agent_server ? HOME_SIZE_2 : HOME_SIZE, ret);
        return 0;
}

int
boot_home_decode(const char *text, struct boot_home *ret)
{
        struct boot_home h = {0};
        uint8_t bytes[HOME_SIZE_2];
        const uint8_t *at = bytes;
        char mac[13], attempt[17], expiry[17], hmac[65];

        if (to_bytes(text, bytes) < 0 ||
            take_number(&at, 1) != (strlen(text) == TEXT_SIZE(HOME_SIZE) ? HOME_SAME_SERVER : HOME_TWO_SERVERS))
                return -EINVAL;
        at += 1;
        h.server = (uint32_t)take_number(&at, 4);
        h.http_port = (uint16_t)take_number(&at, 2);
        h.agent_port = (uint16_t)take_number(&at, 2);
        memcpy(h.mac.b, at, sizeof(h.mac.b));
        at += sizeof(h.mac.b);
        hex_text(at, 32, h.fingerprint);
        at += 32;
        snprintf(h.token, sizeof(h.token), "v1.%s.%s.%s.%s", hex_text(h.mac.b, sizeof(h.mac.b), mac), hex_text(at, 8, attempt),
                 hex_text(at + 8, 8, expiry), hex_text(at + 16, 32, hmac));
        at += 16 + 32;
        if (bytes[0] == HOME_TWO_SERVERS)
                h.agent_server = (uint32_t)take_number(&at, 4);
        if (h.server == 0 || h.http_port == 0 || h.agent_port == 0)
                return -EINVAL;
        *ret = h;
        return 0;
}
