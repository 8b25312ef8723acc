/* SPDX-License-Identifier: Apache-2.0 */
/* Records: binary form, copying and freeing, driven by field tables. Pure; meets bytes of other processes, so it trusts
 * nothing. */
#include "base/rec.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
        const uint8_t *p, *end;
};

static void *
at(void *rec, size_t offset)
{
        return (uint8_t *)rec + offset;
}

static const void *
cat(const void *rec, size_t offset)
{
        return (const uint8_t *)rec + offset;
}

static uint32_t
count_of(const struct rec_field *f, const void *rec)
{
        uint32_t n;

        memcpy(&n, cat(rec, f->count_offset), sizeof(n));
        assert(n <= f->size); /* our own struct: more than its capacity is a bug of ours */
        return n;
}

static uint32_t
n_names(const struct rec_field *f)
{
        uint32_t n = 0;

        while (f->names[n])
                n++;
        return n;
}

int
names_find(const char *const *names, const char *text)
{
        for (int i = 0; names[i]; i++)
                if (strcmp(names[i], text) == 0)
                        return i;
        return -1;
}

int
blob_set(struct blob *b, const void *data, size_t size)
{
        uint8_t *copy = malloc(size + 1);

        if (!copy)
                return -ENOMEM;
        if (size)
                memcpy(copy, data, size);
        copy[size] = '\0';
        free(b->data);
        b->data = copy;
        b->size = size;
        return 0;
}

void
blob_clear(struct blob *b)
{
        free(b->data);
        *b = (struct blob){0};
}

/* Fixed-size fields: how many bytes they have in the struct and on the wire (equal but for bool). 0 for the others. */
static size_t
plain_size(const struct rec_field *f)
{
        switch (f->type) {
        case REC_TYPE_U32:
        case REC_TYPE_IP4:
        case REC_TYPE_ENUM:
                return 4;
        case REC_TYPE_U64:
        case REC_TYPE_I64:
                return 8;
        case REC_TYPE_MAC:
                return 6;
        case REC_TYPE_BYTES:
                return f->size;
        case REC_TYPE_BOOL:
        case REC_TYPE_STR:
        case REC_TYPE_BLOB:
        case REC_TYPE_REC:
        case REC_TYPE_LIST:
                return 0;
        }
        return 0;
}

static size_t
field_size(const struct rec_field *f, const void *rec)
{
        const void *v = cat(rec, f->offset);
        size_t size;

        switch (f->type) {
        case REC_TYPE_BOOL:
                return 1;
        case REC_TYPE_STR:
                return 4 + strnlen(v, f->size);
        case REC_TYPE_BLOB:
                return 4 + ((const struct blob *)v)->size;
        case REC_TYPE_REC:
                return rec_encoded_size(f->sub, v);
        case REC_TYPE_LIST:
                size = 4;
                for (uint32_t i = 0, n = count_of(f, rec); i < n; i++)
                        size += rec_encoded_size(f->sub, cat(v, i * f->sub->size));
                return size;
        default:
                return plain_size(f);
        }
}

size_t
rec_encoded_size(const struct rec_desc *d, const void *rec)
{
        size_t size = 0;

        for (size_t i = 0; i < d->n_fields; i++)
                size += field_size(&d->fields[i], rec);
        return size;
}

static uint8_t *
put(uint8_t *p, const void *data, size_t size)
{
        if (size)
                memcpy(p, data, size);
        return p + size;
}

static uint8_t *
put_u32(uint8_t *p, uint32_t v)
{
        const uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

        return put(p, b, sizeof(b));
}

static uint8_t *
put_u64(uint8_t *p, uint64_t v)
{
        return put_u32(put_u32(p, (uint32_t)v), (uint32_t)(v >> 32));
}

static uint8_t *encode(const struct rec_desc *d, const void *rec, uint8_t *p);

static uint8_t *
encode_field(const struct rec_field *f, const void *rec, uint8_t *p)
{
        const void *v = cat(rec, f->offset);
        const struct blob *blob = v;
        uint32_t u32, n;
        uint64_t u64;

        switch (f->type) {
        case REC_TYPE_BOOL:
                *p = *(const bool *)v;
                return p + 1;
        case REC_TYPE_U32:
        case REC_TYPE_IP4:
        case REC_TYPE_ENUM:
                memcpy(&u32, v, sizeof(u32));
                return put_u32(p, u32);
        case REC_TYPE_U64:
        case REC_TYPE_I64:
                memcpy(&u64, v, sizeof(u64));
                return put_u64(p, u64);
        case REC_TYPE_STR:
                n = (uint32_t)strnlen(v, f->size);
                return put(put_u32(p, n), v, n);
        case REC_TYPE_BLOB:
                assert(blob->size <= f->size);
                return put(put_u32(p, (uint32_t)blob->size), blob->data, blob->size);
        case REC_TYPE_BYTES:
        case REC_TYPE_MAC:
                return put(p, v, plain_size(f));
        case REC_TYPE_REC:
                return encode(f->sub, v, p);
        case REC_TYPE_LIST:
                n = count_of(f, rec);
                p = put_u32(p, n);
                for (uint32_t i = 0; i < n; i++)
                        p = encode(f->sub, cat(v, i * f->sub->size), p);
                return p;
        }
        return p;
}

static uint8_t *
encode(const struct rec_desc *d, const void *rec, uint8_t *p)
{
        for (size_t i = 0; i < d->n_fields; i++)
                p = encode_field(&d->fields[i], rec, p);
        return p;
}

void
rec_encode(const struct rec_desc *d, const void *rec, uint8_t *buf)
{
        encode(d, rec, buf);
}

