/* SPDX-License-Identifier: Apache-2.0 */
/* How boots would change: the question, the answer as a unified diff or a line a host. Runs in: dompool. */
#define _XOPEN_SOURCE 700 /* strptime */
#include "ctl/ctl_diff.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/rec_json.h"
#include "ctl/ctl_findings.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_out.h"

#define CONFIG_MAX (32u << 20) /* as JSON */

/* ---- the question ---- */

int
ctl_at(const struct ctl *c, int64_t *ret, struct error *err)
{
        const char *text = c->opt[OPT_AT], *end;
        time_t now = time(NULL);
        const struct tm today = *localtime(&now);
        struct tm tm = today;

        *ret = 0;
        if (!text)
                return 0;
        end = strptime(text, "%Y-%m-%d %H:%M", &tm);
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

int
ctl_add_hosts(struct ctl *c, json_t *body, int n, char **names, struct error *err)
{
        json_t *hosts = json_string("");

        for (int i = 0; i < n; i++) {
                char name[NAME_SIZE];
                json_t *more;

                ctl_machine(names[i], name);
                if (ctl_name("a host", name, err) < 0) {
                        json_decref(hosts);
                        return error_to_errno(err->code);
                }
                more = json_sprintf("%s%s%s", json_string_value(hosts), i > 0 ? " " : "", name);
                json_decref(hosts);
                hosts = more;
        }
        json_object_set_new(body, "hosts", hosts);
        if (c->opt[OPT_LABEL])
                json_object_set_new(body, "label", json_string(c->opt[OPT_LABEL]));
        json_object_set_new(body, "all", json_boolean(c->opt[OPT_ALL] != NULL));
        if (n == 0 && !c->opt[OPT_LABEL] && !c->opt[OPT_ALL])
                return error_set(err, ERR_USAGE, "say which hosts: by name, by --label or --all");
        return 0;
}

/* ---- another configuration ---- */

/* The dompoold beside this program, or where Debian puts it. Does not return. */
static void
exec_reader(const char *file)
{
        char self[PATH_MAX], beside[PATH_MAX + 16];
        const char *const places[] = {beside, "/usr/sbin/dompoold", "/usr/local/sbin/dompoold"};
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

        self[n > 0 ? n : 0] = '\0';
        snprintf(beside, sizeof(beside), "%s/dompoold", dirname(self));
        for (size_t i = 0; i < N_ELEMENTS(places); i++)
                execl(places[i], "dompoold", "-n", "--json", "-c", file, (char *)NULL);
        dprintf(STDOUT_FILENO, "dompoold, which reads configuration files, is not on this machine\n");
        _exit(127);
}

static char *
read_all(int fd, size_t *ret_size)
{
        char *text = malloc(CONFIG_MAX + 1);
        size_t size = 0;
        ssize_t n = 1;

        while (text && size < CONFIG_MAX && n != 0) {
                n = read(fd, text + size, CONFIG_MAX - size);
                if (n < 0 && errno != EINTR)
                        break;
                size += n > 0 ? (size_t)n : 0;
        }
        if (text)
                text[size] = '\0';
        *ret_size = size;
        return text;
}

json_t *
ctl_config_json(const char *file, struct error *err)
{
        _cleanup_free_ char *text = NULL;
        int fds[2], status = 0;
        json_t *config = NULL;
        size_t size;
        pid_t pid;

        if (pipe(fds) < 0 || (pid = fork()) < 0) {
                error_errno_set(err, errno, "dompoold");
                return NULL;
        }
        if (pid == 0) {
                dup2(fds[1], STDOUT_FILENO);
                dup2(fds[1], STDERR_FILENO); /* what is wrong with the file */
                close(fds[0]);
                close(fds[1]);
                exec_reader(file);
        }
        close(fds[1]);
        text = read_all(fds[0], &size);
        close(fds[0]);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        /* One whose profiles do not fit is compared all the same: the server judges it by what it knows. */
        if (!text || !WIFEXITED(status) || (WEXITSTATUS(status) != 0 && *text != '{')) {
                error_set(err, ERR_CONFIG, "%.*s", (int)strcspn(text ? text : "", "\n"), text ? text : "no memory");
                return NULL;
        }
        config = json_parse(text, size, CONFIG_MAX, err);
        json_object_del(config, "tokens"); /* no boot depends on them */
        json_object_del(config, "guard");  /* by the store of this machine, if it has one */
        return config;
}

/* ---- the answer ---- */

static void
print_lines(const json_t *host, const char *firmware)
{
        char name[NAME_SIZE], before[100], after[100], text[2800], why[700];
        const json_t *line;
        size_t i;

        ctl_clean(ctl_string(host, "host"), name, sizeof(name));
        if (!*name)
                ctl_clean(ctl_string(host, "mac"), name, sizeof(name));
        printf("--- %s, %s: %s\n", name, firmware, ctl_clean(ctl_string(host, "before"), before, sizeof(before)));
        printf("+++ %s, %s: %s\n", name, firmware, ctl_clean(ctl_string(host, "after"), after, sizeof(after)));
        json_array_foreach(json_object_get(host, "diff"), i, line)
        {
                const char *op = ctl_string(line, "op");

                ctl_clean(ctl_string(line, "text"), text, sizeof(text));
                ctl_clean(ctl_string(line, "why"), why, sizeof(why));
                printf("%s%s%s%s\n", *op == '@' ? "" : op, text, *why ? "    # " : "", why);
        }
}

static void
print_summary(const json_t *host)
{
        char name[NAME_SIZE], before[100], after[100];

        ctl_clean(ctl_string(host, "host"), name, sizeof(name));
        printf("%-16s %4lld lines  %s -> %s\n", *name ? name : ctl_string(host, "mac"), (long long)ctl_integer(host, "changes"),
               ctl_clean(ctl_string(host, "before"), before, sizeof(before)),
               ctl_clean(ctl_string(host, "after"), after, sizeof(after)));
}

static void
print_answer(const json_t *answer, enum ctl_output output)
{
        const json_t *hosts = json_object_get(answer, "hosts"), *host;
        long long compared = ctl_integer(answer, "compared");
        size_t i;

        json_array_foreach(hosts, i, host)
        {
                if (output == CTL_OUT_NAME)
                        printf("%s\n", ctl_string(host, "host"));
                else if (compared == 1)
                        print_lines(host, ctl_string(answer, "firmware"));
                else
                        print_summary(host);
        }
        if (output == CTL_OUT_TABLE)
                printf("%lld compared, %lld boot as before\n", compared, (long long)ctl_integer(answer, "same"));
}

static const char *
verdict(const struct ctl *c, const json_t *answer)
{
        if (!json_is_true(json_object_get(answer, "refused")))
                return "";
        if (strcmp(ctl_string(answer, "worst"), "doubt") != 0)
                return ": 'profile set' would refuse it";
        return c->opt[OPT_FORCE] ? "; --force sets it all the same" : ": 'profile set' would refuse it without --force";
}

/* What stands against the boots as they would be: beside the comparison, to stderr. */
static void
print_findings(const struct ctl *c, const json_t *answer)
{
        long long unfit = ctl_integer(answer, "unfit");

        ctl_findings_note(answer);
        if (unfit > 0)
                fprintf(stderr, "%lld of %lld could not boot so%s\n", unfit, (long long)ctl_integer(answer, "compared"),
                        verdict(c, answer));
}

int
ctl_diff(struct ctl *c, json_t *body, struct error *err)
{
        struct ctl_request q = {.method = "POST", .body = body};
        enum ctl_output output = CTL_OUT_TABLE;
        json_t *answer = NULL;
        int64_t at = 0;
        int r = ctl_output(c, &output, err);

        if (r == 0)
                r = ctl_at(c, &at, err);
        if (at)
                json_object_set_new(body, "at", json_integer(at));
        if (c->opt[OPT_FIRMWARE])
                json_object_set_new(body, "firmware", json_string(c->opt[OPT_FIRMWARE]));
        ctl_path(&q, "/v1/what-if");
        if (r == 0)
                r = ctl_http_send(c, &q, &answer, err);
        if (r < 0)
                return r;
        if (output == CTL_OUT_JSON)
                ctl_print_json(stdout, answer);
        else
                print_answer(answer, output);
        if (output == CTL_OUT_TABLE)
                print_findings(c, answer);
        r = json_array_size(json_object_get(answer, "hosts")) > 0 ? CTL_EXIT_DIFFERS : 0;
        json_decref(answer);
        return r;
}
