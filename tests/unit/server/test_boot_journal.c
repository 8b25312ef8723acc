/* SPDX-License-Identifier: Apache-2.0 */
/* The lease journal: what was synced is there after a restart, whatever happened to the file. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/boot_journal.h"

#define N 20
#define FIRST 0x0a000064u

struct place {
        char path[64];
        int dir;
};

static int
setup(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        strcpy(p->path, "/tmp/dompool-journal-XXXXXX");
        assert_non_null(mkdtemp(p->path));
        p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = p;
        return 0;
}

static int
teardown(void **state)
{
        struct place *p = *state;

        unlinkat(p->dir, BOOT_JOURNAL_NAME, 0);
        unlinkat(p->dir, BOOT_JOURNAL_NAME ".bad", 0);
        unlinkat(p->dir, BOOT_JOURNAL_NAME ".new", 0);
        close(p->dir);
        rmdir(p->path);
        free(p);
        return 0;
}

static struct lease
lease_no(uint32_t i)
{
        return (struct lease){
                .mac = {{2, 0, 0, 0, 0, (uint8_t)i}}, .address = FIRST + i, .state = LEASE_BOUND, .expiry_ms = 1000 + i};
}

static struct boot_journal *
open_it(const struct place *p, struct lease_table *t, struct boot_journal_report *report)
{
        struct boot_journal *j = NULL;
        struct error err;

        assert_int_equal(boot_journal_open(p->dir, t, &j, report, &err), 0);
        assert_non_null(j);
        return j;
}

static void
grant(struct boot_journal *j, struct lease_table *t, const struct lease *l)
{
        assert_int_equal(lease_put(t, l), 0);
        boot_journal_append(j, l, true);
}

/* How many of leases 0..N-1 are in the table as they were. */
static unsigned
count_right(const struct lease_table *t)
{
        unsigned n = 0;

        for (uint32_t i = 0; i < N; i++) {
                const struct lease want = lease_no(i), *l = lease_by_mac(t, &want.mac);

                n += l && l->address == want.address && l->state == want.state && l->expiry_ms == want.expiry_ms;
        }
        return n;
}

/* A journal's bytes with leases 0..N-1 appended one batch each. The caller frees. */
static uint8_t *
make_bytes(struct place *p, size_t *ret_size)
{
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct boot_journal *j = open_it(p, t, &report);
        uint8_t *bytes = malloc(100000);
        size_t size;
        int fd;

        for (uint32_t i = 0; i < N; i++) {
                const struct lease l = lease_no(i);

                grant(j, t, &l);
                assert_int_equal(boot_journal_sync(j, t), 0);
        }
        boot_journal_free(j);
        lease_table_free(t);
        fd = openat(p->dir, BOOT_JOURNAL_NAME, O_RDONLY);
        size = (size_t)read(fd, bytes, 100000);
        close(fd);
        *ret_size = BOOT_JOURNAL_HEADER_SIZE + N * BOOT_JOURNAL_RECORD_SIZE;
        assert_true(size > *ret_size);
        for (size_t i = *ret_size; i < size; i++) /* room for more */
                assert_int_equal(bytes[i], 0);
        return bytes;
}