static int
take(struct reader *r, void *ret, size_t size)
{
        if ((size_t)(r->end - r->p) < size)
                return -EBADMSG;
        if (size)
                memcpy(ret, r->p, size);
        r->p += size;
        return 0;
}

static int
take_u32(struct reader *r, uint32_t *ret)
{
        uint8_t b[4];

        if (take(r, b, sizeof(b)) < 0)
                return -EBADMSG;
        *ret = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        return 0;
}

static int
take_u64(struct reader *r, uint64_t *ret)
{
        uint32_t lo, hi;

        if (take_u32(r, &lo) < 0 || take_u32(r, &hi) < 0)
                return -EBADMSG;
        *ret = lo | (uint64_t)hi << 32;
        return 0;
}

static int
take_bool(struct reader *r, bool *ret)
{
        uint8_t b;

        if (take(r, &b, 1) < 0 || b > 1)
                return -EBADMSG;
        *ret = b;
        return 0;
}

static int
take_str(struct reader *r, const struct rec_field *f, char *ret)
{
        uint32_t n;

        if (take_u32(r, &n) < 0 || n >= f->size || (size_t)(r->end - r->p) < n || memchr(r->p, 0, n))
                return -EBADMSG;
        (void)take(r, ret, n);
        ret[n] = '\0';
        return 0;
}

static int
take_blob(struct reader *r, const struct rec_field *f, struct blob *ret)
{
        uint32_t n;
        int e;

        if (take_u32(r, &n) < 0 || n > f->size || (size_t)(r->end - r->p) < n)
                return -EBADMSG;
        if (n == 0)
                return 0;
        e = blob_set(ret, r->p, n);
        r->p += n;
        return e;
}

static int decode(const struct rec_desc *d, struct reader *r, void *rec);

static int
take_list(struct reader *r, const struct rec_field *f, void *rec, void *v)
{
        uint32_t n;
        int e = 0;

        if (take_u32(r, &n) < 0 || n > f->size)
                return -EBADMSG;
        /* The count first: so a list that fails half-way is freed as far as it came (elements behind are zero). */
        memcpy(at(rec, f->count_offset), &n, sizeof(n));
        for (uint32_t i = 0; i < n && e == 0; i++)
                e = decode(f->sub, r, at(v, i * f->sub->size));
        return e;
}

static int
decode_field(const struct rec_field *f, struct reader *r, void *rec)
{
        void *v = at(rec, f->offset);
        uint32_t u32;

        switch (f->type) {
        case REC_TYPE_BOOL:
                return take_bool(r, v);
        case REC_TYPE_U32:
        case REC_TYPE_IP4:
                return take_u32(r, v);
        case REC_TYPE_ENUM:
                if (take_u32(r, &u32) < 0 || u32 >= n_names(f))
                        return -EBADMSG;
                memcpy(v, &u32, sizeof(u32));
                return 0;
        case REC_TYPE_U64:
        case REC_TYPE_I64:
                return take_u64(r, v);
        case REC_TYPE_STR:
                return take_str(r, f, v);
        case REC_TYPE_BLOB:
                return take_blob(r, f, v);
        case REC_TYPE_BYTES:
        case REC_TYPE_MAC:
                return take(r, v, plain_size(f));
        case REC_TYPE_REC:
                return decode(f->sub, r, v);
        case REC_TYPE_LIST:
                return take_list(r, f, rec, v);
        }
        return -EBADMSG;
}

static int
decode(const struct rec_desc *d, struct reader *r, void *rec)
{
        int e = 0;

        for (size_t i = 0; i < d->n_fields && e == 0; i++)
                e = decode_field(&d->fields[i], r, rec);
        return e;
}

int
rec_decode(const struct rec_desc *d, const uint8_t *buf, size_t size, void *rec)
{
        memset(rec, 0, d->size);
        return rec_decode_fresh(d, buf, size, rec);
}

int
rec_decode_fresh(const struct rec_desc *d, const uint8_t *buf, size_t size, void *rec)
{
        struct reader r = {buf, buf + size};
        int e = decode(d, &r, rec);

        if (e == 0 && r.p != r.end)
                e = -EBADMSG;
        if (e < 0)
                rec_clear(d, rec);
        return e;
}

static void
free_blobs(const struct rec_desc *d, void *rec)
{
        for (size_t i = 0; i < d->n_fields; i++) {
                const struct rec_field *f = &d->fields[i];
                void *v = at(rec, f->offset);

                if (f->type == REC_TYPE_BLOB)
                        blob_clear(v);
                else if (f->type == REC_TYPE_REC)
                        free_blobs(f->sub, v);
                else if (f->type == REC_TYPE_LIST)
                        for (uint32_t k = 0, n = count_of(f, rec); k < n; k++)
                                free_blobs(f->sub, at(v, k * f->sub->size));
        }
}

void
rec_clear(const struct rec_desc *d, void *rec)
{
        free_blobs(d, rec);
        memset(rec, 0, d->size);
}

int
rec_copy(const struct rec_desc *d, void *dst, const void *src)
{
        size_t size = rec_encoded_size(d, src);
        uint8_t *buf = malloc(size + 1);
        int e;

        if (!buf)
                return -ENOMEM;
        rec_encode(d, src, buf);
        e = rec_decode(d, buf, size, dst);
        free(buf);
        return e;
}

bool
rec_equal(const struct rec_desc *d, const void *a, const void *b)
{
        size_t size = rec_encoded_size(d, a);
        uint8_t *x, *y;
        bool equal = false;

        if (rec_encoded_size(d, b) != size)
                return false;
        x = malloc(size + 1);
        y = malloc(size + 1);
        if (x && y) {
                rec_encode(d, a, x);
                rec_encode(d, b, y);
                equal = memcmp(x, y, size) == 0;
        }
        free(x);
        free(y);
        return equal;
}
