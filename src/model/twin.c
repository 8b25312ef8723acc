/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts what machines show and looks at neighbours. Pure. */
#include "model/twin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "model/machine_id.h"

#define KEY_SIZE (2 * HARDWARE_TEXT_SIZE + 2)
#define LOOKS 8 /* so many others are asked whether they are another machine at all */

const char *const twin_by_names[] = {
        [TWIN_NONE] = "", [TWIN_CARD] = "card", [TWIN_UUID] = "uuid", [TWIN_SERIAL] = "serial", [TWIN_N] = NULL};

/* One thing that a machine shows. */
struct mark {
        enum twin_by by;
        char key[KEY_SIZE];
        struct twin_machine *machine;
};

static int
compare(const void *a, const void *b)
{
        const struct mark *x = a, *y = b;
        int by = (int)x->by - (int)y->by, key = strcmp(x->key, y->key);

        return by ? by : key ? key : x->machine < y->machine ? -1 : x->machine > y->machine;
}

static bool
inspected(const struct twin_machine *m)
{
        return m->hardware && m->hardware->time_ms;
}

static bool
has_card(const struct twin_machine *m, const struct mac *mac)
{
        for (uint32_t i = 0; inspected(m) && i < m->hardware->n_nics; i++)
                if (mac_eq(&m->hardware->nics[i].mac, mac))
                        return true;
        return false;
}

static bool
same_machine(const struct twin_machine *a, const struct twin_machine *b)
{
        return has_card(a, &b->mac) || has_card(b, &a->mac);
}

static size_t
add_uuid(struct mark *mark, struct twin_machine *m, const uint8_t *uuid)
{
        uint8_t key[MACHINE_UUID_SIZE];

        if (!uuid || !machine_uuid_key(uuid, key))
                return 0;
        *mark = (struct mark){.by = TWIN_UUID, .machine = m};
        hex_text(key, sizeof(key), mark->key);
        return 1;
}

static size_t
add_marks(struct mark *marks, struct twin_machine *m)
{
        size_t n = add_uuid(marks, m, m->uuid);

        if (!inspected(m))
                return n;
        if (n == 0 || !machine_uuid_same(m->uuid, m->hardware->uuid))
                n += add_uuid(marks + n, m, m->hardware->uuid);
        if (!machine_text_is_junk(m->hardware->serial)) {
                marks[n] = (struct mark){.by = TWIN_SERIAL, .machine = m};
                snprintf(marks[n].key, sizeof(marks[n].key), "%s/%s", m->hardware->manufacturer, m->hardware->serial);
                n++;
        }
        return n;
}

/* @run: all @n that show the same. The first that is another machine is named. */
static void
pair(struct mark *run, size_t n, size_t i)
{
        struct twin_machine *me = run[i].machine;
        const struct twin_machine *card = NULL;

        if (me->twin.by > TWIN_CARD)
                return; /* by its UUID already */
        for (size_t k = 1; k < n && k <= LOOKS; k++) {
                const struct twin_machine *other = run[(i + k) % n].machine;

                if (other == me)
                        continue;
                if (same_machine(me, other)) {
                        card = other;
                        continue;
                }
                me->twin = (struct twin){.by = run[i].by, .others = (uint32_t)n - 1};
                str_copy(me->twin.with, sizeof(me->twin.with), other->name);
                return;
        }
        if (!card)
                return;
        me->twin = (struct twin){.by = TWIN_CARD, .others = 1};
        str_copy(me->twin.with, sizeof(me->twin.with), card->name);
}

int
twins_find(struct twin_machine *machines, size_t n)
{
        _cleanup_free_ struct mark *marks = calloc(3 * n + 1, sizeof(*marks));
        size_t n_marks = 0, end;

        if (!marks)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                machines[i].twin = (struct twin){0};
                n_marks += add_marks(marks + n_marks, &machines[i]);
        }
        qsort(marks, n_marks, sizeof(*marks), compare);
        for (size_t begin = 0; begin < n_marks; begin = end) {
                for (end = begin + 1;
                     end < n_marks && marks[end].by == marks[begin].by && strcmp(marks[end].key, marks[begin].key) == 0; end++)
                        ;
                for (size_t i = begin; i < end; i++)
                        pair(marks + begin, end - begin, i - begin);
        }
        return 0;
}

char *
twin_text(const struct twin *t, char *buf, size_t size)
{
        static const char *const words[TWIN_N] = {[TWIN_UUID] = "UUID", [TWIN_SERIAL] = "serial number"};
        char more[40] = "";

        buf[0] = '\0';
        if (t->by == TWIN_CARD)
                snprintf(buf, size, "a further network card of %s", t->with);
        if (t->others > 1)
                snprintf(more, sizeof(more), " and %u more", t->others - 1);
        if (t->by > TWIN_CARD && t->by < TWIN_N)
                snprintf(buf, size, "its %s is also that of %s%s", words[t->by], t->with, more);
        return buf;
}
