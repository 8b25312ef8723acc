/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP client for files whose size and hash are known, on libuv. Does not follow redirects, keeps no connection.
 * Runs in: link, satellite; unprivileged, sandboxed: the folder is all that it may write to.
 */
#include "net/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/parse.h"
#include "proto/http_head.h"

#define STALL_MS 15000
#define RETRY_MS 1000
#define TRIES 3
#define FETCH_PATH_SIZE 500

struct fetch {
        uv_loop_t *loop;
        uv_tcp_t tcp;
        bool tcp_open;
        bool tcp_closing; /* its callback goes on with the fetch, or ends it */
        uv_timer_t timer;
        uv_connect_t connect;
        uv_write_t write;
        struct fetch_what what;
        char url[FETCH_URL_SIZE];
        char folder[300];
        char name[160];
        char request[FETCH_URL_SIZE + 200];
        char buffer[65536]; /* one read; the head while it is incomplete */
        size_t n_head;
        bool in_body;
        int fd; /* of the part file; -1 */
        uint64_t received;
        unsigned percent;
        unsigned tries;
        struct error last;
        bool cancelled;
        fetch_progress_fn on_progress;
        fetch_done_fn on_done;
        void *arg;
};

static void fetch_attempt(struct fetch *f);

static void
part_path(const struct fetch *f, char ret[FETCH_PATH_SIZE])
{
        snprintf(ret, FETCH_PATH_SIZE, "%s/%s.%llu.part", f->folder, f->name, (unsigned long long)f->what.number);
}

static void
final_path(const struct fetch *f, char ret[FETCH_PATH_SIZE])
{
        snprintf(ret, FETCH_PATH_SIZE, "%s/%s", f->folder, f->name);
}

/* What has come stays where the next attempt is to go on with it, unless it is known to be @wrong. */
static void
part_drop(struct fetch *f, bool wrong)
{
        char path[FETCH_PATH_SIZE];

        if (f->fd < 0)
                return;
        close(TAKE_FD(f->fd));
        part_path(f, path);
        if (wrong || !f->what.resume)
                unlink(path);
}

/* ---- the end ---- */

static void
timer_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void
tcp_closed_last(uv_handle_t *handle)
{
        struct fetch *f = handle->data;

        uv_close((uv_handle_t *)&f->timer, timer_closed);
}

static void
fetch_release(struct fetch *f)
{
        f->cancelled = true;
        part_drop(f, false);
        if (f->tcp_open)
                uv_close((uv_handle_t *)&f->tcp, tcp_closed_last);
        else if (!f->tcp_closing)
                uv_close((uv_handle_t *)&f->timer, timer_closed);
        f->tcp_open = false;
}

void
fetch_cancel(struct fetch *f)
{
        if (f && !f->cancelled)
                fetch_release(f);
}

static void
fetch_finish(struct fetch *f, const struct error *err)
{
        f->on_done(f->arg, err);
        fetch_release(f);
}

static void
attempt_due(uv_timer_t *timer)
{
        fetch_attempt(timer->data);
}

static void
tcp_closed_for_retry(uv_handle_t *handle)
{
        struct fetch *f = handle->data;

        f->tcp_closing = false;
        if (!f->cancelled)
                uv_timer_start(&f->timer, attempt_due, RETRY_MS, 0);
        else
                uv_close((uv_handle_t *)&f->timer, timer_closed);
}

/* Ends this attempt; @again: another one may do better. */
static void
attempt_failed(struct fetch *f, bool again, enum error_code code, const char *text)
{
        char ip[IP4_TEXT_SIZE];

        error_set(&f->last, code, "http://%s:%u%s: %s", ip4_text(f->what.address, ip), f->what.port, f->url, text);
        part_drop(f, code == ERR_PROTOCOL);
        uv_timer_stop(&f->timer);
        if (!again || f->tries >= TRIES) {
                fetch_finish(f, &f->last);
                return;
        }
        if (f->tcp_open) {
                f->tcp_open = false;
                f->tcp_closing = true;
                uv_close((uv_handle_t *)&f->tcp, tcp_closed_for_retry);
        } else {
                uv_timer_start(&f->timer, attempt_due, RETRY_MS, 0);
        }
}

/* ---- checking ---- */

