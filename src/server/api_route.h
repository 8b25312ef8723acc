/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_API_ROUTE_H
#define DOMPOOL_SERVER_API_ROUTE_H
/*
 * The API's routes: one table (api_route.c) of method, path, right, query keys and handler. Finding one is pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/messages.h"

struct api_request;

/* What a caller must be allowed to do. Peers of the Unix socket and the configured tokens have both today. */
enum api_right {
        API_RIGHT_READ = 1 << 0,
        API_RIGHT_CHANGE = 1 << 1,
};

/* Starts the work; 0 (an answer comes from core) or an error that becomes the answer. */
typedef int (*api_handler_fn)(struct api_request *q, struct error *err);

struct api_route {
        const char *method;
        const char *pattern;  /* "/v1/hosts/{name}/trace"; {name}: a name of ours, {id}: a number */
        unsigned right;       /* enum api_right */
        const char *query;    /* the query keys it knows, with a blank between: "after wait" */
        const char *body;     /* for people: what the body holds; NULL: must be empty */
        api_handler_fn handler;
        uint32_t resource;    /* enum api_resource or enum domain_verb, for handlers that serve several routes */
        unsigned body_max;    /* bytes; 0: API_BODY_MAX */
};

extern const struct api_route api_routes[];
extern const size_t api_n_routes;

struct api_match {
        const struct api_route *route;
        char name[NAME_SIZE];
        uint64_t number;
};

/* ERR_NOT_FOUND: no such path; ERR_INVALID: a name or number in it is none; ERR_UNSUPPORTED: the path has other methods, which
 * the message lists (@ret->route is NULL then, and the HTTP status is 405). */
int
api_route_find(const char *method, const char *path, struct api_match *ret, struct error *err);

/* Does the route know this query key? */
bool
api_route_knows(const struct api_route *route, const char *key);

#endif
