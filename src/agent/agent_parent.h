/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_AGENT_PARENT_H
#define DOMPOOL_AGENT_AGENT_PARENT_H
/*
 * The agent's parent: root, reads no network. It starts `link`, `hv` and, where the image has kept paths, `keep`, starts each again
 * with back-off when it ends, joins link to the others by channels, keeps the session that the server gave, and asks dompool-init for a
 * reboot. With --restore it starts no hv, and ends with keep.
 *
 *     parent --fork+exec--> link   control channel on descriptor 3: ROLE_FD, AGENT_WELCOME down; AGENT_WELCOME up
 *            --fork+exec--> hv     control channel on descriptor 3: ROLE_FD down; HOST_REBOOT up
 *            --fork+exec--> keep   control channel on descriptor 3: ROLE_FD down; at SIGTERM it ends first, while link is there
 */
#include "agent/agent_options.h"

/* Descriptor on which each child finds its control channel. */
#define AGENT_CONTROL_FD 3

/* User of link: there is no such name in the node image, the number is reserved for it. */
#define AGENT_LINK_USER "dompool-link"
#define AGENT_LINK_UID 61850

/* Runs until SIGTERM or SIGINT; returns the exit status. */
int
agent_parent_run(const struct agent_options *o, char **argv);

#endif
