/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of reports, and the child that sends them by plain HTTP/1.1: unprivileged, blocking, each step with a time limit.
 */
#include "init/init_report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "init/init_system.h"
#include "sandbox/sandbox.h"

#define REPORT_TIMEOUT_S 5
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

static void
queue_remove(struct report_queue *q, size_t i, size_t n)
{
        memmove(&q->waiting[i], &q->waiting[i + n], (q->n - i - n) * sizeof(q->waiting[0]));
        q->n -= n;
}

/* The oldest that the child is not sending and that says of no failure; else the oldest that may go. */
static void
queue_make_room(struct report_queue *q)
{
        for (size_t i = q->n_sending; i < q->n; i++)
                if (!q->waiting[i].failed) {
                        queue_remove(q, i, 1);
                        return;
                }
        queue_remove(q, q->n_sending < q->n ? q->n_sending : q->n - 1, 1);
}

struct msg_init_report *
report_add(struct report_queue *q, const struct init_options *o, const char *stage, const char *text, bool failed,
           uint64_t uptime_ms)
{
        struct msg_init_report *m;

        if (q->n == REPORT_QUEUE)
                queue_make_room(q);
        m = &q->waiting[q->n++];
        *m = (struct msg_init_report){.failed = failed, .uptime_ms = uptime_ms};
        str_copy(m->token, sizeof(m->token), o->token);
        str_copy(m->stage, sizeof(m->stage), stage);
        str_copy(m->text, sizeof(m->text), text);
        return m;
}

size_t
report_request(const struct msg_init_report *m, const struct init_options *o, char ret[REPORT_HTTP_MAX])
{
        json_t *obj = rec_to_json(message_desc(MSG_INIT_REPORT), m);
        _cleanup_free_ char *body = obj ? json_text(obj) : NULL;
        char host[IP4_TEXT_SIZE];
        int n;

        json_decref(obj);
        if (!body)
                return 0;
        n = snprintf(ret, REPORT_HTTP_MAX,
                     "POST /boot/report HTTP/1.1\r\nHost: %s:%u\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s",
                     ip4_text(o->server, host), o->http_port, strlen(body), body);
        return n < 0 || n >= REPORT_HTTP_MAX ? 0 : (size_t)n;
}

int
report_answer(const char *data, size_t size)
{
        static const char version[] = "HTTP/1.";

        if (size < 13)
                return -EAGAIN;
        if (memcmp(data, version, strlen(version)) != 0 || data[8] != ' ' || data[9] != '2')
                return -EPROTO;
        return 0;
}

static int
send_one(const char *request, size_t size, const struct init_options *o)
{
        const struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(o->http_port), .sin_addr.s_addr = htonl(o->server)};
        const struct timeval limit = {.tv_sec = REPORT_TIMEOUT_S};
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char answer[256];
        size_t got = 0;
        int r = -EAGAIN;

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
            connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 || send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
                return -errno;
        while (r == -EAGAIN && got < sizeof(answer)) {
                ssize_t n = recv(fd, answer + got, sizeof(answer) - got, 0);

                if (n <= 0)
                        return n < 0 ? -errno : -EPIPE;
                got += (size_t)n;
                r = report_answer(answer, got);
        }
        return r;
}

static _Noreturn void
child_main(const struct report_queue *q, const struct init_options *o)
{
        static const struct sandbox s = {.user = INIT_NET_USER,
                                         .fallback_uid = INIT_NET_UID,
                                         .syscalls = SYS_NET,
                                         .max_files = 16,
                                         .no_new_processes = true};
        static char requests[REPORT_QUEUE][REPORT_HTTP_MAX];
        size_t sizes[REPORT_QUEUE];
        struct error err;

        prctl(PR_SET_NAME, "dompool-report");
        /* Made before the doors shut: jansson opens /dev/urandom for its hash tables. */
        for (size_t i = 0; i < q->n_sending; i++)
                sizes[i] = report_request(&q->waiting[i], o, requests[i]);
        if (sandbox_enter(&s, &err) < 0) {
                log_error("report: %s", err.message);
                _exit(1);
        }
        for (size_t i = 0; i < q->n_sending; i++)
                if (sizes[i] > 0 && send_one(requests[i], sizes[i], o) < 0)
                        _exit(1);
        _exit(0);
}

void
report_start(struct report_queue *q, const struct init_options *o, int64_t now_ms)
{
        pid_t pid;

        if (q->pid != 0 || q->n == 0 || o->server == 0 || now_ms < q->not_before_ms)
                return;
        q->n_sending = q->n;
        pid = fork();
        if (pid == 0) {
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                child_main(q, o);
        }
        if (pid < 0)
                q->n_sending = 0;
        else
                q->pid = pid;
}

void
report_ended(struct report_queue *q, bool success, int64_t now_ms)
{
        int64_t delay = RETRY_MIN_MS;

        q->pid = 0;
        if (success) {
                queue_remove(q, 0, q->n_sending);
                q->failures = 0;
                q->not_before_ms = 0;
        } else {
                for (unsigned i = 0; i < q->failures && delay < RETRY_MAX_MS; i++)
                        delay *= 2;
                q->failures++;
                q->not_before_ms = now_ms + (delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS);
        }
        q->n_sending = 0;
}

void
report_flush(struct report_queue *q, const struct init_options *o, const struct clock *clock, int64_t limit_ms)
{
        const int64_t end = clock_mono_ms(clock) + limit_ms;
        int status;

        while (q->n > 0 && clock_mono_ms(clock) < end) {
                report_start(q, o, clock_mono_ms(clock));
                if (q->pid > 0 && waitpid(q->pid, &status, WNOHANG) > 0)
                        report_ended(q, WIFEXITED(status) && WEXITSTATUS(status) == 0, clock_mono_ms(clock));
                usleep(10000);
        }
}
