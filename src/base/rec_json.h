/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BASE_REC_JSON_H
#define DOMPOOL_BASE_REC_JSON_H
/* Records to and from JSON (jansson). Zero numbers, empty strings and empty lists are written all the same, so that readers
 * see every key; MAC and IPv4 fields that are unset are left out. */
#include <jansson.h>

#include "base/error.h"
#include "base/rec.h"

/* A new object, or NULL when memory is out or a string is no UTF-8. Caller frees with json_decref. */
json_t *
rec_to_json(const struct rec_desc *d, const void *rec);

/* Fills @rec from an object: missing keys leave zero, unknown keys, wrong types, over-long strings and lists, unknown enum
 * names and numbers out of range are refused with the key's path in the message. On failure @rec is all zero. */
int
rec_from_json(const struct rec_desc *d, const json_t *obj, void *rec, struct error *err);

/* json_loadb with JSON_REJECT_DUPLICATES and a limit on input size and depth; NULL and @err on failure. */
json_t *
json_parse(const char *text, size_t size, size_t max_size, struct error *err);

/* Compact, key order as inserted; malloc'ed, or NULL. */
char *
json_text(const json_t *value);

#endif
