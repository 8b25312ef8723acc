/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boots as core sees them: what boot and files tell of firmware and loaders, what dompool-init reports. All of it may be
 * missing (core was away while a host booted) and none of it is trusted but an init report, which carries the boot's token.
 * Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rec_json.h"
#include "bootcfg/token.h"
#include "model/boot_verdict.h"
#include "model/lease.h"
#include "server/core_private.h"
#include "server/core_text.h"

/* Only then is there a dom0 of ours to wait for. */
static bool
boots_image(struct core *c, const struct core_host *h)
{
        struct policy_choice choice;

        return profile_kind_boots_image(core_host_profile(c, h, &choice)->kind);
}

static void
boot_begin(struct core *c, struct core_host *h, int64_t time_ms)
{
        struct boot *b = core_boot_open(c, h);
        struct error err;

        core_boot_write(c, h); /* the old one's last change, under its own number */
        *b = (struct boot){.number = h->row.boot + 1, .started_ms = time_ms, .last_ms = time_ms, .firmware = b->firmware};
        h->row.boot = b->number;
        core_mark_state(c, h);
        core_mark_boot(c, h);
        if (b->number >= CORE_KEEP_BOOTS && store_boots_trim(c->store, h->row.host.name, CORE_KEEP_BOOTS - 1, &err))
                core_db_failed(c, &err);
        core_host_set_state(c, h, boots_image(c, h) ? HOST_BOOTING : HOST_OFF);
        core_capture_boot(c, h);
}

static void
reach(struct core *c, struct core_host *h, enum boot_stage stage, int64_t time_ms, const char *text)
{
        if (h->boot->last_ms < time_ms)
                h->boot->last_ms = time_ms;
        core_mark_boot(c, h);
        if (boot_reach(h->boot, stage, time_ms, text))
                core_event(c, "boot", h->row.host.name, boot_stage_names[stage], h->boot->number, "%s", text);
        core_capture_stage(c, h, stage, text);
}

static bool
ended(const struct boot *b)
{
        return boot_furthest(b) >= STAGE_READY;
}

/* Of before the last word on this boot: boot kept it while core was away, and the agent's word came first. */
static bool
is_late(const struct core_host *h, const struct msg_boot_event *m)
{
        return m->time_ms <= h->boot->last_ms;
}

/* Its last word was that it restarts. */
static bool
given_up(const struct boot *b)
{
        return b->failed && strncmp(b->failure, INIT_ROOT_FAILED ":", sizeof(INIT_ROOT_FAILED)) == 0;
}

/*
 * Firmware repeats its DHCP and loaders do it once more, all within the same boot; a pause, or a host that was up or had given
 * up, tells a new one. Only DHCP begins a boot of a host that is up: a dom0 may well fetch a file.
 */
static bool
begins_boot(const struct core_host *h, const struct msg_boot_event *m)
{
        if (h->boot->number == 0)
                return true;
        if (m->stage != STAGE_DHCP || is_late(h, m))
                return false;
        return ended(h->boot) || given_up(h->boot) || m->time_ms - h->boot->last_ms > BOOT_SILENCE_MS;
}

/* Menus are looked for under several names, of which one is there: only the trail of it is kept. */
static void
take_note(struct core *c, struct core_host *h, const struct msg_boot_event *m)
{
        bool seen = h->boot->number && boot_note_find(h->boot, m->note) != NULL;

        if (m->stage == STAGE_DHCP && m->firmware && begins_boot(h, m))
                boot_begin(c, h, m->time_ms);
        else if (h->boot->number == 0 || (ended(h->boot) && !is_late(h, m)))
                return;
        if (m->note == BOOT_NOTE_MISSING)
                boot_missing(h->boot, m->text);
        if (m->note != BOOT_NOTE_MISSING || m->stage != STAGE_MENU) {
                boot_note(h->boot, m->note, m->time_ms, m->text);
                if (!seen && m->note != BOOT_NOTE_OTHER_SERVER) /* core_boot_foreign tells of that */
                        core_event(c, "boot", h->row.host.name, boot_note_names[m->note], h->boot->number, "%s", m->text);
        }
        core_mark_boot(c, h);
}

void
core_boot_event(struct core *c, const struct msg_boot_event *m)
{
        /* files knows addresses only */
        struct core_host *h = mac_zero(&m->mac) ? core_host_by_address(c, m->address) : core_host_by_mac(c, &m->mac);

        if (m->stage >= STAGE_N || m->note >= BOOT_NOTE_N)
                return;
        if (!h) {
                core_enrol_sign(c, &m->mac, m->address, boot_stage_names[m->stage]);
                return;
        }
        core_boot_open(c, h);
        if (m->note != BOOT_NOTE_NONE) {
                take_note(c, h, m);
                return;
        }
        core_profile_delivered(c, h, m->stage, m->time_ms);
        if (begins_boot(h, m))
                boot_begin(c, h, m->time_ms);
        else if (ended(h->boot) && !is_late(h, m))
                return;
        if (m->address)
                core_host_set_address(c, h, m->address);
        if (m->asked.client)
                h->boot->firmware = m->asked; /* boot_reach() or the end of this boot marks it */
        if (m->attempt_ms)
                h->boot->attempt_ms = m->attempt_ms;
        reach(c, h, m->stage, m->time_ms, m->text);
}

