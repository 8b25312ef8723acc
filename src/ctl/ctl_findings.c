/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of the guards for people. Runs in: dompool. */
#include "ctl/ctl_findings.h"

#include <string.h>

#include "base/cleanup.h"
#include "ctl/ctl_out.h"

static const struct ctl_column columns[] = {
        {"HOST", "host"},
        {"LEVEL", "level"},
        {"CODE", "code"},
        {"FINDING", "text", .elastic = true},
        {"REMEDY", "remedy", .elastic = true},
};

static void
note(const json_t *f, const char *level)
{
        char host[100], rule[100], text[300], remedy[300];

        ctl_clean(ctl_string(f, "host"), host, sizeof(host));
        ctl_clean(ctl_string(f, "rule"), rule, sizeof(rule));
        ctl_clean(ctl_string(f, "text"), text, sizeof(text));
        ctl_clean(ctl_string(f, "remedy"), remedy, sizeof(remedy));
        fprintf(stderr, "%s: %s%s%s%s%s%s [%s]; %s\n", level, host, *rule ? ", by rule '" : "", rule, *rule ? "'" : "",
                *host ? ": " : "", text, ctl_string(f, "code"), remedy);
}

void
ctl_findings_note(const json_t *answer)
{
        const json_t *f;
        size_t i;

        fflush(stdout);
        json_array_foreach(json_object_get(answer, "findings"), i, f)
        {
                note(f, ctl_string(f, "level"));
        }
        json_array_foreach(json_object_get(answer, "warnings"), i, f)
        {
                note(f, "warning"); /* whatever its level: nothing was refused by it */
        }
}

int
ctl_findings_print(struct ctl *c, const json_t *answer, struct error *err)
{
        const json_t *f;
        size_t i, against = 0;
        int r = ctl_print_list(c, answer, "findings", "code", columns, N_ELEMENTS(columns), err);

        json_array_foreach(json_object_get(answer, "findings"), i, f)
        {
                against += strcmp(ctl_string(f, "level"), "warning") != 0;
        }
        if (r == 0 && against > 0)
                return error_set(err, ERR_UNFIT, "%zu finding%s stand%s against it", against, against > 1 ? "s" : "",
                                 against > 1 ? "" : "s");
        return r;
}
