/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of the agent's options; help and parser come from one table. Runs in: the agent's parent and link, before anything
 * else. */
#include "agent/agent_options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"

enum option_id {
        OPT_SERVER = 1,
        OPT_AGENT_PORT,
        OPT_HTTP_PORT,
        OPT_FINGERPRINT,
        OPT_TOKEN,
        OPT_TOKEN_FILE,
        OPT_HOST,
        OPT_RUN_DIR,
        OPT_HV,
        OPT_SIMULATED,
        OPT_KEEP_ROOT,
        OPT_RESTORE,
        OPT_LINK,
        OPT_KEEP,
        OPT_DEBUG,
        OPT_HELP,
        OPT_VERSION,
};

static const struct {
        const char *name;
        enum option_id id;
        const char *value; /* NULL: takes none */
        const char *meaning;
} rows[] = {
        {"server", OPT_SERVER, "IP", "the boot server's IPv4 address"},
        {"agent-port", OPT_AGENT_PORT, "PORT", "its port for agents (TLS); 8444"},
        {"http-port", OPT_HTTP_PORT, "PORT", "its HTTP port, for kernels; 8080"},
        {"fingerprint", OPT_FINGERPRINT, "HEX", "SHA-256 of the server's certificate, 64 hex digits"},
        {"token", OPT_TOKEN, "TEXT", "this boot's token"},
        {"token-file", OPT_TOKEN_FILE, "PATH", "the same, from the first line of a file"},
        {"host", OPT_HOST, "NAME", "this host's name, for the log"},
        {"run-dir", OPT_RUN_DIR, "PATH", "folder for kernels, records and the session; /run/dompool"},
        {"hv", OPT_HV, "PATH", "the dompool-hv to run; the one beside this program"},
        {"simulated", OPT_SIMULATED, "SETTINGS", "no Xen: pretend, see dompool-hv(8)"},
        {"keep-root", OPT_KEEP_ROOT, "PATH", "below it lie the kept files and their list; /"},
        {"restore", OPT_RESTORE, NULL, "only put the kept files back, and leave the session to the next"},
        {"link", OPT_LINK, NULL, "internal: be the link process"},
        {"keep", OPT_KEEP, NULL, "internal: be the process for kept files"},
        {"debug", OPT_DEBUG, NULL, "log more"},
        {"help", OPT_HELP, NULL, "this text"},
        {"version", OPT_VERSION, NULL, "print the version"},
};

void
agent_options_help(void)
{
        char left[40];

        printf("usage: dompool-agent --server IP --fingerprint HEX --token TEXT [OPTION]...\n"
               "Runs domains on this Xen host for its boot server; see dompool-agent(8).\n\n");
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].value ? " " : "", rows[i].value ?: "");
                printf("  %-24s %s\n", left, rows[i].meaning);
        }
}

static int
parse_port(const char *text, uint16_t *ret)
{
        uint32_t port;
        int r = parse_u32(text, 65535, &port);

        if (r < 0 || port == 0)
                return -EINVAL;
        *ret = (uint16_t)port;
        return 0;
}

static int
read_token(const char *path, char *ret, size_t size)
{
        _cleanup_fclose_ FILE *f = fopen(path, "re");

        if (!f)
                return -errno;
        if (!fgets(ret, (int)size, f))
                return -EINVAL;
        ret[strcspn(ret, "\r\n")] = '\0';
        return 0;
}

static int
copy(char *dst, size_t size, const char *value)
{
        return str_copy(dst, size, value) ? 0 : -ERANGE;
}

static int
apply(struct agent_options *o, enum option_id id, const char *value)
{
        switch (id) {
        case OPT_SERVER:
                return parse_ip4(value, &o->server);
        case OPT_AGENT_PORT:
                return parse_port(value, &o->agent_port);
        case OPT_HTTP_PORT:
                return parse_port(value, &o->http_port);
        case OPT_FINGERPRINT:
                return parse_hex(value, o->fingerprint, sizeof(o->fingerprint));
        case OPT_TOKEN:
                return copy(o->token, sizeof(o->token), value);
        case OPT_TOKEN_FILE:
                return read_token(value, o->token, sizeof(o->token));
        case OPT_HOST:
                return name_ok(value) ? copy(o->host, sizeof(o->host), value) : -EINVAL;
        case OPT_RUN_DIR:
                return value[0] == '/' ? copy(o->run_dir, sizeof(o->run_dir), value) : -EINVAL;
        case OPT_HV:
                return copy(o->hv, sizeof(o->hv), value);
        case OPT_SIMULATED:
                o->simulated = value;
                return 0;
        case OPT_KEEP_ROOT:
                return value[0] == '/' ? copy(o->keep_root, sizeof(o->keep_root), value) : -EINVAL;
        case OPT_RESTORE:
                o->restore = true;
                return 0;
        case OPT_LINK:
                o->is_link = true;
                return 0;
        case OPT_KEEP:
                o->is_keep = true;
                return 0;
        case OPT_DEBUG:
                o->log_level = LOG_LEVEL_DEBUG;
                return 0;
        case OPT_HELP:
                o->help = true;
                return 0;
        case OPT_VERSION:
                o->version = true;
                return 0;
        }
        return -EINVAL;
}

int
agent_options_parse(int argc, char **argv, struct agent_options *ret, struct error *err)
{
        struct option table[N_ELEMENTS(rows) + 1] = {0};
        struct agent_options o = {.agent_port = 8444,
                                  .http_port = 8080,
                                  .run_dir = "/run/dompool",
                                  .keep_root = "/",
                                  .log_level = LOG_LEVEL_INFO};
        int index, c;

        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                table[i] =
                        (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL, (int)rows[i].id};
        optind = 0; /* glibc: begin anew, for the tests */
        opterr = 0;
        while ((c = getopt_long(argc, argv, "", table, &index)) != -1) {
                if (c == '?')
                        return error_set(err, ERR_USAGE, "option '%s' is unknown or lacks its value; see --help",
                                         argv[optind - 1]);
                if (apply(&o, (enum option_id)c, optarg) < 0)
                        return error_set(err, ERR_USAGE, "--%s: '%s' cannot be used", rows[index].name, optarg ?: "");
        }
        if (optind < argc)
                return error_set(err, ERR_USAGE, "'%s' is more than the command line can have; see --help", argv[optind]);
        if (!o.help && !o.version && o.server == 0)
                return error_set(err, ERR_USAGE, "--server is missing; see --help");
        *ret = o;
        return 0;
}
