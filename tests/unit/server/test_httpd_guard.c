/* SPDX-License-Identifier: Apache-2.0 */
/* Which HTTP connections are cut, as conversations under a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/httpd_guard.h"

#define MAX_CONNECTIONS 640
#define FAIR_SHARE 16
#define AT_ONCE 16 /* that are cut for one new connection */
#define A_TICK 6   /* that are cut in one */
#define LOOKS 32   /* at readers, in one tick */
#define A 0x0a000001
#define ROOM 0x0a000002 /* many hosts behind one address */

static const struct httpd_guard_limits limits = {
        .max_connections = MAX_CONNECTIONS,
        .fair_share = FAIR_SHARE,
        .grace_ms = 2000,
        .request_ms = 15000,
        .window_ms = 5000,
        .min_rate = 8192,
        .stalled_windows = 12,
};

struct peer {
        struct httpd_guard_conn *conn;
        struct tcp_progress progress;
        bool cut;
        enum httpd_guard_why why;
};

static void
on_cut(void *arg, void *who, enum httpd_guard_why why)
{
        struct peer *p = who;

        (void)arg;
        assert_false(p->cut);
        p->cut = true;
        p->why = why;
}

static bool
on_progress(void *arg, void *who, struct tcp_progress *ret)
{
        (void)arg;
        *ret = ((struct peer *)who)->progress;
        return true;
}

static const struct httpd_guard_ops ops = {.cut = on_cut, .progress = on_progress};

static struct httpd_guard *
start(void)
{
        struct httpd_guard *g = httpd_guard_new(&limits, &ops, NULL);

        assert_non_null(g);
        return g;
}

static void
add(struct httpd_guard *g, struct peer *p, size_t n, uint32_t address, uint32_t step, int64_t now_ms)
{
        for (size_t i = 0; i < n; i++)
                p[i].conn = httpd_guard_add(g, &p[i], address + (uint32_t)i * step, now_ms);
}

static void
finish(struct httpd_guard *g, struct peer *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                httpd_guard_remove(g, p[i].conn);
        assert_int_equal(httpd_guard_count(g), 0);
        httpd_guard_free(g);
}

static size_t
count_cut(const struct peer *p, size_t n)
{
        size_t cut = 0;

        for (size_t i = 0; i < n; i++)
                cut += p[i].cut;
        return cut;
}

static void
no_request_in_time_is_cut(void **state)
{
        struct httpd_guard *g = start();
        struct peer p[2] = {0};

        (void)state;
        add(g, &p[0], 1, A, 0, 0);
        add(g, &p[1], 1, A, 0, 5000);
        httpd_guard_tick(g, 14999);
        assert_false(p[0].cut);
        httpd_guard_tick(g, 15000);
        assert_true(p[0].cut && p[0].why == GUARD_WHY_REQUEST);
        assert_false(p[1].cut);
        finish(g, p, 2);
}

static void
time_counts_anew_after_each_answer(void **state)
{
        struct httpd_guard *g = start();
        struct peer p = {0};

        (void)state;
        add(g, &p, 1, A, 0, 0);
        for (int64_t now = 10000; now <= 50000; now += 10000) {
                httpd_guard_answer(g, p.conn, now);
                httpd_guard_done(g, p.conn, now + 1);
                httpd_guard_tick(g, now + 9000);
                assert_false(p.cut);
        }
        httpd_guard_tick(g, 65001);
        assert_true(p.cut);
        finish(g, &p, 1);
}

/* Seconds from the request until the client is cut when it takes @bytes a second and its window holds us up @held_up_ms of
 * each; 0: it is not, in a minute. */
static unsigned
cut_after(uint64_t bytes, uint64_t held_up_ms)
{
        struct httpd_guard *g = start();
        struct peer p = {0};
        unsigned second;

        add(g, &p, 1, A, 0, 0);
        httpd_guard_answer(g, p.conn, 0);
        for (second = 1; second <= 60 && !p.cut; second++) {
                p.progress.acked_bytes += bytes;
                p.progress.held_up_us += held_up_ms * 1000;
                httpd_guard_tick(g, second * 1000);
        }
        finish(g, &p, 1);
        return p.cut ? second - 1 : 0;
}

static void
slow_reader_is_cut_within_three_windows(void **state)
{
        (void)state;
        assert_int_equal(cut_after(1, 1000), 15);
        assert_int_equal(cut_after(8000, 600), 15);
        assert_int_equal(cut_after(8192, 1000), 0);
}

