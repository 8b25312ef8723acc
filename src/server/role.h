/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_ROLE_H
#define DOMPOOL_SERVER_ROLE_H
/*
 * What a role of dompoold is and the start that all have in common (role.c). The parent runs its own executable again with
 * --role=NAME and a socket on descriptor 3:
 *
 *     ROLE_START config, ROLE_FD ..., ROLE_GO  -->  sandbox_enter  -->  def->start  -->  ROLE_READY  -->  uv_run
 *                                                        |                                  |
 *                              from here no privilege, no stranger's byte before            +--> ROLE_STOP: def->stop, exit 0
 *
 * A role ends when the parent's channel closes (and by PR_SET_PDEATHSIG), and by role_fail(); the parent then starts a new one
 * and hands fresh channels to the roles that are left. A peer that is down is NULL in ctx->peers: every role goes on without
 * any other, so sending to it is -ENOTCONN and no more.
 *
 * The state directory, made by the parent at each start (owner and mode are put right):
 *
 *     STATE/core/   core 0700   FD_STATE_DIR of core: dompool.db, policy.snap (replaced by rename; the parent opens it for
 * boot, files) STATE/boot/   boot 0700   FD_STATE_DIR of boot: the lease journal STATE/blobs/  core 0755   <sha256>: guest
 * kernels and ramdisks; files serves them STATE/satellite/   satellite 0700   in a satellite instead of core/, blobs/ and tls/:
 * policy.snap, reports.journal; the image store is satellite's as well STATE/tls/    root 0700   cert.pem, key.pem; reach api
 * (both) and core (cert.pem) as descriptors only
 */
#include <stdbool.h>
#include <uv.h>

#include "base/clock.h"
#include "base/error.h"
#include "ipc/channel.h"
#include "model/config.h"
#include "sandbox/sandbox.h"

struct role_ctx;

/* Folders of the configuration that a role may see; everything else is shut by Landlock. Open them by the path in ctx->config. */
enum role_path {
        ROLE_PATH_IMAGE_STORE,
        ROLE_PATH_GUEST_FILES,
        ROLE_PATH_BLOBS,     /* STATE/blobs */
        ROLE_PATH_STATE_OWN, /* STATE/<role name> */
        ROLE_PATH_RUN,       /* run_dir */
        ROLE_PATH_N,
};
#define ROLE_MAX_PATHS 8
#define ROLE_BACKGROUND_NICE 10 /* about a tenth of a core that all want; the whole of one that boot and files leave */

struct role_path_use {
        enum role_path path;
        bool write;
};

struct role_def {
        enum role role;
        struct sandbox sandbox; /* without paths, user, uid and TCP: role_sandbox() fills them in */
        const struct role_path_use *paths;
        size_t n_paths;
        bool background; /* gives way to those that answer a booting host: a nice value of ROLE_BACKGROUND_NICE more, never real-time */

        /* Locked in, descriptors and configuration are there, peers may be. Adds its handles to ctx->loop, sets ctx->state. 0 or negative
         * errno and @err: the role exits 1 and is started again with back-off. */
        int (*start)(struct role_ctx *ctx, struct error *err);
        /* A message of a peer role, or for core ROLE_ENDED of the parent; the rules of channel_message_fn. */
        void (*message)(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd);
        /* May be NULL. A channel to @peer came up (also for those that are there at the start, right after start()) or went down. */
        void (*peer)(struct role_ctx *ctx, enum role peer, bool up);
        /* May be NULL. Asked to end: write what must be written, synchronously, within a second. The process then exits 0. */
        void (*stop)(struct role_ctx *ctx);
};

#define ROLE_FDS CONFIG_MAX_NETWORKS /* of one purpose */

struct role_ctx {
        const struct role_def *def;
        uv_loop_t *loop;
        const struct config *config;   /* n_hosts is 0 for every role but core: hosts come by policy */
        struct clock clock;            /* the only source of time */
        int fds[FD_N][ROLE_FDS];       /* by purpose and number, -1 when absent; taken with role_take_fd */
        struct channel *peers[ROLE_N]; /* NULL: down */
        void *state;                   /* the role's own */

        struct channel *parent; /* role.c's own */
        bool stopped; /* def->stop has been called: nothing of def is from here on */
        int status;
};

extern const struct role_def role_boot_def;  /* role_boot.c */
extern const struct role_def role_files_def; /* role_files.c */
extern const struct role_def role_api_def;   /* role_api.c */
extern const struct role_def role_core_def;  /* role_core.c */
extern const struct role_def role_work_def;  /* role_work.c */
extern const struct role_def role_capture_def; /* role_capture.c */
extern const struct role_def role_satellite_def; /* role_satellite.c */

/* Whom boot and files report to: core, or in a satellite the role that stands in its place. */
enum role role_home(const struct role_ctx *ctx);

/* An unprivileged role runs as the user "dompool-<role>" where there is one, else as this uid. No two roles share a uid: a process may
 * signal and trace its own user's. */
#define ROLE_FALLBACK_UID 64300

/* The sandbox of a role but for its paths; @name holds the user's name as long as *ret is used. */
#define ROLE_USER_SIZE 32
void
role_sandbox(enum role role, struct sandbox *ret, char name[ROLE_USER_SIZE]);

/* NULL: no role of dompoold. */
const struct role_def *
role_def_get(enum role role);

/* -1 when there is none of that name. */
int
role_find(const char *name);

/* Do @a and @b, two roles of dompoold, have anything to say to each other by messages.def? */
bool
role_pair_talks(enum role a, enum role b);

/* Hands a descriptor over to the caller; -1: the parent gave none for this purpose. */
int
role_take_fd(struct role_ctx *ctx, enum role_fd purpose);

/* Likewise, of a purpose of which there are several. */
int
role_take_fd_number(struct role_ctx *ctx, enum role_fd purpose, uint32_t number);

/* To a peer role. 0; -ENOTCONN: it is down at the moment; else as channel_send. @fd stays the caller's. */
int
role_send(struct role_ctx *ctx, enum role peer, enum msg_type type, const void *payload, int fd);

/* Keeps messages to a peer role together, see channel_hold(). A peer that is started anew is not held. */
void
role_hold(struct role_ctx *ctx, enum role peer, bool on);

/* Takes in what a peer role has sent already; see channel_drain(). */
void
role_drain(struct role_ctx *ctx, enum role peer);

/* Logs and ends the loop with exit code 1; for what a role cannot go on after. Returns at once. */
void
role_fail(struct role_ctx *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* STATE/blobs, STATE/<name> ... into @ret (CONFIG_PATH_SIZE + 32 bytes suffice). */
#define ROLE_PATH_SIZE (CONFIG_PATH_SIZE + 32)
void
role_path_text(const struct config *config, enum role role, enum role_path path, char ret[ROLE_PATH_SIZE]);

/* The whole life of a role's process, on the parent's socket @sock. Returns the exit code. */
int
role_main(enum role role, int sock);

#endif
