/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TFTP sender against a client and a network made here, under a virtual clock: delay, loss, duplication, reordering. What
 * arrives must be the file, whatever happens, and nothing must be sent without need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "proto/tftp_xfer.h"

#define MAX_FLYING 4096

enum packet_kind { PACKET_DATA, PACKET_OACK, PACKET_ACK };

struct flying {
        int64_t at_ms;
        enum packet_kind kind;
        uint64_t n; /* block; true number for DATA, wire number for ACK */
};

struct sim {
        struct tftp_xfer x;
        int64_t now_ms;
        struct flying flying[MAX_FLYING];
        size_t n_flying;
        uint32_t random;
        unsigned loss, dup, reorder; /* per mille */
        unsigned drop_first;         /* packets that are lost before any other */
        int64_t delay_ms;

        /* the client, as RFC 7440 has it */
        uint64_t have; /* highest block in order */
        unsigned in_window;
        int64_t client_timer_ms;
        bool client_done;
        bool client_reacks;   /* acknowledges repeated DATA again, as iPXE does */
        bool client_gives_up; /* asks once and never again */

        unsigned n_data, n_oack, n_ack;
};

static uint32_t
chance(struct sim *s)
{
        s->random = s->random * 1664525u + 1013904223u;
        return s->random >> 8;
}

static void
fly_once(struct sim *s, enum packet_kind kind, uint64_t n)
{
        int64_t more = chance(s) % 1000 < s->reorder ? 3 : 0;

        if (chance(s) % 1000 < s->loss || (s->drop_first > 0 && s->drop_first-- > 0))
                return;
        assert_true(s->n_flying < MAX_FLYING);
        s->flying[s->n_flying++] = (struct flying){s->now_ms + s->delay_ms + more, kind, n};
}

static void
fly(struct sim *s, enum packet_kind kind, uint64_t n)
{
        fly_once(s, kind, n);
        if (chance(s) % 1000 < s->dup)
                fly_once(s, kind, n);
}

static void
carry_out(struct sim *s, const struct tftp_xfer_out *out)
{
        if (out->oack) {
                s->n_oack++;
                fly(s, PACKET_OACK, 0);
        }
        for (uint32_t i = 0; i < out->n; i++) {
                s->n_data++;
                fly(s, PACKET_DATA, out->first + i);
        }
}

static void
client_ack(struct sim *s)
{
        s->in_window = 0;
        s->n_ack++;
        s->client_timer_ms = s->now_ms + 250;
        fly(s, PACKET_ACK, s->have & 0xffff);
}

static void
client_data(struct sim *s, uint64_t n)
{
        if (n == s->have + 1) {
                s->have = n;
                s->client_done = n == s->x.last;
                if (++s->in_window == s->x.window || s->client_done)
                        client_ack(s);
        } else if (n > s->have + 1) {
                if (s->in_window != 0 || s->client_reacks)
                        client_ack(s); /* a gap */
        } else if (s->client_reacks) {
                client_ack(s);
        }
}

static void
deliver(struct sim *s, const struct flying *f)
{
        struct tftp_xfer_out out;

        if (f->kind == PACKET_DATA) {
                client_data(s, f->n);
        } else if (f->kind == PACKET_OACK) {
                if (s->have == 0)
                        client_ack(s);
        } else {
                tftp_xfer_ack(&s->x, (uint16_t)f->n, s->now_ms, &out);
                carry_out(s, &out);
        }
}

/* The earliest packet, taken off the air; false when none is due. */
static bool
next_due(struct sim *s, struct flying *ret)
{
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < s->n_flying; i++)
                if (s->flying[i].at_ms <= s->now_ms && (best == SIZE_MAX || s->flying[i].at_ms < s->flying[best].at_ms))
                        best = i;
        if (best == SIZE_MAX)
                return false;
        *ret = s->flying[best];
        memmove(&s->flying[best], &s->flying[best + 1], (s->n_flying - best - 1) * sizeof(*ret));
        s->n_flying--;
        return true;
}

