/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core role: core_world on a loop. Channels to boot, files, api and work; a tick a second; a flush before each wait, so
 * that all that one turn of the loop brought is committed together and answered after; of boots, all that a tick brought. No
 * network. Runs in: core.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "net/tls_stream.h"
#include "server/core_world.h"
#include "server/role.h"

#define TICK_MS 1000
#define PEM_MAX (64u << 10)

struct role_core {
        struct role_ctx *ctx;
        struct core *core;
        uv_timer_t tick;
        uv_prepare_t flush;
        uv_idle_t more; /* while there is something long to do: the loop does not wait then */
        char state_dir[ROLE_PATH_SIZE];
        char blob_dir[ROLE_PATH_SIZE];
};

static void
send_to(void *arg, enum role peer, enum msg_type type, const void *payload, int fd)
{
        struct role_core *rc = arg;
        int r = role_send(rc->ctx, peer, type, payload, fd);

        /* A role that is down asks again, or is told all it needs, when it is back. */
        if (r < 0 && r != -ENOTCONN)
                log_warning("message not sent to=%s type=%s error=\"%s\"", role_names[peer], message_name(type), strerror(-r));
}

static void
to_api(void *arg, enum msg_type type, const void *payload)
{
        send_to(arg, ROLE_API, type, payload, -1);
}

static void
to_boot(void *arg, enum msg_type type, const void *payload, int fd)
{
        send_to(arg, ROLE_BOOT, type, payload, fd);
}

static void
to_files(void *arg, enum msg_type type, const void *payload, int fd)
{
        send_to(arg, ROLE_FILES, type, payload, fd);
}

static void
to_work(void *arg, enum msg_type type, const void *payload, int fd)
{
        send_to(arg, ROLE_WORK, type, payload, fd);
}

static void
to_capture(void *arg, enum msg_type type, const void *payload)
{
        send_to(arg, ROLE_CAPTURE, type, payload, -1);
}

static void
to_parent(void *arg, enum msg_type type, const void *payload)
{
        struct role_core *rc = arg;

        channel_send(rc->ctx->parent, type, payload, -1); /* without a parent this process ends */
}

static void
flush(struct role_core *rc, int (*fn)(struct core *c, struct error *err))
{
        struct error err;

        /* Memory and database differ now; the next process begins from the database. */
        if (fn(rc->core, &err))
                role_fail(rc->ctx, "%s", err.message);
}

static void
more_cb(uv_idle_t *handle)
{
        struct role_core *rc = handle->data;

        if (!core_turn(rc->core))
                uv_idle_stop(handle);
}

static void
flush_cb(uv_prepare_t *handle)
{
        struct role_core *rc = handle->data;

        flush(rc, core_flush_turn);
        if (core_is_busy(rc->core))
                uv_idle_start(&rc->more, more_cb);
}

static void
tick_cb(uv_timer_t *handle)
{
        struct role_core *rc = handle->data;

        core_tick(rc->core);
}

/* What agents pin: the fingerprint of the certificate that api shows them. Without a listener for agents there is none. */
static int
read_fingerprint(struct role_ctx *ctx, char ret[65], struct error *err)
{
        _cleanup_close_ int fd = role_take_fd(ctx, FD_TLS_CERT);
        _cleanup_free_ char *pem = NULL;
        uint8_t digest[32];
        ssize_t n;
        int r;

        if (fd < 0)
                return 0;
        pem = malloc(PEM_MAX);
        if (!pem)
                return error_errno_set(err, ENOMEM, "certificate");
        n = pread(fd, pem, PEM_MAX, 0);
        if (n <= 0)
                return error_errno_set(err, n < 0 ? errno : ENODATA, "reading the TLS certificate");
        r = tls_certificate_fingerprint(pem, (size_t)n, digest, err);
        if (!r)
                hex_text(digest, sizeof(digest), ret);
        return r;
}

static int
role_core_start(struct role_ctx *ctx, struct error *err)
{
        struct role_core *rc = calloc(1, sizeof(*rc));
        struct core_params p = {.config = ctx->config, .clock = &ctx->clock};
        int r;

        if (!rc)
                return error_errno_set(err, ENOMEM, "core");
        ctx->state = rc;
        rc->ctx = ctx;
        role_path_text(ctx->config, ROLE_CORE, ROLE_PATH_STATE_OWN, rc->state_dir);
        role_path_text(ctx->config, ROLE_CORE, ROLE_PATH_BLOBS, rc->blob_dir);
        p.state_dir = rc->state_dir;
        p.blob_dir = rc->blob_dir;
        p.out = (struct core_out){.to_api = to_api,
                                  .to_boot = to_boot,
                                  .to_files = to_files,
                                  .to_work = to_work,
                                  .to_parent = to_parent,
                                  .to_capture = to_capture,
                                  .arg = rc};
        r = read_fingerprint(ctx, p.tls_fingerprint, err);
        if (!r)
                r = core_new(&p, &rc->core, err);
        if (r)
                return r;
        uv_prepare_init(ctx->loop, &rc->flush);
        rc->flush.data = rc;
        uv_prepare_start(&rc->flush, flush_cb);
        uv_idle_init(ctx->loop, &rc->more);
        rc->more.data = rc;
        uv_timer_init(ctx->loop, &rc->tick);
        rc->tick.data = rc;
        uv_timer_start(&rc->tick, tick_cb, TICK_MS, TICK_MS);
        return 0;
}

static void
role_core_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        struct role_core *rc = ctx->state;

        cleanup_close(&fd); /* nobody has a descriptor to give to core */
        core_message(rc->core, peer, type, payload);
}

static void
role_core_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        struct role_core *rc = ctx->state;

        core_peer(rc->core, peer, up);
}

static void
role_core_stop(struct role_ctx *ctx)
{
        struct role_core *rc = ctx->state;

        flush(rc, core_flush);
        core_free(rc->core);
        rc->core = NULL;
        uv_prepare_stop(&rc->flush);
        uv_idle_stop(&rc->more);
        uv_timer_stop(&rc->tick);
}

static const struct role_path_use role_core_paths[] = {
        {ROLE_PATH_STATE_OWN, true},
        {ROLE_PATH_BLOBS, true},
        {ROLE_PATH_IMAGE_STORE, false},
        {ROLE_PATH_GUEST_FILES, false},
};

const struct role_def role_core_def = {
        .role = ROLE_CORE,
        .background = true,
        .sandbox =
                {
                        .syscalls = SYS_BASE | SYS_FILES_READ | SYS_FILES_WRITE | SYS_FD_PASSING,
                        .no_new_processes = true,
                },
        .paths = role_core_paths,
        .n_paths = N_ELEMENTS(role_core_paths),
        .start = role_core_start,
        .message = role_core_message,
        .peer = role_core_peer,
        .stop = role_core_stop,
};
