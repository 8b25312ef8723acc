/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How boots would change by a profile that is set, a host that is described anew or adopted, or another configuration file: the
 * policy in force and the one as it would be, for core_compare.c. Nothing is changed. Process: core.
 *
 *     rows and configuration in force -----------------> policy --+
 *          | a copy of each row that changes                      +--> for each machine that is meant: the two boots compared
 *          +--> rows and configuration as they would be --> policy +
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "server/core_private.h"

struct what_if {
        struct core *c;
        const struct msg_api_what_if *m;
        char (*names)[NAME_SIZE]; /* asked about, sorted */
        size_t n_names;
        struct host host;      /* the one described, with its name */
        struct blob hardware;  /* that it has reported before it was a host */
        struct config *config; /* as it would be; NULL: it stays */
        struct policy_source before, after;
        struct core_row **owned; /* changed copies */
        uint32_t n_owned;
        struct core_comparison *x; /* what comes of it */
};

/* --- which machines --- */

static int
by_text(const void *a, const void *b)
{
        return strcmp(a, b);
}

/* The names and MAC addresses that are asked about, sorted: a room may be named host by host. */
static int
take_names(struct what_if *w, struct error *err)
{
        const char *at = w->m->hosts.data ? (const char *)w->m->hosts.data : "";

        w->names = calloc(w->m->hosts.size / 2 + 1, sizeof(*w->names));
        if (!w->names)
                return error_errno_set(err, ENOMEM, "what if");
        while ((at = list_next(at, w->names[w->n_names])))
                w->n_names++;
        qsort(w->names, w->n_names, sizeof(*w->names), by_text);
        return 0;
}

static bool
is_named(const struct what_if *w, const char *name)
{
        return bsearch(name, w->names, w->n_names, sizeof(*w->names), by_text);
}

static bool
is_meant(const struct what_if *w, const struct host_brief *h)
{
        const struct msg_api_what_if *m = w->m;
        char mac[MAC_TEXT_SIZE];

        if (m->has_host && m->hosts.size == 0 && !*m->label && !m->all)
                return strcmp(h->name, w->host.name) == 0;
        if (m->all || (*m->label && labels_has(h->labels, m->label)) || is_named(w, h->name))
                return true;
        for (char *p = mac_text(&h->mac, mac); *p; p++)
                *p = *p == ':' ? '-' : *p;
        return w->n_names > 0 && is_named(w, mac);
}

static void
add_machine(struct what_if *w, const struct mac *mac, const char *name)
{
        struct core_compared *m = &w->x->machines[w->x->n_machines++];

        m->mac = *mac;
        str_copy(m->name, sizeof(m->name), name);
}

/* Those named that are nobody's: a MAC, or a mistake. */
static int
add_strangers(struct what_if *w, struct error *err)
{
        const struct policy *before = w->x->before, *after = w->x->after;
        struct policy_host found;
        struct mac mac;

        for (size_t i = 0; i < w->n_names; i++) {
                const char *name = w->names[i];

                if (policy_host_by_name(before, name, &found) || policy_host_by_name(after, name, &found))
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
find_machines(struct what_if *w, struct error *err)
{
        w->x->machines = calloc(w->before.n_rows + w->after.n_rows + w->n_names + 2, sizeof(*w->x->machines));
        if (!w->x->machines)
                return error_errno_set(err, ENOMEM, "what if");
        for (uint32_t i = 0; i < w->before.n_rows; i++)
                if (is_meant(w, &w->before.rows[i]->host))
                        add_machine(w, &w->before.rows[i]->host.mac, w->before.rows[i]->host.name);
        for (uint32_t i = 0; i < w->after.n_rows; i++) {
                const struct host_brief *h = &w->after.rows[i]->host;
                const struct core_host *was = is_meant(w, h) ? core_host_by_mac(w->c, &h->mac) : NULL;

                if (is_meant(w, h) && (!was || !is_meant(w, &was->row.host)))
                        add_machine(w, &h->mac, h->name);
        }
        return add_strangers(w, err);
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

                if (!is_meant(w, &w->after.rows[i]->host))
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
        struct core_unknown *u;
        struct core_row *row;
        uint32_t place = 0;
        int r;

        w->host = w->m->host;
        if (w->m->adopt && !core_unknown_for(w->c, &w->host, err))
                return error_to_errno(err->code);
        if ((r = core_host_check(w->c, &w->host, &there, err)) < 0)
                return r;
        while (place < w->after.n_rows && (!there || w->after.rows[place] != &there->row))
                place++;
        row = own_row(w, there ? &there->row : NULL, place);
        if (!row)
                return error_errno_set(err, ENOMEM, "what if");
        if (place == w->after.n_rows)
                w->after.n_rows++;
        row->host = host_brief_of(&w->host);
        row->host.configured = false;
        row->setting = (struct host_setting){0}; /* as core_host_put() does */
        u = core_unknown_find(w->c, &w->host.mac);
        if (!u || !u->row.hardware.time_ms)
                return 0;
        row->hardware = (struct blob){0}; /* that of the machine which it is then: core_unknown_becomes() */
        r = core_row_set_hardware(row, &u->row.hardware);
        w->hardware = row->hardware;
        return r < 0 ? error_errno_set(err, -r, "what if") : 0;
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

/* --- the question --- */

static int
check_request(const struct msg_api_what_if *m, struct error *err)
{
        if (!m->has_host && !m->has_config && !*m->profile)
                return error_set(err, ERR_INVALID, "profile, host or config: one of them must say what would change");
        if (m->hosts.size == 0 && !*m->label && !m->all && !m->has_host)
                return error_set(err, ERR_INVALID, "hosts, label or all: one of them must say which hosts");
        return 0;
}

/* The two policies, and the machines that are meant. */
static int
make_comparison(struct what_if *w, struct error *err)
{
        struct core_comparison *x = w->x;

        x->request = w->m->request;
        x->address_before = w->c->config->network.address;
        x->address_after = w->after.config->network.address;
        str_copy(x->firmware, sizeof(x->firmware), w->m->firmware);
        x->now_ms = w->m->at ? (int64_t)w->m->at : core_wall(w->c);
        x->sets_profile = *w->m->profile && strcmp(w->m->profile, "auto") != 0;
        x->before = core_policy_of(w->c, &w->before);
        x->after = core_policy_of(w->c, &w->after);
        return x->before && x->after ? find_machines(w, err) : error_errno_set(err, ENOMEM, "what if");
}

void
core_what_if(struct core *c, const struct msg_api_what_if *m)
{
        struct what_if w = {.c = c, .m = m, .x = calloc(1, sizeof(*w.x))};
        struct error err;
        int r = check_request(m, &err);

        core_policy_look(c);
        if (r == 0 && !w.x)
                r = error_errno_set(&err, ENOMEM, "what if");
        if (r == 0)
                r = take_names(&w, &err);
        if (r == 0)
                r = make_after(&w, &err);
        if (r == 0)
                r = make_comparison(&w, &err);
        if (r == 0)
                core_compare(c, TAKE_PTR(w.x));
        else
                core_reply_error(c, m->request, &err);
        core_compare_free(w.x);
        for (uint32_t i = 0; i < w.n_owned; i++)
                free(w.owned[i]);
        free(w.names);
        free(w.owned);
        free(w.before.rows);
        free(w.after.rows);
        blob_clear(&w.hardware);
        free(w.config);
}
