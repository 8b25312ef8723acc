/* SPDX-License-Identifier: Apache-2.0 */
/* Help texts from the tables of commands and options, and "did you mean". Pure but for the output. Runs in: dompool. */
#include "ctl/ctl_help.h"

#include <string.h>

#include "base/cleanup.h"

#define WORD_MAX 24
#define MAX_DISTANCE 2

static void
usage_of(const struct ctl_command *cmd, char *buf, size_t size)
{
        snprintf(buf, size, "%s%s%s%s%s", cmd->noun, cmd->verb ? " " : "", cmd->verb ?: "", cmd->args[0] ? " " : "", cmd->args);
}

static void
print_option(FILE *f, const struct ctl_option_def *o)
{
        char text[60];

        snprintf(text, sizeof(text), "%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? ", " : "  ", o->name, o->value ? " " : "", o->value ?: "");
        fprintf(f, "  %-30s %s\n", text, o->help);
}

static void
print_global_options(FILE *f)
{
        fputs("\nOptions of all commands:\n", f);
        for (size_t i = 0; i < OPT_N; i++)
                if (ctl_options[i].global)
                        print_option(f, &ctl_options[i]);
}

static void
print_commands(FILE *f, const char *noun)
{
        char text[80];

        for (size_t i = 0; i < ctl_n_commands; i++) {
                if (noun && strcmp(noun, ctl_commands[i].noun) != 0)
                        continue;
                usage_of(&ctl_commands[i], text, sizeof(text));
                fprintf(f, "  %-30s %s\n", text, ctl_commands[i].help);
        }
}

void
ctl_help_all(FILE *f)
{
        fputs("Usage: dompool [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n", f);
        print_commands(f, NULL);
        print_global_options(f);
        fputs("\n'dompool COMMAND --help' tells more; the manual is dompool(1).\n", f);
}

void
ctl_help_noun(FILE *f, const char *noun)
{
        fprintf(f, "Usage: dompool [OPTION...] %s COMMAND [ARGUMENT...]\n\nCommands:\n", noun);
        print_commands(f, noun);
        print_global_options(f);
}

void
ctl_help_command(FILE *f, const struct ctl_command *cmd)
{
        char text[80];
        bool any = false;

        usage_of(cmd, text, sizeof(text));
        fprintf(f, "Usage: dompool %s [OPTION...]\n\n%s.\n", text, cmd->help);
        for (size_t i = 0; i < OPT_N; i++) {
                if (!(cmd->options & OPT_BIT(i)))
                        continue;
                if (!any)
                        fputs("\nOptions:\n", f);
                any = true;
                print_option(f, &ctl_options[i]);
        }
        print_global_options(f);
}

/* Damerau's distance (adjacent swaps count once), for short words. */
static unsigned
distance(const char *a, const char *b)
{
        unsigned d[WORD_MAX + 1][WORD_MAX + 1];
        size_t n = strlen(a), m = strlen(b);

        if (n > WORD_MAX || m > WORD_MAX)
                return WORD_MAX;
        for (size_t i = 0; i <= n; i++)
                d[i][0] = (unsigned)i;
        for (size_t k = 0; k <= m; k++)
                d[0][k] = (unsigned)k;
        for (size_t i = 1; i <= n; i++) {
                for (size_t k = 1; k <= m; k++) {
                        unsigned best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);

                        best = d[i - 1][k] + 1 < best ? d[i - 1][k] + 1 : best;
                        best = d[i][k - 1] + 1 < best ? d[i][k - 1] + 1 : best;
                        if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                                best = d[i - 2][k - 2] + 1 < best ? d[i - 2][k - 2] + 1 : best;
                        d[i][k] = best;
                }
        }
        return d[n][m];
}

const char *
ctl_nearest(const char *text, const char *const *words, size_t n)
{
        const char *found = NULL;
        unsigned best = MAX_DISTANCE + 1;

        for (size_t i = 0; i < n; i++) {
                unsigned d = distance(text, words[i]);

                /* "vm" is not a misspelt "op": a hint must share something with what was written */
                if (d < best && d < strlen(words[i]) && d < strlen(text)) {
                        best = d;
                        found = words[i];
                }
        }
        return found;
}
