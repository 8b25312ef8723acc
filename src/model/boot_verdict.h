/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_BOOT_VERDICT_H
#define DOMPOOL_MODEL_BOOT_VERDICT_H
/*
 * Why a boot does not go on: a short name that scripts can match ("other-dhcp-server"), and a sentence for the person at the
 * machine. From what was seen of the boot (its stages, notes and silence); pure.
 */
#include "model/boot.h"

#define BOOT_VERDICT_TEXT_SIZE 1200

struct boot_verdict {
        const char *name; /* static; NULL: the boot is on its way, or done */
        char text[BOOT_VERDICT_TEXT_SIZE];
};

/* @now_ms: wall clock, as the boot's times. */
void boot_judge(const struct boot *b, int64_t now_ms, struct boot_verdict *ret);

/* All names, for documentation and completion; NULL behind the last. */
const char *boot_verdict_name(size_t i);

#endif
