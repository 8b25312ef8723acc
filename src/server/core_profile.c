/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which profile a host has, set by whom, and for how long: the API's settings, "next boot only" until the host has phoned home.
 * The rules themselves are src/bootcfg/profile_choice.c's. Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rec_json.h"
#include "server/core_private.h"

#define ONCE_GRACE_MS (2 * 60000) /* of kinds that never phone home: after their menu or boot file has left */

struct profile_facts
core_row_facts(const struct core_row *row, struct host_hardware *buf)
{
        const struct host_hardware *hw = core_row_hardware(row, buf);

        return (struct profile_facts){
                .host = &row->host, .setting = &row->setting, .manufacturer = hw->manufacturer, .product = hw->product};
}

const struct profile *
core_host_profile(struct core *c, const struct core_host *h, struct policy_choice *ret_choice)
{
        struct host_hardware hw;
        const struct profile_facts facts = core_row_facts(&h->row, &hw);
        struct policy_time now;

        policy_time_at(core_wall(c), &now);
        profile_choose(c->config, &facts, &now, ret_choice);
        core_fallback_apply(c, c->config, &h->row, ret_choice);
        return config_profile_at(c->config, ret_choice->profile);
}

const char *
core_host_image_now(struct core *c, const struct core_host *h)
{
        const struct host_setting *s = &h->row.setting;
        struct policy_choice choice;
        const struct profile *p = core_host_profile(c, h, &choice);
        const char *set = choice.by == POLICY_BY_ONCE ? s->once_image : choice.by == POLICY_BY_SETTING ? s->image : "";

        if (choice.fallen && *s->fallback.instead)
                return s->fallback.instead;
        return *set ? set : *p->image ? p->image : core_host_image(c, h);
}

const char *
core_host_image(const struct core *c, const struct core_host *h)
{
        return *h->row.host.image ? h->row.host.image : c->config->default_image;
}

/* --- the API --- */

int
core_profile_check(struct core *c, const struct config *config, const struct msg_api_host_profile *m, struct error *err)
{
        const struct profile *p = config_profile(config, m->profile);

        if (strcmp(m->profile, "auto") == 0)
                return m->next || *m->image ? error_set(err, ERR_INVALID, "\"auto\" takes neither an image nor 'next'") : 0;
        if (!p)
                return error_set(err, ERR_NOT_FOUND, "there is no profile '%s'; see 'dompool profile list'", m->profile);
        if (*m->image && !profile_kind_boots_image(p->kind))
                return error_set(err, ERR_INVALID, "profile '%s' boots no image", m->profile);
        if (*m->image && !core_policy_image(c, m->image))
                return core_policy_no_image(m->image, err);
        return 0;
}

void
core_profile_apply(const struct msg_api_host_profile *m, int64_t now_ms, struct host_setting *s)
{
        if (m->next) {
                str_copy(s->once, sizeof(s->once), m->profile);
                str_copy(s->once_image, sizeof(s->once_image), m->image);
                s->once_set_ms = now_ms;
                s->once_sent_ms = 0;
        } else {
                *s = (struct host_setting){0}; /* the latest word counts, also against an earlier "next boot only" */
                if (strcmp(m->profile, "auto") != 0)
                        str_copy(s->profile, sizeof(s->profile), m->profile);
                str_copy(s->image, sizeof(s->image), m->image);
        }
}

void
core_profile_set_host(struct core *c, struct core_host *h, const struct msg_api_host_profile *m)
{
        core_profile_apply(m, core_wall(c), &h->row.setting);
        core_mark_host(c, h);
        c->policy_dirty = true;
        core_event(c, "host", h->row.host.name, "profile", 0, "%s%s%s, by %s; it counts from the next boot%s", m->profile,
                   *m->image ? ", image " : "", m->image, m->by, m->next ? ", for that one only" : "");
}

/* Calls @fn for each host that the message means, once. */
static void
each_host(struct core *c, const struct msg_api_host_profile *m, void (*fn)(struct core *c, struct core_host *h, void *arg),
          void *arg)
{
        const char *at = m->hosts.data ? (const char *)m->hosts.data : "";
        struct core_host *h, *next;
        char name[NAME_SIZE];

        if (*m->name) {
                fn(c, core_host_find(c, m->name), arg);
                return;
        }
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (m->all || (*m->label && labels_has(h->row.host.labels, m->label)))
                        fn(c, h, arg);
        }
        while ((at = list_next(at, name))) {
                h = core_host_find(c, name);
                if (!m->all && !(*m->label && labels_has(h->row.host.labels, m->label)))
                        fn(c, h, arg);
        }
}

static void
judge_one(struct core *c, struct core_host *h, void *arg)
{
        core_guard_set_host(c, arg, h);
}

struct set_many {
        const struct msg_api_host_profile *message;
        json_t *names;
};

