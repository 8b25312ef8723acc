/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_QUIRK_MATCH_H
#define DOMPOOL_BOOTCFG_QUIRK_MATCH_H
/*
 * Which quirks concern a host, and what they come to. core sorts out all but the firmware when it makes the snapshot; the
 * firmware is known when the host asks. Pure.
 */
#include "bootcfg/loader.h"
#include "bootcfg/policy.h"
#include "model/hardware.h"

/* Does the host meet all that the quirk asks for besides the firmware? What is not known of its hardware meets no condition. */
bool
quirk_concerns(const struct quirk *q, const struct mac *mac, const struct host_hardware *hw);

/* What all quirks of a host come to for this firmware; of two loaders or block sizes the first and the smallest counts. */
struct quirk_effects {
        uint32_t n;
        const struct quirk *applied[POLICY_MAX_QUIRKS]; /* in the snapshot */
        const char *loader;                             /* NULL: none is wanted */
        uint32_t tftp_blksize;                          /* 0: no limit */
        bool no_tftp_window, no_tftp_options, no_http;
};

/* @firmware: enum quirk_firmware bits of who asks; QUIRK_ANY_FIRMWARE where that is not known. */
#define QUIRK_ANY_FIRMWARE UINT32_MAX
void
quirk_effects(const struct policy *p, const struct policy_host *h, uint32_t firmware, struct quirk_effects *ret);

uint32_t
quirk_firmware_of(const struct firmware *f);

#endif
