/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the API's routes and the search in it. Pure: no I/O. The handlers are in api_handlers.c and api_console.c.
 * Runs in: api. The command line's man page and the tests read the same table.
 */
#include "server/api_route.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "server/api_body.h"
#include "server/api_handlers.h"

#define GET(PATTERN, QUERY, RESOURCE)                                                                                          \
        {                                                                                                                      \
                .method = "GET", .pattern = PATTERN, .right = API_RIGHT_READ, .query = QUERY, .handler = api_get,              \
                .resource = RESOURCE                                                                                           \
        }
#define CHANGE(METHOD, PATTERN, BODY, HANDLER, RESOURCE)                                                                       \
        {                                                                                                                      \
                .method = METHOD, .pattern = PATTERN, .right = API_RIGHT_CHANGE, .query = "", .body = BODY,                    \
                .handler = HANDLER, .resource = RESOURCE                                                                       \
        }

const struct api_route api_routes[] = {
        GET("/v1/server", "", RES_SERVER),
        GET("/v1/hosts", "", RES_HOSTS),
        GET("/v1/hosts/{name}", "", RES_HOST),
        CHANGE("PUT", "/v1/hosts/{name}", "a host", api_host_put, 0),
        CHANGE("DELETE", "/v1/hosts/{name}", NULL, api_host_delete, 0),
        GET("/v1/hosts/{name}/trace", "", RES_HOST_TRACE),
        GET("/v1/hosts/{name}/explain", "firmware at", RES_HOST_EXPLAIN),
        {.method = "GET",
         .pattern = "/v1/hosts/{name}/capture",
         .right = API_RIGHT_CHANGE,
         .query = "boots seconds snap",
         .handler = api_capture},
        CHANGE("POST", "/v1/hosts/{name}/profile", "profile, image, next, force, check", api_host_profile, 0),
        CHANGE("POST", "/v1/hosts/{name}/reboot", "nothing", api_host_reboot, 0),
        CHANGE("POST", "/v1/hosts/{name}/retry", "nothing", api_host_retry, 0),
        CHANGE("DELETE", "/v1/hosts/{name}/kept", NULL, api_host_drop_kept, 0),
        GET("/v1/unknown-hosts", "", RES_UNKNOWN),
        GET("/v1/unknown-hosts/{name}", "", RES_UNKNOWN_HOST),
        CHANGE("POST", "/v1/unknown-hosts/{name}/adopt", "a host", api_unknown_adopt, 0),
        CHANGE("POST", "/v1/unknown-hosts/{name}/ignore", "nothing", api_unknown_change, UNKNOWN_IGNORE),
        CHANGE("DELETE", "/v1/unknown-hosts/{name}", NULL, api_unknown_change, UNKNOWN_FORGET),
        GET("/v1/profiles", "", RES_PROFILES),
        CHANGE("POST", "/v1/profiles",
               "hosts, label, all, profile, image, next, force, check, canary, ready_seconds, watch_seconds", api_host_profile,
               0),
        GET("/v1/canaries", "", RES_CANARIES),
        GET("/v1/canaries/{id}", "wait", RES_CANARY),
        CHANGE("POST", "/v1/canaries/{id}/promote", "nothing", api_canary_end, true),
        CHANGE("POST", "/v1/canaries/{id}/abort", "nothing", api_canary_end, false),
        {.method = "POST",
         .pattern = "/v1/what-if",
         .right = API_RIGHT_CHANGE,
         .query = "",
         .body = "hosts, label, all, firmware, at; profile, image, next, or has_host, host, or has_config, config",
         .handler = api_what_if,
         .body_max = API_BODY_MAX_CONFIG},
        GET("/v1/images", "", RES_IMAGES),
        CHANGE("POST", "/v1/images", "recipe", api_image_build, 0),
        GET("/v1/images/{image}", "", RES_IMAGE),
        GET("/v1/images/{image}/check", "", RES_IMAGE_CHECK),
        GET("/v1/images/{image}/diff", "to", RES_IMAGE_DIFF),
        CHANGE("POST", "/v1/images/{name}/default", "version", api_image_change, OP_IMAGE_SET_DEFAULT),
        CHANGE("POST", "/v1/images/{name}/rollback", "nothing", api_image_change, OP_IMAGE_ROLLBACK),
        CHANGE("POST", "/v1/images/{image}/verify", "nothing", api_image_change, OP_IMAGE_VERIFY),
        CHANGE("DELETE", "/v1/images/{image}", NULL, api_image_change, OP_IMAGE_REMOVE),
        GET("/v1/unused-images", "", RES_IMAGE_GC),
        CHANGE("DELETE", "/v1/unused-images", NULL, api_image_change, OP_IMAGE_GC),
        GET("/v1/domains", "host", RES_DOMAINS),
        CHANGE("POST", "/v1/domains", "host, file, config", api_domain_create, 0),
        GET("/v1/domains/{name}", "", RES_DOMAIN),
        CHANGE("POST", "/v1/domains/{name}/shutdown", "timeout", api_domain_action, VERB_SHUTDOWN),
        CHANGE("POST", "/v1/domains/{name}/destroy", "timeout", api_domain_action, VERB_DESTROY),
        {.method = "GET",
         .pattern = "/v1/domains/{name}/console",
         .right = API_RIGHT_CHANGE,
         .query = "",
         .handler = api_console},
        GET("/v1/operations", "limit", RES_OPS),
        GET("/v1/operations/{id}", "wait", RES_OP),
        GET("/v1/exports", "", RES_EXPORTS),
        GET("/v1/exports/{name}", "", RES_EXPORT),
        GET("/v1/satellites", "", RES_SATELLITES),
        CHANGE("POST", "/v1/satellites", "name, label", api_satellite_add, 0),
        GET("/v1/satellites/{name}", "", RES_SATELLITE),
        CHANGE("DELETE", "/v1/satellites/{name}", NULL, api_satellite_remove, 0),
        GET("/v1/events", "after wait limit kind", RES_EVENTS),
};
const size_t api_n_routes = N_ELEMENTS(api_routes);