static void
write_file(const struct place *p, const uint8_t *bytes, size_t size)
{
        int fd = openat(p->dir, BOOT_JOURNAL_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_int_equal(write(fd, bytes, size), size);
        close(fd);
}

static void
leases_are_kept_over_a_restart(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct boot_journal *j;
        size_t size;

        free(make_bytes(p, &size));
        j = open_it(p, t, &report);
        assert_int_equal(report.n_good, N);
        assert_int_equal(report.n_bad + report.torn, 0);
        assert_int_equal(count_right(t), N);
        boot_journal_free(j);
        lease_table_free(t);
}

static void
the_last_word_about_a_host_counts(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct boot_journal *j = open_it(p, t, &report);
        struct lease l = lease_no(1);

        grant(j, t, &l);
        l.address++;
        grant(j, t, &l);
        l.state = LEASE_RELEASED;
        grant(j, t, &l);
        assert_int_equal(boot_journal_sync(j, t), 0);
        boot_journal_free(j);
        lease_table_free(t);
        t = lease_table_new();
        j = open_it(p, t, &report);
        assert_int_equal(lease_by_mac(t, &l.mac)->state, LEASE_RELEASED);
        assert_int_equal(lease_by_mac(t, &l.mac)->address, l.address);
        assert_int_equal(lease_table_count(t), 1);
        boot_journal_free(j);
        lease_table_free(t);
}

/* CVE-2019-6474: a bad entry must not keep the server from starting. */
static void
a_journal_torn_at_any_byte_gives_its_whole_records(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        size_t size;
        uint8_t *bytes = make_bytes(p, &size);

        for (size_t n = 0; n <= size; n++) {
                struct lease_table *t = lease_table_new();
                struct boot_journal *j;
                size_t whole = n < BOOT_JOURNAL_HEADER_SIZE ? 0 : (n - BOOT_JOURNAL_HEADER_SIZE) / BOOT_JOURNAL_RECORD_SIZE;

                write_file(p, bytes, n);
                j = open_it(p, t, &report);
                assert_int_equal(report.n_good, whole);
                assert_int_equal(lease_table_count(t), whole);
                assert_int_equal(report.n_bad, 0);
                if (n >= BOOT_JOURNAL_HEADER_SIZE)
                        assert_int_equal(report.torn, (n - BOOT_JOURNAL_HEADER_SIZE) % BOOT_JOURNAL_RECORD_SIZE);
                boot_journal_free(j);
                lease_table_free(t);
        }
        free(bytes);
}

static void
a_flipped_bit_costs_one_record_and_is_reported(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        size_t size;
        uint8_t *bytes = make_bytes(p, &size);

        for (size_t bit = BOOT_JOURNAL_HEADER_SIZE * 8; bit < size * 8; bit += 3) {
                struct lease_table *t = lease_table_new();

                bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
                assert_int_equal(boot_journal_replay(bytes, size, t, &report), 0);
                assert_int_equal(report.n_bad, 1);
                assert_int_equal(count_right(t), N - 1);
                assert_int_equal(lease_table_count(t), N - 1);
                bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
                lease_table_free(t);
        }
        free(bytes);
}

static void
a_file_of_somebody_else_is_put_aside(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct boot_journal *j;

        write_file(p, (const uint8_t *)"lease 10.0.0.1 {\n  starts 1;\n}\n", 31);
        j = open_it(p, t, &report);
        assert_true(report.foreign);
        assert_int_equal(lease_table_count(t), 0);
        assert_int_equal(faccessat(p->dir, BOOT_JOURNAL_NAME ".bad", F_OK, 0), 0);
        boot_journal_free(j);
        lease_table_free(t);
}

static void
set_file_limit(rlim_t size)
{
        struct rlimit l;

        getrlimit(RLIMIT_FSIZE, &l);
        l.rlim_cur = size;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void
a_full_disk_is_said_and_nothing_is_lost_when_there_is_room_again(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct boot_journal *j = open_it(p, t, &report);
        struct lease l;

        signal(SIGXFSZ, SIG_IGN);
        for (uint32_t i = 0; i < N; i++) {
                l = lease_no(i);
                grant(j, t, &l);
                if (i == 5) /* in the middle of a record */
                        set_file_limit(BOOT_JOURNAL_HEADER_SIZE + 5 * BOOT_JOURNAL_RECORD_SIZE + 7);
                if (i == 10)
                        set_file_limit(RLIM_INFINITY);
                if (i >= 5 && i < 10)
                        assert_true(boot_journal_sync(j, t) < 0);
                else
                        assert_int_equal(boot_journal_sync(j, t), 0);
        }
        boot_journal_free(j);
        lease_table_free(t);
        t = lease_table_new();
        j = open_it(p, t, &report);
        assert_int_equal(report.n_bad + report.torn, 0);
        assert_int_equal(count_right(t), N);
        boot_journal_free(j);
        lease_table_free(t);
}

static void
a_start_on_a_full_disk_still_knows_the_leases(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct lease l = lease_no(0);
        struct boot_journal *j;
        size_t size;
        int fd;

        free(make_bytes(p, &size));
        fd = openat(p->dir, BOOT_JOURNAL_NAME, O_WRONLY);
        assert_int_equal(pwrite(fd, "x", 1, (off_t)size), 1);
        assert_int_equal(ftruncate(fd, (off_t)size + 1), 0); /* torn, so that it would be written anew */
        close(fd);
        signal(SIGXFSZ, SIG_IGN);
        set_file_limit(10);
        j = open_it(p, t, &report);
        assert_true(report.write_error < 0);
        assert_int_equal(count_right(t), N);
        boot_journal_append(j, &l, true);
        assert_true(boot_journal_sync(j, t) < 0);
        set_file_limit(RLIM_INFINITY);
        boot_journal_append(j, &l, true);
        assert_int_equal(boot_journal_sync(j, t), 0);
        boot_journal_free(j);
        lease_table_free(t);
}

static void
a_start_goes_on_with_a_whole_file(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new(), *again = lease_table_new();
        struct lease l = lease_no(N);
        struct stat before, after;
        struct boot_journal *j;
        size_t size;

        free(make_bytes(p, &size));
        assert_int_equal(fstatat(p->dir, BOOT_JOURNAL_NAME, &before, 0), 0);
        j = open_it(p, t, &report);
        grant(j, t, &l);
        assert_int_equal(boot_journal_sync(j, t), 0);
        boot_journal_free(j);
        assert_int_equal(fstatat(p->dir, BOOT_JOURNAL_NAME, &after, 0), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(after.st_size, before.st_size); /* a sync in its room has no new size to bring to disk */
        boot_journal_free(open_it(p, again, &report));
        assert_int_equal(lease_table_count(again), lease_table_count(t));
        lease_table_free(t);
        lease_table_free(again);
}

/* The machine stopped while room was made, or with the last records behind it not on disk. */
static void
zeros_at_the_end_are_room_and_in_between_a_loss(void **state)
{
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        uint8_t *bytes;
        size_t size;

        bytes = make_bytes(*state, &size);
        assert_int_equal(boot_journal_replay(bytes, size + BOOT_JOURNAL_RECORD_SIZE + 5, t, &report), 0);
        assert_int_equal(report.n_good, N);
        assert_int_equal(report.n_bad, 0);
        assert_int_equal(report.torn, 0);
        assert_int_equal(report.end, size);
        memset(bytes + BOOT_JOURNAL_HEADER_SIZE + BOOT_JOURNAL_RECORD_SIZE, 0, BOOT_JOURNAL_RECORD_SIZE);
        assert_int_equal(boot_journal_replay(bytes, size, t, &report), 0);
        assert_int_equal(report.n_good, N - 1);
        assert_int_equal(report.n_bad, 1);
        free(bytes);
        lease_table_free(t);
}

static void
the_file_does_not_grow_for_ever(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new();
        struct boot_journal *j = open_it(p, t, &report);
        const struct lease l = lease_no(1);
        struct stat st;

        for (unsigned i = 0; i < 200; i++) {
                for (unsigned k = 0; k < 500; k++)
                        grant(j, t, &l);
                assert_int_equal(boot_journal_sync(j, t), 0);
        }
        assert_int_equal(fstatat(p->dir, BOOT_JOURNAL_NAME, &st, 0), 0);
        assert_true(st.st_size < 2 << 20); /* 100,000 records would be 3.2 MB */
        boot_journal_free(j);
        lease_table_free(t);
}

/* A fixed address's record: written at once, on disk a moment later; an urgent one takes it along. */
static void
what_nobody_waits_for_is_settled_later(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new(), *again = lease_table_new();
        struct boot_journal *j = open_it(p, t, &report);
        const struct lease l = lease_no(1);

        assert_int_equal(lease_put(t, &l), 0);
        boot_journal_append(j, &l, false);
        assert_int_equal(boot_journal_sync(j, t), 0);
        assert_true(boot_journal_unsettled(j));
        assert_int_equal(boot_journal_settle(j), 0);
        assert_false(boot_journal_unsettled(j));
        boot_journal_append(j, &l, false);
        grant(j, t, &l);
        assert_int_equal(boot_journal_sync(j, t), 0);
        assert_false(boot_journal_unsettled(j));
        boot_journal_free(j);
        boot_journal_free(open_it(p, again, &report));
        assert_int_equal(lease_table_count(again), 1);
        lease_table_free(t);
        lease_table_free(again);
}

/* What is on record for longer than it was promised is held for longer by the next server too. */
static void
a_lease_is_held_as_long_as_it_is_on_record(void **state)
{
        struct place *p = *state;
        struct boot_journal_report report;
        struct lease_table *t = lease_table_new(), *again = lease_table_new();
        struct boot_journal *j = open_it(p, t, &report);
        struct lease l = lease_no(1);
        const struct lease *read;

        l.state = LEASE_BOUND;
        l.expiry_ms = 600000;
        l.held_ms = 750000;
        grant(j, t, &l);
        assert_int_equal(boot_journal_sync(j, t), 0);
        boot_journal_free(j);
        boot_journal_free(open_it(p, again, &report));
        read = lease_by_mac(again, &l.mac);
        assert_non_null(read);
        assert_int_equal(read->expiry_ms, 600000);
        assert_true(lease_active(read, 749999));
        assert_false(lease_active(read, 750000));
        lease_table_free(t);
        lease_table_free(again);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(leases_are_kept_over_a_restart, setup, teardown),
                cmocka_unit_test_setup_teardown(the_last_word_about_a_host_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(a_journal_torn_at_any_byte_gives_its_whole_records, setup, teardown),
                cmocka_unit_test_setup_teardown(a_flipped_bit_costs_one_record_and_is_reported, setup, teardown),
                cmocka_unit_test_setup_teardown(a_file_of_somebody_else_is_put_aside, setup, teardown),
                cmocka_unit_test_setup_teardown(a_full_disk_is_said_and_nothing_is_lost_when_there_is_room_again, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(a_start_on_a_full_disk_still_knows_the_leases, setup, teardown),
                cmocka_unit_test_setup_teardown(a_start_goes_on_with_a_whole_file, setup, teardown),
                cmocka_unit_test_setup_teardown(zeros_at_the_end_are_room_and_in_between_a_loss, setup, teardown),
                cmocka_unit_test_setup_teardown(the_file_does_not_grow_for_ever, setup, teardown),
                cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_settled_later, setup, teardown),
                cmocka_unit_test_setup_teardown(a_lease_is_held_as_long_as_it_is_on_record, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
