/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kept files: what a host's agent sends is stored as it is and given back to that host's session alone; nobody here looks into
 * it. At most one archive a host, the newest that fitted; it replaces the one before in one commit. Process: core.
 *
 *   OFFER --too large, dropped, busy--> answer
 *     '--WANT--> PART --WANT--> ... PART --the hash is right: a row, commit--> HAVE
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/digest.h"
#include "server/core_private.h"

#define CORE_MAX_KEEPS 64               /* archives on their way, and */
#define CORE_MAX_KEEP_BYTES (64u << 20) /* their sizes together; others are told to wait a moment */
#define CORE_KEEP_IDLE_MS 30000         /* one that nothing has come of for so long makes room */

struct core_keep {
        uint64_t conn;
        struct msg_agent_keep_offer offer;
        uint8_t *data;
        uint64_t have;
        int64_t word_mono_ms;
        struct core_keep *prev, *next;
};

/* ---- archives on their way ---- */

static void
upload_free(struct core *c, struct core_keep *k)
{
        DL_DELETE(c->keeps, k);
        free(k->data);
        free(k);
}

static struct core_keep *
upload_find(struct core *c, uint64_t conn)
{
        struct core_keep *k;

        DL_SEARCH_SCALAR(c->keeps, k, conn, conn);
        return k;
}

void
core_keep_gone(struct core *c, uint64_t conn)
{
        struct core_keep *k = upload_find(c, conn);

        if (k)
                upload_free(c, k);
}

void
core_keep_all_gone(struct core *c)
{
        while (c->keeps)
                upload_free(c, c->keeps);
}

/* NULL: there is no room. */
static struct core_keep *
upload_new(struct core *c, const struct msg_agent_keep_offer *m)
{
        struct core_keep *k, *next;
        uint64_t bytes = m->size;
        unsigned n = 0;

        core_keep_gone(c, m->conn);
        DL_FOREACH_SAFE(c->keeps, k, next)
        {
                if (core_mono(c) - k->word_mono_ms >= CORE_KEEP_IDLE_MS) {
                        upload_free(c, k);
                        continue;
                }
                bytes += k->offer.size;
                n++;
        }
        if (n >= CORE_MAX_KEEPS || bytes > CORE_MAX_KEEP_BYTES)
                return NULL;
        k = calloc(1, sizeof(*k));
        if (k)
                k->data = malloc(m->size);
        if (!k || !k->data) {
                free(k);
                return NULL;
        }
        k->conn = m->conn;
        k->offer = *m;
        k->word_mono_ms = core_mono(c);
        DL_APPEND(c->keeps, k);
        return k;
}

static void
answer(struct core *c, uint64_t conn, const uint8_t sha256[SHA256_SIZE], enum keep_verdict verdict, uint64_t offset)
{
        struct msg_agent_keep_answer m = {.conn = conn, .verdict = verdict, .offset = offset, .limit = c->config->keep_limit};

        memcpy(m.sha256, sha256, sizeof(m.sha256));
        core_send(c, ROLE_API, MSG_AGENT_KEEP_ANSWER, &m);
}

/* ---- what is said of them ---- */

/* An event, unless it says what the last one said. @what NULL: all is well. */
static void
trouble(struct core *c, struct core_host *h, const char *what, const char *text)
{
        char *now = what ? strdup(text) : NULL;

        if (now && (!h->keep_trouble || strcmp(h->keep_trouble, now) != 0))
                core_event(c, "host", h->row.host.name, what, h->row.boot, "%s", now);
        free(h->keep_trouble);
        h->keep_trouble = now;
}

static bool
has_kept(const struct core_host *h)
{
        return h->kept && h->kept->size > 0;
}

