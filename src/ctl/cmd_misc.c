/* SPDX-License-Identifier: Apache-2.0 */
/* dompool completion, errors, version: what needs no server and comes from the tables. Runs in: dompool. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/ctl_out.h"

int
cmd_version(struct ctl *c, int argc, char **argv, struct error *err)
{
        enum ctl_output output;
        int r = ctl_output(c, &output, err);

        (void)argc;
        (void)argv;
        if (r < 0)
                return r;
        if (output == CTL_OUT_JSON)
                printf("{\"version\":\"%s\"}\n", DOMPOOL_VERSION);
        else
                printf("%s%s\n", output == CTL_OUT_NAME ? "" : "dompool ", DOMPOOL_VERSION);
        return 0;
}

static const struct ctl_column error_columns[] = {
        {"EXIT", "exit", .right = true},
        {"CODE", "code"},
        {"HTTP", "http", .right = true},
        {"MEANING", "meaning", .elastic = true},
};

int
cmd_errors(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *list = json_array(), *answer;
        int r;

        (void)argc;
        (void)argv;
        for (int i = ERR_NONE + 1; i < ERR_N; i++)
                json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:s}", "code", error_text(i), "exit", error_exit_code(i),
                                                      "http", (int)error_http_status(i), "meaning", error_meaning(i)));
        answer = json_pack("{s:o}", "errors", list);
        r = ctl_print_list(c, answer, "errors", "code", error_columns, N_ELEMENTS(error_columns), err);
        json_decref(answer);
        return r;
}

/* ---- completion ---- */

static const char *
list_command(const char *complete)
{
        static const struct {
                const char *what, *command;
        } lists[] = {
                {"hosts", "host list"},           {"unknown", "host list --unknown"}, {"domains", "domain list"},
                {"images", "image list"},         {"operations", "op list"},          {"exports", "export list"},
                {"satellites", "satellite list"}, {"canaries", "canary list"},
        };

        for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                if (complete && strcmp(complete, lists[i].what) == 0)
                        return lists[i].command;
        return NULL;
}

/* The words between brackets, "[bash zsh fish]". */
static void
print_choices(const char *complete)
{
        printf("%.*s", (int)strlen(complete) - 2, complete + 1);
}

static bool
first_of_noun(size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (strcmp(ctl_commands[k].noun, ctl_commands[i].noun) == 0)
                        return false;
        return true;
}

static void
print_nouns(void)
{
        for (size_t i = 0; i < ctl_n_commands; i++)
                if (first_of_noun(i))
                        printf("%s%s", i ? " " : "", ctl_commands[i].noun);
}

static void
print_verbs(const char *noun)
{
        bool any = false;

        for (size_t i = 0; i < ctl_n_commands; i++)
                if (ctl_commands[i].verb && strcmp(ctl_commands[i].noun, noun) == 0) {
                        printf("%s%s", any ? " " : "", ctl_commands[i].verb);
                        any = true;
                }
}

static void
print_options_of(const struct ctl_command *cmd)
{
        const char *name, *help;

        for (size_t i = 0; cmd->raw_option && (name = cmd->raw_option(i, &help)); i++)
                printf(" --%s", name);
        for (size_t i = 0; !cmd->raw_option && i < OPT_N; i++)
                if (ctl_options[i].global || (cmd->options & OPT_BIT(i)))
                        printf(" --%s", ctl_options[i].name);
}

static void
print_command_cases(void)
{
        for (size_t i = 0; i < ctl_n_commands; i++) {
                const struct ctl_command *cmd = &ctl_commands[i];

                printf("        '%s%s%s')\n                options='", cmd->noun, cmd->verb ? " " : "", cmd->verb ?: "");
                print_options_of(cmd);
                printf("'\n");
                if (list_command(cmd->complete)) {
                        printf("                (( nth == 0 )) && words=$(dompool %s -o name 2>/dev/null)\n",
                               list_command(cmd->complete));
                } else if (cmd->complete && cmd->complete[0] == '[') {
                        printf("                (( nth == 0 )) && words='");
                        print_choices(cmd->complete);
                        printf("'\n");
                } else if (cmd->complete) {
                        printf("                files=1\n");
                }
                printf("                ;;\n");
        }
}

static void
print_option_value_cases(void)
{
        for (size_t i = 0; i < OPT_N; i++) {
                const struct ctl_option_def *o = &ctl_options[i];

                if (!o->value)
                        continue;
                printf("        --%s", o->name);
                if (o->letter)
                        printf("|-%c", o->letter);
                if (o->choices)
                        printf(") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return;;\n", o->choices);
                else if (i == OPT_HOST)
                        printf(") COMPREPLY=($(compgen -W \"$(dompool host list -o name 2>/dev/null)\" -- \"$cur\")); "
                               "return;;\n");
                else if (i == OPT_TOKEN_FILE || i == OPT_STORE)
                        printf(") COMPREPLY=($(compgen -f -- \"$cur\")); return;;\n");
                else
                        printf(") return;;\n");
        }
}

