/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that could not get its root: what it boots instead.
 *
 *     the version wanted --root-failed--> the version before --root-failed--> local, or rescue
 *            ^                                    |                                |
 *            '--- 'host retry', 'profile set', or another version is wanted -------'
 *
 * Only what would boot that version by that transport is replaced: a timetable goes on, and a new default version counts at
 * once. dompool-init has tried for minutes before it says so (src/init/init_plan.h). A version that the server itself knows to
 * be damaged is not tried at all: hosts fall back before a snapshot leaves that would boot them into it. Process: core.
 */
#include <stdio.h>
#include <string.h>

#include "base/rec_json.h"
#include "server/core_private.h"
#include "server/core_text.h"

/* One of a host's choices, as it would be without a fall-back. */
struct way {
        const struct profile *profile;
        const struct image *image; /* NULL: none, it is not there, or its root is in RAM */
        enum root_kind root;
};

static void
way_of(struct core *c, const struct config *config, const struct core_row *row, const struct policy_choice *choice,
       struct way *ret)
{
        const struct host_setting *s = &row->setting;
        const struct profile *p = config_profile_at(config, choice->profile);
        const char *set = choice->by == POLICY_BY_ONCE ? s->once_image : choice->by == POLICY_BY_SETTING ? s->image : "";
        const char *name = *set ? set : *p->image ? p->image : *row->host.image ? row->host.image : config->default_image;

        *ret = (struct way){.profile = p, .root = ROOT_RAM};
        if (p->kind != PROFILE_POOL)
                return;
        ret->root = root_find(*p->root ? p->root : row->host.root) % ROOT_N;
        if (ret->root != ROOT_RAM) /* else there is nothing to fall back from, and a look into the store to save */
                ret->image = core_policy_image(c, name);
}

static bool
is_version(const struct image *im, const char *digits)
{
        return im && *digits && strncmp(im->id, digits, IMAGE_SHORT_SIZE - 1) == 0;
}

static bool
fails(const struct host_fallback *f, const struct way *w)
{
        return w->root == f->root && w->root != ROOT_RAM && is_version(w->image, f->failed);
}

void
core_fallback_apply(struct core *c, const struct config *config, const struct core_row *row, struct policy_choice *choice)
{
        const struct host_fallback *f = &row->setting.fallback;
        struct way w;

        if (!*f->failed)
                return;
        way_of(c, config, row, choice, &w);
        if (choice->by == POLICY_BY_ONCE || !fails(f, &w))
                return;
        choice->fallen = 1;
        if (f->kind != PROFILE_POOL)
                choice->profile = config_profile_index(config, profile_kind_names[f->kind]);
}

/* All that it may boot, with or without what was set. */
static uint32_t
choices_of(const struct core *c, const struct core_host *h, bool set, struct policy_choice choices[POLICY_MAX_CHOICES])
{
        static const struct host_setting nothing;
        struct host_hardware hw;
        struct profile_facts facts = core_row_facts(&h->row, &hw);
        uint32_t left_out;

        if (!set)
                facts.setting = &nothing;
        return profile_choices(c->config, &facts, choices, &left_out);
}

/* Does one of its choices, but for an order for one boot, mean version @digits over the network? */
static bool
wants(struct core *c, struct core_host *h, const char *digits, enum root_kind *ret_root)
{
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint32_t n = choices_of(c, h, true, choices);
        struct way w;

        for (uint32_t i = 0; i < n; i++) {
                way_of(c, c->config, &h->row, &choices[i], &w);
                if (choices[i].by == POLICY_BY_ONCE || w.root == ROOT_RAM || !is_version(w.image, digits))
                        continue;
                *ret_root = w.root;
                return true;
        }
        return false;
}

/* --- what there is instead --- */

static const struct image *
fitting(const struct image *im, const struct image *failed)
{
        return im && im != failed && strcmp(im->name, failed->name) == 0 && image_file_find(im, "initrd-root") ? im : NULL;
}

/* Itself, unless it is to be read by blocks and known to be damaged. */
static const struct image *
whole(const struct core *c, enum root_kind root, const struct image *im)
{
        return im && root_is_block(root) && *core_export_damage(c, im->id) ? NULL : im;
}

