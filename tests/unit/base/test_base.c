/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, log, clock and hashes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"

static void
every_error_code_has_a_text_of_its_own_and_finds_back(void **state)
{
        (void)state;
        for (unsigned i = 1; i < ERR_N; i++) {
                enum error_code code = (enum error_code)i;

                assert_int_equal(error_from_text(error_text(code)), code);
                assert_true(error_http_status(code) >= 400 && error_http_status(code) < 600);
                assert_true(error_exit_code(code) > 0 && error_exit_code(code) < 126);
                assert_true(error_to_errno(code) < 0);
                assert_true(strlen(error_meaning(code)) > 10);
        }
        assert_string_equal(error_text(ERR_NONE), "none");
        assert_int_equal(error_exit_code(ERR_NONE), 0);
        assert_int_equal(error_from_text("no such text"), ERR_INTERNAL);
}

static void
an_error_keeps_its_code_under_a_prefix_and_never_overflows(void **state)
{
        struct error err;
        char big[3000];

        (void)state;
        memset(big, 'x', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        assert_int_equal(error_set(&err, ERR_NOT_FOUND, "host '%s'", "n1"), error_to_errno(ERR_NOT_FOUND));
        assert_int_equal(error_prefix(&err, "%s:%d", "f", 3), error_to_errno(ERR_NOT_FOUND));
        assert_string_equal(err.message, "f:3: host 'n1'");
        error_set(&err, ERR_LIMIT, "%s", big);
        assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
        error_prefix(&err, "%s", big);
        assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
        assert_int_equal(error_errno_set(&err, ENOENT, "open %s", "f"), -ENOENT);
        assert_int_equal(err.code, ERR_NOT_FOUND);
        assert_string_equal(err.message, "open f: No such file or directory");
}

/* Runs log_write with standard error in a pipe. */
static size_t
logged(enum log_level level, const char *text, char *buf, size_t size)
{
        int fds[2], old = dup(STDERR_FILENO);
        ssize_t n;

        assert_int_equal(pipe(fds), 0);
        dup2(fds[1], STDERR_FILENO);
        log_write(level, "%s", text);
        dup2(old, STDERR_FILENO);
        close(fds[1]);
        n = read(fds[0], buf, size - 1);
        close(fds[0]);
        close(old);
        assert_true(n >= 0);
        buf[n] = '\0';
        return (size_t)n;
}

static void
a_stranger_cannot_write_log_lines(void **state)
{
        char buf[10000], big[5000];

        (void)state;
        unsetenv("JOURNAL_STREAM");
        log_init("test", LOG_LEVEL_INFO);
        logged(LOG_LEVEL_INFO, "a\nerror: forged\x1b[2J\r\x7f", buf, sizeof(buf));
        assert_string_equal(buf, "test: a\\x0aerror: forged\\x1b[2J\\x0d\\x7f\n");
        memset(big, 1, sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        assert_true(logged(LOG_LEVEL_INFO, big, buf, sizeof(buf)) > 1000);
        assert_ptr_equal(strchr(buf, '\n'), buf + strlen(buf) - 1);
}

static void
the_log_has_levels_and_marks_them_for_the_journal(void **state)
{
        char buf[1000];

        (void)state;
        log_init("test", LOG_LEVEL_NOTICE);
        assert_int_equal(logged(LOG_LEVEL_INFO, "x", buf, sizeof(buf)), 0);
        setenv("JOURNAL_STREAM", "8:1", 1);
        log_init("test", LOG_LEVEL_NOTICE);
        logged(LOG_LEVEL_NOTICE, "x", buf, sizeof(buf));
        assert_string_equal(buf, "<5>test: x\n");
        unsetenv("JOURNAL_STREAM");
}

static void
a_virtual_clock_moves_only_when_stepped(void **state)
{
        char text[WALL_TEXT_SIZE];
        struct clock c;

        (void)state;
        clock_init_virtual(&c, 1000, 1795297203125);
        assert_int_equal(clock_mono_ms(&c), 1000);
        assert_int_equal(clock_wall_ms(&c), 1795297203125);
        clock_step(&c, 500);
        assert_int_equal(clock_mono_ms(&c), 1500);
        assert_string_equal(wall_text(clock_wall_ms(&c), text), "2026-11-21T21:40:03.625Z");
        clock_init_real(&c);
        assert_true(clock_wall_ms(&c) > 1700000000000);
        assert_true(clock_mono_ms(&c) <= clock_mono_ms(&c));
}

static void
hashes_are_the_published_ones(void **state)
{
        char text[SHA256_TEXT_SIZE];
        uint8_t h[SHA256_SIZE], g[SHA256_SIZE];
        uint64_t size;
        int fds[2];

        (void)state;
        digest_sha256("abc", 3, h); /* FIPS 180-4 */
        assert_string_equal(hex_text(h, sizeof(h), text), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], "abc", 3), 3);
        close(fds[1]);
        assert_int_equal(digest_sha256_fd(fds[0], g, &size), 0);
        close(fds[0]);
        assert_int_equal(size, 3);
        assert_true(digest_equal(h, g, sizeof(h)));
        g[31] ^= 1;
        assert_false(digest_equal(h, g, sizeof(h)));
        digest_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, h); /* RFC 4231, case 2 */
        assert_string_equal(hex_text(h, sizeof(h), text), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int
main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_error_code_has_a_text_of_its_own_and_finds_back),
                cmocka_unit_test(an_error_keeps_its_code_under_a_prefix_and_never_overflows),
                cmocka_unit_test(a_stranger_cannot_write_log_lines),
                cmocka_unit_test(the_log_has_levels_and_marks_them_for_the_journal),
                cmocka_unit_test(a_virtual_clock_moves_only_when_stepped),
                cmocka_unit_test(hashes_are_the_published_ones),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
