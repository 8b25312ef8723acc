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

/* The menu in which the command lines are tried: the one that its loader reads. */
static const struct menu_doc *
menu_of(const struct core_host *h, const struct firmware *fw)
{
        const struct loader_wish wish = {.name = h->row.host.loader};
        const struct loader *l = fw ? loader_choose(fw, &wish) : loader_find(h->row.host.loader);

        return l && l->menu ? l->menu : &menu_doc_pxelinux;
}

/* As policy_choose() has it. */
static enum root_kind
host_root(const struct core_host *h, const struct profile *p)
{
        return p->kind != PROFILE_POOL ? ROOT_RAM : root_find(*p->root ? p->root : h->row.host.root);
}

/* Command lines as the menu would have them; "" and the reason where there would be none. */
static const char *
make_args(struct core *c, const struct policy *policy, const struct core_host *h, const struct profile *p,
          const struct image *im, const struct menu_doc *doc, struct menu_item *item)
{
        struct policy_host known;
        const struct policy_chosen chosen = {
                .profile = policy_profile_at(policy, config_profile_index(c->config, p->name)),
                .image = policy_image_at(policy, (uint32_t)(im - c->images)),
                .root = host_root(h, p),
        };
        const struct menu_request r = {.doc = doc,
                                       .policy = policy,
                                       .host = policy_host_by_mac(policy, &h->row.host.mac, &known),
                                       .chosen = chosen,
                                       .server = c->config->network.address,
                                       .token = ""};

        item->xen_args[0] = item->dom0_args[0] = '\0';
        return r.host && chosen.profile && chosen.image ? menu_args_make(&r, &chosen, item) : NULL;
}

/* NULL: no satellite has to do with what the host runs. */
static const struct guard_satellite *
satellite_of(struct core *c, const struct core_host *h, const struct profile *p, struct guard_satellite *buf)
{
        const struct core_satellite *s = p->kind == PROFILE_POOL ? core_satellite_of(c, h) : NULL;

        if (!s)
                return NULL;
        *buf = (struct guard_satellite){.name = s->row.name,
                                        .server = c->config->network.address,
                                        .address = h->row.host.address ? h->row.host.address : h->row.address_now,
                                        .foreign_root = config_root_is_foreign(c->config, host_root(h, p)),
                                        .networks = s->row.networks,
                                        .n_networks = s->row.n_networks};
        return buf;
}

void
core_guard_host(struct core *c, const struct policy *policy, struct core_host *h, const struct profile *p,
                const struct image *im, const struct firmware *fw, struct guard_report *ret)
{
        const struct host_firmware *seen = &core_boot_look(c, h)->firmware;
        const struct firmware last = {.client = seen->client, .arch = (uint16_t)seen->arch, .features = seen->features};
        struct guard_request r = {.image = im, .facts = facts_of(c, im), .root = host_root(h, p), .has_host = true};
        struct guard_satellite satellite;
        struct host_hardware hw;
        struct menu_item item;

        if (!fw && seen->client)
                fw = &last;
        r.loaders = c->loaders_known ? &c->loaders : NULL;
        r.mac = h->row.host.mac;
        r.hardware = h->row.hardware.size ? core_row_hardware(&h->row, &hw) : NULL;
        r.firmware = fw;
        r.loader = h->row.host.loader;
        r.satellite = satellite_of(c, h, p, &satellite);
        r.args_refused = make_args(c, policy, h, p, im, menu_of(h, fw), &item);
        r.xen_args = item.xen_args;
        r.dom0_args = item.dom0_args;
        guard_check(&r, ret);
}

void
core_guard_add_json(json_t *list, const char *host, const struct guard_report *report)
{
        for (uint32_t i = 0; i < report->n_findings && json_array_size(list) < FINDINGS_MAX; i++) {
                json_t *json = rec_to_json(&guard_finding_desc, &report->findings[i]);

                json_object_set_new(json, "host", json_string(host));
                json_array_append_new(list, json);
        }
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
        *s = (struct core_guard_set){.message = m, .worst = -1, .profile = config_profile(c->config, m->profile)};
        s->findings = json_array();
        if (s->profile && profile_kind_boots_image(s->profile->kind))
                s->policy = core_policy_now(c);
}

