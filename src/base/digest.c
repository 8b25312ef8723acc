/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and random bytes by GnuTLS; a failure of these is a broken installation, so they assert. */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void
digest_sha256(const void *data, size_t size, uint8_t ret[SHA256_SIZE])
{
        int r = gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, ret);

        assert(r == 0);
}

int
digest_sha256_fd(int fd, uint8_t ret[SHA256_SIZE], uint64_t *ret_size)
{
        _cleanup_free_ uint8_t *buf = malloc(256 << 10);
        gnutls_hash_hd_t h;
        uint64_t size = 0;
        ssize_t n;
        int e = 0;

        if (!buf || gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
                return -ENOMEM;
        for (;;) {
                n = read(fd, buf, 256 << 10);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        e = n < 0 ? errno : 0;
                        break;
                }
                gnutls_hash(h, buf, (size_t)n);
                size += (uint64_t)n;
        }
        gnutls_hash_deinit(h, ret);
        if (e)
                return -e;
        if (ret_size)
                *ret_size = size;
        return 0;
}

void
digest_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[SHA256_SIZE])
{
        int r = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_size, data, size, ret);

        assert(r == 0);
}

void
digest_random(void *buf, size_t size)
{
        int r = gnutls_rnd(GNUTLS_RND_KEY, buf, size);

        assert(r == 0);
}

bool
digest_equal(const void *a, const void *b, size_t size)
{
        return gnutls_memcmp(a, b, size) == 0;
}

void
digest_seal(uint8_t *record, size_t size)
{
        uint8_t sum[SHA256_SIZE];

        digest_sha256(record, size, sum);
        memcpy(record + size, sum, DIGEST_SEAL_SIZE);
}

bool
digest_is_sealed(const uint8_t *record, size_t size)
{
        uint8_t sum[SHA256_SIZE];

        digest_sha256(record, size, sum);
        return memcmp(record + size, sum, DIGEST_SEAL_SIZE) == 0;
}
