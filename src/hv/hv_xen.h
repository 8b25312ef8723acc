/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_XEN_H
#define DOMPOOL_HV_HV_XEN_H
/*
 * Inside of the Xen implementation of struct hv_ops: what hv_xen*.c share. hv itself only looks (libxl's lists, xenstore's
 * watches, consoles); whatever changes a domain is a task of its own (hv_task.h).
 *
 *     hv_xen.c          life, looking: watches -> list -> differences -> events; ends of domains
 *     hv_xen_host.c     inventory
 *     hv_xen_task.c     children: queue, deadline, result, cleaning up after one that died
 *     hv_xen_op.c       operations -> tasks and waits
 *     hv_xen_console.c  consoles
 */
#include <uv.h>

#include "hv/hv.h"
#include "hv/hv_libxl.h"
#include "hv/hv_record.h"
#include "hv/hv_table.h"
#include "model/root_cost.h"

#include <xenstore.h>

struct xen_task;
struct xen_wait;
struct xen_console;

struct hv {
        uv_loop_t *loop;
        const struct hv_events *ev;
        void *arg;
        char run_dir[PATH_SIZE], domains_dir[PATH_SIZE + 16], blobs_dir[PATH_SIZE + 16];
        struct hv_libxl_log log;
        libxl_ctx *ctx;
        struct xs_handle *xs;
        uv_poll_t watch;
        uv_timer_t soon;    /* a look is due: several events in a row make one */
        uv_timer_t minute;  /* the full list, whatever the events say */
        unsigned n_handles; /* open; memory goes with the last */
        unsigned n_minutes;
        bool said_none; /* the last full list that was reported was empty */
        uint64_t last_free_kib;
        uv_timer_t layer; /* is the root's writable layer full? */
        enum root_layer_level layer_level;
        char bridges[HOST_BRIDGES_SIZE]; /* as they were said last */
        char nfs_dirs[NFS_DIRS_STATE_SIZE];
        struct hv_table table;
        struct xen_task *tasks;
        struct xen_wait *waits;
        struct xen_console *consoles;
};

/* Looks at the domains in a moment. */
void hv_xen_look_soon(struct hv *hv);

/* xenstore value as a string of at most @size - 1 bytes; 0 or -ENOENT. */
int hv_xen_read(struct hv *hv, const char *path, char *ret, size_t size);

/* ---- hv_xen_host.c ---- */
int hv_xen_inventory(struct hv *hv, struct host_inventory *ret, struct error *err);

uint64_t hv_xen_free_memory_kib(struct hv *hv);

/* ---- hv_xen_task.c ---- */
typedef void (*xen_task_done_fn)(struct hv *hv, const struct msg_agent_op *op, const struct msg_agent_op_result *result);

/*
 * Starts task @name, or queues it while another one works on the same domain or too many run. @done gets a result in any case.
 * A destroy kills a create of the same domain that is under way: it would be undone anyway.
 */
void hv_xen_task_start(struct hv *hv, const char *name, const struct msg_agent_op *op, xen_task_done_fn done);

/* Is any task, running or queued, on this domain? */
bool hv_xen_task_busy(struct hv *hv, const uint8_t uuid[UUID_SIZE]);

/* Is it being created or restarted just now? */
bool hv_xen_task_making(struct hv *hv, const uint8_t uuid[UUID_SIZE]);

/* Is it being restarted just now (so that its absence means nothing)? */
bool hv_xen_task_restarting(struct hv *hv, const uint8_t uuid[UUID_SIZE]);

void hv_xen_tasks_kill(struct hv *hv);

/* ---- hv_xen_op.c ---- */
void hv_xen_op(struct hv *hv, const struct msg_agent_op *op);

/* The domain has ended, or lives anew: shutdowns that wait for it are done. */
void hv_xen_waits_finish(struct hv *hv, const uint8_t uuid[UUID_SIZE]);

/* After each look: waits whose domain is not in the table any more are done, and a reboot when no domain lives any more. */
void hv_xen_waits_check(struct hv *hv);

void hv_xen_waits_free(struct hv *hv);

/* ---- hv_xen_console.c ---- */
void hv_xen_console_open(struct hv *hv, uint64_t session, const uint8_t uuid[UUID_SIZE]);
void hv_xen_console_write(struct hv *hv, uint64_t session, const void *data, size_t size);
void hv_xen_console_close(struct hv *hv, uint64_t session);
void hv_xen_console_domain_gone(struct hv *hv, const uint8_t uuid[UUID_SIZE]);

#endif
