/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API's routes do: each makes one typed question for core out of path, query and body. The xl.cfg of a domain is read
 * here, in the role without privileges; core gets the typed configuration. Runs in: api.
 */
#include "server/api_handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/api.h"
#include "server/api_body.h"

#define WAIT_MAX_S 60
#define LIMIT_MAX 10000

static void
copy_by(const struct api_request *q, char by[NAME_SIZE])
{
        memcpy(by, q->caller.by, NAME_SIZE);
}

static void
copy_key(const struct api_request *q, char key[NAME_SIZE])
{
        memcpy(key, q->key, NAME_SIZE);
}

/* ---- reading ---- */

static int
query_number(const struct api_request *q, const char *key, uint64_t max, uint64_t *ret, struct error *err)
{
        const char *text = api_request_query(q, key);

        if (!text)
                return 0;
        if (parse_u64(text, max, ret) < 0)
                return error_set(err, ERR_INVALID, "query %s: a number up to %llu is wanted", key, (unsigned long long)max);
        return 0;
}

static int
query_name(const struct api_request *q, const char *key, char ret[NAME_SIZE], struct error *err)
{
        const char *text = api_request_query(q, key);

        if (!text)
                return 0;
        if (!name_ok(text))
                return error_set(err, ERR_INVALID, "query %s: a name is wanted", key);
        str_copy(ret, NAME_SIZE, text);
        return 0;
}

static int
query_image(const struct api_request *q, const char *key, char ret[NAME_SIZE], struct error *err)
{
        const char *text = api_request_query(q, key);

        if (!text)
                return 0;
        if (!image_name_ok(text) || !str_copy(ret, NAME_SIZE, text))
                return error_set(err, ERR_INVALID, "query %s: an image's name or the begin of a version's id is wanted", key);
        return 0;
}

int
api_get(struct api_request *q, struct error *err)
{
        struct msg_api_get get = {.resource = q->match.route->resource, .number = q->match.number};
        uint64_t wait_s = 0, limit = 0;
        int r;

        memcpy(get.name, q->match.name, sizeof(get.name));
        if ((r = api_body_none(q->body.data, q->body.size, err)) < 0 ||
            (r = query_number(q, "wait", WAIT_MAX_S, &wait_s, err)) < 0 ||
            (r = query_number(q, "limit", LIMIT_MAX, &limit, err)) < 0 ||
            (r = query_number(q, "after", INT64_MAX, &get.number, err)) < 0 ||
            (r = query_number(q, "at", INT64_MAX, &get.number, err)) < 0 ||
            (r = query_name(q, "firmware", get.filter, err)) < 0 || (r = query_name(q, "kind", get.filter, err)) < 0 ||
            (r = query_name(q, "host", get.filter, err)) < 0 || (r = query_image(q, "to", get.filter, err)) < 0)
                return r;
        if (get.resource == RES_SERVER && q->api->tls_fingerprint[0]) /* what a client on another machine must be told */
                q->extra = json_pack("{s:s}", "tls_fingerprint", q->api->tls_fingerprint);
        get.wait_ms = (uint32_t)wait_s * 1000;
        get.limit = (uint32_t)limit;
        return api_ask(q, MSG_API_GET, &get, get.wait_ms, err);
}

/* ---- hosts ---- */

int
api_host_put(struct api_request *q, struct error *err)
{
        struct msg_api_host_put put = {0};
        int r = api_body_host(q->body.data, q->body.size, q->match.name, &put, err);

        if (r < 0)
                return r;
        copy_by(q, put.by);
        return api_ask(q, MSG_API_HOST_PUT, &put, 0, err);
}

static int
ask_by_name(struct api_request *q, enum msg_type type, const char *name, struct error *err)
{
        struct msg_api_name m = {0};

        str_copy(m.name, sizeof(m.name), name);
        copy_by(q, m.by);
        copy_key(q, m.key);
        return api_ask(q, type, &m, 0, err);
}

int
api_host_delete(struct api_request *q, struct error *err)
{
        int r = api_body_none(q->body.data, q->body.size, err);

        return r < 0 ? r : ask_by_name(q, MSG_API_HOST_DELETE, q->match.name, err);
}

int
api_unknown_adopt(struct api_request *q, struct error *err)
{
        struct msg_api_host_put put = {0};
        int r = api_body_adopt(q->body.data, q->body.size, q->match.name, &put, err);

        if (r < 0)
                return r;
        copy_by(q, put.by);
        return api_ask(q, MSG_API_UNKNOWN_ADOPT, &put, 0, err);
}

int
api_unknown_change(struct api_request *q, struct error *err)
{
        struct msg_api_unknown_change m = {.change = q->match.route->resource};
        int r = api_body_none(q->body.data, q->body.size, err);

        if (r < 0)
                return r;
        memcpy(m.name, q->match.name, sizeof(m.name));
        copy_by(q, m.by);
        return api_ask(q, MSG_API_UNKNOWN_CHANGE, &m, 0, err);
}

