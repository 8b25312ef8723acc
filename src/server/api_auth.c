/* SPDX-License-Identifier: Apache-2.0 */
/* Peer credentials and bearer tokens. Decides who asks, not what he may ask for: the route table does. Runs in: api. */
#include "server/api_auth.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "server/api_route.h"

#define TOKEN_TEXT_MAX 512
#define PEER_GROUPS_MAX 256

static bool
peer_in_group(int fd, gid_t gid)
{
        gid_t groups[PEER_GROUPS_MAX];
        socklen_t size = sizeof(groups);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
                return false;
        for (size_t i = 0; i < size / sizeof(groups[0]); i++)
                if (groups[i] == gid)
                        return true;
        return false;
}

int
api_auth_peer(int fd, gid_t api_gid, struct api_caller *ret, struct error *err)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return error_errno_set(err, errno, "credentials of the peer");
        if (peer.uid != 0 && (api_gid == (gid_t)-1 || (peer.gid != api_gid && !peer_in_group(fd, api_gid))))
                return error_set(err, ERR_DENIED, "uid %u may not use this socket; be root or a member of the api-group",
                                 (unsigned)peer.uid);
        snprintf(ret->by, sizeof(ret->by), "uid:%u", (unsigned)peer.uid);
        ret->rights = API_RIGHT_READ | API_RIGHT_CHANGE;
        return 0;
}

int
api_auth_token(const struct config *config, const char *header, struct api_caller *ret, struct error *err)
{
        static const char scheme[] = "Bearer ";
        uint8_t seen[SHA256_SIZE];
        const struct config_token *found = NULL;
        const char *token;

        if (!header || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
                return error_set(err, ERR_UNAUTHENTICATED, "a token is wanted: Authorization: Bearer TOKEN");
        token = header + sizeof(scheme) - 1;
        if (strlen(token) > TOKEN_TEXT_MAX)
                return error_set(err, ERR_UNAUTHENTICATED, "the token is longer than %d bytes", TOKEN_TEXT_MAX);
        digest_sha256(token, strlen(token), seen);
        /* All of them, always: the time says nothing about which one came near. */
        for (uint32_t i = 0; i < config->n_tokens; i++)
                if (digest_equal(seen, config->tokens[i].sha256, sizeof(seen)))
                        found = &config->tokens[i];
        if (!found)
                return error_set(err, ERR_UNAUTHENTICATED, "this token is not one of the server's");
        snprintf(ret->by, sizeof(ret->by), "token:%.*s", (int)sizeof(ret->by) - 7, found->name);
        ret->rights = API_RIGHT_READ | API_RIGHT_CHANGE;
        return 0;
}
