/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_CTL_CTL_WS_H
#define DOMPOOL_CTL_CTL_WS_H
/*
 * A web socket to the server's API (RFC 6455).
 *
 *     struct ctl_ws k = {.what = "console", .on_message = f, .arg = x};
 *     ctl_ws_open --> while (ctl_ws_turn) --> ctl_ws_result --> ctl_ws_close (always)
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <wslay/wslay.h>

#include "base/error.h"
#include "ctl/ctl.h"

struct ctl_ws {
        const char *what; /* for errors */
        /* A whole message of the server. */
        void (*on_message)(void *arg, bool text, const void *data, size_t size);
        void *arg;
        char end_text[128]; /* what the server said when it ended it, without an error */
        bool left;          /* ctl_ws_leave was called */

        /* ctl_ws.c's own */
        CURL *curl;
        curl_socket_t socket;
        wslay_event_context_ptr ws;
        char *early; /* bytes that came behind the answer's head */
        size_t early_at, early_size;
        bool server_gone;
        struct error *err;
        int result;
};

/* @path: checked names only. @err must live as long as @k. 0, or the server's error. */
int
ctl_ws_open(struct ctl *c, struct ctl_ws *k, const char *path, struct error *err);

/* Queues a binary message. */
void
ctl_ws_send(struct ctl_ws *k, const void *data, size_t size);

/* Bytes that are queued. */
size_t
ctl_ws_waiting(const struct ctl_ws *k);

/* Says good-bye. */
void
ctl_ws_leave(struct ctl_ws *k);

/* Waits a second at most, for the server or for @input (-1: none), reads and sends what goes. false: it is over. *ret_input:
 * there is something to read. */
bool
ctl_ws_turn(struct ctl_ws *k, int input, bool *ret_input);

/* How it ended: 0, the server's error, ERR_UNREACHABLE. */
int
ctl_ws_result(const struct ctl_ws *k, struct error *err);

void
ctl_ws_close(struct ctl_ws *k);

#endif
