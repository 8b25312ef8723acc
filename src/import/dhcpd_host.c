/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dhcpd would tell each kind of firmware of a host: the scopes from the outermost to the host's own, the later ones
 * winning (dhcpd.conf(5), "DECLARATIONS"; classes lie between the subnet and the host's groups). Pure.
 */
#include <string.h>
#include <strings.h>

#include "import/dhcpd.h"
#include "import/dhcpd_expr.h"

struct answer {
        struct import_loader loader;
        char prefix[IMPORT_PATH_SIZE]; /* option 210 */
        bool denied;
};

struct asking {
        struct dhcpd *d;
        const struct import_client *client;
        struct answer answer;
};

static const struct {
        const char *name;
        unsigned code;
} builtin_options[] = {
        {"host-name", 12},
        {"root-path", 17},
        {"vendor-encapsulated-options", 43},
        {"vendor-class-identifier", 60},
        {"tftp-server-name", 66},
        {"bootfile-name", 67},
        {"user-class", 77},
        {"pxe-system-type", 93},
        {"pxe-interface-id", 94},
        {"pxe-client-id", 97},
        {"tftp-server-address", 150},
        {"loader-configfile", 209},
        {"loader-pathprefix", 210},
        {"pxelinux.configfile", 209},
        {"pxelinux.pathprefix", 210},
        {"arch", 93},
};

unsigned
dhcpd_option_by_name(const struct dhcpd *d, const char *name)
{
        uint32_t code;

        for (size_t i = 0; i < d->n_options; i++)
                if (strcasecmp(d->options[i].name, name) == 0)
                        return d->options[i].code;
        for (size_t i = 0; i < N_ELEMENTS(builtin_options); i++)
                if (strcasecmp(builtin_options[i].name, name) == 0)
                        return builtin_options[i].code;
        if (import_has_prefix(name, "option-") || import_has_prefix(name, "unknown-"))
                return parse_u32(strchr(name, '-') + 1, 254, &code) == 0 ? code : 0;
        return 0;
}

static unsigned
option_code(const void *arg, const char *name)
{
        return dhcpd_option_by_name(arg, name);
}

/* ---- statements ---- */

static void
do_filename(struct asking *a, const struct brace_word *value)
{
        import_copy(a->answer.loader.file, sizeof(a->answer.loader.file), value->text);
}

static void
do_next_server(struct asking *a, const struct brace_word *value)
{
        parse_ip4(value->text, &a->answer.loader.server); /* a name has its note already */
}

static void
do_config(struct asking *a, const struct brace_word *value)
{
        uint32_t address;

        /* Option 150 is a menu to pxeGRUB and a TFTP server's address to Cisco's phones. */
        if (parse_ip4(value->text, &address) < 0)
                import_copy(a->answer.loader.config, sizeof(a->answer.loader.config), value->text);
}

static void
do_prefix(struct asking *a, const struct brace_word *value)
{
        import_copy(a->answer.prefix, sizeof(a->answer.prefix), value->text);
}

static const struct {
        unsigned code;
        void (*apply)(struct asking *a, const struct brace_word *value);
} option_effects[] = {{66, do_next_server}, {67, do_filename}, {150, do_config}, {209, do_config}, {210, do_prefix}};

static void
run_statement(struct asking *a, const struct dhcpd_item *item)
{
        const struct brace_word *w = item->words;
        unsigned code;

        if (item->n_words < 2)
                return;
        if (strcasecmp(w[0].text, "filename") == 0) {
                do_filename(a, &w[1]);
        } else if (strcasecmp(w[0].text, "next-server") == 0) {
                do_next_server(a, &w[1]);
        } else if (strcasecmp(w[1].text, "booting") == 0) {
                a->answer.denied = strcasecmp(w[0].text, "allow") != 0;
        } else if (item->n_words > 2) {
                code = dhcpd_option_by_name(a->d, w[1].text);
                for (size_t i = 0; i < N_ELEMENTS(option_effects); i++)
                        if (code == option_effects[i].code)
                                option_effects[i].apply(a, &w[2]);
        }
}

static bool
holds(struct asking *a, struct dhcpd_item *item)
{
        enum truth t = dhcpd_expr_ask(item->words, item->n_words, a->client, option_code, a->d);

        if (t == TRUTH_UNKNOWN && !item->told) {
                const struct import_place at = {item->statement->file, item->statement->line};

                char condition[100] = "";

                item->told = true;
                for (size_t i = 0; i < item->n_words; i++)
                        import_append(condition, sizeof(condition), item->words[i].text);
                import_note(a->d->im, IMPORT_NOTE_UNKNOWN, &at, condition, "look at what it is for",
                            "the condition asks for more than architecture, vendor class and user class; taken as false");
        }
        return t == TRUTH_TRUE;
}

static void
run_scope(struct asking *a, const struct dhcpd_scope *s)
{
        bool chain_done = false;

        for (size_t i = 0; i < s->n_items; i++) {
                struct dhcpd_item *item = &s->items[i];

                if (item->kind == ITEM_STATEMENT) {
                        run_statement(a, item);
                        continue;
                }
                if (item->kind == ITEM_IF)
                        chain_done = false;
                if (!chain_done && (item->kind == ITEM_ELSE || holds(a, item))) {
                        chain_done = true;
                        run_scope(a, item->branch);
                }
        }
}

/* From the outermost to @s; the global scope and @stop (and what is outside of it) are left out. */
static void
run_chain(struct asking *a, const struct dhcpd_scope *s, const struct dhcpd_scope *stop)
{
        if (!s || s->kind == SCOPE_GLOBAL || s == stop)
                return;
        run_chain(a, s->parent, stop);
        run_scope(a, s);
}

static const struct dhcpd_scope *
subnet_of(const struct dhcpd *d, const struct dhcpd_scope *host)
{
        for (const struct dhcpd_scope *s = host->parent; s; s = s->parent)
                if (s->kind == SCOPE_SUBNET)
                        return s;
        for (size_t i = 0; host->address && i < d->n_subnets; i++)
                if ((host->address & d->subnets[i]->mask) == d->subnets[i]->net)
                        return d->subnets[i];
        return NULL;
}

static void
ask(struct asking *a, const struct dhcpd_scope *host, const struct dhcpd_scope *subnet)
{
        run_scope(a, a->d->scopes[0]);
        run_chain(a, subnet, NULL);
        for (size_t i = 0; i < a->d->n_classes; i++)
                if (a->d->classes[i]->match.statement && holds(a, &a->d->classes[i]->match))
                        run_scope(a, a->d->classes[i]);
        run_chain(a, host, subnet);
}

/* The path prefix stands before what is not absolute. */
static void
put_prefix(struct answer *answer)
{
        char *config = answer->loader.config, joined[IMPORT_PATH_SIZE];

        if (*answer->prefix && *config && *config != '/' && import_path_join(joined, answer->prefix, config))
                memcpy(config, joined, sizeof(joined));
}

void
dhcpd_hosts(struct dhcpd *d)
{
        struct import_loader loaders[IMPORT_N_CLIENTS];

        for (size_t i = 0; i < d->n_scopes; i++) {
                const struct dhcpd_scope *s = d->scopes[i], *subnet;

                if (s->kind != SCOPE_HOST || !s->host)
                        continue;
                subnet = subnet_of(d, s);
                for (size_t k = 0; k < IMPORT_N_CLIENTS; k++) {
                        struct asking a = {.d = d, .client = &import_clients[k]};

                        ask(&a, s, subnet);
                        put_prefix(&a.answer);
                        loaders[k] = a.answer.loader;
                        s->host->denied = a.answer.denied;
                }
                import_host_loaders(s->host, loaders);
        }
}
