/* SPDX-License-Identifier: Apache-2.0 */
/* Which loader runs on which host, see loader_memory.h. No I/O. Runs in `boot`. */
#include "bootcfg/loader_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/cleanup.h"

struct entry {
        struct mac mac;
        const struct loader *fetched; /* whole, and nothing was heard since; NULL: none */
        const struct loader *instead; /* offered in place of the usual one; NULL: none */
        bool kept;                    /* `instead` works */
        UT_hash_handle hh;
};

struct loader_memory {
        struct entry *entries;
};

struct loader_memory *
loader_memory_new(void)
{
        return calloc(1, sizeof(struct loader_memory));
}

void
loader_memory_free(struct loader_memory *m)
{
        struct entry *e, *next;

        if (!m)
                return;
        HASH_ITER(hh, m->entries, e, next)
        {
                HASH_DEL(m->entries, e);
                free(e);
        }
        free(m);
}

static struct entry *
find(const struct loader_memory *m, const struct mac *mac)
{
        struct entry *e;

        HASH_FIND(hh, m->entries, mac, sizeof(*mac), e);
        return e;
}

static struct entry *
get(struct loader_memory *m, const struct mac *mac)
{
        struct entry *e = find(m, mac);

        if (e)
                return e;
        e = calloc(1, sizeof(*e));
        if (!e)
                return NULL;
        e->mac = *mac;
        HASH_ADD(hh, m->entries, mac, sizeof(e->mac), e);
        return e;
}

/* NULL when this firmware cannot run it: the host has two kinds, or was set up anew. */
static const struct loader *
if_it_can_run(const struct loader *l, const struct firmware *f, const struct loader_wish *wish)
{
        const struct loader_wish this_one = {.name = l->name, .no_http = wish->no_http};

        return loader_choose(f, &this_one) == l ? l : NULL;
}

const struct loader *
loader_memory_choose(struct loader_memory *m, const struct mac *mac, const struct firmware *f, const struct loader_wish *wish,
                     const struct loader *usual, const struct loader **ret_failed)
{
        struct entry *e = find(m, mac);
        const struct loader *l;

        *ret_failed = NULL;
        if (!e || f->client == FIRMWARE_IPXE) /* an iPXE that asks is one that runs */
                return usual;
        if (e->fetched) {
                *ret_failed = e->fetched;
                e->instead = loader_after(f, wish, e->fetched);
                e->fetched = NULL;
                e->kept = false;
        }
        l = e->instead ? if_it_can_run(e->instead, f, wish) : NULL;
        return l ? l : usual;
}

void
loader_memory_fetched(struct loader_memory *m, const struct mac *mac, const char *name)
{
        const struct loader *l;
        struct entry *e;

        for (size_t i = 0; (l = loader_at(i)); i++)
                if (l->boot_file && strcmp(l->boot_file, name) == 0)
                        break;
        e = l ? get(m, mac) : NULL;
        if (e)
                e->fetched = l;
}

bool
loader_memory_runs(struct loader_memory *m, const struct mac *mac)
{
        struct entry *e = find(m, mac);
        bool is_news = e && e->fetched && e->fetched == e->instead && !e->kept;

        if (!e)
                return false;
        e->fetched = NULL;
        e->kept = e->kept || is_news;
        return is_news;
}

void
loader_memory_each(const struct loader_memory *m, void (*fn)(void *arg, const struct mac *mac, const struct loader *l),
                   void *arg)
{
        for (const struct entry *e = m->entries; e; e = e->hh.next)
                if (e->kept)
                        fn(arg, &e->mac, e->instead);
}

int
loader_memory_keep(struct loader_memory *m, const struct mac *mac, const char *loader)
{
        const struct loader *l = loader_find(loader);
        struct entry *e = l ? get(m, mac) : NULL;

        if (!l)
                return -ENOENT;
        if (!e)
                return -ENOMEM;
        e->instead = l;
        e->kept = true;
        return 0;
}
