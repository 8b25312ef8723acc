/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of keys and signatures of images. Pure; linked by the image builder, dompool and dompool-init. */
#include "model/image_signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"

#define KEY_WORD "dompool-image-key-1"
#define PUBLIC_WORD "dompool-image-pub-1"
#define SIGNATURE_WORD "dompool-image-sig-1"
#define SIGNED_PREFIX SIGNATURE_WORD "\n"

/* The next word of a line; false at the line's or the text's end, and for a word that is too long. */
static bool
word_take(const char **at, char *ret, size_t size)
{
        size_t n;

        *at += strspn(*at, " ");
        n = strcspn(*at, " \n");
        if (n == 0 || n >= size)
                return false;
        memcpy(ret, *at, n);
        ret[n] = '\0';
        *at += n;
        return true;
}

static bool
hex_take(const char **at, uint8_t *ret, size_t n)
{
        char text[2 * SIGN_SIZE + 1];

        return word_take(at, text, sizeof(text)) && parse_hex(text, ret, n) == 0;
}

static bool
line_end(const char **at)
{
        *at += strspn(*at, " ");
        if (**at == '\n')
                (*at)++;
        else if (**at != '\0')
                return false;
        return true;
}

static bool
word_is(const char **at, const char *wanted)
{
        char text[32];

        return word_take(at, text, sizeof(text)) && strcmp(text, wanted) == 0;
}

void
image_key_id(const uint8_t public[SIGN_KEY_SIZE], char ret[IMAGE_KEY_ID_SIZE])
{
        uint8_t sha256[SHA256_SIZE];

        digest_sha256(public, SIGN_KEY_SIZE, sha256);
        hex_text(sha256, (IMAGE_KEY_ID_SIZE - 1) / 2, ret);
}

void
image_key_text(const struct sign_pair *pair, char ret[IMAGE_KEY_MAX])
{
        char secret[2 * SIGN_KEY_SIZE + 1], public[2 * SIGN_KEY_SIZE + 1];

        hex_text(pair->secret, sizeof(pair->secret), secret);
        hex_text(pair->public, sizeof(pair->public), public);
        snprintf(ret, IMAGE_KEY_MAX, KEY_WORD " %s %s\n", secret, public);
}

void
image_public_text(const uint8_t public[SIGN_KEY_SIZE], char ret[IMAGE_KEY_MAX])
{
        char text[2 * SIGN_KEY_SIZE + 1];

        hex_text(public, SIGN_KEY_SIZE, text);
        snprintf(ret, IMAGE_KEY_MAX, PUBLIC_WORD " %s\n", text);
}

int
image_key_read(const char *text, struct sign_pair *ret)
{
        struct sign_pair pair;

        if (!word_is(&text, KEY_WORD) || !hex_take(&text, pair.secret, sizeof(pair.secret)) ||
            !hex_take(&text, pair.public, sizeof(pair.public)) || !line_end(&text) || *text != '\0')
                return -EINVAL;
        *ret = pair;
        return 0;
}

/* What is signed, malloc'ed: no signature of something else can be taken for one of a manifest. */
static uint8_t *
signed_bytes(const void *manifest, size_t size, size_t *ret_size)
{
        const size_t prefix = strlen(SIGNED_PREFIX);
        uint8_t *data = malloc(prefix + size);

        if (!data)
                return NULL;
        memcpy(data, SIGNED_PREFIX, prefix);
        memcpy(data + prefix, manifest, size);
        *ret_size = prefix + size;
        return data;
}

int
image_signature_make(const struct sign_pair *pair, const void *manifest, size_t size, char ret[IMAGE_SIGNATURE_MAX],
                     struct error *err)
{
        size_t all = 0;
        _cleanup_free_ uint8_t *data = signed_bytes(manifest, size, &all);
        char id[IMAGE_KEY_ID_SIZE], text[2 * SIGN_SIZE + 1];
        uint8_t signature[SIGN_SIZE];

        if (!data)
                return error_errno_set(err, ENOMEM, "signature");
        if (sign_make(pair, data, all, signature) < 0)
                return error_set(err, ERR_INTERNAL, "GnuTLS makes no Ed25519 signature");
        image_key_id(pair->public, id);
        hex_text(signature, sizeof(signature), text);
        snprintf(ret, IMAGE_SIGNATURE_MAX, SIGNATURE_WORD " %s %s\n", id, text);
        return 0;
}

/* The key with this id among the lines of @text. 0; 1: none of them; -EINVAL: a line is no key. */
static int
key_find(const char *text, const char *id, uint8_t ret[SIGN_KEY_SIZE])
{
        char have[IMAGE_KEY_ID_SIZE];

        while (*text) {
                if (!word_is(&text, PUBLIC_WORD) || !hex_take(&text, ret, SIGN_KEY_SIZE) || !line_end(&text))
                        return -EINVAL;
                image_key_id(ret, have);
                if (strcmp(have, id) == 0)
                        return 0;
        }
        return 1;
}

int
image_signature_check(const char *public, const char *signature, const void *manifest, size_t size,
                      char ret_key[IMAGE_KEY_ID_SIZE], struct error *err)
{
        _cleanup_free_ uint8_t *data = NULL;
        uint8_t key[SIGN_KEY_SIZE], bytes[SIGN_SIZE];
        char id[IMAGE_KEY_ID_SIZE];
        size_t all = 0;
        int r;

        if (!word_is(&signature, SIGNATURE_WORD) || !word_take(&signature, id, sizeof(id)) ||
            !hex_take(&signature, bytes, sizeof(bytes)) || !line_end(&signature) || *signature != '\0')
                return error_set(err, ERR_DENIED, "manifest.sig is no signature of dompool's");
        r = key_find(public, id, key);
        if (r < 0)
                return error_set(err, ERR_DENIED, "image.pub holds a line that is no public key");
        if (r > 0)
                return error_set(err, ERR_DENIED, "the manifest is signed by key %s, which this room does not know", id);
        data = signed_bytes(manifest, size, &all);
        if (!data)
                return error_errno_set(err, ENOMEM, "signature");
        if (!sign_verify(key, data, all, bytes))
                return error_set(err, ERR_DENIED, "the manifest is not what key %s signed: it was changed", id);
        if (ret_key)
                memcpy(ret_key, id, sizeof(id));
        return 0;
}
