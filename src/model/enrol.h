/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_ENROL_H
#define DOMPOOL_MODEL_ENROL_H
/*
 * Enrolment: what becomes of a machine that asks for a boot and is no host. Ordered rules, the first that matches wins; where
 * none does it is refused. Here stand the rules as the administrator writes them, and what is kept of a machine that nobody
 * knows. Which rule matches is src/bootcfg/enrol_choice.h's, what follows from it src/server/core_enrol.c's.
 *
 *     asks ---> refused ------------------------------------------------> (it may be adopted, ignored, forgotten at any time)
 *       |
 *       +-----> inspecting --report--> inspected --rules once more--> a host
 *       |           |
 *       |           +--silence, three times--> failed
 *       +-----> a host
 */
#include "base/rec.h"
#include "model/hardware.h"
#include "model/profile.h"

#define ENROL_PATTERN_SIZE NAME_SIZE
#define ENROL_INSPECT_MAX 64 /* under inspection at a time, whatever the configuration says */

enum enrol_action {
        ENROL_REFUSE,
        ENROL_INSPECT, /* it boots the profile `inspect` once, reports its hardware and powers off */
        ENROL_ENROL,   /* it becomes a host */
        ENROL_N,
};
extern const char *const enrol_action_names[];

/* An empty condition is met by every machine; all given ones must be met. What is not known of a machine meets no condition. */
struct enrol_rule {
        char name[NAME_SIZE];
        char macs[GLOBS_SIZE];     /* beginnings of MAC addresses, one of them */
        char networks[GLOBS_SIZE]; /* where it asks: names of subnets, or "10.77.0.0/24" */
        char smbios[GLOBS_SIZE];   /* a glob on "manufacturer/product", known once it was inspected */
        uint32_t firmware;         /* enum quirk_firmware, one of the bits; 0: any */
        uint32_t days;             /* as in struct rule */
        uint32_t from, to;
        uint32_t action;                /* enum enrol_action */
        uint32_t pad;                   /* the snapshot's tables begin aligned */
        char names[ENROL_PATTERN_SIZE]; /* see enrol_name.h; empty: the server's */
        char profile[NAME_SIZE]; /* ENROL_ENROL: what it boots, set as by `profile set`; "auto": the profile rules decide */
        char labels[LABELS_SIZE];
};
extern const struct rec_desc enrol_rule_desc;

/* For all rules together. */
struct enrol_limits {
        uint32_t per_hour;              /* machines that rules let in, to be inspected or enrolled, within an hour */
        uint32_t in_all;                /* hosts that were enrolled by rules */
        uint32_t inspect_at_once;       /* 1..ENROL_INSPECT_MAX */
        char names[ENROL_PATTERN_SIZE]; /* of hosts whose rule has no pattern, and of adopted ones without a name */
};
extern const struct rec_desc enrol_limits_desc;

struct error;
int enrol_rule_check(const struct enrol_rule *r, struct error *err);

/* What a machine showed when it last asked, and what it showed before that did not fit: two machines can have one address. */
struct machine_seen {
        int64_t time_ms;        /* wall; 0: never */
        uint8_t uuid[16];       /* option 97; the last that is one, see machine_id.h */
        uint32_t network;       /* as config_network_at counts; MACHINE_NO_NETWORK */
        uint32_t arch;          /* option 93; UINT32_MAX: it says none */
        uint32_t firmware;      /* enum quirk_firmware bits; 0: it looks for no boot file */
        uint8_t other_uuid[16]; /* another UUID with this MAC, last seen at */
        int64_t other_uuid_ms;  /* 0: none */
        uint32_t other_network; /* another network, within MACHINE_MOVE_MS */
        int64_t other_network_ms;
};
extern const struct rec_desc machine_seen_desc;
#define MACHINE_NO_NETWORK UINT32_MAX
#define MACHINE_MOVE_MS 60000          /* no machine is carried to another network and asks there within this */
#define MACHINE_OTHER_KEEP_MS 86400000 /* one that showed another UUID is told of this long */

/* What a sighting tells of a MAC address. */
enum machine_news {
        MACHINE_AS_BEFORE,
        MACHINE_OTHER_UUID,    /* a second machine shows this MAC, or its board was changed */
        MACHINE_OTHER_NETWORK, /* it asks in two networks at once */
};

/* Takes a sighting into @s. @now's other_... are not looked at. */
enum machine_news machine_seen_update(struct machine_seen *s, const struct machine_seen *now);

enum unknown_state {
        UNKNOWN_REFUSED,
        UNKNOWN_INSPECTING,
        UNKNOWN_INSPECTED, /* its hardware is known; the rules let it be no more */
        UNKNOWN_FAILED,    /* inspected in vain, as often as it is tried */
        UNKNOWN_IGNORED,   /* by the administrator: no rule looks at it */
        UNKNOWN_N,
};
extern const char *const unknown_state_names[];

struct unknown {
        struct mac mac;
        uint32_t state;       /* enum unknown_state */
        char rule[NAME_SIZE]; /* that decided last; empty: none */
        char reason[160];     /* in words */
        struct machine_seen seen;
        char vendor_class[64]; /* option 60 */
        int64_t first_ms;
        uint64_t count;
        int64_t state_ms;   /* wall: since when in this state */
        int64_t sign_ms;    /* wall: its last sign of progress while it is inspected */
        int64_t attempt_ms; /* of the boot token whose report was taken */
        uint32_t tries;     /* inspections begun */
        struct host_hardware hardware;
};
extern const struct rec_desc unknown_desc;

#endif