static void
client_of_a_crowded_line_is_not_cut(void **state)
{
        (void)state;
        assert_int_equal(cut_after(0, 0), 0);
        assert_int_equal(cut_after(100, 400), 0);
}

/* What waits behind a segment that was lost fills the client's window as its own idleness would. */
static void
lost_segments_excuse_for_a_minute(void **state)
{
        struct httpd_guard *g = start();
        struct peer p = {0};

        (void)state;
        add(g, &p, 1, A, 0, 0);
        httpd_guard_answer(g, p.conn, 0);
        for (int64_t now = 5000; now < 65000; now += 5000) {
                p.progress.held_up_us += 5000000;
                p.progress.repeated++;
                httpd_guard_tick(g, now);
                assert_false(p.cut);
        }
        httpd_guard_tick(g, 65000);
        assert_true(p.cut && p.why == GUARD_WHY_READING);
        finish(g, &p, 1);
}

/* On a crowded line the kernel's buffer takes half a minute to empty. */
static void
who_still_gets_the_last_answer_need_not_ask(void **state)
{
        struct httpd_guard *g = start();
        struct peer p = {.progress.waiting_bytes = 1 << 20};

        (void)state;
        add(g, &p, 1, A, 0, 0);
        httpd_guard_answer(g, p.conn, 0);
        httpd_guard_done(g, p.conn, 1);
        for (int64_t now = 5000; now <= 40000; now += 5000) {
                p.progress.acked_bytes += 50000;
                httpd_guard_tick(g, now);
                assert_false(p.cut);
        }
        httpd_guard_answer(g, p.conn, 40001);
        httpd_guard_done(g, p.conn, 40002);
        p.progress.waiting_bytes = 0;
        httpd_guard_tick(g, 55002);
        assert_true(p.cut && p.why == GUARD_WHY_REQUEST);
        finish(g, &p, 1);
}

/* ... but it has to read. */
static void
who_does_not_read_the_last_answer_is_cut(void **state)
{
        struct httpd_guard *g = start();
        struct peer p = {.progress.waiting_bytes = 1 << 20};
        int64_t now;

        (void)state;
        add(g, &p, 1, A, 0, 0);
        httpd_guard_answer(g, p.conn, 0);
        httpd_guard_done(g, p.conn, 1);
        for (now = 1000; now <= 60000 && !p.cut; now += 1000) {
                p.progress.held_up_us += 1000000;
                httpd_guard_tick(g, now);
        }
        assert_true(p.cut && p.why == GUARD_WHY_READING && now - 1000 == 31000);
        finish(g, &p, 1);
}

static void
one_slow_window_is_forgiven(void **state)
{
        struct httpd_guard *g = start();
        struct peer p = {0};

        (void)state;
        add(g, &p, 1, A, 0, 0);
        httpd_guard_answer(g, p.conn, 0);
        for (int64_t now = 5000; now <= 60000; now += 5000) {
                p.progress.held_up_us += 5000000;
                p.progress.acked_bytes += now % 10000 ? 1 << 20 : 0;
                httpd_guard_tick(g, now);
                assert_false(p.cut);
        }
        finish(g, &p, 1);
}

static void
full_server_lets_those_go_that_ask_for_long(void **state)
{
        struct httpd_guard *g = start();
        static struct peer p[MAX_CONNECTIONS];
        struct peer late = {0};

        (void)state;
        add(g, p, MAX_CONNECTIONS, A, 1, 0); /* each of an address of its own */
        for (size_t i = 0; i < MAX_CONNECTIONS / 2; i++)
                httpd_guard_answer(g, p[i].conn, 1);
        add(g, &late, 1, ROOM, 0, 2000);
        assert_false(late.cut);
        assert_int_equal(count_cut(p, MAX_CONNECTIONS / 2), 0);
        assert_int_equal(count_cut(p, MAX_CONNECTIONS), AT_ONCE);
        httpd_guard_remove(g, late.conn);
        finish(g, p, MAX_CONNECTIONS);
}

