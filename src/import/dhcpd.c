/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads dhcpd.conf of ISC DHCP (dhcpd.conf(5), dhcp-options(5)) into scopes: a table of statements says what each one is. What
 * a host is given in the end is worked out in dhcpd_host.c. Pure.
 */
#include "import/dhcpd.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A statement where it stands. */
struct stand {
        struct dhcpd *d;
        struct dhcpd_scope *scope;
        struct dhcpd_file *file;
        const struct brace_statement *s;
        const struct brace_word *w;
        struct import_place at;
};

typedef int (*statement_reader)(const struct stand *x);

static int read_block(struct dhcpd *d, struct dhcpd_scope *scope, struct dhcpd_file *f, const struct brace_statement *block);

/* ---- growing ---- */

static struct dhcpd_scope *
scope_add(struct dhcpd *d, struct dhcpd_scope *parent, enum dhcpd_scope_kind kind)
{
        struct dhcpd_scope *s;

        if (import_grow(&d->scopes, &d->scopes_size, d->n_scopes, sizeof(struct dhcpd_scope *), DHCPD_MAX_SCOPES,
                        "declarations", d->err) < 0)
                return NULL;
        s = calloc(1, sizeof(*s));
        if (!s) {
                error_set(d->err, ERR_NO_SPACE, "out of memory");
                return NULL;
        }
        s->kind = kind;
        s->parent = parent;
        return d->scopes[d->n_scopes++] = s;
}

static int
item_add(const struct stand *x, enum dhcpd_item_kind kind, struct dhcpd_scope *branch)
{
        struct dhcpd_scope *s = x->scope;
        size_t skip = kind == ITEM_STATEMENT ? 0 : kind == ITEM_ELSIF && strcasecmp(x->w[0].text, "else") == 0 ? 2 : 1;

        if (import_grow(&s->items, &s->items_size, s->n_items, sizeof(*s->items), DHCPD_MAX_SCOPES, "statements", x->d->err) <
            0)
                return error_to_errno(x->d->err->code);
        s->items[s->n_items++] = (struct dhcpd_item){
                .kind = kind, .statement = x->s, .words = x->w + skip, .n_words = x->s->n_words - skip, .branch = branch};
        return 0;
}

/* ---- notes ---- */

/* "range 10.0.0.100 10.0.0.200": the statement's first words. */
static const char *
thing_of(const struct stand *x, char *buf, size_t size)
{
        buf[0] = '\0';
        for (size_t i = 0; i < x->s->n_words && i < 8; i++)
                if (strcmp(x->w[i].text, ",") != 0 && !import_append(buf, size, x->w[i].text))
                        break;
        return buf;
}

static int
note(const struct stand *x, enum import_note_kind kind, const char *todo, const char *why)
{
        char thing[120];

        import_note(x->d->im, kind, &x->at, thing_of(x, thing, sizeof(thing)), todo, "%s", why);
        return 0;
}

static int
ignored(const struct stand *x, const char *why)
{
        return note(x, IMPORT_NOTE_IGNORED, "", why);
}

static int
unknown(const struct stand *x, const char *why)
{
        return note(x, IMPORT_NOTE_UNKNOWN, "", why);
}

/* ---- statements with an effect ---- */

static int
read_effect(const struct stand *x)
{
        return x->s->n_words == 2 ? item_add(x, ITEM_STATEMENT, NULL) : unknown(x, "one value is wanted");
}

static int
read_next_server(const struct stand *x)
{
        uint32_t address;

        if (x->s->n_words == 2 && parse_ip4(x->w[1].text, &address) < 0)
                return note(x, IMPORT_NOTE_UNKNOWN, "write its address", "is no IPv4 address; names are not looked up here");
        return read_effect(x);
}

/* allow, deny, ignore */
static int
read_permit(const struct stand *x)
{
        if (x->s->n_words == 2 && strcasecmp(x->w[1].text, "booting") == 0)
                return item_add(x, ITEM_STATEMENT, NULL);
        return ignored(x, "dompool answers the hosts that it knows and nobody else");
}

