/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_HOST_BRIEF_H
#define DOMPOOL_MODEL_HOST_BRIEF_H
/*
 * A host's description as it is held in memory by the ten thousand: the texts of struct host as pointers, which take the place
 * that they need and not the place that they may need. Pure data and pure functions.
 */
#include "model/host.h"

struct host_brief {
        struct mac mac;
        bool configured;
        uint32_t address;
        /* As in struct host; never NULL but in an all-zero one. */
        const char *name, *profile, *labels, *image, *xen_args, *kernel_args, *console, *loader, *enrolled;
        char *texts; /* malloc'ed, all of them one behind the other; NULL: they are somebody else's */
};

/* Points into @h, which must outlive it; nothing is to be freed. */
struct host_brief host_brief_of(const struct host *h);

/* With texts of its own, for host_brief_clear. 0, or -ENOMEM with @ret untouched. */
int host_brief_make(const struct host *h, struct host_brief *ret);

void host_brief_clear(struct host_brief *b);

/* The other way: a whole description. */
void host_brief_expand(const struct host_brief *b, struct host *ret);

#endif
