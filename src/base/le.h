/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_LE_H
#define DOMPOOL_BASE_LE_H
/* Little-endian numbers of @n bytes, 1 to 8, at any address: files and headers of others. Networks' numbers are
 * src/proto/wire.h's. */
#include <stddef.h>
#include <stdint.h>

static inline void
put_le(uint8_t *p, uint64_t v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t
get_le(const uint8_t *p, size_t n)
{
        uint64_t v = 0;

        for (size_t i = 0; i < n; i++)
                v |= (uint64_t)p[i] << (8 * i);
        return v;
}

#endif