static void
full_server_lets_those_go_of_the_address_that_holds_most(void **state)
{
        struct httpd_guard *g = start();
        static struct peer room[200], stranger[MAX_CONNECTIONS - 200];
        struct peer late = {0};

        (void)state;
        add(g, stranger, MAX_CONNECTIONS - 200, A, 0, 0);
        add(g, room, 200, ROOM, 0, 0);
        add(g, &late, 1, ROOM, 0, 100);
        assert_int_equal(count_cut(room, 200), 0);
        assert_int_equal(count_cut(stranger, MAX_CONNECTIONS - 200), AT_ONCE);
        httpd_guard_remove(g, late.conn);
        for (size_t i = 0; i < 200; i++)
                httpd_guard_remove(g, room[i].conn);
        finish(g, stranger, MAX_CONNECTIONS - 200);
}

static void
fair_shares_are_never_cut_for_others(void **state)
{
        struct httpd_guard *g = start();
        static struct peer p[MAX_CONNECTIONS];
        struct peer late = {0};

        (void)state;
        for (size_t i = 0; i < MAX_CONNECTIONS; i += FAIR_SHARE)
                add(g, &p[i], FAIR_SHARE, A + (uint32_t)i, 0, 0);
        add(g, &late, 1, ROOM, 0, 100);
        assert_int_equal(count_cut(p, MAX_CONNECTIONS), 0);
        httpd_guard_tick(g, 2000); /* by now they had their time */
        assert_int_equal(count_cut(p, MAX_CONNECTIONS), A_TICK);
        httpd_guard_remove(g, late.conn);
        finish(g, p, MAX_CONNECTIONS);
}

static void
one_tick_does_a_bounded_amount_of_work(void **state)
{
        struct httpd_guard *g = start();
        static struct peer p[3 * A_TICK];

        (void)state;
        add(g, p, 3 * A_TICK, A, 0, 0);
        for (size_t n = 1; n <= 3; n++) {
                assert_true(httpd_guard_tick(g, 15000));
                assert_int_equal(count_cut(p, 3 * A_TICK), n * A_TICK);
        }
        assert_false(httpd_guard_tick(g, 15000));
        finish(g, p, 3 * A_TICK);
}

/* Looking is cheap beside cutting: otherwise the last of many readers would be looked at too late. */
static void
readers_are_looked_at_faster_than_they_are_cut(void **state)
{
        struct httpd_guard *g = start();
        static struct peer p[2 * LOOKS];

        (void)state;
        add(g, p, 2 * LOOKS, A, 1, 0);
        for (size_t i = 0; i < 2 * LOOKS; i++)
                httpd_guard_answer(g, p[i].conn, 0);
        assert_true(httpd_guard_tick(g, 5000));
        assert_true(httpd_guard_tick(g, 5000));
        assert_false(httpd_guard_tick(g, 5000));
        assert_int_equal(count_cut(p, 2 * LOOKS), 0);
        finish(g, p, 2 * LOOKS);
}

static void
who_is_cut_may_still_be_told_of(void **state)
{
        struct httpd_guard *g = start();
        struct peer p = {0};

        (void)state;
        add(g, &p, 1, A, 0, 0);
        httpd_guard_tick(g, 15000);
        assert_int_equal(httpd_guard_count(g), 0);
        httpd_guard_answer(g, p.conn, 15001);
        httpd_guard_done(g, p.conn, 15002);
        httpd_guard_answer(g, NULL, 0);
        httpd_guard_done(g, NULL, 0);
        httpd_guard_tick(g, 99000);
        finish(g, &p, 1);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_request_in_time_is_cut),
                cmocka_unit_test(time_counts_anew_after_each_answer),
                cmocka_unit_test(slow_reader_is_cut_within_three_windows),
                cmocka_unit_test(client_of_a_crowded_line_is_not_cut),
                cmocka_unit_test(lost_segments_excuse_for_a_minute),
                cmocka_unit_test(who_still_gets_the_last_answer_need_not_ask),
                cmocka_unit_test(who_does_not_read_the_last_answer_is_cut),
                cmocka_unit_test(one_slow_window_is_forgiven),
                cmocka_unit_test(full_server_lets_those_go_that_ask_for_long),
                cmocka_unit_test(full_server_lets_those_go_of_the_address_that_holds_most),
                cmocka_unit_test(fair_shares_are_never_cut_for_others),
                cmocka_unit_test(one_tick_does_a_bounded_amount_of_work),
                cmocka_unit_test(readers_are_looked_at_faster_than_they_are_cut),
                cmocka_unit_test(who_is_cut_may_still_be_told_of),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
