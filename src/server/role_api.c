/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The api role: REST on a Unix socket and on TLS, agents' lines, consoles, captures. It parses what strangers send and hands
 * typed messages to core; it decides nothing and stores nothing. Here its parts are put together. Runs in: api.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "net/tls_stream.h"
#include "server/api.h"
#include "server/httpd_uv.h"

#define TICK_MS 1000
#define PEM_MAX (64u << 10)
#define HTTP_CONNECTIONS 1000
#define HTTP_PER_ADDRESS 64

/* A whole small file, malloc'ed and terminated. */
static char *
read_pem(int fd, size_t *ret_size, struct error *err)
{
        char *text = calloc(1, PEM_MAX + 1);
        ssize_t n;

        if (!text) {
                error_errno_set(err, ENOMEM, "certificate");
                return NULL;
        }
        n = pread(fd, text, PEM_MAX, 0);
        if (n <= 0) {
                error_errno_set(err, n < 0 ? errno : ENODATA, "reading the TLS certificate or key");
                free(text);
                return NULL;
        }
        *ret_size = (size_t)n;
        return text;
}

/* The parent has resolved the api-group's name when it made the socket; its number stands on the socket's file. */
static gid_t
socket_group(const struct config *config)
{
        struct stat st;

        if (config->api_group[0] == '\0' || stat(config->api_socket, &st) < 0)
                return (gid_t)-1;
        return st.st_gid;
}

static int
open_door(struct api *api, struct api_door *door, int fd, const char *cert, const char *key, struct error *err)
{
        struct httpd_uv_options o = {
                .listen_fd = fd,
                .max_connections = HTTP_CONNECTIONS,
                .max_per_address = cert ? HTTP_PER_ADDRESS : 0,
                .tls_cert_pem = cert,
                .tls_key_pem = key,
                .allow_upgrade = true,
                .handler = api_request_handle,
                .completed = api_request_completed,
                .arg = door,
        };

        door->api = api;
        door->is_unix = cert == NULL;
        return httpd_uv_new(api->ctx->loop, &o, &door->httpd, err);
}

/* The listeners that need the server's certificate. */
static int
open_tls(struct api *api, struct error *err)
{
        struct role_ctx *ctx = api->ctx;
        _cleanup_close_ int cert_fd = role_take_fd(ctx, FD_TLS_CERT), key_fd = role_take_fd(ctx, FD_TLS_KEY);
        int agent_fd = role_take_fd(ctx, FD_AGENT_TLS), api_fd = role_take_fd(ctx, FD_API_TLS);
        _cleanup_free_ char *cert = NULL, *key = NULL;
        size_t cert_size = 0, key_size = 0;
        uint8_t fingerprint[SHA256_SIZE];
        int r = 0;

        if (agent_fd < 0 && api_fd < 0)
                return 0;
        cert = read_pem(cert_fd, &cert_size, err);
        key = cert ? read_pem(key_fd, &key_size, err) : NULL;
        if (!key)
                return error_to_errno(err->code);
        r = tls_certificate_fingerprint(cert, cert_size, fingerprint, err);
        if (r < 0)
                return r;
        hex_text(fingerprint, sizeof(fingerprint), api->tls_fingerprint);
        if (agent_fd >= 0)
                r = api_agents_new(api, agent_fd, cert, cert_size, key, key_size, &api->agents, err);
        if (r == 0 && api_fd >= 0)
                r = open_door(api, &api->tls_door, api_fd, cert, key, err);
        return r;
}

static void
tick_cb(uv_timer_t *timer)
{
        struct api *api = timer->data;
        int64_t now = clock_mono_ms(&api->ctx->clock);

        api_requests_tick(api, now);
        api_ws_tick(api, now);
}

static int
role_api_start(struct role_ctx *ctx, struct error *err)
{
        struct api *api = calloc(1, sizeof(*api));
        int fd, r;

        if (!api)
                return error_errno_set(err, ENOMEM, "api");
        ctx->state = api;
        api->ctx = ctx;
        api->api_gid = socket_group(ctx->config);
        fd = role_take_fd(ctx, FD_API_UNIX);
        r = fd >= 0 ? open_door(api, &api->unix_door, fd, NULL, NULL, err) : 0;
        if (r == 0)
                r = open_tls(api, err);
        if (r < 0)
                return r;
        uv_timer_init(ctx->loop, &api->tick);
        api->tick.data = api;
        uv_timer_start(&api->tick, tick_cb, TICK_MS, TICK_MS);
        return 0;
}