static void
too_large(struct core *c, struct core_host *h, const struct msg_agent_keep_offer *m)
{
        char text[900];

        snprintf(text, sizeof(text),
                 "its %u kept files have %llu KiB, %s alone %llu, and keep-limit is %u KiB: they are not saved; %s. "
                 "Remove some, name fewer paths in the recipe's 'keep', or give more by keep-limit",
                 m->n_files, (unsigned long long)m->size >> 10, m->biggest, (unsigned long long)m->biggest_size >> 10,
                 c->config->keep_limit >> 10, has_kept(h) ? "those that were saved last stay" : "nothing was saved before");
        trouble(c, h, "keep-too-large", text);
}

void
core_keep_boot(struct core_host *h)
{
        free(h->keep_trouble);
        h->keep_trouble = NULL;
}

/* ---- up ---- */

void
core_keep_offer(struct core *c, const struct msg_agent_keep_offer *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);
        static const uint8_t unpacked[SHA256_SIZE];
        char text[400];

        if (!h)
                return;
        if (*m->trouble) {
                snprintf(text, sizeof(text), "its kept files are not saved, and %s: %s",
                         has_kept(h) ? "those that were saved last stay" : "there are none", m->trouble);
                trouble(c, h, "keep-failed", text);
                return;
        }
        if (h->kept && h->kept->size == 0 && h->kept->attempt_ms == h->row.attempt_ms) {
                answer(c, m->conn, m->sha256, KEEP_DROPPED, 0);
        } else if (m->size == 0 || m->size > c->config->keep_limit) {
                too_large(c, h, m);
                answer(c, m->conn, m->sha256, KEEP_TOO_LARGE, 0);
        } else if (memcmp(m->sha256, unpacked, sizeof(unpacked)) == 0) { /* only asked whether so much may come */
                answer(c, m->conn, m->sha256, KEEP_WANT, 0);
        } else if (has_kept(h) && memcmp(h->kept->sha256, m->sha256, SHA256_SIZE) == 0) {
                trouble(c, h, NULL, NULL);
                answer(c, m->conn, m->sha256, KEEP_HAVE, m->size);
        } else {
                answer(c, m->conn, m->sha256, upload_new(c, m) ? KEEP_WANT : KEEP_BUSY, 0);
        }
}

/* The row of @h; NULL and the database has failed: no memory. */
static struct store_kept *
row(struct core *c, struct core_host *h)
{
        struct error err;

        if (!h->kept && !(h->kept = calloc(1, sizeof(*h->kept)))) {
                error_set(&err, ERR_NO_SPACE, "no memory for kept files");
                core_db_failed(c, &err);
        }
        return h->kept;
}

static void
put(struct core *c, struct core_host *h, const struct msg_agent_keep_offer *offer, const uint8_t *data)
{
        struct store_kept *k = row(c, h);
        bool first = !has_kept(h);
        struct error err;

        if (!k)
                return;
        *k = (struct store_kept){
                .time_ms = core_wall(c), .attempt_ms = h->row.attempt_ms, .n_files = offer->n_files, .size = offer->size};
        str_copy(k->host, sizeof(k->host), h->row.host.name);
        memcpy(k->sha256, offer->sha256, sizeof(k->sha256));
        if (store_kept_put(c->store, k, data, &err))
                core_db_failed(c, &err);
        if (first || h->keep_trouble)
                core_event(c, "host", k->host, "kept", h->row.boot, "%u files and folders, %llu KiB", k->n_files,
                           (unsigned long long)(k->size + 1023) >> 10);
        trouble(c, h, NULL, NULL);
}

