/* SPDX-License-Identifier: Apache-2.0 */
/* A program on a pseudo terminal. Runs in the command-line client (demo). */
#include "lab/lab_console.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "lab/lab_interrupt.h"
#include "lab/lab_qemu.h"

#define LEAVE_BYTE "\x1d" /* Ctrl-] */
#define LEAVE_MS 3000
#define TICK_MS 500

struct reader {
        char text[16384]; /* what has not been looked at, without the oldest bytes when a line is longer */
        size_t size;
};

/* Takes whole lines off the text; true when one contains @want, which is then in @ret. */
static bool
take_lines(struct reader *r, const char *want, char *ret, size_t ret_size)
{
        char *end, line[1024];
        bool found;

        while ((end = memchr(r->text, '\n', r->size))) {
                size_t n = (size_t)(end - r->text);

                snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1), r->text);
                lab_console_clean(line);
                r->size -= n + 1;
                memmove(r->text, end + 1, r->size);
                found = strstr(line, want) != NULL;
                if (line[0] != '\0')
                        str_copy(ret, ret_size, line);
                if (found)
                        return true;
        }
        if (r->size == sizeof(r->text))
                r->size = 0;
        return false;
}

static int
read_until(int fd, const char *want, int timeout_ms, char *ret, size_t ret_size, struct error *err)
{
        struct reader reader = {.size = 0};
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct clock clock;
        int64_t until;
        ssize_t n;

        clock_init_real(&clock);
        until = clock_mono_ms(&clock) + timeout_ms;
        ret[0] = '\0';
        while (clock_mono_ms(&clock) < until) {
                if (lab_interrupted())
                        return error_set(err, ERR_CANCELLED, "interrupted");
                if (poll(&p, 1, TICK_MS) <= 0)
                        continue;
                n = read(fd, reader.text + reader.size, sizeof(reader.text) - reader.size);
                if (n <= 0)
                        return error_set(err, ERR_TOOL, "the console ended before '%s' was seen; its last line: %s", want, ret);
                reader.size += (size_t)n;
                if (take_lines(&reader, want, ret, ret_size))
                        return 0;
        }
        return error_set(err, ERR_TIMEOUT, "'%s' was not seen on the console within %d s; its last line: %s", want,
                         timeout_ms / 1000, ret);
}

static void
leave(pid_t pid, int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char rest[512];

        if (write(fd, LEAVE_BYTE, 1) != 1)
                kill(pid, SIGTERM);
        /* Read on until it hangs up: a program with output that nobody takes would not end. */
        while (poll(&p, 1, LEAVE_MS) > 0 && read(fd, rest, sizeof(rest)) > 0)
                continue;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                continue;
}

int
lab_console_expect(char *const argv[], const char *text, int timeout_ms, char *ret, size_t ret_size, struct error *err)
{
        _cleanup_close_ int fd = -1;
        pid_t pid = forkpty(&fd, NULL, NULL, NULL);
        int r;

        if (pid < 0)
                return error_errno_set(err, errno, "cannot make a terminal");
        if (pid == 0) {
                execv(argv[0], argv);
                _exit(127);
        }
        r = read_until(fd, text, timeout_ms, ret, ret_size, err);
        leave(pid, fd);
        return r;
}
