/* SPDX-License-Identifier: Apache-2.0 */
/* The satellite's journal of reports. Knows files and messages' binary forms, no network. Runs in: satellite. */
#include "server/satellite_journal.h"

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

#define NEW_NAME SATELLITE_JOURNAL_NAME ".new"
#define BAD_NAME SATELLITE_JOURNAL_NAME ".bad"
#define MAX_FILE (64u << 20)
#define COMPACT_MIN (1u << 20)
#define SUM_SIZE DIGEST_SEAL_SIZE
#define HEAD_SIZE (8 + 3 * 8 + SUM_SIZE)
#define RECORD_HEAD 16
#define SEQ_GAP (1ull << 20) /* more than can be told between two writes to the disk */

static const char magic[8] = {'D', 'M', 'P', 'R', 'E', 'P', 'T', '1'};

struct satellite_journal {
        int dir_fd, fd; /* fd -1: the file must be written anew */
        struct satellite_journal_head head;
        struct satellite_report *reports[SATELLITE_KEEP_REPORTS]; /* ring */
        size_t first, n;
        size_t n_unknown;
        uint64_t live_size; /* of the records that are in memory */
        uint64_t file_size;
        uint64_t synced; /* number of the last report in the file */
};

/* --- reading --- */

int
satellite_journal_read(const uint8_t *data, size_t size, struct satellite_journal_head *ret,
                       bool (*fn)(void *arg, uint64_t seq, enum msg_type type, const uint8_t *payload, size_t size), void *arg)
{
        uint64_t last = 0;

        if (size < HEAD_SIZE || memcmp(data, magic, sizeof(magic)) != 0 || !digest_is_sealed(data, HEAD_SIZE - SUM_SIZE))
                return -EBADMSG;
        *ret = (struct satellite_journal_head){get_le(data + 8, 8), get_le(data + 16, 8), get_le(data + 24, 8)};
        for (size_t pos = HEAD_SIZE; size - pos >= RECORD_HEAD + SUM_SIZE;) {
                size_t n = (size_t)get_le(data + pos, 4);
                uint64_t seq = get_le(data + pos + 8, 8);

                if (n > SATELLITE_REPORT_MAX || n > size - pos - RECORD_HEAD - SUM_SIZE ||
                    !digest_is_sealed(data + pos, RECORD_HEAD + n))
                        break;
                if (seq > last && !fn(arg, seq, (enum msg_type)get_le(data + pos + 4, 4), data + pos + RECORD_HEAD, n))
                        break;
                last = seq > last ? seq : last;
                pos += RECORD_HEAD + n + SUM_SIZE;
        }
        return 0;
}

/* --- the ring --- */

static struct satellite_report *
at(const struct satellite_journal *j, size_t i)
{
        return j->reports[(j->first + i) % SATELLITE_KEEP_REPORTS];
}

static uint64_t
record_size(const struct satellite_report *r)
{
        return RECORD_HEAD + r->size + SUM_SIZE;
}

static void
drop_first(struct satellite_journal *j)
{
        struct satellite_report *r = at(j, 0);

        j->live_size -= record_size(r);
        j->n_unknown -= r->type == MSG_MACHINE_SEEN;
        free(r);
        j->first = (j->first + 1) % SATELLITE_KEEP_REPORTS;
        j->n--;
}

/* Takes over @r. */
static void
push(struct satellite_journal *j, struct satellite_report *r)
{
        if (j->n == SATELLITE_KEEP_REPORTS) {
                drop_first(j);
                j->head.n_dropped++;
        }
        j->reports[(j->first + j->n++) % SATELLITE_KEEP_REPORTS] = r;
        j->live_size += record_size(r);
        j->n_unknown += r->type == MSG_MACHINE_SEEN;
}

static struct satellite_report *
make_report(uint64_t seq, enum msg_type type, size_t size)
{
        struct satellite_report *r = malloc(sizeof(*r) + size);

        if (r)
                *r = (struct satellite_report){.seq = seq, .type = type, .size = size};
        return r;
}

static bool
keep_read(void *arg, uint64_t seq, enum msg_type type, const uint8_t *payload, size_t size)
{
        struct satellite_journal *j = arg;
        struct satellite_report *r = make_report(seq, type, size);

        if (!r)
                return false;
        memcpy(r->data, payload, size);
        push(j, r);
        return true;
}

bool
satellite_journal_add(struct satellite_journal *j, enum msg_type type, const void *payload)
{
        const struct rec_desc *d = message_desc(type);
        size_t size = rec_encoded_size(d, payload);
        struct satellite_report *r;

        if (size > SATELLITE_REPORT_MAX || (type == MSG_MACHINE_SEEN && j->n_unknown >= SATELLITE_KEEP_UNKNOWN))
                return false;
        r = make_report(j->head.next_seq, type, size);
        if (!r)
                return false;
        rec_encode(d, payload, r->data);
        j->head.next_seq++;
        push(j, r);
        return true;
}

const struct satellite_report *
satellite_journal_after(const struct satellite_journal *j, uint64_t seq)
{
        size_t low = 0, high = j->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (at(j, middle)->seq <= seq)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < j->n ? at(j, low) : NULL;
}

