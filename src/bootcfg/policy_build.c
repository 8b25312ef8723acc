/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a policy snapshot: hosts are added one by one, what many of them share is put down once. Runs in `core` and in
 * tests.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/policy_format.h"
#include "bootcfg/policy_once.h"

/* Pieces of bytes back to back, each of which is there once. */
struct pool {
        uint8_t *bytes;
        size_t size, room;
        struct piece *pieces; /* open addressing; size 0: free */
        size_t n_pieces, n_slots;
};

struct piece {
        uint32_t at, size;
        uint32_t hash;
};

struct policy_builder {
        struct policy_parts parts;
        struct pool settings, choices, quirks, texts;
        struct policy_row *rows;
        size_t n_rows, rows_room;
};

static uint32_t
hash_of(const uint8_t *bytes, size_t size)
{
        uint32_t hash = 2166136261u; /* FNV-1a */

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * 16777619u;
        return hash ^ hash >> 15;
}

/* Of the piece with these bytes, or of the free slot where it belongs. */
static struct piece *
slot_for(const struct pool *p, const void *bytes, size_t size, uint32_t hash)
{
        size_t i = hash & (p->n_slots - 1);

        for (; p->pieces[i].size != 0; i = (i + 1) & (p->n_slots - 1))
                if (p->pieces[i].hash == hash && p->pieces[i].size == size &&
                    memcmp(p->bytes + p->pieces[i].at, bytes, size) == 0)
                        break;
        return &p->pieces[i];
}

static int
grow_slots(struct pool *p)
{
        struct pool bigger = *p;

        if (p->n_pieces + 1 <= p->n_slots / 2)
                return 0;
        bigger.n_slots = p->n_slots ? p->n_slots * 2 : 64;
        bigger.pieces = calloc(bigger.n_slots, sizeof(*bigger.pieces));
        if (!bigger.pieces)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_slots; i++)
                if (p->pieces[i].size != 0)
                        *slot_for(&bigger, p->bytes + p->pieces[i].at, p->pieces[i].size, p->pieces[i].hash) = p->pieces[i];
        free(p->pieces);
        *p = bigger;
        return 0;
}

static int
grow_bytes(struct pool *p, size_t more)
{
        size_t room = p->room * 2 + more + 1024;
        uint8_t *bytes;

        if (p->room - p->size >= more)
                return 0;
        if (p->size + more > POLICY_MAX_SIZE / 4)
                return -E2BIG;
        bytes = realloc(p->bytes, room);
        if (!bytes)
                return -ENOMEM;
        p->bytes = bytes;
        p->room = room;
        return 0;
}

/* Where the piece stands; nothing at all (@size 0) stands at the begin. 0, -ENOMEM, -E2BIG. */
static int
pool_add(struct pool *p, const void *bytes, size_t size, uint32_t *ret_at)
{
        uint32_t hash = hash_of(bytes, size);
        struct piece *piece;
        int r;

        *ret_at = 0;
        if (size == 0)
                return 0;
        r = grow_slots(p);
        if (r < 0)
                return r;
        piece = slot_for(p, bytes, size, hash);
        if (piece->size == 0) {
                r = grow_bytes(p, size);
                if (r < 0)
                        return r;
                memcpy(p->bytes + p->size, bytes, size);
                *piece = (struct piece){.at = (uint32_t)p->size, .size = (uint32_t)size, .hash = hash};
                p->size += size;
                p->n_pieces++;
        }
        *ret_at = piece->at;
        return 0;
}

static void
pool_free(struct pool *p)
{
        free(p->bytes);
        free(p->pieces);
}

/* Adds an array and says which item is its first. */
static int
add_items(struct pool *p, const void *items, size_t n, size_t size, uint32_t *ret_first)
{
        int r = pool_add(p, items, n * size, ret_first);

        *ret_first /= (uint32_t)size;
        return r;
}

