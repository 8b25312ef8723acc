/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the newest boot of each host is: in the database until somebody asks, then packed in memory, and as a struct boot, of
 * some KiB, while a turn of the loop works on it.
 *
 *     database --first question--> packed --core_boot_open--> open --core_boot_close_all, each turn--> packed
 *         ^                          |   '--core_boot_look--> a copy to read                               |
 *         '------ core_boot_write ---+---------------------------------------------------------------------'
 *
 * Process: core.
 */
#include <stdlib.h>
#include <utlist.h>

#include "server/core_private.h"

static int
take_newest(void *arg, const struct boot *b)
{
        *(struct boot *)arg = *b;
        return 0;
}

static void
no_memory(struct core *c, const struct core_host *h)
{
        struct error err;

        error_set(&err, ERR_NO_SPACE, "no memory for a boot of host '%s'", h->row.host.name);
        core_db_failed(c, &err);
}

static void
pack(struct core *c, struct core_host *h, const struct boot *b)
{
        if (core_pack(&boot_desc, b, &h->boot_packed) < 0)
                no_memory(c, h);
}

/* Zero where it never booted. */
static void
fill(struct core *c, struct core_host *h, struct boot *b)
{
        struct error err;

        if (h->boot_packed.size > 0 || h->row.boot == 0) {
                core_unpack(&boot_desc, &h->boot_packed, b);
                return;
        }
        *b = (struct boot){0};
        if (store_boots(c->store, h->row.host.name, 1, take_newest, b, &err) < 0)
                core_db_failed(c, &err);
        pack(c, h, b);
}

const struct boot *
core_boot_look(struct core *c, struct core_host *h)
{
        if (h->boot)
                return h->boot;
        fill(c, h, &c->boot_looked);
        return &c->boot_looked;
}

struct boot *
core_boot_open(struct core *c, struct core_host *h)
{
        if (h->boot)
                return h->boot;
        h->boot = malloc(sizeof(*h->boot));
        if (!h->boot) {
                no_memory(c, h); /* nothing of this turn is kept, so it may be any */
                h->boot = &c->boot_looked;
        }
        fill(c, h, h->boot);
        LL_PREPEND2(c->open_boots, h, open_next);
        c->n_open_boots++;
        return h->boot;
}

static void
close_one(struct core *c, struct core_host *h)
{
        if (h->boot->number)
                pack(c, h, h->boot);
        if (h->boot != &c->boot_looked)
                free(h->boot);
        h->boot = NULL;
        c->n_open_boots--;
}

void
core_boot_close(struct core *c, struct core_host *h)
{
        if (!h->boot)
                return;
        LL_DELETE2(c->open_boots, h, open_next);
        close_one(c, h);
}

void
core_boot_close_all(struct core *c)
{
        struct core_host *h;

        while ((h = c->open_boots)) {
                c->open_boots = h->open_next;
                close_one(c, h);
        }
}

void
core_boot_close_many(struct core *c)
{
        if (c->n_open_boots >= CORE_OPEN_BOOTS)
                core_boot_close_all(c);
}

void
core_boot_write(struct core *c, struct core_host *h)
{
        struct error err;

        if (h->boot_dirty && store_boot_put(c->store, h->row.host.name, core_boot_look(c, h), &err) < 0)
                core_db_failed(c, &err);
        h->boot_dirty = false;
}
