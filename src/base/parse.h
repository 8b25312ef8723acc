/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_PARSE_H
#define DOMPOOL_BASE_PARSE_H
/*
 * Numbers, addresses, sizes and names from text and back. Strict: the whole text must be the value; nothing is skipped,
 * no sign, no locale. All return 0, or -EINVAL (not of that form) or -ERANGE (out of range); the result is untouched then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mac {
        uint8_t b[6];
};

#define MAC_TEXT_SIZE 18 /* "aa:bb:cc:dd:ee:ff" and NUL */
#define IP4_TEXT_SIZE 16

/* IPv4 addresses are uint32_t in host byte order everywhere; only proto/ and socket calls swap. */

int
parse_u64(const char *text, uint64_t max, uint64_t *ret);

int
parse_u32(const char *text, uint32_t max, uint32_t *ret);

/* Six hex pairs, separated by ':' or '-' (one kind), any case. */
int
parse_mac(const char *text, struct mac *ret);

/* Dotted quad, no leading zeros. */
int
parse_ip4(const char *text, uint32_t *ret);

/* "10.0.0.0/24": address must have no host bits. */
int
parse_subnet(const char *text, uint32_t *ret_net, unsigned *ret_prefix);

/* Bytes: "4096", "64K", "2M", "1G", "1T" (powers of 1024; suffix in any case, optional "iB"/"B"). */
int
parse_size(const char *text, uint64_t *ret);

/* Seconds: "90", "90s", "10m", "1h", "2d". */
int
parse_duration(const char *text, uint64_t *ret);

/* Even number of hex digits, exactly @n bytes. */
int
parse_hex(const char *text, uint8_t *ret, size_t n);

/* A name of ours (host, domain, image, profile): 1 to 63 of [a-z0-9A-Z._-], first a letter or digit. */
bool
name_ok(const char *text);

bool
mac_eq(const struct mac *a, const struct mac *b);

/* FNV-1a, for tables of fixed size. */
uint32_t
mac_hash(const struct mac *m);

bool
mac_zero(const struct mac *m);

/* Each writes a NUL-terminated text and returns @buf. */
char *
mac_text(const struct mac *m, char buf[MAC_TEXT_SIZE]);

char *
ip4_text(uint32_t ip, char buf[IP4_TEXT_SIZE]);

/* @buf holds 2 * n + 1 bytes. */
char *
hex_text(const uint8_t *data, size_t n, char *buf);

/* Netmask of a prefix length 0..32. */
static inline uint32_t
prefix_mask(unsigned prefix)
{
        return prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
}

/* Copies at most size - 1 bytes and always terminates; returns false if it had to cut. */
bool
str_copy(char *dst, size_t size, const char *src);

#endif
