/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_IBFT_H
#define DOMPOOL_INIT_INIT_IBFT_H
/*
 * The iSCSI boot firmware table (iBFT 1.03) as the kernel's iscsi_ibft shows it below INIT_IBFT_DIR, a file a value
 * (Documentation/ABI/testing/sysfs-ibft), and what of it counts. docs/decisions/0018 says who makes one and which dom0 sees it.
 *
 * A machine may have a table that is not ours: that of a disk of its own in a SAN. So a target of it counts only if it has the
 * name of the one on the command line; its portal, LUN and the initiator's name are then taken from it. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/init_root_word.h"

#define INIT_IBFT_DIR "/sys/firmware/ibft"
#define INIT_IBFT_NAME_SIZE 224 /* RFC 3720, 3.2.6.1: 223 bytes */
#define INIT_IBFT_TARGETS 2     /* iBFT 1.03, 1.4.4: two, and one initiator */
#define INIT_IBFT_TEXT_SIZE 256

struct init_ibft_target {
        uint32_t flags; /* bit 0: the block is valid */
        uint32_t address;
        uint32_t port;
        uint32_t lun;
        uint32_t chap; /* 0: none */
        char name[INIT_IBFT_NAME_SIZE];
};

/* What could not be read, or is not of its form, is zero. */
struct init_ibft {
        char initiator[INIT_IBFT_NAME_SIZE];
        struct init_ibft_target targets[INIT_IBFT_TARGETS];
};

/* The files that are read: "target0/ip-addr"; NULL behind the last. */
const char *init_ibft_file(size_t i);

/* Takes the first line of file @i. 0 or -EINVAL: not of that form, and nothing changes. */
int init_ibft_take(struct init_ibft *t, size_t i, const char *line);

/* What to log in to: @ret is @menu, or where the table has that target, as the table says it. @why is a line for people that
 * names the source. Returns whether it is the table. */
bool init_ibft_choose(const struct init_ibft *t, const struct init_root *menu, struct init_root *ret,
                      char why[INIT_IBFT_TEXT_SIZE]);

#endif
