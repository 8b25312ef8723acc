/* SPDX-License-Identifier: Apache-2.0 */
/* The world around core in a scenario: its folders, its clock, and queues in the place of processes. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealed.h"
#include "bootcfg/policy.h"
#include "scenario.h"
#include "server/guest_blob.h"

#define START_WALL_MS 1795298400000 /* 2026-11-21 */

static void
die(const char *what, const char *why)
{
        fprintf(stderr, "%s: %s\n", what, why);
        exit(1);
}

static void
push(struct received **queue, enum msg_type type, const void *payload)
{
        const struct rec_desc *desc = message_desc(type);
        struct received *r = calloc(1, sizeof(*r));

        r->type = type;
        r->payload = calloc(1, desc->size);
        if (rec_copy(desc, r->payload, payload))
                die("copy", "no memory");
        while (*queue)
                queue = &(*queue)->next;
        *queue = r;
}

struct received *
received_next(struct received **queue)
{
        struct received *r = *queue;

        if (r)
                *queue = r->next;
        return r;
}

void
received_free(struct received *r)
{
        rec_clear(message_desc(r->type), r->payload);
        free(r->payload);
        free(r);
}

static void
drain(struct received **queue)
{
        struct received *r;

        while ((r = received_next(queue)))
                received_free(r);
}

struct agent *
world_agent_by_conn(struct world *w, uint64_t conn)
{
        for (unsigned i = 0; conn && i < w->n_agents; i++)
                if (w->agents[i].conn == conn)
                        return &w->agents[i];
        return NULL;
}

struct agent *
world_agent(struct world *w, const char *name)
{
        struct agent *a;

        for (unsigned i = 0; i < w->n_agents; i++)
                if (!strcmp(w->agents[i].name, name))
                        return &w->agents[i];
        if (w->n_agents == MAX_AGENTS)
                die(name, "too many agents");
        a = &w->agents[w->n_agents++];
        str_copy(a->name, sizeof(a->name), name);
        a->free_memory_kib = 1 << 20;
        return a;
}

/* What api does with what core sends: to the agent of that connection, to the waiting request, to the client of a console. */
static void
to_api(void *arg, enum msg_type type, const void *payload)
{
        struct world *w = arg;
        const struct msg_api_reply *reply = payload;
        const struct msg_agent_conn *conn = payload; /* conn is the first field of all messages for agents and consoles */
        struct agent *a;
        struct reply *r;

        if (type == MSG_API_REPLY) {
                r = &w->replies[w->n_replies++ % MAX_REPLIES]; /* the oldest was looked at long ago */
                json_decref(r->body);
                *r = (struct reply){
                        .request = reply->request,
                        .status = reply->status,
                        .body = json_loadb((const char *)reply->body.data, reply->body.size, 0, NULL),
                };
                return;
        }
        if (conn->conn == 0) {
                push(&w->client, type, payload);
                return;
        }
        a = world_agent_by_conn(w, conn->conn);
        if (!a)
                return; /* its connection has ended */
        push(&a->first, type, payload);
        if (type == MSG_AGENT_WELCOME) {
                memcpy(a->session, ((const struct msg_agent_welcome *)payload)->session, sizeof(a->session));
                a->welcomed = true;
        }
        if (type == MSG_AGENT_DROP || type == MSG_AGENT_REFUSE) {
                a->conn = 0;
                a->welcomed = false;
        }
}

static void
to_boot(void *arg, enum msg_type type, const void *payload, int fd)
{
        struct world *w = arg;

        if (type == MSG_POLICY && fd < 0)
                die("policy", "came without its descriptor");
        push(&w->boot, type, payload);
}

static void
to_files(void *arg, enum msg_type type, const void *payload, int fd)
{
        (void)arg, (void)type, (void)payload, (void)fd;
}

