/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_H
#define DOMPOOL_CTL_CTL_H
/*
 * The command line: one table of commands and one of options (cmd_table.c), from which the parser, --help, completion and the
 * check of the manual come.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CTL_DEFAULT_SOCKET "/run/dompool/api.sock"
#define CTL_LAB_SOCKET "/run/dompool-lab/run/api.sock"
/* Exit code after Ctrl-C; the others are those of error_codes.def. */
#define CTL_EXIT_INTERRUPTED 130

enum ctl_option {
        OPT_SERVER,
        OPT_TOKEN_FILE,
        OPT_FINGERPRINT,
        OPT_JSON,
        OPT_OUTPUT,
        OPT_HELP,
        OPT_VERSION,
        /* of some commands only */
        OPT_NO_WAIT,
        OPT_TIMEOUT,
        OPT_UNKNOWN,
        OPT_FOLLOW,
        OPT_HOST,
        OPT_IMAGE,
        OPT_PROFILE,
        OPT_ADDRESS,
        OPT_LOADER,
        OPT_ROOT,
        OPT_CONSOLE,
        OPT_XEN_ARGS,
        OPT_KERNEL_ARGS,
        OPT_STORE,
        OPT_AFTER,
        OPT_LIMIT,
        OPT_KIND,
        OPT_LABEL,
        OPT_LABELS,
        OPT_ALL,
        OPT_NEXT,
        OPT_FORCE,
        OPT_FIRMWARE,
        OPT_AT,
        OPT_FILE,
        OPT_BOOTS,
        OPT_TIME,
        OPT_SNAP,
        OPT_DIFF,
        OPT_CONFIG,
        OPT_APPLY,
        OPT_FORMAT,
        OPT_DRY_RUN,
        OPT_CANARY,
        OPT_READY_WITHIN,
        OPT_WATCH,
        OPT_N,
};

struct ctl_option_def {
        const char *name;
        char letter;       /* 0: none */
        const char *value; /* "SECONDS"; NULL: a flag */
        bool global;
        const char *help;
        const char *choices; /* words for completion, with blanks between; NULL */
};
extern const struct ctl_option_def ctl_options[OPT_N];

struct ctl_http;

/* A command line, parsed. */
struct ctl {
        const char *opt[OPT_N]; /* the value, "" for a flag that was given; NULL: not given */
        struct ctl_http *http;  /* made at the first request */
};

/* argv holds the arguments behind the verb, options taken out. 0, an exit code to end with in silence (CTL_EXIT_DIFFERS), or the
 * error to print and exit with. */
typedef int (*ctl_command_fn)(struct ctl *c, int argc, char **argv, struct error *err);

struct ctl_command {
        const char *noun;
        const char *verb;       /* NULL: the noun alone is the command */
        const char *args;       /* "NAME", "HOST PROFILE", "[NAME]", "" */
        const char *help;
        uint64_t options;       /* bits of enum ctl_option besides the global ones */
        int min_args, max_args;
        ctl_command_fn run;
        int (*raw)(int argc, char **argv); /* instead of run: parses its own options, argv[0] is the verb */
        const char *(*raw_option)(size_t i, const char **ret_help); /* these by number; NULL behind the last */
        /* What the first argument is: "hosts", "domains", "images", "operations", "canaries", "satellites", "file", words in
         * [ ]; NULL: something else. */
        const char *complete;
};
extern const struct ctl_command ctl_commands[];
extern const size_t ctl_n_commands;

/* The key that signs images in the store of --store: the server's where it is the server's store and we may read it, else NULL. */
const char *
ctl_store_key(const struct ctl *c);

#define OPT_BIT(o) (UINT64_C(1) << (o))

/* main() without the process: parses, runs, prints errors. Returns the exit code. */
int
ctl_main(int argc, char **argv);

/* Commands, each in the file of its noun. */
#define CTL_COMMAND(f)                                                                                                 \
        int f(struct ctl *c, int argc, char **argv, struct error *err)
CTL_COMMAND(cmd_host_list);
CTL_COMMAND(cmd_host_show);
CTL_COMMAND(cmd_host_trace);
CTL_COMMAND(cmd_host_explain);
CTL_COMMAND(cmd_host_capture);
CTL_COMMAND(cmd_host_add);
CTL_COMMAND(cmd_host_remove);
CTL_COMMAND(cmd_host_reboot);
CTL_COMMAND(cmd_host_retry);
CTL_COMMAND(cmd_host_drop_kept);
CTL_COMMAND(cmd_host_adopt);
CTL_COMMAND(cmd_host_ignore);
CTL_COMMAND(cmd_host_forget);
CTL_COMMAND(cmd_profile_list);
CTL_COMMAND(cmd_profile_set);
CTL_COMMAND(cmd_profile_check);
CTL_COMMAND(cmd_profile_show);
CTL_COMMAND(cmd_image_build);
CTL_COMMAND(cmd_image_check);
CTL_COMMAND(cmd_canary_list);
CTL_COMMAND(cmd_canary_show);
CTL_COMMAND(cmd_canary_wait);
CTL_COMMAND(cmd_canary_promote);
CTL_COMMAND(cmd_canary_abort);
CTL_COMMAND(cmd_image_list);
CTL_COMMAND(cmd_image_show);
CTL_COMMAND(cmd_image_set_default);
CTL_COMMAND(cmd_image_rollback);
CTL_COMMAND(cmd_image_diff);
CTL_COMMAND(cmd_image_verify);
CTL_COMMAND(cmd_image_rm);
CTL_COMMAND(cmd_image_gc);
CTL_COMMAND(cmd_image_shell);
CTL_COMMAND(cmd_image_commit);
CTL_COMMAND(cmd_domain_create);
CTL_COMMAND(cmd_domain_list);
CTL_COMMAND(cmd_domain_show);
CTL_COMMAND(cmd_domain_shutdown);
CTL_COMMAND(cmd_domain_destroy);
CTL_COMMAND(cmd_domain_console);
CTL_COMMAND(cmd_op_list);
CTL_COMMAND(cmd_op_show);
CTL_COMMAND(cmd_op_wait);
CTL_COMMAND(cmd_event_list);
CTL_COMMAND(cmd_export_list);
CTL_COMMAND(cmd_export_show);
CTL_COMMAND(cmd_satellite_list);
CTL_COMMAND(cmd_satellite_show);
CTL_COMMAND(cmd_satellite_add);
CTL_COMMAND(cmd_satellite_remove);
CTL_COMMAND(cmd_server_show);
CTL_COMMAND(cmd_import);
CTL_COMMAND(cmd_completion);
CTL_COMMAND(cmd_version);
CTL_COMMAND(cmd_errors);

#endif
