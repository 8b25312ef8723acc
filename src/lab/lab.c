/* SPDX-License-Identifier: Apache-2.0 */
/* `dompool lab`: the table of its verbs. Runs in the command-line client. */
#include "lab/lab.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "lab/lab_commands.h"
#include "lab/lab_interrupt.h"

#define EXIT_INTERRUPTED 130 /* as the rest of the client */

static const struct lab_verb {
        const char *name;
        int (*fn)(const struct lab_options *o, struct error *err);
        bool locks; /* one of these at a time works on a room */
        const char *help;
} verbs[] = {
        {"up", lab_up_command, true, "make a room and wait until its hosts are ready"},
        {"down", lab_down_command, true, "take the room down; nothing is left"},
        {"status", lab_status_command, false, "processes, sockets and hosts of the room"},
        {"power", lab_power_command, true, "HOST|server|satellite on|off|reset: the buttons of a machine"},
        {"demo", lab_demo_command, true, "a room, a guest on each host, and everything gone again"},
};

static int
help(FILE *f)
{
        fprintf(f, "usage: dompool lab VERB [OPTION...]\n\n");
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                fprintf(f, "  %-8s %s\n", verbs[i].name, verbs[i].help);
        fprintf(f, "\noptions (default):\n");
        lab_options_help(f);
        return 0;
}

static const struct lab_verb *
find_verb(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

static int
run_verb(const struct lab_verb *verb, const struct lab_options *o, struct error *err)
{
        int lock = verb->locks ? lab_room_lock(o->name, err) : -1;
        int r;

        if (verb->locks && lock < 0)
                return error_to_errno(err->code);
        r = verb->fn(o, err);
        lab_room_unlock(o->name, &lock);
        return r;
}

int
lab_command(int argc, char **argv)
{
        struct lab_options o;
        struct error err = {0};
        const struct lab_verb *verb;

        if (argc < 1 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0)
                return help(argc < 1 ? stderr : stdout) + (argc < 1 ? error_exit_code(ERR_USAGE) : 0);
        verb = find_verb(argv[0]);
        if (!verb)
                error_set(&err, ERR_USAGE, "'%s' is none of up, down, status, power, demo", argv[0]);
        else if (lab_options_parse(&o, argc, argv, &err) == 0) {
                if (o.help)
                        return help(stdout);
                if (run_verb(verb, &o, &err) == 0)
                        return 0;
        }
        fprintf(stderr, "dompool lab: %s\n", err.message);
        return lab_interrupted() ? EXIT_INTERRUPTED : error_exit_code(err.code);
}
