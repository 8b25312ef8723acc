/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules can concern a host. Pure; fnmatch(3) is all that it takes from outside. Runs in `core` and in explain.c. */
#include "bootcfg/profile_choice.h"

#include <fnmatch.h>
#include <string.h>

#include "model/hardware.h"

static bool
any_glob_matches(const char *globs, const char *text)
{
        char glob[NAME_SIZE];

        while ((globs = list_next(globs, glob)))
                if (fnmatch(glob, text, 0) == 0)
                        return true;
        return false;
}

static bool
shares_label(const char *wanted, const char *labels)
{
        char label[NAME_SIZE];

        while ((wanted = list_next(wanted, label)))
                if (labels_has(labels, label))
                        return true;
        return false;
}

bool
profile_rule_matches(const struct rule *r, const struct profile_facts *f)
{
        char mac[MAC_TEXT_SIZE];

        if (*r->hosts && !any_glob_matches(r->hosts, f->host->name))
                return false;
        if (*r->labels && !shares_label(r->labels, f->host->labels))
                return false;
        if (*r->mac && strncmp(mac_text(&f->host->mac, mac), r->mac, strlen(r->mac)) != 0)
                return false;
        return !*r->smbios || hardware_is_like(f->manufacturer, f->product, r->smbios);
}

/* A choice without a time; false: there is no such profile. */
static bool
choice_of(const struct config *config, const char *profile, enum policy_by by, struct policy_choice *ret)
{
        *ret = (struct policy_choice){.profile = config_profile_index(config, profile),
                                      .rule = POLICY_NONE,
                                      .image = POLICY_HOSTS_IMAGE,
                                      .by = (uint8_t)by};
        return *profile && ret->profile != POLICY_NONE;
}

static bool
rule_has_time(const struct rule *r)
{
        return r->from != r->to || (r->days != 0 && r->days != DAYS_ALL);
}

/* Adds those that match, up to the first that always counts; true: there was one, nothing behind it can count. */
static bool
add_rules(const struct config *config, const struct profile_facts *f, struct policy_choice *choices, uint32_t *n,
          uint32_t *left_out)
{
        for (uint32_t i = 0; i < config->n_rules; i++) {
                const struct rule *r = &config->rules[i];
                struct policy_choice c;

                if (!profile_rule_matches(r, f) || !choice_of(config, r->profile, POLICY_BY_RULE, &c))
                        continue;
                if (*n == POLICY_MAX_CHOICES - 1 && rule_has_time(r)) {
                        (*left_out)++;
                        continue;
                }
                c.rule = i;
                c.days = (uint8_t)r->days;
                c.from = (uint16_t)r->from;
                c.to = (uint16_t)r->to;
                choices[(*n)++] = c;
                if (!rule_has_time(r))
                        return true;
        }
        return false;
}

uint32_t
profile_choices(const struct config *config, const struct profile_facts *f, struct policy_choice choices[POLICY_MAX_CHOICES],
                uint32_t *ret_left_out)
{
        const struct host_setting *s = f->setting;
        uint32_t n = 0;

        *ret_left_out = 0;
        if (choice_of(config, s->once, POLICY_BY_ONCE, &choices[0])) {
                choices[0].set_s = (uint32_t)(s->once_set_ms / 1000);
                n = 1;
        }
        if (choice_of(config, s->profile, POLICY_BY_SETTING, &choices[n]))
                return n + 1;
        if (add_rules(config, f, choices, &n, ret_left_out))
                return n;
        if (choice_of(config, f->host->profile, POLICY_BY_HOST, &choices[n]) ||
            choice_of(config, config->default_profile, POLICY_BY_DEFAULT, &choices[n]))
                return n + 1;
        choice_of(config, profile_kind_names[PROFILE_LOCAL], POLICY_BY_DEFAULT, &choices[n]);
        return n + 1;
}

void
profile_choose(const struct config *config, const struct profile_facts *f, const struct policy_time *t,
               struct policy_choice *ret)
{
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint32_t left_out, n = profile_choices(config, f, choices, &left_out);

        *ret = choices[n - 1];
        for (uint32_t i = n; i-- > 0;)
                if (policy_choice_is_due(&choices[i], t))
                        *ret = choices[i];
}
