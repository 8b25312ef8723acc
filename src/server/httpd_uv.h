/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_HTTPD_UV_H
#define DOMPOOL_SERVER_HTTPD_UV_H
/*
 * A libmicrohttpd daemon on a libuv loop: its epoll descriptor on a uv_poll, its timeouts on a uv_timer, no threads. Works on a
 * given listening socket, TCP or Unix. For sendfile (MHD_create_response_from_fd_at_offset64) SIGPIPE is ignored in the
 * process, see role_main; without MHD_OPTION_SIGPIPE_HANDLED_BY_APP libmicrohttpd would copy through memory.
 *
 * Suspend and resume are allowed: after MHD_resume_connection call httpd_uv_kick. Upgrade (web sockets) where asked for.
 */
#include <microhttpd.h>
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"
#include "server/httpd_guard.h"

struct httpd_uv;

struct httpd_uv_options {
        int listen_fd;             /* taken over, closed on failure as well */
        unsigned max_connections;  /* in all; more wait in the listen queue; 0: 1000. Not with @guard, which says it */
        unsigned max_per_address;  /* 0: no limit. Leave 0 for Unix sockets, and with @guard, which has its own rule */
        unsigned timeout_seconds;  /* connections without a byte are closed; 0: 30 */
        const char *congestion;    /* TCP congestion control of this listener; NULL: the machine's */
        unsigned unsent_limit;     /* see tcp_set_unsent_limit(); 0: none. With @guard only. A connection gets it, */
        uint64_t unsent_sum;       /* or its part of this sum among those that are there when it comes, where that is less */
        unsigned unsent_least;     /* and at least this */
        unsigned n_unlimited;      /* who comes while so few are connected goes without it, for it costs CPU time */
        size_t memory_per_request; /* headers and upload buffer of one connection; 0: 32 KiB */
        const char *tls_cert_pem;  /* both or none: HTTPS, TLS 1.2 and later */
        const char *tls_key_pem;
        bool allow_upgrade;
        /* Who is cut for being slow; NULL: nobody. For plain TCP; suspended connections are not cut. Copied. */
        const struct httpd_guard_limits *guard;
        MHD_AccessHandlerCallback handler;
        MHD_RequestCompletedCallback completed; /* may be NULL */
        void *arg;                              /* of both */
};

/* How many sockets a server with these limits has at most: some that were cut are still open. */
unsigned httpd_uv_max_connections(const struct httpd_guard_limits *limits);

int httpd_uv_new(uv_loop_t *loop, const struct httpd_uv_options *o, struct httpd_uv **ret, struct error *err);

/* Lets libmicrohttpd run at the next turn of the loop; for use after MHD_resume_connection, safe inside its callbacks. */
void httpd_uv_kick(struct httpd_uv *h);

/* Ends all connections. Suspended ones must have been resumed, upgraded ones closed before. NULL is fine. Not inside its
 * callbacks. */
void httpd_uv_free(struct httpd_uv *h);

#endif