void
core_boot_stage(struct core *c, struct core_host *h, enum boot_stage stage, const char *text)
{
        core_boot_open(c, h);
        if (h->boot->number == 0 || (stage == STAGE_AGENT && boot_furthest(h->boot) >= STAGE_AGENT))
                boot_begin(c, h, core_wall(c));
        h->boot->failed = false;
        reach(c, h, stage, core_wall(c), text);
}

void
core_boot_lease(struct core *c, const struct msg_lease_event *m)
{
        struct store_lease lease = {.mac = m->mac, .address = m->address, .state = m->state, .expiry_ms = m->expiry_ms};
        struct core_host *h = core_host_by_mac(c, &m->mac);
        struct error err;

        if (!h)
                return;
        if (store_lease_put(c->store, &lease, &err))
                core_db_failed(c, &err);
        if (m->state == LEASE_BOUND && m->address != h->row.address_now) {
                core_host_set_address(c, h, m->address);
                core_export_lease(c);
        }
}

/* --- dompool-init --- */

/* Anybody can send a bad token from a host's address: it is told of, and changes nothing. */
static void
token_refused(struct core *c, struct core_host *h, const char *why)
{
        if (!h || core_boot_open(c, h)->number == 0 || ended(h->boot))
                return;
        boot_note(h->boot, BOOT_NOTE_TOKEN, core_wall(c), why);
        core_mark_boot(c, h);
}

void
core_boot_via(struct core *c, struct core_host *h, const char *satellite)
{
        if (core_boot_open(c, h)->number == 0 || strcmp(h->boot->via, satellite) == 0)
                return;
        str_copy(h->boot->via, sizeof(h->boot->via), satellite);
        core_mark_boot(c, h);
}

static struct core_host *
reporting_host(struct core *c, const struct msg_init_report *m, int64_t now_ms, const struct core_satellite *by,
               struct token *ret_token)
{
        char address[IP4_TEXT_SIZE], mac[MAC_TEXT_SIZE];
        struct core_satellite *from = NULL;
        struct core_host *h;
        struct error err;
        int r = core_satellite_token(c, m->token, now_ms, ret_token, &from, &err);

        if (r == 0 && by && from != by)
                r = error_set(&err, ERR_UNAUTHENTICATED, "satellite '%s' brought a token that is not its own", by->row.name);
        if (r) {
                token_refused(c, core_host_by_address(c, m->address), err.message);
                core_event_security(c, ip4_text(m->address, address), "init-report", "refused: %s", err.message);
                return NULL;
        }
        h = core_host_by_mac(c, &ret_token->mac);
        if (!h && core_enrol_report(c, m, ret_token))
                return NULL;
        if (!h || ret_token->attempt_ms < h->row.attempt_ms) {
                token_refused(c, h, "an init report brought the token of an earlier boot");
                core_event_security(c, ip4_text(m->address, address), "init-report",
                                    "refused: token of %s is of an earlier boot", mac_text(&ret_token->mac, mac));
                return NULL;
        }
        return h;
}

/* Modes of the image that have no agent: they are told apart by the stage they report when they have come up. */
static bool
image_mode(const char *stage)
{
        return strcmp(stage, profile_kind_names[PROFILE_INSPECT]) == 0 ||
               strcmp(stage, profile_kind_names[PROFILE_RESCUE]) == 0;
}

/* As far as such a boot gets. A machine that has reported its hardware powers off. */
static void
mode_reached(struct core *c, struct core_host *h, const struct msg_init_report *m, int64_t attempt_ms, int64_t now_ms)
{
        core_profile_phoned_home(c, h, attempt_ms);
        reach(c, h, STAGE_READY, now_ms, m->text);
        core_event(c, "boot", h->row.host.name, m->stage, h->boot->number, "%s", m->text);
        if (strcmp(m->stage, profile_kind_names[PROFILE_INSPECT]) != 0)
                return;
        core_host_set_hardware(c, h, &m->hardware, now_ms);
        c->policy_dirty = true; /* rules look at what kind of machine it is */
        core_host_set_state(c, h, HOST_OFF);
}

void
core_boot_init_report(struct core *c, const struct msg_init_report *m)
{
        core_boot_init_report_at(c, m, core_wall(c), NULL);
}

