/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_SERVER_ROLE_WORK_H
#define DOMPOOL_SERVER_ROLE_WORK_H
/*
 * The work role, inside: what needs root on the server, from a closed list.
 *
 *     role_work.c        the role: takes tasks from core, starts a child for each, hands progress and result on
 *     role_work_task.c   the table of tasks: what a child does; runs in the child
 */
#include "server/role.h"

/* Checks the task's arguments again; core is not believed. @fd: the descriptor that came with it, or -1. 0 or an error that becomes the task's result. */
int
work_task_check(const struct msg_work_task *task, int fd, struct error *err);

/* Does the task, in a child of its own, and sends WORK_PROGRESS and WORK_RESULT to @sock. Returns the exit code. */
int
work_task_run(const struct config *config, const struct msg_work_task *task, int sock, int fd);

#endif
