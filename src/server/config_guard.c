/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guards on a configuration file: each profile of it (and each built-in one that it names) with the image that it says, and
 * each host that has loader, root, image or arguments of its own with the profiles that its rules can choose. A host's findings
 * are those that its profile does not have anyhow. Runs in `dompoold -n`, without privilege.
 */
#include "server/config_guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "bootcfg/guard.h"
#include "bootcfg/menu.h"
#include "bootcfg/profile_choice.h"
#include "image/facts_store.h"
#include "image/image_store.h"

#define FINDINGS_MAX 200 /* lines that somebody reads */
#define MAX_IMAGES 256   /* names that a configuration may have; what is over it counts as unknown */

DEFINE_CLEANUP(struct policy *, policy_free)

/* What the store has under a name. */
struct known {
        char name[NAME_SIZE];
        bool found; /* with facts */
        struct image image;
        struct image_facts facts;
};

struct judge {
        const struct config *config;
        const struct config_places *places;
        struct loaders_facts loaders;
        bool loaders_known;
        struct known *images;
        size_t n_images;
        struct guard_report of_profiles[CONFIG_MAX_PROFILES + PROFILE_N]; /* as config_profile_at() counts */
        json_t *findings, *unknown;
        unsigned errors, more;
};

/* --- the store --- */

/* NULL: nothing is known of it. Each is looked up once. */
static const struct known *
known_image(struct judge *j, const char *name)
{
        struct known *k = j->images;
        struct error err;

        for (; k < j->images + j->n_images; k++)
                if (strcmp(k->name, name) == 0)
                        return k->found ? k : NULL;
        if (j->n_images == MAX_IMAGES)
                return NULL;
        j->n_images++;
        str_copy(k->name, sizeof(k->name), name);
        k->found = image_store_find(j->config->image_store, name, &k->image, &err) == 0 &&
                   facts_store_read(j->config->image_store, k->image.id, &k->facts, &err) == 0;
        if (!k->found)
                json_array_append_new(j->unknown, json_string(name));
        return k->found ? k : NULL;
}

/* --- command lines --- */

/* The policy of one host, one profile and one image: what menus are rendered from. NULL: no memory. */
static struct policy *
policy_of(const struct config *c, const struct profile *p, const struct image *im, const struct host_brief *h)
{
        struct policy_header header = {.agent_port = c->agent_port, .http_port = c->http_port};
        struct policy_image image = {0};
        struct policy_profile profile = {.kind = p->kind,
                                         .menu = POLICY_NONE,
                                         .root = *p->root ? root_find(p->root) : ROOT_N,
                                         .iscsi_hook = p->iscsi_hook};
        const struct policy_choice choice = {.rule = POLICY_NONE, .by = POLICY_BY_HOST};
        const struct policy_host host = {.mac = h->mac,
                                         .name = h->name,
                                         .xen_args = h->xen_args,
                                         .kernel_args = h->kernel_args,
                                         .console = h->console,
                                         .loader = h->loader,
                                         .root = root_find(h->root) % ROOT_N,
                                         .choices = &choice,
                                         .n_choices = 1};
        const struct policy_parts parts = {.header = &header,
                                           .images = &image,
                                           .n_images = 1,
                                           .profiles = &profile,
                                           .n_profiles = 1,
                                           .hosts = &host,
                                           .n_hosts = 1};
        struct policy *policy = NULL;

        memcpy(header.console, c->console, sizeof(header.console));
        memcpy(header.xen_args, c->xen_args, sizeof(header.xen_args));
        memcpy(header.kernel_args, c->kernel_args, sizeof(header.kernel_args));
        for (enum root_kind i = 0; i < ROOT_N; i++)
                config_root_pattern(c, i, header.root_patterns[i]);
        header.networks[header.n_networks++] = c->network;
        memcpy(image.id, im->id, sizeof(image.id));
        memcpy(image.name, im->name, sizeof(image.name));
        memcpy(image.xen_args, im->xen_args, sizeof(image.xen_args));
        memcpy(image.kernel_args, im->kernel_args, sizeof(image.kernel_args));
        memcpy(profile.name, p->name, sizeof(profile.name));
        memcpy(profile.layer, p->layer, sizeof(profile.layer));
        memcpy(profile.guest_nic, p->guest_nic, sizeof(profile.guest_nic));
        memcpy(profile.vlans, p->vlans, sizeof(profile.vlans));
        memcpy(profile.nfs_dirs, p->nfs_dirs, sizeof(profile.nfs_dirs));
        memcpy(profile.xen_args, p->xen_args, sizeof(profile.xen_args));
        memcpy(profile.kernel_args, p->kernel_args, sizeof(profile.kernel_args));
        return policy_build(&parts, &policy) < 0 ? NULL : policy;
}

