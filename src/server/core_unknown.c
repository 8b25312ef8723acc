/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of machines that asked for a boot and are no host: a bounded one, since anybody can invent MAC addresses. Those of
 * which more is known than that they asked - under inspection, inspected, ignored - are rows of the database and do not fall
 * out of the table for others. What becomes of them by rule is core_enrol.c's. Process: core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rec_json.h"
#include "server/core_private.h"

struct core_unknown *
core_unknown_find(struct core *c, const struct mac *mac)
{
        struct core_unknown *u;

        HASH_FIND(hh, c->unknown, mac->b, sizeof(mac->b), u);
        return u;
}

static void
save(struct core *c, struct core_unknown *u)
{
        struct error err;

        if (store_unknown_put(c->store, &u->row, &err))
                core_db_failed(c, &err);
        if (!u->stored)
                c->n_unknown_stored++;
        u->stored = true;
}

static void
unstore(struct core *c, struct core_unknown *u)
{
        struct error err;

        if (!u->stored)
                return;
        if (store_unknown_delete(c->store, &u->row.mac, &err))
                core_db_failed(c, &err);
        u->stored = false;
        c->n_unknown_stored--;
}

void
core_unknown_set(struct core *c, struct core_unknown *u, enum unknown_state state, const char *reason)
{
        const enum unknown_state before = u->row.state;
        char old[sizeof(u->row.reason)];

        memcpy(old, u->row.reason, sizeof(old));
        str_copy(u->row.reason, sizeof(u->row.reason), reason);
        if (before == state && strcmp(old, u->row.reason) == 0)
                return;
        u->row.state = state;
        if (before != state)
                u->row.state_ms = core_wall(c);
        if (before == UNKNOWN_INSPECTING && state != before) {
                c->n_guests--;
                c->policy_dirty = true;
        }
        if (state == UNKNOWN_INSPECTING && state != before) {
                c->n_guests++;
                c->policy_dirty = true;
        }
        if (state != UNKNOWN_REFUSED || u->row.tries)
                save(c, u);
}

static void
drop(struct core *c, struct core_unknown *u)
{
        unstore(c, u);
        if (u->row.state == UNKNOWN_INSPECTING) {
                c->n_guests--;
                c->policy_dirty = true;
        }
        HASH_DEL(c->unknown, u);
        free(u);
        c->twins_due = true;
}

static int
load_one(void *arg, const struct unknown *row)
{
        struct core *c = arg;
        struct core_unknown *u = calloc(1, sizeof(*u));

        if (!u)
                return -ENOMEM;
        u->row = *row;
        u->stored = true;
        c->n_unknown_stored++;
        if (row->state == UNKNOWN_INSPECTING) {
                u->row.sign_ms = core_wall(c); /* silence counts from our own start */
                c->n_guests++;
        }
        HASH_ADD(hh, c->unknown, row.mac.b, sizeof(u->row.mac.b), u);
        return 0;
}

int
core_unknown_load(struct core *c, struct error *err)
{
        int r = store_unknowns(c->store, load_one, c, err);

        c->twins_due = true;
        return r == -ENOMEM ? error_set(err, ERR_NO_SPACE, "no memory for unknown machines") : r;
}

/* The one not seen for longest of those that can go; NULL: none can. */
static struct core_unknown *
oldest(struct core *c)
{
        struct core_unknown *u, *next;

        HASH_ITER(hh, c->unknown, u, next)
        if (!u->stored)
                return u;
        return NULL;
}

