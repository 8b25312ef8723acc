/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads dompoold.conf(5) with libconfuse. Which options there are and what each may hold is in config_schema.c, what only the
 * whole shows in config_check.c. Runs in the parent (and in `dompoold -n`), before any role is started.
 *
 * libconfuse sees every option as a text; its validation callbacks come right behind a value, while it still knows file and
 * line, and convert the text there. So every message has its place.
 */
#include "server/config.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bootcfg/loader.h"
#include "server/config_check.h"
#include "server/config_network.h"

#define MAX_SECTION_OPTIONS 32
#define MENU_TIMEOUT_S 10

/* What is known while a file is read. */
struct reader {
        struct config *config;
        struct config_places *places;
        struct error *err;
        cfg_t *top;               /* knows the present file; sections do not */
        cfg_t *section;           /* the one of a list that is being read */
        uint32_t seen[SECTION_N]; /* bits of the options of the present section that were given */
        cfg_t *entry;             /* of a menu, being read */
        uint32_t n_entries;
        struct menu_entry entries[MENU_MAX_ENTRIES];
};

/* libconfuse's callbacks have no argument of the caller's: this one pointer is set while cfg_parse runs, which is never nested.
 */
static struct reader *reader_now;

DEFINE_CLEANUP(cfg_t *, cfg_free)
DEFINE_CLEANUP(struct config *, config_free)
DEFINE_CLEANUP(struct config_places *, config_places_free)

static struct config_place
place_now(struct reader *rd, const cfg_t *cfg)
{
        const char *name = rd->top->filename ? rd->top->filename : "?";
        size_t size = strlen(name) + 1;
        struct config_file_name *f;

        if (!rd->places->files || strcmp(rd->places->files->text, name) != 0) {
                f = malloc(sizeof(*f) + size);
                if (!f)
                        return (struct config_place){"?", cfg->line};
                f->next = rd->places->files;
                memcpy(f->text, name, size);
                rd->places->files = f;
        }
        return (struct config_place){rd->places->files->text, cfg->line};
}

/* The first error counts; what follows it is confusion. */
static void on_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
        struct error *err = reader_now->err;
        struct config_place at;
        char text[700];

        if (err->code != ERR_NONE)
                return;
        vsnprintf(text, sizeof(text), fmt, ap);
        at = place_now(reader_now, cfg);
        error_set(err, ERR_CONFIG, "%s:%d: %s", at.file, at.line, text);
}

static enum config_section
section_of(cfg_t *cfg)
{
        for (int s = SECTION_TOP + 1; s < SECTION_N; s++)
                if (strcmp(cfg_name(cfg), config_section_names[s]) == 0)
                        return s;
        return SECTION_TOP;
}

