/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request of the boot LAN: GET and HEAD of files with ranges and conditions (RFC 9110, 13 and 14), POST of a boot
 * report. Files go out by sendfile. Runs in files; reads strangers' bytes. Errors never name a path of the server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "proto/http_range.h"
#include "server/role_files.h"

/* From the first call of the handler until completed. */
struct request {
        struct files_path path;
        bool is_post;
        bool waited;    /* its answer has waited for the line, once is enough */
        bool too_large; /* the body passed FILES_REPORT_MAX: the rest is read and dropped */
        bool is_part;   /* counted in n_parts */
        bool is_whole;  /* a whole file is on its way; told to core when it has arrived */
        uint64_t size;
        uint32_t again; /* segments that the connection had repeated before this request */
        size_t body_size;
        char *body; /* POST only */
};

/* Host order; 0 when it is not IPv4. */
static uint32_t
peer_address(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr_in *a = info ? (const struct sockaddr_in *)(const void *)info->client_addr : NULL;

        return a && a->sin_family == AF_INET ? ntohl(a->sin_addr.s_addr) : 0;
}

/* Segments that the connection has sent more than once, until now. */
static uint32_t
sent_again(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct tcp_info tcp = {0};
        socklen_t size = sizeof(tcp);

        if (!info || getsockopt(info->connect_fd, IPPROTO_TCP, TCP_INFO, &tcp, &size) < 0)
                return 0;
        return tcp.tcpi_total_retrans;
}

static enum MHD_Result
answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
        char buf[300];
        struct MHD_Response *response;
        enum MHD_Result r;

        snprintf(buf, sizeof(buf), "%s\n", text);
        response = MHD_create_response_from_buffer(*text ? strlen(buf) : 0, buf, MHD_RESPMEM_MUST_COPY);
        if (!response)
                return MHD_NO;
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
        if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD, POST");
        r = MHD_queue_response(connection, status, response);
        MHD_destroy_response(response);
        return r;
}

/* RFC 9110, 13.1.2: "*" or a list of tags, compared weakly. */
static bool
none_match_hits(const char *header, const char *etag)
{
        const char *at;

        if (!header)
                return false;
        if (strcmp(header, "*") == 0)
                return true;
        at = strstr(header, etag); /* our tags have quotes at both ends, so a part of another one never matches */
        return at != NULL;
}

static enum MHD_Result
answer_range_bad(struct MHD_Connection *connection, uint64_t size)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result r;
        char range[40];

        if (!response)
                return MHD_NO;
        snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)size);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
        r = MHD_queue_response(connection, MHD_HTTP_RANGE_NOT_SATISFIABLE, response);
        MHD_destroy_response(response);
        return r;
}

/* Takes over @fd. */
static enum MHD_Result
answer_part(struct MHD_Connection *connection, int fd, uint64_t size, uint64_t start, uint64_t length, const char *etag)
{
        struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(length, fd, start);
        enum MHD_Result r;
        char range[80];

        if (!response) {
                close(fd);
                return MHD_NO;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
        MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
        snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)start,
                 (unsigned long long)(start + length - 1), (unsigned long long)size);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
        r = MHD_queue_response(connection, MHD_HTTP_PARTIAL_CONTENT, response);
        MHD_destroy_response(response);
        return r;
}

static enum MHD_Result
answer_not_modified(struct MHD_Connection *connection, const char *etag)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result r;

        if (!response)
                return MHD_NO;
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
        r = MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED, response);
        MHD_destroy_response(response);
        return r;
}

/* The Range header counts for GET alone, and only while If-Range names the file as it is now. */
static const char *
wanted_range(struct MHD_Connection *connection, const char *method, const char *etag)
{
        const char *if_range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_RANGE);

        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 || (if_range && strcmp(if_range, etag) != 0))
                return NULL;
        return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_RANGE);
}

