/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_ENROL_CHOICE_H
#define DOMPOOL_BOOTCFG_ENROL_CHOICE_H
/*
 * Which enrolment rule decides about a machine that is no host. `boot` asks so as to tell core at once of a machine that may be
 * let in, and of all others at leisure; `core` decides; `explain` tells. Pure.
 */
#include "bootcfg/policy_choice.h"
#include "model/config.h"
#include "model/enrol.h"

/* What is known of the machine. */
struct enrol_facts {
        struct mac mac;
        const struct config_network *network; /* where it asks; NULL: not known */
        uint32_t firmware;                    /* enum quirk_firmware bits; 0: not known */
        const struct host_hardware *hardware; /* NULL, or time_ms 0: it was not inspected */
        struct policy_time time;
};

/* The first rule that it meets; NULL: none, it is refused. @rules: an array. */
const struct enrol_rule *enrol_choose(const struct enrol_rule *rules, uint32_t n, const struct enrol_facts *f);

/* Could it be let in, now or once its hardware is known? False only where refusing is certain without a question to core. */
bool enrol_may_let_in(const struct enrol_rule *rules, uint32_t n, const struct enrol_facts *f);

/* The network's name, or "10.77.0.0/24" of one that has none. @buf holds NAME_SIZE bytes. */
char *enrol_network_text(const struct config_network *n, char buf[NAME_SIZE]);

#endif
