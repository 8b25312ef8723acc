/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a host's choices counts at a moment. Pure but for policy_time_at, which asks the C library for the time zone. Reads
 * no rules: core has resolved them into the snapshot (profile_choice.c). Runs in `boot`, `files` and `core`.
 */
#include "bootcfg/policy_choice.h"

#include <string.h>
#include <time.h>

void
policy_time_at(int64_t wall_ms, struct policy_time *ret)
{
        time_t seconds = (time_t)(wall_ms / 1000);
        struct tm tm = {0};

        localtime_r(&seconds, &tm);
        ret->weekday = (uint8_t)((tm.tm_wday + 6) % 7); /* Sunday is 0 there */
        ret->minute = (uint16_t)(tm.tm_hour * 60 + tm.tm_min);
}

static bool
has_day(const struct policy_choice *c, unsigned weekday)
{
        return c->days == 0 || c->days & 1u << weekday;
}

bool
policy_choice_is_due(const struct policy_choice *c, const struct policy_time *t)
{
        if (c->from == c->to)
                return has_day(c, t->weekday);
        if (c->from < c->to)
                return has_day(c, t->weekday) && t->minute >= c->from && t->minute < c->to;
        /* Past midnight: it belongs to the day on which it began. */
        return (has_day(c, t->weekday) && t->minute >= c->from) || (has_day(c, (t->weekday + 6u) % 7) && t->minute < c->to);
}

/* @set: the one that was set together with the profile. */
static const struct policy_image *
image_of(const struct policy *p, const struct policy_host *host, const struct policy_profile *profile, uint32_t set)
{
        uint32_t i = set != POLICY_HOSTS_IMAGE ? set : profile->image != POLICY_HOSTS_IMAGE ? profile->image : host->image;

        return profile_kind_boots_image(profile->kind) ? policy_image_at(p, i) : NULL;
}

static enum root_kind
root_of(const struct policy_host *host, const struct policy_profile *profile)
{
        if (profile->kind != PROFILE_POOL)
                return ROOT_RAM;
        return profile->root < ROOT_N ? profile->root : host->root;
}

void
policy_choose_one(const struct policy *p, const struct policy_host *host, const struct policy_choice *c,
                  struct policy_chosen *ret)
{
        ret->profile = policy_profile_at(p, c->profile);
        ret->rule = policy_rule_at(p, c->rule);
        ret->by = c->by;
        ret->fallen = c->fallen != 0;
        ret->image = image_of(p, host, ret->profile, c->image);
        ret->root = root_of(host, ret->profile);
        ret->menu = policy_menu_at(p, ret->rule && ret->rule->menu != POLICY_NONE ? ret->rule->menu : ret->profile->menu);
}

void
policy_choose(const struct policy *p, const struct policy_host *host, const struct policy_time *t, struct policy_chosen *ret)
{
        const struct policy_choice *c;

        memset(ret, 0, sizeof(*ret));
        if (!p || !host)
                return;
        c = &host->choices[host->n_choices - 1];
        for (uint32_t i = 0; i < host->n_choices; i++)
                if (policy_choice_is_due(&host->choices[i], t)) {
                        c = &host->choices[i];
                        break;
                }
        policy_choose_one(p, host, c, ret);
}

void
policy_choose_entry(const struct policy *p, const struct policy_host *host, const struct policy_entry *entry,
                    struct policy_chosen *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->profile = policy_profile_at(p, entry->profile);
        ret->image = image_of(p, host, ret->profile, POLICY_HOSTS_IMAGE);
        ret->root = root_of(host, ret->profile);
}

uint32_t
policy_choose_all(const struct policy *p, const struct policy_host *host, struct policy_chosen ret[POLICY_MAX_WAYS])
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < host->n_choices; i++) {
                const struct policy_menu *menu;

                policy_choose_one(p, host, &host->choices[i], &ret[n]);
                menu = ret[n++].menu;
                for (uint32_t k = 0; menu && k < menu->n_entries; k++)
                        policy_choose_entry(p, host, &menu->entries[k], &ret[n++]);
        }
        return n;
}
