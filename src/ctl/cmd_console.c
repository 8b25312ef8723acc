/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dompool domain console: a web socket (ctl_ws.h) between this terminal and a domain's
 * console. The terminal is raw meanwhile and is put back whatever happens, short of SIGKILL. Runs in: dompool.
 *
 *     terminal --bytes--> queue --binary frames--> server      Ctrl-] (0x1d) leaves and is not sent
 *     terminal <--bytes-- <--binary frames-- server            close frame 4000 "code: text" is the server's error
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/ctl_http.h"
#include "ctl/ctl_ws.h"

#define ESCAPE_BYTE 0x1d /* Ctrl-] */
#define OUT_MAX 65536    /* typed and not yet sent; then the terminal is not read */

/* ---- the terminal ---- */

static struct termios saved_terminal; /* for signal handlers and atexit: the one thing they must know */
static volatile sig_atomic_t terminal_is_raw;
static volatile sig_atomic_t ended_by_signal;

static void
terminal_restore(void)
{
        if (!terminal_is_raw)
                return;
        terminal_is_raw = 0;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
}

static void
on_end_signal(int sig)
{
        ended_by_signal = sig;
}

/* A crash must not leave a terminal that shows nothing that is typed. tcsetattr is async-signal-safe. */
static void
on_crash(int sig)
{
        terminal_restore();
        signal(sig, SIG_DFL);
        raise(sig);
}

static void
catch_signals(void)
{
        const struct sigaction end = {.sa_handler = on_end_signal}, crash = {.sa_handler = on_crash};
        static const int ends[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT}, crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

        for (size_t i = 0; i < N_ELEMENTS(ends); i++)
                sigaction(ends[i], &end, NULL);
        for (size_t i = 0; i < N_ELEMENTS(crashes); i++)
                sigaction(crashes[i], &crash, NULL);
        signal(SIGPIPE, SIG_IGN);
}

static void
terminal_raw(void)
{
        struct termios raw;

        if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved_terminal) < 0)
                return;
        raw = saved_terminal;
        cfmakeraw(&raw);
        atexit(terminal_restore);
        terminal_is_raw = 1;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void
write_all(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EAGAIN) { /* somebody made the terminal non-blocking */
                        poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 100);
                        continue;
                }
                if (n < 0 && errno != EINTR)
                        return;
                if (n > 0) {
                        data += n;
                        size -= (size_t)n;
                }
                if (ended_by_signal)
                        return;
        }
}

/* ---- the loop ---- */

static void
on_output(void *arg, bool text, const void *data, size_t size)
{
        (void)arg, (void)text;
        write_all(STDOUT_FILENO, data, size);
}

/* false: nothing more comes. */
static bool
read_terminal(struct ctl_ws *k)
{
        uint8_t buf[4096];
        ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
        const uint8_t *escape;

        if (n <= 0)
                return n < 0 && (errno == EINTR || errno == EAGAIN);
        /* Piped input is data: there every byte is sent. */
        escape = terminal_is_raw ? memchr(buf, ESCAPE_BYTE, (size_t)n) : NULL;
        ctl_ws_send(k, buf, escape ? (size_t)(escape - buf) : (size_t)n);
        if (escape)
                ctl_ws_leave(k);
        return true;
}

static int
talk(struct ctl_ws *k, const char *domain, struct error *err)
{
        bool to_people = isatty(STDERR_FILENO), more_input = true, goes_on = true, ready;

        catch_signals();
        if (to_people)
                fprintf(stderr, "Console of %s. Ctrl-] leaves.\n", domain);
        terminal_raw();
        while (goes_on) {
                bool take_input = more_input && !k->left && ctl_ws_waiting(k) < OUT_MAX;

                goes_on = ctl_ws_turn(k, take_input ? STDIN_FILENO : -1, &ready) && !ended_by_signal;
                if (goes_on && ready)
                        more_input = read_terminal(k);
        }
        terminal_restore();
        if (to_people)
                fprintf(stderr, "\n");
        if (ended_by_signal)
                return error_set(err, ERR_CANCELLED, "console: ended by signal %d", (int)ended_by_signal);
        return ctl_ws_result(k, err);
}

int
cmd_domain_console(struct ctl *c, int argc, char **argv, struct error *err)
{
        struct ctl_ws k = {.what = "console", .on_message = on_output};
        char path[200];
        int r = ctl_name("a domain", argv[0], err);

        (void)argc;
        if (r < 0)
                return r;
        ctl_catch_interrupt();
        snprintf(path, sizeof(path), "/v1/domains/%s/console", argv[0]);
        r = ctl_ws_open(c, &k, path, err);
        if (r == 0)
                r = talk(&k, argv[0], err);
        ctl_ws_close(&k);
        return r;
}