void
core_guard_set_host(struct core *c, struct core_guard_set *s, struct core_host *h)
{
        const char *name = *s->message->image                 ? s->message->image
                           : s->profile && *s->profile->image ? s->profile->image
                                                              : core_host_image(c, h);
        const struct image *im = s->policy ? core_policy_image(c, name) : NULL;
        struct guard_report report;
        int worst;

        if (!im)
                return; /* nothing to judge: it boots no image, or one that is not there yet */
        core_guard_host(c, s->policy, h, s->profile, im, NULL, &report);
        core_guard_add_json(s->findings, h->row.host.name, &report);
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
        policy_free(s->policy);
}

/* --- what hosts boot now --- */

/* What the host boots now, judged; false: it boots no image. */
static bool
judge_now(struct core *c, const struct policy *policy, struct core_host *h, const struct image **ret_image,
          struct guard_report *ret)
{
        struct policy_choice choice;
        const struct profile *p = core_host_profile(c, h, &choice);
        const struct image *im = profile_kind_boots_image(p->kind) ? core_policy_image(c, core_host_image_now(c, h)) : NULL;

        if (!im)
                return false;
        core_guard_host(c, policy, h, p, im, NULL, ret);
        *ret_image = im;
        return true;
}

/* One event when it becomes so, not one at each look. */
static bool
tell_host(struct core *c, struct core_host *h, const struct image *im, const struct guard_report *report)
{
        const struct guard_finding *f = finding_of(report, guard_worst(report));

        if (!f || f->level < GUARD_DOUBT) {
                h->guard_told[0] = '\0';
                return false;
        }
        if (strcmp(h->guard_told, guard_code_names[f->code]) == 0)
                return false;
        str_copy(h->guard_told, sizeof(h->guard_told), guard_code_names[f->code]);
        if (c->guard_told++ >= TOLD_HOSTS)
                return true;
        core_event(c, "host", h->row.host.name, "unfit", 0, "it cannot boot image %s (%.16s): %s [%s]; %s", im->name, im->id,
                   f->text, guard_code_names[f->code], f->remedy);
        return true;
}

/* Looks at all hosts after images or facts have changed: a new version may be one that some cannot boot. */
void
core_guard_tick(struct core *c)
{
        CLEANUP(policy_free) struct policy *policy = NULL;
        const struct image *im = NULL;
        struct core_host *h, *next;
        struct guard_report report;

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
                if (judge_now(c, policy, h, &im, &report))
                        tell_host(c, h, im, &report);
        }
        if (c->guard_told > TOLD_HOSTS)
                core_event(c, "server", "", "unfit", 0, "%u further hosts cannot boot their image; see 'dompool image check'",
                           c->guard_told - TOLD_HOSTS);
}

json_t *
core_guard_image_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        CLEANUP(policy_free) struct policy *policy = core_policy_now(c);
        const struct image *im = core_policy_image(c, m->name), *now = NULL;
        const struct image_facts *f = facts_of(c, im);
        struct core_host *h, *next;
        struct guard_report report;
        json_t *findings;
        int n_hosts = 0;

        if (!im || !policy) {
                if (im)
                        error_set(err, ERR_NO_SPACE, "no memory for the policy");
                else
                        error_set(err, ERR_NOT_FOUND, "there is no image '%s'; see 'dompool image list'", m->name);
                return NULL;
        }
        findings = json_array();
        guard_check(&(struct guard_request){.image = im, .facts = f, .xen_args = im->xen_args, .dom0_args = im->kernel_args},
                    &report);
        core_guard_add_json(findings, "", &report);
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                if (!judge_now(c, policy, h, &now, &report) || now != im)
                        continue;
                n_hosts++;
                core_guard_add_json(findings, h->row.host.name, &report);
        }
        return json_pack("{s:s,s:s,s:i,s:o,s:o}", "image", im->name, "id", im->id, "hosts", n_hosts, "facts",
                         f ? rec_to_json(&image_facts_desc, f) : json_null(), "findings", findings);
}
