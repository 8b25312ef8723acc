/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses a message, the rest is its payload: no crash, and what is accepted encodes to the same bytes again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct rec_desc *d = size ? message_desc((enum msg_type)data[0]) : NULL;
        void *rec;

        if (!d)
                return 0;
        rec = malloc(d->size);
        if (rec_decode(d, data + 1, size - 1, rec) == 0) {
                size_t n = rec_encoded_size(d, rec);
                uint8_t *again = malloc(n ? n : 1);

                rec_encode(d, rec, again);
                if (n != size - 1 || memcmp(again, data + 1, n) != 0)
                        abort();
                free(again);
        }
        rec_clear(d, rec);
        free(rec);
        return 0;
}
