/* SPDX-License-Identifier: Apache-2.0 */
/* dompool host explain: every packet and file that a machine would get, and what decided each line. Runs in: dompool. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/ctl_diff.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "model/profile.h"

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

/* --diff: by --profile, or by --config. */
static int
explain_diff(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *body = json_object(), *config = NULL;
        char image[CTL_IMAGE_SIZE];
        int r = ctl_add_hosts(c, body, argc, argv, err);

        if (r == 0 && !c->opt[OPT_PROFILE] == !c->opt[OPT_CONFIG])
                r = error_set(err, ERR_USAGE, "--diff wants what would change: --profile PROFILE or --config FILE");
        if (r == 0 && c->opt[OPT_PROFILE] && (r = ctl_name("a profile", c->opt[OPT_PROFILE], err)) == 0)
                json_object_set_new(body, "profile", json_string(c->opt[OPT_PROFILE]));
        if (r == 0 && c->opt[OPT_IMAGE] && (r = ctl_image_name(c->opt[OPT_IMAGE], image, err)) == 0)
                json_object_set_new(body, "image", json_string(image));
        json_object_set_new(body, "next", json_boolean(c->opt[OPT_NEXT] != NULL));
        if (r == 0 && c->opt[OPT_CONFIG] && !(config = ctl_config_json(c->opt[OPT_CONFIG], err)))
                r = error_to_errno(err->code);
        if (config) {
                json_object_set_new(body, "has_config", json_true());
                json_object_set_new(body, "config", config);
        }
        if (r == 0)
                r = ctl_diff(c, body, err);
        json_decref(body);
        return r;
}

static int
no_diff_options(const struct ctl *c, int argc, struct error *err)
{
        static const enum ctl_option only_diff[] = {OPT_PROFILE, OPT_CONFIG, OPT_IMAGE, OPT_NEXT, OPT_LABEL, OPT_ALL};

        for (size_t i = 0; i < N_ELEMENTS(only_diff); i++)
                if (c->opt[only_diff[i]])
                        return error_set(err, ERR_USAGE, "--%s is for --diff", ctl_options[only_diff[i]].name);
        return argc == 1 ? 0 : error_set(err, ERR_USAGE, "one host or MAC address is wanted");
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
        int r;

        if (c->opt[OPT_DIFF])
                return explain_diff(c, argc, argv, err);
        r = no_diff_options(c, argc, err);
        if (r < 0 || (r = ctl_output(c, &output, err)) < 0)
                return r;
        ctl_machine(argv[0], name);
        if (r == 0)
                r = ctl_name("a host or MAC address", name, err);
        if (r == 0)
                r = ctl_name("a firmware", firmware, err);
        if (r == 0)
                r = ctl_at(c, &at, err);
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