static const char *const network_options[] = {
        "subnet-mask",          "routers",           "domain-name-servers", "domain-name",     "broadcast-address",
        "ntp-servers",          "domain-search",     "time-offset",         "time-servers",    "log-servers",
        "netbios-name-servers", "netbios-node-type", "interface-mtu",       "host-name",       "nis-domain",
        "nis-servers",          "lpr-servers",       "static-routes",       "dhcp-lease-time", "dhcp-server-identifier",
};

/* option NAME code 150 = text; */
static int
define_option(const struct stand *x)
{
        struct dhcpd *d = x->d;
        uint32_t code;

        if (parse_u32(x->w[3].text, 65535, &code) < 0)
                return unknown(x, "an option's code is a number");
        if (strchr(x->w[1].text, '.')) /* of an option space; its codes are not DHCP's */
                return 0;
        if (import_grow(&d->options, &d->options_size, d->n_options, sizeof(*d->options), DHCPD_MAX_OPTIONS, "options",
                        d->err) < 0)
                return error_to_errno(d->err->code);
        import_copy(d->options[d->n_options].name, sizeof(d->options[0].name), x->w[1].text);
        d->options[d->n_options++].code = code;
        return 0;
}

static int
read_option(const struct stand *x)
{
        const char *name = x->s->n_words > 1 ? x->w[1].text : "";

        if (x->s->n_words < 3)
                return unknown(x, "an option has a name and a value");
        if (x->s->n_words > 4 && strcasecmp(x->w[2].text, "code") == 0)
                return define_option(x);
        if (strcasecmp(name, "space") == 0)
                return 0;
        if (strchr(name, '.'))
                return strncmp(name, "pxelinux.", 9) == 0 ? item_add(x, ITEM_STATEMENT, NULL)
                                                          : ignored(x, "dompool writes the vendor's options itself");
        for (size_t i = 0; i < N_ELEMENTS(network_options); i++)
                if (strcasecmp(name, network_options[i]) == 0)
                        return ignored(x, "belongs to the network: section network of dompoold.conf");
        switch (dhcpd_option_by_name(x->d, name)) {
        case 43:
        case 60:
                return ignored(x, "dompool writes the vendor's options itself");
        case 66:
        case 67:
        case 150:
        case 209:
        case 210:
                return item_add(x, ITEM_STATEMENT, NULL);
        case 17:
                return note(x, IMPORT_NOTE_NOT_APPLIED, "", "a node image has its own root");
        default:
                return note(x, IMPORT_NOTE_NOT_APPLIED, "", "dompool does not send this option");
        }
}

static int
read_range(const struct stand *x)
{
        size_t first = x->s->n_words > 1 && strcasecmp(x->w[1].text, "dynamic-bootp") == 0 ? 2 : 1;
        uint32_t a, b = 0;
        char todo[120];

        if (x->s->n_words <= first || parse_ip4(x->w[first].text, &a) < 0 ||
            (x->s->n_words > first + 1 && parse_ip4(x->w[first + 1].text, &b) < 0))
                return unknown(x, "one or two IPv4 addresses are wanted");
        snprintf(todo, sizeof(todo), "write range = \"%s-%s\" there", x->w[first].text,
                 x->w[x->s->n_words > first + 1 ? first + 1 : first].text);
        return note(x, IMPORT_NOTE_NOT_APPLIED, todo,
                    "addresses for hosts without a fixed one: section network of dompoold.conf");
}

/* ---- blocks ---- */

static int
read_scope(const struct stand *x, enum dhcpd_scope_kind kind, struct dhcpd_scope **ret)
{
        *ret = scope_add(x->d, x->scope, kind);
        return *ret ? read_block(x->d, *ret, x->file, x->s) : error_to_errno(x->d->err->code);
}

static int
read_group(const struct stand *x)
{
        struct dhcpd_scope *s;

        return read_scope(x, strcasecmp(x->w[0].text, "pool") == 0 ? SCOPE_POOL : SCOPE_GROUP, &s);
}

static int
read_network(const struct stand *x)
{
        struct dhcpd_scope *s;

        return read_scope(x, SCOPE_NETWORK, &s);
}

