/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed messages <-> lines of JSON, for the wire between link and api. Everything comes from messages.def and the records'
 * tables; the one thing added here is base64 for blobs, which JSON strings cannot hold. No I/O, no state.
 * Runs in: api, link, satellite.
 */
#include "ipc/agent_wire.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"

static struct blob *
blob_of(const struct rec_field *f, const void *payload)
{
        return (struct blob *)((char *)payload + f->offset);
}

/* ---- to text ---- */

static int
put_blobs(const struct rec_desc *d, const void *payload, json_t *object)
{
        for (size_t i = 0; i < d->n_fields; i++) {
                const struct rec_field *f = &d->fields[i];
                const struct blob *blob;
                gnutls_datum_t raw, text = {0};
                int r = 0;

                if (f->type != REC_TYPE_BLOB)
                        continue;
                blob = blob_of(f, payload);
                raw = (gnutls_datum_t){.data = blob->data, .size = (unsigned)blob->size};
                if (blob->size > 0 && gnutls_base64_encode2(&raw, &text) < 0)
                        return -ENOMEM;
                r = json_object_set_new(object, f->name, json_stringn(text.data ? (char *)text.data : "", text.size));
                gnutls_free(text.data);
                if (r < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The record's own JSON without its blobs, whose bytes need not be text: they are hidden from it on a flat copy. */
static json_t *
fields_to_json(const struct rec_desc *d, const void *payload)
{
        _cleanup_free_ void *flat = malloc(d->size);

        if (!flat)
                return NULL;
        memcpy(flat, payload, d->size);
        for (size_t i = 0; i < d->n_fields; i++)
                if (d->fields[i].type == REC_TYPE_BLOB)
                        memset(blob_of(&d->fields[i], flat), 0, sizeof(struct blob));
        return rec_to_json(d, flat);
}

char *
agent_wire_encode(enum msg_type type, const void *payload)
{
        const struct rec_desc *d = message_desc(type);
        json_t *line, *fields;
        char *text = NULL;

        if (!d)
                return NULL;
        line = json_object();
        fields = fields_to_json(d, payload);
        /* "m" stands first, so that a person who reads a trace sees at once what it is. */
        if (line && fields && json_object_set_new(line, "m", json_string(message_name(type))) == 0 &&
            put_blobs(d, payload, fields) == 0 && json_object_update(line, fields) == 0)
                text = json_text(line);
        json_decref(line);
        json_decref(fields);
        return text;
}

/* ---- from text ---- */

static int
take_blob(const struct rec_field *f, const json_t *value, struct blob *ret, struct error *err)
{
        gnutls_datum_t text, raw = {0};
        int r;

        if (!json_is_string(value))
                return error_set(err, ERR_PROTOCOL, "%s: base64 text expected", f->name);
        text = (gnutls_datum_t){.data = (unsigned char *)json_string_value(value), .size = (unsigned)json_string_length(value)};
        if (text.size == 0)
                return 0;
        /* 3 bytes of 4 characters: refused by its length before memory is spent on it */
        if (text.size / 4 * 3 > f->size + 2)
                return error_set(err, ERR_LIMIT, "%s: more than %zu bytes", f->name, f->size);
        if (gnutls_base64_decode2(&text, &raw) < 0)
                return error_set(err, ERR_PROTOCOL, "%s: no base64", f->name);
        if (raw.size > f->size)
                r = error_set(err, ERR_LIMIT, "%s: more than %zu bytes", f->name, f->size);
        else if (blob_set(ret, raw.data, raw.size) < 0)
                r = error_errno_set(err, ENOMEM, "%s", f->name);
        else
                r = 0;
        gnutls_free(raw.data);
        return r;
}

/* @object without its blobs becomes the record; the blobs are decoded into it. */
static int
fields_from_json(const struct rec_desc *d, json_t *object, void *payload, struct error *err)
{
        json_t *blobs[4] = {0};
        size_t n_blobs = 0;
        int r;

        for (size_t i = 0; i < d->n_fields && n_blobs < N_ELEMENTS(blobs); i++) {
                if (d->fields[i].type != REC_TYPE_BLOB)
                        continue;
                blobs[n_blobs] = json_incref(json_object_get(object, d->fields[i].name));
                json_object_del(object, d->fields[i].name);
                n_blobs++;
        }
        r = rec_from_json(d, object, payload, err);
        for (size_t i = 0, b = 0; i < d->n_fields && b < n_blobs; i++) {
                if (d->fields[i].type != REC_TYPE_BLOB)
                        continue;
                if (r == 0 && blobs[b])
                        r = take_blob(&d->fields[i], blobs[b], blob_of(&d->fields[i], payload), err);
                json_decref(blobs[b++]);
        }
        return r;
}

/* messages.def lists senders and receivers, not pairs: a message that link may send to its own parent is no message to api.
 * What api takes must be what it may hand on to core, and what the others take must be what core may have said. */
static bool
direction_ok(enum msg_type type, enum role self_role)
{
        if (self_role == ROLE_API)
                return (message_allowed(type, ROLE_LINK, ROLE_API) || message_allowed(type, ROLE_SATELLITE, ROLE_API)) &&
                       message_allowed(type, ROLE_API, ROLE_CORE);
        return message_allowed(type, ROLE_API, self_role) && message_allowed(type, ROLE_CORE, ROLE_API);
}

static int
line_type(const json_t *object, enum role self_role, enum msg_type *ret, struct error *err)
{
        const char *name = json_string_value(json_object_get(object, "m"));
        int type;

        if (!name)
                return error_set(err, ERR_PROTOCOL, "a line without a message name \"m\"");
        type = message_find(name);
        if (type < 0)
                return error_set(err, ERR_PROTOCOL, "unknown message '%.40s'", name);
        if (!direction_ok((enum msg_type)type, self_role))
                return error_set(err, ERR_PROTOCOL, "%s is not for %s to read", name, role_names[self_role]);
        *ret = (enum msg_type)type;
        return 0;
}

int
agent_wire_decode(const char *line, size_t size, enum role self_role, enum msg_type *ret_type, void **ret_payload,
                  struct error *err)
{
        json_t *object = json_parse(line, size, AGENT_WIRE_MAX, err);
        const struct rec_desc *d;
        enum msg_type type = MSG_MAX;
        void *payload;
        int r;

        if (!object)
                return error_to_errno(err->code);
        r = line_type(object, self_role, &type, err);
        if (r < 0)
                goto out;
        d = message_desc(type);
        payload = calloc(1, d->size);
        if (!payload) {
                r = error_errno_set(err, ENOMEM, "%s", message_name(type));
                goto out;
        }
        json_object_del(object, "m");
        r = fields_from_json(d, object, payload, err);
        if (r < 0) {
                error_prefix(err, "%s", message_name(type));
                agent_wire_free(type, payload);
                goto out;
        }
        *ret_type = type;
        *ret_payload = payload;
out:
        json_decref(object);
        return r;
}

void
agent_wire_free(enum msg_type type, void *payload)
{
        if (!payload)
                return;
        rec_clear(message_desc(type), payload);
        free(payload);
}
