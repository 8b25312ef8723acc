/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a TFTP sender sends which block. Numbers only: the file, the socket and the clock are the caller's (boot_tftp.c, in
 * dompoold's unprivileged `boot` role).
 */
#include "proto/tftp_xfer.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

void
tftp_xfer_init(struct tftp_xfer *x, const struct tftp_options *asked, uint64_t file_size, uint32_t max_blksize)
{
        memset(x, 0, sizeof(*x));
        x->accepted = *asked;
        if (x->accepted.blksize > max_blksize)
                x->accepted.blksize = max_blksize;
        if (x->accepted.windowsize > TFTP_XFER_MAX_WINDOW)
                x->accepted.windowsize = TFTP_XFER_MAX_WINDOW;
        x->blksize = x->accepted.blksize ? (uint16_t)x->accepted.blksize : TFTP_DEFAULT_BLKSIZE;
        x->window = x->accepted.windowsize ? (uint16_t)x->accepted.windowsize : 1;
        x->size = file_size;
        x->last = file_size / x->blksize + 1;
        x->state = TFTP_XFER_NEW;
        x->rto_ms = TFTP_XFER_RTO_FIRST_MS;
        /* A client that says `timeout` caps the back-off: half again its own timer, so that it gets to speak in between. */
        x->rto_max_ms = TFTP_XFER_RTO_MAX_MS;
        if (x->accepted.timeout != 0 && x->accepted.timeout * 1500 < TFTP_XFER_RTO_MAX_MS)
                x->rto_max_ms = (uint16_t)(x->accepted.timeout * 1500);
        x->deadline_ms = INT64_MAX;
}

static void
finish(struct tftp_xfer *x, enum tftp_xfer_state state)
{
        x->state = (uint8_t)state;
        x->deadline_ms = INT64_MAX;
}

/* The window behind what is acknowledged. Only blocks never sent before are timed: the ACK of a repeated one says nothing
 * (Karn). */
static void
send_window(struct tftp_xfer *x, int64_t now_ms, struct tftp_xfer_out *out)
{
        uint64_t to = min_u64(x->acked_to + x->window, x->last);

        out->first = x->acked_to + 1;
        out->n = (uint32_t)(to - x->acked_to);
        x->timing = out->first > x->sent_to;
        if (out->first <= x->sent_to && out->n > 0)
                x->again += min_u64(to, x->sent_to) - x->acked_to;
        x->timed = to;
        x->timed_ms = now_ms;
        if (to > x->sent_to)
                x->sent_to = to;
        x->deadline_ms = now_ms + x->rto_ms;
}

static void
send_oack(struct tftp_xfer *x, int64_t now_ms, struct tftp_xfer_out *out)
{
        out->oack = true;
        x->timing = x->tries == 0;
        x->timed = 0;
        x->timed_ms = now_ms;
        x->deadline_ms = now_ms + x->rto_ms;
}

void
tftp_xfer_start(struct tftp_xfer *x, int64_t now_ms, struct tftp_xfer_out *out)
{
        const struct tftp_options *o = &x->accepted;

        memset(out, 0, sizeof(*out));
        if (o->blksize || o->windowsize || o->timeout || o->tsize) {
                x->state = TFTP_XFER_OACKED;
                send_oack(x, now_ms, out);
        } else {
                x->state = TFTP_XFER_SENDING;
                send_window(x, now_ms, out);
        }
}

void
tftp_xfer_hold(struct tftp_xfer *x)
{
        if (!tftp_xfer_over(x))
                x->deadline_ms = INT64_MAX;
}

void
tftp_xfer_release(struct tftp_xfer *x, int64_t now_ms)
{
        if (tftp_xfer_over(x))
                return;
        x->timed_ms = now_ms;
        x->deadline_ms = now_ms + x->rto_ms;
}