static int
read_subnet(const struct stand *x)
{
        struct dhcpd *d = x->d;
        struct dhcpd_scope *s;
        uint32_t net, mask;
        char todo[100];

        if (x->s->n_words != 4 || parse_ip4(x->w[1].text, &net) < 0 || parse_ip4(x->w[3].text, &mask) < 0 ||
            (~mask & (~mask + 1)) != 0)
                return unknown(x, "\"subnet ADDRESS netmask MASK\" is wanted");
        s = scope_add(d, x->scope, SCOPE_SUBNET);
        if (!s || import_grow(&d->subnets, &d->subnets_size, d->n_subnets, sizeof(struct dhcpd_scope *), DHCPD_MAX_SCOPES,
                              "declarations", d->err) < 0)
                return error_to_errno(d->err->code);
        s->net = net & mask;
        s->mask = mask;
        d->subnets[d->n_subnets++] = s;
        snprintf(todo, sizeof(todo), "write subnet = \"%s/%d\" there", x->w[1].text, __builtin_popcount(mask));
        note(x, IMPORT_NOTE_NOT_APPLIED, todo, "the boot LAN is described in section network of dompoold.conf");
        return read_block(d, s, x->file, x->s);
}

static int
read_class(const struct stand *x)
{
        struct dhcpd *d = x->d;
        struct dhcpd_scope *s;

        if (!x->s->has_block)
                return 0;
        if (import_grow(&d->classes, &d->classes_size, d->n_classes, sizeof(struct dhcpd_scope *), DHCPD_MAX_SCOPES,
                        "declarations", d->err) < 0)
                return error_to_errno(d->err->code);
        s = scope_add(d, d->scopes[0], SCOPE_CLASS);
        if (!s)
                return error_to_errno(d->err->code);
        d->classes[d->n_classes++] = s;
        return read_block(d, s, x->file, x->s);
}

static int
read_match(const struct stand *x)
{
        if (x->scope->kind != SCOPE_CLASS || x->s->n_words < 3 || strcasecmp(x->w[1].text, "if") != 0)
                return unknown(x, "only \"match if CONDITION\" in a class is understood; the class is taken as empty");
        x->scope->match =
                (struct dhcpd_item){.kind = ITEM_IF, .statement = x->s, .words = x->w + 2, .n_words = x->s->n_words - 2};
        return 0;
}

static int
read_condition(const struct stand *x)
{
        bool is_else = strcasecmp(x->w[0].text, "else") == 0;
        bool else_if = is_else && x->s->n_words > 1 && strcasecmp(x->w[1].text, "if") == 0;
        enum dhcpd_item_kind kind = strcasecmp(x->w[0].text, "if") == 0 ? ITEM_IF
                                    : is_else && !else_if               ? ITEM_ELSE
                                                                        : ITEM_ELSIF;
        struct dhcpd_scope *branch;
        int r;

        if (!x->s->has_block || (kind == ITEM_ELSE && x->s->n_words != 1))
                return unknown(x, "a condition has a block in braces");
        r = read_scope(x, SCOPE_IF, &branch);
        return r < 0 ? r : item_add(x, kind, branch);
}

/* ---- hosts ---- */

static int
read_hardware(const struct stand *x)
{
        if (x->scope->kind != SCOPE_HOST || x->s->n_words != 3 || strcasecmp(x->w[1].text, "ethernet") != 0 ||
            parse_mac(x->w[2].text, &x->scope->mac) < 0)
                return unknown(x, "\"hardware ethernet MAC\" in a host is wanted");
        x->scope->has_mac = true;
        return 0;
}

static int
read_fixed_address(const struct stand *x)
{
        if (x->scope->kind != SCOPE_HOST || x->s->n_words < 2 || parse_ip4(x->w[1].text, &x->scope->address) < 0)
                return note(x, IMPORT_NOTE_UNKNOWN, "write the address",
                            "an IPv4 address in a host is wanted; names are not looked up here");
        if (x->s->n_words > 2)
                note(x, IMPORT_NOTE_NOT_APPLIED, "", "a host has one fixed address; the first one is taken");
        return 0;
}

