/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a configuration can be checked only when all of it is read: that names mean something, that addresses and ports do
 * not collide. Pure. Runs in the parent (and in `dompoold -n`), before any role is started.
 */
#include "server/config_check.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "server/config_enrol.h"
#include "server/config_network.h"

struct whole {
        struct config *config;
        const struct config_places *places;
        const char *file;
        struct error *err;
};

static int
place_error(struct error *err, const struct config_place *at, const char *text)
{
        return error_set(err, ERR_CONFIG, "%s:%d: %s", at->file, at->line, text);
}

static int
check_networks(const struct whole *w)
{
        char text[200];
        uint32_t at;

        if (config_networks_finish(w->config, &at, text, sizeof(text)) == 0)
                return 0;
        return place_error(w->err, &w->places->networks[at], text);
}

/* Does every name mean something? Sections may stand in any order, so this is known at the end. */
static int
check_profile_name(const struct whole *w, const char *profile, const char *what, const char *name,
                   const struct config_place *at)
{
        char text[200];

        if (!*profile || config_profile(w->config, profile))
                return 0;
        snprintf(text, sizeof(text), "%s '%s': there is no profile '%s'", what, name, profile);
        return place_error(w->err, at, text);
}

static int
check_menu_name(const struct whole *w, const char *menu, const char *what, const char *name, const struct config_place *at)
{
        char text[200];

        if (!*menu || config_menu(w->config, menu))
                return 0;
        snprintf(text, sizeof(text), "%s '%s': there is no menu '%s'", what, name, menu);
        return place_error(w->err, at, text);
}

static int
check_names(const struct whole *w)
{
        const struct config *c = w->config;
        int r = 0;

        if (!config_profile(c, c->default_profile))
                return error_set(w->err, ERR_CONFIG, "%s: default-profile: there is no profile '%s'", w->file,
                                 c->default_profile);

        for (uint32_t i = 0; r == 0 && i < c->n_profiles; i++)
                r = check_menu_name(w, c->profiles[i].menu, "profile", c->profiles[i].name, &w->places->profiles[i]);
        for (uint32_t i = 0; r == 0 && i < c->n_menus; i++)
                for (uint32_t k = 0; r == 0 && k < c->menus[i].n_entries; k++)
                        r = check_profile_name(w, c->menus[i].entries[k].profile, "menu", c->menus[i].name,
                                               &w->places->menus[i]);
        for (uint32_t i = 0; r == 0 && i < c->n_rules; i++) {
                r = check_profile_name(w, c->rules[i].profile, "rule", c->rules[i].name, &w->places->rules[i]);
                if (r == 0)
                        r = check_menu_name(w, c->rules[i].menu, "rule", c->rules[i].name, &w->places->rules[i]);
        }
        for (uint32_t i = 0; r == 0 && i < c->n_hosts; i++)
                r = check_profile_name(w, c->hosts[i].profile, "host", c->hosts[i].name, &w->places->hosts[i]);
        return r;
}

static int
check_enrols(const struct whole *w)
{
        char text[300];
        uint32_t at;

        return config_enrols_check(w->config, &at, text, sizeof(text)) < 0 ? place_error(w->err, &w->places->enrols[at], text)
                                                                           : 0;
}

static int
check_hosts(const struct whole *w)
{
        for (uint32_t i = 0; i < w->config->n_hosts; i++) {
                struct host *h = &w->config->hosts[i];
                const struct config_network *n = config_network_of(w->config, h->address);
                char address[IP4_TEXT_SIZE], text[200];

                if (!h->address)
                        continue;
                if (n && h->address != n->address)
                        continue;
                snprintf(text, sizeof(text), "host '%s': the address %s %s", h->name, ip4_text(h->address, address),
                         n                          ? "is the server's own"
                         : w->config->n_subnets > 0 ? "lies outside all subnets"
                                                    : "lies outside the subnet");
                return place_error(w->err, &w->places->hosts[i], text);
        }
        return 0;
}

static int
check_ports(const struct whole *w)
{
        const struct config *c = w->config;

        if (c->http_port == c->agent_port)
                return error_set(w->err, ERR_CONFIG, "%s: http-port and agent-port are both %u", w->file, c->http_port);
        if (c->tftp_port == c->dhcp_port)
                return error_set(w->err, ERR_CONFIG, "%s: tftp-port and dhcp-port are both %u", w->file, c->tftp_port);
        if (c->api_address && (c->api_port == c->http_port || c->api_port == c->agent_port) &&
            (c->network.address == 0 || c->network.address == c->api_address))
                return error_set(w->err, ERR_CONFIG, "%s: the API's listen port %u is taken by http-port or agent-port",
                                 w->file, c->api_port);
        return 0;
}

int
config_check(struct config *config, const struct config_places *places, const char *file, struct error *err)
{
        static int (*const checks[])(const struct whole *) = {check_networks, check_hosts, check_names, check_enrols,
                                                              check_ports};
        const struct whole w = {config, places, file, err};
        int r = 0;

        if (!places->networks[0].file)
                return error_set(err, ERR_CONFIG,
                                 "%s: there is no network section; it names the boot LAN's interface and subnet", file);
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(checks); i++)
                r = checks[i](&w);
        return r;
}
