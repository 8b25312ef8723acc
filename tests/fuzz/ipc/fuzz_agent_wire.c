/* SPDX-License-Identifier: Apache-2.0 */
/* A line from the other end of the agents' wire, read as api, link and satellite. What is taken must survive the way out and in
 * again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rec.h"
#include "ipc/agent_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
round_trip(enum role reader, const uint8_t *data, size_t size)
{
        enum msg_type type, again_type;
        void *payload, *again;
        struct error err;
        char *line;

        if (agent_wire_decode((const char *)data, size, reader, &type, &payload, &err) < 0) {
                assert(err.code != ERR_NONE && err.message[0]);
                return;
        }
        line = agent_wire_encode(type, payload);
        assert(line && !strchr(line, '\n'));
        assert(agent_wire_decode(line, strlen(line), reader, &again_type, &again, &err) == 0);
        assert(type == again_type && rec_equal(message_desc(type), payload, again));
        agent_wire_free(type, payload);
        agent_wire_free(type, again);
        free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        round_trip(ROLE_API, data, size);
        round_trip(ROLE_LINK, data, size);
        round_trip(ROLE_SATELLITE, data, size);
        return 0;
}
