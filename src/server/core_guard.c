/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guards (src/bootcfg/guard.h) in the server: facts of the store's images, the findings for a host, and who is told. An
 * image whose facts are not known is given to work, once at a time; until they are there nothing is refused. Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "bootcfg/guard.h"
#include "bootcfg/menu.h"
#include "image/facts_store.h"
#include "server/core_private.h"

#define TOLD_HOSTS 32     /* with an event each at a time, the others are counted */
#define FINDINGS_MAX 2000 /* in an answer */

DEFINE_CLEANUP(struct policy *, policy_free)

/* --- facts --- */

void
core_guard_free_facts(struct core *c)
{
        for (size_t i = 0; c->facts && i < c->n_images; i++)
                rec_clear(&image_facts_desc, &c->facts[i]);
        free(c->facts);
        c->facts = NULL;
}

/* Facts of each of c->images, by the same place; version 0: not known. */
void
core_guard_load_facts(struct core *c)
{
        struct error err;

        c->facts_missing = false;
        c->facts = calloc(c->n_images + 1, sizeof(*c->facts));
        for (size_t i = 0; c->facts && i < c->n_images; i++) {
                if (facts_store_read(c->config->image_store, c->images[i].id, &c->facts[i], &err) < 0) {
                        c->facts[i] = (struct image_facts){0};
                        c->facts_missing = true;
                }
        }
        c->loaders_known = facts_store_read_loaders(c->config->image_store, &c->loaders, &err) == 0;
        c->guard_due = true;
}

void
core_guard_ask(struct core *c)
{
        struct msg_work_task m = {.kind = WORK_FACTS, .name = WORK_FACTS_NAME};

        if (!c->peers[ROLE_WORK] || c->facts_asked || !(c->facts_missing || c->loaders_changed))
                return;
        c->facts_asked = true;
        c->loaders_changed = false;
        core_send(c, ROLE_WORK, MSG_WORK_TASK, &m);
}

void
core_guard_result(struct core *c, const struct msg_work_result *m)
{
        c->facts_asked = false;
        if (strcmp(m->code, error_text(ERR_NONE)) != 0)
                log_error("facts of images are not known: %s", m->text);
        core_policy_scan_images(c, true);
        c->facts_missing = false; /* what work could not look into, it will not the next time */
}

static const struct image_facts *
facts_of(const struct core *c, const struct image *im)
{
        const struct image_facts *f = c->facts && im ? &c->facts[im - c->images] : NULL;

        return f && f->version ? f : NULL;
}

/* --- findings --- */

/* Command lines as the menu would have them; "" and the reason where there would be none. */
static const char *
make_args(struct core *c, const struct policy *policy, const struct policy_host *host, const struct policy_chosen *chosen,
          const struct firmware *fw, struct menu_item *item)
{
        const struct menu_request r = {.doc = guard_menu(host->loader, fw),
                                       .policy = policy,
                                       .host = host,
                                       .chosen = *chosen,
                                       .server = c->config->network.address,
                                       .token = ""};

        return menu_args_make(&r, chosen, item);
}

/* What is known of the machine with the MAC address, host or not. */
struct machine {
        struct host_hardware hardware; /* time_ms 0: no report */
        struct firmware firmware;      /* of its last boot; client 0: not seen */
};

static void
look_at(struct core *c, const struct mac *mac, struct machine *ret)
{
        struct core_host *h = core_host_by_mac(c, mac);
        const struct core_unknown *u = h ? NULL : core_unknown_find(c, mac);

        *ret = (struct machine){0};
        if (h) {
                const struct host_firmware *seen = &core_boot_look(c, h)->firmware;

                core_row_hardware(&h->row, &ret->hardware);
                ret->firmware =
                        (struct firmware){.client = seen->client, .arch = (uint16_t)seen->arch, .features = seen->features};
        } else if (u) {
                ret->hardware = u->row.hardware;
        }
}

