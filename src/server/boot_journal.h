/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_BOOT_JOURNAL_H
#define DOMPOOL_SERVER_BOOT_JOURNAL_H
/*
 * The lease journal: an append-only file of checksummed records, each a lease as it was granted, given back or declined. A
 * lease is on disk before its ACK leaves: boot_journal_append for a batch of packets, one boot_journal_sync, then the answers.
 *
 *     "leases.journal" = header (16 bytes) | record (32 bytes) ... | zeros: room for more
 *     record = mac 6 | state 1 | zero 1 | le32 address | le32 slack | le64 end | checksum 8 (SHA-256 of what is before it, cut)
 *
 * A lease is the host's until `end`; it was promised for `slack` seconds less (struct lease: held_ms and expiry_ms).
 *
 * Room is made for many records at a time, so that what a sync brings to disk is the records alone, and no new size of the file.
 * Records are absolute and of one size, so a bad one (torn tail, flipped bit) is skipped, counted and reported and never keeps
 * the role from starting. When it has grown, and at a start that found such a record, it is rewritten with what the table holds,
 * by rename; else a start goes on behind the last record.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/lease.h"

#define BOOT_JOURNAL_NAME "leases.journal"
#define BOOT_JOURNAL_HEADER_SIZE 16
#define BOOT_JOURNAL_RECORD_SIZE 32

struct boot_journal;

struct boot_journal_report {
        size_t n_good, n_bad;
        size_t end;      /* behind the last record that is whole, bad ones too: where to go on */
        size_t torn;     /* bytes of an incomplete record at the end */
        int foreign;     /* the header is not ours: nothing was read, the file was put aside as "leases.journal.bad" */
        int write_error; /* negative errno: no fresh file could be written (a full disk); the next sync tries again */
};

/* Reads the journal's bytes into @table. For boot_journal_open, tests and the fuzzer. 0, or -ENOMEM. */
int
boot_journal_replay(const uint8_t *data, size_t size, struct lease_table *table, struct boot_journal_report *ret);

/* Reads what is in the folder @dir_fd (kept by the caller, must outlive the journal) into @table and goes on with the file, or
 * starts a fresh one. */
int
boot_journal_open(int dir_fd, struct lease_table *table, struct boot_journal **ret, struct boot_journal_report *ret_report,
                  struct error *err);

/* Adds a lease to the present batch, in memory. @urgent: the batch must be on disk (fdatasync) before its answers leave; without
 * it a record survives our end, and from boot_journal_settle() on also the machine's. */
void
boot_journal_append(struct boot_journal *j, const struct lease *l, bool urgent);

/* Must the batch be on disk? */
bool
boot_journal_urgent(const struct boot_journal *j);

/* Writes the batch. 0, or negative errno: then no ACK may leave. After a failure the file is written anew from @table at the next
 * call. */
int
boot_journal_sync(struct boot_journal *j, const struct lease_table *table);

/* Is anything written that is not on disk? */
bool
boot_journal_unsettled(const struct boot_journal *j);

/* Brings it there. 0, or negative errno as above. */
int
boot_journal_settle(struct boot_journal *j);

void
boot_journal_free(struct boot_journal *j);

#endif
