/* SPDX-License-Identifier: Apache-2.0 */
/* dompool canary ... Runs in: dompool. */
#include "ctl/cmd_canary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_wait.h"
#include "model/canary.h"

#define WAIT_S 30
#define WAIT_PATIENCE_S 60

static const struct ctl_column canary_columns[] = {
        {"ID", "id", .right = true},
        {"STATE", "state"},
        {"PROFILE", "profile"},
        {"IMAGE", "image", .elastic = true},
        {"VERSION", "version"},
        {"TRIAL", "trial", FMT_LIST, .elastic = true},
        {"WAITING", "n_waiting", .right = true},
        {"SINCE", "began_ms", FMT_SINCE, .right = true},
        {"TEXT", "text", .elastic = true},
};

static const struct ctl_column canary_fields[] = {
        {"canary", "id"},
        {"state", "state"},
        {"text", "text"},
        {"profile", "profile"},
        {"image", "image"},
        {"version", "version"},
        {"by", "by"},
        {"began", "began_ms", FMT_TIME},
        {"ended", "ended_ms", FMT_TIME},
        {"ready within, s", "ready_seconds"},
        {"watched for, s", "watch_seconds"},
        {"hosts that follow", "n_waiting"},
        {"they are", "waiting", FMT_LIST},
};

static const struct ctl_column trial_columns[] = {
        {"HOST", "host"},
        {"STATE", "state"},
        {"SINCE", "since_ms", FMT_SINCE, .right = true},
        {"VERSION", "version"},
        {"REBOOT", "operation", .right = true},
        {"TEXT", "text", .elastic = true},
};

int
cmd_canary_print(struct ctl *c, const json_t *canary, struct error *err)
{
        enum ctl_output output = CTL_OUT_TABLE;
        int r = ctl_output(c, &output, err);

        if (r == 0)
                r = ctl_print_object(c, canary, "id", canary_fields, N_ELEMENTS(canary_fields), err);
        if (r == 0 && output == CTL_OUT_TABLE) {
                puts("");
                r = ctl_print_list(c, canary, "hosts", "host", trial_columns, N_ELEMENTS(trial_columns), err);
        }
        return r;
}

int
cmd_canary_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL;
        int r = ctl_get(c, &answer, err, "/v1/canaries");

        (void)argc;
        (void)argv;
        if (r == 0)
                r = ctl_print_list(c, answer, "canaries", "id", canary_columns, N_ELEMENTS(canary_columns), err);
        json_decref(answer);
        return r;
}

static int
number(const char *text, uint64_t *ret, struct error *err)
{
        if (parse_u64(text, INT64_MAX, ret) < 0)
                return error_set(err, ERR_USAGE, "'%.40s' is no number of a canary; see 'dompool canary list'", text);
        return 0;
}

int
cmd_canary_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL;
        uint64_t id = 0;
        int r = number(argv[0], &id, err);

        (void)argc;
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/canaries/%" PRIu64, id);
        if (r == 0)
                r = cmd_canary_print(c, answer, err);
        json_decref(answer);
        return r;
}

static int
end(struct ctl *c, const char *text, const char *how, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        json_t *answer = NULL;
        uint64_t id = 0;
        int r = number(text, &id, err);

        if (r < 0)
                return r;
        ctl_path(&q, "/v1/canaries/%" PRIu64 "/%s", id, how);
        r = ctl_http_send(c, &q, &answer, err);
        if (r == 0)
                r = cmd_canary_print(c, answer, err);
        json_decref(answer);
        return r;
}

int
cmd_canary_promote(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return end(c, argv[0], "promote", err);
}

int
cmd_canary_abort(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return end(c, argv[0], "abort", err);
}

/* Promoted is success; anything else is what happened. */
static int
judge(struct ctl *c, const json_t *canary, struct error *err)
{
        int r = cmd_canary_print(c, canary, err);

        if (r == 0 && strcmp(ctl_string(canary, "state"), canary_state_names[CANARY_PROMOTED]) != 0)
                r = error_set(err, ERR_STATE, "canary %lld is %s: %s", (long long)ctl_integer(canary, "id"),
                              ctl_string(canary, "state"), ctl_string(canary, "text"));
        return r;
}

static bool
is_over(const json_t *canary)
{
        int state = names_find(canary_state_names, ctl_string(canary, "state"));

        return state >= 0 && canary_is_over((uint32_t)state);
}

int
cmd_canary_wait(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *canary = NULL;
        uint64_t id = 0;
        int r = number(argv[0], &id, err);

        (void)argc;
        ctl_catch_interrupt();
        while (r == 0) {
                struct ctl_request q = {.method = "GET", .patience_s = WAIT_PATIENCE_S};

                json_decref(canary);
                canary = NULL;
                ctl_path(&q, "/v1/canaries/%" PRIu64 "?wait=%d", id, WAIT_S);
                r = ctl_http_send(c, &q, &canary, err);
                if (ctl_interrupted()) {
                        r = error_set(err, ERR_TIMEOUT, "canary %" PRIu64 " goes on; 'dompool canary show %" PRIu64 "'", id,
                                      id);
                        break;
                }
                if (r == 0 && is_over(canary)) {
                        r = judge(c, canary, err);
                        break;
                }
        }
        json_decref(canary);
        return r;
}
