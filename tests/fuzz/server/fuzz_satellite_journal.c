/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a satellite's reports, as a broken disk may give it back: records in order, none beyond the file. The sums are
 * made right first for inputs that begin with 'S', so that what is behind them is reached. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "server/satellite_journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 40
#define RECORD 16

struct seen {
        const uint8_t *begin, *end;
        uint64_t last;
};

static bool
see(void *arg, uint64_t seq, enum msg_type type, const uint8_t *payload, size_t size)
{
        struct seen *s = arg;
        const struct rec_desc *d = message_desc(type);
        void *inner;

        assert(payload >= s->begin && payload + size <= s->end && seq > s->last);
        s->last = seq;
        inner = d ? calloc(1, d->size) : NULL;
        if (inner && rec_decode(d, payload, size, inner) == 0)
                rec_clear(d, inner);
        free(inner);
        return true;
}

static void
mend(uint8_t *begin, size_t size)
{
        uint8_t sum[SHA256_SIZE];

        digest_sha256(begin, size, sum);
        memcpy(begin + size, sum, 8);
}

static void
mend_all(uint8_t *data, size_t size)
{
        if (size < HEAD)
                return;
        memcpy(data, "DMPREPT1", 8);
        mend(data, HEAD - 8);
        for (size_t at = HEAD; size - at >= RECORD + 8;) {
                size_t n = (size_t)data[at] | (size_t)data[at + 1] << 8;

                data[at + 2] = data[at + 3] = 0;
                if (n > size - at - RECORD - 8)
                        return;
                mend(data + at, RECORD + n);
                at += RECORD + n + 8;
        }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size + 1);
        struct satellite_journal_head head;
        struct seen seen = {copy, copy + size, 0};

        memcpy(copy, data, size);
        if (size > 0 && data[0] == 'S')
                mend_all(copy, size);
        satellite_journal_read(copy, size, &head, see, &seen);
        free(copy);
        return 0;
}
