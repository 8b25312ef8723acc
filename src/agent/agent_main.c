/* SPDX-License-Identifier: Apache-2.0 */
/* dompool-agent: the agent's parent, or with --link and --keep one of its processes. Only options are handled here. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_options.h"
#include "agent/agent_parent.h"
#include "agent/keep.h"
#include "agent/link.h"

int
main(int argc, char **argv)
{
        struct agent_options o;
        struct error err;

        if (agent_options_parse(argc, argv, &o, &err) < 0) {
                fprintf(stderr, "dompool-agent: %s\n", err.message);
                return error_exit_code(err.code);
        }
        if (o.help) {
                agent_options_help();
                return 0;
        }
        if (o.version) {
                printf("dompool-agent %s\n", DOMPOOL_VERSION);
                return 0;
        }
        if (o.is_link)
                return link_run(&o);
        if (o.is_keep)
                return keep_run(&o);
        if (!*o.hv && !o.restore && paths_program("dompool-hv", o.hv) < 0) {
                fprintf(stderr, "dompool-agent: dompool-hv is neither beside this program nor installed; name it with --hv\n");
                return error_exit_code(ERR_NOT_FOUND);
        }
        return agent_parent_run(&o, argv);
}
