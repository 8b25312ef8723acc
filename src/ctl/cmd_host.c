/* SPDX-License-Identifier: Apache-2.0 */
/* dompool host ... Runs in: dompool. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl/cmd_host.h"
#include "ctl/cmd_unknown.h"
#include "ctl/ctl_diff.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_wait.h"
#include "model/host.h"

static const struct ctl_column host_columns[] = {
        {"NAME", "name"},
        {"STATE", "state"},
        {"STAGE", "stage"},
        {"SINCE", "since_ms", FMT_SINCE, .right = true},
        {"PROFILE", "profile"},
        {"NEXT", "once"},
        {"IMAGE", "image", .elastic = true},
        {"ADDRESS", "address_now"},
        {"FREE", "inventory.free_memory_kib", FMT_KIB, .right = true},
        {"DOMAINS", "n_domains", .right = true},
        {"MAC", "mac"},
};

static const struct ctl_column host_fields[] = {
        {"name", "name"},
        {"mac", "mac"},
        {"state", "state"},
        {"stage", "stage"},
        {"since", "since_ms", FMT_TIME},
        {"boot", "boot"},
        {"profile", "profile"},
        {"decided by", "profile_by"},
        {"rule", "rule"},
        {"next boot only", "once"},
        {"canary", "canary"},
        {"labels", "labels"},
        {"image", "image"},
        {"image id", "image_id", FMT_ID},
        {"fallen back from", "fallback.failed"},
        {"fallen back to", "fallback.to"},
        {"fallen back since", "fallback.since_ms", FMT_TIME},
        {"fallen back because", "fallback.why"},
        {"loader", "loader"},
        {"root", "root"},
        {"fixed address", "address"},
        {"address", "address_now"},
        {"domains", "n_domains"},
        {"console", "console"},
        {"xen args", "xen_args"},
        {"kernel args", "kernel_args"},
        {"in the configuration", "configured"},
        {"enrolled by rule", "enrolled"},
        {"duplicates", "duplicates", FMT_LIST},
        {"hostname", "inventory.hostname"},
        {"xen", "inventory.xen_version"},
        {"kernel", "inventory.kernel_version"},
        {"agent", "inventory.agent_version"},
        {"cpu", "inventory.cpu_model"},
        {"cpus", "inventory.n_cpus"},
        {"memory", "inventory.memory_kib", FMT_KIB},
        {"free memory", "inventory.free_memory_kib", FMT_KIB},
        {"dom0 memory", "inventory.dom0_memory_kib", FMT_KIB},
        {"root now", "inventory.root.root"},
        {"fetched of it", "inventory.root.fetched", FMT_BYTES},
        {"ram of its image", "inventory.root.ram", FMT_BYTES},
        {"written to it", "inventory.root.layer_used", FMT_BYTES},
        {"at most", "inventory.root.layer_size", FMT_BYTES},
        {"writable layer", "layer"},
        {"bridges", "inventory.bridges"},
        {"nfs directories", "inventory.nfs_dirs"},
        {"kept files", "kept.files"},
        {"kept bytes", "kept.size", FMT_BYTES},
        {"kept at", "kept.time_ms", FMT_TIME},
        {"not kept", "keep_trouble"},
        {"inspected", "hardware.time_ms", FMT_TIME},
        {"machine", "hardware.product"},
        {"manufacturer", "hardware.manufacturer"},
        {"serial number", "hardware.serial"},
        {"asset tag", "hardware.asset"},
        {"firmware", "hardware.bios"},
        {"processor", "hardware.cpu"},
        {"cores", "hardware.n_cpus"},
        {"memory fitted", "hardware.memory_kib", FMT_KIB},
        {"runs pv", "inventory.pv"},
        {"runs pvh", "inventory.pvh"},
        {"runs hvm", "inventory.hvm"},
};

int
cmd_host_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        (void)argv;
        return c->opt[OPT_UNKNOWN] ? cmd_unknown_list(c, err)
                                   : ctl_list(c, "/v1/hosts", "hosts", "name", host_columns, N_ELEMENTS(host_columns), err);
}

void
cmd_host_print_hardware(const json_t *hardware)
{
        char name[40], model[60], driver[40], size[40];
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(hardware, "nics"), i, item)
        {
                ctl_clean(ctl_string(item, "driver"), driver, sizeof(driver));
                printf("network card: %04llx:%04llx %s %s, %s\n", (unsigned long long)ctl_integer(item, "vendor"),
                       (unsigned long long)ctl_integer(item, "device"), ctl_clean(ctl_string(item, "name"), name, sizeof(name)),
                       ctl_clean(ctl_string(item, "mac"), model, sizeof(model)), *driver ? driver : "no driver in the image");
        }
        json_array_foreach(json_object_get(hardware, "disks"), i, item)
        {
                printf("disk: %s %s %s\n", ctl_clean(ctl_string(item, "name"), name, sizeof(name)),
                       ctl_clean(ctl_string(item, "model"), model, sizeof(model)),
                       ctl_format(FMT_BYTES, json_object_get(item, "size"), 0, size, sizeof(size)));
        }
}

int
cmd_host_print(struct ctl *c, json_t *host, struct error *err)
{
        enum ctl_output output;
        int r = ctl_print_object(c, host, "name", host_fields, N_ELEMENTS(host_fields), err);

        if (r == 0 && ctl_output(c, &output, err) == 0 && output == CTL_OUT_TABLE)
                cmd_host_print_hardware(json_object_get(host, "hardware"));
        json_decref(host);
        return r;
}

int
cmd_host_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *host = NULL;
        char mac[NAME_SIZE];
        int r;

        (void)argc;
        if (ctl_machine(argv[0], mac))
                return cmd_unknown_show(c, mac, err);
        r = ctl_name("a host", argv[0], err);
        if (r == 0)
                r = ctl_get(c, &host, err, "/v1/hosts/%s", argv[0]);
        return r < 0 ? r : cmd_host_print(c, host, err);
}

/* ---- trace ---- */

