/* SPDX-License-Identifier: Apache-2.0 */
/* dompool export ... Runs in: dompool. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"

static const struct ctl_column export_columns[] = {
        {"NAME", "name"},
        {"STATE", "state"},
        {"SINCE", "since_ms", FMT_SINCE, .right = true},
        {"PID", "pid", .right = true},
        {"RESTARTS", "restarts", .right = true},
        {"CLIENTS", "clients", .right = true},
        {"VERSIONS", "versions", .right = true},
        {"TROUBLE", "text", .elastic = true},
};

static const struct ctl_column export_fields[] = {
        {"name", "name"},         {"state", "state"},     {"since", "since_ms", FMT_TIME}, {"pid", "pid"},
        {"restarts", "restarts"}, {"clients", "clients"}, {"versions", "versions"},        {"trouble", "text"},
};

static const struct ctl_column grant_columns[] = {
        {"HOST", "host"}, {"ROOT", "root"}, {"VERSION", "image", FMT_ID}, {"ADDRESS", "address"}, {"MAC", "mac"},
};

int
cmd_export_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        (void)argv;
        return ctl_list(c, "/v1/exports", "exports", "name", export_columns, N_ELEMENTS(export_columns), err);
}

int
cmd_export_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        enum ctl_output output;
        json_t *answer = NULL;
        int r = ctl_name("an export", argv[0], err);

        (void)argc;
        if (r == 0)
                r = ctl_output(c, &output, err);
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/exports/%s", argv[0]);
        if (r == 0)
                r = ctl_print_object(c, answer, "name", export_fields, N_ELEMENTS(export_fields), err);
        if (r == 0 && output == CTL_OUT_TABLE) {
                puts("");
                r = ctl_print_list(c, answer, "grants", "host", grant_columns, N_ELEMENTS(grant_columns), err);
        }
        json_decref(answer);
        return r;
}
