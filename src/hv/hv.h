/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_H
#define DOMPOOL_HV_HV_H
/*
 * The hypervisor door: a table of operations with two implementations, hv_xen.c (libxl) and hv_simulated.c. Only the process
 * dompool-hv links the first. Calls return at once; long ones are done by a child process (xen) or a timer (simulated) and end
 * in a callback.
 */
#include <uv.h>

#include "base/error.h"
#include "ipc/messages.h"

struct hv;

struct hv_events {
        void (*inventory)(void *arg, const struct host_inventory *inv);
        void (*domains)(void *arg, const struct domain_info *list, uint32_t n); /* full list */
        void (*domain)(void *arg, const struct domain_info *info, const char *what, const char *text);
        void (*op_progress)(void *arg, const struct msg_agent_op_progress *p);
        void (*op_result)(void *arg, const struct msg_agent_op_result *r);
        void (*console_data)(void *arg, uint64_t session, const void *data, size_t size);
        void (*console_closed)(void *arg, uint64_t session, enum error_code code, const char *text);
};

struct hv_ops {
        const char *name; /* "xen", "simulated" */
        /* @param: simulated: a text of settings (see hv_simulated.c); xen: the run directory, with blobs/ (kernels by hash,
         * from link). */
        int (*open)(uv_loop_t *loop, const char *param, const struct hv_events *events, void *arg, struct hv **ret,
                    struct error *err);
        void (*close)(struct hv *hv);
        /* Reports inventory and the full list now. */
        void (*report)(struct hv *hv);
        /* Starts an operation. hv_core calls it once an id (hv_oplog.h); what a former process did already is found and not
         * done again. */
        void (*op)(struct hv *hv, const struct msg_agent_op *op);
        void (*console_open)(struct hv *hv, uint64_t session, const uint8_t uuid[UUID_SIZE]);
        void (*console_write)(struct hv *hv, uint64_t session, const void *data, size_t size);
        /* 0: all of them. */
        void (*console_close)(struct hv *hv, uint64_t session);
};

extern const struct hv_ops hv_xen_ops;
extern const struct hv_ops hv_simulated_ops;

#endif
