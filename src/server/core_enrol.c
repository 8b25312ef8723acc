/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: what the rules make of a machine that is no host. Refusing needs nobody: who is not in the policy snapshot gets no
 * answer. A machine to be inspected is put into the snapshot as a guest, for as long as its inspection takes; firmware asks
 * again within seconds and then finds it. Everything that a rule may do is counted, so that invented MAC addresses fill
 * nothing. Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/enrol_choice.h"
#include "model/enrol_name.h"
#include "server/core_private.h"

#define HOUR_MS 3600000
#define SILENCE_MS (5 * 60000) /* an inspection without a sign of progress for so long has failed */
#define TRIES 3                /* inspections of one machine, until somebody says `host forget` */

static struct enrol_facts
facts_of(const struct core *c, const struct core_unknown *u)
{
        struct enrol_facts f = {.mac = u->row.mac,
                                .network = config_network_at(c->config, u->row.seen.network),
                                .firmware = u->row.seen.firmware,
                                .hardware = &u->row.hardware};

        policy_time_at(core_wall(c), &f.time);
        return f;
}

/* --- names --- */

const char *
core_enrol_pattern(const struct core *c, const struct core_unknown *u)
{
        const struct enrol_facts f = facts_of(c, u);
        const struct enrol_rule *r = enrol_choose(c->config->enrols, c->config->n_enrols, &f);

        return r && *r->names ? r->names : c->config->enrolment.names;
}

void
core_enrol_name(struct core *c, const struct unknown *u, const char *pattern, char ret[NAME_SIZE])
{
        uint32_t n = 1;

        do
                enrol_name(pattern, &u->mac, &u->hardware, n, ret);
        while (core_host_find(c, ret) && n++ <= CORE_MAX_HOSTS);
}

/* --- limits --- */

/* A limit keeps a machine out: it stands in the list; an event names the limit, one in an hour, as anybody can bring it about.
 */
static void
limited(struct core *c, struct core_unknown *u, enum core_enrol_limit which, const char *reason)
{
        char mac[MAC_TEXT_SIZE];
        int64_t *told = &c->enrol_told_mono_ms[which];

        core_unknown_set(c, u, u->row.state, reason);
        if (*told && core_mono(c) - *told < HOUR_MS)
                return;
        *told = core_mono(c) + 1;
        core_event(c, "host", mac_text(&u->row.mac, mac), "enrol-limit", 0, "rule '%s' would let it in: %s", u->row.rule,
                   reason);
}

/* May a rule let one more machine in within this hour? */
static bool
hour_has_room(struct core *c, struct core_unknown *u)
{
        uint32_t limit = c->config->enrolment.per_hour;
        char reason[160];

        if (core_mono(c) - c->enrol_hour_mono_ms >= HOUR_MS) {
                c->enrol_hour_mono_ms = core_mono(c);
                c->enrol_hour_n = 0;
        }
        if (c->enrol_hour_n < limit)
                return true;
        snprintf(reason, sizeof(reason), "limit: %u machines were let in within an hour (per-hour in enrolment)", limit);
        limited(c, u, ENROL_LIMIT_HOUR, reason);
        return false;
}

/* --- further cards --- */

/* A host that reported this MAC address as one of its cards'; NULL: none did. */
static const struct core_host *
card_of(struct core *c, const struct mac *mac)
{
        struct core_host *h, *next;
        struct host_hardware hw;

        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                core_row_hardware(&h->row, &hw);
                for (uint32_t i = 0; i < hw.n_nics; i++)
                        if (mac_eq(&hw.nics[i].mac, mac))
                                return h;
        }
        return NULL;
}

/* A second card of a host is no machine of its own. Looks at all hosts: asked last, when the limits let it in. */
static bool
is_card(struct core *c, struct core_unknown *u)
{
        const struct core_host *owner = card_of(c, &u->row.mac);
        char reason[160];

        if (!owner)
                return false;
        snprintf(reason, sizeof(reason), "a further network card of host '%s'", owner->row.host.name);
        core_unknown_set(c, u, u->row.state, reason);
        return true;
}

/* --- inspection --- */