/* The next part between slashes; false at the end. */
static bool
next_part(const char **at, const char **part, size_t *size)
{
        if (**at != '/')
                return false;
        *part = *at + 1;
        *size = strcspn(*part, "/");
        *at = *part + *size;
        return true;
}

enum part_match { PART_OTHER, PART_SAME, PART_BAD };

static enum part_match
part_compare(const char *pattern, size_t pattern_size, const char *part, size_t size, struct api_match *m, struct error *err)
{
        char text[NAME_SIZE] = "";

        if (pattern[0] != '{')
                return pattern_size == size && memcmp(pattern, part, size) == 0 ? PART_SAME : PART_OTHER;
        if (size < sizeof(text))
                memcpy(text, part, size);
        if (pattern_size == 4 && memcmp(pattern, "{id}", 4) == 0) {
                if (parse_u64(text, INT64_MAX, &m->number) == 0)
                        return PART_SAME;
                error_set(err, ERR_INVALID, "'%.63s' in the path is not a number", text);
                return PART_BAD;
        }
        if (pattern_size == 7 && memcmp(pattern, "{image}", 7) == 0 ? image_name_ok(text) : name_ok(text)) {
                memcpy(m->name, text, sizeof(text));
                return PART_SAME;
        }
        error_set(err, ERR_INVALID, "the name in the path is not 1 to 63 of [a-zA-Z0-9._-] with a letter or digit first");
        return PART_BAD;
}

static enum part_match
path_compare(const struct api_route *route, const char *path, struct api_match *m, struct error *err)
{
        const char *pattern = route->pattern, *a, *b;
        size_t a_size, b_size;
        enum part_match worst = PART_SAME;

        while (next_part(&pattern, &a, &a_size)) {
                enum part_match p;

                if (!next_part(&path, &b, &b_size))
                        return PART_OTHER;
                p = part_compare(a, a_size, b, b_size, m, err);
                if (p == PART_OTHER)
                        return PART_OTHER;
                if (p == PART_BAD)
                        worst = PART_BAD; /* a later part may show that another route was meant */
        }
        return *path == '\0' ? worst : PART_OTHER;
}

int
api_route_find(const char *method, const char *path, struct api_match *ret, struct error *err)
{
        char methods[64] = "";
        bool bad = false;

        memset(ret, 0, sizeof(*ret));
        for (size_t i = 0; i < api_n_routes; i++) {
                struct api_match m = {.route = &api_routes[i]};
                enum part_match p = path_compare(&api_routes[i], path, &m, err);

                if (p == PART_OTHER)
                        continue;
                if (p == PART_BAD) {
                        bad = true;
                        continue;
                }
                if (strcmp(method, api_routes[i].method) == 0) {
                        *ret = m;
                        return 0;
                }
                snprintf(methods + strlen(methods), sizeof(methods) - strlen(methods), "%s%s", methods[0] ? ", " : "",
                         api_routes[i].method);
        }
        if (methods[0])
                return error_set(err, ERR_UNSUPPORTED, "this path takes %s", methods);
        if (bad)
                return error_to_errno(err->code);
        return error_set(err, ERR_NOT_FOUND, "there is no such path in the API; docs/ARCHITECTURE.md lists them");
}

bool
api_route_knows(const struct api_route *route, const char *key)
{
        size_t size = strlen(key);

        if (strchr(key, ' '))
                return false;
        for (const char *at = route->query; size > 0 && (at = strstr(at, key)); at += size)
                if ((at == route->query || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
                        return true;
        return false;
}