/* Takes in a guest file, as a child of work does; the answer is heard after core's commit. */
static void
take_in(struct world *w, const struct msg_work_task *m, int fd)
{
        struct msg_work_result *r = &w->taken_in;
        struct guest_file file;
        struct error err;
        char blobs[96];

        snprintf(blobs, sizeof(blobs), "%s/blobs", w->dir);
        if (guest_blob_make(blobs, m->name, fd, NULL, NULL, &file, &err) < 0)
                die("blob", err.message);
        *r = (struct msg_work_result){.op = m->op, .code = "none", .size = file.size};
        memcpy(r->name, m->name, sizeof(r->name));
        memcpy(r->sha256, file.sha256, sizeof(r->sha256));
}

/* Captures have no packets here: what core says to the parent and to capture goes nowhere. */
static void
to_nobody(void *arg, enum msg_type type, const void *payload)
{
        (void)arg, (void)type, (void)payload;
}

/* Guest files are taken in at once, unless the script has work slow; other tasks wait for the script's word. */
static void
to_work(void *arg, enum msg_type type, const void *payload, int fd)
{
        const struct msg_work_task *m = payload;
        struct world *w = arg;

        if (m->kind == WORK_GUEST_FILE && fd < 0)
                die("guest file", "came without its descriptor");
        if (m->kind == WORK_GUEST_FILE && !w->work_is_slow)
                take_in(w, m, fd);
        else
                push(&w->work, type, payload);
        if (w->work_is_slow && fd >= 0 && dup2(fd, w->slow_fd) < 0)
                die("guest file", "dup2");
}

void
world_take_in(struct world *w, const struct msg_work_task *m)
{
        take_in(w, m, w->slow_fd);
        world_flush(w);
}

static void
make_dir(const struct world *w, const char *name, char *ret, size_t size)
{
        snprintf(ret, size, "%s/%s", w->dir, name);
        if (mkdir(ret, 0755))
                die(ret, "mkdir");
}

