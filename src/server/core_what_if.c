/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How boots would change by a profile that is set, a host that is described anew, or another configuration file: the policy in
 * force and the one as it would be, and bootcfg/explain_diff.h on both. Nothing is changed. Process: core.
 *
 *     rows and configuration in force -----------------> policy --+
 *          | a copy of each row that changes                      +--> for each machine that is meant: the two boots compared
 *          +--> rows and configuration as they would be --> policy +
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "bootcfg/explain_diff.h"
#include "server/core_private.h"

#define FULL_MAX 16 /* so many machines are shown line by line; of more it is said how much changes */

DEFINE_CLEANUP(struct policy *, policy_free)

struct machine {
        struct mac mac;
        char name[NAME_SIZE];
};

struct what_if {
        struct core *c;
        const struct msg_api_what_if *m;
        struct config *config; /* as it would be; NULL: it stays */
        struct policy_source before, after;
        struct core_row **owned; /* changed copies */
        uint32_t n_owned;
        struct machine *machines;
        uint32_t n_machines;
};

/* --- which machines --- */

static bool
is_named(const struct msg_api_what_if *m, const char *name)
{
        const char *at = m->hosts.data ? (const char *)m->hosts.data : "";
        char each[NAME_SIZE];

        while ((at = list_next(at, each)))
                if (strcmp(each, name) == 0)
                        return true;
        return false;
}

static bool
is_meant(const struct msg_api_what_if *m, const struct host_brief *h)
{
        char mac[MAC_TEXT_SIZE];

        if (m->has_host && m->hosts.size == 0 && !*m->label && !m->all)
                return strcmp(h->name, m->host.name) == 0;
        if (m->all || (*m->label && labels_has(h->labels, m->label)) || is_named(m, h->name))
                return true;
        for (char *p = mac_text(&h->mac, mac); *p; p++)
                *p = *p == ':' ? '-' : *p;
        return m->hosts.size > 0 && is_named(m, mac);
}

static const struct core_row *
row_by_mac(const struct policy_source *s, const struct policy *p, const struct mac *mac)
{
        struct policy_host found;

        if (!policy_host_by_mac(p, mac, &found))
                return NULL;
        for (uint32_t i = 0; i < s->n_rows; i++)
                if (memcmp(&s->rows[i]->host.mac, mac, sizeof(*mac)) == 0)
                        return s->rows[i];
        return NULL;
}

static void
add_machine(struct what_if *w, const struct mac *mac, const char *name)
{
        struct machine *m = &w->machines[w->n_machines++];

        m->mac = *mac;
        str_copy(m->name, sizeof(m->name), name);
}

/* Those named that are nobody's: a MAC, or a mistake. */
static int
add_strangers(struct what_if *w, const struct policy *before, const struct policy *after, struct error *err)
{
        const char *at = w->m->hosts.data ? (const char *)w->m->hosts.data : "";
        struct policy_host found;
        char name[NAME_SIZE];
        struct mac mac;

        while ((at = list_next(at, name))) {
                bool known = false;

                for (uint32_t i = 0; i < w->n_machines && !known; i++)
                        known = strcmp(w->machines[i].name, name) == 0;
                if (known)
                        continue;
                if (parse_mac(name, &mac) < 0)
                        return error_set(err, ERR_NOT_FOUND, "'%s' is neither a host nor a MAC address", name);
                if (!policy_host_by_mac(before, &mac, &found) && !policy_host_by_mac(after, &mac, &found))
                        add_machine(w, &mac, "");
        }
        return 0;
}

/* A host whose MAC changes is two machines. */
static int
find_machines(struct what_if *w, const struct policy *before, const struct policy *after, struct error *err)
{
        w->machines = calloc(w->before.n_rows + w->after.n_rows + w->m->hosts.size / 2 + 2, sizeof(*w->machines));
        if (!w->machines)
                return error_errno_set(err, ENOMEM, "what if");
        for (uint32_t i = 0; i < w->before.n_rows; i++)
                if (is_meant(w->m, &w->before.rows[i]->host))
                        add_machine(w, &w->before.rows[i]->host.mac, w->before.rows[i]->host.name);
        for (uint32_t i = 0; i < w->after.n_rows; i++) {
                const struct host_brief *h = &w->after.rows[i]->host;
                const struct core_row *was = is_meant(w->m, h) ? row_by_mac(&w->before, before, &h->mac) : NULL;

                if (is_meant(w->m, h) && (!was || !is_meant(w->m, &was->host)))
                        add_machine(w, &h->mac, h->name);
        }
        return add_strangers(w, before, after, err);
}

/* --- what would be --- */

/* A copy of @row, or a new one, which is in `after` from now on at @place. NULL: no memory. */
static struct core_row *
own_row(struct what_if *w, const struct core_row *row, uint32_t place)
{
        struct core_row *copy = calloc(1, sizeof(*copy));

        if (!copy)
                return NULL;
        if (row)
                *copy = *row;
        w->owned[w->n_owned++] = copy;
        w->after.rows[place] = copy;
        return copy;
}

