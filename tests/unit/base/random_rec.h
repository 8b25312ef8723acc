/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_BASE_RANDOM_REC_H
#define DOMPOOL_TESTS_BASE_RANDOM_REC_H
/* Fills a record of any description with random content that its limits allow, limits included. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rec.h"

static inline uint32_t
random_u32(uint64_t *state)
{
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t)(*state >> 32);
}

/* Empty, full or between: the ends are where mistakes live. */
static inline uint32_t
random_count(uint64_t *state, uint32_t max)
{
        switch (random_u32(state) % 4) {
        case 0:
                return 0;
        case 1:
                return max;
        default:
                return random_u32(state) % (max + 1);
        }
}

/* At most @n bytes of UTF-8 without NUL; quotes, controls and characters of several bytes occur. Returns the bytes written. */
static inline size_t
random_text(uint64_t *state, char *dst, size_t n)
{
        static const char *const pieces[] = {
                "a", "Z", "0", " ", "\"", "\\", "/", "\n", "\x7f", "\x01", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
        size_t used = 0;

        while (used < n) {
                const char *piece = pieces[random_u32(state) % (sizeof(pieces) / sizeof(pieces[0]))];
                size_t len = strlen(piece);

                if (used + len > n)
                        break;
                memcpy(dst + used, piece, len);
                used += len;
        }
        return used;
}

static inline void random_rec(uint64_t *state, const struct rec_desc *d, void *rec, bool with_hidden);

static inline void
random_field(uint64_t *state, const struct rec_field *f, void *rec, bool with_hidden)
{
        uint8_t *v = (uint8_t *)rec + f->offset;
        uint32_t u32 = random_u32(state), n = 0;
        uint64_t u64 = ((uint64_t)random_u32(state) << 32 | u32) >> 1; /* JSON's whole numbers end at 2^63 */
        char text[300];

        switch (f->type) {
        case REC_TYPE_BOOL:
                *(bool *)v = u32 & 1;
                break;
        case REC_TYPE_ENUM:
                while (f->names[n])
                        n++;
                u32 %= n;
                memcpy(v, &u32, 4);
                break;
        case REC_TYPE_U32:
        case REC_TYPE_IP4:
                memcpy(v, &u32, 4);
                break;
        case REC_TYPE_U64:
        case REC_TYPE_I64:
                memcpy(v, &u64, 8);
                break;
        case REC_TYPE_STR:
                v[random_text(state, (char *)v, random_count(state, (uint32_t)f->size - 1))] = '\0';
                break;
        case REC_TYPE_BYTES:
        case REC_TYPE_MAC:
                for (size_t i = 0; i < (f->type == REC_TYPE_MAC ? 6 : f->size); i++)
                        v[i] = (uint8_t)random_u32(state);
                break;
        case REC_TYPE_BLOB:
                n = (uint32_t)random_text(state, text,
                                          random_count(state, f->size < sizeof(text) ? (uint32_t)f->size : sizeof(text)));
                if (n)
                        blob_set((struct blob *)v, text, n);
                break;
        case REC_TYPE_REC:
                random_rec(state, f->sub, v, with_hidden);
                break;
        case REC_TYPE_LIST:
                n = random_count(state, f->size > 40 ? 40 : (uint32_t)f->size);
                memcpy((uint8_t *)rec + f->count_offset, &n, 4);
                for (uint32_t i = 0; i < n; i++)
                        random_rec(state, f->sub, v + i * f->sub->size, with_hidden);
                break;
        }
}

/* @rec is zero before. */
static inline void
random_rec(uint64_t *state, const struct rec_desc *d, void *rec, bool with_hidden)
{
        for (size_t i = 0; i < d->n_fields; i++)
                if (with_hidden || !d->fields[i].hidden)
                        random_field(state, &d->fields[i], rec, with_hidden);
}

#endif