/* Sections that may stand several times, with a title: each is a record of an array in struct config. */
struct section_list {
        size_t count, records; /* offsets in struct config */
        size_t size;           /* of a record */
        uint32_t limit;        /* 0: the section is none of these */
};
#define LIST(MEMBER, LIMIT)                                                                                                    \
        {                                                                                                                      \
                offsetof(struct config, n_##MEMBER), offsetof(struct config, MEMBER), sizeof(((struct config *)0)->MEMBER[0]), \
                        LIMIT                                                                                                  \
        }
static const struct section_list section_lists[SECTION_N] = {
        [SECTION_SUBNET] = LIST(subnets, CONFIG_MAX_SUBNETS),    [SECTION_TOKEN] = LIST(tokens, CONFIG_MAX_TOKENS),
        [SECTION_PROFILE] = LIST(profiles, CONFIG_MAX_PROFILES), [SECTION_MENU] = LIST(menus, CONFIG_MAX_MENUS),
        [SECTION_RULE] = LIST(rules, CONFIG_MAX_RULES),          [SECTION_HOST] = LIST(hosts, CONFIG_MAX_HOSTS),
        [SECTION_QUIRK] = LIST(quirks, CONFIG_MAX_QUIRKS),       [SECTION_ENROL] = LIST(enrols, CONFIG_MAX_ENROLS),
};

/* An entry of the menu being read. It ends before its menu does, which then takes all of them. */
static void *
entry_record(struct reader *rd, cfg_t *cfg)
{
        if (rd->entry != cfg) {
                if (rd->n_entries == MENU_MAX_ENTRIES) {
                        cfg_error(cfg, "too many entries: the limit is %d", MENU_MAX_ENTRIES);
                        return NULL;
                }
                rd->entry = cfg;
                rd->seen[SECTION_ENTRY] = 0;
                rd->entries[rd->n_entries++] = (struct menu_entry){0};
        }
        return &rd->entries[rd->n_entries - 1];
}

/* The struct that the options of a section are fields of. One of a list that begins is added here. NULL: no more room. */
static void *
section_record(struct reader *rd, cfg_t *cfg, enum config_section section)
{
        const struct section_list *l = &section_lists[section];
        uint8_t *c = (uint8_t *)rd->config;
        uint32_t *n = (uint32_t *)(void *)(c + l->count);

        if (section == SECTION_ENTRY)
                return entry_record(rd, cfg);
        if (l->limit == 0)
                return c;
        if (rd->section != cfg) {
                if (*n == l->limit) {
                        cfg_error(cfg, "too many %ss: the limit is %u", config_section_names[section], l->limit);
                        return NULL;
                }
                rd->section = cfg;
                rd->seen[section] = 0;
                ++*n;
                if (section == SECTION_SUBNET)
                        config_network_unset(&rd->config->subnets[*n - 1]);
        }
        return c + l->records + (*n - 1) * l->size;
}

/* Position of an option within its section, for the bits of reader.seen. */
static unsigned
option_bit(const struct config_option *o)
{
        unsigned n = 0;

        for (const struct config_option *p = config_options; p != o; p++)
                n += p->section == o->section;
        assert(n < MAX_SECTION_OPTIONS);
        return 1u << n;
}

static const struct config_option *
option_find(enum config_section section, const char *name)
{
        for (size_t i = 0; i < config_n_options; i++)
                if (config_options[i].section == section && strcmp(config_options[i].name, name) == 0)
                        return &config_options[i];
        return NULL;
}

/* 0 or -1, libconfuse's way. */
static int
on_option(cfg_t *cfg, cfg_opt_t *opt)
{
        struct reader *rd = reader_now;
        enum config_section section = section_of(cfg);
        const struct config_option *o = option_find(section, cfg_opt_name(opt));
        const char *text = cfg_opt_getstr(opt);
        struct error err = {0};
        uint8_t *record = section_record(rd, cfg, section);
        unsigned bit = option_bit(o);
        int r;

        if (!record)
                return -1;
        if (rd->seen[section] & bit) {
                cfg_error(cfg, "%s is given twice", o->name);
                return -1;
        }
        rd->seen[section] |= bit;
        if (!*text && (o->by_default || o->required)) {
                cfg_error(cfg, "%s is empty: it must be %s", o->name, o->type->form);
                return -1;
        }
        r = o->type->parse(o, text, record + o->offset, &err);
        if (r == 0)
                return 0;
        if (err.code != ERR_NONE)
                cfg_error(cfg, "%s", err.message);
        else
                cfg_error(cfg, "%s '%s' must be %s", o->name, text, o->type->form);
        return -1;
}

static int
missing_option(struct reader *rd, cfg_t *cfg, enum config_section section, const char *title)
{
        for (size_t i = 0; i < config_n_options; i++) {
                const struct config_option *o = &config_options[i];

                if (o->section != section || !o->required || (rd->seen[section] & option_bit(o)))
                        continue;
                cfg_error(cfg, "%s%s%s%s has no %s", config_section_names[section], title ? " '" : "", title ? title : "",
                          title ? "'" : "", o->name);
                return -1;
        }
        return 0;
}

static int
host_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct host *h)
{
        struct config *c = rd->config;
        struct error err = {0};
        char mac[MAC_TEXT_SIZE], address[IP4_TEXT_SIZE];
        uint32_t n = c->n_hosts - 1;

        if (!str_copy(h->name, sizeof(h->name), cfg_title(sec))) {
                cfg_error(cfg, "a host's name is too long: the limit is %d", NAME_SIZE - 1);
                return -1;
        }
        h->configured = true;
        rd->places->hosts[n] = place_now(rd, cfg);
        if (host_check(h, &err) < 0 || loader_check(h->loader, &err) < 0) {
                cfg_error(cfg, "%s", err.message);
                return -1;
        }
        for (uint32_t i = 0; i < n; i++) {
                const struct host *other = &c->hosts[i];

                if (mac_eq(&h->mac, &other->mac))
                        cfg_error(cfg, "host '%s' has the MAC address %s of host '%s' (which ends in line %d)", h->name,
                                  mac_text(&h->mac, mac), other->name, rd->places->hosts[i].line);
                else if (h->address && h->address == other->address)
                        cfg_error(cfg, "host '%s' has the address %s of host '%s' (which ends in line %d)", h->name,
                                  ip4_text(h->address, address), other->name, rd->places->hosts[i].line);
                else
                        continue;
                return -1;
        }
        return 0;
}