static int
set_profiles(struct what_if *w, struct error *err)
{
        const struct msg_api_what_if *m = w->m;
        struct msg_api_host_profile set = {.next = m->next};
        int r;

        str_copy(set.profile, sizeof(set.profile), m->profile);
        str_copy(set.image, sizeof(set.image), m->image);
        r = core_profile_check(w->c, w->config ? w->config : w->c->config, &set, err);
        for (uint32_t i = 0; r == 0 && i < w->after.n_rows; i++) {
                struct core_row *row;

                if (!is_meant(m, &w->after.rows[i]->host))
                        continue;
                row = own_row(w, w->after.rows[i], i);
                if (row)
                        core_profile_apply(&set, core_wall(w->c), &row->setting);
                else
                        r = error_errno_set(err, ENOMEM, "what if");
        }
        return r;
}

static int
put_host(struct what_if *w, struct error *err)
{
        struct core_host *there = NULL;
        struct core_row *row;
        uint32_t place = 0;
        int r = core_host_check(w->c, &w->m->host, &there, err);

        if (r < 0)
                return r;
        while (place < w->after.n_rows && (!there || w->after.rows[place] != &there->row))
                place++;
        row = own_row(w, there ? &there->row : NULL, place);
        if (!row)
                return error_errno_set(err, ENOMEM, "what if");
        if (place == w->after.n_rows)
                w->after.n_rows++;
        row->host = host_brief_of(&w->m->host);
        row->host.configured = false;
        row->setting = (struct host_setting){0}; /* as core_host_put() does */
        return 0;
}

/* --- another configuration --- */

