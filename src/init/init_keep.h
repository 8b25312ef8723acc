/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_KEEP_H
#define DOMPOOL_INIT_INIT_KEEP_H
/*
 * The host's kept files (model/keep.h) at its boot: the agent puts them back, before anything else writes. In the first stage
 * that is the agent of the root that has just been mounted, within it.
 *
 *   RAM:          lease --> keep --> xenconsoled, agent
 *   first stage:  lease --> root --> keep --> switch to the root
 */
#include "init/init_options.h"
#include "model/keep_state.h"

/* What became of them, in one line; the agent writes it. */
#define INIT_KEPT_FILE "/run/dompool/" KEEP_STATE_NAME

/* Is there a list of kept paths below @root ("": ours), and a server that may have some? */
bool init_keep_wanted(const struct init_options *o, const char *root);

/* Why they are not put back, for people; @how: how the agent ended. */
void init_keep_failure(const char *how, char *buf, size_t size);

/* The calling child goes into @root, with its own /dev, /proc and /run of here; nobody else sees these mounts. 0 or negative
 * errno. */
int init_keep_enter(const char *root);

#endif