/* Right size and hash? 0, -ENOENT, -EBADMSG or another errno. */
static int
file_check(const char *path, const struct fetch_what *what)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        uint8_t sha[SHA256_SIZE];
        uint64_t size;
        int r;

        if (fd < 0)
                return -errno;
        r = digest_sha256_fd(fd, sha, &size);
        if (r < 0)
                return r;
        return size == what->size && digest_equal(sha, what->sha256, sizeof(sha)) ? 0 : -EBADMSG;
}

static void
body_complete(struct fetch *f)
{
        char part[FETCH_PATH_SIZE], path[FETCH_PATH_SIZE];
        int r;

        part_path(f, part);
        final_path(f, path);
        r = file_check(part, &f->what);
        if (r == -EBADMSG) {
                attempt_failed(f, false, ERR_PROTOCOL, "its SHA-256 is not the one that the server named");
                return;
        }
        if (r == 0 && (fdatasync(f->fd) < 0 || rename(part, path) < 0))
                r = -errno;
        if (r < 0) {
                attempt_failed(f, false, ERR_IO, strerror(-r));
                return;
        }
        close(TAKE_FD(f->fd));
        fetch_finish(f, NULL);
}

/* ---- receiving ---- */

/* False when the fetch or this attempt has ended. */
static bool
take_body(struct fetch *f, const char *data, size_t size)
{
        unsigned percent;

        if (size > f->what.size - f->received) {
                attempt_failed(f, false, ERR_PROTOCOL, "the server sends more than it announced");
                return false;
        }
        for (size_t done = 0; done < size;) {
                ssize_t n = write(f->fd, data + done, size - done);

                if (n < 0) {
                        attempt_failed(f, false, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO, strerror(errno));
                        return false;
                }
                done += (size_t)n;
        }
        f->received += size;
        percent = f->what.size ? (unsigned)(f->received * 100 / f->what.size) : 100;
        if (percent != f->percent && f->on_progress)
                f->on_progress(f->arg, percent);
        f->percent = percent;
        if (f->received == f->what.size) {
                body_complete(f);
                return false;
        }
        return true;
}

/* The whole file comes although a part was asked for: it begins anew. */
static bool
start_anew(struct fetch *f)
{
        if (ftruncate(f->fd, 0) == 0 && lseek(f->fd, 0, SEEK_SET) == 0) {
                f->received = 0;
                return true;
        }
        attempt_failed(f, false, ERR_IO, strerror(errno));
        return false;
}

static bool
head_acceptable(struct fetch *f, const struct http_head *head)
{
        char text[100];

        if (head->status == 416 && f->received > 0) { /* the part is longer than the file there */
                attempt_failed(f, true, ERR_PROTOCOL, "the server has no such part of it");
                return false;
        }
        if (head->status == 200 && f->received > 0 && !start_anew(f))
                return false;
        if (head->status != (f->received > 0 ? 206 : 200)) {
                snprintf(text, sizeof(text), "the server answers with status %u", head->status);
                attempt_failed(f, head->status >= 500, head->status == 404 ? ERR_NOT_FOUND : ERR_UNREACHABLE, text);
                return false;
        }
        if (head->content_length != f->what.size - f->received) {
                snprintf(text, sizeof(text), "it has %llu bytes, %llu were announced",
                         (unsigned long long)(f->received + head->content_length), (unsigned long long)f->what.size);
                attempt_failed(f, false, ERR_PROTOCOL, text);
                return false;
        }
        return true;
}

static void
take_head(struct fetch *f, size_t size)
{
        struct http_head head;
        int r;

        f->n_head += size;
        r = http_head_parse(f->buffer, f->n_head, &head);
        if (r < 0) {
                attempt_failed(f, false, ERR_PROTOCOL, "the answer's head is malformed");
                return;
        }
        if (r == 0 || !head_acceptable(f, &head))
                return;
        f->in_body = true;
        if (f->n_head > head.size)
                take_body(f, f->buffer + head.size, f->n_head - head.size);
        else if (f->what.size == f->received)
                body_complete(f);
}

static void
stalled(uv_timer_t *timer)
{
        attempt_failed(timer->data, true, ERR_TIMEOUT, "nothing came for 15 s");
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
        struct fetch *f = handle->data;
        size_t used = f->in_body ? 0 : f->n_head;

        (void)suggested;
        *buf = uv_buf_init(f->buffer + used, (unsigned)(sizeof(f->buffer) - used));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct fetch *f = stream->data;

        if (!f->tcp_open || n == 0)
                return;
        if (n < 0) {
                attempt_failed(f, true, ERR_UNREACHABLE,
                               n == UV_EOF ? "the server closed the connection" : uv_strerror((int)n));
                return;
        }
        uv_timer_start(&f->timer, stalled, STALL_MS, 0);
        if (f->in_body)
                take_body(f, buf->base, (size_t)n);
        else
                take_head(f, (size_t)n);
}

