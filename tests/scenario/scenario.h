/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_SCENARIO_H
#define DOMPOOL_TESTS_SCENARIO_H
/*
 * A whole core under a virtual clock, with hosts, agents, work and API clients that exist only as scripts.
 *
 * scenario_world.c is that world: what core sends lands in queues here. scenario_main.c reads a script and moves it, command by
 * command; see README.md for the commands. A kill of core here is what kill -9 is: nothing is flushed, the database is all that
 * stays.
 */
#include <jansson.h>

#include "base/clock.h"
#include "server/core_world.h"

#define MAX_AGENTS 256
#define MAX_REPLIES 64
#define HEARTBEAT_S 5   /* of the configuration: the kernels' */
#define AGENT_WORD_S 60 /* of the welcome: the agents' */

struct received {
        enum msg_type type;
        void *payload;
        struct received *next;
};

/* The agent of one host. */
struct agent {
        char name[NAME_SIZE];
        uint64_t conn;       /* 0: not connected */
        uint8_t session[32]; /* from the welcome */
        bool welcomed;
        bool hangs;           /* its host's kernel answers, it says nothing */
        bool cut_off;         /* no packet of its host comes through; api sees that after three heartbeats */
        unsigned cut_off_s;
        uint64_t free_memory_kib;
        char image[NAME_SIZE]; /* that the snapshot had for its host at its last boot */
        uint32_t n_domains;
        struct domain_info domains[32];
        uint8_t keep_sha256[32]; /* of the archive that it offered last */
        uint64_t keep_size, keep_have;
        struct received *first; /* messages not expected yet, oldest first */
};

struct reply {
        uint64_t request;
        uint32_t status;
        json_t *body;
};

struct world {
        char dir[64];
        struct config *config;
        struct clock clock;
        struct core *core;
        uint64_t next_conn, next_request;
        struct agent agents[MAX_AGENTS];
        unsigned n_agents;
        struct reply replies[MAX_REPLIES];
        unsigned n_replies;
        struct received *work, *boot; /* to work; to boot (policy, used tokens) */
        bool work_is_slow;            /* it takes in guest files at the script's word only */
        int slow_fd;                  /* then: the file that came last */
        struct msg_work_result taken_in; /* what it answers after core's commit; op 0: nothing */
        struct received *client;      /* console messages for clients */
        bool held;                    /* do not flush after the next command */
};

void world_init(struct world *w);
void world_deinit(struct world *w);
void world_start(struct world *w);
/* As kill -9. */
void world_kill(struct world *w);
/* Commits and delivers; dies when core does. */
void world_flush(struct world *w);
/* Time goes by, second by second, with a word each minute of all connected agents that can speak. */
void world_wait(struct world *w, unsigned seconds);

struct agent *world_agent(struct world *w, const char *name);
struct agent *world_agent_by_conn(struct world *w, uint64_t conn);
void world_from(struct world *w, enum role from, enum msg_type type, void *payload);

/* Work, which is slow, takes in the file that came with the last task. */
void world_take_in(struct world *w, const struct msg_work_task *m);

/* The next message of a queue, or NULL; to be freed by received_free. */
struct received *received_next(struct received **queue);
void received_free(struct received *r);

/* The reply to @request, or NULL. */
struct reply *world_reply(struct world *w, uint64_t request);

/* The token key, from the snapshot that core writes for boot. */
void world_token_key(struct world *w, uint8_t ret[32]);
/* What boot gets at its start; for policy_free. */
struct policy *world_policy(const struct world *w);

#endif
