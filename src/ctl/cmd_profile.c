/* SPDX-License-Identifier: Apache-2.0 */
/* dompool profile ... Runs in: dompool. */
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/cmd_canary.h"
#include "ctl/ctl_diff.h"
#include "ctl/ctl_findings.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "model/canary.h"
#include "model/profile.h"

static const struct ctl_column profile_columns[] = {
        {"NAME", "name"},
        {"KIND", "kind"},
        {"IMAGE", "image"},
        {"MENU", "menu"},
        {"HOSTS", "hosts", .right = true},
        {"MEANING", "meaning", .elastic = true},
};

static const struct ctl_column rule_columns[] = {
        {"RULE", "name"},
        {"PROFILE", "profile"},
        {"WHEN", "when"},
        {"HOSTS", "hosts", .elastic = true},
        {"LABELS", "labels", .elastic = true},
        {"MAC", "mac"},
        {"SMBIOS", "smbios", .elastic = true},
        {"DECIDES", "decides", .right = true},
};

static const struct ctl_column profile_fields[] = {
        {"name", "name"},       {"kind", "kind"},         {"meaning", "meaning"},
        {"image", "image"},     {"xen args", "xen_args"}, {"kernel args", "kernel_args"},
        {"server", "server"},   {"file", "file"},         {"menu", "menu"},
        {"hosts now", "hosts"},
};

int
cmd_profile_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        enum ctl_output output = CTL_OUT_TABLE;
        json_t *answer = NULL;
        int r = ctl_get(c, &answer, err, "/v1/profiles");

        (void)argc;
        (void)argv;
        if (r == 0)
                r = ctl_print_list(c, answer, "profiles", "name", profile_columns, N_ELEMENTS(profile_columns), err);
        if (r == 0)
                r = ctl_output(c, &output, err);
        if (r == 0 && output == CTL_OUT_TABLE && json_array_size(json_object_get(answer, "rules")) > 0) {
                printf("\n");
                r = ctl_print_list(c, answer, "rules", "name", rule_columns, N_ELEMENTS(rule_columns), err);
        }
        json_decref(answer);
        return r;
}

int
cmd_profile_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL, *profile;
        int r = ctl_name("a profile", argv[0], err);
        size_t i;

        (void)argc;
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/profiles");
        if (r < 0)
                return r;
        r = error_set(err, ERR_NOT_FOUND, "there is no profile '%s'; see 'dompool profile list'", argv[0]);
        json_array_foreach(json_object_get(answer, "profiles"), i, profile)
        {
                if (strcmp(ctl_string(profile, "name"), argv[0]) == 0)
                        r = ctl_print_object(c, profile, "name", profile_fields, N_ELEMENTS(profile_fields), err);
        }
        json_decref(answer);
        return r;
}

static int
print_set(struct ctl *c, const json_t *answer, struct error *err)
{
        enum ctl_output output;
        json_t *name;
        size_t i;
        int r = ctl_output(c, &output, err);

        if (r < 0)
                return r;
        if (output == CTL_OUT_JSON) {
                ctl_print_json(stdout, answer);
                return 0;
        }
        ctl_findings_note(answer);
        if (json_object_get(answer, "canary"))
                return cmd_canary_print(c, json_object_get(answer, "canary"), err);
        json_array_foreach(json_object_get(answer, "hosts"), i, name)
        {
                char text[NAME_SIZE];

                printf("%s\n", ctl_clean(json_string_value(name) ?: "", text, sizeof(text)));
        }
        return 0;
}

/* The canary's numbers into the body. */
static int
add_canary(struct ctl *c, json_t *body, struct error *err)
{
        static const struct {
                enum ctl_option option;
                const char *key;
                uint64_t max;
        } numbers[] = {
                {OPT_CANARY, "canary", CANARY_MAX_HOSTS},
                {OPT_READY_WITHIN, "ready_seconds", CANARY_READY_MAX_S},
                {OPT_WATCH, "watch_seconds", CANARY_WATCH_MAX_S},
        };
        uint64_t value;

        for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
                const char *text = c->opt[numbers[i].option];

                if (!text)
                        continue;
                if (!c->opt[OPT_CANARY])
                        return error_set(err, ERR_USAGE, "--%s is of use with --canary only",
                                         ctl_options[numbers[i].option].name);
                if (parse_u64(text, numbers[i].max, &value) < 0 || value == 0)
                        return error_set(err, ERR_USAGE, "--%s '%.40s': a number from 1 to %llu is wanted",
                                         ctl_options[numbers[i].option].name, text, (unsigned long long)numbers[i].max);
                json_object_set_new(body, numbers[i].key, json_integer((json_int_t)value));
        }
        return 0;
}

/* Sets it, or with @check only asks whether that would go. With --diff it has printed what it had to say, and there is no
 * answer. */
static int
send_profile(struct ctl *c, int argc, char **argv, bool check, json_t **ret, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        const char *profile = argv[argc - 1];
        char image[CTL_IMAGE_SIZE];
        json_t *body = json_object();
        int r = ctl_name("a profile", profile, err);

        if (r == 0)
                r = ctl_add_hosts(c, body, argc - 1, argv, err);
        if (r == 0 && c->opt[OPT_IMAGE] && (r = ctl_image_name(c->opt[OPT_IMAGE], image, err)) == 0)
                json_object_set_new(body, "image", json_string(image));
        json_object_set_new(body, "profile", json_string(profile));
        json_object_set_new(body, "next", json_boolean(c->opt[OPT_NEXT] != NULL));
        if (r == 0 && c->opt[OPT_DIFF]) {
                r = ctl_diff(c, body, err);
                json_decref(body);
                return r;
        }
        if (r == 0)
                r = add_canary(c, body, err);
        json_object_set_new(body, "force", json_boolean(c->opt[OPT_FORCE] != NULL));
        json_object_set_new(body, "check", json_boolean(check));
        q.body = body;
        ctl_path(&q, "/v1/profiles");
        if (r == 0)
                r = ctl_http_send(c, &q, ret, err);
        json_decref(body);
        return r;
}

int
cmd_profile_set(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL;
        int r = send_profile(c, argc, argv, false, &answer, err);

        if (r == 0 && answer)
                r = print_set(c, answer, err);
        json_decref(answer);
        return r;
}

int
cmd_profile_check(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *answer = NULL;
        int r = send_profile(c, argc, argv, true, &answer, err);

        if (r == 0)
                r = ctl_findings_print(c, answer, err);
        json_decref(answer);
        return r;
}