static void
sim_init(struct sim *s, const struct tftp_options *o, uint64_t size)
{
        memset(s, 0, sizeof(*s));
        s->random = 42;
        s->delay_ms = 1;
        s->client_timer_ms = 1000;
        tftp_xfer_init(&s->x, o, size, 1468);
}

/* Before it has got anything the client repeats its request, which starts the same transfer again; then its ACK. */
static void
client_timeout(struct sim *s)
{
        struct tftp_xfer_out out;

        if (s->client_gives_up)
                return;
        if (s->n_ack > 0) {
                client_ack(s);
                return;
        }
        s->client_timer_ms = s->now_ms + 1000;
        if (chance(s) % 1000 < s->loss || s->x.acked)
                return;
        tftp_xfer_start(&s->x, s->now_ms, &out);
        carry_out(s, &out);
}

/* Runs until the transfer is over; at most @limit_ms of virtual time. */
static void
sim_run(struct sim *s, int64_t limit_ms)
{
        struct tftp_xfer_out out;
        struct flying f;

        tftp_xfer_start(&s->x, s->now_ms, &out);
        carry_out(s, &out);
        for (; !tftp_xfer_over(&s->x) && s->now_ms < limit_ms; s->now_ms++) {
                while (next_due(s, &f))
                        deliver(s, &f);
                if (s->now_ms >= s->client_timer_ms)
                        client_timeout(s);
                if (s->now_ms >= tftp_xfer_deadline(&s->x)) {
                        tftp_xfer_tick(&s->x, s->now_ms, &out);
                        carry_out(s, &out);
                }
        }
}

static void
a_clean_transfer_sends_each_block_once(void **state)
{
        static const struct tftp_options sets[] = {{0},
                                                   {.blksize = 1408, .tsize = true},
                                                   {.blksize = 1468, .windowsize = 4},
                                                   {.blksize = 8, .windowsize = 64},
                                                   {.windowsize = 1}};
        struct sim s;

        (void)state;
        for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
                sim_init(&s, &sets[i], 100000);
                sim_run(&s, 60000);
                assert_int_equal(s.x.state, TFTP_XFER_DONE);
                assert_int_equal(s.have, s.x.last);
                assert_int_equal(s.n_data, s.x.last);
                assert_int_equal(s.n_oack, i == 0 ? 0 : 1);
        }
}

static void
the_last_block_is_short_even_if_it_is_empty(void **state)
{
        static const struct {
                uint64_t size, last;
                uint32_t last_size;
        } cases[] = {{0, 1, 0}, {1, 1, 1}, {511, 1, 511}, {512, 2, 0}, {513, 2, 1}, {1024, 3, 0}};
        const struct tftp_options none = {0};
        struct tftp_xfer x;
        uint64_t offset;
        uint32_t size;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tftp_xfer_init(&x, &none, cases[i].size, 1468);
                assert_int_equal(x.last, cases[i].last);
                tftp_xfer_block(&x, x.last, &offset, &size);
                assert_int_equal(size, cases[i].last_size);
                assert_int_equal(offset + size, cases[i].size);
        }
}

static void
block_numbers_roll_over(void **state)
{
        const struct tftp_options o = {.blksize = 8, .windowsize = 16};
        struct sim s;

        (void)state;
        sim_init(&s, &o, 8 * 140000);
        sim_run(&s, 1000000);
        assert_int_equal(s.x.state, TFTP_XFER_DONE);
        assert_int_equal(s.have, 140001);
}