static int
add_text(struct policy_builder *b, const char *text, uint32_t *ret_at)
{
        return pool_add(&b->texts, text ? text : "", text ? strlen(text) + 1 : 1, ret_at);
}

struct policy_builder *
policy_builder_new(const struct policy_parts *parts)
{
        struct policy_builder *b = calloc(1, sizeof(*b));
        uint32_t at;

        if (!b)
                return NULL;
        b->parts = *parts;
        if (add_text(b, "", &at) < 0) { /* the empty text is the first */
                policy_builder_free(b);
                return NULL;
        }
        return b;
}

void
policy_builder_free(struct policy_builder *b)
{
        if (!b)
                return;
        pool_free(&b->settings);
        pool_free(&b->choices);
        pool_free(&b->quirks);
        pool_free(&b->texts);
        free(b->rows);
        free(b);
}

static int
add_setting(struct policy_builder *b, const struct policy_host *h, uint32_t *ret_index)
{
        struct policy_setting s = {.image = h->image, .root = h->root, .n_choices = h->n_choices, .n_quirks = h->n_quirks};
        int r;

        if ((r = add_text(b, h->xen_args, &s.xen_args)) || (r = add_text(b, h->kernel_args, &s.kernel_args)) ||
            (r = add_text(b, h->console, &s.console)) || (r = add_text(b, h->loader, &s.loader)) ||
            (r = add_items(&b->choices, h->choices, h->n_choices, sizeof(*h->choices), &s.choices)) ||
            (r = add_items(&b->quirks, h->quirks, h->n_quirks, sizeof(*h->quirks), &s.quirks)))
                return r;
        return add_items(&b->settings, &s, 1, sizeof(s), ret_index);
}

/* What it is told when its next boot was: whoever ends the order finds it. */
static int
add_setting_after(struct policy_builder *b, const struct policy_host *h)
{
        struct policy_host after = *h;
        uint32_t unused;

        after.choices++;
        after.n_choices--;
        return add_setting(b, &after, &unused);
}

int
policy_builder_add(struct policy_builder *b, const struct policy_host *h)
{
        struct policy_row row = {.mac = h->mac, .guest = h->guest, .address = h->address};
        struct policy_row *rows = b->rows;
        int r;

        if (b->n_rows == POLICY_MAX_HOSTS)
                return -E2BIG;
        r = add_text(b, h->name, &row.name);
        if (r == 0)
                r = add_setting(b, h, &row.setting);
        if (r == 0 && policy_once_of(h))
                r = add_setting_after(b, h);
        if (r < 0)
                return r;
        if (b->n_rows == b->rows_room) {
                rows = realloc(rows, (b->rows_room * 2 + 64) * sizeof(*rows));
                if (!rows)
                        return -ENOMEM;
                b->rows = rows;
                b->rows_room = b->rows_room * 2 + 64;
        }
        rows[b->n_rows++] = row;
        return 0;
}

static int
by_mac(const void *a, const void *b)
{
        const struct policy_row *x = a, *y = b;

        return memcmp(&x->mac, &y->mac, sizeof(x->mac));
}

/* At most half full. */
static uint32_t
slots_for(uint32_t n_hosts)
{
        uint32_t n = n_hosts ? 2 : 0;

        while (n < 2 * n_hosts)
                n *= 2;
        return n;
}

static void
fill_header(const struct policy_builder *b, struct policy_header *h)
{
        *h = *b->parts.header;
        h->magic = POLICY_MAGIC;
        h->version = POLICY_VERSION;
        h->n_images = b->parts.n_images;
        h->n_profiles = b->parts.n_profiles;
        h->n_rules = b->parts.n_rules;
        h->n_menus = b->parts.n_menus;
        h->n_quirks = b->parts.n_quirks;
        h->n_enrols = b->parts.n_enrols;
        h->n_settings = (uint32_t)(b->settings.size / sizeof(struct policy_setting));
        h->n_choices = (uint32_t)(b->choices.size / sizeof(struct policy_choice));
        h->n_quirk_refs = (uint32_t)(b->quirks.size / sizeof(uint16_t));
        h->n_hosts = (uint32_t)b->n_rows;
        h->n_slots = slots_for(h->n_hosts);
        h->n_texts = (uint32_t)b->texts.size;
}

