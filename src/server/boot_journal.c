/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease journal of dompoold's `boot` role: written by that role alone, before its ACKs leave. Knows files and leases, no
 * packets.
 */
#include "server/boot_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/le.h"

#define NEW_NAME "leases.journal.new"
#define BAD_NAME "leases.journal.bad"
#define MAX_FILE (256u << 20) /* read at the start at most; compaction keeps the file far below */
#define COMPACT_MIN (1u << 20)
#define COMPACT_FACTOR 4
#define CHECKSUM_AT (BOOT_JOURNAL_RECORD_SIZE - DIGEST_SEAL_SIZE)

static const uint8_t header[BOOT_JOURNAL_HEADER_SIZE] = "DMPLEASE\0\0\0\1";

struct boot_journal {
        int dir_fd; /* the caller's */
        int fd;     /* -1: must be written anew */
        uint64_t size;
        uint8_t *batch;
        size_t batch_size, batch_room;
        int batch_error; /* negative errno: a record of this batch was lost to memory */
        bool urgent;     /* the batch must be on disk */
        bool unsettled;  /* something written is not */
};

static void
record_encode(const struct lease *l, uint8_t r[BOOT_JOURNAL_RECORD_SIZE])
{
        memset(r, 0, BOOT_JOURNAL_RECORD_SIZE);
        memcpy(r, l->mac.b, sizeof(l->mac.b));
        r[6] = (uint8_t)l->state;
        put_le(r + 8, l->address, 4);
        put_le(r + 12, (uint64_t)(lease_end(l) - l->expiry_ms) / 1000, 4);
        put_le(r + 16, (uint64_t)lease_end(l), 8);
        digest_seal(r, CHECKSUM_AT);
}

static bool
record_decode(const uint8_t r[BOOT_JOURNAL_RECORD_SIZE], struct lease *ret)
{
        if (!digest_is_sealed(r, CHECKSUM_AT) || r[6] >= LEASE_N)
                return false;
        memcpy(ret->mac.b, r, sizeof(ret->mac.b));
        ret->state = r[6];
        ret->address = (uint32_t)get_le(r + 8, 4);
        ret->held_ms = (int64_t)get_le(r + 16, 8);
        ret->expiry_ms = ret->held_ms - (int64_t)get_le(r + 12, 4) * 1000;
        return ret->address != 0;
}

int
boot_journal_replay(const uint8_t *data, size_t size, struct lease_table *table, struct boot_journal_report *ret)
{
        size_t pos = sizeof(header);
        struct lease l;

        memset(ret, 0, sizeof(*ret));
        if (size < sizeof(header) || memcmp(data, header, sizeof(header)) != 0) {
                ret->foreign = size > 0;
                return 0;
        }
        for (; size - pos >= BOOT_JOURNAL_RECORD_SIZE; pos += BOOT_JOURNAL_RECORD_SIZE) {
                int r = record_decode(data + pos, &l) ? lease_put(table, &l) : -EBADMSG;

                if (r == -ENOMEM)
                        return r;
                if (r == 0)
                        ret->n_good++;
                else
                        ret->n_bad++;
        }
        ret->torn = size - pos;
        return 0;
}

static void
encode_to(void *arg, const struct lease *l)
{
        uint8_t **to = arg;

        if (l->state == LEASE_OFFERED)
                return;
        record_encode(l, *to);
        *to += BOOT_JOURNAL_RECORD_SIZE;
}

/* Writes what the table holds to a new file, and puts it in the old one's place once it is on disk. */
static int
rewrite(struct boot_journal *j, const struct lease_table *table)
{
        _cleanup_free_ uint8_t *data = malloc(sizeof(header) + lease_table_count(table) * BOOT_JOURNAL_RECORD_SIZE);
        _cleanup_close_ int fd = -1;
        uint8_t *to = data;
        int r;

        if (!data)
                return -ENOMEM;
        memcpy(to, header, sizeof(header));
        to += sizeof(header);
        lease_table_each(table, encode_to, &to);
        fd = openat(j->dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, data, (size_t)(to - data));
        if (r < 0)
                return r;
        if (fdatasync(fd) < 0 || renameat(j->dir_fd, NEW_NAME, j->dir_fd, BOOT_JOURNAL_NAME) < 0 || fsync(j->dir_fd) < 0)
                return -errno;
        if (j->fd >= 0)
                close(j->fd);
        j->fd = TAKE_FD(fd);
        j->size = (uint64_t)(to - data);
        return 0;
}