static void
every_transfer_survives_a_bad_network(void **state)
{
        static const unsigned windows[] = {1, 2, 4, 8, 64};
        struct sim s;

        (void)state;
        for (size_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++)
                for (unsigned seed = 0; seed < 20; seed++) {
                        const struct tftp_options o = {.blksize = 512, .windowsize = windows[w]};

                        sim_init(&s, &o, 200000);
                        s.random = seed;
                        s.loss = 50;
                        s.dup = 50;
                        s.reorder = 50;
                        s.client_reacks = seed & 1;
                        sim_run(&s, 600000);
                        assert_int_equal(s.x.state, TFTP_XFER_DONE);
                        assert_int_equal(s.have, s.x.last);
                }
}

/* No address has proved itself yet: the client's own repeated request is what brings the OACK that was lost. */
static void
a_lost_first_answer_comes_again_when_it_is_asked_for(void **state)
{
        static const struct tftp_options cases[] = {{0}, {.blksize = 1468}};
        struct sim s;

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                sim_init(&s, &cases[i], 10000);
                s.drop_first = 1;
                sim_run(&s, 60000);
                assert_int_equal(s.x.state, TFTP_XFER_DONE);
                assert_true(s.now_ms >= 1000 && s.now_ms < 1200);
        }
}

/* RFC 1123, 4.2.3.1: with every packet doubled the traffic must not double again at each step. */
static void
doubled_packets_do_not_multiply(void **state)
{
        const struct tftp_options o = {.blksize = 512};
        struct sim s;

        (void)state;
        sim_init(&s, &o, 200000);
        s.dup = 1000;
        s.client_reacks = true;
        sim_run(&s, 60000);
        assert_int_equal(s.x.state, TFTP_XFER_DONE);
        assert_int_equal(s.n_data, s.x.last);
}

static void
a_gap_in_a_window_is_closed_without_waiting(void **state)
{
        const struct tftp_options o = {.blksize = 512, .windowsize = 8};
        struct tftp_xfer_out out;
        struct tftp_xfer x;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        tftp_xfer_start(&x, 0, &out);
        tftp_xfer_ack(&x, 0, 1, &out);
        assert_int_equal(out.first, 1);
        assert_int_equal(out.n, 8);
        tftp_xfer_ack(&x, 3, 2, &out); /* block 4 was lost */
        assert_int_equal(out.first, 4);
        assert_int_equal(out.n, 8);
        tftp_xfer_ack(&x, 3, 2, &out);
        assert_int_equal(out.n, 0);
        tftp_xfer_ack(&x, 11, 3, &out);
        assert_int_equal(out.first, 12);
}

static void
losses_cost_milliseconds_not_seconds(void **state)
{
        const struct tftp_options o = {.blksize = 1468};
        struct sim s;

        (void)state;
        sim_init(&s, &o, 4 << 20); /* 2858 blocks of 2 ms each way and back */
        s.loss = 10;
        s.client_reacks = true;
        sim_run(&s, 60000);
        assert_int_equal(s.x.state, TFTP_XFER_DONE);
        assert_true(s.now_ms < 2 * 2858 + 57 * 2 * 20); /* some 57 losses, each way, at most about two timers each */
}

/* A forged request must not be worth more than one answer; an address that has proved itself may get a second small one. */
static void
an_unanswered_request_costs_little(void **state)
{
        static const struct {
                struct tftp_options o;
                bool proved;
                unsigned n_oack, n_data;
        } cases[] = {{{0}, false, 0, 1}, {{0}, true, 0, 1}, {{.blksize = 1468}, false, 1, 0}, {{.blksize = 1468}, true, 2, 0}};
        struct sim s;

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                sim_init(&s, &cases[i].o, 100000);
                s.x.proved = cases[i].proved;
                s.client_gives_up = true;
                s.loss = 1000;
                sim_run(&s, 60000);
                assert_int_equal(s.x.state, TFTP_XFER_FAILED);
                assert_int_equal(s.n_oack, cases[i].n_oack);
                assert_int_equal(s.n_data, cases[i].n_data);
                assert_true(s.now_ms >= 11000 && s.now_ms < 12000);
        }
}