/* ---- starting ---- */

static void
on_written(uv_write_t *request, int status)
{
        struct fetch *f = request->data;

        if (status < 0 && status != UV_ECANCELED && f->tcp_open)
                attempt_failed(f, true, ERR_UNREACHABLE, uv_strerror(status));
}

static void
on_connect(uv_connect_t *request, int status)
{
        struct fetch *f = request->data;
        uv_buf_t buf;

        if (status == UV_ECANCELED || !f->tcp_open)
                return;
        if (status < 0) {
                attempt_failed(f, true, ERR_UNREACHABLE, uv_strerror(status));
                return;
        }
        buf = uv_buf_init(f->request, (unsigned)strlen(f->request));
        f->write.data = f;
        uv_write(&f->write, (uv_stream_t *)&f->tcp, &buf, 1, on_written);
        uv_read_start((uv_stream_t *)&f->tcp, on_alloc, on_read);
}

static int
part_open(struct fetch *f)
{
        char path[FETCH_PATH_SIZE];

        off_t have;

        part_path(f, path);
        f->received = 0;
        if (!f->what.resume)
                unlink(path);
        f->fd = open(path, O_RDWR | O_CREAT | (f->what.resume ? 0 : O_EXCL) | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (f->fd < 0)
                return -errno;
        have = lseek(f->fd, 0, SEEK_END);
        if (have < 0 || ((uint64_t)have >= f->what.size && (ftruncate(f->fd, 0) < 0 || (have = lseek(f->fd, 0, SEEK_SET)) < 0)))
                return -errno;
        f->received = (uint64_t)have;
        return 0;
}

static void
make_request(struct fetch *f)
{
        char ip[IP4_TEXT_SIZE], range[48] = "";

        if (f->received > 0)
                snprintf(range, sizeof(range), "Range: bytes=%llu-\r\n", (unsigned long long)f->received);
        snprintf(f->request, sizeof(f->request),
                 "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: dompool\r\n%sConnection: close\r\n\r\n", f->url,
                 ip4_text(f->what.address, ip), f->what.port, range);
}

static void
fetch_attempt(struct fetch *f)
{
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(f->what.port), .sin_addr.s_addr = htonl(f->what.address)};
        char path[FETCH_PATH_SIZE];
        int r;

        final_path(f, path);
        if (f->tries++ == 0 && file_check(path, &f->what) == 0) {
                fetch_finish(f, NULL);
                return;
        }
        r = part_open(f);
        if (r < 0) {
                attempt_failed(f, false, ERR_IO, strerror(-r));
                return;
        }
        f->n_head = f->percent = 0;
        f->in_body = false;
        make_request(f);
        uv_tcp_init(f->loop, &f->tcp);
        f->tcp.data = f->connect.data = f;
        f->tcp_open = true;
        uv_timer_start(&f->timer, stalled, STALL_MS, 0);
        r = uv_tcp_connect(&f->connect, &f->tcp, (struct sockaddr *)&to, on_connect);
        if (r < 0)
                attempt_failed(f, true, ERR_UNREACHABLE, uv_strerror(r));
}

int
fetch_start(uv_loop_t *loop, const struct fetch_what *what, fetch_progress_fn on_progress, fetch_done_fn on_done, void *arg,
            struct fetch **ret)
{
        struct fetch *f = calloc(1, sizeof(*f));
        char hex[SHA256_TEXT_SIZE];

        if (!f)
                return -ENOMEM;
        f->loop = loop;
        f->what = *what;
        f->fd = -1;
        f->on_progress = on_progress;
        f->on_done = on_done;
        f->arg = arg;
        str_copy(f->url, sizeof(f->url), what->url);
        str_copy(f->folder, sizeof(f->folder), what->folder);
        str_copy(f->name, sizeof(f->name), what->name ? what->name : hex_text(what->sha256, sizeof(what->sha256), hex));
        uv_timer_init(loop, &f->timer);
        f->timer.data = f;
        uv_timer_start(&f->timer, attempt_due, 0, 0);
        *ret = f;
        return 0;
}
