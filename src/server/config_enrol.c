/* SPDX-License-Identifier: Apache-2.0 */
/* Names in enrol sections. Pure. Runs in the parent, before any role is started. */
#include "server/config_enrol.h"

#include <stdio.h>
#include <string.h>

#include "bootcfg/enrol_choice.h"

/* Is it a subnet section's name, or any network's "10.77.0.0/24"? */
static bool
is_network(const struct config *c, const char *word)
{
        const struct config_network *n;
        struct config_network plain;
        char text[NAME_SIZE];

        for (uint32_t i = 0; (n = config_network_at(c, i)); i++) {
                plain = *n;
                plain.name[0] = '\0';
                if (strcmp(enrol_network_text(n, text), word) == 0 || strcmp(enrol_network_text(&plain, text), word) == 0)
                        return true;
        }
        return false;
}

static int
check_one(const struct config *c, const struct enrol_rule *r, char *text, size_t size)
{
        const char *at = r->networks;
        char word[NAME_SIZE];

        while ((at = list_next(at, word)))
                if (!is_network(c, word)) {
                        snprintf(text, size,
                                 "enrol '%s': network '%s' is neither a subnet section's name nor a network's \"net/prefix\"",
                                 r->name, word);
                        return -1;
                }
        if (!*r->profile || strcmp(r->profile, "auto") == 0 || config_profile(c, r->profile))
                return 0;
        snprintf(text, size, "enrol '%s': there is no profile '%s'", r->name, r->profile);
        return -1;
}

int
config_enrols_check(const struct config *c, uint32_t *ret_at, char *text, size_t size)
{
        for (*ret_at = 0; *ret_at < c->n_enrols; ++*ret_at)
                if (check_one(c, &c->enrols[*ret_at], text, size) < 0)
                        return -1;
        return 0;
}
