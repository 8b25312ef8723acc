/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line itself: options, the search in the table of commands, errors and exit codes. What a command does is in its
 * cmd_*.c. Runs in: dompool.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"
#include "ctl/ctl_help.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"

#define FIRST_LONG 256 /* getopt's value of an option is FIRST_LONG + enum ctl_option */
#define MAX_WORDS 64

/* ---- the tables as getopt wants them ---- */

struct getopt_tables {
        struct option longs[OPT_N + 1];
        char shorts[2 * OPT_N + 3];
};

static void
make_getopt_tables(struct getopt_tables *t)
{
        size_t n = 0;

        memset(t, 0, sizeof(*t));
        t->shorts[n++] = ':'; /* a missing value is told apart from an unknown option */
        for (int i = 0; i < OPT_N; i++) {
                const struct ctl_option_def *o = &ctl_options[i];

                t->longs[i] = (struct option){o->name, o->value ? required_argument : no_argument, NULL, FIRST_LONG + i};
                if (!o->letter)
                        continue;
                t->shorts[n++] = o->letter;
                if (o->value)
                        t->shorts[n++] = ':';
        }
}

static int
option_of(int opt)
{
        if (opt >= FIRST_LONG)
                return opt - FIRST_LONG;
        for (int i = 0; i < OPT_N; i++)
                if (ctl_options[i].letter && ctl_options[i].letter == opt)
                        return i;
        return -1;
}

static int
unknown_option(const char *text, struct error *err)
{
        const char *names[OPT_N], *near;

        for (size_t i = 0; i < OPT_N; i++)
                names[i] = ctl_options[i].name;
        near = strncmp(text, "--", 2) == 0 ? ctl_nearest(text + 2, names, OPT_N) : NULL;
        if (near)
                return error_set(err, ERR_USAGE, "there is no option '%.40s'; did you mean --%s?", text, near);
        return error_set(err, ERR_USAGE, "there is no option '%.40s'; see --help", text);
}