static void
enter(uint32_t *slots, uint32_t n_slots, uint32_t slot, uint32_t row)
{
        while (slots[slot] != 0)
                slot = (slot + 1) & (n_slots - 1);
        slots[slot] = row + 1;
}

/* The indices; @bytes holds the other tables. Of two hosts with one address the first keeps it. */
static void
fill_indices(const struct policy_builder *b, struct policy *p, uint8_t *bytes)
{
        uint32_t *macs = (uint32_t *)(void *)(bytes + p->at[PART_BY_MAC]);
        uint32_t *addresses = (uint32_t *)(void *)(bytes + p->at[PART_BY_ADDRESS]);
        uint32_t *names = (uint32_t *)(void *)(bytes + p->at[PART_BY_NAME]);
        uint32_t n = policy_header(p)->n_slots;
        struct policy_host seen;

        for (uint32_t i = 0; i < b->n_rows; i++) {
                const struct policy_row *row = &b->rows[i];

                enter(macs, n, policy_slot_of_mac(&row->mac, n), i);
                enter(names, n, policy_slot_of_name((const char *)b->texts.bytes + row->name, n), i);
                if (row->address != 0 && !policy_host_by_address(p, row->address, &seen))
                        enter(addresses, n, policy_slot_of_address(row->address, n), i);
        }
}

/* Everything in its place. NULL: no memory. */
static struct policy *
assemble(struct policy_builder *b)
{
        const void *const items[PART_N] = {
                [PART_IMAGES] = b->parts.images,     [PART_PROFILES] = b->parts.profiles,
                [PART_RULES] = b->parts.rules,       [PART_MENUS] = b->parts.menus,
                [PART_QUIRKS] = b->parts.quirks,     [PART_ENROLS] = b->parts.enrols,
                [PART_SETTINGS] = b->settings.bytes, [PART_CHOICES] = b->choices.bytes,
                [PART_QUIRK_REFS] = b->quirks.bytes, [PART_HOSTS] = b->rows,
                [PART_TEXTS] = b->texts.bytes,
        };
        struct policy *p = calloc(1, sizeof(*p));
        struct policy_header header;
        uint8_t *bytes;

        fill_header(b, &header);
        if (p)
                header.size = policy_layout(&header, p->at);
        bytes = p ? calloc(1, header.size) : NULL;
        if (!bytes) {
                free(p);
                return NULL;
        }
        if (b->n_rows > 0)
                qsort(b->rows, b->n_rows, sizeof(*b->rows), by_mac);
        memcpy(bytes, &header, sizeof(header));
        for (int i = 0; i < PART_N; i++)
                if (items[i] && policy_count(&header, i) > 0)
                        memcpy(bytes + p->at[i], items[i], policy_count(&header, i) * policy_tables[i].size);
        p->bytes = bytes;
        p->size = header.size;
        fill_indices(b, p, bytes);
        policy_checksum(bytes, p->size);
        return p;
}

int
policy_builder_end(struct policy_builder *b, struct policy **ret)
{
        struct policy *p = assemble(b);
        struct error err;

        policy_builder_free(b);
        if (!p)
                return -ENOMEM;
        if (policy_check(p, false, &err) < 0) {
                policy_free(p);
                return -EINVAL;
        }
        *ret = p;
        return 0;
}

int
policy_build(const struct policy_parts *parts, struct policy **ret)
{
        struct policy_builder *b = policy_builder_new(parts);
        int r = b ? 0 : -ENOMEM;

        for (uint32_t i = 0; r == 0 && i < parts->n_hosts; i++)
                r = policy_builder_add(b, &parts->hosts[i]);
        if (r == 0)
                return policy_builder_end(b, ret);
        policy_builder_free(b);
        return r;
}
