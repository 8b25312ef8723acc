/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_HV_HV_CORE_H
#define DOMPOOL_HV_HV_CORE_H
/*
 * What hv does whichever hypervisor it drives: it turns typed messages into calls of a struct hv_ops and its events into
 * messages.
 *
 *     agent parent --ROLE_FD(a channel to link)--> hv_core <--AGENT_OP, CONSOLE_*--> link
 *
 * link may die and come back: it then gets inventory, the full list and every result that it has not acknowledged.
 */
#include "hv/hv.h"

struct hv_core;

/*
 * @control: socket to the agent's parent, taken over. @on_orphan is called once the parent is gone: the process must end then.
 */
int
hv_core_new(uv_loop_t *loop, const struct hv_ops *ops, const char *param, int control, void (*on_orphan)(void *arg),
                void *arg, struct hv_core **ret, struct error *err);

/* Ends everything; memory that libuv still needs goes when the loop has run once more. */
void
hv_core_free(struct hv_core *core);

#endif