/* A file of @size bytes without a bad record: a start with many leases need not write them all again. */
static int
go_on(struct boot_journal *j, size_t size)
{
        j->fd = openat(j->dir_fd, BOOT_JOURNAL_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        j->size = size;
        return j->fd < 0 ? -errno : 0;
}

static bool
grown(const struct boot_journal *j, const struct lease_table *table)
{
        return j->size > COMPACT_MIN &&
               j->size > (uint64_t)COMPACT_FACTOR * lease_table_count(table) * BOOT_JOURNAL_RECORD_SIZE;
}

int
boot_journal_open(int dir_fd, struct lease_table *table, struct boot_journal **ret, struct boot_journal_report *ret_report,
                  struct error *err)
{
        _cleanup_free_ uint8_t *data = NULL;
        struct boot_journal *j;
        size_t size;
        int r;

        r = fd_read_file(dir_fd, BOOT_JOURNAL_NAME, MAX_FILE, &data, &size);
        if (r < 0)
                return error_errno_set(err, -r, "%s: cannot be read", BOOT_JOURNAL_NAME);
        r = boot_journal_replay(data, size, table, ret_report);
        if (r < 0)
                return error_errno_set(err, -r, "%s", BOOT_JOURNAL_NAME);
        if (ret_report->foreign && renameat(dir_fd, BOOT_JOURNAL_NAME, dir_fd, BAD_NAME) < 0)
                return error_errno_set(err, errno, "%s: cannot be put aside", BOOT_JOURNAL_NAME);
        j = calloc(1, sizeof(*j));
        if (!j)
                return error_errno_set(err, ENOMEM, "%s", BOOT_JOURNAL_NAME);
        j->dir_fd = dir_fd;
        j->fd = -1;
        j->size = size;
        if (ret_report->n_good == 0 || ret_report->n_bad > 0 || ret_report->torn > 0 || ret_report->foreign ||
            grown(j, table) || go_on(j, size) < 0)
                ret_report->write_error = rewrite(j, table);
        *ret = j;
        return 0;
}

void
boot_journal_append(struct boot_journal *j, const struct lease *l, bool urgent)
{
        j->urgent = j->urgent || urgent;
        if (j->batch_room - j->batch_size < BOOT_JOURNAL_RECORD_SIZE) {
                size_t room = j->batch_room * 2 + 64 * BOOT_JOURNAL_RECORD_SIZE;
                uint8_t *batch = realloc(j->batch, room);

                if (!batch) {
                        j->batch_error = -ENOMEM;
                        return;
                }
                j->batch = batch;
                j->batch_room = room;
        }
        record_encode(l, j->batch + j->batch_size);
        j->batch_size += BOOT_JOURNAL_RECORD_SIZE;
}

/* What is on disk now nobody knows (a failed fsync may have dropped pages): the next call starts from the table. */
static int
broken(struct boot_journal *j, int r)
{
        if (j->fd >= 0)
                close(j->fd);
        j->fd = -1;
        return r;
}

bool
boot_journal_unsettled(const struct boot_journal *j)
{
        return j->unsettled;
}

int
boot_journal_settle(struct boot_journal *j)
{
        if (!j->unsettled)
                return 0;
        j->unsettled = false;
        return fdatasync(j->fd) < 0 ? broken(j, -errno) : 0;
}

static int
write_batch(struct boot_journal *j, const struct lease_table *table)
{
        int r = j->batch_error;

        if (j->fd < 0 || grown(j, table)) {
                j->unsettled = false;
                r = rewrite(j, table); /* the table holds the batch already */
                return r < 0 ? broken(j, r) : 0;
        }
        if (r == 0)
                r = fd_write_all(j->fd, j->batch, j->batch_size);
        if (r < 0)
                return broken(j, r);
        j->size += j->batch_size;
        j->unsettled = true;
        return j->urgent ? boot_journal_settle(j) : 0;
}

int
boot_journal_sync(struct boot_journal *j, const struct lease_table *table)
{
        int r;

        if (j->batch_size == 0 && j->batch_error == 0 && j->fd >= 0)
                return 0;
        r = write_batch(j, table);
        j->batch_size = 0;
        j->batch_error = 0;
        j->urgent = false;
        return r;
}

void
boot_journal_free(struct boot_journal *j)
{
        if (!j)
                return;
        if (j->fd >= 0)
                close(j->fd);
        free(j->batch);
        free(j);
}