void
core_keep_part(struct core *c, const struct msg_agent_keep_part *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);
        struct core_keep *k = upload_find(c, m->conn);
        uint8_t hash[SHA256_SIZE];

        /* One that was given up meanwhile is offered again. */
        if (!h || !k || memcmp(k->offer.sha256, m->sha256, SHA256_SIZE) != 0) {
                if (h)
                        answer(c, m->conn, m->sha256, KEEP_BUSY, 0);
                return;
        }
        if (m->offset != k->have || m->data.size == 0 || m->data.size > k->offer.size - k->have) {
                core_event_security(c, h->row.host.name, "keep-part",
                                    "its agent sends %zu bytes of kept files at %llu, of %llu at %llu", m->data.size,
                                    (unsigned long long)m->offset, (unsigned long long)k->offer.size,
                                    (unsigned long long)k->have);
                upload_free(c, k);
                return;
        }
        memcpy(k->data + k->have, m->data.data, m->data.size);
        k->have += m->data.size;
        k->word_mono_ms = core_mono(c);
        if (k->have < k->offer.size) {
                answer(c, m->conn, m->sha256, KEEP_WANT, k->have);
                return;
        }
        digest_sha256(k->data, k->offer.size, hash);
        if (memcmp(hash, m->sha256, SHA256_SIZE) == 0) {
                put(c, h, &k->offer, k->data);
                answer(c, m->conn, m->sha256, KEEP_HAVE, k->have);
        } else {
                core_event_security(c, h->row.host.name, "keep-part", "its kept files have not the hash that its agent said");
        }
        upload_free(c, k);
}

/* ---- down ---- */

void
core_keep_get(struct core *c, const struct msg_agent_keep_get *m)
{
        struct core_host *h = core_agent_speaker(c, m->conn);
        struct msg_agent_keep_part part = {.conn = m->conn, .offset = m->offset};
        struct error err;

        if (!h)
                return;
        if (has_kept(h) && m->offset < h->kept->size) {
                part.size = h->kept->size;
                memcpy(part.sha256, h->kept->sha256, sizeof(part.sha256));
                if (store_kept_part(c->store, h->row.host.name, m->offset, KEEP_PART_MAX, &part.data, &err))
                        core_db_failed(c, &err);
        }
        core_send(c, ROLE_API, MSG_AGENT_KEEP_PART, &part);
        blob_clear(&part.data);
}

/* ---- the API ---- */

void
core_keep_drop(struct core *c, const struct msg_api_name *m)
{
        struct core_host *h = core_host_find(c, m->name);
        struct store_kept *k;
        struct error err;

        if (!h) {
                error_set(&err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", m->name);
                core_reply_error(c, m->request, &err);
                return;
        }
        k = row(c, h);
        if (!k)
                return;
        core_event(c, "host", h->row.host.name, "keep-dropped", h->row.boot, "%llu KiB, by %s; its next boot begins with none",
                   (unsigned long long)(k->size + 1023) >> 10, m->by);
        /* An empty row: what the running dom0 still has must not come back at its end. */
        *k = (struct store_kept){.time_ms = core_wall(c), .attempt_ms = h->row.attempt_ms};
        str_copy(k->host, sizeof(k->host), h->row.host.name);
        if (store_kept_put(c->store, k, NULL, &err))
                core_db_failed(c, &err);
        core_keep_gone(c, h->conn);
        trouble(c, h, NULL, NULL);
        core_reply_json(c, m->request, 200, core_host_json(c, h));
}

json_t *
core_keep_json(const struct core_host *h)
{
        if (!has_kept(h))
                return json_null();
        return json_pack("{s:I,s:I,s:i}", "time_ms", (json_int_t)h->kept->time_ms, "size", (json_int_t)h->kept->size, "files",
                         (int)h->kept->n_files);
}

/* ---- life ---- */

static int
load_one(void *arg, const struct store_kept *k)
{
        struct core *c = arg;
        struct core_host *h = core_host_find(c, k->host);

        if (!h)
                return 0;
        h->kept = malloc(sizeof(*h->kept));
        if (!h->kept)
                return -ENOMEM;
        *h->kept = *k;
        return 0;
}

int
core_keep_load(struct core *c, struct error *err)
{
        int r = store_kepts(c->store, load_one, c, err);

        return r == -ENOMEM ? error_set(err, ERR_NO_SPACE, "no memory for kept files") : r;
}
