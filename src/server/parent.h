/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_PARENT_H
#define DOMPOOL_SERVER_PARENT_H
/*
 * The privileged parent of dompoold: it makes directories and sockets, starts the roles, restarts what dies and stops them in order.
 * It reads no byte from a network: the sockets that it opens are handed on and closed or left alone here.
 *
 *     parent.c        its life: start, signals, ready, stop
 *     parent_role.c   one role: spawn, channels to the others, death, back-off
 *     parent_setup.c  directories, certificate, sockets
 *     parent_capture.c  the socket of a packet capture, on core's word
 */
#include <uv.h>

#include "ipc/channel.h"
#include "model/config.h"
#include "server/role.h"

struct parent;

#define PARENT_MAX_ENDS 32

enum child_state {
        CHILD_NONE,    /* not started, or its restart waits for the back-off timer */
        CHILD_STARTED, /* runs, has not said ROLE_READY */
        CHILD_READY,
        CHILD_STOPPING,
};

struct child {
        struct parent *parent;
        enum role role;
        enum child_state state;
        uv_process_t process;
        uv_timer_t backoff;
        struct channel *channel;
        int64_t started_ms; /* mono */
        unsigned deaths;    /* in a row; 0 after BACKOFF_RESET_MS of life */
        bool was_ready;     /* at least once: the server as a whole was up */
};

struct parent {
        uv_loop_t loop;
        struct clock clock;
        bool debug;
        struct config *config;       /* all of it: for core */
        struct config *config_roles; /* without hosts: for the others */
        int lock;                    /* flock on the state directory */
        int sockets[FD_N][ROLE_FDS]; /* listening and datagram sockets by purpose and number; -1 where there is none */
        struct child children[ROLE_N];
        uv_signal_t signals[2];
        uv_timer_t start_timer;      /* until the roles besides boot are started */
        uv_timer_t stop_timer;
        unsigned stop_stage;         /* 0: running */
        bool started_all;
        bool said_ready;
        unsigned n_ends;             /* deaths that core has not been told of: it was away, or it was its own */
        struct msg_role_ended ends[PARENT_MAX_ENDS];
};

/* The roles in the order of their start, ROLE_N at the end: of a server, or of a satellite. */
const enum role *parent_roles(const struct parent *p);

/* The whole life. Takes over @config. Returns the exit code. */
int
parent_main(struct config *config, bool debug);

/* parent_setup.c: everything a role needs and only root can make. Errors name the thing and what to do. */
int
parent_setup(struct parent *p, struct error *err);

/* Opens what @role is to get at its start; called for each start, since roles share no file offset. -1: it gets none. */
int
parent_open_fd(const struct parent *p, enum role role, enum role_fd purpose, uint32_t number);

/* Removes the API's socket. */
void
parent_teardown(struct parent *p);

/* parent_role.c */
void
parent_role_init(struct parent *p, enum role role);
void
parent_role_start(struct child *c);
/* Asks it to end; it is gone when state is CHILD_NONE. */
void
parent_role_stop(struct child *c);
void
parent_role_kill(struct child *c);

/* parent_capture.c: opens it for the capture role, or tells core why not. */
void
parent_capture(struct parent *p, const struct msg_capture_socket *m);

/* parent.c: told by parent_role.c. */
void
parent_on_ready(struct child *c);
/* It ended unasked; @signal 0: by itself. */
void
parent_on_death(struct child *c, int64_t status, int signal);
void
parent_on_gone(struct child *c);

#endif
