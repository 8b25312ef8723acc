/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a canary's hosts, by what is seen of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/canary.h"

#define VERSION "0123456789abcdef"
#define BEGAN 1000000

static struct canary
make(void)
{
        struct canary c = {.id = 1, .began_ms = BEGAN, .ready_seconds = 100, .watch_seconds = 20, .n_hosts = 2};

        for (uint32_t i = 0; i < c.n_hosts; i++) {
                strcpy(c.hosts[i].host, i ? "n2" : "n1");
                strcpy(c.hosts[i].version, VERSION);
                c.hosts[i].since_ms = BEGAN;
        }
        return c;
}

static struct canary_sight
ready(const char *image, int64_t attempt_ms)
{
        return (struct canary_sight){.known = true,
                                     .ready = true,
                                     .connected = true,
                                     .state = "ready",
                                     .stage = "ready",
                                     .image = image,
                                     .attempt_ms = attempt_ms,
                                     .refused = "",
                                     .guest_refused = ""};
}

static struct canary_sight
booting(int64_t attempt_ms)
{
        struct canary_sight s = ready("", attempt_ms);

        s.ready = s.connected = false;
        s.state = "booting";
        s.stage = "init";
        return s;
}

static void
a_host_is_good_when_it_has_been_ready_on_the_version_for_long_enough(void **state)
{
        struct canary c = make();
        struct canary_host *h = &c.hosts[0];
        struct canary_sight s = ready("ffff", BEGAN - 1); /* the dom0 of before, still there */

        (void)state;
        assert_false(canary_judge(&c, h, &s, BEGAN + 5000));
        s = booting(BEGAN - 1);
        assert_false(canary_judge(&c, h, &s, BEGAN + 100000));
        s = ready(VERSION, BEGAN + 1);
        assert_true(canary_judge(&c, h, &s, BEGAN + 50000));
        assert_int_equal(h->state, CANARY_HOST_WATCHED);
        assert_int_equal(canary_verdict(&c), CANARY_TESTING);
        assert_false(canary_judge(&c, h, &s, BEGAN + 69000));
        s.connected = false; /* for a moment */
        assert_false(canary_judge(&c, h, &s, BEGAN + 75000));
        s.connected = true;
        assert_true(canary_judge(&c, h, &s, BEGAN + 76000));
        assert_int_equal(h->state, CANARY_HOST_GOOD);
        assert_int_equal(canary_verdict(&c), CANARY_TESTING); /* n2 is not */
        c.hosts[1].state = CANARY_HOST_GOOD;
        assert_int_equal(canary_verdict(&c), CANARY_PROMOTED);
}

static void
fails(struct canary_sight s, int64_t now_ms, const char *text)
{
        struct canary c = make();

        assert_true(canary_judge(&c, &c.hosts[0], &s, now_ms));
        assert_int_equal(c.hosts[0].state, CANARY_HOST_FAILED);
        assert_non_null(strstr(c.hosts[0].text, text));
        assert_int_equal(canary_verdict(&c), CANARY_GOING_BACK);
        assert_ptr_equal(canary_failure(&c), &c.hosts[0]);
}

static void
a_host_fails_that_is_late_another_or_not_rebooted(void **state)
{
        struct canary_sight s = booting(BEGAN - 1);

        (void)state;
        fails(s, BEGAN + 100001, "not ready within 100 s: it is booting, its boot got as far as 'init'");
        fails(ready("ffffffffffffffff", BEGAN + 1), BEGAN + 10, "came up with image ffffffffffffffff instead of " VERSION);
        s.refused = "no such host";
        fails(s, BEGAN + 10, "not rebooted: no such host");
        s.known = false;
        fails(s, BEGAN + 10, "no host any more");
}

static void
a_guest_must_have_started_where_one_can(void **state)
{
        struct canary c = make();
        struct canary_host *h = &c.hosts[0];
        struct canary_sight s = ready(VERSION, BEGAN + 1);

        (void)state;
        s.takes_guest = true;
        assert_true(canary_judge(&c, h, &s, BEGAN + 1000));
        assert_false(canary_judge(&c, h, &s, BEGAN + 90000));
        h->guest_started = true;
        assert_true(canary_judge(&c, h, &s, BEGAN + 90000));
        assert_int_equal(h->state, CANARY_HOST_GOOD);
        assert_string_equal(h->text, "ready for 89 s, a guest started on it");
        s.guest_refused = "no memory";
        assert_true(canary_judge(&c, h, &s, BEGAN + 91000));
        assert_int_equal(h->state, CANARY_HOST_FAILED);
        assert_string_equal(h->text, "a guest does not start on it: no memory");
}