/* Moved to the end, so that the table is in the order of last sight. */
static struct core_unknown *
entry(struct core *c, const struct msg_machine_seen *m)
{
        struct core_unknown *u = core_unknown_find(c, &m->mac);

        if (u) {
                HASH_DEL(c->unknown, u);
        } else {
                if (HASH_COUNT(c->unknown) >= CORE_MAX_UNKNOWN) {
                        u = oldest(c);
                        if (!u)
                                return NULL;
                        drop(c, u);
                }
                u = calloc(1, sizeof(*u));
                if (!u)
                        return NULL;
                u->row.mac = m->mac;
                u->row.first_ms = m->seen.time_ms;
                u->row.state_ms = m->seen.time_ms;
                c->twins_due = true;
        }
        HASH_ADD(hh, c->unknown, row.mac.b, sizeof(u->row.mac.b), u);
        return u;
}

/* NULL: it is a host. */
static struct core_unknown *
seen(struct core *c, const struct msg_machine_seen *m)
{
        struct core_host *h = core_host_by_mac(c, &m->mac);
        struct core_unknown *u = h ? NULL : entry(c, m);
        char mac[MAC_TEXT_SIZE];

        if (h) {
                core_twin_seen(c, h->row.host.name, &h->row.seen, &h->two_told_mono_ms, &m->seen);
                core_mark_state(c, h);
        }
        if (!u)
                return NULL;
        core_capture_unknown(c, &m->mac);
        core_twin_seen(c, mac_text(&m->mac, mac), &u->row.seen, &u->two_told_mono_ms, &m->seen);
        memcpy(u->row.vendor_class, m->vendor_class, sizeof(u->row.vendor_class));
        u->row.count++;
        return u;
}

void
core_machine_seen(struct core *c, const struct msg_machine_seen *m)
{
        struct core_unknown *u = seen(c, m);

        if (!u)
                return;
        u->via[0] = '\0';
        core_enrol_decide(c, u);
}

void
core_machine_seen_at(struct core *c, const struct msg_machine_seen *m, const char *satellite)
{
        struct msg_machine_seen there = *m;
        struct core_unknown *u;

        there.seen.network = MACHINE_NO_NETWORK; /* its networks are not ours */
        u = seen(c, &there);
        if (!u)
                return;
        str_copy(u->via, sizeof(u->via), satellite);
        if (u->row.state == UNKNOWN_REFUSED)
                core_unknown_set(c, u, UNKNOWN_REFUSED, "seen by a satellite: rules let in at the main server only");
}

void
core_unknown_becomes(struct core *c, struct core_host *h)
{
        struct core_unknown *u = core_unknown_find(c, &h->row.host.mac);

        if (!u)
                return;
        core_host_set_hardware(c, h, &u->row.hardware, u->row.hardware.time_ms);
        h->row.seen = u->row.seen;
        if (u->row.attempt_ms >= h->row.attempt_ms)
                h->row.attempt_ms =
                        u->row.attempt_ms + 1; /* the token of its inspection does not count again, for reports neither */
        drop(c, u);
}

/* --- the API --- */

static json_t *
unknown_json(struct core *c, const struct core_unknown *u)
{
        const struct config_network *n = config_network_at(c->config, u->row.seen.network);
        char mac[MAC_TEXT_SIZE], uuid[UUID_TEXT_SIZE], network[NAME_SIZE] = "";
        json_t *json;

        if (n)
                enrol_network_text(n, network);
        json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:I,s:I,s:I,s:o}", "mac", mac_text(&u->row.mac, mac), "state",
                         unknown_state_names[u->row.state], "rule", u->row.rule, "reason", u->row.reason, "network", network,
                         "uuid", uuid_text(u->row.seen.uuid, uuid), "arch",
                         u->row.seen.arch == UINT32_MAX ? (json_int_t)-1 : (json_int_t)u->row.seen.arch, "vendor_class",
                         u->row.vendor_class, "first_ms", (json_int_t)u->row.first_ms, "last_ms",
                         (json_int_t)u->row.seen.time_ms, "count", (json_int_t)u->row.count, "duplicates",
                         core_twin_json(c, &u->twin, &u->row.seen));
        if (!json)
                return NULL;
        for (char *p = mac; *p; p++) /* as it stands in paths, and as shells complete it */
                *p = *p == ':' ? '-' : *p;
        json_object_set_new(json, "id", json_string(mac));
        json_object_set_new(json, "via", json_string(u->via));
        json_object_set_new(json, "stage", json_string(u->row.state == UNKNOWN_INSPECTING ? u->stage : ""));
        json_object_set_new(json, "hardware",
                            u->row.hardware.time_ms ? rec_to_json(&host_hardware_desc, &u->row.hardware) : json_null());
        return json;
}