/* A title that is a name; into @dst. 0 or -1. */
static int
take_title(cfg_t *cfg, cfg_t *sec, char dst[NAME_SIZE])
{
        if (name_ok(cfg_title(sec))) {
                str_copy(dst, NAME_SIZE, cfg_title(sec));
                return 0;
        }
        cfg_error(cfg, "%s name '%s' must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit", cfg_name(sec),
                  cfg_title(sec));
        return -1;
}

static int
subnet_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct config_network *n)
{
        rd->places->networks[rd->config->n_subnets] = place_now(rd, cfg);
        return take_title(cfg, sec, n->name);
}

/* The answer of a check that knows no file: with the place put before it. */
static int
checked(cfg_t *cfg, int r, const struct error *err)
{
        if (r < 0)
                cfg_error(cfg, "%s", err->message);
        return r < 0 ? -1 : 0;
}

static int
profile_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct profile *p)
{
        const struct profile *known;
        struct error err = {0};

        rd->places->profiles[rd->config->n_profiles - 1] = place_now(rd, cfg);
        known = config_profile_built_in(cfg_title(sec));
        if (known && known->kind != p->kind) { /* "local" is always the host's own disk */
                cfg_error(cfg, "profile '%s' is built in with kind \"%s\", which cannot be changed", known->name,
                          profile_kind_names[known->kind]);
                return -1;
        }
        return take_title(cfg, sec, p->name) < 0 ? -1 : checked(cfg, profile_check(p, &err), &err);
}

static int
entry_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct menu_entry *e)
{
        rd->entry = NULL;
        if (str_copy(e->title, sizeof(e->title), cfg_title(sec)))
                return 0;
        cfg_error(cfg, "an entry's title is too long: the limit is %zu", sizeof(e->title) - 1);
        return -1;
}

static int
menu_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct menu *m)
{
        struct error err = {0};

        rd->places->menus[rd->config->n_menus - 1] = place_now(rd, cfg);
        m->n_entries = rd->n_entries;
        memcpy(m->entries, rd->entries, sizeof(m->entries));
        rd->n_entries = 0;
        if (m->timeout == 0)
                m->timeout = MENU_TIMEOUT_S;
        return take_title(cfg, sec, m->name) < 0 ? -1 : checked(cfg, menu_check(m, &err), &err);
}

static int
rule_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct rule *r)
{
        struct error err = {0};

        rd->places->rules[rd->config->n_rules - 1] = place_now(rd, cfg);
        return take_title(cfg, sec, r->name) < 0 ? -1 : checked(cfg, rule_check(r, &err), &err);
}

static int
enrol_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct enrol_rule *r)
{
        struct error err = {0};

        rd->places->enrols[rd->config->n_enrols - 1] = place_now(rd, cfg);
        return take_title(cfg, sec, r->name) < 0 ? -1 : checked(cfg, enrol_rule_check(r, &err), &err);
}

/* The configuration's own come first; one of the file gives way to them. */
static int
quirk_end(struct reader *rd, cfg_t *cfg, cfg_t *sec, struct quirk *q)
{
        struct config *c = rd->config;
        struct error err = {0};

        if (take_title(cfg, sec, q->name) < 0)
                return -1;
        if (checked(cfg, quirk_check(q, &err), &err) < 0 || checked(cfg, loader_check(q->loader, &err), &err) < 0)
                return -1;
        for (uint32_t i = 0; i + 1 < c->n_quirks; i++)
                if (strcmp(c->quirks[i].name, q->name) == 0) {
                        c->n_quirks--;
                        *q = (struct quirk){0};
                        break;
                }
        return 0;
}