/* NULL: no satellite has to do with what the host runs. */
static const struct guard_satellite *
satellite_of(struct core *c, const struct policy_host *host, const struct policy_chosen *chosen, struct guard_satellite *buf)
{
        struct core_host *h = core_host_by_mac(c, &host->mac);
        const struct core_satellite *s = h && chosen->profile->kind == PROFILE_POOL ? core_satellite_of(c, h) : NULL;

        if (!s)
                return NULL;
        *buf = (struct guard_satellite){.name = s->row.name,
                                        .server = c->config->network.address,
                                        .address = h->row.host.address ? h->row.host.address : h->row.address_now,
                                        .foreign_root = config_root_is_foreign(c->config, chosen->root),
                                        .networks = s->row.networks,
                                        .n_networks = s->row.n_networks};
        return buf;
}

void
core_guard_chosen(struct core *c, const struct policy *policy, const struct policy_host *host,
                  const struct policy_chosen *chosen, const struct firmware *fw, struct guard_report *ret)
{
        const struct image *im = chosen->image ? core_policy_image(c, chosen->image->id) : NULL;
        struct guard_request r = {.image = im, .facts = facts_of(c, im), .root = chosen->root, .has_host = true};
        struct menu_item item = {0};
        struct guard_satellite satellite;
        struct machine m;

        *ret = (struct guard_report){0};
        if (!im)
                return; /* nothing to judge: it boots no image, or one that is not there (any more) */
        look_at(c, &host->mac, &m);
        if (!fw && m.firmware.client)
                fw = &m.firmware;
        r.loaders = c->loaders_known ? &c->loaders : NULL;
        r.mac = host->mac;
        r.hardware = m.hardware.time_ms ? &m.hardware : NULL;
        r.firmware = fw;
        r.loader = host->loader;
        r.root_damage = core_fallback_damage(c, chosen->root, im);
        r.iscsi_hook = chosen->profile->iscsi_hook;
        r.satellite = satellite_of(c, host, chosen, &satellite);
        r.args_refused = make_args(c, policy, host, chosen, fw, &item);
        r.xen_args = item.xen_args;
        r.dom0_args = item.dom0_args;
        guard_check(&r, ret);
}

uint32_t
core_guard_ways(struct core *c, const struct policy *policy, const struct policy_host *host,
                const struct policy_choice *choices, uint32_t n_choices, const struct firmware *fw,
                struct core_guard_way ret[POLICY_MAX_CHOICES])
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < n_choices; i++) {
                struct policy_chosen *chosen = &ret[n].chosen;
                uint32_t k = 0;

                policy_choose_one(policy, host, &choices[i], chosen);
                while (k < n && (ret[k].chosen.profile != chosen->profile || ret[k].chosen.image != chosen->image))
                        k++;
                if (k < n || !chosen->image)
                        continue;
                core_guard_chosen(c, policy, host, chosen, fw, &ret[n].report);
                n++;
        }
        return n;
}

static void
add_finding(json_t *list, const char *host, const struct policy_chosen *chosen, const struct guard_finding *f)
{
        json_t *json;

        if (json_array_size(list) >= FINDINGS_MAX)
                return;
        json = rec_to_json(&guard_finding_desc, f);
        json_object_set_new(json, "host", json_string(host));
        if (chosen) {
                json_object_set_new(json, "profile", json_string(chosen->profile->name));
                json_object_set_new(json, "rule", json_string(chosen->rule ? chosen->rule->name : ""));
        }
        json_array_append_new(list, json);
}

void
core_guard_add_json(json_t *list, const char *host, const struct policy_chosen *chosen, const struct guard_report *report,
                    const struct guard_report *than)
{
        for (uint32_t i = 0; i < report->n_findings; i++)
                if (!than || !guard_has(than, &report->findings[i]))
                        add_finding(list, host, chosen, &report->findings[i]);
}

/* Of the first finding of that level. */
static const struct guard_finding *
finding_of(const struct guard_report *report, int level)
{
        for (uint32_t i = 0; i < report->n_findings; i++)
                if ((int)report->findings[i].level == level)
                        return &report->findings[i];
        return NULL;
}

