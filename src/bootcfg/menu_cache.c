/* SPDX-License-Identifier: Apache-2.0 */
/* Menus as they were rendered. Pure but for its memory; runs in `boot` and `files`. */
#include "bootcfg/menu_cache.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* One a host and language, whatever else is asked for: a new attempt takes the place of the old one. */
struct name {
        const struct menu_doc *doc;
        struct mac mac;
        uint16_t zero; /* hashed as bytes: no padding */
};
_Static_assert(sizeof(struct name) == sizeof(void *) + 8, "no padding");

struct kept {
        struct name name;
        uint32_t server;
        int64_t attempt_ms;
        struct policy_chosen chosen; /* pointers into the snapshot, for comparison only */
        struct menu_rendered menu;
        UT_hash_handle hh;
        char text[];
};

struct menu_cache {
        struct kept *kept; /* oldest first: uthash's own order */
        size_t bytes, max_bytes;
        const struct policy *policy; /* of all that is kept; with its number, as another may come to lie at its place */
        uint64_t generation;
        struct menu_rendered last; /* of `scratch` */
        struct menu_text scratch;
};

struct menu_cache *
menu_cache_new(size_t max_bytes)
{
        struct menu_cache *c = calloc(1, sizeof(*c));

        if (c)
                c->max_bytes = max_bytes;
        return c;
}

static size_t
bytes_of(const struct kept *k)
{
        return sizeof(*k) + k->menu.size;
}

static void
drop(struct menu_cache *c, struct kept *k)
{
        c->bytes -= bytes_of(k);
        HASH_DEL(c->kept, k);
        free(k);
}

static void
drop_all(struct menu_cache *c)
{
        struct kept *k, *next;

        HASH_ITER(hh, c->kept, k, next)
        {
                drop(c, k);
        }
}

void
menu_cache_free(struct menu_cache *c)
{
        if (!c)
                return;
        drop_all(c);
        free(c);
}

size_t
menu_cache_bytes(const struct menu_cache *c)
{
        return c->bytes;
}

static void
use_policy(struct menu_cache *c, const struct policy *p)
{
        const uint64_t generation = p ? policy_header(p)->generation : 0;

        if (c->policy == p && c->generation == generation)
                return;
        drop_all(c);
        c->policy = p;
        c->generation = generation;
}

static struct name
name_of(const struct menu_request *r)
{
        return (struct name){.doc = r->doc, .mac = r->host->mac};
}

static struct kept *
find(const struct menu_cache *c, const struct menu_request *r)
{
        const struct name name = name_of(r);
        struct kept *k;

        HASH_FIND(hh, c->kept, &name, sizeof(name), k);
        return k;
}

/* All that menu_render() reads of a request, but for what the snapshot holds. */
static bool
is_same(const struct kept *k, const struct menu_request *r, int64_t attempt_ms)
{
        return k->attempt_ms == attempt_ms && k->server == r->server && k->chosen.profile == r->chosen.profile &&
               k->chosen.image == r->chosen.image && k->chosen.menu == r->chosen.menu;
}

const struct menu_rendered *
menu_cache_find(struct menu_cache *c, const struct menu_request *r, int64_t attempt_ms)
{
        const struct kept *k;

        use_policy(c, r->policy);
        k = r->host ? find(c, r) : NULL;
        return k && is_same(k, r, attempt_ms) ? &k->menu : NULL;
}

/* What is in `last`; NULL: it is too large, or out of memory. */
static const struct menu_rendered *
keep(struct menu_cache *c, const struct menu_request *r, int64_t attempt_ms)
{
        struct kept *k = find(c, r);
        const size_t size = c->last.size;

        if (k)
                drop(c, k);
        if (sizeof(*k) + size > c->max_bytes)
                return NULL;
        while (c->bytes + sizeof(*k) + size > c->max_bytes)
                drop(c, c->kept);
        k = malloc(sizeof(*k) + size);
        if (!k)
                return NULL;
        *k = (struct kept){
                .name = name_of(r), .server = r->server, .attempt_ms = attempt_ms, .chosen = r->chosen, .menu = c->last};
        memcpy(k->text, c->last.text, size);
        k->menu.text = k->text;
        c->bytes += bytes_of(k);
        HASH_ADD(hh, c->kept, name, sizeof(k->name), k);
        return &k->menu;
}

const struct menu_rendered *
menu_cache_render(struct menu_cache *c, const struct menu_request *r, int64_t attempt_ms)
{
        const struct menu_rendered *kept;

        use_policy(c, r->policy);
        c->last.why = "";
        c->last.kind = menu_render(r, &c->scratch, &c->last.why);
        c->last.text = c->scratch.text;
        c->last.size = c->scratch.size;
        kept = r->host ? keep(c, r, attempt_ms) : NULL;
        return kept ? kept : &c->last;
}

const struct menu_rendered *
menu_cache_render_local(struct menu_cache *c, const struct menu_doc *doc, const char *why)
{
        menu_render_local(doc, why, &c->scratch);
        c->last = (struct menu_rendered){.kind = PROFILE_LOCAL, .why = why, .text = c->scratch.text, .size = c->scratch.size};
        return &c->last;
}
