/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_BOOT_TRANSFER_H
#define DOMPOOL_SERVER_BOOT_TRANSFER_H
/*
 * One TFTP transfer of the `boot` role: its own socket (that is what a transfer identifier is), its timer, its file. Which
 * block goes when is src/proto/tftp_xfer.c's; which transfers there may be is boot_tftp.c's.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <uthash.h>
#include <uv.h>

#include "proto/tftp_xfer.h"
#include "server/boot.h"

struct boot_transfer;

/* What all transfers share. */
struct boot_transfer_ctx {
        struct boot *boot;
        int epoll;   /* the sockets of all transfers: see boot_transfer_readable */
        bool no_gso; /* this kernel or interface has no UDP_SEGMENT */

        /* Transfers whose next packets found the interface's queue full, in the order of their turn; who comes to send while
         * there are some stands in line behind them. */
        struct boot_transfer *held;
        uv_timer_t held_timer;
        int64_t crowded_said_ms; /* to files */

        /* A window while it is sent: a header and a piece of the content for each block. */
        uint8_t headers[TFTP_XFER_MAX_WINDOW][TFTP_HEADER_SIZE];
        struct iovec iov[2 * TFTP_XFER_MAX_WINDOW];
        struct mmsghdr messages[TFTP_XFER_MAX_WINDOW];

        void (*acked)(struct boot_transfer *t); /* the first ACK: it is no forged request */
        void (*ended)(struct boot_transfer *t); /* take it off the lists; it frees itself later */
};

#define BOOT_TRANSFER_BLKSIZE 1468 /* what fits an Ethernet frame: fragments are what PXE stacks lose */

struct boot_transfer_key {
        uint32_t address; /* of the client, host order */
        uint32_t port;
};

struct boot_transfer {
        struct boot_transfer_ctx *ctx;
        struct boot_transfer_key key;
        struct tftp_xfer xfer;
        struct boot_content *content;
        uv_timer_t timer;
        int64_t armed_ms; /* when the timer goes off: maybe before the deadline, which moves with each block */
        int fd;
        bool over;
        bool held;
        struct tftp_xfer_out unsent; /* of a held one */
        struct boot_transfer *held_prev, *held_next;
        uint16_t linger_pause, linger_skip; /* blocks: after the last look in vain; still to be let go */

        enum boot_stage stage;
        bool has_mac; /* the client's address has a lease: mac */
        struct mac mac;
        int64_t started_ms, heard_ms; /* its begin; the client's last ACK, 0: none yet */
        char name[TFTP_NAME_SIZE]; /* clean, as asked for */

        /* boot_tftp.c's */
        UT_hash_handle hh;
        struct boot_peer *peer;
        bool half_open;
        struct boot_transfer *prev, *next;           /* all half-open ones, oldest first */
        struct boot_transfer *peer_prev, *peer_next; /* those of one address */
};

/* Before the first transfer: @ctx has boot and epoll set. */
void boot_transfer_init(struct boot_transfer_ctx *ctx);

/* Makes the socket and sends the first answer. Takes over @t->content; @t has ctx, key, content, stage, mac and name set by the
 * caller. @proved: see struct tftp_xfer. 0, or negative errno: then @t is still the caller's to free (its content is not). */
int boot_transfer_start(struct boot_transfer *t, uint32_t local_address, const struct tftp_options *options, bool proved);

/* ctx->epoll says that there is something to read; data.ptr is the transfer. Takes one packet. */
void boot_transfer_readable(struct boot_transfer *t);

/* The same when @t is the only transfer: it may take more packets, as they come, for about a millisecond. */
void boot_transfer_readable_alone(struct boot_transfer *t);

/* The client repeated its request: the first answer got lost. */
void boot_transfer_repeat(struct boot_transfer *t);

/* The client acknowledged a block a moment ago, and has not got all. */
bool boot_transfer_moves(const struct boot_transfer *t);

/* Ends it without a word to the client; calls ctx->ended. */
void boot_transfer_drop(struct boot_transfer *t);

#endif