static void
print_stage(const json_t *boot, const json_t *stage)
{
        char name[40], text[600];

        printf("  %9.3f s  %-8s %s\n", (double)(ctl_integer(stage, "time_ms") - ctl_integer(boot, "started_ms")) / 1000.0,
               ctl_clean(ctl_string(stage, "stage"), name, sizeof(name)),
               ctl_clean(ctl_string(stage, "text"), text, sizeof(text)));
}

static void
print_boot_head(const char *host, const json_t *boot)
{
        char when[40], via[NAME_SIZE];

        ctl_clean(ctl_string(boot, "via"), via, sizeof(via));
        printf("%s, boot %lld, %s%s%s\n", host, (long long)ctl_integer(boot, "boot"),
               ctl_format(FMT_TIME, json_object_get(boot, "started_ms"), 0, when, sizeof(when)), *via ? ", via satellite " : "",
               via);
}

/* Networks of guests beside the host's own; where its root came from - nothing when that was in the initrd - and what it took.
 */
static void
print_notes(const json_t *boot)
{
        static const enum boot_note_kind kinds[] = {BOOT_NOTE_GUEST_NET, BOOT_NOTE_ROOT, BOOT_NOTE_NFS_DIRS,
                                                    BOOT_NOTE_FOOTPRINT};
        const json_t *notes = json_object_get(boot, "notes"), *note;
        char text[600];
        size_t i;

        for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
                const char *kind = boot_note_names[kinds[k]];

                json_array_foreach(notes, i, note)
                {
                        if (strcmp(ctl_string(note, "kind"), kind) == 0)
                                printf("  %-12s %s\n", kind, ctl_clean(ctl_string(note, "text"), text, sizeof(text)));
                }
        }
}

static void
print_boot_end(const json_t *boot)
{
        const json_t *search = json_object_get(boot, "search"), *file;
        char name[40], text[1300];
        size_t i;

        json_array_foreach(search, i, file)
        {
                printf("  looked for   %s\n", ctl_clean(json_string_value(file) ?: "", text, sizeof(text)));
        }
        if (ctl_string(boot, "failure")[0])
                printf("  failed: %s\n", ctl_clean(ctl_string(boot, "failure"), text, sizeof(text)));
        if (ctl_string(boot, "stuck")[0])
                printf("  stuck, %s: %s\n", ctl_clean(ctl_string(boot, "verdict"), name, sizeof(name)),
                       ctl_clean(ctl_string(boot, "stuck"), text, sizeof(text)));
}

