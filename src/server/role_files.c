/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files role: boot files and guest files by HTTP, read-only, from the image store and the blobs; which image a short name
 * means it knows from the policy snapshot. It needs neither core nor database to answer. Tells core what was delivered and
 * hands on the reports of dompool-init. Runs in: files.
 */
#include "server/role_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/*
 * Room for 10,000 hosts at once and some thousands of strangers; a connection costs about 10 KiB. No limit for an address: a
 * whole room may stand behind one (NAT). Firmware asks within milliseconds and reads at megabytes a second.
 */
static const struct httpd_guard_limits http_limits = {
        .max_connections = 16384,
        .fair_share = 64,
        .grace_ms = 2000,
        .request_ms = 12000,
        .window_ms = 5000,
        .min_rate = 8 << 10,
        .stalled_windows = 12,
};
#define HTTP_TIMEOUT_SECONDS                                                                                                   \
        120 /* without a byte from us, beyond all that http_limits allow: those look at what TCP gets through */
#define HTTP_MEMORY (8 << 10) /* a request's head and what belongs to it; cleared for each request */
#define HTTP_CONGESTION "reno"
/* When many read, a file of megabytes on a crowded line is not to lie in the kernel for minutes. For few it is half as much
 * again of the CPU time (make bench B=http, H1). */
#define HTTP_UNSENT (512 << 10)
/* Thousands that take nothing would keep honest ones waiting while each is given its first part. */
#define HTTP_UNSENT_SUM (64ull << 20)
#define HTTP_UNSENT_LEAST (16 << 10)
#define HTTP_UNLIMITED 32
#define OTHER_FILES 256 /* open besides connections and parts of files that go out on them */
#define MAX_FILES (40 << 10)

/* What core is told at most: a room that boots at once makes some 3 events a host. */
#define EVENTS_BURST 4000
#define EVENTS_PER_SECOND 100
#define REPORTS_BURST 30
#define REPORTS_PER_SECOND 1

/* Keeps the old policy when the new file is no good. Takes over @fd. */
static void
use_policy(struct files *f, int fd)
{
        _cleanup_close_ int policy_fd = fd;
        struct policy *policy = NULL;
        struct error err = {0};

        if (policy_map(policy_fd, &policy, &err) < 0) {
                log_error("policy refused, the old one stays error=\"%s\"", err.message);
                return;
        }
        policy_free(f->policy);
        f->policy = policy;
        log_debug("policy generation=%llu", (unsigned long long)policy_header(policy)->generation);
}

static int
open_folder(const struct role_ctx *ctx, enum role_path which)
{
        char path[ROLE_PATH_SIZE];
        int fd;

        role_path_text(ctx->config, ROLE_FILES, which, path);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                log_warning("folder cannot be served path=%s error=\"%s\"", path, strerror(errno));
        return fd;
}

/* By how many files may be open: one for each connection, of those that are being cut too, one more for each part of a file. */
static struct httpd_guard_limits
affordable_limits(unsigned *ret_max_parts)
{
        struct httpd_guard_limits limits = http_limits;
        struct rlimit l = {.rlim_cur = MAX_FILES};
        rlim_t files;

        getrlimit(RLIMIT_NOFILE, &l);
        files = l.rlim_cur > 2 * OTHER_FILES ? l.rlim_cur - OTHER_FILES : OTHER_FILES;
        if (files * 3 / 4 < limits.max_connections) {
                limits.max_connections = (unsigned)(files * 3 / 4);
                log_notice("fewer HTTP connections than wanted connections=%u open_files=%llu", limits.max_connections,
                           (unsigned long long)l.rlim_cur);
        }
        *ret_max_parts = (unsigned)files - httpd_uv_max_connections(&limits);
        return limits;
}

