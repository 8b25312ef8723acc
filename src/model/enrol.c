/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment rules and unknown machines: tables of fields, checks, and what a sighting tells. Pure. */
#include "model/enrol.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "model/enrol_name.h"
#include "model/machine_id.h"

const char *const enrol_action_names[] = {
        [ENROL_REFUSE] = "refuse", [ENROL_INSPECT] = "inspect", [ENROL_ENROL] = "enrol", [ENROL_N] = NULL};

const char *const unknown_state_names[] = {
        [UNKNOWN_REFUSED] = "refused", [UNKNOWN_INSPECTING] = "inspecting", [UNKNOWN_INSPECTED] = "inspected",
        [UNKNOWN_FAILED] = "failed",   [UNKNOWN_IGNORED] = "ignored",       [UNKNOWN_N] = NULL,
};

static const struct rec_field enrol_rule_fields[] = {
        REC_STR(struct enrol_rule, name),
        REC_STR(struct enrol_rule, macs),
        REC_STR(struct enrol_rule, networks),
        REC_STR(struct enrol_rule, smbios),
        REC_U32(struct enrol_rule, firmware),
        REC_U32(struct enrol_rule, days),
        REC_U32(struct enrol_rule, from),
        REC_U32(struct enrol_rule, to),
        REC_ENUM(struct enrol_rule, action, enrol_action_names),
        REC_STR(struct enrol_rule, names),
        REC_STR(struct enrol_rule, profile),
        REC_STR(struct enrol_rule, labels),
};
const struct rec_desc enrol_rule_desc = REC_DESC(struct enrol_rule, enrol_rule_fields);

static const struct rec_field enrol_limits_fields[] = {
        REC_U32(struct enrol_limits, per_hour),
        REC_U32(struct enrol_limits, in_all),
        REC_U32(struct enrol_limits, inspect_at_once),
        REC_STR(struct enrol_limits, names),
};
const struct rec_desc enrol_limits_desc = REC_DESC(struct enrol_limits, enrol_limits_fields);

static const struct rec_field machine_seen_fields[] = {
        REC_I64(struct machine_seen, time_ms),          REC_BYTES(struct machine_seen, uuid),
        REC_U32(struct machine_seen, network),          REC_U32(struct machine_seen, arch),
        REC_U32(struct machine_seen, firmware),         REC_BYTES(struct machine_seen, other_uuid),
        REC_I64(struct machine_seen, other_uuid_ms),    REC_U32(struct machine_seen, other_network),
        REC_I64(struct machine_seen, other_network_ms),
};
const struct rec_desc machine_seen_desc = REC_DESC(struct machine_seen, machine_seen_fields);

static const struct rec_field unknown_fields[] = {
        REC_MAC(struct unknown, mac),
        REC_ENUM(struct unknown, state, unknown_state_names),
        REC_STR(struct unknown, rule),
        REC_STR(struct unknown, reason),
        REC_REC(struct unknown, seen, machine_seen_desc),
        REC_STR(struct unknown, vendor_class),
        REC_I64(struct unknown, first_ms),
        REC_U64(struct unknown, count),
        REC_I64(struct unknown, state_ms),
        REC_I64(struct unknown, sign_ms),
        REC_I64(struct unknown, attempt_ms),
        REC_U32(struct unknown, tries),
        REC_REC(struct unknown, hardware, host_hardware_desc),
};
const struct rec_desc unknown_desc = REC_DESC(struct unknown, unknown_fields);

static int
check_conditions(const struct enrol_rule *r, struct error *err)
{
        const char *at = r->macs;
        char word[NAME_SIZE];

        while ((at = list_next(at, word)))
                if (!mac_beginning_ok(word))
                        return error_set(err, ERR_INVALID, "mac '%s' must be how an address begins, such as \"52:54:00\"",
                                         word);
        if (r->days & ~DAYS_ALL || r->from > MINUTES_PER_DAY || r->to > MINUTES_PER_DAY)
                return error_set(err, ERR_INVALID, "its days or times are out of range");
        return 0;
}

/* What only an enrolled machine can have is a mistake beside another action: it would never be looked at. */
static int
check_result(const struct enrol_rule *r, struct error *err)
{
        int e;

        if (r->action != ENROL_ENROL && (*r->names || *r->profile || *r->labels))
                return error_set(err, ERR_INVALID, "names, profile and labels are for action \"enrol\", this one is \"%s\"",
                                 enrol_action_names[r->action]);
        if (*r->profile && !name_ok(r->profile))
                return error_set(err, ERR_INVALID, "'%s' is no profile's name", r->profile);
        e = *r->names ? enrol_pattern_check(r->names, err) : 0;
        return e ? e : labels_check("labels", r->labels, err);
}

int
enrol_rule_check(const struct enrol_rule *r, struct error *err)
{
        int e = 0;

        if (!name_ok(r->name))
                e = error_set(err, ERR_INVALID, "the name must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit");
        else if (r->action >= ENROL_N)
                e = error_set(err, ERR_INVALID, "there is no action %u", r->action);
        if (!e)
                e = check_conditions(r, err);
        if (!e)
                e = check_result(r, err);
        return e < 0 ? error_prefix(err, "enrol '%s'", r->name) : 0;
}

enum machine_news
machine_seen_update(struct machine_seen *s, const struct machine_seen *now)
{
        const struct machine_seen before = *s;
        uint8_t key[MACHINE_UUID_SIZE];
        bool has = machine_uuid_key(now->uuid, key), had = before.time_ms && machine_uuid_key(before.uuid, key);
        enum machine_news news = MACHINE_AS_BEFORE;

        s->time_ms = now->time_ms;
        s->arch = now->arch;
        s->firmware = now->firmware;
        if (has || !had) /* a loader that says none takes nothing away */
                memcpy(s->uuid, now->uuid, sizeof(s->uuid));
        if (has && had && !machine_uuid_same(before.uuid, now->uuid)) {
                memcpy(s->other_uuid, before.uuid, sizeof(s->other_uuid));
                s->other_uuid_ms = before.time_ms;
                news = MACHINE_OTHER_UUID;
        }
        if (now->network == MACHINE_NO_NETWORK)
                return news;
        s->network = now->network;
        if (!before.time_ms || before.network == MACHINE_NO_NETWORK || before.network == now->network ||
            now->time_ms - before.time_ms > MACHINE_MOVE_MS)
                return news;
        s->other_network = before.network;
        s->other_network_ms = before.time_ms;
        return news == MACHINE_AS_BEFORE ? MACHINE_OTHER_NETWORK : news;
}
