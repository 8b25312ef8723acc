/* SPDX-License-Identifier: Apache-2.0 */
/* The satellite's journal of reports: in order, once, bounded, and there after a crash. */
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

#include "server/satellite_journal.h"

struct place {
        char path[64];
        int dir;
};

static int
setup(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        strcpy(p->path, "/tmp/dompool-reports-XXXXXX");
        assert_non_null(mkdtemp(p->path));
        p->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = p;
        return 0;
}

static int
teardown(void **state)
{
        static const char *const names[] = {SATELLITE_JOURNAL_NAME, SATELLITE_JOURNAL_NAME ".new",
                                            SATELLITE_JOURNAL_NAME ".bad"};
        struct place *p = *state;

        for (size_t i = 0; i < 3; i++)
                unlinkat(p->dir, names[i], 0);
        rmdir(p->path);
        close(p->dir);
        free(p);
        return 0;
}

static struct satellite_journal *
reopen(struct place *p)
{
        struct satellite_journal *j = NULL;
        struct error err;

        assert_int_equal(satellite_journal_open(p->dir, &j, &err), 0);
        return j;
}

static bool
add(struct satellite_journal *j, const char *text)
{
        struct msg_boot_event m = {.stage = STAGE_MENU, .time_ms = 5};

        snprintf(m.text, sizeof(m.text), "%s", text);
        return satellite_journal_add(j, MSG_BOOT_EVENT, &m);
}

/* The text of the first report behind @seq; NULL: none. */
static const char *
text_after(const struct satellite_journal *j, uint64_t seq, uint64_t *ret_seq)
{
        static struct msg_boot_event m;
        const struct satellite_report *r = satellite_journal_after(j, seq);

        if (!r)
                return NULL;
        assert_int_equal(rec_decode(message_desc(r->type), r->data, r->size, &m), 0);
        *ret_seq = r->seq;
        return m.text;
}

static void
reports_come_in_order_until_they_are_acknowledged(void **state)
{
        struct satellite_journal *j = reopen(*state);
        uint64_t a = 0, b = 0, c = 0;

        add(j, "one");
        add(j, "two");
        assert_string_equal(text_after(j, 0, &a), "one");
        assert_string_equal(text_after(j, a, &b), "two");
        assert_true(b > a);
        assert_null(text_after(j, b, &c));
        satellite_journal_ack(j, a);
        assert_string_equal(text_after(j, 0, &c), "two");
        assert_true(c == b && satellite_journal_newest(j) == b);
        satellite_journal_ack(j, b);
        assert_int_equal(satellite_journal_newest(j), 0);
        satellite_journal_free(j);
}

static void
what_was_synced_is_there_after_a_crash_and_numbers_only_grow(void **state)
{
        struct satellite_journal *j = reopen(*state);
        uint64_t id = satellite_journal_id(j), first = 0, lost, later = 0;

        assert_int_equal(satellite_journal_sync(j), 0);
        add(j, "kept");
        assert_int_equal(satellite_journal_sync(j), 0);
        add(j, "lost");
        lost = satellite_journal_newest(j);
        satellite_journal_free(j); /* as kill -9 */
        j = reopen(*state);
        assert_true(satellite_journal_id(j) == id);
        assert_string_equal(text_after(j, 0, &first), "kept");
        assert_null(text_after(j, first, &later));
        add(j, "new");
        assert_true(satellite_journal_newest(j) > lost);
        satellite_journal_free(j);
}

static void
a_cut_or_damaged_file_is_read_up_to_there(void **state)
{
        struct place *p = *state;
        struct satellite_journal *j = reopen(p);
        uint64_t seq = 0;
        struct stat st;
        int fd;

        assert_int_equal(satellite_journal_sync(j), 0);
        add(j, "one");
        assert_int_equal(satellite_journal_sync(j), 0);
        fd = openat(p->dir, SATELLITE_JOURNAL_NAME, O_RDWR);
        assert_int_equal(fstat(fd, &st), 0);
        add(j, "two");
        assert_int_equal(satellite_journal_sync(j), 0);
        satellite_journal_free(j);
        assert_int_equal(ftruncate(fd, st.st_size + 30), 0); /* torn within the second */
        j = reopen(p);
        assert_string_equal(text_after(j, 0, &seq), "one");
        assert_null(text_after(j, seq, &seq));
        satellite_journal_free(j);
        assert_int_equal(pwrite(fd, "xx", 2, st.st_size - 20), 2); /* and the first spoilt */
        close(fd);
        j = reopen(p);
        assert_null(text_after(j, 0, &seq));
        satellite_journal_free(j);
}

