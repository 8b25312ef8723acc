/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_DIGEST_H
#define DOMPOOL_BASE_DIGEST_H
/* SHA-256, HMAC and random bytes, by GnuTLS. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_TEXT_SIZE 65

void digest_sha256(const void *data, size_t size, uint8_t ret[SHA256_SIZE]);

/* Reads from the current offset to the end; 0 or negative errno. @ret_size may be NULL. */
int digest_sha256_fd(int fd, uint8_t ret[SHA256_SIZE], uint64_t *ret_size);

void digest_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[SHA256_SIZE]);

/* Cryptographic random bytes; never fails (aborts when the system has none). */
void digest_random(void *buf, size_t size);

/* Compares in constant time. */
bool digest_equal(const void *a, const void *b, size_t size);

/*
 * The seal of a record on a disk, by which one that was cut or damaged is known: the first bytes of its SHA-256, behind it. Not
 * against whoever writes records of his own.
 */
#define DIGEST_SEAL_SIZE 8
void digest_seal(uint8_t *record, size_t size);

bool digest_is_sealed(const uint8_t *record, size_t size);

#endif
