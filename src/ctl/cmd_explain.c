/* SPDX-License-Identifier: Apache-2.0 */
/* dompool host explain: every packet and file that a machine would get, and what decided each line. Runs in: dompool. */
#define _XOPEN_SOURCE 700 /* strptime */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "model/profile.h"

/* "2026-11-23 08:00" or "08:00" of today, local time; milliseconds. */
static int
parse_at(const char *text, int64_t *ret, struct error *err)
{
        time_t now = time(NULL);
        const struct tm today = *localtime(&now);
        struct tm tm = today;
        const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);

        if (!end || *end) {
                tm = today; /* what did not match has left its traces */
                end = strptime(text, "%H:%M", &tm);
        }
        if (!end || *end)
                return error_set(err, ERR_USAGE, "--at '%.40s' is no time; one is \"2026-11-23 08:00\" or \"08:00\"", text);
        tm.tm_sec = 0;
        tm.tm_isdst = -1; /* as it is at that time */
        *ret = (int64_t)mktime(&tm) * 1000;
        return 0;
}

static void
print_hex(const char *hex)
{
        size_t n = strlen(hex);

        for (size_t i = 0; i < n; i += 64)
                printf("    %04zx  %.64s\n", i / 2, hex + i);
}

/* A menu's lines stand below it once more, with their reasons; the text itself is what --json has byte for byte. */
static void
print_item(const json_t *item)
{
        char text[2700], why[700];
        const json_t *line;
        size_t i;

        printf("%s: %s", ctl_string(item, "kind"), ctl_clean(ctl_string(item, "title"), text, sizeof(text)));
        if (ctl_integer(item, "size") > 0)
                printf(" (%lld bytes)", (long long)ctl_integer(item, "size"));
        printf("\n");
        json_array_foreach(json_object_get(item, "lines"), i, line)
        {
                ctl_clean(ctl_string(line, "why"), why, sizeof(why));
                printf("  %s%s%s\n", ctl_clean(ctl_string(line, "text"), text, sizeof(text)), *why ? "    # " : "", why);
        }
        if (json_object_get(item, "hex"))
                print_hex(ctl_string(item, "hex"));
}

int
cmd_host_explain(struct ctl *c, int argc, char **argv, struct error *err)
{
        const char *firmware = c->opt[OPT_FIRMWARE] ? c->opt[OPT_FIRMWARE] : "bios";
        char name[NAME_SIZE] = "";
        json_t *answer = NULL, *item;
        enum ctl_output output;
        int64_t at = 0;
        size_t i;
        int r = ctl_output(c, &output, err);

        (void)argc;
        ctl_machine(argv[0], name);
        if (r == 0)
                r = ctl_name("a host or MAC address", name, err);
        if (r == 0)
                r = ctl_name("a firmware", firmware, err);
        if (r == 0 && c->opt[OPT_AT])
                r = parse_at(c->opt[OPT_AT], &at, err);
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/hosts/%s/explain?firmware=%s&at=%lld", name, firmware, (long long)at);
        if (r == 0 && output == CTL_OUT_JSON) {
                ctl_print_json(stdout, answer);
        } else if (r == 0) {
                json_array_foreach(json_object_get(answer, "items"), i, item)
                {
                        print_item(item);
                }
        }
        json_decref(answer);
        return r;
}
