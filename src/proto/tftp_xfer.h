/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_PROTO_TFTP_XFER_H
#define DOMPOOL_PROTO_TFTP_XFER_H
/*
 * The sender of one TFTP file as a state machine without I/O: it says which blocks to send and when it wants to be asked again.
 *
 *   NEW --options--> OACKED --ACK 0--> SENDING --last ACK--> DONE
 *    |                  | ERROR, silence    | ERROR, silence
 *    +--no options------|------> SENDING    |
 *                       +-------> FAILED <--+
 *
 * Blocks are counted from 1 in 64 bits; on the wire they are 16 bits and roll over to 0. Block n holds the bytes from
 * (n - 1) * blksize; the last one is shorter than blksize, maybe empty.
 *
 * - Before the first ACK nothing is sent again by itself: the client repeats its request, and a forged request must not be
 *   worth more to the forger than one small answer (amplification). An address that has proved itself (`proved`) gets the OACK
 *   again, once, after 5.5 s: some clients take a second OACK for a mistake (atftp, after 5 s of waiting), some need one (GRUB
 *   does not repeat its ACK). A DATA never is.
 * - After it the timer is measured: 3 x the smoothed round trip, at least its mean and four times its deviation (RFC 6298, 2)
 *   and TFTP_XFER_RTO_MIN_MS. With each loss it grows, until the next round trip that can be measured (Karn), fourfold, soon
 * beyond the client's own timer: some clients (atftp) ignore repeated blocks, but start their timer anew at each, and speak
 * again only when we have been silent for long enough.
 * - An ACK that repeats the last one never makes us send again (RFC 1123, 4.2.3.1: the sorcerer's apprentice). An ACK of a
 *   block inside the window means a gap behind it (RFC 7440, 4): the next window starts there.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/tftp.h"

#define TFTP_XFER_RTO_MIN_MS 5
#define TFTP_XFER_RTO_FIRST_MS 5500
#define TFTP_XFER_RTO_MAX_MS 8000
#define TFTP_XFER_FIRST_TRIES 1 /* how often that is waited for once more before the first ACK */
#define TFTP_XFER_TRIES 8       /* repeats of one window after it */
#define TFTP_XFER_MAX_WINDOW 64 /* larger ones are granted as this */

enum tftp_xfer_state { TFTP_XFER_NEW, TFTP_XFER_OACKED, TFTP_XFER_SENDING, TFTP_XFER_DONE, TFTP_XFER_FAILED };

struct tftp_xfer {
        uint8_t state; /* enum tftp_xfer_state */
        uint8_t tries;
        bool proved; /* the caller's, after tftp_xfer_init: the address has acknowledged a transfer before */
        bool acked;  /* the first ACK has come */
        bool timing; /* a round trip is being measured */
        uint16_t blksize, window;
        uint16_t rto_ms, rto_max_ms;
        uint64_t size;     /* of the file, bytes */
        uint64_t last;     /* number of the last block */
        uint64_t acked_to; /* highest block acknowledged */
        uint64_t sent_to;  /* highest block ever sent */
        uint64_t again;    /* blocks that were sent more than once, each time */
        uint64_t timed;    /* block whose ACK ends the measurement */
        int64_t timed_ms;
        int64_t srtt_ms8;   /* smoothed round trip, in eighths of a millisecond; meaningless before the first ACK */
        int64_t rttvar_ms8; /* its deviation */
        int64_t deadline_ms;
        struct tftp_options accepted; /* what the OACK says */
};

/* What to send now: the OACK, or the blocks first..first+n-1; both may be absent. */
struct tftp_xfer_out {
        bool oack;
        uint64_t first;
        uint32_t n;
};

/* Grants options: blksize at most @max_blksize (what fits a frame: 1468), windowsize at most TFTP_XFER_MAX_WINDOW. */
void tftp_xfer_init(struct tftp_xfer *x, const struct tftp_options *asked, uint64_t file_size, uint32_t max_blksize);

/* The first answer. */
void tftp_xfer_start(struct tftp_xfer *x, int64_t now_ms, struct tftp_xfer_out *out);

/* What was to be sent did not leave this machine: time stands still until it has. */
void tftp_xfer_hold(struct tftp_xfer *x);

/* What was held has left now. */
void tftp_xfer_release(struct tftp_xfer *x, int64_t now_ms);

/* An ACK of @block (16 bits, from the wire). */
void tftp_xfer_ack(struct tftp_xfer *x, uint16_t block, int64_t now_ms, struct tftp_xfer_out *out);

/* The client gave up (ERROR): FAILED, nothing is answered. */
void tftp_xfer_abort(struct tftp_xfer *x);

/* To be called at the deadline or later. */
void tftp_xfer_tick(struct tftp_xfer *x, int64_t now_ms, struct tftp_xfer_out *out);

/* INT64_MAX when done or failed. */
int64_t tftp_xfer_deadline(const struct tftp_xfer *x);

static inline bool
tftp_xfer_over(const struct tftp_xfer *x)
{
        return x->state == TFTP_XFER_DONE || x->state == TFTP_XFER_FAILED;
}

/*
 * Every byte was sent, and the client has acknowledged all before the last window of them: may it have the file? To whom the
 * size was told (RFC 2349) needs no more. PXELINUX goes on without the ACK of a last block that is full, nor does it wait for
 * the empty one behind it: it sends ERROR 0.
 */
bool tftp_xfer_may_have_all(const struct tftp_xfer *x);

/* Where block @n lies in the file and how many bytes it has (0..blksize). */
void tftp_xfer_block(const struct tftp_xfer *x, uint64_t n, uint64_t *ret_offset, uint32_t *ret_size);

#endif