static int
read_host(const struct stand *x)
{
        const char *name = x->s->n_words > 1 ? x->w[1].text : "";
        struct dhcpd_scope *s;
        int r = read_scope(x, SCOPE_HOST, &s);

        if (r < 0)
                return r;
        if (!s->has_mac || mac_zero(&s->mac) || (s->mac.b[0] & 1))
                return note(x, IMPORT_NOTE_UNKNOWN, "add 'hardware ethernet MAC;'", "the host has no MAC address of a machine");
        s->host = import_host_add(x->d->im, &x->at, name, &s->mac, x->d->err);
        if (!s->host)
                return error_to_errno(x->d->err->code);
        if (s->address)
                import_host_address(x->d->im, &x->at, s->host, s->address);
        return 0;
}

/* ---- files ---- */

static int read_file(struct dhcpd *d, struct dhcpd_scope *scope, const char *path, const char *text);

static int
read_included(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        const struct stand *x = state;

        (void)im;
        (void)err;
        return read_file(x->d, x->scope, path, text);
}

static int
read_include(const struct stand *x)
{
        char path[IMPORT_PATH_SIZE];

        if (x->s->n_words != 2 || !import_path_beside(path, x->file->path, x->w[1].text))
                return unknown(x, "one file name is wanted");
        return import_include(x->d->im, &x->at, path, false, read_included, (void *)x, x->d->err);
}

#define LEASES "leases and their times are dompoold's own: dompoold.conf"
#define DDNS "dompool changes no name server"
#define FAILOVER "two servers for one LAN: see 'dompoold --satellite'"
#define EVENTS "dompool runs no programs at leases; 'dompool event list' tells of them"

static const struct {
        const char *word;
        statement_reader read; /* NULL: only noted */
        enum import_note_kind kind;
        const char *why;
} statements[] = {
        {"host", read_host},
        {"hardware", read_hardware},
        {"fixed-address", read_fixed_address},
        {"filename", read_effect},
        {"next-server", read_next_server},
        {"option", read_option},
        {"if", read_condition},
        {"elsif", read_condition},
        {"else", read_condition},
        {"group", read_group},
        {"pool", read_group},
        {"subnet", read_subnet},
        {"shared-network", read_network},
        {"class", read_class},
        {"match", read_match},
        {"include", read_include},
        {"range", read_range},
        {"allow", read_permit},
        {"deny", read_permit},
        {"ignore", read_permit},
        {"vendor-option-space", NULL, IMPORT_NOTE_IGNORED, "dompool writes the vendor's options itself"},
        {"site-option-space", NULL, IMPORT_NOTE_IGNORED, "dompool writes the vendor's options itself"},
        {"authoritative", NULL, IMPORT_NOTE_IGNORED, "dompool answers for its own hosts only"},
        {"not", NULL, IMPORT_NOTE_IGNORED, "dompool answers for its own hosts only"},
        {"server-name", NULL, IMPORT_NOTE_IGNORED, "dompool names itself"},
        {"server-identifier", NULL, IMPORT_NOTE_IGNORED, "dompool names itself"},
        {"use-host-decl-names", NULL, IMPORT_NOTE_IGNORED, "dompool always sends a host's name"},
        {"get-lease-hostnames", NULL, IMPORT_NOTE_IGNORED, "dompool always sends a host's name"},
        {"default-lease-time", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"max-lease-time", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"min-lease-time", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"lease-file-name", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"pid-file-name", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"one-lease-per-client", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"ping-check", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"ping-timeout", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"infinite-is-reserved", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"update-static-leases", NULL, IMPORT_NOTE_IGNORED, LEASES},
        {"log-facility", NULL, IMPORT_NOTE_IGNORED, "dompoold logs to standard error, so to the journal"},
        {"local-port", NULL, IMPORT_NOTE_IGNORED, "see dhcp-port in dompoold.conf"},
        {"omapi-port", NULL, IMPORT_NOTE_IGNORED, "dompool has its own API"},
        {"omapi-key", NULL, IMPORT_NOTE_IGNORED, "dompool has its own API"},
        {"ddns-update-style", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"ddns-updates", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"ddns-hostname", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"ddns-domainname", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"ddns-rev-domainname", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"ddns-ttl", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"key", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"zone", NULL, IMPORT_NOTE_IGNORED, DDNS},
        {"failover", NULL, IMPORT_NOTE_IGNORED, FAILOVER},
        {"on", NULL, IMPORT_NOTE_IGNORED, EVENTS},
        {"execute", NULL, IMPORT_NOTE_IGNORED, EVENTS},
        {"log", NULL, IMPORT_NOTE_IGNORED, EVENTS},
        {"subclass", NULL, IMPORT_NOTE_UNKNOWN,
         "members of a class by a list are not read; write what they boot into their hosts"},
        {"spawn", NULL, IMPORT_NOTE_UNKNOWN, "classes that make classes are not read"},
        {"dynamic", NULL, IMPORT_NOTE_UNKNOWN, "only fixed hosts are read"},
        {"lease", NULL, IMPORT_NOTE_UNKNOWN, "this is a lease file; give dhcpd.conf"},
        {"switch", NULL, IMPORT_NOTE_UNKNOWN, "write it with if and elsif"},
        {"subnet6", NULL, IMPORT_NOTE_UNKNOWN, "firmware boots by IPv4 here"},
        {"fixed-address6", NULL, IMPORT_NOTE_UNKNOWN, "firmware boots by IPv4 here"},
        {"dhcp-client-identifier", NULL, IMPORT_NOTE_UNKNOWN, "hosts are known by their MAC"},
        {"host-identifier", NULL, IMPORT_NOTE_UNKNOWN, "hosts are known by their MAC"},
};

