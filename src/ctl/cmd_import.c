/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool import: reads another boot set-up's files, prints what was understood and what was not, and with --apply adds the
 * hosts through the API. A host that the server knows already, by name or MAC, is never changed. Runs in: dompool.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/import_files.h"

#define TEXT_SIZE 1100
#define MENUS_SHOWN 20

/* What became of a host. */
enum result { RESULT_PLANNED, RESULT_ADDED, RESULT_PRESENT, RESULT_LEFT, RESULT_REFUSED, RESULT_N };
static const char *const result_names[RESULT_N] = {
        [RESULT_PLANNED] = "to add", [RESULT_ADDED] = "added",     [RESULT_PRESENT] = "there already",
        [RESULT_LEFT] = "left",      [RESULT_REFUSED] = "refused",
};

struct run {
        struct ctl *c;
        struct import im;
        json_t *by_mac, *by_name; /* the server's hosts; NULL without --apply */
        json_t *profiles;         /* and its profiles */
        json_t *wanted;           /* sections of dompoold.conf that hosts want: text to true */
        json_t *results;          /* one for each host of im, in its order */
        size_t n_refused;
};

/* ---- with the server ---- */

/* Borrows the hosts of the answer. */
static void
index_present(struct run *run, const json_t *hosts)
{
        json_t *host;
        size_t i;

        run->by_mac = json_object();
        run->by_name = json_object();
        json_array_foreach(hosts, i, host)
        {
                json_object_set(run->by_mac, ctl_string(host, "mac"), host);
                json_object_set(run->by_name, ctl_string(host, "name"), host);
        }
}

static const json_t *
find_present(const struct run *run, const struct host *h)
{
        char mac[MAC_TEXT_SIZE];
        const json_t *host = json_object_get(run->by_mac, mac_text(&h->mac, mac));

        return host ?: json_object_get(run->by_name, h->name);
}

/* The name of a profile of the server that chains to the same file; NULL. */
static const char *
find_chain(const struct run *run, const struct profile *wanted)
{
        char server[IP4_TEXT_SIZE];
        const json_t *profile;
        size_t i;

        ip4_text(wanted->server, server);
        json_array_foreach(run->profiles, i, profile)
        {
                if (strcmp(ctl_string(profile, "kind"), profile_kind_names[PROFILE_CHAIN]) == 0 &&
                    strcmp(ctl_string(profile, "server"), server) == 0 &&
                    strcmp(ctl_string(profile, "file"), wanted->file) == 0)
                        return ctl_string(profile, "name");
        }
        return NULL;
}

static enum result
put_host(struct run *run, const struct host *h, char *why, size_t why_size)
{
        struct ctl_request q = {.method = "PUT"};
        json_t *body = rec_to_json(&host_desc, h), *answer = NULL;
        struct error err;
        int r;

        json_object_del(body, "configured");
        q.body = body;
        ctl_path(&q, "/v1/hosts/%s", h->name);
        r = ctl_http_send(run->c, &q, &answer, &err);
        json_decref(body);
        json_decref(answer);
        if (r < 0)
                snprintf(why, why_size, "%s", err.message);
        return r < 0 ? RESULT_REFUSED : RESULT_ADDED;
}

/* How a host that is there differs from the plan, in words; "" when it does not. */
static void
say_difference(const json_t *present, const struct host *h, char *why, size_t why_size)
{
        char mac[MAC_TEXT_SIZE], address[IP4_TEXT_SIZE] = "";
        const char *name = ctl_string(present, "name");

        if (h->address)
                ip4_text(h->address, address);
        if (strcmp(ctl_string(present, "mac"), mac_text(&h->mac, mac)) != 0)
                snprintf(why, why_size, "host '%s' has another MAC, %s", name, ctl_string(present, "mac"));
        else if (strcmp(name, h->name) != 0)
                snprintf(why, why_size, "by the name '%s'", name);
        else if (strcmp(ctl_string(present, "address"), address) != 0)
                snprintf(why, why_size, "with the address %s",
                         *ctl_string(present, "address") ? ctl_string(present, "address") : "from the range");
        else
                *why = '\0';
}

