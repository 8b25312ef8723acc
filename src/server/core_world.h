/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_CORE_WORLD_H
#define DOMPOOL_SERVER_CORE_WORLD_H
/*
 * What core knows and decides, without a socket or a loop: messages in, messages out, time as a clock that may be virtual.
 * role_core.c drives it in the daemon, tests/scenario drives it with scripted agents.
 *
 *         core_message ... core_message, core_tick, core_flush
 *                |                                   |
 *                +-- changes memory, and rows in     +-- rows written, one commit (fsync), then all answers leave
 *                    the transaction that is open        (core_flush_turn: at the latest a tick later, if none waits)
 *
 * Nothing leaves before what it promises is committed. When the database fails, memory is ahead of it: core_flush then returns
 * the error, sends nothing, and the process must end; the next one begins from the file.
 */
#include "base/clock.h"
#include "base/error.h"
#include "ipc/messages.h"

struct core;

/* Where messages go. Each takes nothing over; a peer that is down at the moment simply does not get it. */
struct core_out {
        void (*to_api)(void *arg, enum msg_type type, const void *payload);
        void (*to_boot)(void *arg, enum msg_type type, const void *payload, int fd);
        void (*to_files)(void *arg, enum msg_type type, const void *payload, int fd);
        void (*to_work)(void *arg, enum msg_type type, const void *payload, int fd);
        void (*to_parent)(void *arg, enum msg_type type, const void *payload);
        void (*to_capture)(void *arg, enum msg_type type, const void *payload);
        void *arg;
};

struct core_params {
        const struct config *config; /* must outlive the core */
        const struct clock *clock;   /* likewise */
        const char *state_dir;       /* dompool.db and policy.snap */
        const char *blob_dir;        /* <sha256>: files that hosts may fetch */
        char tls_fingerprint[65];    /* hex; of the agents' listener */
        struct core_out out;
};

/* Opens the database, takes over the configuration's hosts, resumes what was under way. */
int core_new(const struct core_params *p, struct core **ret, struct error *err);

/* NULL is allowed. What was not flushed is lost, as by a crash. */
void core_free(struct core *c);

/* A message of @from (boot, files, api, work; of the parent ROLE_ENDED and CAPTURE_CLOSE). @payload belongs to the caller; what
 * core keeps it copies. */
void core_message(struct core *c, enum role from, enum msg_type type, void *payload);

/* The channel to @role came up or went down. */
void core_peer(struct core *c, enum role role, bool up);

/* At least once a second: silence, waiters that ran out of time, changes of the image store, trimming. */
void core_tick(struct core *c);

/* Is there something that takes long, and is done piece by piece so that others are served meanwhile? Then core_turn does the
 * next piece, some tens of milliseconds; true: there is more. */
bool core_is_busy(const struct core *c);
bool core_turn(struct core *c);

/* Commits and sends. 0, or what the database said: then the process must end. */
int core_flush(struct core *c, struct error *err);

/*
 * The same at the end of each turn of the loop. Where nobody waits for an answer - boots and leases, of which boot and files
 * tell - the rows wait for the next tick, so that all of a boot that happened within it is one row and one fsync: a crash loses
 * what the trace has of the last second, and the leases, which are in boot's journal.
 */
int core_flush_turn(struct core *c, struct error *err);

#endif
