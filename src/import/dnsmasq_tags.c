/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of dnsmasq's lines count for a host's firmware: lines with tags before those without, later ones before earlier ones,
 * as dnsmasq 2.89 chooses (dhcp-boot in its dnsmasq.8). Pure.
 */
#include <string.h>
#include <strings.h>

#include "import/dnsmasq.h"

#define MAX_SET 64

struct tag_set {
        size_t n;
        const char *tags[MAX_SET];
};

static void
set_tag(struct tag_set *set, const char *tag)
{
        if (set->n < MAX_SET)
                set->tags[set->n++] = tag;
}

static bool
is_set(const struct tag_set *set, const char *tag)
{
        for (size_t i = 0; i < set->n; i++)
                if (strcmp(set->tags[i], tag) == 0)
                        return true;
        return false;
}

static bool
all_hold(const struct tag_set *set, const struct dnsmasq_tags *wanted)
{
        for (size_t i = 0; i < wanted->n; i++) {
                const char *tag = wanted->tags[i];
                bool negated = *tag == '!' || *tag == '#';

                if (is_set(set, tag + negated) == negated)
                        return false;
        }
        return true;
}

static bool
fits_mac(const struct dnsmasq_match *m, const struct mac *mac)
{
        for (size_t i = 0; i < sizeof(mac->b); i++)
                if ((mac->b[i] ^ m->mac[i]) & m->mask[i])
                        return false;
        return true;
}

static bool
fits(const struct dnsmasq_match *m, const struct import_client *client, const struct import_host *h, const struct tag_set *set)
{
        switch (m->kind) {
        case MATCH_ARCH:
                return m->arch == client->arch;
        case MATCH_IPXE:
                return client->user_class != NULL;
        case MATCH_VENDOR:
                return strstr(client->vendor_class, m->text) != NULL;
        case MATCH_USER:
                return client->user_class && strcmp(client->user_class, m->text) == 0;
        case MATCH_MAC:
                return fits_mac(m, &h->mac);
        case MATCH_TAGS:
                return all_hold(set, &m->tags);
        }
        return false;
}

static void
collect_tags(const struct dnsmasq *d, const struct dnsmasq_host *h, const struct import_client *client, struct tag_set *set)
{
        set_tag(set, "known");
        for (size_t i = 0; i < h->tags.n; i++)
                set_tag(set, h->tags.tags[i]);
        for (size_t i = 0; i < d->n_matches; i++)
                if (fits(&d->matches[i], client, h->host, set))
                        set_tag(set, d->matches[i].set);
}

/* NULL: none of this kind and code. */
static const struct dnsmasq_send *
choose(const struct dnsmasq *d, const struct tag_set *set, enum dnsmasq_send_kind kind, uint32_t code)
{
        const struct dnsmasq_send *untagged = NULL;

        for (size_t i = d->n_sends; i-- > 0;) {
                const struct dnsmasq_send *s = &d->sends[i];

                if (s->kind != kind || s->code != code)
                        continue;
                if (s->tags.n > 0 && all_hold(set, &s->tags))
                        return s;
                if (s->tags.n == 0 && !untagged)
                        untagged = s;
        }
        return untagged;
}

static const char *
option_text(const struct dnsmasq *d, const struct tag_set *set, uint32_t code)
{
        const struct dnsmasq_send *s = choose(d, set, SEND_OPTION, code);

        return s ? s->text : "";
}

static void
fill_loader(const struct dnsmasq *d, const struct tag_set *set, const struct import_client *client, struct import_loader *ret)
{
        const struct dnsmasq_send *boot = choose(d, set, SEND_BOOT, 0) ?: choose(d, set, SEND_SERVICE, client->arch);
        const char *config = option_text(d, set, 209), *menu = option_text(d, set, 150), *prefix = option_text(d, set, 210);
        uint32_t address;

        *ret = (struct import_loader){0};
        if (boot) {
                ret->server = boot->server;
                str_copy(ret->file, sizeof(ret->file), boot->text);
        } else {
                str_copy(ret->file, sizeof(ret->file), option_text(d, set, 67));
                parse_ip4(option_text(d, set, 66), &ret->server);
        }
        if (*config && *config != '/' && *prefix)
                import_path_join(ret->config, prefix, config);
        else if (*config)
                str_copy(ret->config, sizeof(ret->config), config);
        else if (parse_ip4(menu, &address) < 0) /* Cisco's phones get an address in option 150 */
                str_copy(ret->config, sizeof(ret->config), menu);
}

void
dnsmasq_hosts(struct dnsmasq *d)
{
        struct import_loader loaders[IMPORT_N_CLIENTS];

        for (size_t i = 0; i < d->n_hosts; i++) {
                for (size_t k = 0; k < IMPORT_N_CLIENTS; k++) {
                        struct tag_set set = {0};

                        collect_tags(d, &d->hosts[i], &import_clients[k], &set);
                        fill_loader(d, &set, &import_clients[k], &loaders[k]);
                }
                import_host_loaders(d->hosts[i].host, loaders);
        }
}