/* --- the judgement --- */

/* @h: a host, or one that says nothing of its own. */
static void
judge(struct judge *j, const struct profile *p, const struct known *k, const struct host_brief *h, struct guard_report *ret)
{
        CLEANUP(policy_free) struct policy *policy = policy_of(j->config, p, &k->image, h);
        struct guard_request r = {.image = &k->image, .facts = &k->facts, .has_host = true, .mac = h->mac, .loader = h->loader};
        const struct policy_time now = {0};
        struct menu_request menu = {
                .doc = guard_menu(h->loader, NULL), .policy = policy, .server = j->config->network.address, .token = ""};
        struct policy_host host;
        struct menu_item item;

        *ret = (struct guard_report){0};
        if (!policy)
                return;
        menu.host = policy_host_by_mac(policy, &h->mac, &host);
        policy_choose(policy, menu.host, &now, &menu.chosen);
        r.root = menu.chosen.root;
        r.iscsi_hook = p->iscsi_hook;
        r.loaders = j->loaders_known ? &j->loaders : NULL;
        r.args_refused = menu_args_make(&menu, &menu.chosen, &item);
        r.xen_args = item.xen_args;
        r.dom0_args = item.dom0_args;
        guard_check(&r, ret);
}

static bool
has_code(const struct guard_report *report, uint32_t code)
{
        for (uint32_t i = 0; i < report->n_findings; i++)
                if (report->findings[i].code == code)
                        return true;
        return false;
}

/* @than: what is told anyhow; NULL: nothing. @host "": the profile's own. */
static void
tell(struct judge *j, const struct config_place *at, const struct profile *p, const char *host, const struct image *im,
     const struct guard_report *report, const struct guard_report *than)
{
        for (uint32_t i = 0; i < report->n_findings; i++) {
                const struct guard_finding *f = &report->findings[i];
                json_t *json;

                if (than && has_code(than, f->code))
                        continue;
                j->errors += f->level == GUARD_ERROR;
                if (json_array_size(j->findings) == FINDINGS_MAX) {
                        j->more++;
                        continue;
                }
                json = rec_to_json(&guard_finding_desc, f);
                json_object_set_new(json, "place",
                                    at->line ? json_sprintf("%s:%d", at->file, at->line) : json_string(at->file));
                json_object_set_new(json, "profile", json_string(p->name));
                json_object_set_new(json, "host", json_string(host));
                json_object_set_new(json, "image", json_string(im->name));
                json_array_append_new(j->findings, json);
        }
}

/* --- profiles --- */

static bool
menu_names(const struct menu *m, const char *profile)
{
        for (uint32_t i = 0; i < m->n_entries; i++)
                if (strcmp(m->entries[i].profile, profile) == 0)
                        return true;
        return false;
}

/* Where a profile stands; of a built-in one, who names it. The file alone: default-profile. NULL: nobody. */
static const struct config_place *
place_of(const struct judge *j, const struct profile *p, struct config_place *file)
{
        const struct config *c = j->config;

        if (p >= c->profiles && p < c->profiles + c->n_profiles)
                return &j->places->profiles[p - c->profiles];
        for (uint32_t i = 0; i < c->n_rules; i++)
                if (strcmp(c->rules[i].profile, p->name) == 0)
                        return &j->places->rules[i];
        for (uint32_t i = 0; i < c->n_menus; i++)
                if (menu_names(&c->menus[i], p->name))
                        return &j->places->menus[i];
        for (uint32_t i = 0; i < c->n_hosts; i++)
                if (strcmp(c->hosts[i].profile, p->name) == 0)
                        return &j->places->hosts[i];
        for (uint32_t i = 0; i < c->n_enrols; i++)
                if (strcmp(c->enrols[i].profile, p->name) == 0)
                        return &j->places->enrols[i];
        *file = (struct config_place){.file = j->places->networks[0].file};
        return strcmp(c->default_profile, p->name) == 0 ? file : NULL;
}