/* A chain profile is the configuration's: it names another server, which is no business of who may add hosts. */
static bool
has_profile(struct run *run, struct import_plan *plan, char *why, size_t why_size)
{
        const struct profile *p = &plan->profile;
        const char *there = *p->name ? find_chain(run, p) : plan->host.profile;
        char section[400], server[IP4_TEXT_SIZE];

        if (there) {
                if (*p->name)
                        str_copy(plan->host.profile, sizeof(plan->host.profile), there);
                return true;
        }
        snprintf(section, sizeof(section), "profile \"%s\" { kind = \"chain\" server = \"%s\" file = \"%s\" }", p->name,
                 ip4_text(p->server, server), p->file);
        json_object_set_new(run->wanted, section, json_true());
        snprintf(why, why_size, "wants the profile %s in dompoold.conf", p->name);
        return false;
}

static enum result
apply_plan(struct run *run, struct import_plan *plan, char *why, size_t why_size)
{
        bool apply = run->c->opt[OPT_APPLY] != NULL;
        const json_t *present = find_present(run, &plan->host);

        if (present) {
                say_difference(present, &plan->host, why, why_size);
                return RESULT_PRESENT;
        }
        if (!has_profile(run, plan, why, why_size))
                return apply ? RESULT_LEFT : RESULT_PLANNED;
        return apply ? put_host(run, &plan->host, why, why_size) : RESULT_PLANNED;
}

static void
do_host(struct run *run, const struct import_host *h)
{
        char why[TEXT_SIZE] = "", boots[TEXT_SIZE], where[TEXT_SIZE];
        struct import_plan plan = {0};
        enum result result =
                import_plan(&run->im, h, &plan, why, sizeof(why)) ? RESULT_LEFT : apply_plan(run, &plan, why, sizeof(why));
        json_t *json = json_pack("{s:s,s:s,s:s,s:s}", "name", h->name, "result", result_names[result], "why", why, "profile",
                                 result == RESULT_LEFT ? "" : plan.host.profile);
        char text[MAC_TEXT_SIZE + IP4_TEXT_SIZE];

        run->n_refused += result == RESULT_REFUSED;
        json_object_set_new(json, "mac", json_string(mac_text(&h->mac, text)));
        json_object_set_new(json, "address", json_string(h->address ? ip4_text(h->address, text) : ""));
        json_object_set_new(json, "arch", json_string(import_host_arch(h)));
        json_object_set_new(json, "boots", json_string(import_boot_text(&run->im, h, boots, sizeof(boots))));
        snprintf(where, sizeof(where), h->line ? "%s:%u" : "%s", h->at, h->line);
        json_object_set_new(json, "from", json_string(where));
        json_array_append_new(run->results, json);
}

static int
do_hosts(struct run *run, struct error *err)
{
        json_t *hosts = NULL, *profiles = NULL;
        int r = 0;

        if (run->c->opt[OPT_APPLY]) {
                r = ctl_get(run->c, &hosts, err, "/v1/hosts");
                if (r == 0)
                        r = ctl_get(run->c, &profiles, err, "/v1/profiles");
                index_present(run, json_object_get(hosts, "hosts"));
                run->profiles = json_object_get(profiles, "profiles");
        }
        run->results = json_array();
        run->wanted = json_object();
        for (size_t i = 0; r == 0 && i < run->im.n_hosts; i++)
                do_host(run, run->im.hosts[i]);
        json_decref(run->by_mac);
        json_decref(run->by_name);
        json_decref(hosts);
        json_decref(profiles);
        return r;
}

/* ---- output ---- */

static const struct ctl_column host_columns[] = {
        {"NAME", "name"},     {"MAC", "mac"},         {"ADDRESS", "address"}, {"FIRMWARE", "arch"},
        {"RESULT", "result"}, {"PROFILE", "profile"}, {"FROM", "from"},       {"BOOTS", "boots", .elastic = true},
};

static void
print_note(const struct import_note *n)
{
        char thing[sizeof(n->thing)], why[sizeof(n->why)], todo[sizeof(n->todo)], file[sizeof(n->file)];

        printf("  %s", ctl_clean(n->file, file, sizeof(file)));
        if (n->line)
                printf(":%u", n->line);
        printf(": %s: %s", ctl_clean(n->thing, thing, sizeof(thing)), ctl_clean(n->why, why, sizeof(why)));
        if (*n->todo)
                printf("; %s", ctl_clean(n->todo, todo, sizeof(todo)));
        putchar('\n');
}

