/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 by GnuTLS: makes keys, signs, verifies. Linked by every program; no I/O. */
#include "base/sign.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <string.h>

#include "base/cleanup.h"

DEFINE_CLEANUP(gnutls_privkey_t, gnutls_privkey_deinit)
DEFINE_CLEANUP(gnutls_pubkey_t, gnutls_pubkey_deinit)

int
sign_pair_new(struct sign_pair *ret)
{
        CLEANUP(gnutls_privkey_deinit) gnutls_privkey_t key = NULL;
        gnutls_datum_t public = {0}, secret = {0};
        int r = -EIO;

        if (gnutls_privkey_init(&key) < 0 ||
            gnutls_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0) < 0 ||
            gnutls_privkey_export_ecc_raw(key, NULL, &public, NULL, &secret) < 0)
                return -EIO;
        if (public.size == sizeof(ret->public) && secret.size == sizeof(ret->secret)) {
                memcpy(ret->public, public.data, public.size);
                memcpy(ret->secret, secret.data, secret.size);
                r = 0;
        }
        gnutls_free(public.data);
        gnutls_memset(secret.data, 0, secret.size);
        gnutls_free(secret.data);
        return r;
}

int
sign_make(const struct sign_pair *pair, const void *data, size_t size, uint8_t ret[SIGN_SIZE])
{
        CLEANUP(gnutls_privkey_deinit) gnutls_privkey_t key = NULL;
        const gnutls_datum_t public = {(uint8_t *)pair->public, sizeof(pair->public)};
        const gnutls_datum_t secret = {(uint8_t *)pair->secret, sizeof(pair->secret)};
        const gnutls_datum_t message = {(uint8_t *)data, (unsigned)size};
        gnutls_datum_t signature = {0};
        int r = -EIO;

        if (size > UINT32_MAX || gnutls_privkey_init(&key) < 0 ||
            gnutls_privkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &public, NULL, &secret) < 0 ||
            gnutls_privkey_sign_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &message, &signature) < 0)
                return -EIO;
        if (signature.size == SIGN_SIZE) {
                memcpy(ret, signature.data, SIGN_SIZE);
                r = 0;
        }
        gnutls_free(signature.data);
        return r;
}

bool
sign_verify(const uint8_t public[SIGN_KEY_SIZE], const void *data, size_t size, const uint8_t signature[SIGN_SIZE])
{
        CLEANUP(gnutls_pubkey_deinit) gnutls_pubkey_t key = NULL;
        const gnutls_datum_t x = {(uint8_t *)public, SIGN_KEY_SIZE};
        const gnutls_datum_t message = {(uint8_t *)data, (unsigned)size};
        const gnutls_datum_t s = {(uint8_t *)signature, SIGN_SIZE};

        return size <= UINT32_MAX && gnutls_pubkey_init(&key) >= 0 &&
               gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, NULL) >= 0 &&
               gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &message, &s) >= 0;
}
