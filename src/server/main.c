/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompoold: the command line. Without --role it is the parent (parent.c); the parent runs this program again with --role=NAME
 * for each role (role.c), with a socket on descriptor 3.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "server/config.h"
#include "server/config_guard.h"
#include "server/parent.h"
#include "server/role.h"

#define ROLE_SOCKET 3

enum { OPT_ROLE = 256, OPT_JSON, OPT_SATELLITE, OPT_VERSION, OPT_HELP };

struct option_row {
        int key; /* the short option's letter, or above 255 */
        const char *name;
        const char *argument; /* NULL: none */
        const char *help;     /* NULL: hidden */
};
static const struct option_row option_rows[] = {
        {'c', "config", "FILE", "read FILE instead of " CONFIG_DEFAULT_FILE},
        {'n', "check", NULL, "check the configuration and exit"},
        {'v', "verbose", NULL, "with -n: print the configuration with all defaults"},
        {OPT_JSON, "json", NULL, "with -n: print it as JSON"},
        {'d', "debug", NULL, "log everything"},
        {OPT_SATELLITE, "satellite", NULL, "serve this LAN from another dompoold, where 'dompool satellite add' enrolled us"},
        {OPT_ROLE, "role", "NAME", NULL},
        {OPT_VERSION, "version", NULL, "print the version and exit"},
        {OPT_HELP, "help", NULL, "print this and exit"},
};
#define N_OPTIONS N_ELEMENTS(option_rows)

struct arguments {
        const char *config;
        const char *role;
        bool check, verbose, json, debug, satellite;
};

static void
print_help(void)
{
        printf("usage: dompoold [-dnv] [-c FILE] [--satellite]\n\nThe boot server of a room of Xen hosts; see "
               "dompoold(8).\n\n");
        for (size_t i = 0; i < N_OPTIONS; i++) {
                const struct option_row *o = &option_rows[i];
                char text[40];

                if (!o->help)
                        continue;
                snprintf(text, sizeof(text), "--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
                printf("  %c%c%c %-16s %s\n", o->key < 256 ? '-' : ' ', o->key < 256 ? o->key : ' ', o->key < 256 ? ',' : ' ',
                       text, o->help);
        }
}

static void
make_getopt(struct option longs[N_OPTIONS + 1], char shorts[2 * N_OPTIONS + 1])
{
        char *s = shorts;

        for (size_t i = 0; i < N_OPTIONS; i++) {
                const struct option_row *o = &option_rows[i];

                longs[i] = (struct option){o->name, o->argument ? required_argument : no_argument, NULL, o->key};
                if (o->key < 256) {
                        *s++ = (char)o->key;
                        if (o->argument)
                                *s++ = ':';
                }
        }
        longs[N_OPTIONS] = (struct option){0};
        *s = '\0';
}

/* 0, or the exit code plus one when there is nothing more to do. */
static int
read_arguments(int argc, char **argv, struct arguments *a)
{
        struct option longs[N_OPTIONS + 1];
        char shorts[2 * N_OPTIONS + 1];
        int key;

        make_getopt(longs, shorts);
        while ((key = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
                switch (key) {
                case 'c':
                        a->config = optarg;
                        break;
                case 'n':
                        a->check = true;
                        break;
                case 'v':
                        a->verbose = true;
                        break;
                case OPT_JSON:
                        a->json = true;
                        break;
                case 'd':
                        a->debug = true;
                        break;
                case OPT_SATELLITE:
                        a->satellite = true;
                        break;
                case OPT_ROLE:
                        a->role = optarg;
                        break;
                case OPT_VERSION:
                        printf("dompoold %s\n", DOMPOOL_VERSION);
                        return 1;
                case OPT_HELP:
                        print_help();
                        return 1;
                default:
                        fprintf(stderr, "dompoold: try 'dompoold --help'\n");
                        return 1 + error_exit_code(ERR_USAGE);
                }
        }
        if (optind < argc) {
                fprintf(stderr, "dompoold: unexpected argument '%s'; try 'dompoold --help'\n", argv[optind]);
                return 1 + error_exit_code(ERR_USAGE);
        }
        return 0;
}

static int
start_role(const char *name, enum log_level level)
{
        int role = role_find(name);

        if (role < 0) {
                fprintf(stderr, "dompoold: there is no role '%s'\n", name);
                return error_exit_code(ERR_USAGE);
        }
        log_init(role_names[role], level);
        return role_main(role, ROLE_SOCKET);
}

#ifdef __SANITIZE_ADDRESS__
/* Asked by AddressSanitizer in an instrumented build (make asan). Our processes leave their last memory to the kernel, and a
 * search for leaks at the end cannot work inside a sandbox; tests of units look for them. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
        return "detect_leaks=0";
}
#endif

/* -n: what is printed of a file that was read without an error; the exit code. @guard NULL: what fits together is not judged.
 */
static int
print_checked(const struct arguments *a, const struct config *config, json_t *guard)
{
        json_t *json = a->json ? rec_to_json(&config_desc, config) : NULL;
        bool unfit = json_integer_value(json_object_get(guard, "errors")) > 0;

        if (a->verbose)
                config_print(config, stdout);
        if (json) { /* for `dompool host explain --diff --config FILE`, too */
                json_object_set(json, "guard", guard);
                json_dumpf(json, stdout, JSON_COMPACT);
                putchar('\n');
                json_decref(json);
        } else if (guard) {
                config_guard_print(guard, config, stderr);
        }
        json_decref(guard);
        return unfit ? error_exit_code(ERR_CONFIG) : 0;
}

int
main(int argc, char **argv)
{
        struct arguments a = {.config = CONFIG_DEFAULT_FILE};
        int r = read_arguments(argc, argv, &a);
        enum log_level level = a.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
        struct config_places *places = NULL;
        struct config *config = NULL;
        struct error err = {0};

        if (r > 0)
                return r - 1;
        if (a.role)
                return start_role(a.role, level);
        r = config_read(a.config, &config, a.check ? &places : NULL, &err);
        if (r == 0 && a.satellite && (r = config_read_satellite(config, &err)) < 0)
                config_free(config);
        if (r < 0) {
                fprintf(stderr, "dompoold: %s\n", err.message);
                return error_exit_code(err.code);
        }
        if (a.check) { /* a satellite's profiles are its main server's */
                r = print_checked(&a, config, a.satellite ? NULL : config_guard(config, places));
        } else {
                log_init("parent", level);
                r = parent_main(config, a.debug);
        }
        config_places_free(places);
        config_free(config);
        return r;
}