void
satellite_journal_ack(struct satellite_journal *j, uint64_t seq)
{
        while (j->n > 0 && at(j, 0)->seq <= seq)
                drop_first(j);
}

uint64_t
satellite_journal_id(const struct satellite_journal *j)
{
        return j->head.id;
}

uint64_t
satellite_journal_newest(const struct satellite_journal *j)
{
        return j->n > 0 ? at(j, j->n - 1)->seq : 0;
}

uint64_t
satellite_journal_take_dropped(struct satellite_journal *j)
{
        uint64_t n = j->head.n_dropped;

        j->head.n_dropped = 0;
        return n;
}

/* --- the file --- */

static uint8_t *
put_record(uint8_t *to, const struct satellite_report *r)
{
        put_le(to, r->size, 4);
        put_le(to + 4, r->type, 4);
        put_le(to + 8, r->seq, 8);
        memcpy(to + RECORD_HEAD, r->data, r->size);
        digest_seal(to, RECORD_HEAD + r->size);
        return to + record_size(r);
}

/* Those behind number @seq, one after the other. *ret is malloc'ed, with @before bytes of room at its begin. */
static int
encode_after(const struct satellite_journal *j, uint64_t seq, size_t before, uint8_t **ret, size_t *ret_size)
{
        uint8_t *data = malloc(before + j->live_size + 1), *to = data + before;

        if (!data)
                return -ENOMEM;
        for (size_t i = 0; i < j->n; i++)
                if (at(j, i)->seq > seq)
                        to = put_record(to, at(j, i));
        *ret = data;
        *ret_size = (size_t)(to - data);
        return 0;
}

static int
rewrite(struct satellite_journal *j)
{
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int fd = -1;
        size_t size;
        int r = encode_after(j, 0, HEAD_SIZE, &data, &size);

        if (r < 0)
                return r;
        memcpy(data, magic, sizeof(magic));
        put_le(data + 8, j->head.id, 8);
        put_le(data + 16, j->head.next_seq, 8);
        put_le(data + 24, j->head.n_dropped, 8);
        digest_seal(data, HEAD_SIZE - SUM_SIZE);
        fd = openat(j->dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, data, size);
        if (r < 0)
                return r;
        if (fdatasync(fd) < 0 || renameat(j->dir_fd, NEW_NAME, j->dir_fd, SATELLITE_JOURNAL_NAME) < 0 || fsync(j->dir_fd) < 0)
                return -errno;
        cleanup_close(&j->fd);
        j->fd = TAKE_FD(fd);
        j->file_size = size;
        return 0;
}

static int
append(struct satellite_journal *j)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t size;
        int r = encode_after(j, j->synced, 0, &data, &size);

        if (r == 0)
                r = fd_write_all(j->fd, data, size);
        if (r == 0 && fdatasync(j->fd) < 0)
                r = -errno;
        if (r == 0)
                j->file_size += size;
        return r;
}

int
satellite_journal_sync(struct satellite_journal *j)
{
        bool grown = j->file_size > COMPACT_MIN && j->file_size > 2 * j->live_size + HEAD_SIZE;
        uint64_t newest = satellite_journal_newest(j);
        int r = 0;

        if (j->fd < 0 || grown)
                r = rewrite(j);
        else if (newest > j->synced)
                r = append(j);
        if (r == 0) {
                j->synced = newest > j->synced ? newest : j->synced;
        } else if (j->fd >= 0) {
                close(TAKE_FD(j->fd)); /* what is on the disk nobody knows now */
        }
        return r;
}

static void
begin_new(struct satellite_journal *j)
{
        digest_random(&j->head.id, sizeof(j->head.id));
        j->head.id >>= 1; /* JSON's numbers are signed */
        j->head.next_seq = 1;
        j->head.n_dropped = 0;
}

int
satellite_journal_open(int dir_fd, struct satellite_journal **ret, struct error *err)
{
        struct satellite_journal *j = calloc(1, sizeof(*j));
        _cleanup_free_ uint8_t *data = NULL;
        uint64_t newest;
        size_t size = 0;
        int r;

        if (!j)
                return error_errno_set(err, ENOMEM, "%s", SATELLITE_JOURNAL_NAME);
        j->dir_fd = dir_fd;
        j->fd = -1;
        r = fd_read_file(dir_fd, SATELLITE_JOURNAL_NAME, MAX_FILE, &data, &size);
        if (r < 0) {
                free(j);
                return error_errno_set(err, -r, "%s: cannot be read", SATELLITE_JOURNAL_NAME);
        }
        if (size == 0 || satellite_journal_read(data, size, &j->head, keep_read, j) < 0) {
                begin_new(j);
                if (size > 0)
                        renameat(dir_fd, SATELLITE_JOURNAL_NAME, dir_fd, BAD_NAME);
        } else {
                newest = satellite_journal_newest(j);
                j->head.next_seq = (newest >= j->head.next_seq ? newest + 1 : j->head.next_seq) + SEQ_GAP;
        }
        *ret = j;
        return 0;
}

void
satellite_journal_free(struct satellite_journal *j)
{
        if (!j)
                return;
        while (j->n > 0)
                drop_first(j);
        cleanup_close(&j->fd);
        free(j);
}