/* One function does for bash, and for zsh by its bashcompinit. */
static void
print_bash(void)
{
        printf("# dompool(1) completion, made by 'dompool completion'\n"
               "_dompool() {\n"
               "        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} noun='' verb='' words='' "
               "options='' files=0 nth=0 w i\n"
               "        case $prev in\n");
        print_option_value_cases();
        printf("        esac\n"
               "        for ((i = 1; i < COMP_CWORD; i++)); do\n"
               "                w=${COMP_WORDS[i]}\n"
               "                case $w in -*) continue;; esac\n"
               "                if [[ -z $noun ]]; then noun=$w; elif [[ -z $verb ]]; then verb=$w; else nth=$((nth + 1)); fi\n"
               "        done\n"
               "        case $noun in\n"
               "        '') words='");
        print_nouns();
        printf("';;\n");
        for (size_t i = 0; i < ctl_n_commands; i++) {
                if (!first_of_noun(i) || !ctl_commands[i].verb)
                        continue;
                printf("        %s) [[ -z $verb ]] && words='", ctl_commands[i].noun);
                print_verbs(ctl_commands[i].noun);
                printf("';;\n");
        }
        printf("        *) [[ -n $verb ]] && nth=1; verb='';; # a noun that is a command by itself\n"
               "        esac\n"
               "        case \"$noun${verb:+ $verb}\" in\n");
        print_command_cases();
        printf("        esac\n"
               "        [[ $cur == -* ]] && words=$options files=0\n"
               "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
               "        (( files )) && COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
               "}\n"
               "complete -F _dompool dompool\n");
}

static void
print_zsh(void)
{
        printf("#compdef dompool\nautoload -Uz bashcompinit && bashcompinit\n");
        print_bash();
}

static void
print_fish_command(const struct ctl_command *cmd)
{
        const char *list = list_command(cmd->complete), *name, *help;

        for (size_t i = 0; cmd->raw_option && (name = cmd->raw_option(i, &help)); i++)
                printf("complete -c dompool -n '__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s' -l '%s' "
                       "-d \"%s\"\n",
                       cmd->noun, cmd->verb, name, help);
        if (!cmd->verb)
                printf("complete -c dompool -n __fish_use_subcommand -a '%s' -d '%s'\n", cmd->noun, cmd->help);
        else
                printf("complete -c dompool -n '__fish_seen_subcommand_from %s; and test (count (commandline -opc)) -eq 2' -a "
                       "'%s' -d \"%s\"\n",
                       cmd->noun, cmd->verb, cmd->help);
        if (list)
                printf("complete -c dompool -n '__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s' -a "
                       "'(dompool %s -o name 2>/dev/null)'\n",
                       cmd->noun, cmd->verb, list);
        if (cmd->complete && cmd->complete[0] == '[') {
                printf("complete -c dompool -n '__fish_seen_subcommand_from %s' -a '", cmd->verb ?: cmd->noun);
                print_choices(cmd->complete);
                printf("'\n");
        }
}

static void
print_fish(void)
{
        printf("# dompool(1) completion, made by 'dompool completion fish'\ncomplete -c dompool -f\n");
        for (size_t i = 0; i < ctl_n_commands; i++) {
                if (first_of_noun(i) && ctl_commands[i].verb)
                        printf("complete -c dompool -n __fish_use_subcommand -a '%s'\n", ctl_commands[i].noun);
                print_fish_command(&ctl_commands[i]);
        }
        for (size_t i = 0; i < OPT_N; i++) {
                const struct ctl_option_def *o = &ctl_options[i];

                printf("complete -c dompool -l '%s'", o->name);
                if (o->letter)
                        printf(" -s %c", o->letter);
                if (o->value)
                        printf(" -r");
                if (o->choices)
                        printf(" -a '%s'", o->choices);
                printf(" -d \"%s\"\n", o->help);
        }
}

int
cmd_completion(struct ctl *c, int argc, char **argv, struct error *err)
{
        static const struct {
                const char *shell;
                void (*print)(void);
        } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

        (void)c;
        (void)argc;
        for (size_t i = 0; i < N_ELEMENTS(shells); i++) {
                if (strcmp(argv[0], shells[i].shell) != 0)
                        continue;
                shells[i].print();
                return 0;
        }
        return error_set(err, ERR_USAGE, "'%.40s': bash, zsh or fish is wanted", argv[0]);
}