void
core_boot_init_report_at(struct core *c, const struct msg_init_report *m, int64_t now_ms, struct core_satellite *by)
{
        struct token token;
        struct core_host *h = reporting_host(c, m, now_ms, by, &token);

        if (!h)
                return;
        core_boot_open(c, h);
        /* A boot whose beginning nobody told us of. */
        if (h->boot->number == 0 || (ended(h->boot) && token.attempt_ms > h->row.attempt_ms))
                boot_begin(c, h, now_ms);
        if (by)
                core_boot_via(c, h, by->row.name);
        if (h->boot->last_ms < now_ms)
                h->boot->last_ms = now_ms;
        h->boot->attempt_ms = token.attempt_ms;
        core_mark_boot(c, h);
        if (m->failed) {
                h->boot->failed = true;
                snprintf(h->boot->failure, sizeof(h->boot->failure), "%.31s: %.470s", m->stage, m->text);
                core_text_clean(h->boot->failure);
                core_event(c, "boot", h->row.host.name, "init-failed", h->boot->number, "%s: %s", m->stage, m->text);
                if (strcmp(m->stage, INIT_ROOT_FAILED) == 0)
                        core_fallback_failed(c, h, m, token.attempt_ms);
                return;
        }
        if (!ended(h->boot))
                reach(c, h, STAGE_INIT, now_ms, m->text);
        if (strcmp(m->stage, "root") == 0)
                boot_note(h->boot, BOOT_NOTE_ROOT, now_ms, m->text);
        if (strcmp(m->stage, INIT_GUEST_NET) == 0)
                boot_note(h->boot, BOOT_NOTE_GUEST_NET, now_ms, m->text);
        if (strcmp(m->stage, INIT_NFS_DIRS) == 0)
                boot_note(h->boot, BOOT_NOTE_NFS_DIRS, now_ms, m->text);
        if (by) /* the satellite has ended "next boot only" by this report, see satellite_once.c */
                core_profile_phoned_home(c, h, token.attempt_ms);
        if (image_mode(m->stage))
                mode_reached(c, h, m, token.attempt_ms, now_ms);
        core_event(c, "boot", h->row.host.name, "init-report", h->boot->number, "%s: %s (dom0 up %.1f s)", m->stage, m->text,
                   (double)m->uptime_ms / 1000);
}

/* --- what the API shows --- */

static json_t *
boot_json(struct core *c, struct core_host *h, const struct boot *b)
{
        json_t *json = json_object(), *stages = json_array(), *search = json_array(), *notes = json_array();
        struct boot_verdict verdict = {0};
        uint32_t i;

        for (i = 0; i < b->n_steps; i++)
                json_array_append_new(stages, json_pack("{s:s,s:I,s:s}", "stage", boot_stage_names[b->steps[i].stage],
                                                        "time_ms", (json_int_t)b->steps[i].time_ms, "text", b->steps[i].text));
        for (i = 0; i < b->n_search; i++)
                json_array_append_new(search, json_string(b->search[i].text));
        for (i = 0; i < b->n_notes; i++)
                json_array_append_new(notes, json_pack("{s:s,s:I,s:I,s:s}", "kind", boot_note_names[b->notes[i].kind],
                                                       "time_ms", (json_int_t)b->notes[i].time_ms, "count",
                                                       (json_int_t)b->notes[i].count, "text", b->notes[i].text));
        if (b->number == h->row.boot && boots_image(c, h))
                boot_judge(b, core_wall(c), &verdict);
        json_object_set_new(json, "boot", json_integer((json_int_t)b->number));
        json_object_set_new(json, "started_ms", json_integer(b->started_ms));
        json_object_set_new(json, "via", json_string(b->via));
        json_object_set_new(json, "stages", stages);
        json_object_set_new(json, "search", search);
        json_object_set_new(json, "failure", json_string(b->failed ? b->failure : ""));
        json_object_set_new(json, "notes", notes);
        json_object_set_new(json, "verdict", json_string(verdict.name ? verdict.name : ""));
        json_object_set_new(json, "stuck", json_string(verdict.text));
        return json;
}

struct trace {
        struct core *core;
        struct core_host *host;
        json_t *boots;
};

static int
trace_add(void *arg, const struct boot *b)
{
        struct trace *t = arg;

        /* The newest is in memory, and may be newer than its row. */
        if (b->number != t->host->row.boot)
                json_array_append_new(t->boots, boot_json(t->core, t->host, b));
        return 0;
}

json_t *
core_boot_trace_json(struct core *c, struct core_host *h)
{
        struct trace t = {.core = c, .host = h, .boots = json_array()};
        struct error err;

        if (h->row.boot)
                json_array_append_new(t.boots, boot_json(c, h, core_boot_look(c, h)));
        if (store_boots(c->store, h->row.host.name, CORE_KEEP_BOOTS, trace_add, &t, &err))
                core_db_failed(c, &err);
        return json_pack("{s:s,s:s,s:o}", "host", h->row.host.name, "state", host_state_names[h->row.state], "boots", t.boots);
}

/* --- another DHCP server --- */

void
core_boot_foreign(struct core *c, const struct msg_foreign_dhcp *m)
{
        const struct core_host *h = core_host_by_mac(c, &m->mac);
        char server[IP4_TEXT_SIZE], address[IP4_TEXT_SIZE];

        if (!h)
                return;
        core_event(c, "boot", h->row.host.name, "foreign-dhcp", h->row.boot, "%s, REQUESTed %s from %s",
                   m->offered ? "got OFFER from us" : "got no OFFER from us", ip4_text(m->address, address),
                   ip4_text(m->server, server));
}