static void
print_trace(const char *host, const json_t *answer)
{
        const json_t *boots = json_object_get(answer, "boots"), *boot, *stage;
        size_t i, k;

        if (json_array_size(boots) == 0)
                printf("%s has not been seen to boot\n", host);
        json_array_foreach(boots, i, boot)
        {
                print_boot_head(host, boot);
                json_array_foreach(json_object_get(boot, "stages"), k, stage)
                {
                        print_stage(boot, stage);
                }
                print_notes(boot);
                print_boot_end(boot);
        }
}

static bool
is_ready(const json_t *stages)
{
        const json_t *last = json_array_get(stages, json_array_size(stages) - 1);

        return last && strcmp(ctl_string(last, "stage"), boot_stage_names[STAGE_READY]) == 0;
}

/* Prints the stages of the newest boot as they come, until it is ready or Ctrl-C. */
static int
follow_trace(struct ctl *c, const char *host, struct error *err)
{
        int64_t boot_number = -1;
        size_t shown = 0;

        ctl_catch_interrupt();
        for (;;) {
                json_t *answer = NULL;
                const json_t *boot, *stages;
                bool over;
                int r = ctl_get(c, &answer, err, "/v1/hosts/%s/trace", host);

                if (ctl_interrupted())
                        return 0;
                if (r < 0)
                        return r;
                boot = json_array_get(json_object_get(answer, "boots"), 0);
                stages = json_object_get(boot, "stages");
                if (boot && ctl_integer(boot, "boot") != boot_number) {
                        boot_number = ctl_integer(boot, "boot");
                        shown = 0;
                        print_boot_head(host, boot);
                }
                for (; shown < json_array_size(stages); shown++)
                        print_stage(boot, json_array_get(stages, shown));
                over = is_ready(stages);
                fflush(stdout);
                json_decref(answer);
                if (over)
                        return 0;
                usleep(500000);
        }
}

int
cmd_host_trace(struct ctl *c, int argc, char **argv, struct error *err)
{
        enum ctl_output output;
        json_t *answer = NULL;
        int r = ctl_name("a host", argv[0], err);

        (void)argc;
        if (r < 0 || (r = ctl_output(c, &output, err)) < 0)
                return r;
        if (c->opt[OPT_FOLLOW])
                return follow_trace(c, argv[0], err);
        r = ctl_get(c, &answer, err, "/v1/hosts/%s/trace", argv[0]);
        if (r == 0 && output == CTL_OUT_JSON)
                ctl_print_json(stdout, answer);
        else if (r == 0)
                print_trace(argv[0], answer);
        json_decref(answer);
        return r;
}

/* ---- changes ---- */

static int
set_profile_key(json_t *body, const char *profile, struct error *err)
{
        if (!name_ok(profile))
                return error_set(err, ERR_USAGE, "'%.40s' is no profile's name; see 'dompool profile list'", profile);
        json_object_set_new(body, "profile", json_string(profile));
        return 0;
}

/* @image NULL: not given. */
static int
set_image_key(json_t *body, const char *image, struct error *err)
{
        char name[CTL_IMAGE_SIZE];
        int r = image ? ctl_image_name(image, name, err) : 0;

        if (r == 0 && image)
                json_object_set_new(body, "image", json_string(name));
        return r;
}

int
cmd_host_describe(struct ctl *c, json_t *body, struct error *err)
{
        static const struct {
                enum ctl_option option;
                const char *key;
        } keys[] = {
                {OPT_ADDRESS, "address"}, {OPT_LABELS, "labels"},     {OPT_LOADER, "loader"},           {OPT_ROOT, "root"},
                {OPT_CONSOLE, "console"}, {OPT_XEN_ARGS, "xen_args"}, {OPT_KERNEL_ARGS, "kernel_args"},
        };
        int r = set_image_key(body, c->opt[OPT_IMAGE], err);

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(keys); i++) {
                const char *value = c->opt[keys[i].option];

                if (value && json_object_set_new(body, keys[i].key, json_string(value)) < 0)
                        r = error_set(err, ERR_USAGE, "--%s is not UTF-8", ctl_options[keys[i].option].name);
        }
        if (r == 0 && c->opt[OPT_PROFILE])
                r = set_profile_key(body, c->opt[OPT_PROFILE], err);
        return r;
}