/* Takes the options out of argv, wherever they stand; what is left begins at argv[*ret_first]. */
static int
parse_options(struct ctl *c, int argc, char **argv, int *ret_first, struct error *err)
{
        struct getopt_tables t;
        int opt;

        make_getopt_tables(&t);
        optind = 0; /* glibc: start anew, for tests that call this more than once */
        opterr = 0;
        while ((opt = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
                int o = option_of(opt);

                if (opt == ':')
                        return error_set(err, ERR_USAGE, "option '%.40s' wants a value", argv[optind - 1]);
                if (o < 0 && optopt && optopt < FIRST_LONG && argv[optind - 1][1] != '-')
                        return error_set(err, ERR_USAGE, "there is no option '-%c'; see --help", optopt);
                if (o < 0)
                        return unknown_option(argv[optind - 1], err);
                c->opt[o] = optarg ?: "";
        }
        *ret_first = optind;
        return 0;
}

/* ---- the search for a command ---- */

static const struct ctl_command *
command_find(const char *noun, const char *verb)
{
        for (size_t i = 0; i < ctl_n_commands; i++) {
                const struct ctl_command *cmd = &ctl_commands[i];

                if (strcmp(cmd->noun, noun) == 0 && (!cmd->verb || (verb && strcmp(cmd->verb, verb) == 0)))
                        return cmd;
        }
        return NULL;
}

static bool
is_noun(const char *text)
{
        for (size_t i = 0; i < ctl_n_commands; i++)
                if (strcmp(ctl_commands[i].noun, text) == 0)
                        return true;
        return false;
}

/* @noun NULL: nouns are looked for, else its verbs. */
static int
unknown_word(const char *noun, const char *text, struct error *err)
{
        const char *words[MAX_WORDS], *near;
        size_t n = 0;

        for (size_t i = 0; i < ctl_n_commands && n < MAX_WORDS; i++) {
                if (!noun)
                        words[n++] = ctl_commands[i].noun;
                else if (strcmp(ctl_commands[i].noun, noun) == 0 && ctl_commands[i].verb)
                        words[n++] = ctl_commands[i].verb;
        }
        near = ctl_nearest(text, words, n);
        return error_set(err, ERR_USAGE, "there is no command '%s%s%.40s'%s%s%s; see 'dompool %s%s--help'", noun ?: "",
                         noun ? " " : "", text, near ? "; did you mean '" : "", near ?: "", near ? "'?" : "", noun ?: "",
                         noun ? " " : "");
}

static int
check_options(const struct ctl *c, const struct ctl_command *cmd, struct error *err)
{
        for (int i = 0; i < OPT_N; i++)
                if (c->opt[i] && !ctl_options[i].global && !(cmd->options & OPT_BIT(i)))
                        return error_set(err, ERR_USAGE, "'%s%s%s' does not know --%s", cmd->noun, cmd->verb ? " " : "",
                                         cmd->verb ?: "", ctl_options[i].name);
        return 0;
}

static int
run_command(struct ctl *c, const struct ctl_command *cmd, int argc, char **argv, struct error *err)
{
        enum ctl_output output;
        int r = check_options(c, cmd, err);

        if (r < 0 || (r = ctl_output(c, &output, err)) < 0)
                return r;
        if (cmd->raw) /* "dompool --json lab up": its options are its own, see run_raw */
                return error_set(err, ERR_USAGE, "options of 'dompool %s %s' stand behind it", cmd->noun, cmd->verb);
        if (argc < cmd->min_args || argc > cmd->max_args)
                return error_set(err, ERR_USAGE, "usage: dompool %s%s%s%s%s", cmd->noun, cmd->verb ? " " : "", cmd->verb ?: "",
                                 cmd->args[0] ? " " : "", cmd->args[0] ? cmd->args : " (no arguments)");
        return cmd->run(c, argc, argv, err);
}

/* ---- together ---- */

/* Help and version where asked for; else the command. */
static int
run(struct ctl *c, int argc, char **argv, struct error *err)
{
        const char *noun = argc > 0 ? argv[0] : NULL, *verb = argc > 1 ? argv[1] : NULL;
        const struct ctl_command *cmd = noun ? command_find(noun, verb) : NULL;
        int skip = cmd && cmd->verb ? 2 : 1;

        if (c->opt[OPT_VERSION])
                return cmd_version(c, 0, NULL, err);
        if (noun && !is_noun(noun))
                return unknown_word(NULL, noun, err);
        if (c->opt[OPT_HELP]) {
                if (cmd)
                        ctl_help_command(stdout, cmd);
                else if (noun)
                        ctl_help_noun(stdout, noun);
                else
                        ctl_help_all(stdout);
                return 0;
        }
        if (!noun) {
                ctl_help_all(stderr);
                return error_set(err, ERR_USAGE, "a command is wanted");
        }
        if (!cmd && verb)
                return unknown_word(noun, verb, err);
        if (!cmd) {
                ctl_help_noun(stderr, noun);
                return error_set(err, ERR_USAGE, "'%s' wants a command", noun);
        }
        return run_command(c, cmd, argc - skip, argv + skip, err);
}

/* "dompool lab up ...": the whole rest belongs to the command, which parses it itself. -1: it is no such command. */
static int
run_raw(int argc, char **argv)
{
        for (size_t i = 0; argc > 2 && i < ctl_n_commands; i++)
                if (ctl_commands[i].raw && strcmp(argv[1], ctl_commands[i].noun) == 0 &&
                    strcmp(argv[2], ctl_commands[i].verb) == 0)
                        return ctl_commands[i].raw(argc - 2, argv + 2);
        return -1;
}

int
ctl_main(int argc, char **argv)
{
        struct ctl c = {0};
        struct error err = {0};
        char message[sizeof(err.message)];
        int first = 0, raw = run_raw(argc, argv), r;

        if (raw >= 0)
                return raw;
        r = parse_options(&c, argc, argv, &first, &err);
        if (r == 0)
                r = run(&c, argc - first, argv + first, &err);
        ctl_http_free(c.http);
        if (fflush(stdout) != 0 && r == 0)
                r = error_set(&err, ERR_IO, "standard output cannot be written");
        if (r >= 0)
                return r;
        /* The message may hold words of a stranger: a guest's, a firmware's. */
        fprintf(stderr, "dompool: %s\n", ctl_clean(err.message, message, sizeof(message)));
        return err.code == ERR_CANCELLED && ctl_interrupted() ? CTL_EXIT_INTERRUPTED : error_exit_code(err.code);
}