void
core_guard_set_start(struct core *c, const struct msg_api_host_profile *m, struct core_guard_set *s)
{
        const struct image *im = *m->image ? core_policy_image(c, m->image) : NULL;
        const bool rules = strcmp(m->profile, "auto") == 0;
        const struct profile *p = rules ? NULL : config_profile(c->config, m->profile);

        *s = (struct core_guard_set){.message = m, .worst = -1};
        s->choice = (struct policy_choice){.profile = rules ? POLICY_NONE : config_profile_index(c->config, m->profile),
                                           .rule = POLICY_NONE,
                                           .image = im ? (uint32_t)(im - c->images) : POLICY_HOSTS_IMAGE,
                                           .by = m->next ? POLICY_BY_ONCE : POLICY_BY_SETTING};
        s->findings = json_array();
        s->warnings = json_array();
        if (rules || profile_kind_boots_image(p->kind))
                s->policy = core_policy_now(c);
}

/* Back to the rules: whatever they may choose, at any time. That is no reason to refuse, or there would be no way back. */
static void
judge_rules(struct core *c, struct core_guard_set *s, struct core_host *h, const struct policy_host *host)
{
        struct core_guard_way ways[POLICY_MAX_CHOICES];
        struct policy_choice choices[POLICY_MAX_CHOICES];
        const struct host_setting none = {0};
        struct host_hardware hw;
        struct profile_facts facts = core_row_facts(&h->row, &hw);
        uint32_t left_out, n;

        facts.setting = &none;
        n = profile_choices(c->config, &facts, choices, &left_out);
        n = core_guard_ways(c, s->policy, host, choices, n, NULL, ways);
        for (uint32_t i = 0; i < n; i++)
                core_guard_add_json(s->warnings, h->row.host.name, &ways[i].chosen, &ways[i].report, NULL);
}

void
core_guard_set_host(struct core *c, struct core_guard_set *s, struct core_host *h)
{
        struct policy_host known;
        const struct policy_host *host = s->policy ? policy_host_by_mac(s->policy, &h->row.host.mac, &known) : NULL;
        struct policy_chosen chosen;
        struct guard_report report;
        int worst;

        if (!host)
                return;
        if (s->choice.profile == POLICY_NONE) {
                judge_rules(c, s, h, host);
                return;
        }
        policy_choose_one(s->policy, host, &s->choice, &chosen);
        core_guard_chosen(c, s->policy, host, &chosen, NULL, &report);
        core_guard_add_json(s->findings, h->row.host.name, &chosen, &report, NULL);
        worst = guard_worst(&report);
        if (worst >= GUARD_DOUBT)
                s->n_refused++;
        if (worst > s->worst) {
                s->worst = worst;
                s->first = *finding_of(&report, worst);
                str_copy(s->first_host, sizeof(s->first_host), h->row.host.name);
        }
}

bool
core_guard_set_allows(const struct core_guard_set *s, struct error *err)
{
        char more[80] = "";

        if (s->worst < GUARD_DOUBT || (s->worst == GUARD_DOUBT && s->message->force))
                return true;
        if (s->n_refused > 1)
                snprintf(more, sizeof(more), " (and %u further hosts: 'dompool profile check')", s->n_refused - 1);
        error_set(err, ERR_UNFIT, "profile '%s' does not fit host '%s'%s: %s [%s]; %s%s", s->message->profile, s->first_host,
                  more, s->first.text, guard_code_names[s->first.code], s->first.remedy,
                  s->worst == GUARD_DOUBT ? "; --force sets it all the same" : "");
        return false;
}

void
core_guard_set_end(struct core_guard_set *s)
{
        json_decref(s->findings);
        json_decref(s->warnings);
        policy_free(s->policy);
}

/* --- what hosts boot now --- */

/* What the host boots now, judged; false: it boots no image. */
static bool
judge_now(struct core *c, const struct policy *policy, const struct core_host *h, struct core_guard_way *ret)
{
        struct policy_host known;
        const struct policy_host *host = policy_host_by_mac(policy, &h->row.host.mac, &known);
        struct policy_time now;

        policy_time_at(core_wall(c), &now);
        policy_choose(policy, host, &now, &ret->chosen);
        if (!ret->chosen.image)
                return false;
        core_guard_chosen(c, policy, host, &ret->chosen, NULL, &ret->report);
        return true;
}

