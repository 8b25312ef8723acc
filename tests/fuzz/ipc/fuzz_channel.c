/* SPDX-License-Identifier: Apache-2.0 */
/* Two bytes choose who reads and who wrote, the rest is one frame: what is accepted was allowed, and encodes to the same
 * payload again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/channel.h"

#define HEADER 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct rec_desc *desc;
        enum role self, peer;
        enum msg_type type;
        void *payload = NULL;
        uint8_t *again;
        size_t n;

        if (size < 2)
                return 0;
        self = data[0];
        peer = data[1];
        if (channel_parse(data + 2, size - 2, self, peer, &type, &payload) < 0)
                return 0;
        desc = message_desc(type);
        if (!message_allowed(type, peer, self))
                abort();
        n = rec_encoded_size(desc, payload);
        again = malloc(n ? n : 1);
        rec_encode(desc, payload, again);
        if (n != size - 2 - HEADER || memcmp(again, data + 2 + HEADER, n) != 0)
                abort();
        free(again);
        rec_clear(desc, payload);
        free(payload);
        return 0;
}
