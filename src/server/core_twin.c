/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicates: hosts and unknown machines that show one UUID or serial number, and a MAC address that two machines have. Told of
 * once, as an event that names both; shown with the host. Nothing is decided by it. Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/machine_id.h"
#include "server/core_private.h"

#define LOOK_EVERY_MS 2000    /* a room that is switched on is looked at as a whole, not host by host */
#define TELL_EVERY_MS 3600000 /* of one MAC address that two machines have */

/* Where a twin found goes, and what is told of it. */
static void
take(struct core *c, struct twin *had, const struct twin *found, const char *name)
{
        bool news = found->by > TWIN_CARD && (had->by != found->by || strcmp(had->with, found->with) != 0);
        char text[200];

        if (news && c->twins_told && found->others < TWIN_NEWS_MAX && (had->by <= TWIN_CARD || found->others > had->others))
                core_event(c, "host", name, "duplicate", 0, "%s", twin_text(found, text, sizeof(text)));
        *had = *found;
}

/* Those of all hosts that have one, in their order. NULL: no memory. */
static struct host_hardware *
reports(struct core *c)
{
        struct host_hardware *list;
        struct core_host *h, *next;
        size_t n = 0;

        HASH_ITER(by_name, c->hosts_by_name, h, next)
        n += h->row.hardware.size > 0;
        list = calloc(n + 1, sizeof(*list));
        n = 0;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (list && h->row.hardware.size > 0)
                        core_row_hardware(&h->row, &list[n++]);
        }
        return list;
}

static void
find(struct core *c, struct twin_machine *machines)
{
        _cleanup_free_ struct host_hardware *hardware = reports(c);
        const struct host_hardware *report = hardware;
        struct core_unknown *u, *next_u;
        struct core_host *h, *next_h;
        char(*macs)[MAC_TEXT_SIZE] = calloc(HASH_COUNT(c->unknown) + 1u, sizeof(*macs));
        size_t n = 0, n_macs = 0;

        if (!macs || !hardware) {
                free(macs);
                return;
        }
        HASH_ITER(by_name, c->hosts_by_name, h, next_h)
        machines[n++] = (struct twin_machine){.name = h->row.host.name,
                                              .mac = h->row.host.mac,
                                              .uuid = h->row.seen.uuid,
                                              .hardware = h->row.hardware.size ? report++ : NULL};
        HASH_ITER(hh, c->unknown, u, next_u)
        machines[n++] = (struct twin_machine){.name = mac_text(&u->row.mac, macs[n_macs++]),
                                              .mac = u->row.mac,
                                              .uuid = u->row.seen.uuid,
                                              .hardware = &u->row.hardware};
        if (twins_find(machines, n) == 0) {
                n = 0;
                HASH_ITER(by_name, c->hosts_by_name, h, next_h)
                {
                        take(c, &h->twin, &machines[n].twin, machines[n].name);
                        n++;
                }
                HASH_ITER(hh, c->unknown, u, next_u)
                {
                        take(c, &u->twin, &machines[n].twin, machines[n].name);
                        n++;
                }
        }
        free(macs);
}

void
core_twin_tick(struct core *c)
{
        _cleanup_free_ struct twin_machine *machines = NULL;

        if (!c->twins_due || (c->twins_told && core_mono(c) - c->twins_mono_ms < LOOK_EVERY_MS))
                return;
        machines = calloc(HASH_CNT(by_name, c->hosts_by_name) + HASH_COUNT(c->unknown) + 1u, sizeof(*machines));
        if (!machines)
                return;
        find(c, machines);
        c->twins_mono_ms = core_mono(c);
        c->twins_due = false;
        c->twins_told = true; /* the first look after a start finds what was told before it */
}

static const char *
network_text(const struct core *c, uint32_t i, char buf[NAME_SIZE])
{
        const struct config_network *n = config_network_at(c->config, i);

        return n ? enrol_network_text(n, buf) : "?";
}

/* What there is to say of a second machine with this MAC address; empty: nothing. */
static char *
second_text(const struct core *c, const struct machine_seen *s, char *buf, size_t size)
{
        char uuid[UUID_TEXT_SIZE], other[UUID_TEXT_SIZE], here[NAME_SIZE], there[NAME_SIZE];

        buf[0] = '\0';
        if (s->other_uuid_ms && core_wall(c) - s->other_uuid_ms < MACHINE_OTHER_KEEP_MS)
                snprintf(buf, size, "two machines have this MAC address, or its board was changed: UUID %s, and before it %s",
                         uuid_text(s->uuid, uuid), uuid_text(s->other_uuid, other));
        else if (s->other_network_ms && core_wall(c) - s->other_network_ms < MACHINE_OTHER_KEEP_MS)
                snprintf(buf, size, "two machines have this MAC address: it asked in network %s and, at once, in %s",
                         network_text(c, s->network, here), network_text(c, s->other_network, there));
        return buf;
}

void
core_twin_seen(struct core *c, const char *name, struct machine_seen *s, int64_t *told_mono_ms, const struct machine_seen *now)
{
        const struct machine_seen before = *s;
        enum machine_news news = machine_seen_update(s, now);
        char text[300];

        if (!before.time_ms || memcmp(before.uuid, s->uuid, sizeof(s->uuid)) != 0)
                c->twins_due = true;
        if (news == MACHINE_AS_BEFORE || (*told_mono_ms && core_mono(c) - *told_mono_ms < TELL_EVERY_MS))
                return;
        *told_mono_ms = core_mono(c) + 1; /* not 0, also at the clock's beginning */
        core_event(c, "host", name, "two-machines", 0, "%s", second_text(c, s, text, sizeof(text)));
}

json_t *
core_twin_json(const struct core *c, const struct twin *twin, const struct machine_seen *s)
{
        json_t *list = json_array();
        char text[300];

        if (*twin_text(twin, text, sizeof(text)))
                json_array_append_new(list, json_string(text));
        if (*second_text(c, s, text, sizeof(text)))
                json_array_append_new(list, json_string(text));
        return list;
}
