/* SPDX-License-Identifier: Apache-2.0 */
/* dompool satellite ... Runs in: dompool. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"

static const struct ctl_column satellite_columns[] = {
        {"NAME", "name"},
        {"STATE", "state"},
        {"SINCE", "since_ms", FMT_SINCE, .right = true},
        {"ADDRESS", "address"},
        {"HOSTS", "hosts", .right = true},
        {"GENERATION", "generation"},
        {"BEHIND", "behind_ms", .right = true},
        {"MISSING", "files_missing", .right = true},
        {"TROUBLE", "trouble", .elastic = true},
};

static const struct ctl_column satellite_fields[] = {
        {"name", "name"},
        {"label", "label"},
        {"state", "state"},
        {"since", "since_ms", FMT_TIME},
        {"address", "address"},
        {"version", "version"},
        {"networks", "networks", FMT_LIST},
        {"hosts", "hosts"},
        {"generation", "generation"},
        {"newest generation", "offered"},
        {"behind, ms", "behind_ms"},
        {"files missing", "files_missing"},
        {"bytes missing", "bytes_missing", FMT_BYTES},
        {"trouble", "trouble"},
        {"last report", "reports"},
        {"added", "added_ms", FMT_TIME},
};

int
cmd_satellite_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        (void)argv;
        return ctl_list(c, "/v1/satellites", "satellites", "name", satellite_columns, N_ELEMENTS(satellite_columns), err);
}

int
cmd_satellite_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL;
        int r = ctl_name("a satellite", argv[0], err);

        (void)argc;
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/satellites/%s", argv[0]);
        if (r == 0)
                r = ctl_print_object(c, answer, "name", satellite_fields, N_ELEMENTS(satellite_fields), err);
        json_decref(answer);
        return r;
}

/* The line alone on stdout, so that it can be piped to the satellite; what to do with it on stderr. */
static int
print_enrolment(struct ctl *c, const char *name, const json_t *answer, struct error *err)
{
        enum ctl_output output;
        int r = ctl_output(c, &output, err);

        if (r < 0)
                return r;
        if (output == CTL_OUT_JSON) {
                ctl_print_json(stdout, answer);
                return 0;
        }
        printf("%s\n", ctl_string(answer, "enrolment"));
        if (output == CTL_OUT_TABLE)
                fprintf(stderr,
                        "dompool: put this line into /etc/dompool/satellite (mode 600) on the machine that is to be satellite "
                        "'%s', describe its LAN "
                        "in its dompoold.conf, and start 'dompoold --satellite' there; the line is a secret and is not shown "
                        "again\n",
                        name);
        return 0;
}

int
cmd_satellite_add(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        json_t *body, *answer = NULL;
        int r = ctl_name("a satellite", argv[0], err);

        (void)argc;
        if (r == 0 && c->opt[OPT_LABEL])
                r = ctl_name("a label", c->opt[OPT_LABEL], err);
        if (r < 0)
                return r;
        q.body = body = json_pack("{s:s,s:s}", "name", argv[0], "label", c->opt[OPT_LABEL] ? c->opt[OPT_LABEL] : "");
        ctl_path(&q, "/v1/satellites");
        r = ctl_http_send(c, &q, &answer, err);
        json_decref(body);
        if (r == 0)
                r = print_enrolment(c, argv[0], answer, err);
        json_decref(answer);
        return r;
}

int
cmd_satellite_remove(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "DELETE"};
        json_t *answer = NULL;
        int r = ctl_name("a satellite", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        ctl_path(&q, "/v1/satellites/%s", argv[0]);
        r = ctl_http_send(c, &q, &answer, err);
        json_decref(answer);
        return r;
}
