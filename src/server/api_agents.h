/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_AGENTS_H
#define DOMPOOL_SERVER_API_AGENTS_H
/*
 * The agents' connections, and the satellites', which say SATELLITE_HELLO and get SATELLITE_WELCOME: TLS, lines of JSON <->
 * typed messages for core. Nothing of an agent goes to core before its AGENT_HELLO, and nothing but that before core's
 * AGENT_WELCOME.
 *
 *     accept --TLS--> silent --AGENT_HELLO--> asked --AGENT_WELCOME--> welcome --closed--> AGENT_GONE to core
 *        |              |  10 s                 |  10 s                   |  more than AGENT_LINES_PER_S: read more slowly
 *        +--------------+-----------------------+-- cut; AGENT_REFUSE     +-- out of turn, malformed: cut
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/messages.h"

#define AGENT_MAX_CONNECTIONS 8192
#define AGENT_MAX_PER_ADDRESS 8
#define AGENT_UNKNOWN_MS 10000
#define AGENT_LINES_PER_S 2000

struct api;
struct api_agents;

/* Takes over the listening socket @fd, also on failure. PEM texts of the server's certificate. */
int
api_agents_new(struct api *api, int fd, const char *cert, size_t cert_size, const char *key, size_t key_size,
               struct api_agents **ret, struct error *err);
void
api_agents_free(struct api_agents *a);

/* A message of core for the agent in the payload's `conn`; one that is gone meanwhile is ignored. */
void
api_agents_deliver(struct api_agents *a, enum msg_type type, const void *payload);

/* Core has gone: with it all that it knew of these connections. They are closed, and agents come back with their sessions. */
void
api_agents_core_gone(struct api_agents *a);

#endif
