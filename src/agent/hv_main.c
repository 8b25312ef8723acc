/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool-hv: the agent's process that drives the hypervisor, or with --task a child of it that carries out one operation. Only
 * options and the loop are here. Root; reads no network.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "hv/hv_core.h"
#include "hv/hv_task.h"

#define CONTROL_FD 3

struct hv_options {
        const char *run_dir;
        const char *simulated;
        const char *task;
        bool debug;
};

static void
help(void)
{
        printf("usage: dompool-hv --run-dir PATH [--simulated SETTINGS] [--debug]\n"
               "Started by dompool-agent with a channel on descriptor 3; see dompool-hv(8).\n");
}

static int
options_parse(int argc, char **argv, struct hv_options *o)
{
        static const struct option table[] = {
                {"run-dir", required_argument, NULL, 'r'},
                {"simulated", required_argument, NULL, 's'},
                {"task", required_argument, NULL, 't'},
                {"debug", no_argument, NULL, 'd'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
                switch (c) {
                case 'r':
                        o->run_dir = optarg;
                        break;
                case 's':
                        o->simulated = optarg;
                        break;
                case 't':
                        o->task = optarg;
                        break;
                case 'd':
                        o->debug = true;
                        break;
                case 'h':
                        help();
                        exit(0);
                case 'v':
                        printf("dompool-hv %s\n", DOMPOOL_VERSION);
                        exit(0);
                default:
                        return -1;
                }
        }
        return optind == argc ? 0 : -1;
}

static void
on_orphan(void *arg)
{
        uv_stop(arg);
}

static void
on_sigterm(uv_signal_t *handle, int signal)
{
        (void)signal;
        uv_stop(handle->loop);
}

int
main(int argc, char **argv)
{
        struct hv_options o = {.run_dir = "/run/dompool"};
        uv_signal_t sigterm;
        struct hv_core *core;
        struct error err;
        uv_loop_t loop;

        if (options_parse(argc, argv, &o) < 0) {
                fprintf(stderr, "dompool-hv: unknown option; see --help\n");
                return error_exit_code(ERR_USAGE);
        }
        log_init(o.task ? "hv-task" : "hv", o.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
        signal(SIGPIPE, SIG_IGN);
        if (o.task)
                return hv_task_main(o.task, o.run_dir, CONTROL_FD);
        uv_loop_init(&loop);
        uv_signal_init(&loop, &sigterm);
        uv_signal_start(&sigterm, on_sigterm, SIGTERM);
        if (hv_core_new(&loop, o.simulated ? &hv_simulated_ops : &hv_xen_ops, o.simulated ?: o.run_dir, CONTROL_FD, on_orphan,
                        &loop, &core, &err) < 0) {
                log_error("cannot start: %s", err.message);
                return 1;
        }
        uv_run(&loop, UV_RUN_DEFAULT);
        hv_core_free(core);
        return 0;
}
