/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_AGENT_OPTIONS_H
#define DOMPOOL_AGENT_AGENT_OPTIONS_H
/* The agent's command line. dompool-init makes it from the kernel's (docs/ARCHITECTURE.md, "The life of a boot"). */
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "ipc/messages.h"

#define AGENT_RUN_DIR_SIZE 150

struct agent_options {
        uint32_t server; /* host order */
        uint16_t agent_port;
        uint16_t http_port;
        uint8_t fingerprint[32];
        char token[120]; /* empty: only a kept session can be used */
        char host[NAME_SIZE];
        char run_dir[AGENT_RUN_DIR_SIZE];
        char hv[PROGRAM_PATH_SIZE];
        const char *simulated; /* settings of the simulated hypervisor; NULL: Xen */
        bool is_link;          /* this process is the link */
        bool is_keep;          /* this process is keep */
        bool restore;          /* puts the kept files back, leaves the session, and ends */
        char keep_root[AGENT_RUN_DIR_SIZE];
        bool help, version;
        enum log_level log_level;
};

/* @argv must outlive @ret. -EINVAL with ERR_USAGE and a message that names the option. */
int
agent_options_parse(int argc, char **argv, struct agent_options *ret, struct error *err);

void
agent_options_help(void);

#endif
