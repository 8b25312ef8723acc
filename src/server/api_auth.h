/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_AUTH_H
#define DOMPOOL_SERVER_API_AUTH_H
/* Who asks? A process on this machine (peer credentials of the Unix socket) or the bearer of a configured token (TLS). */
#include <sys/types.h>

#include "base/error.h"
#include "model/config.h"

struct api_caller {
        char by[NAME_SIZE]; /* "uid:0", "token:NAME": goes into operations and events */
        unsigned rights;    /* enum api_right */
};

/* root, or a process whose group or one of whose further groups is @api_gid ((gid_t)-1: nobody). ERR_DENIED. */
int
api_auth_peer(int fd, gid_t api_gid, struct api_caller *ret, struct error *err);

/* @header: the value of Authorization, NULL when absent. Each configured token is compared, in constant time.
 * ERR_UNAUTHENTICATED. */
int
api_auth_token(const struct config *config, const char *header, struct api_caller *ret, struct error *err);

#endif