/* ---- core's messages ---- */

typedef void (*deliver_fn)(struct api *api, enum msg_type type, void *payload);

static void
deliver_reply(struct api *api, enum msg_type type, void *payload)
{
        (void)type;
        api_request_reply(api, payload);
}

static void
deliver_agent(struct api *api, enum msg_type type, void *payload)
{
        if (api->agents)
                api_agents_deliver(api->agents, type, payload);
}

/* With a connection's number: down to an agent. Without: up to a client. */
static void
deliver_console(struct api *api, enum msg_type type, void *payload)
{
        uint64_t conn;

        memcpy(&conn, payload, sizeof(conn));
        if (conn)
                deliver_agent(api, type, payload);
        else if (type != MSG_CONSOLE_OPEN)
                api_consoles_deliver(api, type, payload);
}

static void
deliver_capture(struct api *api, enum msg_type type, void *payload)
{
        api_captures_deliver(api, type, payload);
}

static const struct {
        enum msg_type type;
        deliver_fn deliver;
} deliveries[] = {
        {MSG_API_REPLY, deliver_reply},      {MSG_AGENT_WELCOME, deliver_agent},  {MSG_AGENT_REFUSE, deliver_agent},
        {MSG_AGENT_OP, deliver_agent},       {MSG_AGENT_OP_ACK, deliver_agent},   {MSG_AGENT_DROP, deliver_agent},
        {MSG_CONSOLE_OPEN, deliver_console}, {MSG_CONSOLE_DATA, deliver_console}, {MSG_CONSOLE_CLOSE, deliver_console},
        {MSG_CAPTURE_DATA, deliver_capture}, {MSG_CAPTURE_NOTE, deliver_capture}, {MSG_CAPTURE_CLOSE, deliver_capture},
        {MSG_SATELLITE_WELCOME, deliver_agent}, {MSG_SATELLITE_OFFER, deliver_agent}, {MSG_SATELLITE_PART, deliver_agent},
        {MSG_SATELLITE_ACK, deliver_agent}, {MSG_SATELLITE_USED, deliver_agent}, {MSG_AGENT_KEEP_PART, deliver_agent},
        {MSG_AGENT_KEEP_ANSWER, deliver_agent},
};

static void
role_api_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        (void)peer; /* by messages.def core, or capture with packets */
        cleanup_close(&fd);
        for (size_t i = 0; i < N_ELEMENTS(deliveries); i++)
                if (deliveries[i].type == type)
                        deliveries[i].deliver(ctx->state, type, payload);
}

static void
role_api_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        struct api *api = ctx->state;

        if (up || !api)
                return;
        if (peer == ROLE_CAPTURE)
                api_captures_gone(api);
        if (peer != ROLE_CORE)
                return;
        log_notice("core is away: requests are refused, agents are let go until it is back");
        api_requests_core_gone(api);
        api_ws_close_all(api, NULL, ERR_UNREACHABLE, "the server's core is being started again");
        if (api->agents)
                api_agents_core_gone(api->agents);
}

static void
role_api_stop(struct role_ctx *ctx)
{
        struct api *api = ctx->state;

        api_requests_core_gone(api);
        api_ws_drop_all(api);
        httpd_uv_free(api->unix_door.httpd);
        httpd_uv_free(api->tls_door.httpd);
        api_agents_free(api->agents);
        uv_close((uv_handle_t *)&api->tick, NULL);
        /* The loop does not run again: the process ends, and with it what the handles still hold. */
}

const struct role_def role_api_def = {
        .role = ROLE_API,
        .background = true,
        .sandbox =
                {
                        .syscalls = SYS_BASE | SYS_NET | SYS_FD_PASSING | SYS_FILES_READ,
                        .max_files = 16384,
                        .no_new_processes = true,
                },
        .start = role_api_start,
        .message = role_api_message,
        .peer = role_api_peer,
        .stop = role_api_stop,
};