static void
print_notes(const struct import *im)
{
        static const struct {
                enum import_note_kind kind;
                const char *head;
        } groups[] = {
                {IMPORT_NOTE_WARNING, "Look at these"},
                {IMPORT_NOTE_NOT_APPLIED, "Understood, not taken over"},
                {IMPORT_NOTE_UNKNOWN, "Not understood"},
                {IMPORT_NOTE_IGNORED, "No part of booting, or dompool's own business"},
        };

        for (size_t g = 0; g < N_ELEMENTS(groups); g++) {
                bool any = false;

                for (size_t i = 0; i < im->n_notes; i++) {
                        if (im->notes[i].kind != (uint32_t)groups[g].kind)
                                continue;
                        if (!any)
                                printf("\n%s:\n", groups[g].head);
                        any = true;
                        print_note(&im->notes[i]);
                }
        }
        if (im->n_notes_lost)
                printf("\n%zu more notes are not shown\n", im->n_notes_lost);
}

static void
print_reasons(const json_t *results)
{
        char why[TEXT_SIZE];
        const json_t *one;
        bool any = false;
        size_t i;

        json_array_foreach(results, i, one)
        {
                if (!*ctl_string(one, "why"))
                        continue;
                if (!any)
                        printf("\nHosts:\n");
                any = true;
                printf("  %s: %s: %s\n", ctl_string(one, "name"), ctl_string(one, "result"),
                       ctl_clean(ctl_string(one, "why"), why, sizeof(why)));
        }
}

static void
print_menu(const struct import *im, const struct import_menu *m)
{
        char text[TEXT_SIZE], clean[TEXT_SIZE];

        printf("  %s%s\n", ctl_clean(m->path, clean, sizeof(clean)), m->password ? " (password)" : "");
        for (uint32_t i = 0; i < m->n_entries; i++) {
                const struct import_entry *e = &im->entries[m->first_entry + i];

                printf("    %c %s%s: ", m->has_default && i == m->default_entry ? '*' : ' ',
                       ctl_clean(e->title, clean, sizeof(clean)), e->password ? " (password)" : "");
                printf("%s\n", ctl_clean(import_entry_text(e, text, sizeof(text)), clean, sizeof(clean)));
        }
}

/* Those with a choice; what a menu of one entry boots stands at its hosts. */
static void
print_menus(const struct import *im)
{
        unsigned n = 0;

        for (const struct import_menu *m = im->menus; m; m = m->hh.next) {
                if (m->n_entries < 2)
                        continue;
                if (n++ == 0)
                        printf("\nMenus (* is the default):\n");
                if (n <= MENUS_SHOWN)
                        print_menu(im, m);
        }
        if (n > MENUS_SHOWN)
                printf("  %u more; see --json\n", n - MENUS_SHOWN);
}

static void
print_wanted(json_t *wanted)
{
        const char *section;
        json_t *value;

        if (json_object_size(wanted) > 0)
                printf("\nWanted in dompoold.conf; with them, import again:\n");
        json_object_foreach(wanted, section, value)
        {
                printf("  %s\n", section);
        }
}

static json_t *
wanted_json(json_t *wanted)
{
        json_t *list = json_array(), *value;
        const char *section;

        json_object_foreach(wanted, section, value)
        {
                json_array_append_new(list, json_string(section));
        }
        return list;
}

static int
print_run(struct run *run, struct error *err)
{
        enum ctl_output output;
        json_t *answer = import_json(&run->im);
        int r = ctl_output(run->c, &output, err);

        if (!answer)
                return error_set(err, ERR_NO_SPACE, "out of memory");
        json_object_set(answer, "results", run->results);
        json_object_set_new(answer, "wanted", wanted_json(run->wanted));
        if (r == 0)
                r = ctl_print_list(run->c, answer, "results", "name", host_columns, N_ELEMENTS(host_columns), err);
        if (r == 0 && output == CTL_OUT_TABLE) {
                print_reasons(run->results);
                print_wanted(run->wanted);
                print_menus(&run->im);
                print_notes(&run->im);
                if (!run->c->opt[OPT_APPLY])
                        printf("\nNothing was changed; --apply adds the hosts.\n");
        }
        json_decref(answer);
        return r;
}

int
cmd_import(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct run run = {.c = c};
        int r = 0;

        import_init(&run.im, &import_files_io);
        for (int i = 0; r == 0 && i < argc; i++)
                r = import_source(&run.im, argv[i], c->opt[OPT_FORMAT], err);
        if (r == 0)
                r = import_finish(&run.im, err);
        if (r == 0)
                r = do_hosts(&run, err);
        if (r == 0)
                r = print_run(&run, err);
        if (r == 0 && run.n_refused)
                r = error_set(err, ERR_STATE, "the server refused %zu of %zu hosts", run.n_refused, run.im.n_hosts);
        json_decref(run.results);
        json_decref(run.wanted);
        import_deinit(&run.im);
        return r;
}
