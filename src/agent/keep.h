/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_KEEP_H
#define DOMPOOL_AGENT_KEEP_H
/*
 * keep: the agent's process for kept files (model/keep.h). Root, for such files are root's; no network: link carries what it
 * says. It is started only where the image has a list of such paths.
 *
 *   --restore: server there --GET--> parts --put back--> RUN_DIR/kept says how it went, end
 *   else:      look --changed--> OFFER --WANT--> part ... --HAVE--> look ...
 *              SIGTERM: a last look, and the end when the server has it
 */
#include "agent/agent_options.h"

/* Returns the exit status. --restore: 0 says that they were put back, or that there were none. */
int keep_run(const struct agent_options *o);

/* Has the image a list of kept paths? */
bool keep_wanted(const struct agent_options *o);

#endif
