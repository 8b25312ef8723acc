/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_LOADER_MEMORY_H
#define DOMPOOL_BOOTCFG_LOADER_MEMORY_H
/*
 * What loaders did on which host: one that was fetched whole and after which nothing came but firmware's next DISCOVER does not
 * run there, so another one is offered; one that then asks for its menu (or, an iPXE, for an address) is kept. In memory, no
 * I/O; entries are made for hosts of the policy only. A host's own `loader` setting is never overruled: its wish is not asked
 * here.
 *
 *     fetched --DISCOVER--> failed: the next of loader_after() is offered --fetched--> ...
 *     fetched --menu, DHCP by iPXE--> works: kept
 */
#include "bootcfg/loader.h"

struct loader_memory;

/* NULL: out of memory. */
struct loader_memory *
loader_memory_new(void);

void
loader_memory_free(struct loader_memory *m);

/* The loader for a DISCOVER or REQUEST, instead of @usual, which is what is chosen without a memory. *ret_failed: the one that
 * was given up just now, NULL mostly. */
const struct loader *
loader_memory_choose(struct loader_memory *m, const struct mac *mac, const struct firmware *f, const struct loader_wish *wish,
                     const struct loader *usual, const struct loader **ret_failed);

/* The host has fetched a loader's file whole; other names are nothing. */
void
loader_memory_fetched(struct loader_memory *m, const struct mac *mac, const char *name);

/* Its loader runs: it asked for a menu or for what comes after, or, an iPXE, for an address. true: one that was offered in place of another is now known to
 * work there, which is worth keeping. */
bool
loader_memory_runs(struct loader_memory *m, const struct mac *mac);

/* Kept ones: for the file that boot keeps. */
void
loader_memory_each(const struct loader_memory *m, void (*fn)(void *arg, const struct mac *mac, const struct loader *l), void *arg);
/* 0; -ENOENT: there is no such loader (any more); -ENOMEM. */
int
loader_memory_keep(struct loader_memory *m, const struct mac *mac, const char *loader);

#endif
