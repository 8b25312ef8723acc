/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's self-signed certificate and its fingerprint. No authority is involved: whoever connects knows the fingerprint
 * beforehand (an agent from its kernel command line, an administrator from `dompool server show`).
 * Runs in: the parent, at the very first start; core (fingerprint); the command line.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "net/tls_stream.h"

#define DAY_S (24 * 3600)
#define VALID_DAYS (10 * 365)

static int
certificate_fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *common_name, int64_t now_s)
{
        uint8_t serial[16];
        int r;

        digest_random(serial, sizeof(serial));
        serial[0] = (serial[0] & 0x7f) | 0x40; /* RFC 5280 4.1.2.2: positive, at most 20 octets */
        if ((r = gnutls_x509_crt_set_version(crt, 3)) < 0 ||
            (r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial))) < 0 ||
            (r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
                                               (unsigned)strlen(common_name))) < 0 ||
            (r = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, common_name, (unsigned)strlen(common_name),
                                                      GNUTLS_FSAN_SET)) < 0)
                return r;
        /* A day early: a host's clock may be behind, and nothing hangs on the first day. */
        if ((r = gnutls_x509_crt_set_activation_time(crt, (time_t)(now_s - DAY_S))) < 0 ||
            (r = gnutls_x509_crt_set_expiration_time(crt, (time_t)(now_s + (int64_t)VALID_DAYS * DAY_S))) < 0 ||
            (r = gnutls_x509_crt_set_basic_constraints(crt, 0, -1)) < 0 ||
            (r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE)) < 0 ||
            (r = gnutls_x509_crt_set_key(crt, key)) < 0)
                return r;
        return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

/* GnuTLS's memory becomes ours, so that the caller may free(). */
static char *
datum_to_text(gnutls_datum_t *datum)
{
        char *text = strndup((const char *)datum->data, datum->size);

        gnutls_memset(datum->data, 0, datum->size);
        gnutls_free(datum->data);
        datum->data = NULL;
        return text;
}

int
tls_make_certificate(const char *common_name, int64_t now_s, char **ret_cert_pem, char **ret_key_pem, struct error *err)
{
        gnutls_x509_privkey_t key = NULL;
        gnutls_x509_crt_t crt = NULL;
        gnutls_datum_t crt_pem = {0}, key_pem = {0};
        char *crt_text = NULL, *key_text = NULL;
        int r;

        if ((r = gnutls_x509_privkey_init(&key)) < 0 || (r = gnutls_x509_crt_init(&crt)) < 0)
                goto out;
        r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        if (r < 0 || (r = certificate_fill(crt, key, common_name, now_s)) < 0)
                goto out;
        if ((r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem)) < 0 ||
            (r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key_pem)) < 0)
                goto out;
        crt_text = datum_to_text(&crt_pem);
        key_text = datum_to_text(&key_pem);
        if (!crt_text || !key_text)
                r = GNUTLS_E_MEMORY_ERROR;
out:
        gnutls_free(crt_pem.data);
        gnutls_free(key_pem.data);
        if (crt)
                gnutls_x509_crt_deinit(crt);
        if (key)
                gnutls_x509_privkey_deinit(key);
        if (r < 0) {
                free(crt_text);
                free(key_text);
                return error_set(err, ERR_INTERNAL, "making a certificate for '%s': %s", common_name, gnutls_strerror(r));
        }
        *ret_cert_pem = crt_text;
        *ret_key_pem = key_text;
        return 0;
}

int
tls_certificate_fingerprint(const char *cert_pem, size_t size, uint8_t ret[32], struct error *err)
{
        gnutls_datum_t pem = {.data = (unsigned char *)cert_pem, .size = (unsigned)size};
        gnutls_datum_t der = {0};
        gnutls_x509_crt_t crt;
        int r = gnutls_x509_crt_init(&crt);

        if (r < 0)
                return error_errno_set(err, ENOMEM, "certificate");
        r = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
        if (r >= 0)
                r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
        if (r >= 0)
                digest_sha256(der.data, der.size, ret);
        gnutls_free(der.data);
        gnutls_x509_crt_deinit(crt);
        if (r < 0)
                return error_set(err, ERR_CONFIG, "certificate: %s", gnutls_strerror(r));
        return 0;
}