static void
a_watched_or_good_host_fails_that_is_lost_or_booted_again(void **state)
{
        struct canary_sight lost = booting(BEGAN + 1);

        (void)state;
        lost.state = "lost";
        for (uint32_t was = CANARY_HOST_WATCHED; was <= CANARY_HOST_GOOD; was++) {
                struct canary c = make();
                struct canary_sight again = ready(VERSION, BEGAN + 2);

                c.hosts[0].state = c.hosts[1].state = was;
                c.hosts[0].attempt_ms = c.hosts[1].attempt_ms = BEGAN + 1;
                assert_true(canary_judge(&c, &c.hosts[0], &lost, BEGAN + 9000));
                assert_string_equal(c.hosts[0].text, "9 s after it was ready it is lost");
                assert_true(canary_judge(&c, &c.hosts[1], &again, BEGAN + 9000));
                assert_int_equal(c.hosts[1].state, CANARY_HOST_FAILED);
        }
}

static struct canary
going_back(void)
{
        struct canary c = make();

        c.state = CANARY_GOING_BACK;
        c.back_ms = BEGAN + 50000;
        c.hosts[0].state = c.hosts[1].state = CANARY_HOST_GOING_BACK;
        return c;
}

static void
a_host_that_runs_it_is_booted_back_unless_it_has_domains(void **state)
{
        struct canary c = going_back();
        struct canary_sight s = ready(VERSION, BEGAN + 1);

        (void)state;
        assert_true(canary_wants_reboot(&c, &c.hosts[0], &s));
        assert_false(canary_judge(&c, &c.hosts[0], &s, BEGAN + 51000));
        s.n_domains = 1;
        assert_false(canary_wants_reboot(&c, &c.hosts[0], &s));
        assert_true(canary_judge(&c, &c.hosts[0], &s, BEGAN + 52000));
        assert_int_equal(c.hosts[0].state, CANARY_HOST_LEFT);
        /* The menu of this one was made after the order was gone. */
        s = ready("ffffffffffffffff", BEGAN + 50001);
        assert_true(canary_judge(&c, &c.hosts[1], &s, BEGAN + 70000));
        assert_int_equal(c.hosts[1].state, CANARY_HOST_BACK);
        assert_int_equal(canary_verdict(&c), CANARY_ROLLED_BACK);
}

static void
one_that_never_came_is_waited_for_and_then_told_of(void **state)
{
        struct canary c = going_back();
        struct canary_sight s = booting(BEGAN - 1);

        (void)state;
        assert_false(canary_wants_reboot(&c, &c.hosts[0], &s));
        assert_false(canary_judge(&c, &c.hosts[0], &s, c.back_ms + 100000));
        assert_true(canary_judge(&c, &c.hosts[0], &s, c.back_ms + 100001));
        assert_int_equal(c.hosts[0].state, CANARY_HOST_AWAY);
        assert_int_equal(canary_verdict(&c), CANARY_GOING_BACK);
        /* Late, and then after all with what was tried: the boot was under way. */
        s = ready(VERSION, BEGAN + 1);
        assert_true(canary_wants_reboot(&c, &c.hosts[1], &s));
        /* One that was not rebooted at all still runs what it had. */
        s = ready("ffffffffffffffff", BEGAN - 1);
        assert_true(canary_judge(&c, &c.hosts[1], &s, c.back_ms + 1));
        assert_int_equal(c.hosts[1].state, CANARY_HOST_BACK);
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_is_good_when_it_has_been_ready_on_the_version_for_long_enough),
                cmocka_unit_test(a_host_fails_that_is_late_another_or_not_rebooted),
                cmocka_unit_test(a_guest_must_have_started_where_one_can),
                cmocka_unit_test(a_watched_or_good_host_fails_that_is_lost_or_booted_again),
                cmocka_unit_test(a_host_that_runs_it_is_booted_back_unless_it_has_domains),
                cmocka_unit_test(one_that_never_came_is_waited_for_and_then_told_of),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
