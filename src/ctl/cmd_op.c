/* SPDX-License-Identifier: Apache-2.0 */
/* dompool op ..., event ..., server ... Runs in: dompool. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_wait.h"

#define EVENT_WAIT_S 30
#define FOLLOW_PATIENCE_S 300

static const struct ctl_column op_columns[] = {
        {"ID", "id", .right = true},
        {"KIND", "kind"},
        {"TARGET", "target", .elastic = true},
        {"HOST", "host", .elastic = true},
        {"STATE", "state"},
        {"STEP", "step"},
        {"SINCE", "created_ms", FMT_SINCE, .right = true},
        {"BY", "by", .elastic = true},
        {"ERROR", "error_text", .elastic = true},
};

static int
number_option(const struct ctl *c, enum ctl_option o, uint64_t max, uint64_t *ret, struct error *err)
{
        if (c->opt[o] && parse_u64(c->opt[o], max, ret) < 0)
                return error_set(err, ERR_USAGE, "--%s '%s': a number up to %llu is wanted", ctl_options[o].name, c->opt[o],
                                 (unsigned long long)max);
        return 0;
}

static int
number_argument(const char *text, uint64_t *ret, struct error *err)
{
        if (parse_u64(text, INT64_MAX, ret) < 0)
                return error_set(err, ERR_USAGE, "'%s' is no number of an operation; see 'dompool op list'", text);
        return 0;
}

int
cmd_op_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        uint64_t limit = 50;
        json_t *answer = NULL;
        int r = number_option(c, OPT_LIMIT, 10000, &limit, err);

        (void)argc;
        (void)argv;
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/operations?limit=%llu", (unsigned long long)limit);
        if (r == 0)
                r = ctl_print_list(c, answer, "operations", "id", op_columns, N_ELEMENTS(op_columns), err);
        json_decref(answer);
        return r;
}

int
cmd_op_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *op = NULL;
        uint64_t id = 0;
        int r = number_argument(argv[0], &id, err);

        (void)argc;
        if (r == 0)
                r = ctl_get(c, &op, err, "/v1/operations/%llu", (unsigned long long)id);
        if (r == 0)
                r = ctl_print_operation(c, op, "id", err);
        json_decref(op);
        return r;
}

int
cmd_op_wait(struct ctl *c, int argc, char **argv, struct error *err)
{
        uint64_t id = 0;
        int r = number_argument(argv[0], &id, err);

        (void)argc;
        return r < 0 ? r : ctl_wait_number(c, id, err);
}

/* ---- events ---- */

static void
print_event(const json_t *event, enum ctl_output output)
{
        char when[40], kind[40], subject[80], what[40], text[600];

        if (output == CTL_OUT_JSON) {
                json_dumpf(event, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER); /* one a line: for programs that read a stream */
                fputc('\n', stdout);
                return;
        }
        printf("%6lld  %s  %-8s %-16s %-12s %s\n", (long long)ctl_integer(event, "id"),
               ctl_format(FMT_TIME, json_object_get(event, "time_ms"), 0, when, sizeof(when)),
               ctl_clean(ctl_string(event, "kind"), kind, sizeof(kind)),
               ctl_clean(ctl_string(event, "subject"), subject, sizeof(subject)),
               ctl_clean(ctl_string(event, "what"), what, sizeof(what)),
               ctl_clean(ctl_string(event, "text"), text, sizeof(text)));
}

static void
print_events(const json_t *answer, enum ctl_output output)
{
        const json_t *event;
        size_t i;

        json_array_foreach(json_object_get(answer, "events"), i, event)
        {
                print_event(event, output);
        }
        fflush(stdout);
}

struct event_query {
        uint64_t after, limit;
        const char *kind;
        unsigned wait_s;
};

static int
get_events(struct ctl *c, const struct event_query *e, json_t **ret, struct error *err)
{
        struct ctl_request q = {.method = "GET", .patience_s = e->wait_s ? FOLLOW_PATIENCE_S : 0};

        ctl_path(&q, "/v1/events?after=%llu&limit=%llu&wait=%u%s%s", (unsigned long long)e->after, (unsigned long long)e->limit,
                 e->wait_s, e->kind ? "&kind=" : "", e->kind ?: "");
        return ctl_http_send(c, &q, ret, err);
}

/* Where "the last N" begin: after is the newest's number minus N. With a kind that is a beginning too late, never too early. */
static int
events_start(struct ctl *c, struct event_query *e, struct error *err)
{
        struct event_query ask = {.after = INT64_MAX, .limit = 1};
        json_t *answer = NULL;
        uint64_t last;
        int r = get_events(c, &ask, &answer, err);

        if (r < 0)
                return r;
        last = (uint64_t)ctl_integer(answer, "last");
        json_decref(answer);
        e->after = !e->kind && last > e->limit ? last - e->limit : 0;
        return 0;
}

static int
follow_events(struct ctl *c, struct event_query *e, enum ctl_output output, struct error *err)
{
        e->wait_s = EVENT_WAIT_S;
        e->limit = 1000;
        ctl_catch_interrupt();
        while (!ctl_interrupted()) {
                json_t *answer = NULL;
                int r = get_events(c, e, &answer, err);

                if (ctl_interrupted())
                        return 0;
                if (r < 0)
                        return r;
                print_events(answer, output);
                e->after = (uint64_t)ctl_integer(answer, "last");
                json_decref(answer);
        }
        return 0;
}

int
cmd_event_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct event_query e = {.limit = 50, .kind = c->opt[OPT_KIND]};
        enum ctl_output output;
        json_t *answer = NULL;
        int r = ctl_output(c, &output, err);

        (void)argc;
        (void)argv;
        if (r < 0 || (r = number_option(c, OPT_LIMIT, 10000, &e.limit, err)) < 0 ||
            (r = number_option(c, OPT_AFTER, INT64_MAX, &e.after, err)) < 0 ||
            (e.kind && (r = ctl_name("a kind", e.kind, err)) < 0))
                return r;
        if (!c->opt[OPT_AFTER] && (r = events_start(c, &e, err)) < 0)
                return r;
        if (c->opt[OPT_FOLLOW])
                return follow_events(c, &e, output, err);
        r = get_events(c, &e, &answer, err);
        if (r == 0 && output == CTL_OUT_JSON)
                ctl_print_json(stdout, answer);
        else if (r == 0)
                print_events(answer, output);
        json_decref(answer);
        return r;
}

/* ---- server ---- */

static const struct ctl_column server_fields[] = {
        {"version", "version"},
        {"since", "started_ms", FMT_TIME},
        {"fingerprint", "tls_fingerprint"},
        {"core", "roles.core"},
        {"boot", "roles.boot"},
        {"files", "roles.files"},
        {"api", "roles.api"},
        {"work", "roles.work"},
        {"hosts", "counts.hosts"},
        {"ready", "counts.hosts_by_state.ready"},
        {"booting", "counts.hosts_by_state.booting"},
        {"lost", "counts.hosts_by_state.lost"},
        {"off", "counts.hosts_by_state.off"},
        {"unknown machines", "counts.unknown"},
        {"domains", "counts.domains"},
        {"operations under way", "counts.operations_active"},
        {"images", "counts.images"},
        {"events", "counts.events"},
};

int
cmd_server_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *server = NULL;
        int r = ctl_get(c, &server, err, "/v1/server");

        (void)argc;
        (void)argv;
        if (r == 0)
                r = ctl_print_object(c, server, "version", server_fields, N_ELEMENTS(server_fields), err);
        json_decref(server);
        return r;
}
