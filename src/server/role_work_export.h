/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_ROLE_WORK_EXPORT_H
#define DOMPOOL_SERVER_ROLE_WORK_EXPORT_H
/*
 * The servers that give roots over the network: started, watched, told of changes, stopped. Runs in role work, which parses no
 * byte of a network: a server is a process of its own (export/export_process.h), and of NBD's connections work sees the
 * sender's address alone.
 *
 *     EXPORT_PLAN of core --export_servers()--> slots, one a server
 *
 *     wanted --start--> running --dies--> waiting (0.2 s .. 10 s) --start--> ...
 *                          | arguments changed: ended, started at once; a file: SIGHUP; iSCSI: tgtadm
 *                          '-- wanted no more: SIGTERM, after 2 s SIGKILL
 *
 *     role_work_export.c   the slots
 *     role_work_nbd.c      NBD's listener and its connections
 *     role_work_check.c    whether a version's squashfs is whole: only then it is given as a block device
 *     role_work_verdicts.c what was found, over a restart
 */
#include "export/export_process.h"
#include "server/role.h"

struct work_export;
struct work_nbd;
struct work_check;

struct work_export *work_export_new(struct role_ctx *ctx);

/* What hosts may have from now on. */
void work_export_plan(struct work_export *x, const struct msg_export_plan *plan);

/* core is there (again): it is told how all are. */
void work_export_core_up(struct work_export *x);

/* A child has ended, perhaps one of ours. */
void work_export_reap(struct work_export *x);

/* Ends all of them, within a second. */
void work_export_stop(struct work_export *x);

/* --- role_work_nbd.c --- */

struct work_nbd *work_nbd_new(struct role_ctx *ctx, const char *dir);

/* Listens, if it does not yet, and lets in whom @grants name; the arguments are those of each connection's process. They stay
 * the caller's until the next call. 0 or a negative errno of the socket. */
int work_nbd_serve(struct work_nbd *n, const struct export_server *server, const struct export_grant *grants, size_t n_grants);

/* Nobody is let in any more; connections end. */
void work_nbd_close(struct work_nbd *n);

/* A version is given no more, at once: all connections end, and those of other versions are made anew by their hosts. */
void work_nbd_disconnect(struct work_nbd *n);

void work_nbd_reap(struct work_nbd *n);

/* --- role_work_check.c --- */

enum work_verdict { WORK_UNCHECKED, WORK_GOOD, WORK_DAMAGED };

/* NULL: no memory. */
struct work_check *work_check_new(struct role_ctx *ctx);

/* How the version's squashfs is. Where that is not known, or it is another file by now, it is looked into, and
 * work_check_reap() says when to ask again. */
enum work_verdict work_check_ask(struct work_check *x, const char *image);

/* What is known, the damaged ones first; how many. */
uint32_t work_check_found(const struct work_check *x, struct export_check *ret, uint32_t max);

/* Looks at the damaged ones again where their files have changed, also if nobody asks for them any more. What is gone from the
 * store and was not asked for since the last call is forgotten. */
void work_check_look(struct work_check *x);

/* A child has ended; true: it was ours. */
bool work_check_reap(struct work_check *x);

void work_check_stop(struct work_check *x);

/* --- role_work_verdicts.c --- */

#define WORK_MAX_VERDICTS 1024

/* A root.squashfs as it was when it was read, and whether it is the one of its version's manifest. */
struct verdict_row {
        char image[IMAGE_ID_SIZE];
        uint64_t dev, ino;
        int64_t size, mtime_s, mtime_ns;
        bool damaged;
};

struct work_verdicts {
        uint32_t version; /* of the file's form */
        uint32_t n_rows;
        struct verdict_row rows[WORK_MAX_VERDICTS];
};

/* For free(); empty where there is none that can be used. NULL: no memory. */
struct work_verdicts *work_verdicts_read(const struct role_ctx *ctx);

/* In place of what there is, at once and as a whole. A failure is logged: what is not there is read again. */
void work_verdicts_write(const struct role_ctx *ctx, struct work_verdicts *v);

#endif