static void
a_client_that_falls_silent_is_given_up(void **state)
{
        const struct tftp_options o = {.blksize = 512};
        struct tftp_xfer_out out;
        struct tftp_xfer x;
        int64_t now = 0;
        unsigned n = 0;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        tftp_xfer_start(&x, now, &out);
        tftp_xfer_ack(&x, 0, now, &out);
        while (!tftp_xfer_over(&x)) {
                now = tftp_xfer_deadline(&x);
                tftp_xfer_tick(&x, now, &out);
                n += out.n;
        }
        assert_int_equal(x.state, TFTP_XFER_FAILED);
        assert_int_equal(n, TFTP_XFER_TRIES);
        assert_int_equal(x.again, n); /* what the trace tells */
        assert_true(now > 10000 && now < 40000);
        assert_int_equal(tftp_xfer_deadline(&x), INT64_MAX);
}

/* atftp's client: it ignores a repeated window, and each block of it starts its timer of 5 s anew. */
static void
a_client_that_waits_for_silence_gets_to_speak(void **state)
{
        const struct tftp_options o = {.blksize = 512, .windowsize = 8};
        int64_t now = 0, heard = 0;
        struct tftp_xfer_out out;
        struct tftp_xfer x;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        tftp_xfer_start(&x, now, &out);
        tftp_xfer_ack(&x, 0, now, &out);
        while (!tftp_xfer_over(&x) && tftp_xfer_deadline(&x) < heard + 5000) {
                now = heard = tftp_xfer_deadline(&x);
                tftp_xfer_tick(&x, now, &out);
        }
        assert_int_equal(x.state, TFTP_XFER_SENDING);
        tftp_xfer_ack(&x, 8, heard + 5000, &out);
        assert_int_equal(out.first, 9);
        assert_true(heard < 3000);
}

/* The interface's queue was full: as long as nothing has left nothing can be late, and no try is used up. */
static void
what_has_not_left_is_not_waited_for(void **state)
{
        const struct tftp_options o = {.blksize = 512, .windowsize = 4};
        struct tftp_xfer_out out;
        struct tftp_xfer x;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        tftp_xfer_start(&x, 0, &out);
        tftp_xfer_ack(&x, 0, 10, &out);
        tftp_xfer_hold(&x);
        assert_true(tftp_xfer_deadline(&x) == INT64_MAX);
        tftp_xfer_tick(&x, 100000, &out);
        assert_int_equal(out.n, 0);
        tftp_xfer_release(&x, 100000);
        assert_in_range(tftp_xfer_deadline(&x), 100001, 100100);
        tftp_xfer_ack(&x, 4, 100010, &out);
        assert_int_equal(out.first, 5);
        assert_in_range(tftp_xfer_deadline(&x), 100011, 100110); /* of a round trip of 10 ms: the time held is none of it */
        assert_int_equal(x.again, 0);
}

/* A queue on the way fills up. What was sent too early says nothing of the new round trip, and what is sent next must tell it.
 */
static void
a_round_trip_that_grows_is_learned(void **state)
{
        const struct tftp_options o = {.blksize = 512, .windowsize = 1};
        unsigned again_late = 0;
        struct tftp_xfer_out out;
        struct tftp_xfer x;
        int64_t now = 0;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        tftp_xfer_start(&x, now, &out);
        tftp_xfer_ack(&x, 0, ++now, &out);
        for (uint16_t block = 1; block < 150; block++) {
                int64_t comes = now + (block < 10 ? 1 : 20);

                while (tftp_xfer_deadline(&x) < comes) {
                        now = tftp_xfer_deadline(&x);
                        tftp_xfer_tick(&x, now, &out);
                        again_late += block > 12;
                }
                now = comes;
                tftp_xfer_ack(&x, block, now, &out);
        }
        assert_int_equal(again_late, 0);
}