void
world_init(struct world *w)
{
        char path[CONFIG_PATH_SIZE];

        *w = (struct world){.next_conn = 1, .next_request = 1, .slow_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
        w->config = calloc(1, sizeof(*w->config));
        strcpy(w->dir, "/tmp/dompool-scenario-XXXXXX");
        if (!mkdtemp(w->dir))
                die(w->dir, "mkdtemp");
        make_dir(w, "state", path, sizeof(path));
        make_dir(w, "blobs", path, sizeof(path));
        make_dir(w, "guests", w->config->guest_files, sizeof(w->config->guest_files));
        make_dir(w, "images", w->config->image_store, sizeof(w->config->image_store));
        make_dir(w, "images/versions", path, sizeof(path));
        make_dir(w, "images/tags", path, sizeof(path));
        w->config->heartbeat_seconds = HEARTBEAT_S;
        w->config->http_port = 8080;
        w->config->keep_limit = KEEP_LIMIT_MAX;
        w->config->agent_port = 8444;
        w->config->enrolment =
                (struct enrol_limits){.per_hour = 60, .in_all = 1000, .inspect_at_once = 8, .names = "pc-{n:03}"};
        strcpy(w->config->default_image, "micro");
        w->config->network = (struct config_network){.interface = "br0",
                                                     .net = 0x0a090000,
                                                     .prefix = 24,
                                                     .address = 0x0a090001,
                                                     .range_first = 0x0a090064,
                                                     .range_last = 0x0a0900c8,
                                                     .lease_seconds = 600};
        clock_init_virtual(&w->clock, 1000000, START_WALL_MS);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st, (void)type, (void)ftw;
        return remove(path);
}

static void
forget_connections(struct world *w)
{
        for (unsigned i = 0; i < w->n_agents; i++) {
                w->agents[i].conn = 0;
                w->agents[i].welcomed = false;
                drain(&w->agents[i].first);
        }
        drain(&w->client);
        drain(&w->work);
        drain(&w->boot);
}

void
world_kill(struct world *w)
{
        core_free(w->core);
        w->core = NULL;
        forget_connections(w);
}

void
world_deinit(struct world *w)
{
        world_kill(w);
        for (unsigned i = 0; i < MAX_REPLIES; i++)
                json_decref(w->replies[i].body);
        nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(w->config);
}

void
world_start(struct world *w)
{
        static const enum role peers[] = {ROLE_API, ROLE_BOOT, ROLE_FILES, ROLE_WORK};
        static char state[96], blobs[96]; /* core keeps the pointers */
        struct core_params p = {
                .config = w->config,
                .clock = &w->clock,
                .state_dir = state,
                .blob_dir = blobs,
                .out = {.to_api = to_api,
                        .to_boot = to_boot,
                        .to_files = to_files,
                        .to_work = to_work,
                        .to_parent = to_nobody,
                        .to_capture = to_nobody,
                        .arg = w},
        };
        struct error err;

        snprintf(state, sizeof(state), "%s/state", w->dir);
        snprintf(blobs, sizeof(blobs), "%s/blobs", w->dir);
        memset(p.tls_fingerprint, 'a', 64);
        if (core_new(&p, &w->core, &err))
                die("core", err.message);
        for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
                core_peer(w->core, peers[i], true);
        world_flush(w);
}

void
world_flush(struct world *w)
{
        struct error err;

        while (w->core && core_is_busy(w->core))
                core_turn(w->core);
        if (w->core && core_flush_turn(w->core, &err))
                die("flush", err.message);
        while (w->core && w->taken_in.op) {
                struct msg_work_result r = w->taken_in;

                w->taken_in.op = 0;
                core_message(w->core, ROLE_WORK, MSG_WORK_RESULT, &r);
                if (core_flush_turn(w->core, &err))
                        die("flush", err.message);
        }
}

void
world_from(struct world *w, enum role from, enum msg_type type, void *payload)
{
        core_message(w->core, from, type, payload);
        if (!w->held)
                world_flush(w);
}

/* What a second means for an agent and for api, which watches its connection. */
static void
agent_second(struct world *w, struct agent *a, bool minute)
{
        struct msg_agent_ping ping = {.conn = a->conn, .free_memory_kib = a->free_memory_kib, .uptime_ms = 1};
        struct msg_agent_gone gone = {.conn = a->conn, .silence_ms = 3 * HEARTBEAT_S * 1000};

        if (!a->conn)
                return;
        if (a->cut_off && ++a->cut_off_s >= 3 * HEARTBEAT_S) {
                a->conn = 0;
                core_message(w->core, ROLE_API, MSG_AGENT_GONE, &gone);
        } else if (minute && a->welcomed && !a->cut_off && !a->hangs) {
                core_message(w->core, ROLE_API, MSG_AGENT_PING, &ping);
        }
}

void
world_wait(struct world *w, unsigned seconds)
{
        for (unsigned s = 1; s <= seconds; s++) {
                clock_step(&w->clock, 1000);
                if (!w->core)
                        continue;
                for (unsigned i = 0; i < w->n_agents; i++)
                        agent_second(w, &w->agents[i], s % AGENT_WORD_S == 0);
                core_tick(w->core);
                world_flush(w);
        }
}

struct reply *
world_reply(struct world *w, uint64_t request)
{
        for (unsigned i = 0; i < MAX_REPLIES; i++)
                if (w->replies[i].request == request)
                        return &w->replies[i];
        return NULL;
}

/* As boot gets it at its start. */
struct policy *
world_policy(const struct world *w)
{
        struct policy *policy = NULL;
        struct error err;
        char path[128];
        int fd, sealed = -1;

        snprintf(path, sizeof(path), "%s/state/policy.snap", w->dir);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || sealed_file_copy("policy", fd, POLICY_MAX_SIZE, &sealed) < 0)
                die(path, "not readable");
        if (policy_map(sealed, &policy, &err) < 0)
                die(path, err.message);
        close(fd);
        close(sealed);
        return policy;
}

void
world_token_key(struct world *w, uint8_t ret[32])
{
        struct policy *policy = world_policy(w);

        memcpy(ret, policy_header(policy)->token_key, 32);
        policy_free(policy);
}
