/* SPDX-License-Identifier: Apache-2.0 */
/* dompool host ... of machines that asked for a boot and are no host. Runs in: dompool. */
#include "ctl/cmd_unknown.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/cmd_host.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"

static const struct ctl_column unknown_columns[] = {
        {"MAC", "mac"},
        {"STATE", "state"},
        {"RULE", "rule"},
        {"MACHINE", "hardware.product", .elastic = true},
        {"SERIAL", "hardware.serial", .elastic = true},
        {"NETWORK", "network"},
        {"VIA", "via"},
        {"ARCH", "arch", .right = true},
        {"LAST", "last_ms", FMT_SINCE, .right = true},
        {"COUNT", "count", .right = true},
        {"WHY", "reason", .elastic = true},
        {"DUPLICATE", "duplicates", FMT_LIST, .elastic = true},
};

static const struct ctl_column unknown_fields[] = {
        {"mac", "mac"},
        {"state", "state"},
        {"rule", "rule"},
        {"why", "reason"},
        {"stage", "stage"},
        {"network", "network"},
        {"duplicates", "duplicates", FMT_LIST},
        {"uuid", "uuid"},
        {"architecture", "arch"},
        {"class", "vendor_class"},
        {"first seen", "first_ms", FMT_TIME},
        {"last seen", "last_ms", FMT_TIME},
        {"requests", "count"},
        {"inspected", "hardware.time_ms", FMT_TIME},
        {"machine", "hardware.product"},
        {"manufacturer", "hardware.manufacturer"},
        {"serial number", "hardware.serial"},
        {"asset tag", "hardware.asset"},
        {"firmware", "hardware.bios"},
        {"processor", "hardware.cpu"},
        {"cores", "hardware.n_cpus"},
        {"memory fitted", "hardware.memory_kib", FMT_KIB},
};

int
cmd_unknown_list(struct ctl *c, struct error *err)
{
        return ctl_list(c, "/v1/unknown-hosts", "unknown", "id", unknown_columns, N_ELEMENTS(unknown_columns), err);
}

int
cmd_unknown_show(struct ctl *c, const char *mac, struct error *err)
{
        json_t *machine = NULL;
        enum ctl_output output;
        int r = ctl_get(c, &machine, err, "/v1/unknown-hosts/%s", mac);

        if (r == 0)
                r = ctl_print_object(c, machine, "mac", unknown_fields, N_ELEMENTS(unknown_fields), err);
        if (r == 0 && ctl_output(c, &output, err) == 0 && output == CTL_OUT_TABLE)
                cmd_host_print_hardware(json_object_get(machine, "hardware"));
        json_decref(machine);
        return r;
}

static int
path_of(const char *text, char ret[NAME_SIZE], struct error *err)
{
        return ctl_machine(text, ret) ? 0 : error_set(err, ERR_USAGE, "'%.40s' is no MAC address", text);
}

int
cmd_host_adopt(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        json_t *body, *host = NULL;
        char mac[NAME_SIZE];
        int r = path_of(argv[0], mac, err);

        if (r == 0 && argc > 1)
                r = ctl_name("a host", argv[1], err);
        if (r < 0)
                return r;
        body = json_object();
        if (argc > 1)
                json_object_set_new(body, "name", json_string(argv[1]));
        r = cmd_host_describe(c, body, err);
        if (r == 0 && c->opt[OPT_DIFF])
                return cmd_host_diff(c, body, mac, err);
        q.body = body;
        ctl_path(&q, "/v1/unknown-hosts/%s/adopt", mac);
        if (r == 0)
                r = ctl_http_send(c, &q, &host, err);
        json_decref(body);
        return r < 0 ? r : cmd_host_print(c, host, err);
}

static int
change(struct ctl *c, const char *method, const char *text, const char *verb, struct error *err)
{
        struct ctl_request q = {.method = method};
        json_t *answer = NULL;
        char mac[NAME_SIZE];
        int r = path_of(text, mac, err);

        if (r < 0)
                return r;
        ctl_path(&q, "/v1/unknown-hosts/%s%s", mac, verb);
        r = ctl_http_send(c, &q, &answer, err);
        json_decref(answer);
        return r;
}

int
cmd_host_ignore(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return change(c, "POST", argv[0], "/ignore", err);
}

int
cmd_host_forget(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return change(c, "DELETE", argv[0], "", err);
}
