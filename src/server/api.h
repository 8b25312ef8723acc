/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_H
#define DOMPOOL_SERVER_API_H
/* The state of the api role: requests, agents, web sockets. Owned by role_api.c. */
#include "base/digest.h"
#include "server/api_agents.h"
#include "server/api_console.h"
#include "server/api_request.h"
#include "server/api_ws.h"
#include "server/role.h"

struct api {
        struct role_ctx *ctx;
        struct api_door unix_door, tls_door;
        gid_t api_gid;                /* (gid_t)-1: root only */
        char tls_fingerprint[SHA256_TEXT_SIZE]; /* of the certificate of both TLS listeners; empty: there are none */
        uint64_t next_request;
        struct api_request *requests; /* those that wait for core, by id */
        struct api_agents *agents;
        struct api_sockets sockets;
        uv_timer_t tick;
};

#endif