static void
judge_profiles(struct judge *j)
{
        const struct host nobody = {.name = "nobody", .mac = {{2, 0, 0, 0, 0, 1}}};
        const struct host_brief h = host_brief_of(&nobody);
        const struct profile *p;

        for (uint32_t i = 0; (p = config_profile_at(j->config, i)); i++) {
                struct config_place file;
                const struct config_place *at = profile_kind_boots_image(p->kind) ? place_of(j, p, &file) : NULL;
                const struct known *k = at ? known_image(j, *p->image ? p->image : j->config->default_image) : NULL;

                if (!k)
                        continue;
                judge(j, p, k, &h, &j->of_profiles[i]);
                tell(j, at, p, "", &k->image, &j->of_profiles[i], NULL);
        }
}

/* --- hosts --- */

static bool
says_something(const struct host *h)
{
        return *h->image || *h->root || *h->loader || *h->xen_args || *h->kernel_args;
}

static void
judge_host(struct judge *j, uint32_t n)
{
        const struct host *h = &j->config->hosts[n];
        const struct host_setting none = {0};
        const struct host_brief brief = host_brief_of(h);
        const struct profile_facts facts = {.host = &brief, .setting = &none, .manufacturer = "", .product = ""};
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint32_t left_out, n_choices = profile_choices(j->config, &facts, choices, &left_out);

        for (uint32_t i = 0; i < n_choices; i++) {
                const struct profile *p = config_profile_at(j->config, choices[i].profile);
                const char *name = *p->image ? p->image : *h->image ? h->image : j->config->default_image;
                const struct known *k = profile_kind_boots_image(p->kind) ? known_image(j, name) : NULL;
                struct guard_report report;

                if (!k)
                        continue;
                judge(j, p, k, &brief, &report);
                tell(j, &j->places->hosts[n], p, h->name, &k->image, &report, &j->of_profiles[choices[i].profile]);
        }
}

json_t *
config_guard(const struct config *config, const struct config_places *places)
{
        struct judge *j = calloc(1, sizeof(*j));
        json_t *json = NULL;
        struct error err;

        if (j && (j->images = calloc(MAX_IMAGES, sizeof(*j->images)))) {
                j->config = config;
                j->places = places;
                j->findings = json_array();
                j->unknown = json_array();
                j->loaders_known = facts_store_read_loaders(config->image_store, &j->loaders, &err) == 0;
                judge_profiles(j);
                for (uint32_t i = 0; i < config->n_hosts; i++)
                        if (says_something(&config->hosts[i]))
                                judge_host(j, i);
                json = json_pack("{s:o,s:i,s:i,s:o}", "findings", j->findings, "errors", (int)j->errors, "more", (int)j->more,
                                 "unknown", j->unknown);
                for (size_t i = 0; i < j->n_images; i++)
                        rec_clear(&image_facts_desc, &j->images[i].facts);
                free(j->images);
        }
        free(j);
        return json;
}

/* --- for people --- */

static const char *
text_of(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key)) ?: "";
}

static void
print_findings(const json_t *guard, FILE *f)
{
        json_int_t more = json_integer_value(json_object_get(guard, "more"));
        const json_t *one;
        size_t i;

        json_array_foreach(json_object_get(guard, "findings"), i, one)
        {
                const char *host = text_of(one, "host");

                fprintf(f, "dompoold: %s: %s: %s%s%sprofile '%s', image %s: %s [%s]; %s\n", text_of(one, "place"),
                        text_of(one, "level"), *host ? "host '" : "", host, *host ? "', " : "", text_of(one, "profile"),
                        text_of(one, "image"), text_of(one, "text"), text_of(one, "code"), text_of(one, "remedy"));
        }
        if (more > 0)
                fprintf(f, "dompoold: and %lld more findings\n", (long long)more);
}

void
config_guard_print(const json_t *guard, const struct config *config, FILE *f)
{
        const json_t *unknown = json_object_get(guard, "unknown"), *name;
        size_t i;

        print_findings(guard, f);
        json_array_foreach(unknown, i, name)
        {
                fprintf(f, "%s%s", i == 0 ? "dompoold: not judged, since nothing is known of it yet: image " : ", ",
                        json_string_value(name));
        }
        if (json_array_size(unknown) > 0)
                fprintf(f, " (in %s)\n", config->image_store);
}