static bool
inspection_has_room(struct core *c, struct core_unknown *u)
{
        uint32_t limit = c->config->enrolment.inspect_at_once;
        char reason[160];

        if (c->n_guests >= limit) {
                snprintf(reason, sizeof(reason), "limit: %u machines are under inspection (inspect-at-once in enrolment)",
                         limit);
                limited(c, u, ENROL_LIMIT_GUESTS, reason);
                return false;
        }
        if (!u->stored && c->n_unknown_stored >= CORE_MAX_UNKNOWN_STORED) {
                snprintf(reason, sizeof(reason), "limit: %d inspected machines wait to be adopted or forgotten",
                         CORE_MAX_UNKNOWN_STORED);
                limited(c, u, ENROL_LIMIT_STORED, reason);
                return false;
        }
        return hour_has_room(c, u) && !is_card(c, u);
}

static void
inspect(struct core *c, struct core_unknown *u, const char *why)
{
        const struct profile *p = config_profile(c->config, profile_kind_names[PROFILE_INSPECT]);
        const char *image = *p->image ? p->image : c->config->default_image;
        char mac[MAC_TEXT_SIZE], reason[160];

        if (u->row.tries >= TRIES) {
                core_unknown_set(c, u, UNKNOWN_FAILED, u->row.reason);
                return;
        }
        if (!core_policy_image(c, image)) {
                snprintf(reason, sizeof(reason), "to be inspected, but there is no image '%s'; see 'dompool image build'",
                         image);
                core_unknown_set(c, u, UNKNOWN_REFUSED, reason);
                return;
        }
        if (!inspection_has_room(c, u))
                return;
        c->enrol_hour_n++;
        u->row.tries++;
        u->row.sign_ms = core_wall(c);
        str_copy(u->stage, sizeof(u->stage), "asked");
        core_unknown_set(c, u, UNKNOWN_INSPECTING, why);
        core_event(c, "host", mac_text(&u->row.mac, mac), "inspect", 0, "rule '%s': it may boot the inspection, try %u of %d",
                   u->row.rule, u->row.tries, TRIES);
}

static void
inspection_failed(struct core *c, struct core_unknown *u, const char *why)
{
        char mac[MAC_TEXT_SIZE], reason[160];
        bool last = u->row.tries >= TRIES;

        snprintf(reason, sizeof(reason), "inspection failed: %.100s%s", why, last ? "; not tried again" : "");
        core_unknown_set(c, u, last ? UNKNOWN_FAILED : UNKNOWN_REFUSED, reason);
        core_event(c, "host", mac_text(&u->row.mac, mac), "inspect-failed", 0, "try %u of %d: %s%s", u->row.tries, TRIES, why,
                   last ? "; 'dompool host forget' lets it try again" : "");
}

void
core_enrol_tick(struct core *c)
{
        struct core_unknown *u, *next;
        char why[100];

        if (c->n_guests == 0)
                return;
        HASH_ITER(hh, c->unknown, u, next)
        {
                if (u->row.state != UNKNOWN_INSPECTING || core_wall(c) - u->row.sign_ms < SILENCE_MS)
                        continue;
                snprintf(why, sizeof(why), "no report; it got as far as '%s'", u->stage);
                inspection_failed(c, u, why);
        }
}

void
core_enrol_sign(struct core *c, const struct mac *mac, uint32_t address, const char *stage)
{
        struct core_unknown *u, *next;

        if (c->n_guests == 0)
                return;
        HASH_ITER(hh, c->unknown, u, next)
        {
                if (u->row.state != UNKNOWN_INSPECTING)
                        continue;
                if (mac_zero(mac) ? u->address == 0 || u->address != address : !mac_eq(mac, &u->row.mac))
                        continue;
                if (address)
                        u->address = address;
                u->row.sign_ms = core_wall(c);
                str_copy(u->stage, sizeof(u->stage), stage);
        }
}

bool
core_enrol_report(struct core *c, const struct msg_init_report *m, const struct token *t)
{
        struct core_unknown *u = core_unknown_find(c, &t->mac);
        const struct msg_token_used used = {.mac = t->mac, .attempt_ms = t->attempt_ms};
        char mac[MAC_TEXT_SIZE];

        if (!u || u->row.state != UNKNOWN_INSPECTING || t->attempt_ms <= u->row.attempt_ms)
                return false;
        core_enrol_sign(c, &t->mac, m->address, m->stage);
        if (m->failed) {
                inspection_failed(c, u, m->text);
                return true;
        }
        if (strcmp(m->stage, profile_kind_names[PROFILE_INSPECT]) != 0)
                return true;
        u->row.hardware = m->hardware;
        u->row.hardware.time_ms = core_wall(c);
        u->row.attempt_ms = t->attempt_ms;
        c->twins_due = true;
        core_send(c, ROLE_BOOT, MSG_TOKEN_USED, &used);
        core_send(c, ROLE_FILES, MSG_TOKEN_USED, &used);
        core_unknown_set(c, u, UNKNOWN_INSPECTED, "inspected; it is powered off");
        core_event(c, "host", mac_text(&t->mac, mac), "inspected", 0, "%s", m->text);
        core_enrol_decide(c, u); /* the rules know more of it now */
        return true;
}