static void
absurd_acks_move_nothing(void **state)
{
        const struct tftp_options o = {.blksize = 512, .windowsize = 4};
        struct tftp_xfer_out out;
        struct tftp_xfer x;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        tftp_xfer_start(&x, 0, &out);
        for (unsigned block = 1; block < 65536; block++) { /* nothing has been sent but the OACK */
                tftp_xfer_ack(&x, (uint16_t)block, 0, &out);
                assert_int_equal(out.n, 0);
        }
        tftp_xfer_ack(&x, 0, 0, &out);
        assert_int_equal(out.n, 4);
        for (unsigned block = 5; block < 65536; block++) {
                tftp_xfer_ack(&x, (uint16_t)block, 0, &out);
                assert_int_equal(out.n, 0);
        }
        assert_int_equal(x.acked_to, 0);
}

static void
options_are_granted_within_limits(void **state)
{
        const struct tftp_options o = {.blksize = 65464, .windowsize = 65535, .timeout = 1, .tsize = true};
        struct tftp_xfer x;

        (void)state;
        tftp_xfer_init(&x, &o, 100000, 1468);
        assert_int_equal(x.accepted.blksize, 1468);
        assert_int_equal(x.blksize, 1468);
        assert_int_equal(x.accepted.windowsize, TFTP_XFER_MAX_WINDOW);
        assert_int_equal(x.accepted.timeout, 1);
        assert_true(x.accepted.tsize);
}

/* PXELINUX reads a file whose size is a multiple of the block's without the ACK of its last full block. */
static void
a_client_may_have_all_without_its_last_ack(void **state)
{
        static const struct {
                uint64_t size;
                uint32_t window;
                uint64_t acked_to;
                bool may;
        } rows[] = {
                {3 * 512, 1, 1, false},     {3 * 512, 1, 2, true},     {3 * 512, 1, 3, true},
                {3 * 512 + 1, 1, 2, false}, {3 * 512 + 1, 1, 3, true}, {20 * 512, 16, 0, false},
                {20 * 512, 16, 16, true},   {0, 1, 0, true},           {512, 1, 0, true},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                struct tftp_options o = {.windowsize = rows[i].window, .tsize = true};
                struct tftp_xfer_out out;
                struct tftp_xfer x;

                tftp_xfer_init(&x, &o, rows[i].size, 1468);
                tftp_xfer_start(&x, 0, &out);
                assert_false(tftp_xfer_may_have_all(&x)); /* it has asked for the size only */
                for (uint64_t n = 0; n <= rows[i].acked_to; n += rows[i].window)
                        tftp_xfer_ack(&x, (uint16_t)n, 0, &out);
                if (tftp_xfer_may_have_all(&x) != rows[i].may)
                        fail_msg("row %zu", i);
        }
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_clean_transfer_sends_each_block_once),
                cmocka_unit_test(the_last_block_is_short_even_if_it_is_empty),
                cmocka_unit_test(block_numbers_roll_over),
                cmocka_unit_test(every_transfer_survives_a_bad_network),
                cmocka_unit_test(a_lost_first_answer_comes_again_when_it_is_asked_for),
                cmocka_unit_test(doubled_packets_do_not_multiply),
                cmocka_unit_test(a_gap_in_a_window_is_closed_without_waiting),
                cmocka_unit_test(losses_cost_milliseconds_not_seconds),
                cmocka_unit_test(an_unanswered_request_costs_little),
                cmocka_unit_test(a_client_that_falls_silent_is_given_up),
                cmocka_unit_test(a_client_that_waits_for_silence_gets_to_speak),
                cmocka_unit_test(what_has_not_left_is_not_waited_for),
                cmocka_unit_test(a_round_trip_that_grows_is_learned),
                cmocka_unit_test(absurd_acks_move_nothing),
                cmocka_unit_test(options_are_granted_within_limits),
                cmocka_unit_test(a_client_may_have_all_without_its_last_ack),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