static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
        struct reader *rd = reader_now;
        cfg_t *sec = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
        enum config_section section = section_of(sec);
        const char *title = cfg_title(sec);
        uint8_t *record = section_record(rd, sec, section); /* a section without any option begins here */

        if (!record || missing_option(rd, cfg, section, title) < 0)
                return -1;
        switch (section) {
        case SECTION_NETWORK:
                rd->places->networks[0] = place_now(rd, cfg);
                return 0;
        case SECTION_SUBNET:
                rd->section = NULL;
                return subnet_end(rd, cfg, sec, (struct config_network *)record);
        case SECTION_PROFILE:
                rd->section = NULL;
                return profile_end(rd, cfg, sec, (struct profile *)record);
        case SECTION_MENU:
                rd->section = NULL;
                return menu_end(rd, cfg, sec, (struct menu *)record);
        case SECTION_ENTRY:
                return entry_end(rd, cfg, sec, (struct menu_entry *)record);
        case SECTION_RULE:
                rd->section = NULL;
                return rule_end(rd, cfg, sec, (struct rule *)record);
        case SECTION_ENROL:
                rd->section = NULL;
                return enrol_end(rd, cfg, sec, (struct enrol_rule *)record);
        case SECTION_HOST:
                rd->section = NULL;
                return host_end(rd, cfg, sec, (struct host *)record);
        case SECTION_QUIRK:
                rd->section = NULL;
                return quirk_end(rd, cfg, sec, (struct quirk *)record);
        case SECTION_TOKEN:
                rd->section = NULL;
                return take_title(cfg, sec, ((struct config_token *)record)->name);
        default:
                return 0;
        }
}

/* libconfuse's table of one section, made from the schema; @more is what the section holds besides options. */
static void
make_opts(enum config_section section, cfg_opt_t opts[MAX_SECTION_OPTIONS], const cfg_opt_t *more, size_t n_more)
{
        const cfg_opt_t end = CFG_END();
        size_t n = 0;

        for (size_t i = 0; i < config_n_options; i++) {
                /* libconfuse keeps the name and copies it: it never writes to it. */
                const cfg_opt_t o = CFG_STR((char *)config_options[i].name, NULL, CFGF_NODEFAULT);

                if (config_options[i].section != section)
                        continue;
                assert(n + n_more + 1 < MAX_SECTION_OPTIONS);
                opts[n] = o;
                opts[n++].validcb = on_option;
        }
        for (size_t i = 0; i < n_more; i++) {
                opts[n] = more[i];
                if (more[i].type == CFGT_SEC)
                        opts[n].validcb = on_section;
                n++;
        }
        opts[n] = end;
}

static void
set_defaults(struct config *c)
{
        for (size_t i = 0; i < config_n_options; i++) {
                const struct config_option *o = &config_options[i];
                struct error err = {0};
                int r;

                if (!o->by_default)
                        continue;
                r = o->type->parse(o, o->by_default, (uint8_t *)c + o->offset, &err);
                assert(r == 0); /* our own table */
        }
}

/* Reads @file by @cfg's table, without a look at the whole. */
static int
parse_options(struct reader *rd, const char *file, cfg_t *cfg)
{
        int r;

        cfg_set_error_function(cfg, on_error);
        rd->top = cfg;
        reader_now = rd;
        r = cfg_parse(cfg, file);
        reader_now = NULL;
        if (r == CFG_FILE_ERROR)
                return error_errno_set(rd->err, errno, "cannot read the configuration '%s'", file);
        if (r != CFG_SUCCESS)
                return rd->err->code != ERR_NONE ? error_to_errno(rd->err->code)
                                                 : error_set(rd->err, ERR_CONFIG, "%s: cannot be understood", file);
        return 0;
}

/* The file of quirks has nothing else in it. Where nobody installed one there is none. */
static int
parse_quirks(struct reader *rd, cfg_opt_t *quirk_opts)
{
        cfg_opt_t in_file[] = {CFG_SEC("quirk", quirk_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES), CFG_END()};
        const char *file = rd->config->quirks_file;
        CLEANUP(cfg_free) cfg_t *cfg = NULL;

        if (!*file || access(file, F_OK) < 0)
                return 0;
        in_file[0].validcb = on_section;
        cfg = cfg_init(in_file, CFGF_NONE);
        return cfg ? parse_options(rd, file, cfg) : error_errno_set(rd->err, ENOMEM, "configuration");
}