/* The version that it ran last, or else the image's previous one. */
static const struct image *
version_before(struct core *c, struct core_host *h, const struct image *failed, enum root_kind root)
{
        struct host_inventory inventory;
        char tag[NAME_SIZE + 16];
        const struct image *im;

        core_row_inventory(&h->row, &inventory);
        im = *inventory.image ? whole(c, root, fitting(core_policy_image(c, inventory.image), failed)) : NULL;
        if (im)
                return im;
        snprintf(tag, sizeof(tag), "%s:previous", failed->name);
        return whole(c, root, fitting(core_policy_image(c, tag), failed));
}

/* Would it be somebody's desktop if nothing had been set, at some time or by some menu? */
static bool
is_desktop(const struct core *c, const struct core_host *h)
{
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint32_t n = choices_of(c, h, false, choices);

        for (uint32_t i = 0; i < n; i++) {
                const struct profile *p = config_profile_at(c->config, choices[i].profile);
                const struct rule *r = choices[i].rule == POLICY_NONE ? NULL : &c->config->rules[choices[i].rule];
                const struct menu *m = config_menu(c->config, r && *r->menu ? r->menu : p->menu);

                if (p->kind == PROFILE_LOCAL)
                        return true;
                for (uint32_t k = 0; m && k < m->n_entries; k++) {
                        const struct profile *entry = config_profile(c->config, m->entries[k].profile);

                        if (entry && entry->kind == PROFILE_LOCAL)
                                return true;
                }
        }
        return false;
}

static void
take_last_resort(struct core *c, struct core_host *h, const struct image *failed, struct host_fallback *f)
{
        const struct image *im = failed;

        if (im && !image_file_find(im, "initrd"))
                im = core_policy_image(c, c->config->default_image);
        f->kind = PROFILE_LOCAL;
        f->instead[0] = '\0';
        if (is_desktop(c, h) || !im || !image_file_find(im, "initrd"))
                return;
        f->kind = PROFILE_RESCUE;
        memcpy(f->instead, im->id, IMAGE_SHORT_SIZE - 1);
}

const char *
core_fallback_text(struct core *c, const struct host_fallback *f, char *buf, size_t size)
{
        const struct image *im = *f->instead ? core_policy_image(c, f->instead) : NULL;

        if (f->kind == PROFILE_LOCAL)
                snprintf(buf, size, "local");
        else
                snprintf(buf, size, "%s%s %s", f->kind == PROFILE_RESCUE ? "rescue, image " : "image ",
                         im ? im->name : "that is gone,", f->instead);
        return buf;
}

/* --- from init's report to the next boot --- */

/* Its next boot is not version @digits; nothing where that would not be it anyway. */
static void
fall_back(struct core *c, struct core_host *h, const char *digits, const char *why)
{
        struct host_fallback *f = &h->row.setting.fallback, now = {.since_ms = core_wall(c)};
        const struct image *failed, *before;
        enum root_kind root;
        char text[NAME_SIZE + 64];

        failed = core_policy_image(c, digits);
        if (*f->failed && strcmp(digits, f->failed) == 0)
                return; /* it rebooted before the new snapshot was in force: said already */
        if (*f->failed && f->kind == PROFILE_POOL && strcmp(digits, f->instead) == 0) {
                now = *f;
                take_last_resort(c, h, core_policy_image(c, f->failed), &now);
        } else if (failed && wants(c, h, digits, &root)) {
                str_copy(now.failed, sizeof(now.failed), digits);
                now.root = root;
                before = version_before(c, h, failed, root);
                now.kind = PROFILE_POOL;
                if (before)
                        memcpy(now.instead, before->id, IMAGE_SHORT_SIZE - 1);
                else
                        take_last_resort(c, h, failed, &now);
        } else {
                return; /* what it is to boot next is something else anyway */
        }
        snprintf(now.why, sizeof(now.why), "%.*s", (int)sizeof(now.why) - 1, why);
        core_text_clean(now.why);
        *f = now;
        core_mark_host(c, h);
        c->policy_dirty = true;
        core_event(c, "host", h->row.host.name, "fallback", h->row.boot,
                   "image %s by %s failed: %.200s; from the next boot on: %s; 'dompool host retry %s' goes back", digits,
                   root_names[now.root], why, core_fallback_text(c, &now, text, sizeof(text)), h->row.host.name);
}