static enum MHD_Result
answer_missing(struct files *f, struct MHD_Connection *connection, const struct request *q, const char *url)
{
        if (q->path.is_boot)
                files_tell(f, peer_address(connection), &q->path, BOOT_NOTE_MISSING, url);
        return answer_text(connection, MHD_HTTP_NOT_FOUND, q->path.why ? q->path.why : "there is nothing of this name");
}

/* A part has a descriptor of its own for as long as it is on its way, so there is a limit. */
static enum MHD_Result
answer_range(struct files *f, struct MHD_Connection *connection, struct request *q, const struct files_open *o, uint64_t start,
             uint64_t length)
{
        _cleanup_close_ int fd = -1;

        if (f->n_parts < f->max_parts)
                fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many open files; try again");
        q->is_part = true;
        f->n_parts++;
        return answer_part(connection, TAKE_FD(fd), q->size, start, length, o->etag);
}

static enum MHD_Result
answer_file(struct files *f, struct MHD_Connection *connection, struct request *q, const char *url, const char *method)
{
        const struct files_open *o = NULL;
        uint64_t start = 0, length;
        int r;

        r = files_cache_get(f->cache, q->path.target == FILES_BLOB ? f->blobs : f->store, q->path.path,
                            clock_mono_ms(&f->ctx->clock), &o);
        if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
                return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many open files; try again");
        if (r < 0)
                return answer_missing(f, connection, q, url);
        q->size = length = (uint64_t)o->st.st_size;
        if (q->path.size != 0 && q->size != q->path.size) {
                files_tell(f, peer_address(connection), &q->path, BOOT_NOTE_DAMAGED, url);
                return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "the file is damaged");
        }
        if (none_match_hits(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH), o->etag))
                return answer_not_modified(connection, o->etag);
        if (http_range_parse(wanted_range(connection, method, o->etag), q->size, &start, &length) == HTTP_RANGE_BAD)
                return answer_range_bad(connection, q->size);
        if (length != q->size)
                return answer_range(f, connection, q, o, start, length);
        q->is_whole = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
        q->again = sent_again(connection);
        return MHD_queue_response(connection, MHD_HTTP_OK, o->whole);
}

/* Our address of this connection, host order: the one that the host reaches us by. */
static uint32_t
local_address(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct sockaddr_in a = {0};
        socklen_t size = sizeof(a);

        return info && getsockname(info->connect_fd, (struct sockaddr *)&a, &size) == 0 && a.sin_family == AF_INET
                       ? ntohl(a.sin_addr.s_addr)
                       : 0;
}

/* Not stored by anybody on the way: there is a token in it, and the next one may be another. */
static enum MHD_Result
answer_menu(struct files *f, struct MHD_Connection *connection, struct request *q)
{
        struct MHD_Response *response;
        struct menu_served served;
        enum MHD_Result r;

        if (!files_menu(f, &q->path, peer_address(connection), local_address(connection), &served))
                return answer_text(connection, MHD_HTTP_FORBIDDEN, "this is another host's menu");
        response =
                MHD_create_response_from_buffer(served.menu.size, (void *)(uintptr_t)served.menu.text, MHD_RESPMEM_MUST_COPY);
        if (!response)
                return MHD_NO;
        q->is_whole = true;
        q->again = sent_again(connection);
        q->size = served.menu.size;
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        r = MHD_queue_response(connection, MHD_HTTP_OK, response);
        MHD_destroy_response(response);
        return r;
}

