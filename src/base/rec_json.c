/* SPDX-License-Identifier: Apache-2.0 */
/* Records to and from JSON. Pure; meets strangers' JSON in the roles api and link. */
#include "base/rec_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static json_t *
hex_json(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = malloc(2 * size + 1);

        return text ? json_string(hex_text(data, size, text)) : NULL;
}

static json_t *
list_json(const struct rec_field *f, const void *rec, const uint8_t *v)
{
        json_t *list = json_array();
        uint32_t n;

        memcpy(&n, (const uint8_t *)rec + f->count_offset, sizeof(n));
        for (uint32_t i = 0; i < n; i++)
                if (json_array_append_new(list, rec_to_json(f->sub, v + i * f->sub->size)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static json_t *
enum_json(const struct rec_field *f, uint32_t value)
{
        uint32_t n = 0;

        while (f->names[n] && n < value)
                n++;
        return f->names[n] ? json_string(f->names[n]) : NULL;
}

/* A new value; *absent is set for an address that is not there. NULL: failure. */
static json_t *
field_json(const struct rec_field *f, const void *rec, bool *absent)
{
        const uint8_t *v = (const uint8_t *)rec + f->offset;
        const struct blob *blob = (const struct blob *)v;
        char text[MAC_TEXT_SIZE + IP4_TEXT_SIZE];
        uint32_t u32 = 0;
        uint64_t u64 = 0;

        if (f->type == REC_TYPE_U32 || f->type == REC_TYPE_IP4 || f->type == REC_TYPE_ENUM)
                memcpy(&u32, v, sizeof(u32));
        if (f->type == REC_TYPE_U64 || f->type == REC_TYPE_I64)
                memcpy(&u64, v, sizeof(u64));
        switch (f->type) {
        case REC_TYPE_BOOL:
                return json_boolean(*(const bool *)v);
        case REC_TYPE_U32:
                return json_integer(u32);
        case REC_TYPE_U64:
        case REC_TYPE_I64:
                return json_integer((json_int_t)u64);
        case REC_TYPE_STR:
                return json_stringn((const char *)v, strnlen((const char *)v, f->size));
        case REC_TYPE_BYTES:
                return hex_json(v, f->size);
        case REC_TYPE_BLOB:
                return json_stringn(blob->data ? (const char *)blob->data : "", blob->size);
        case REC_TYPE_MAC:
                *absent = mac_zero((const struct mac *)v);
                return *absent ? NULL : json_string(mac_text((const struct mac *)v, text));
        case REC_TYPE_IP4:
                *absent = u32 == 0;
                return *absent ? NULL : json_string(ip4_text(u32, text));
        case REC_TYPE_ENUM:
                return enum_json(f, u32);
        case REC_TYPE_REC:
                return rec_to_json(f->sub, v);
        case REC_TYPE_LIST:
                return list_json(f, rec, v);
        }
        return NULL;
}

json_t *
rec_to_json(const struct rec_desc *d, const void *rec)
{
        json_t *obj = json_object();

        for (size_t i = 0; i < d->n_fields; i++) {
                bool absent = false;
                json_t *value;

                if (d->fields[i].hidden)
                        continue;
                value = field_json(&d->fields[i], rec, &absent);
                if (absent)
                        continue;
                if (json_object_set_new(obj, d->fields[i].name, value) < 0) {
                        json_decref(obj);
                        return NULL;
                }
        }
        return obj;
}

static int
want(const char *what, const struct rec_field *f, struct error *err)
{
        return error_set(err, ERR_INVALID, "%s: must be %s", f->name, what);
}

static int
int_from(const struct rec_field *f, const json_t *value, void *v, struct error *err)
{
        json_int_t n = json_integer_value(value);
        uint32_t u32 = (uint32_t)n;

        if (!json_is_integer(value))
                return want("a whole number", f, err);
        if (f->type != REC_TYPE_I64 && n < 0)
                return want("a number from 0", f, err);
        if (f->type == REC_TYPE_U32 && n > UINT32_MAX)
                return want("a number up to 4294967295", f, err);
        if (f->type == REC_TYPE_U32)
                memcpy(v, &u32, sizeof(u32));
        else
                memcpy(v, &n, sizeof(uint64_t));
        return 0;
}

static int
str_from(const struct rec_field *f, const json_t *value, char *v, struct error *err)
{
        size_t n = json_string_length(value);

        if (n >= f->size)
                return error_set(err, ERR_LIMIT, "%s: %zu bytes, at most %zu are allowed", f->name, n, f->size - 1);
        if (memchr(json_string_value(value), 0, n))
                return want("text without NUL bytes", f, err);
        memcpy(v, json_string_value(value), n + 1);
        return 0;
}

static int
blob_from(const struct rec_field *f, const json_t *value, struct blob *v, struct error *err)
{
        size_t n = json_string_length(value);

        if (n > f->size)
                return error_set(err, ERR_LIMIT, "%s: %zu bytes, at most %zu are allowed", f->name, n, f->size);
        if (n > 0 && blob_set(v, json_string_value(value), n) < 0)
                return error_set(err, ERR_NO_SPACE, "%s: out of memory", f->name);
        return 0;
}

/* Everything that is a JSON string. */
static int
text_from(const struct rec_field *f, const json_t *value, void *v, struct error *err)
{
        const char *text = json_string_value(value);
        uint32_t u32;
        int i;

        if (!text)
                return want("a string", f, err);
        switch (f->type) {
        case REC_TYPE_STR:
                return str_from(f, value, v, err);
        case REC_TYPE_BLOB:
                return blob_from(f, value, v, err);
        case REC_TYPE_BYTES:
                return parse_hex(text, v, f->size) < 0
                               ? error_set(err, ERR_INVALID, "%s: must be %zu hex digits", f->name, 2 * f->size)
                               : 0;
        case REC_TYPE_MAC:
                return parse_mac(text, v) < 0 ? want("a MAC address such as 52:54:00:12:34:56", f, err) : 0;
        case REC_TYPE_IP4:
                return parse_ip4(text, v) < 0 ? want("an IPv4 address such as 10.0.0.7", f, err) : 0;
        case REC_TYPE_ENUM:
                i = names_find(f->names, text);
                if (i < 0)
                        return error_set(err, ERR_INVALID, "%s: '%.40s' is not one of its values", f->name, text);
                u32 = (uint32_t)i;
                memcpy(v, &u32, sizeof(u32));
                return 0;
        default:
                return want("of another type", f, err);
        }
}

static int fill(const struct rec_desc *d, const json_t *obj, void *rec, struct error *err);

static int
list_from(const struct rec_field *f, const json_t *value, void *rec, uint8_t *v, struct error *err)
{
        size_t n = json_array_size(value);
        uint32_t count = (uint32_t)n;
        int r;

        if (!json_is_array(value))
                return want("a list", f, err);
        if (n > f->size)
                return error_set(err, ERR_LIMIT, "%s: %zu entries, at most %zu are allowed", f->name, n, f->size);
        memcpy((uint8_t *)rec + f->count_offset, &count, sizeof(count));
        for (size_t i = 0; i < n; i++) {
                r = fill(f->sub, json_array_get(value, i), v + i * f->sub->size, err);
                if (r < 0) {
                        error_prefix(err, "%s[%zu]", f->name, i);
                        return r;
                }
        }
        return 0;
}

static int
field_from(const struct rec_field *f, const json_t *value, void *rec, struct error *err)
{
        uint8_t *v = (uint8_t *)rec + f->offset;
        int r;

        switch (f->type) {
        case REC_TYPE_BOOL:
                if (!json_is_boolean(value))
                        return want("true or false", f, err);
                *(bool *)v = json_is_true(value);
                return 0;
        case REC_TYPE_U32:
        case REC_TYPE_U64:
        case REC_TYPE_I64:
                return int_from(f, value, v, err);
        case REC_TYPE_REC:
                r = fill(f->sub, value, v, err);
                if (r < 0)
                        error_prefix(err, "%s", f->name);
                return r;
        case REC_TYPE_LIST:
                return list_from(f, value, rec, v, err);
        default:
                return text_from(f, value, v, err);
        }
}

static const struct rec_field *
field_by_name(const struct rec_desc *d, const char *name)
{
        for (size_t i = 0; i < d->n_fields; i++)
                if (!d->fields[i].hidden && strcmp(d->fields[i].name, name) == 0)
                        return &d->fields[i];
        return NULL;
}

static int
fill(const struct rec_desc *d, const json_t *obj, void *rec, struct error *err)
{
        const char *key;
        json_t *value;

        if (!json_is_object(obj))
                return error_set(err, ERR_INVALID, "must be an object");
        json_object_foreach((json_t *)(uintptr_t)obj, key, value)
        {
                const struct rec_field *f = field_by_name(d, key);
                int r;

                if (!f)
                        return error_set(err, ERR_INVALID, "'%.60s' is no key of this object", key);
                r = field_from(f, value, rec, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int
rec_from_json(const struct rec_desc *d, const json_t *obj, void *rec, struct error *err)
{
        int r;

        memset(rec, 0, d->size);
        r = fill(d, obj, rec, err);
        if (r < 0)
                rec_clear(d, rec);
        return r;
}

json_t *
json_parse(const char *text, size_t size, size_t max_size, struct error *err)
{
        json_error_t je;
        json_t *value;

        if (size > max_size) {
                error_set(err, ERR_LIMIT, "JSON of %zu bytes, at most %zu are allowed", size, max_size);
                return NULL;
        }
        value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &je);
        if (!value)
                error_set(err, ERR_INVALID, "not JSON: line %d column %d: %s", je.line, je.column, je.text);
        return value;
}

char *
json_text(const json_t *value)
{
        return json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
}
