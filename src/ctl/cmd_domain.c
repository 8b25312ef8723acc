/* SPDX-License-Identifier: Apache-2.0 */
/* dompool domain ... but the console, which is cmd_console.c. Runs in: dompool. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"
#include "ctl/ctl_wait.h"

/* The server takes a request of 256 KiB; a guest configuration is a few lines. */
#define CONFIG_FILE_MAX (200u << 10)

static const struct ctl_column domain_columns[] = {
        {"NAME", "name", .elastic = true},
        {"STATE", "state"},
        {"HOST", "host", .elastic = true},
        {"TYPE", "type"},
        {"MEMORY", "memory_kib", FMT_KIB, .right = true},
        {"VCPUS", "vcpus", .right = true},
        {"CPU", "cpu_time_ns", FMT_NS, .right = true},
        {"DOMID", "domid", .right = true},
        {"SINCE", "since_ms", FMT_SINCE, .right = true},
};

static const struct ctl_column domain_fields[] = {
        {"name", "name"},
        {"uuid", "uuid"},
        {"state", "state"},
        {"host", "host"},
        {"type", "type"},
        {"memory", "memory_kib", FMT_KIB},
        {"most memory", "max_memory_kib", FMT_KIB},
        {"vcpus", "vcpus"},
        {"most vcpus", "max_vcpus"},
        {"cpu time", "cpu_time_ns", FMT_NS},
        {"domid", "domid"},
        {"made by operation", "op"},
        {"operation under way", "active_op"},
        {"managed", "managed"},
        {"since", "since_ms", FMT_TIME},
        {"kernel", "config.kernel.path"},
        {"ramdisk", "config.ramdisk.path"},
        {"command line", "config.cmdline"},
        {"on poweroff", "config.on_poweroff"},
        {"on reboot", "config.on_reboot"},
        {"on crash", "config.on_crash"},
};

int
cmd_domain_list(struct ctl *c, int argc, char **argv, struct error *err)
{
        const char *host = c->opt[OPT_HOST];
        json_t *answer = NULL;
        int r = host ? ctl_name("a host", host, err) : 0;

        (void)argc;
        (void)argv;
        if (r == 0)
                r = ctl_get(c, &answer, err, "/v1/domains%s%s", host ? "?host=" : "", host ?: "");
        if (r == 0)
                r = ctl_print_list(c, answer, "domains", "name", domain_columns, N_ELEMENTS(domain_columns), err);
        json_decref(answer);
        return r;
}

int
cmd_domain_show(struct ctl *c, int argc, char **argv, struct error *err)
{
        json_t *domain = NULL;
        int r = ctl_name("a domain", argv[0], err);

        (void)argc;
        if (r == 0)
                r = ctl_get(c, &domain, err, "/v1/domains/%s", argv[0]);
        if (r == 0)
                r = ctl_print_object(c, domain, "name", domain_fields, N_ELEMENTS(domain_fields), err);
        json_decref(domain);
        return r;
}

/* "-" is standard input. */
static char *
read_config(const char *file, struct error *err)
{
        _cleanup_close_ int fd = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = calloc(1, CONFIG_FILE_MAX + 2);
        size_t size = 0;

        if (fd < 0 || !text) {
                error_errno_set(err, fd < 0 ? errno : ENOMEM, "%s", file);
                return NULL;
        }
        for (;;) {
                ssize_t n = read(fd, text + size, CONFIG_FILE_MAX + 1 - size);

                if (n < 0) {
                        error_errno_set(err, errno, "%s", file);
                        return NULL;
                }
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > CONFIG_FILE_MAX) {
                        error_set(err, ERR_LIMIT, "%s: larger than %u KiB", file, CONFIG_FILE_MAX >> 10);
                        return NULL;
                }
        }
        if (strlen(text) != size) {
                error_set(err, ERR_CONFIG, "%s: is no text", file);
                return NULL;
        }
        return TAKE_PTR(text);
}

/* What the server read and did not use; never silent. */
static void
print_notes(const char *file, const json_t *answer)
{
        const json_t *notes = json_object_get(answer, "notes"), *note;
        char text[300];
        size_t i;

        json_array_foreach(notes, i, note)
        {
                fprintf(stderr, "%s:%lld: note: %s\n", file, (long long)ctl_integer(note, "line"),
                        ctl_clean(ctl_string(note, "text"), text, sizeof(text)));
        }
}

int
cmd_domain_create(struct ctl *c, int argc, char **argv, struct error *err)
{
        _cleanup_free_ char *text = read_config(argv[0], err);
        struct ctl_request q = {.method = "POST", .path = "/v1/domains"};
        const char *host = c->opt[OPT_HOST] ?: "", *slash = strrchr(argv[0], '/');
        json_t *body, *operation = NULL;
        int r = text ? 0 : error_to_errno(err->code);

        (void)argc;
        if (r == 0 && host[0])
                r = ctl_name("a host", host, err);
        if (r < 0)
                return r;
        body = json_pack("{s:s,s:s,s:s}", "host", host, "file", slash ? slash + 1 : argv[0], "config", text);
        if (!body)
                return error_set(err, ERR_CONFIG, "%s: is not UTF-8", argv[0]);
        q.body = body;
        r = ctl_http_send(c, &q, &operation, err);
        if (r == 0) {
                print_notes(argv[0], operation);
                r = ctl_wait_answer(c, operation, err);
        }
        json_decref(operation);
        json_decref(body);
        return r;
}

static int
act(struct ctl *c, const char *name, const char *verb, const json_t *body, struct error *err)
{
        struct ctl_request q = {.method = "POST", .body = body};
        json_t *operation = NULL;
        int r = ctl_name("a domain", name, err);

        if (r < 0)
                return r;
        ctl_path(&q, "/v1/domains/%s/%s", name, verb);
        r = ctl_http_send(c, &q, &operation, err);
        if (r == 0)
                r = ctl_wait_answer(c, operation, err);
        json_decref(operation);
        return r;
}

/* --timeout is also the time that the guest has: the operation then fails by itself and nothing is left waiting. */
int
cmd_domain_shutdown(struct ctl *c, int argc, char **argv, struct error *err)
{
        unsigned timeout = 0;
        json_t *body;
        int r = ctl_timeout(c, &timeout, err);

        (void)argc;
        if (r < 0)
                return r;
        body = json_pack("{s:i}", "timeout", (int)timeout);
        if (!c->opt[OPT_NO_WAIT])
                c->opt[OPT_TIMEOUT] = NULL;
        r = act(c, argv[0], "shutdown", body, err);
        json_decref(body);
        return r;
}

int
cmd_domain_destroy(struct ctl *c, int argc, char **argv, struct error *err)
{
        (void)argc;
        return act(c, argv[0], "destroy", NULL, err);
}