void
core_fallback_failed(struct core *c, struct core_host *h, const struct msg_init_report *m, int64_t attempt_ms)
{
        if (core_profile_once_failed(c, h, attempt_ms) || strspn(m->image, "0123456789abcdef") != IMAGE_SHORT_SIZE - 1)
                return;
        fall_back(c, h, m->image, m->text);
}

/* --- what the server itself knows to be damaged --- */

const char *
core_fallback_damage(const struct core *c, enum root_kind root, const struct image *im)
{
        return im && root_is_block(root) && !config_root_is_foreign(c->config, root) ? core_export_damage(c, im->id) : "";
}

/* One that has fallen back already is left with that, so that no two versions take turns; but what it boots instead may be
 * damaged as well. */
static void
look_at_host(struct core *c, struct core_host *h)
{
        const struct host_fallback *f = &h->row.setting.fallback;
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint32_t n = choices_of(c, h, true, choices);
        char digits[IMAGE_SHORT_SIZE];
        const char *damage = "";
        struct way w = {0};

        for (uint32_t i = 0; i < n && (!*f->failed || choices[i].by == POLICY_BY_ONCE); i++) {
                way_of(c, c->config, &h->row, &choices[i], &w);
                damage = core_fallback_damage(c, w.root, w.image);
                if (!*damage)
                        continue;
                if (choices[i].by == POLICY_BY_ONCE) {
                        core_profile_once_drop(c, h, "the image's root.squashfs is damaged");
                        continue;
                }
                snprintf(digits, sizeof(digits), "%.*s", (int)sizeof(digits) - 1, w.image->id);
                fall_back(c, h, digits, damage);
        }
        if (*f->failed && f->kind == PROFILE_POOL) {
                snprintf(digits, sizeof(digits), "%s", f->instead);
                damage = core_fallback_damage(c, f->root, core_policy_image(c, digits));
                if (*damage)
                        fall_back(c, h, digits, damage);
        }
}

void
core_fallback_look_damage(struct core *c)
{
        struct core_host *h, *next;

        if (!core_export_any_damage(c))
                return;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        look_at_host(c, h);
}

/* --- back --- */

static void
end(struct core *c, struct core_host *h, const char *why)
{
        h->row.setting.fallback = (struct host_fallback){0};
        core_mark_host(c, h);
        c->policy_dirty = true;
        core_event(c, "host", h->row.host.name, "fallback-over", 0, "it boots again what it is to boot: %s", why);
}

void
core_fallback_look(struct core *c)
{
        struct core_host *h, *next;
        enum root_kind root;

        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                const struct host_fallback *f = &h->row.setting.fallback;

                if (*f->failed && !wants(c, h, f->failed, &root))
                        end(c, h, "that is another version now");
        }
}

void
core_fallback_retry(struct core *c, const struct msg_api_name *m)
{
        struct core_host *h = core_host_find(c, m->name);
        struct error err;
        const struct host_fallback *f;
        char why[NAME_SIZE + 16];
        const char *damage;

        if (!h) {
                error_set(&err, ERR_NOT_FOUND, "host '%s' is not known; see 'dompool host list'", m->name);
                core_reply_error(c, m->request, &err);
                return;
        }
        f = &h->row.setting.fallback;
        damage = *f->failed ? core_fallback_damage(c, f->root, core_policy_image(c, f->failed)) : "";
        if (*damage) { /* it would fall back at once */
                error_set(
                        &err, ERR_UNFIT,
                        "host '%s' cannot go back to version %s: %s; once that is whole again (event 'root-whole', looked for "
                        "every ten seconds) it can",
                        m->name, f->failed, damage);
                core_reply_error(c, m->request, &err);
                return;
        }
        snprintf(why, sizeof(why), "retry by %s", m->by);
        if (*f->failed)
                end(c, h, why);
        core_reply_json(c, m->request, 200, core_host_json(c, h));
}

json_t *
core_fallback_json(struct core *c, const struct core_host *h)
{
        const struct host_fallback *f = &h->row.setting.fallback;
        char text[NAME_SIZE + 64];
        json_t *json;

        if (!*f->failed)
                return json_null();
        json = rec_to_json(&host_fallback_desc, f);
        json_object_set_new(json, "to", json_string(core_fallback_text(c, f, text, sizeof(text))));
        return json;
}