/* --- a host --- */

static int
fill_host(struct core *c, const struct core_unknown *u, const struct enrol_rule *r, struct host *ret, struct error *err)
{
        *ret = (struct host){.mac = u->row.mac};
        str_copy(ret->labels, sizeof(ret->labels), r->labels);
        str_copy(ret->enrolled, sizeof(ret->enrolled), r->name);
        core_enrol_name(c, &u->row, *r->names ? r->names : c->config->enrolment.names, ret->name);
        return core_host_check(c, ret, &(struct core_host *){NULL}, err);
}

static void
enrol(struct core *c, struct core_unknown *u, const struct enrol_rule *r)
{
        const char *profile = *r->profile ? r->profile : profile_kind_names[PROFILE_LOCAL];
        struct host_setting setting = {0};
        char mac[MAC_TEXT_SIZE], reason[160];
        struct error err = {0};
        struct core_host *h;
        struct host d;

        if (c->n_enrolled >= c->config->enrolment.in_all) {
                snprintf(reason, sizeof(reason), "limit: %u hosts were made by rules (limit in enrolment)", c->n_enrolled);
                limited(c, u, ENROL_LIMIT_ALL, reason);
                return;
        }
        if (u->row.state != UNKNOWN_INSPECTED && !hour_has_room(c, u)) /* an inspected one was counted then */
                return;
        if (is_card(c, u))
                return;
        if (fill_host(c, u, r, &d, &err) < 0) {
                core_unknown_set(c, u, u->row.state, err.message);
                return;
        }
        if (u->row.state != UNKNOWN_INSPECTED)
                c->enrol_hour_n++;
        /* Set as by hand, or a profile rule that means other hosts would send this one into the pool. */
        if (strcmp(profile, "auto") != 0)
                str_copy(setting.profile, sizeof(setting.profile), profile);
        h = core_host_new(c, &d, &setting);
        if (h)
                core_event(c, "host", d.name, "enrolled", 0, "%s by rule '%s', profile %s%s%s", mac_text(&d.mac, mac), r->name,
                           profile, *d.labels ? ", labels " : "", d.labels);
}

/* --- the decision --- */

static void
decide(struct core *c, struct core_unknown *u, const struct enrol_rule *r)
{
        const char *names = *r->names ? r->names : c->config->enrolment.names;
        bool known = u->row.hardware.time_ms != 0;

        if (r->action == ENROL_REFUSE)
                core_unknown_set(c, u, known ? UNKNOWN_INSPECTED : UNKNOWN_REFUSED, "refused by the rule");
        else if (r->action == ENROL_ENROL && (known || !enrol_pattern_needs_hardware(names)))
                enrol(c, u, r);
        else if (!known)
                inspect(c, u,
                        r->action == ENROL_ENROL ? "inspected first: its name needs what is not known yet"
                                                 : "under inspection");
        else
                core_unknown_set(c, u, UNKNOWN_INSPECTED, "inspected; 'dompool host adopt' makes it a host");
}

void
core_enrol_decide(struct core *c, struct core_unknown *u)
{
        const struct enrol_facts f = facts_of(c, u);
        const struct enrol_rule *r;

        if (u->row.state == UNKNOWN_IGNORED || u->row.state == UNKNOWN_INSPECTING)
                return;
        r = enrol_choose(c->config->enrols, c->config->n_enrols, &f);
        str_copy(u->row.rule, sizeof(u->row.rule), r ? r->name : "");
        if (r)
                decide(c, u, r);
        else if (u->row.hardware.time_ms)
                core_unknown_set(c, u, UNKNOWN_INSPECTED, "inspected; 'dompool host adopt' makes it a host");
        else
                core_unknown_set(c, u, UNKNOWN_REFUSED, "no rule lets it in");
}