static void
set_one(struct core *c, struct core_host *h, void *arg)
{
        struct set_many *s = arg;

        core_profile_set_host(c, h, s->message);
        json_array_append_new(s->names, json_string(h->row.host.name));
}

/* The hosts that are meant, for free(). */
struct host_list {
        struct core_host **hosts;
        size_t n;
        struct error err; /* why one of them may not be changed; ERR_NONE */
};

static void
list_one(struct core *c, struct core_host *h, void *arg)
{
        struct host_list *l = arg;

        (void)c;
        l->hosts[l->n++] = h;
}

/* A canary has the say on its hosts until it is over. */
static void
check_one(struct core *c, struct core_host *h, void *arg)
{
        struct host_list *l = arg;

        (void)c;
        if (l->err.code == ERR_NONE)
                core_canary_check_free(h, &l->err);
}

/* All names are known before anything is changed: a room is switched as a whole or not at all. */
static int
check_names(struct core *c, const struct msg_api_host_profile *m, struct error *err)
{
        const char *at = m->hosts.data ? (const char *)m->hosts.data : "";
        char name[NAME_SIZE];
        size_t n = 0;

        for (; (at = list_next(at, name)); n++)
                if (!core_host_find(c, name))
                        return error_set(err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", name);
        if (n == 0 && !*m->label && !m->all)
                return error_set(err, ERR_INVALID, "hosts, label or all: one of them must say which hosts");
        return 0;
}

/* Findings go along with every answer: {"host":"n1","level":"warning","code":...}; so do those by which nothing is refused. */
static json_t *
set_answer(struct core *c, const struct msg_api_host_profile *m, const struct core_guard_set *guard)
{
        struct set_many s = {.message = m, .names = json_array()};
        json_t *answer;

        each_host(c, m, set_one, &s);
        if (*m->name) {
                json_decref(s.names);
                answer = core_host_json(c, core_host_find(c, m->name));
        } else {
                answer = json_pack("{s:s,s:b,s:o}", "profile", m->profile, "next", m->next, "hosts", s.names);
        }
        json_object_set(answer, "findings", guard->findings);
        json_object_set(answer, "warnings", guard->warnings);
        return answer;
}

static void
start_canary(struct core *c, const struct msg_api_host_profile *m, const struct core_guard_set *guard)
{
        struct host_list l = {.hosts = calloc(HASH_CNT(by_name, c->hosts_by_name) + 1u, sizeof(*l.hosts))};
        json_t *canary = NULL;
        struct error err;

        if (!l.hosts) {
                error_set(&err, ERR_NO_SPACE, "no memory for a canary");
        } else {
                each_host(c, m, list_one, &l);
                canary = core_canary_start(c, m, l.hosts, l.n, &err);
        }
        free(l.hosts);
        if (!canary)
                core_reply_error(c, m->request, &err);
        else
                core_reply_json(c, m->request, 200,
                                json_pack("{s:s,s:b,s:[],s:o,s:O}", "profile", m->profile, "next", false, "hosts", "canary",
                                          canary, "findings", guard->findings));
}

static void
set_guarded(struct core *c, const struct msg_api_host_profile *m)
{
        struct core_guard_set guard;
        struct error err;
        bool allowed;

        core_guard_set_start(c, m, &guard);
        each_host(c, m, judge_one, &guard);
        allowed = core_guard_set_allows(&guard, &err);
        if (m->check)
                core_reply_json(c, m->request, 200,
                                json_pack("{s:s,s:b,s:O,s:O}", "profile", m->profile, "refused", !allowed, "findings",
                                          guard.findings, "warnings", guard.warnings));
        else if (!allowed)
                core_reply_json(c, m->request, error_http_status(err.code),
                                json_pack("{s:{s:s,s:s},s:O}", "error", "code", error_text(err.code), "message", err.message,
                                          "findings", guard.findings));
        else if (m->canary)
                start_canary(c, m, &guard);
        else
                core_reply_json(c, m->request, 200, set_answer(c, m, &guard));
        core_guard_set_end(&guard);
}

void
core_host_profile_set(struct core *c, const struct msg_api_host_profile *m)
{
        struct error err;
        int r;

        core_policy_look(c);
        if (*m->name && !core_host_find(c, m->name))
                r = error_set(&err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", m->name);
        else
                r = *m->name ? 0 : check_names(c, m, &err);
        if (r == 0)
                r = core_profile_check(c, c->config, m, &err);
        if (r == 0 && !m->check) {
                struct host_list l = {0};

                each_host(c, m, check_one, &l);
                r = l.err.code == ERR_NONE ? 0 : error_to_errno(l.err.code);
                err = l.err;
        }
        if (r < 0)
                core_reply_error(c, m->request, &err);
        else
                set_guarded(c, m);
}

/* How many hosts each profile and each rule decides at this moment. */
struct tally {
        int profiles[CONFIG_MAX_PROFILES + 16];
        int rules[CONFIG_MAX_RULES];
};

static json_t *
profile_json(const struct profile *p, int hosts)
{
        json_t *json = rec_to_json(&profile_desc, p);

        json_object_set_new(json, "meaning", json_string(profile_kind_meaning(p->kind)));
        json_object_set_new(json, "hosts", json_integer(hosts));
        return json;
}

/* "mon-fri 08:00-20:00"; empty: always. */
static void
rule_when(const struct rule *r, char *buf, size_t size)
{
        char days[DAYS_TEXT_SIZE] = "", times[24] = "";

        if (r->days != 0 && r->days != DAYS_ALL)
                days_text(r->days, days);
        if (r->from != r->to)
                snprintf(times, sizeof(times), "%02u:%02u-%02u:%02u", r->from / 60 % 25, r->from % 60, r->to / 60 % 25,
                         r->to % 60);
        snprintf(buf, size, "%s%s%s", days, *days && *times ? " " : "", times);
}

static json_t *
rule_json(const struct rule *r, int hosts)
{
        json_t *json = rec_to_json(&rule_desc, r);
        char when[DAYS_TEXT_SIZE + 24];

        rule_when(r, when, sizeof(when));
        json_object_set_new(json, "when", json_string(when));
        json_object_set_new(json, "decides", json_integer(hosts));
        return json;
}

json_t *
core_profiles_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *profiles = json_array(), *rules = json_array();
        struct policy_choice choice;
        struct core_host *h, *next;
        const struct profile *p;
        struct tally n = {0};

        (void)m, (void)err;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                core_host_profile(c, h, &choice);
                n.profiles[choice.profile]++;
                if (choice.rule != POLICY_NONE)
                        n.rules[choice.rule]++;
        }
        for (uint32_t i = 0; (p = config_profile_at(c->config, i)); i++)
                json_array_append_new(profiles, profile_json(p, n.profiles[i]));
        for (uint32_t i = 0; i < c->config->n_rules; i++)
                json_array_append_new(rules, rule_json(&c->config->rules[i], n.rules[i]));
        return json_pack("{s:o,s:o}", "profiles", profiles, "rules", rules);
}

