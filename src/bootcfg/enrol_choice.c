/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment rules against a machine. Pure. Runs in `boot`, `core` and in explain.c. */
#include "bootcfg/enrol_choice.h"

#include <stdio.h>
#include <string.h>

static void
subnet_text(const struct config_network *n, char buf[NAME_SIZE])
{
        char ip[IP4_TEXT_SIZE];

        snprintf(buf, NAME_SIZE, "%s/%u", ip4_text(n->net, ip), n->prefix);
}

char *
enrol_network_text(const struct config_network *n, char buf[NAME_SIZE])
{
        if (*n->name)
                str_copy(buf, NAME_SIZE, n->name);
        else
                subnet_text(n, buf);
        return buf;
}

static bool
is_in(const char *networks, const struct config_network *n)
{
        char word[NAME_SIZE], subnet[NAME_SIZE];

        if (!n)
                return false;
        subnet_text(n, subnet);
        while ((networks = list_next(networks, word)))
                if (strcmp(word, subnet) == 0 || strcmp(word, n->name) == 0)
                        return true;
        return false;
}

static bool
is_time(const struct enrol_rule *r, const struct policy_time *t)
{
        const struct policy_choice span = {.days = (uint8_t)r->days, .from = (uint16_t)r->from, .to = (uint16_t)r->to};

        return policy_choice_is_due(&span, t);
}

/* Does it meet all that is asked for but the hardware? */
static bool
meets_outside(const struct enrol_rule *r, const struct enrol_facts *f)
{
        return (!*r->macs || mac_begins_as(r->macs, &f->mac)) && (!*r->networks || is_in(r->networks, f->network)) &&
               (!r->firmware || (r->firmware & f->firmware)) && is_time(r, &f->time);
}

static bool
is_known(const struct enrol_facts *f)
{
        return f->hardware && f->hardware->time_ms;
}

const struct enrol_rule *
enrol_choose(const struct enrol_rule *rules, uint32_t n, const struct enrol_facts *f)
{
        for (uint32_t i = 0; i < n; i++) {
                const struct enrol_rule *r = &rules[i];

                if (!meets_outside(r, f))
                        continue;
                if (!*r->smbios ||
                    (is_known(f) && hardware_is_like(f->hardware->manufacturer, f->hardware->product, r->smbios)))
                        return r;
        }
        return NULL;
}

bool
enrol_may_let_in(const struct enrol_rule *rules, uint32_t n, const struct enrol_facts *f)
{
        for (uint32_t i = 0; i < n; i++) {
                const struct enrol_rule *r = &rules[i];

                if (!meets_outside(r, f))
                        continue;
                if (r->action != ENROL_REFUSE)
                        return true; /* core may know its hardware */
                if (!*r->smbios)
                        return false;
        }
        return false;
}
