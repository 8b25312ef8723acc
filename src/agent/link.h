/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_AGENT_LINK_H
#define DOMPOOL_AGENT_LINK_H
/*
 * link: the agent's process that faces the network. Unprivileged and sandboxed before it reads a byte; it dials out and listens
 * on nothing.
 *
 *     waiting for hv --ROLE_FD--> connecting --TLS open, AGENT_HELLO--> greeting --AGENT_WELCOME--> up
 *                                    ^  |                                  |                        |
 *                                    |  +----------- closed, refused ------+------------------------+
 *                                    +-- back-off 0.5 s .. 10 s, with jitter
 */
#include "agent/agent_options.h"

/* Runs until SIGTERM or until the parent is gone; returns the exit status. */
int
link_run(const struct agent_options *o);

#endif