/* What it boots now or, if that fits, what it will at another time and what does not fit; NULL: it can boot all of it. */
static const struct core_guard_way *
find_unfit(struct core *c, const struct policy *policy, const struct core_host *h,
           struct core_guard_way ways[POLICY_MAX_CHOICES], bool *ret_now)
{
        struct policy_host known;
        const struct policy_host *host = policy_host_by_mac(policy, &h->row.host.mac, &known);
        uint32_t n;

        *ret_now = judge_now(c, policy, h, &ways[0]) && guard_worst(&ways[0].report) >= GUARD_DOUBT;
        if (*ret_now || !host)
                return *ret_now ? &ways[0] : NULL;
        n = core_guard_ways(c, policy, host, host->choices, host->n_choices, NULL, ways);
        for (uint32_t i = 0; i < n; i++)
                if (guard_worst(&ways[i].report) >= GUARD_DOUBT)
                        return &ways[i];
        return NULL;
}

/* One event when it becomes so, not one at each look. @way NULL: all fits. */
static void
tell_host(struct core *c, struct core_host *h, const struct core_guard_way *way, bool now)
{
        const struct guard_finding *f = way ? finding_of(&way->report, guard_worst(&way->report)) : NULL;
        const char *rule = f && way->chosen.rule ? way->chosen.rule->name : "";

        if (!f) {
                h->guard_told[0] = '\0';
                return;
        }
        if (strcmp(h->guard_told, guard_code_names[f->code]) == 0)
                return;
        str_copy(h->guard_told, sizeof(h->guard_told), guard_code_names[f->code]);
        if (c->guard_told++ >= TOLD_HOSTS)
                return;
        core_event(c, "host", h->row.host.name, "unfit", 0, "it cannot boot image %s (%.16s)%s%s%s: %s [%s]; %s",
                   way->chosen.image->name, way->chosen.image->id, now ? "" : ", which it will at another time",
                   *rule ? ", by rule " : "", rule, f->text, guard_code_names[f->code], f->remedy);
}

/* Looks at all hosts after images or facts have changed: a new version may be one that some cannot boot. So at the start, when
 * the rules may be others. */
void
core_guard_tick(struct core *c)
{
        CLEANUP(policy_free) struct policy *policy = NULL;
        struct core_guard_way ways[POLICY_MAX_CHOICES];
        const struct core_guard_way *way;
        struct core_host *h, *next;
        bool now;

        core_guard_ask(c);
        if (!c->guard_due)
                return;
        c->guard_due = false;
        c->guard_told = 0;
        policy = core_policy_now(c);
        if (!policy)
                return;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                way = find_unfit(c, policy, h, ways, &now);
                tell_host(c, h, way, now);
        }
        if (c->guard_told > TOLD_HOSTS)
                core_event(c, "server", "", "unfit", 0, "%u further hosts cannot boot their image; see 'dompool image check'",
                           c->guard_told - TOLD_HOSTS);
}

json_t *
core_guard_image_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        const struct image *im = core_policy_image_asked(c, m->name, err);
        CLEANUP(policy_free) struct policy *policy = im ? core_policy_now(c) : NULL;
        const struct image_facts *f = facts_of(c, im);
        struct core_host *h, *next;
        struct core_guard_way now;
        struct guard_report report;
        json_t *findings;
        int n_hosts = 0;

        if (!im)
                return NULL;
        if (!policy) {
                error_set(err, ERR_NO_SPACE, "no memory for the policy");
                return NULL;
        }
        findings = json_array();
        guard_check(&(struct guard_request){.image = im, .facts = f, .xen_args = im->xen_args, .dom0_args = im->kernel_args},
                    &report);
        core_guard_add_json(findings, "", NULL, &report, NULL);
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (!judge_now(c, policy, h, &now) || strcmp(now.chosen.image->id, im->id) != 0)
                        continue;
                n_hosts++;
                core_guard_add_json(findings, h->row.host.name, &now.chosen, &now.report, NULL);
        }
        return json_pack("{s:s,s:s,s:i,s:o,s:o}", "image", im->name, "id", im->id, "hosts", n_hosts, "facts",
                         f ? rec_to_json(&image_facts_desc, f) : json_null(), "findings", findings);
}