int
config_read(const char *file, struct config **ret, struct config_places **ret_places, struct error *err)
{
        cfg_opt_t token_opts[MAX_SECTION_OPTIONS], network_opts[MAX_SECTION_OPTIONS], api_opts[MAX_SECTION_OPTIONS];
        cfg_opt_t subnet_opts[MAX_SECTION_OPTIONS], host_opts[MAX_SECTION_OPTIONS], top_opts[MAX_SECTION_OPTIONS];
        const cfg_opt_t in_api[] = {CFG_SEC("token", token_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)};
        cfg_opt_t profile_opts[MAX_SECTION_OPTIONS], menu_opts[MAX_SECTION_OPTIONS], entry_opts[MAX_SECTION_OPTIONS];
        cfg_opt_t rule_opts[MAX_SECTION_OPTIONS], quirk_opts[MAX_SECTION_OPTIONS], enrol_opts[MAX_SECTION_OPTIONS];
        cfg_opt_t enrolment_opts[MAX_SECTION_OPTIONS], export_opts[MAX_SECTION_OPTIONS];
        const cfg_opt_t in_menu[] = {CFG_SEC("entry", entry_opts, CFGF_MULTI | CFGF_TITLE)};
        const cfg_opt_t in_top[] = {
                CFG_SEC("profile", profile_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_SEC("menu", menu_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_SEC("rule", rule_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_SEC("network", network_opts, CFGF_NONE),
                CFG_SEC("subnet", subnet_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_SEC("api", api_opts, CFGF_NONE),
                CFG_SEC("quirk", quirk_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_SEC("export", export_opts, CFGF_NONE),
                CFG_SEC("enrolment", enrolment_opts, CFGF_NONE),
                CFG_SEC("enrol", enrol_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_SEC("host", host_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                CFG_FUNC("include", cfg_include),
        };
        CLEANUP(config_free) struct config *c = calloc(1, sizeof(*c));
        CLEANUP(config_places_free) struct config_places *places = calloc(1, sizeof(*places));
        struct reader rd = {.config = c, .places = places, .err = err};
        CLEANUP(cfg_free) cfg_t *cfg = NULL;
        int r;

        if (!c || !places)
                return error_errno_set(err, ENOMEM, "configuration");
        *err = (struct error){0};
        make_opts(SECTION_TOKEN, token_opts, NULL, 0);
        make_opts(SECTION_NETWORK, network_opts, NULL, 0);
        make_opts(SECTION_SUBNET, subnet_opts, NULL, 0);
        make_opts(SECTION_API, api_opts, in_api, N_ELEMENTS(in_api));
        make_opts(SECTION_PROFILE, profile_opts, NULL, 0);
        make_opts(SECTION_ENTRY, entry_opts, NULL, 0);
        make_opts(SECTION_MENU, menu_opts, in_menu, N_ELEMENTS(in_menu));
        make_opts(SECTION_RULE, rule_opts, NULL, 0);
        make_opts(SECTION_QUIRK, quirk_opts, NULL, 0);
        make_opts(SECTION_EXPORT, export_opts, NULL, 0);
        make_opts(SECTION_ENROLMENT, enrolment_opts, NULL, 0);
        make_opts(SECTION_ENROL, enrol_opts, NULL, 0);
        make_opts(SECTION_HOST, host_opts, NULL, 0);
        make_opts(SECTION_TOP, top_opts, in_top, N_ELEMENTS(in_top));
        set_defaults(c);
        cfg = cfg_init(top_opts, CFGF_NONE);
        if (!cfg)
                return error_errno_set(err, ENOMEM, "configuration");
        r = parse_options(&rd, file, cfg);
        if (r == 0)
                r = config_check(c, places, file, err);
        if (r == 0)
                r = parse_quirks(&rd, quirk_opts);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        if (ret_places)
                *ret_places = TAKE_PTR(places);
        return 0;
}

void
config_free(struct config *c)
{
        free(c);
}

void
config_places_free(struct config_places *p)
{
        while (p && p->files) {
                struct config_file_name *f = p->files;

                p->files = f->next;
                free(f);
        }
        free(p);
}
