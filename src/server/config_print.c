/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration in its canonical form, by the schema (config_schema.c). Runs in `dompoold -nv`. */
#include <string.h>

#include "server/config.h"

/* A value as libconfuse reads it back: quotes, escapes and "${" would mean something inside a string. */
static void
print_quoted(FILE *f, const char *text)
{
        fputc('"', f);
        for (const char *p = text; *p; p++) {
                if (strchr("\"\\$", *p))
                        fputc('\\', f);
                fputc(*p, f);
        }
        fputc('"', f);
}

static void
print_options(FILE *f, enum config_section section, const char *indent, const void *record)
{
        char text[1100];

        for (size_t i = 0; i < config_n_options; i++) {
                const struct config_option *o = &config_options[i];

                if (o->section != section)
                        continue;
                o->type->print(o, (const uint8_t *)record + o->offset, text, sizeof(text));
                if (!*text)
                        continue;
                fprintf(f, "%s%s = ", indent, o->name);
                print_quoted(f, text);
                fputc('\n', f);
        }
}

static void
print_section(FILE *f, enum config_section section, const char *name, const void *record)
{
        fprintf(f, "%s \"%s\" {\n", config_section_names[section], name);
        print_options(f, section, "\t", record);
        fputs("}\n", f);
}

static void
print_menu(FILE *f, const struct menu *m)
{
        fprintf(f, "menu \"%s\" {\n", m->name);
        print_options(f, SECTION_MENU, "\t", m);
        for (uint32_t i = 0; i < m->n_entries; i++) {
                fputs("\tentry ", f);
                print_quoted(f, m->entries[i].title);
                fputs(" {\n", f);
                print_options(f, SECTION_ENTRY, "\t\t", &m->entries[i]);
                fputs("\t}\n", f);
        }
        fputs("}\n", f);
}

void
config_print(const struct config *c, FILE *f)
{
        print_options(f, SECTION_TOP, "", c);
        fputs("network {\n", f);
        print_options(f, SECTION_NETWORK, "\t", c);
        fputs("}\n", f);
        for (uint32_t i = 0; i < c->n_subnets; i++)
                print_section(f, SECTION_SUBNET, c->subnets[i].name, &c->subnets[i]);
        fputs("api {\n", f);
        print_options(f, SECTION_API, "\t", c);
        for (uint32_t i = 0; i < c->n_tokens; i++) {
                fprintf(f, "\ttoken \"%s\" {\n", c->tokens[i].name);
                print_options(f, SECTION_TOKEN, "\t\t", &c->tokens[i]);
                fputs("\t}\n", f);
        }
        fputs("}\n", f);
        for (uint32_t i = 0; i < c->n_profiles; i++)
                print_section(f, SECTION_PROFILE, c->profiles[i].name, &c->profiles[i]);
        for (uint32_t i = 0; i < c->n_menus; i++)
                print_menu(f, &c->menus[i]);
        for (uint32_t i = 0; i < c->n_rules; i++)
                print_section(f, SECTION_RULE, c->rules[i].name, &c->rules[i]);
        for (uint32_t i = 0; i < c->n_quirks; i++)
                print_section(f, SECTION_QUIRK, c->quirks[i].name, &c->quirks[i]);
        fputs("export {\n", f);
        print_options(f, SECTION_EXPORT, "\t", c);
        fputs("}\n", f);
        fputs("enrolment {\n", f);
        print_options(f, SECTION_ENROLMENT, "\t", c);
        fputs("}\n", f);
        for (uint32_t i = 0; i < c->n_enrols; i++)
                print_section(f, SECTION_ENROL, c->enrols[i].name, &c->enrols[i]);
        for (uint32_t i = 0; i < c->n_hosts; i++)
                print_section(f, SECTION_HOST, c->hosts[i].name, &c->hosts[i]);
}