/* RFC 6298, 2.3. What was repeated says nothing of the round trip, and leaves the timer as its loss has set it. */
static void
measure(struct tftp_xfer *x, uint64_t block, int64_t now_ms)
{
        int64_t sample_ms8 = (now_ms - x->timed_ms) * 8, off_ms8 = llabs(sample_ms8 - x->srtt_ms8), rto;

        if (!x->timing || block < x->timed) {
                if (x->acked)
                        return;
                sample_ms8 = off_ms8 = 0;
        }
        x->timing = false;
        if (x->acked) {
                x->rttvar_ms8 += (off_ms8 - x->rttvar_ms8) / 4;
                x->srtt_ms8 += (sample_ms8 - x->srtt_ms8) / 8;
        } else {
                x->srtt_ms8 = sample_ms8;
                x->rttvar_ms8 = sample_ms8 / 2;
        }
        rto = x->srtt_ms8 + (2 * x->srtt_ms8 > 4 * x->rttvar_ms8 ? 2 * x->srtt_ms8 : 4 * x->rttvar_ms8);
        rto /= 8;
        if (rto < TFTP_XFER_RTO_MIN_MS)
                rto = TFTP_XFER_RTO_MIN_MS;
        x->rto_ms = (uint16_t)(rto < x->rto_max_ms ? rto : x->rto_max_ms);
}

void
tftp_xfer_ack(struct tftp_xfer *x, uint16_t block, int64_t now_ms, struct tftp_xfer_out *out)
{
        uint64_t n = x->acked_to + (uint16_t)(block - (uint16_t)x->acked_to);

        memset(out, 0, sizeof(*out));
        if (tftp_xfer_over(x) || x->state == TFTP_XFER_NEW || n > x->sent_to)
                return;
        if (n == x->acked_to && x->state != TFTP_XFER_OACKED)
                return; /* repeated: the timer alone sends again */
        measure(x, n, now_ms);
        x->acked = true;
        x->tries = 0;
        x->acked_to = n;
        x->state = TFTP_XFER_SENDING;
        if (n == x->last)
                finish(x, TFTP_XFER_DONE);
        else
                send_window(x, now_ms, out);
}

void
tftp_xfer_abort(struct tftp_xfer *x)
{
        finish(x, TFTP_XFER_FAILED);
}

void
tftp_xfer_tick(struct tftp_xfer *x, int64_t now_ms, struct tftp_xfer_out *out)
{
        unsigned rto = x->acked ? x->rto_ms * 4u : x->rto_ms;

        memset(out, 0, sizeof(*out));
        if (tftp_xfer_over(x) || x->state == TFTP_XFER_NEW || now_ms < x->deadline_ms)
                return;
        if (x->tries >= (x->acked ? TFTP_XFER_TRIES : TFTP_XFER_FIRST_TRIES)) {
                finish(x, TFTP_XFER_FAILED);
                return;
        }
        x->tries++;
        x->rto_ms = (uint16_t)(rto < x->rto_max_ms ? rto : x->rto_max_ms);
        if (x->acked)
                send_window(x, now_ms, out);
        else if (x->proved && x->state == TFTP_XFER_OACKED)
                send_oack(x, now_ms, out);
        else /* what nobody asked for would be worth something to a forger */
                x->deadline_ms = now_ms + x->rto_ms;
}

int64_t
tftp_xfer_deadline(const struct tftp_xfer *x)
{
        return x->deadline_ms;
}

bool
tftp_xfer_may_have_all(const struct tftp_xfer *x)
{
        uint64_t last_bytes = x->size > 0 && x->size % x->blksize == 0 ? x->last - 1 : x->last;

        return x->acked && x->sent_to >= last_bytes && x->acked_to + x->window >= last_bytes;
}

void
tftp_xfer_block(const struct tftp_xfer *x, uint64_t n, uint64_t *ret_offset, uint32_t *ret_size)
{
        *ret_offset = (n - 1) * x->blksize;
        *ret_size = (uint32_t)min_u64(x->blksize, x->size - *ret_offset);
}
