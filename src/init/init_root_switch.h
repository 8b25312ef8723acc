/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_ROOT_SWITCH_H
#define DOMPOOL_INIT_INIT_ROOT_SWITCH_H
/*
 * From the first stage to the mounted root: /proc, /sys, /dev and /run come along, the initrd's files are removed (that is its
 * memory), and the root's /sbin/init takes the first process over. Where that is dompool-init again, it finds in
 * INIT_ROOT_HANDOVER what goes on running: the lease, and the DHCP client that renews it - of the initrd's memory, so that it
 * needs no page of the root.
 */
#include "init/init_plan.h"
#include "init/init_root.h"

#define INIT_ROOT_HANDOVER INIT_ROOT_DIR "/handover"

struct init_handover {
        int dhcp_pid; /* 0: none */
        int lease_fd; /* of the DHCP client's pipe, open over exec */
        struct init_lease lease;
};

/* Does not come back but with an error. */
int init_root_switch(const struct init_handover *h, struct error *err);

/* For the next start of the service: what address the bridge has by then, and whose. */
void init_handover_lease(const struct init_lease *lease);

/* The text of the hand-over, and back. Pure; -EINVAL. */
void init_handover_write(const struct init_handover *h, char *buf, size_t size);
int init_handover_read(const char *text, struct init_handover *ret);

/* Where the root came from and what it took, for people, by INIT_ROOT_FILE. */
void init_root_facts_text(char *buf, size_t size);

#define INIT_LAYER_LOOK_MS 10000

struct init_layer_watch {
        enum root_layer_level level;
        int64_t looked_ms; /* 0: never */
};

/* To be called now and then. The layer is RAM with a limit: whoever fills it gets "no space left", and the host should be
 * looked at before. For who sits at the console; the server is told by the agent (hv_root.c), also when the boot token is old.
 */
void init_layer_watch(struct init_layer_watch *w, int64_t now_ms);

#endif