static void
a_foreign_file_is_put_aside_and_a_new_journal_begins(void **state)
{
        struct place *p = *state;
        struct satellite_journal *j = reopen(p);
        uint64_t id = satellite_journal_id(j);
        int fd = openat(p->dir, SATELLITE_JOURNAL_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

        satellite_journal_free(j);
        assert_int_equal(write(fd, "something else", 14), 14);
        close(fd);
        j = reopen(p);
        assert_true(satellite_journal_id(j) != id);
        assert_int_equal(faccessat(p->dir, SATELLITE_JOURNAL_NAME ".bad", F_OK, 0), 0);
        satellite_journal_free(j);
}

static void
a_full_journal_drops_the_oldest_and_counts_them(void **state)
{
        struct satellite_journal *j = reopen(*state);
        uint64_t seq = 0;
        char text[16];

        for (int i = 0; i < SATELLITE_KEEP_REPORTS + 3; i++) {
                snprintf(text, sizeof(text), "%d", i);
                assert_true(add(j, text));
        }
        assert_string_equal(text_after(j, 0, &seq), "3");
        assert_int_equal(satellite_journal_sync(j), 0);
        satellite_journal_free(j);
        j = reopen(*state);
        assert_string_equal(text_after(j, 0, &seq), "3");
        assert_int_equal(satellite_journal_take_dropped(j), 3);
        assert_int_equal(satellite_journal_take_dropped(j), 0);
        satellite_journal_free(j);
}

static void
unknown_machines_cannot_push_boots_out(void **state)
{
        struct satellite_journal *j = reopen(*state);
        const struct msg_machine_seen m = {.mac = {{1}}};
        unsigned taken = 0;
        uint64_t seq = 0;

        add(j, "a boot");
        for (int i = 0; i < 2 * SATELLITE_KEEP_REPORTS; i++)
                taken += satellite_journal_add(j, MSG_MACHINE_SEEN, &m);
        assert_int_equal(taken, SATELLITE_KEEP_UNKNOWN);
        assert_string_equal(text_after(j, 0, &seq), "a boot");
        satellite_journal_ack(j, satellite_journal_newest(j));
        assert_true(satellite_journal_add(j, MSG_MACHINE_SEEN, &m));
        satellite_journal_free(j);
}

static void
a_full_disk_is_an_error_and_costs_no_report(void **state)
{
        struct satellite_journal *j = reopen(*state);
        struct rlimit was, none = {0, RLIM_INFINITY};
        uint64_t seq = 0;

        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(satellite_journal_sync(j), 0);
        getrlimit(RLIMIT_FSIZE, &was);
        none.rlim_max = was.rlim_max;
        setrlimit(RLIMIT_FSIZE, &none);
        add(j, "while it is full");
        assert_true(satellite_journal_sync(j) < 0);
        assert_true(satellite_journal_sync(j) < 0);
        setrlimit(RLIMIT_FSIZE, &was);
        assert_string_equal(text_after(j, 0, &seq), "while it is full");
        assert_int_equal(satellite_journal_sync(j), 0);
        satellite_journal_free(j);
        j = reopen(*state);
        assert_string_equal(text_after(j, 0, &seq), "while it is full");
        satellite_journal_free(j);
}

int
main(void)
{
#define CASE(F) cmocka_unit_test_setup_teardown(F, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(reports_come_in_order_until_they_are_acknowledged),
                CASE(what_was_synced_is_there_after_a_crash_and_numbers_only_grow),
                CASE(a_cut_or_damaged_file_is_read_up_to_there),
                CASE(a_foreign_file_is_put_aside_and_a_new_journal_begins),
                CASE(a_full_journal_drops_the_oldest_and_counts_them),
                CASE(unknown_machines_cannot_push_boots_out),
                CASE(a_full_disk_is_an_error_and_costs_no_report),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