int
api_host_reboot(struct api_request *q, struct error *err)
{
        int r = api_body_none(q->body.data, q->body.size, err);

        return r < 0 ? r : ask_by_name(q, MSG_API_HOST_REBOOT, q->match.name, err);
}

int
api_host_retry(struct api_request *q, struct error *err)
{
        int r = api_body_none(q->body.data, q->body.size, err);

        return r < 0 ? r : ask_by_name(q, MSG_API_HOST_RETRY, q->match.name, err);
}

int
api_host_drop_kept(struct api_request *q, struct error *err)
{
        int r = api_body_none(q->body.data, q->body.size, err);

        return r < 0 ? r : ask_by_name(q, MSG_API_HOST_DROP_KEPT, q->match.name, err);
}

int
api_host_profile(struct api_request *q, struct error *err)
{
        struct msg_api_host_profile m = {0};
        int r = api_body_profile(q->body.data, q->body.size, q->match.name, &m, err);

        if (r < 0)
                return r;
        copy_by(q, m.by);
        r = api_ask(q, MSG_API_HOST_PROFILE, &m, 0, err);
        blob_clear(&m.hosts);
        return r;
}

int
api_canary_end(struct api_request *q, struct error *err)
{
        struct msg_api_canary_end m = {.id = q->match.number, .promote = q->match.route->resource};
        int r = api_body_none(q->body.data, q->body.size, err);

        if (r < 0)
                return r;
        copy_by(q, m.by);
        return api_ask(q, MSG_API_CANARY_END, &m, 0, err);
}

/* The message has room for a whole configuration: too much for the stack. */
int
api_what_if(struct api_request *q, struct error *err)
{
        struct msg_api_what_if *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return error_errno_set(err, ENOMEM, "what if");
        r = api_body_what_if(q->body.data, q->body.size, m, err);
        if (r == 0)
                r = api_ask(q, MSG_API_WHAT_IF, m, 0, err);
        rec_clear(message_desc(MSG_API_WHAT_IF), m);
        free(m);
        return r;
}

/* ---- images ---- */

int
api_image_build(struct api_request *q, struct error *err)
{
        struct msg_api_name m = {0};
        int r = api_body_image(q->body.data, q->body.size, &m, err);

        return r < 0 ? r : ask_by_name(q, MSG_API_IMAGE_BUILD, m.name, err);
}

int
api_image_change(struct api_request *q, struct error *err)
{
        struct msg_api_image_change m = {.kind = (uint32_t)q->match.route->resource};
        int r = m.kind == OP_IMAGE_SET_DEFAULT ? api_body_version(q->body.data, q->body.size, &m, err)
                                               : api_body_none(q->body.data, q->body.size, err);

        if (r < 0)
                return r;
        memcpy(m.name, q->match.name, sizeof(m.name));
        copy_by(q, m.by);
        copy_key(q, m.key);
        return api_ask(q, MSG_API_IMAGE_CHANGE, &m, 0, err);
}

/* ---- satellites ---- */

int
api_satellite_add(struct api_request *q, struct error *err)
{
        struct msg_api_satellite_add m = {0};
        int r = api_body_satellite(q->body.data, q->body.size, &m, err);

        if (r < 0)
                return r;
        copy_by(q, m.by);
        return api_ask(q, MSG_API_SATELLITE_ADD, &m, 0, err);
}

int
api_satellite_remove(struct api_request *q, struct error *err)
{
        int r = api_body_none(q->body.data, q->body.size, err);

        return r < 0 ? r : ask_by_name(q, MSG_API_SATELLITE_REMOVE, q->match.name, err);
}

/* ---- domains ---- */

static json_t *
notes_json(const struct xlcfg_notes *notes)
{
        json_t *list = json_array();

        for (uint32_t i = 0; i < notes->n; i++)
                json_array_append_new(list,
                                      json_pack("{s:i,s:s}", "line", (int)notes->notes[i].line, "text", notes->notes[i].text));
        return list;
}

int
api_domain_create(struct api_request *q, struct error *err)
{
        struct msg_api_domain_create m = {0};
        struct xlcfg_notes notes = {0};
        int r = api_body_domain(q->body.data, q->body.size, &m, &notes, err);

        if (r < 0)
                return r;
        q->extra = json_pack("{s:o}", "notes", notes_json(&notes));
        copy_by(q, m.by);
        copy_key(q, m.key);
        return api_ask(q, MSG_API_DOMAIN_CREATE, &m, 0, err);
}

int
api_domain_action(struct api_request *q, struct error *err)
{
        struct msg_api_domain_action m = {.verb = q->match.route->resource};
        int r = api_body_action(q->body.data, q->body.size, &m, err);

        if (r < 0)
                return r;
        memcpy(m.name, q->match.name, sizeof(m.name));
        copy_by(q, m.by);
        copy_key(q, m.key);
        return api_ask(q, MSG_API_DOMAIN_ACTION, &m, 0, err);
}