int
cmd_host_diff(struct ctl *c, json_t *host, const char *adopt, struct error *err)
{
        json_t *question = json_pack("{s:b,s:b,s:o}", "has_host", 1, "adopt", adopt != NULL, "host", host);
        int r;

        if (adopt)
                json_object_set_new(host, "mac", json_string(adopt));
        r = ctl_diff(c, question, err);
        json_decref(question);
        return r;
}

int
cmd_host_add(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "PUT"};
        json_t *body, *host = NULL;
        int r = ctl_name("a host", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        body = json_pack("{s:s,s:s}", "name", argv[0], "mac", argv[1]);
        r = body ? cmd_host_describe(c, body, err) : error_set(err, ERR_USAGE, "'%.40s' is no MAC", argv[1]);
        if (r == 0 && c->opt[OPT_DIFF])
                return cmd_host_diff(c, body, NULL, err);
        q.body = body;
        ctl_path(&q, "/v1/hosts/%s", argv[0]);
        if (r == 0)
                r = ctl_http_send(c, &q, &host, err);
        json_decref(body);
        return r < 0 ? r : cmd_host_print(c, host, err);
}

int
cmd_host_remove(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "DELETE"};
        json_t *answer = NULL;
        int r = ctl_name("a host", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        ctl_path(&q, "/v1/hosts/%s", argv[0]);
        r = ctl_http_send(c, &q, &answer, err);
        json_decref(answer);
        return r;
}

int
cmd_host_reboot(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_request q = {.method = "POST"};
        json_t *operation = NULL;
        int r = ctl_name("a host", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        ctl_path(&q, "/v1/hosts/%s/reboot", argv[0]);
        r = ctl_http_send(c, &q, &operation, err);
        if (r == 0)
                r = ctl_wait_answer(c, operation, err);
        json_decref(operation);
        return r;
}

/* ---- fall-backs ---- */

/* @what of the host, whose new description is the answer. */
static int
change_one(struct ctl *c, const char *method, const char *name, const char *what, struct error *err)
{
        struct ctl_request q = {.method = method};
        json_t *host = NULL;
        int r = ctl_name("a host", name, err);

        if (r < 0)
                return r;
        ctl_path(&q, "/v1/hosts/%s/%s", name, what);
        r = ctl_http_send(c, &q, &host, err);
        json_decref(host);
        return r;
}

static int
retry_one(struct ctl *c, const char *name, struct error *err)
{
        return change_one(c, "POST", name, "retry", err);
}

/* Those that have fallen back. */
static int
retry_all(struct ctl *c, struct error *err)
{
        json_t *answer = NULL, *host;
        int r = ctl_get(c, &answer, err, "/v1/hosts");
        size_t i;

        json_array_foreach(json_object_get(answer, "hosts"), i, host)
        {
                if (r == 0 && json_is_object(json_object_get(host, "fallback")))
                        r = retry_one(c, ctl_string(host, "name"), err);
        }
        json_decref(answer);
        return r;
}

int
cmd_host_retry(struct ctl *c, int argc, char **argv, struct error *err)
{
        int r = 0;

        if ((argc > 0) == (c->opt[OPT_ALL] != NULL))
                return error_set(err, ERR_USAGE, "hosts, or --all for those that have fallen back, is wanted");
        if (argc == 0)
                return retry_all(c, err);
        for (int i = 0; r == 0 && i < argc; i++)
                r = retry_one(c, argv[i], err);
        return r;
}

/* ---- kept files ---- */

int
cmd_host_drop_kept(struct ctl *c, int argc, char **argv, struct error *err)
{
        int r = 0;

        for (int i = 0; r == 0 && i < argc; i++)
                r = change_one(c, "DELETE", argv[i], "kept", err);
        return r;
}