static int
role_files_start(struct role_ctx *ctx, struct error *err)
{
        struct files *f = calloc(1, sizeof(*f));
        const int64_t now = clock_mono_ms(&ctx->clock);
        unsigned max_parts;
        const struct httpd_guard_limits limits = affordable_limits(&max_parts);
        struct httpd_uv_options http = {
                .listen_fd = role_take_fd(ctx, FD_HTTP),
                .guard = &limits,
                .timeout_seconds = HTTP_TIMEOUT_SECONDS,
                .memory_per_request = HTTP_MEMORY,
                .congestion = HTTP_CONGESTION,
                .unsent_limit = HTTP_UNSENT,
                .unsent_sum = HTTP_UNSENT_SUM,
                .unsent_least = HTTP_UNSENT_LEAST,
                .n_unlimited = HTTP_UNLIMITED,
                .handler = files_http_handle,
                .completed = files_http_completed,
        };
        int policy_fd = role_take_fd(ctx, FD_POLICY);

        if (!f)
                return error_errno_set(err, ENOMEM, "files");
        if (http.listen_fd < 0)
                return error_set(err, ERR_INTERNAL, "the parent gave no HTTP socket");
        ctx->state = f;
        f->ctx = ctx;
        rate_init(&f->events, EVENTS_BURST, EVENTS_PER_SECOND, now);
        rate_table_init(&f->reports, REPORTS_BURST, REPORTS_PER_SECOND, now);
        f->max_parts = max_parts;
        f->menus = files_menus_new();
        f->cache = files_cache_new();
        f->wait = files_wait_new(f);
        if (!f->menus || !f->cache || !f->wait)
                return error_errno_set(err, ENOMEM, "files");
        f->store = open_folder(ctx, ROLE_PATH_IMAGE_STORE);
        f->blobs = open_folder(ctx, ROLE_PATH_BLOBS);
        if (policy_fd >= 0)
                use_policy(f, policy_fd);
        http.arg = f;
        return httpd_uv_new(ctx->loop, &http, &f->http, err);
}

static void
role_files_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        struct files *f = ctx->state;

        (void)peer;
        if (type == MSG_POLICY && fd >= 0) {
                use_policy(f, fd);
        } else if (type == MSG_LINE_CROWDED) {
                files_wait_crowded(f->wait);
                cleanup_close(&fd);
        } else {
                files_menus_message(f->menus, type, payload);
                cleanup_close(&fd);
        }
}

static void
role_files_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        if (peer == ROLE_BOOT && up)
                files_menus_boot_up(ctx->state);
}

static void
role_files_stop(struct role_ctx *ctx)
{
        struct files *f = ctx->state;

        files_wait_end(f->wait);
        httpd_uv_free(f->http);
        files_cache_free(f->cache);
}

void
files_tell(struct files *f, uint32_t address, const struct files_path *path, enum boot_note_kind note, const char *text)
{
        struct msg_boot_event m = {
                .address = address, /* core knows whose lease it is */
                .stage = path->stage,
                .time_ms = clock_wall_ms(&f->ctx->clock),
                .note = note,
                .firmware = true,
        };
        int r;

        if (!rate_take(&f->events, clock_mono_ms(&f->ctx->clock)))
                return;
        str_copy(m.text, sizeof(m.text), text);
        for (char *p = m.text; *p; p++) /* a URL may hold anything */
                if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
                        *p = '?';
        r = role_send(f->ctx, role_home(f->ctx), MSG_BOOT_EVENT, &m, -1);
        if (r < 0)
                log_debug("event lost, core is away stage=%s", boot_stage_names[path->stage]);
}

int
files_report(struct files *f, const struct msg_init_report *report)
{
        return role_send(f->ctx, role_home(f->ctx), MSG_INIT_REPORT, report, -1);
}

static const struct role_path_use role_files_paths[] = {
        {ROLE_PATH_IMAGE_STORE, false},
        {ROLE_PATH_BLOBS, false},
};

const struct role_def role_files_def = {
        .role = ROLE_FILES,
        .sandbox =
                {
                        .syscalls = SYS_NET | SYS_FILES_READ | SYS_FD_PASSING,
                        .max_files = MAX_FILES,
                        .max_memory = 512ull << 20,
                        .no_new_processes = true,
                },
        .paths = role_files_paths,
        .n_paths = N_ELEMENTS(role_files_paths),
        .start = role_files_start,
        .message = role_files_message,
        .peer = role_files_peer,
        .stop = role_files_stop,
};
