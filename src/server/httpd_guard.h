/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_HTTPD_GUARD_H
#define DOMPOOL_SERVER_HTTPD_GUARD_H
/*
 * Which HTTP connections are cut so that all others are served: those that are slow by their own will, and when the server is
 * full, those that matter least. Pure: told of events and of the time, it calls back; opens, closes and asks nothing itself.
 *
 *            add             answer             done
 *     (new) ────> GUARD_ASKS ──────> GUARD_READS ────> GUARD_ASKS ...        remove, from any state
 *                     │                   │
 *                     │ request_ms        │ two windows in a row in which the client's own
 *                     v                   v window held us up and it took less than min_rate
 *                   cut                  cut
 *
 * A client that the network holds up is not cut: in a blackout a thousand hosts share one line. That is why the time counts in
 * which the client's receive window was the limit (tcpi_rwnd_limited), not the rate alone; a window in which segments were sent
 * again says nothing, for what waits behind a lost segment fills the receive window, too. Only after stalled_windows in a row
 * below min_rate nothing is an excuse. What has been written has not been read: an answer of which the kernel still holds a
 * part when request_ms are over is being read.
 *
 * When a new connection finds the table full, some are cut, in this order: who has been asking for longer than
 * grace_ms, longest first, whoever it is; then connections of the address that holds the most, if these are more than
 * fair_share. An address has no other limit: a room behind one address (NAT) is served like any other. When nobody deserves it,
 * new ones wait in the listen queue.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tcp.h"

struct httpd_guard;
struct httpd_guard_conn;

enum httpd_guard_why {
        GUARD_WHY_REQUEST, /* no whole request in time */
        GUARD_WHY_READING, /* takes its answer too slowly */
        GUARD_WHY_FULL,    /* made room for others */
        GUARD_WHY_N,
};
extern const char *const httpd_guard_why_names[GUARD_WHY_N];

struct httpd_guard_limits {
        unsigned max_connections;
        unsigned fair_share; /* of one address, never questioned */
        int64_t grace_ms;    /* a request may take that long even when the server is full */
        int64_t request_ms;  /* from the connection, or the last answer, to the end of the next request's body */
        int64_t window_ms;   /* of measuring; a client that holds us up is cut 3 windows after its request at the latest */
        uint32_t min_rate;   /* bytes/s */
        unsigned stalled_windows;
};

struct httpd_guard_ops {
        /* Called at most once for a connection; httpd_guard_remove follows, not from inside. */
        void (*cut)(void *arg, void *who, enum httpd_guard_why why);
        /* false: not known; the connection passes. */
        bool (*progress)(void *arg, void *who, struct tcp_progress *ret);
};

/* @ops must stay. NULL: no memory. */
struct httpd_guard *httpd_guard_new(const struct httpd_guard_limits *limits, const struct httpd_guard_ops *ops, void *arg);
void httpd_guard_free(struct httpd_guard *g);

/* A new connection of @address (any number that tells one client's machine from another). May cut others. NULL: no memory; NULL
 * is accepted below, such a connection is not guarded. */
struct httpd_guard_conn *httpd_guard_add(struct httpd_guard *g, void *who, uint32_t address, int64_t now_ms);
void httpd_guard_remove(struct httpd_guard *g, struct httpd_guard_conn *c);

/* A whole request is there and is answered from now on. */
void httpd_guard_answer(struct httpd_guard *g, struct httpd_guard_conn *c, int64_t now_ms);
/* The answer has left; the next request may come. */
void httpd_guard_done(struct httpd_guard *g, struct httpd_guard_conn *c, int64_t now_ms);

/* Looks for those whose time is up; to be called about once a second. true: there may be more, call again in some milliseconds.
 */
bool httpd_guard_tick(struct httpd_guard *g, int64_t now_ms);

/* Connections that are not cut. */
unsigned httpd_guard_count(const struct httpd_guard *g);

#endif