static int
by_name(const void *a, const void *b)
{
        const struct host *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

static int
by_mac(const void *a, const void *b)
{
        const struct host *const *x = a, *const *y = b;

        return memcmp(&(*x)->mac, &(*y)->mac, sizeof((*x)->mac));
}

/* The file's hosts as core takes them over at its start: it has the last word on names and MACs (core_host_load). */
static int
take_hosts(struct what_if *w, const struct host **names, const struct host **macs, struct error *err)
{
        const struct config *config = w->config;
        uint32_t n = 0;

        for (uint32_t i = 0; i < w->before.n_rows; i++) {
                const struct core_row *old = w->before.rows[i];
                struct host described;
                const struct host *key = &described;
                const struct host **name, **mac;
                struct core_row *row;

                host_brief_expand(&old->host, &described);
                name = bsearch(&key, names, config->n_hosts, sizeof(*names), by_name);
                mac = bsearch(&key, macs, config->n_hosts, sizeof(*macs), by_mac);
                if (!name && (old->host.configured || mac))
                        continue;
                w->after.rows[n] = old;
                row = name ? own_row(w, old, n) : NULL;
                if (name && !row)
                        return error_errno_set(err, ENOMEM, "what if");
                if (row) {
                        row->host = host_brief_of(*name);
                        row->host.configured = true;
                }
                n++;
        }
        for (uint32_t i = 0; i < config->n_hosts; i++) {
                struct core_row *row;

                if (core_host_find(w->c, config->hosts[i].name))
                        continue;
                row = own_row(w, NULL, n++);
                if (!row)
                        return error_errno_set(err, ENOMEM, "what if");
                row->host = host_brief_of(&config->hosts[i]);
                row->host.configured = true;
        }
        w->after.n_rows = n;
        return 0;
}

/* The server has found its addresses by the interfaces; a file that is only read does not have them. */
static int
find_address(const struct config *now, struct config_network *n, struct error *err)
{
        const struct config_network *there;

        for (uint32_t i = 0; n->address == 0 && *n->interface && (there = config_network_at(now, i)); i++)
                if (strcmp(there->interface, n->interface) == 0 && (there->address & prefix_mask(n->prefix)) == n->net)
                        n->address = there->address;
        if (n->address == 0 && *n->interface)
                return error_set(err, ERR_CONFIG,
                                 "network '%s': its address is not known here, since the server does not serve it by the "
                                 "interface '%s' now: "
                                 "set 'address' there",
                                 *n->name ? n->name : "network", n->interface);
        return 0;
}

static int
take_config(struct what_if *w, struct error *err)
{
        const struct host **names = calloc(w->m->config.n_hosts + 1u, sizeof(*names));
        const struct host **macs = calloc(w->m->config.n_hosts + 1u, sizeof(*macs));
        int r = 0;

        w->config = malloc(sizeof(*w->config));
        if (!names || !macs || !w->config) {
                r = error_errno_set(err, ENOMEM, "what if");
                goto out;
        }
        *w->config = w->m->config;
        w->after.config = w->config;
        r = find_address(w->c->config, &w->config->network, err);
        for (uint32_t i = 0; r == 0 && i < w->config->n_subnets; i++)
                r = find_address(w->c->config, &w->config->subnets[i], err);
        for (uint32_t i = 0; i < w->config->n_hosts; i++)
                names[i] = macs[i] = &w->config->hosts[i];
        qsort(names, w->config->n_hosts, sizeof(*names), by_name);
        qsort(macs, w->config->n_hosts, sizeof(*macs), by_mac);
        if (r == 0)
                r = take_hosts(w, names, macs, err);
out:
        free(names);
        free(macs);
        return r;
}

static int
make_after(struct what_if *w, struct error *err)
{
        const struct msg_api_what_if *m = w->m;
        uint32_t room;
        int r;

        if (core_policy_source_now(w->c, &w->before) < 0)
                return error_errno_set(err, ENOMEM, "what if");
        room = w->before.n_rows + m->config.n_hosts + 1;
        w->after = (struct policy_source){
                .config = w->c->config, .generation = w->before.generation, .rows = calloc(room, sizeof(*w->after.rows))};
        w->owned = calloc(2u * room, sizeof(*w->owned));
        if (!w->after.rows || !w->owned)
                return error_errno_set(err, ENOMEM, "what if");
        memcpy(w->after.rows, w->before.rows, w->before.n_rows * sizeof(*w->after.rows));
        w->after.n_rows = w->before.n_rows;
        r = m->has_config ? take_config(w, err) : 0;
        if (r == 0 && m->has_host)
                r = put_host(w, err);
        if (r == 0 && *m->profile)
                r = set_profiles(w, err);
        return r;
}

/* --- the answer --- */

static void
add_line(void *arg, char op, const char *text, const char *why)
{
        json_array_append_new(arg, json_pack("{s:s%,s:s,s:s}", "op", &op, (size_t)1, "text", text, "why", why));
}

static int
compare(struct what_if *w, const struct policy *before, const struct policy *after, json_t **ret, struct error *err)
{
        const char *firmware = *w->m->firmware ? w->m->firmware : explain_firmware_name(0);
        const int64_t now = w->m->at ? (int64_t)w->m->at : core_wall(w->c);
        json_t *hosts = json_array();
        char mac[MAC_TEXT_SIZE];
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < w->n_machines; i++) {
                const struct machine *m = &w->machines[i];
                const struct explain_request a = {before, w->c->config->network.address, m->mac, firmware, now};
                const struct explain_request b = {after, w->after.config->network.address, m->mac, firmware, now};
                json_t *lines = w->n_machines <= FULL_MAX ? json_array() : NULL;
                const struct explain_diff_sink sink = {.line = add_line, .arg = lines};
                struct explain_diff_result d;

                r = explain_diff(&a, &b, lines ? &sink : NULL, &d, err);
                if (r == 0 && d.changes > 0)
                        json_array_append_new(hosts, json_pack("{s:s,s:s,s:i,s:s,s:s,s:o*}", "host", m->name, "mac",
                                                               mac_text(&m->mac, mac), "changes", (int)d.changes, "before",
                                                               d.before, "after", d.after, "diff", json_incref(lines)));
                json_decref(lines);
        }
        *ret = json_pack("{s:s,s:I,s:i,s:i,s:o}", "firmware", firmware, "time_ms", (json_int_t)now, "compared",
                         (int)w->n_machines, "same", (int)(w->n_machines - json_array_size(hosts)), "hosts", hosts);
        return r;
}

static int
check_request(const struct msg_api_what_if *m, struct error *err)
{
        if (!m->has_host && !m->has_config && !*m->profile)
                return error_set(err, ERR_INVALID, "profile, host or config: one of them must say what would change");
        if (m->hosts.size == 0 && !*m->label && !m->all && !m->has_host)
                return error_set(err, ERR_INVALID, "hosts, label or all: one of them must say which hosts");
        return 0;
}

void
core_what_if(struct core *c, const struct msg_api_what_if *m)
{
        CLEANUP(policy_free) struct policy *before = NULL, *after = NULL;
        struct what_if w = {.c = c, .m = m};
        struct error err;
        json_t *answer = NULL;
        int r = check_request(m, &err);

        if (r == 0)
                r = make_after(&w, &err);
        if (r == 0 && (!(before = core_policy_of(c, &w.before)) || !(after = core_policy_of(c, &w.after))))
                r = error_errno_set(&err, ENOMEM, "what if");
        if (r == 0)
                r = find_machines(&w, before, after, &err);
        if (r == 0)
                r = compare(&w, before, after, &answer, &err);
        if (r == 0)
                core_reply_json(c, m->request, 200, json_incref(answer));
        else
                core_reply_error(c, m->request, &err);
        json_decref(answer);
        for (uint32_t i = 0; i < w.n_owned; i++)
                free(w.owned[i]);
        free(w.owned);
        free(w.before.rows);
        free(w.after.rows);
        free(w.machines);
        free(w.config);
}
