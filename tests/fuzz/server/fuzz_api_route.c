/* SPDX-License-Identifier: Apache-2.0 */
/* "METHOD PATH" through the route table: a match has a route of that method, a good name, and nothing else is ever told as
 * found. */
#include <assert.h>
#include <string.h>

#include "base/parse.h"
#include "model/host.h"
#include "server/api_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char text[1024], *path;
        struct api_match match;
        struct error err;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        path = strchr(text, ' ');
        if (!path)
                return 0;
        *path++ = '\0';
        if (api_route_find(text, path, &match, &err) == 0) {
                assert(match.route && strcmp(match.route->method, text) == 0);
                assert(match.name[0] == '\0' || name_ok(match.name) ||
                       (strstr(match.route->pattern, "{image}") && image_name_ok(match.name)));
                api_route_knows(match.route, path);
        } else {
                assert(!match.route && err.code != ERR_NONE && err.message[0]);
        }
        return 0;
}
