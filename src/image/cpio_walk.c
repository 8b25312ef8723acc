/* SPDX-License-Identifier: Apache-2.0 */
/* A newc archive as a machine of states. Runs in the facts child, see image_facts.c. */
#include "image/cpio_walk.h"

#include <string.h>

#define MAGIC_SIZE 6
#define TRAILER "TRAILER!!!"

bool
cpio_is_head(const uint8_t *data, size_t size)
{
        return size >= MAGIC_SIZE && memcmp(data, "07070", 5) == 0 && (data[5] == '1' || data[5] == '2');
}

void
cpio_walk_start(struct cpio_walk *w, const struct cpio_sink *sink)
{
        w->sink = sink;
        w->state = CPIO_HEADER;
        w->offset = w->left = w->pad = 0;
        w->have = 0;
        w->wanted = w->trailer = false;
}

/* The @i-th field of eight hex digits behind the magic. */
static bool
field(const struct cpio_walk *w, unsigned i, uint32_t *ret)
{
        const char *p = w->buf + MAGIC_SIZE + 8u * i;
        uint32_t v = 0;

        for (unsigned k = 0; k < 8; k++) {
                char c = p[k];

                if (c >= '0' && c <= '9')
                        v = v << 4 | (uint32_t)(c - '0');
                else if (c >= 'a' && c <= 'f')
                        v = v << 4 | (uint32_t)(c - 'a' + 10);
                else if (c >= 'A' && c <= 'F')
                        v = v << 4 | (uint32_t)(c - 'A' + 10);
                else
                        return false;
        }
        *ret = v;
        return true;
}

/* Mode is field 1, the file's size 6, the name's 11; both are followed by zeros up to a multiple of four. */
static void
header_done(struct cpio_walk *w)
{
        uint32_t mode, size, name;

        if (!cpio_is_head((const uint8_t *)w->buf, w->have) || !field(w, 1, &mode) || !field(w, 6, &size) ||
            !field(w, 11, &name) || name == 0 || name > CPIO_NAME_SIZE) {
                w->state = CPIO_BROKEN;
                return;
        }
        w->entry = (struct cpio_entry){.mode = mode, .size = size};
        w->name_size = name;
        w->have = 0;
        w->state = CPIO_NAME;
}

static size_t
name_room(const struct cpio_walk *w)
{
        return w->name_size + (4 - (CPIO_HEADER_SIZE + w->name_size) % 4) % 4;
}

static void
name_done(struct cpio_walk *w)
{
        w->have = 0;
        if (w->buf[w->name_size - 1] != '\0') {
                w->state = CPIO_BROKEN;
                return;
        }
        if (strcmp(w->buf, TRAILER) == 0) {
                w->trailer = true;
                w->state = CPIO_ZEROS;
                return;
        }
        w->entry.name = w->buf;
        w->wanted = w->sink->entry(w->sink->arg, &w->entry);
        w->left = w->entry.size;
        w->pad = (4 - w->entry.size % 4) % 4;
        w->state = w->left + w->pad > 0 ? CPIO_DATA : CPIO_HEADER;
}

/* Collects into buf until it holds @wanted bytes. */
static size_t
collect(struct cpio_walk *w, const uint8_t *data, size_t size, size_t wanted)
{
        size_t n = wanted - w->have < size ? wanted - w->have : size;

        memcpy(w->buf + w->have, data, n);
        w->have += n;
        return n;
}

static size_t
feed_data(struct cpio_walk *w, const uint8_t *data, size_t size)
{
        size_t n = w->left < size ? (size_t)w->left : size, pad;

        if (w->wanted && n > 0)
                w->sink->data(w->sink->arg, data, n);
        w->left -= n;
        pad = w->pad < size - n ? (size_t)w->pad : size - n;
        w->pad -= pad;
        if (w->left + w->pad == 0)
                w->state = CPIO_HEADER;
        return n + pad;
}

static size_t
feed_once(struct cpio_walk *w, const uint8_t *data, size_t size)
{
        size_t n = 0;

        switch (w->state) {
        case CPIO_HEADER:
                n = collect(w, data, size, CPIO_HEADER_SIZE);
                if (w->have == CPIO_HEADER_SIZE)
                        header_done(w);
                return n;
        case CPIO_NAME:
                n = collect(w, data, size, name_room(w));
                if (w->have == name_room(w))
                        name_done(w);
                return n;
        case CPIO_DATA:
                return feed_data(w, data, size);
        case CPIO_ZEROS:
                while (n < size && data[n] == 0)
                        n++;
                if (n < size)
                        w->state = data[n] == '0' ? CPIO_HEADER : CPIO_REST;
                return n;
        default:
                return 0;
        }
}

size_t
cpio_walk_feed(struct cpio_walk *w, const uint8_t *data, size_t size)
{
        size_t done = 0;

        while (done < size && w->state != CPIO_REST && w->state != CPIO_BROKEN)
                done += feed_once(w, data + done, size - done);
        w->offset += done;
        return done;
}

bool
cpio_walk_complete(const struct cpio_walk *w)
{
        return w->trailer && (w->state == CPIO_ZEROS || w->state == CPIO_REST);
}
