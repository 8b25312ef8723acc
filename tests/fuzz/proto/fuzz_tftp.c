/* SPDX-License-Identifier: Apache-2.0 */
/* A TFTP request, and what its client sends afterwards: the sender must stay within its file and end. */
#include <assert.h>
#include <string.h>

#include "proto/tftp_xfer.h"

#define FILE_SIZE 1000003

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct tftp_xfer *x, const struct tftp_xfer_out *out)
{
        uint64_t offset;
        uint32_t n;

        assert(out->n <= x->window && x->acked_to <= x->sent_to && x->sent_to <= x->last);
        for (uint32_t i = 0; i < out->n; i++) {
                tftp_xfer_block(x, out->first + i, &offset, &n);
                assert(offset + n <= FILE_SIZE && n <= x->blksize);
        }
}

/* The request's bytes come first, up to a length in the first two bytes; then ACKs and errors of four bytes each. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tftp_xfer_out out;
        struct tftp_request r;
        uint8_t answer[TFTP_MAX_ANSWER];
        struct tftp_xfer x;
        int64_t now = 0;
        uint16_t value;
        char text[32];
        size_t n;

        if (size < 2)
                return 0;
        n = (size_t)(data[0] << 8 | data[1]) % (TFTP_MAX_REQUEST + 2);
        data += 2;
        size -= 2;
        if (n > size)
                n = size;
        if (tftp_parse_request(data, n, &r) != 0)
                return 0;
        assert(strlen(r.name) > 0 && strlen(r.name) < TFTP_NAME_SIZE);
        tftp_xfer_init(&x, &r.options, FILE_SIZE, 1468);
        assert(tftp_build_oack(answer, &x.accepted, FILE_SIZE) <= sizeof(answer));
        tftp_xfer_start(&x, now, &out);
        check(&x, &out);
        for (data += n, size -= n; size >= 4; data += 4, size -= 4) {
                now += data[0];
                if (tftp_parse_reply(data, 4, &value) == TFTP_ERROR) {
                        tftp_error_text(data, size, text, sizeof(text));
                        tftp_xfer_abort(&x);
                } else {
                        tftp_xfer_ack(&x, (uint16_t)(data[2] << 8 | data[3]), now, &out);
                }
                check(&x, &out);
                tftp_xfer_tick(&x, now, &out);
                check(&x, &out);
        }
        for (unsigned i = 0; !tftp_xfer_over(&x); i++) {
                assert(i < 20);
                now = tftp_xfer_deadline(&x);
                tftp_xfer_tick(&x, now, &out);
        }
        return 0;
}