static int
read_statement(const struct stand *x)
{
        if (x->s->n_words == 0)
                return unknown(x, "a block without a name");
        for (size_t i = 0; i < N_ELEMENTS(statements); i++)
                if (strcasecmp(x->w[0].text, statements[i].word) == 0)
                        return statements[i].read ? statements[i].read(x) : note(x, statements[i].kind, "", statements[i].why);
        return unknown(x, "is no statement that the importer knows");
}

static int
read_block(struct dhcpd *d, struct dhcpd_scope *scope, struct dhcpd_file *f, const struct brace_statement *block)
{
        int r = 0;

        for (size_t i = block->first; r == 0 && i; i = f->tree.statements[i].next) {
                struct stand x = {.d = d, .scope = scope, .file = f, .s = &f->tree.statements[i]};

                x.w = brace_words(&f->tree, x.s);
                x.at = (struct import_place){f->path, x.s->line};
                r = read_statement(&x);
        }
        return r;
}

/* The tree lives until the hosts are worked out, so it gets a copy of the text. */
static int
read_file(struct dhcpd *d, struct dhcpd_scope *scope, const char *path, const char *text)
{
        struct dhcpd_file *f = calloc(1, sizeof(*f));
        struct import_place at;
        const char *why;
        int r;

        if (!f)
                return error_set(d->err, ERR_NO_SPACE, "out of memory");
        f->next = d->files;
        d->files = f;
        f->text = strdup(text);
        if (!f->text)
                return error_set(d->err, ERR_NO_SPACE, "out of memory");
        str_copy(f->path, sizeof(f->path), path);
        r = brace_parse(&f->tree, f->path, f->text, &at.line, &why, d->err);
        if (r < 0)
                return error_prefix(d->err, "%s", path);
        at.file = f->path;
        if (r > 0)
                import_note(d->im, IMPORT_NOTE_UNKNOWN, &at, "syntax", "mend it (dhcpd -t says the same) and import again",
                            "%s; nothing behind this line was read", why);
        return read_block(d, scope, f, &f->tree.statements[0]);
}

static void
deinit(struct dhcpd *d)
{
        for (struct dhcpd_file *f = d->files, *next; f; f = next) {
                next = f->next;
                brace_deinit(&f->tree);
                free(f->text);
                free(f);
        }
        for (size_t i = 0; i < d->n_scopes; i++) {
                free(d->scopes[i]->items);
                free(d->scopes[i]);
        }
        free(d->scopes);
        free(d->classes);
        free(d->subnets);
        free(d->options);
}

int
import_dhcpd(struct import *im, void *state, const char *path, char *text, struct error *err)
{
        struct dhcpd d = {.im = im, .err = err};
        int r;

        (void)state;
        if (!scope_add(&d, NULL, SCOPE_GLOBAL))
                return error_to_errno(err->code);
        r = read_file(&d, d.scopes[0], path, text);
        if (r == 0)
                dhcpd_hosts(&d);
        deinit(&d);
        return r;
}
