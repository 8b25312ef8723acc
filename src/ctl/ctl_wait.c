/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the end of an operation, see ctl_wait.h. The operation is durable: waiting changes nothing in it. Runs in:
 * dompool. */
#include <stdio.h>

#include "ctl/ctl_wait.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "model/operation.h"

/* A server that is started again is waited for so long; its operations go on afterwards. */
#define SERVER_PATIENCE_S 60
/* One question; short, so that the progress moves. */
#define POLL_S 1

struct progress {
        bool is_terminal;
        bool quiet;
        time_t start;
        char last[400];
        size_t shown; /* width of what stands on the terminal's line */
};

static time_t
monotonic_s(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec;
}

static void
progress_clear(struct progress *p)
{
        if (p->is_terminal && p->shown)
                fprintf(stderr, "\r%*s\r", (int)p->shown, "");
        p->shown = 0;
}

static void
progress_show(struct progress *p, const json_t *op)
{
        char kind[40], target[80], host[80], step[40], line[400];
        int percent = (int)ctl_integer(op, "percent");

        if (p->quiet)
                return;
        snprintf(line, sizeof(line), "%s %s%s%s: %s", ctl_clean(ctl_string(op, "kind"), kind, sizeof(kind)),
                 ctl_clean(ctl_string(op, "target"), target, sizeof(target)), ctl_string(op, "host")[0] ? " on " : "",
                 ctl_clean(ctl_string(op, "host"), host, sizeof(host)),
                 ctl_clean(ctl_string(op, "step")[0] ? ctl_string(op, "step") : ctl_string(op, "state"), step, sizeof(step)));
        if (p->is_terminal) {
                size_t before = p->shown;

                p->shown = strlen(line);
                fprintf(stderr, "\r%s %3d%% (%ld s)", line, percent, (long)(monotonic_s() - p->start));
                p->shown += 18;
                if (before > p->shown)
                        fprintf(stderr, "%*s", (int)(before - p->shown), "");
        } else if (strcmp(line, p->last) != 0) {
                fprintf(stderr, "%s\n", line);
        }
        fflush(stderr);
        str_copy(p->last, sizeof(p->last), line);
}

static bool
is_over(const json_t *op)
{
        const char *state = ctl_string(op, "state");

        return strcmp(state, op_state_names[OP_DONE]) == 0 || strcmp(state, op_state_names[OP_FAILED]) == 0;
}

int
ctl_timeout(const struct ctl *c, unsigned *ret, struct error *err)
{
        uint64_t seconds = 0;

        if (c->opt[OPT_TIMEOUT] && (parse_duration(c->opt[OPT_TIMEOUT], &seconds) < 0 || seconds == 0 || seconds > 86400))
                return error_set(err, ERR_USAGE, "--timeout '%s': 1 to 86400 seconds (or 10m, 2h) are wanted",
                                 c->opt[OPT_TIMEOUT]);
        *ret = (unsigned)seconds;
        return 0;
}

/* Takes over @*op and replaces it by how the operation stands at its end. */
static int
follow(struct ctl *c, json_t **op, unsigned timeout, struct progress *p, struct error *err)
{
        long long id = ctl_integer(*op, "id");

        while (!is_over(*op)) {
                struct ctl_request q = {.method = "GET", .patience_s = SERVER_PATIENCE_S};
                json_t *next = NULL;
                int r;

                progress_show(p, *op);
                ctl_path(&q, "/v1/operations/%lld?wait=%d", id, POLL_S);
                r = ctl_http_send(c, &q, &next, err);
                if (r == 0) {
                        json_decref(*op);
                        *op = next;
                }
                if (ctl_interrupted())
                        return error_set(err, ERR_CANCELLED, "not waited for any longer; it goes on: dompool op wait %lld", id);
                if (r < 0)
                        return r;
                if (timeout && !is_over(*op) && monotonic_s() - p->start >= (time_t)timeout)
                        return error_set(err, ERR_TIMEOUT, "not over after %u s; it goes on: dompool op wait %lld", timeout,
                                         id);
        }
        return 0;
}

static const struct ctl_column op_fields[] = {
        {"operation", "id"},
        {"kind", "kind"},
        {"target", "target"},
        {"host", "host"},
        {"state", "state"},
        {"step", "step"},
        {"percent", "percent"},
        {"epoch", "epoch"},
        {"error", "error_code"},
        {"message", "error_text"},
        {"by", "by"},
        {"created", "created_ms", FMT_TIME},
        {"updated", "updated_ms", FMT_TIME},
};

int
ctl_print_operation(struct ctl *c, const json_t *op, const char *name_key, struct error *err)
{
        return ctl_print_object(c, op, name_key, op_fields, N_ELEMENTS(op_fields), err);
}

/* How it ended: an error of its own, or what it did. */
static int
report(struct ctl *c, const json_t *op, const struct progress *p, struct error *err)
{
        enum ctl_output output;
        int r = ctl_output(c, &output, err);

        if (r < 0)
                return r;
        if (output == CTL_OUT_JSON)
                ctl_print_json(stdout, op);
        if (strcmp(ctl_string(op, "state"), op_state_names[OP_FAILED]) == 0)
                return error_set(err, error_from_text(ctl_string(op, "error_code")), "%s", ctl_string(op, "error_text"));
        if (output == CTL_OUT_NAME)
                return ctl_print_operation(c, op, "target", err);
        if (output == CTL_OUT_TABLE && !p->quiet)
                printf("%s %s%s%s: done (%ld s)\n", ctl_string(op, "kind"), ctl_string(op, "target"),
                       ctl_string(op, "host")[0] ? " on " : "", ctl_string(op, "host"), (long)(monotonic_s() - p->start));
        return 0;
}

static int
wait_and_report(struct ctl *c, json_t **op, struct error *err)
{
        enum ctl_output output;
        struct progress p = {.is_terminal = isatty(STDERR_FILENO), .start = monotonic_s()};
        unsigned timeout = 0;
        int r = ctl_timeout(c, &timeout, err);

        if (r < 0 || (r = ctl_output(c, &output, err)) < 0)
                return r;
        p.quiet = output != CTL_OUT_TABLE && !p.is_terminal;
        ctl_catch_interrupt();
        r = follow(c, op, timeout, &p, err);
        progress_clear(&p);
        return r < 0 ? r : report(c, *op, &p, err);
}

int
ctl_wait_answer(struct ctl *c, json_t *operation, struct error *err)
{
        json_t *op = json_incref(operation);
        int r;

        if (c->opt[OPT_NO_WAIT]) {
                enum ctl_output output;

                r = ctl_output(c, &output, err);
                if (r == 0 && output == CTL_OUT_TABLE)
                        printf("operation %lld\n", (long long)ctl_integer(op, "id"));
                else if (r == 0)
                        r = ctl_print_operation(c, op, "id", err);
        } else {
                r = wait_and_report(c, &op, err);
        }
        json_decref(op);
        return r;
}

int
ctl_wait_number(struct ctl *c, uint64_t id, struct error *err)
{
        json_t *op = NULL;
        int r = ctl_get(c, &op, err, "/v1/operations/%llu", (unsigned long long)id);

        if (r == 0)
                r = wait_and_report(c, &op, err);
        json_decref(op);
        return r;
}
