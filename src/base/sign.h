/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_SIGN_H
#define DOMPOOL_BASE_SIGN_H
/* Ed25519 (RFC 8032, without prehash and context) by GnuTLS. Keys and signatures are the RFC's raw bytes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_KEY_SIZE 32
#define SIGN_SIZE 64

struct sign_pair {
        uint8_t secret[SIGN_KEY_SIZE];
        uint8_t public[SIGN_KEY_SIZE];
};

/* 0, or -EIO when GnuTLS has no random numbers or no Ed25519 (FIPS mode). */
int sign_pair_new(struct sign_pair *ret);

int sign_make(const struct sign_pair *pair, const void *data, size_t size, uint8_t ret[SIGN_SIZE]);

bool sign_verify(const uint8_t public[SIGN_KEY_SIZE], const void *data, size_t size, const uint8_t signature[SIGN_SIZE]);

#endif
