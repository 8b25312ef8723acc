/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_REC_H
#define DOMPOOL_BASE_REC_H
/*
 * Records: one table of fields per struct, from which its binary form (between processes), its JSON (agents, API, database,
 * command line) and its limits are made. A struct that crosses a border has a `const struct rec_desc`.
 *
 *         struct vif { struct mac mac; char bridge[16]; };
 *         static const struct rec_field vif_fields[] = {
 *                 REC_MAC(struct vif, mac),
 *                 REC_STR(struct vif, bridge),
 *         };
 *         const struct rec_desc vif_desc = REC_DESC(struct vif, vif_fields);
 *
 * Everything is of fixed size inside the struct but REC_BLOB (heap, with a limit); rec_clear frees those.
 * Binary: fields in table order, little-endian, strings and blobs with a 32-bit length; decode refuses what is cut, too long,
 * out of range, not NUL-free (strings) or has bytes left over. An all-zero struct is a valid empty record.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

enum rec_type {
        REC_TYPE_BOOL,  /* bool */
        REC_TYPE_U32,   /* uint32_t */
        REC_TYPE_U64,   /* uint64_t */
        REC_TYPE_I64,   /* int64_t */
        REC_TYPE_STR,   /* char[size], NUL-terminated, UTF-8 */
        REC_TYPE_BYTES, /* uint8_t[size]; hex in JSON */
        REC_TYPE_BLOB,  /* struct blob; a string in JSON where it is UTF-8 text (REC_TEXT), else base64 is not offered */
        REC_TYPE_MAC,   /* struct mac; "aa:bb:.." in JSON, absent when all zero */
        REC_TYPE_IP4,   /* uint32_t host order; dotted quad, absent when 0 */
        REC_TYPE_ENUM,  /* uint32_t; one of names[] in JSON */
        REC_TYPE_REC,   /* a struct inside */
        REC_TYPE_LIST,  /* array of structs of fixed capacity with a uint32_t count beside it */
};

struct blob {
        uint8_t *data; /* owned; NUL-terminated behind data[size] for convenience; NULL when empty */
        size_t size;
};

struct rec_desc;

struct rec_field {
        const char *name;
        enum rec_type type;
        bool hidden;              /* not in JSON: secrets and numbers that only processes of one machine share */
        size_t offset;
        size_t size;              /* STR, BYTES: array size; BLOB: limit; LIST: capacity */
        size_t count_offset;      /* LIST */
        const struct rec_desc *sub; /* REC, LIST */
        const char *const *names; /* ENUM: NULL-terminated */
};

struct rec_desc {
        const char *name;
        size_t size;
        const struct rec_field *fields;
        size_t n_fields;
};

#define REC_F_(S, M, T, SIZE, ...)                                                                                     \
        {.name = #M, .type = T, .offset = offsetof(S, M), .size = (SIZE), __VA_ARGS__}
#define REC_BOOL(S, M) REC_F_(S, M, REC_TYPE_BOOL, 0)
#define REC_U32(S, M) REC_F_(S, M, REC_TYPE_U32, 0)
#define REC_U64(S, M) REC_F_(S, M, REC_TYPE_U64, 0)
#define REC_I64(S, M) REC_F_(S, M, REC_TYPE_I64, 0)
#define REC_STR(S, M) REC_F_(S, M, REC_TYPE_STR, sizeof(((S *)0)->M))
#define REC_BYTES(S, M) REC_F_(S, M, REC_TYPE_BYTES, sizeof(((S *)0)->M))
#define REC_BLOB(S, M, LIMIT) REC_F_(S, M, REC_TYPE_BLOB, LIMIT)
#define REC_MAC(S, M) REC_F_(S, M, REC_TYPE_MAC, 0)
#define REC_IP4(S, M) REC_F_(S, M, REC_TYPE_IP4, 0)
#define REC_ENUM(S, M, NAMES) REC_F_(S, M, REC_TYPE_ENUM, 0, .names = (NAMES))
#define REC_REC(S, M, SUB) REC_F_(S, M, REC_TYPE_REC, 0, .sub = &(SUB))
/* The count is the member n_M, a uint32_t. */
#define REC_LIST(S, M, SUB)                                                                                            \
        REC_F_(S, M, REC_TYPE_LIST, sizeof(((S *)0)->M) / sizeof(((S *)0)->M[0]), .count_offset = offsetof(S, n_##M),  \
               .sub = &(SUB))
#define REC_U64_HIDDEN(S, M) REC_F_(S, M, REC_TYPE_U64, 0, .hidden = true)
#define REC_U32_HIDDEN(S, M) REC_F_(S, M, REC_TYPE_U32, 0, .hidden = true)

#define REC_DESC(S, FIELDS)                                                                                            \
        {.name = #S, .size = sizeof(S), .fields = (FIELDS), .n_fields = sizeof(FIELDS) / sizeof((FIELDS)[0])}

/* Encoded size of @rec in bytes. */
size_t
rec_encoded_size(const struct rec_desc *d, const void *rec);

/* Writes exactly rec_encoded_size() bytes to @buf. */
void
rec_encode(const struct rec_desc *d, const void *rec, uint8_t *buf);

/* Fills @rec (its former content is not freed). 0, -EBADMSG when malformed or -ENOMEM; @rec is all zero then. */
int
rec_decode(const struct rec_desc *d, const uint8_t *buf, size_t size, void *rec);

/* Likewise for a record that is all zero already: memory of calloc(3) of which a short list leaves most pages untouched. */
int
rec_decode_fresh(const struct rec_desc *d, const uint8_t *buf, size_t size, void *rec);

/* Frees blobs and zeroes the record. */
void
rec_clear(const struct rec_desc *d, void *rec);

/* Deep copy into @dst (former content not freed). 0 or -ENOMEM. */
int
rec_copy(const struct rec_desc *d, void *dst, const void *src);

bool
rec_equal(const struct rec_desc *d, const void *a, const void *b);

/* Replaces the content of a blob by a copy of @data; 0 or -ENOMEM. */
int
blob_set(struct blob *b, const void *data, size_t size);

void
blob_clear(struct blob *b);

/* Position of @text in a NULL-terminated list of names, or -1. */
int
names_find(const char *const *names, const char *text);

#endif
