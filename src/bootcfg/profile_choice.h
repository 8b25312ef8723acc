/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_PROFILE_CHOICE_H
#define DOMPOOL_BOOTCFG_PROFILE_CHOICE_H
/*
 * From the administrator's rules to the choices of one host in the snapshot: everything about a rule that does not depend on
 * the time is decided here, once, by core; policy_choice.h looks at the clock. Pure.
 *
 * In order: the profile for the next boot only; the one set through the API; the rules; the host's own profile; the server's
 * default. What names a profile that does not exist (any more) is passed over.
 */
#include "bootcfg/policy_choice.h"
#include "model/config.h"
#include "model/host_brief.h"

/* All that rules look at. */
struct profile_facts {
        const struct host_brief *host;
        const struct host_setting *setting;
        const char *manufacturer, *product; /* SMBIOS, as the host reported them; empty: not known */
};

/* Does the host meet all that the rule asks for besides the time? */
bool profile_rule_matches(const struct rule *r, const struct profile_facts *f);

/* Fills @choices, whose indices are config_profile_at()'s and the rules' positions, and returns their number (1..). The images
 * are POLICY_HOSTS_IMAGE. *ret_left_out: rules that match but have no room; they count as if they did not match. */
uint32_t profile_choices(const struct config *config, const struct profile_facts *f,
                         struct policy_choice choices[POLICY_MAX_CHOICES], uint32_t *ret_left_out);

/* What policy_choose() will say at @t. */
void profile_choose(const struct config *config, const struct profile_facts *f, const struct policy_time *t,
                    struct policy_choice *ret);

#endif
