/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_SATELLITE_JOURNAL_H
#define DOMPOOL_SERVER_SATELLITE_JOURNAL_H
/*
 * What a satellite has to report, in memory and on disk until the main server has taken it: numbered, in order, a bounded
 * number, the oldest dropped first and counted. The file is appended to, and written anew when much of it was acknowledged:
 *
 *     header:  "DMPREPT1" | journal 8 | next number 8 | dropped 8 | sum 8
 *     record:  size 4 | type 4 | number 8 | payload (the message's binary form) | sum 8
 *
 * little-endian; a sum is the first 8 bytes of the SHA-256 of what stands before it in its header or record. A file that is cut
 * or damaged is read up to there. Numbers only grow, over restarts and lost records too: each start leaves a gap.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/messages.h"

#define SATELLITE_JOURNAL_NAME "reports.journal"
#define SATELLITE_KEEP_REPORTS 8192
#define SATELLITE_KEEP_UNKNOWN 512 /* of them, machines that nobody knows: anybody can make many of these */
#define SATELLITE_REPORT_MAX (64u << 10)

struct satellite_report {
        uint64_t seq;
        enum msg_type type;
        size_t size;
        uint8_t data[]; /* rec_encode */
};

struct satellite_journal;

/* Reads a file's bytes: @fn for each whole record, in order; false ends it. Pure. -EBADMSG: it is none of ours. */
struct satellite_journal_head {
        uint64_t id, next_seq, n_dropped;
};
int satellite_journal_read(const uint8_t *data, size_t size, struct satellite_journal_head *ret,
                           bool (*fn)(void *arg, uint64_t seq, enum msg_type type, const uint8_t *payload, size_t size),
                           void *arg);

/* @dir_fd stays the caller's. A file that is none of ours is put aside. Without room on the disk it works in memory. */
int satellite_journal_open(int dir_fd, struct satellite_journal **ret, struct error *err);

void satellite_journal_free(struct satellite_journal *j);

uint64_t satellite_journal_id(const struct satellite_journal *j);

/* 0 when nothing waits. */
uint64_t satellite_journal_newest(const struct satellite_journal *j);

/* Remembers a message; what does not fit any more drops the oldest one. false: out of memory, or too many unknown machines. */
bool satellite_journal_add(struct satellite_journal *j, enum msg_type type, const void *payload);

/* The first report behind number @seq; NULL: there is none. Valid until the next add or ack. */
const struct satellite_report *satellite_journal_after(const struct satellite_journal *j, uint64_t seq);

/* The main server has all up to @seq. */
void satellite_journal_ack(struct satellite_journal *j, uint64_t seq);

/* Reports dropped since the last call; then they count as told. */
uint64_t satellite_journal_take_dropped(struct satellite_journal *j);

/* To the disk with what is new. 0 or negative errno: it stays in memory, and is tried again with the next call. */
int satellite_journal_sync(struct satellite_journal *j);

#endif