json_t *
core_unknowns_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        struct core_unknown *u, *next;

        (void)m, (void)err;
        HASH_ITER(hh, c->unknown, u, next)
        json_array_append_new(list, unknown_json(c, u));
        return json_pack("{s:o}", "unknown", list);
}

/* The unknown machine that a request names by its MAC address, with colons or dashes. */
static struct core_unknown *
named(struct core *c, const char *text, struct error *err)
{
        struct core_unknown *u;
        struct core_host *h;
        struct mac mac;

        if (parse_mac(text, &mac) < 0) {
                error_set(err, ERR_INVALID, "'%s' is no MAC address", text);
                return NULL;
        }
        u = core_unknown_find(c, &mac);
        h = u ? NULL : core_host_by_mac(c, &mac);
        if (h)
                error_set(err, ERR_STATE, "%s is host '%s'", text, h->row.host.name);
        else if (!u)
                error_set(err, ERR_NOT_FOUND,
                          "no machine with the MAC address %s has asked; see 'dompool host list --unknown', and 'dompool host "
                          "add' for one that has not",
                          text);
        return u;
}

json_t *
core_unknown_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_unknown *u = named(c, m->name, err);

        return u ? unknown_json(c, u) : NULL;
}

struct core_unknown *
core_unknown_for(struct core *c, struct host *d, struct error *err)
{
        char mac[MAC_TEXT_SIZE];
        struct core_unknown *u = named(c, mac_text(&d->mac, mac), err);

        if (!u)
                return NULL;
        if (!*d->name)
                core_enrol_name(c, &u->row, core_enrol_pattern(c, u), d->name);
        if (core_host_find(c, d->name)) { /* a name given here is a new host's; `put` alone would change the old one */
                error_set(err, ERR_EXISTS, "host '%s' exists; give another name, or leave it out", d->name);
                return NULL;
        }
        return u;
}

void
core_unknown_adopt(struct core *c, const struct msg_api_host_put *m)
{
        struct msg_api_host_put put = *m;
        struct error err;

        if (core_unknown_for(c, &put.host, &err))
                core_host_put(c, &put);
        else
                core_reply_error(c, m->request, &err);
}

void
core_unknown_change(struct core *c, const struct msg_api_unknown_change *m)
{
        struct core_unknown *u;
        char mac[MAC_TEXT_SIZE];
        struct error err;

        u = named(c, m->name, &err);
        if (u && m->change == UNKNOWN_IGNORE && !u->stored && c->n_unknown_stored >= CORE_MAX_UNKNOWN_STORED) {
                error_set(&err, ERR_LIMIT,
                          "%d inspected and ignored machines are remembered, the most; 'dompool host forget' some",
                          CORE_MAX_UNKNOWN_STORED);
                u = NULL;
        }
        if (!u) {
                core_reply_error(c, m->request, &err);
                return;
        }
        mac_text(&u->row.mac, mac);
        if (m->change == UNKNOWN_IGNORE) {
                core_unknown_set(c, u, UNKNOWN_IGNORED, "an administrator said so");
                core_event(c, "host", mac, "ignored", 0, "by %s: no rule lets it in", m->by);
        } else {
                core_event(c, "host", mac, "forgotten", 0, "by %s: the rules decide anew when it asks", m->by);
                drop(c, u);
        }
        core_reply_json(c, m->request, 200, json_pack("{s:s}", m->change == UNKNOWN_IGNORE ? "ignored" : "forgotten", mac));
}