static enum MHD_Result
answer_report(struct files *f, struct MHD_Connection *connection, const struct request *q)
{
        const uint32_t address = peer_address(connection);
        struct msg_init_report report;
        struct error err = {0};

        if (q->too_large)
                return answer_text(connection, MHD_HTTP_CONTENT_TOO_LARGE, "a report is at most 4096 bytes");
        if (!rate_table_take(&f->reports, address, clock_mono_ms(&f->ctx->clock)))
                return answer_text(connection, MHD_HTTP_TOO_MANY_REQUESTS, "too many reports: one a second");
        if (files_report_parse(q->body ? q->body : "", q->body_size, &report, &err) < 0)
                return answer_text(connection, error_http_status(err.code), err.message);
        report.address = address;
        report.time_ms = clock_wall_ms(&f->ctx->clock);
        if (files_report(f, &report) < 0)
                return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the server's core is away; try again");
        return answer_text(connection, MHD_HTTP_NO_CONTENT, "");
}

static struct request *
new_request(const struct files *f, const char *url, const char *method)
{
        struct request *q = calloc(1, sizeof(*q));

        if (!q)
                return NULL;
        q->is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
        files_path_resolve(f->policy, url, &q->path);
        return q;
}

static enum MHD_Result
take_body(struct request *q, const char *data, size_t *size)
{
        if (q->path.target != FILES_REPORT || q->body_size + *size > FILES_REPORT_MAX) {
                q->too_large = true;
        } else {
                char *body = realloc(q->body, q->body_size + *size);

                if (!body)
                        return MHD_NO;
                memcpy(body + q->body_size, data, *size);
                q->body = body;
                q->body_size += *size;
        }
        *size = 0;
        return MHD_YES;
}

enum MHD_Result
files_http_handle(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                  const char *upload, size_t *upload_size, void **request)
{
        struct request *q = *request;
        struct files *f = arg;

        (void)version;
        if (!q) {
                /* The first call brings the headers only; the answer is given when the body has been read. */
                *request = new_request(f, url, method);
                return *request ? MHD_YES : MHD_NO;
        }
        if (*upload_size > 0)
                return take_body(q, upload, upload_size);
        if (q->path.target == FILES_REPORT)
                return q->is_post ? answer_report(f, connection, q)
                                  : answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "reports are sent by POST");
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
                return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "files are read by GET and HEAD");
        if (q->path.target == FILES_MISSING)
                return answer_missing(f, connection, q, url);
        if (!q->waited && files_may_wait(&q->path) && files_wait(f->wait, connection)) {
                q->waited = true;
                return MHD_YES;
        }
        if (q->path.target == FILES_MENU || q->path.target == FILES_MENU_DEFAULT)
                return answer_menu(f, connection, q);
        return answer_file(f, connection, q, url, method);
}

/* As the loader asked for it: "i/0123456789abcdef/xen" is a file of a version, whose id is longer. */
static const char *
asked_name(const struct files_path *path, char buf[BOOTFILE_PATH_SIZE])
{
        static const char versions[] = "versions/", loaders[] = "loaders/";
        const char *file = strrchr(path->path, '/');

        if (strncmp(path->path, loaders, strlen(loaders)) == 0)
                return path->path + strlen(loaders);
        if (strncmp(path->path, versions, strlen(versions)) != 0 || !file)
                return path->path;
        snprintf(buf, BOOTFILE_PATH_SIZE, "i/%.16s%s", path->path + strlen(versions), file);
        return buf;
}

void
files_http_completed(void *arg, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how)
{
        struct request *q = *request;
        struct files *f = arg;

        if (!q)
                return;
        if (q->is_whole && q->path.is_boot && how == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
                char text[sizeof(((struct msg_boot_event *)0)->text)], name[BOOTFILE_PATH_SIZE], again[40] = "";
                uint32_t n = sent_again(connection) - q->again;

                if (n > 0)
                        snprintf(again, sizeof(again), ", %u segments sent again", n);
                snprintf(text, sizeof(text), "%.130s by HTTP, %llu bytes%s", asked_name(&q->path, name),
                         (unsigned long long)q->size, again);
                files_tell(f, peer_address(connection), &q->path, BOOT_NOTE_NONE, text);
        }
        if (q->is_part)
                f->n_parts--;
        free(q->body);
        free(q);
        *request = NULL;
}