/* --- "next boot only" --- */

static void
once_end(struct core *c, struct core_host *h, const char *why)
{
        struct host_setting *s = &h->row.setting;
        char once[NAME_SIZE];

        str_copy(once, sizeof(once), s->once);
        s->once[0] = s->once_image[0] = '\0';
        s->once_set_ms = s->once_sent_ms = 0;
        core_mark_host(c, h);
        c->policy_dirty = true;
        core_event(c, "host", h->row.host.name, "profile", h->row.boot, "'%s' for one boot is over: %s", once, why);
}

void
core_profile_once_drop(struct core *c, struct core_host *h, const char *why)
{
        if (*h->row.setting.once)
                once_end(c, h, why);
}

static bool
once_boots_image(const struct core *c, const struct core_host *h)
{
        const struct profile *p = config_profile(c->config, h->row.setting.once);

        return p && profile_kind_boots_image(p->kind);
}

void
core_profile_phoned_home(struct core *c, struct core_host *h, int64_t attempt_ms)
{
        /* A menu rendered before the order was given is of the boot before. */
        if (*h->row.setting.once && once_boots_image(c, h) && attempt_ms >= h->row.setting.once_set_ms)
                once_end(c, h, "the host has phoned home");
}

bool
core_profile_once_failed(struct core *c, struct core_host *h, int64_t attempt_ms)
{
        if (!*h->row.setting.once || !once_boots_image(c, h) || attempt_ms < h->row.setting.once_set_ms)
                return false;
        once_end(c, h, "its root could not be had");
        return true;
}

void
core_profile_delivered(struct core *c, struct core_host *h, enum boot_stage stage, int64_t time_ms)
{
        struct host_setting *s = &h->row.setting;
        const struct profile *p = config_profile(c->config, s->once);

        if (!p || profile_kind_boots_image(p->kind) || s->once_sent_ms || time_ms < s->once_set_ms)
                return;
        /* A chain may begin with the DHCP answer itself, which names the other server. */
        if (stage != STAGE_MENU && !(p->kind == PROFILE_CHAIN && stage == STAGE_DHCP))
                return;
        s->once_sent_ms = time_ms;
        core_mark_host(c, h);
}

void
core_profile_tick(struct core *c, struct core_host *h)
{
        const struct host_setting *s = &h->row.setting;

        if (*s->once && s->once_sent_ms && core_wall(c) - s->once_sent_ms >= ONCE_GRACE_MS)
                once_end(c, h, "its menu was sent");
}
