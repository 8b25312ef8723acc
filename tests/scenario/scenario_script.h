/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_SCENARIO_SCRIPT_H
#define DOMPOOL_TESTS_SCENARIO_SCRIPT_H
/* A script's commands: a table of names and functions. A command that does not find what it expects fails the script. */
#include "scenario.h"

#define MAX_WORDS 16
#define MAX_TOKENS 32
#define MAX_POLLS 16

struct script {
        struct world world;
        const char *file;
        unsigned line;
        struct {
                char name[NAME_SIZE];
                char text[120];
        } tokens[MAX_TOKENS];
        unsigned n_tokens;
        struct {
                char name[NAME_SIZE];
                uint64_t request;
        } polls[MAX_POLLS];
        unsigned n_polls;
};

struct command {
        const char *name;
        int min_words;                                  /* besides the name */
        void (*run)(struct script *s, char **w, int n); /* w[0] is the first word behind the name */
};

/* scenario_commands.c (API, hosts, boots, time) and scenario_agents.c (agents, work, consoles); each ends with a row of NULL.
 */
extern const struct command scenario_commands[];
extern const struct command scenario_agent_commands[];
extern const struct command scenario_enrol_commands[]; /* scenario_enrol.c: machines that are no host */
extern const struct command scenario_keep_commands[];  /* scenario_keep.c: kept files */

/* Prints file, line and the message, and exits 1. */
_Noreturn void script_fail(const struct script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "key=value" among the words: the value, or @or_else. */
const char *script_option(char **w, int n, const char *key, const char *or_else);

uint64_t script_number(const struct script *s, const char *text);

const char *script_token(const struct script *s, const char *name);

/* Checks "path=value" and "path~part" against a JSON value; "#" at a path's end is an array's length. */
void script_check_json(const struct script *s, const json_t *json, char **w, int n);

/* The reply to @request, which must be there with this status and (may be NULL) error code. */
const json_t *script_expect_reply(const struct script *s, uint64_t request, unsigned status, const char *code);

/* Sends a request whose first field is its number, and checks the reply: "STATUS [path=value...] [code=CODE]". */
void script_request(struct script *s, enum msg_type type, void *payload, const char *status, char **w, int n);

#endif
