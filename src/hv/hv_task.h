/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_TASK_H
#define DOMPOOL_HV_HV_TASK_H
/*
 * One libxl operation in a process of its own, so that a domain that hangs holds up nobody: hv may kill it at any moment.
 *
 *     hv --AGENT_OP--> task --AGENT_OP_PROGRESS ...--> hv
 *                           --AGENT_OP_RESULT--------> hv, then exit 0
 *
 * A task that ends without a result has failed; hv then destroys what it left half-built (hv_record.h).
 * Tasks: "create", "shutdown", "destroy", and for a domain that ended: "restart", "rename-restart".
 */
#include "ipc/messages.h"

/* @fd: channel to hv. Returns the exit status. */
int
hv_task_main(const char *name, const char *run_dir, int fd);

#endif
