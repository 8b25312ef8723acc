/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about machines that are no host: rules, sightings, inspections, and what the administrator does with them. */
#include <stdio.h>
#include <string.h>

#include "bootcfg/policy_choice.h"
#include "scenario_script.h"

static void
copy_option(char *dst, size_t size, char **w, int n, const char *key)
{
        str_copy(dst, size, script_option(w, n, key, ""));
}

/* enrol NAME ACTION [mac=] [network=] [firmware=] [smbios=] [names=] [profile=] [labels=] [days=] [from=] [to=] */
static void
cmd_enrol(struct script *s, char **w, int n)
{
        struct enrol_rule *r = &s->world.config->enrols[s->world.config->n_enrols++];
        const char *firmware = script_option(w, n, "firmware", NULL);
        struct error err;

        str_copy(r->name, sizeof(r->name), w[0]);
        r->action = (uint32_t)names_find(enrol_action_names, w[1]);
        copy_option(r->macs, sizeof(r->macs), w, n, "mac");
        copy_option(r->networks, sizeof(r->networks), w, n, "network");
        copy_option(r->smbios, sizeof(r->smbios), w, n, "smbios");
        copy_option(r->names, sizeof(r->names), w, n, "names");
        copy_option(r->profile, sizeof(r->profile), w, n, "profile");
        copy_option(r->labels, sizeof(r->labels), w, n, "labels");
        if (firmware && parse_quirk_firmware(firmware, &r->firmware))
                script_fail(s, "enrol '%s': no such firmware", w[0]);
        if (parse_days(script_option(w, n, "days", "mon-sun"), &r->days) ||
            parse_minute(script_option(w, n, "from", "00:00"), &r->from) ||
            parse_minute(script_option(w, n, "to", "00:00"), &r->to))
                script_fail(s, "enrol '%s': no such day or time", w[0]);
        if (enrol_rule_check(r, &err))
                script_fail(s, "%s", err.message);
}

/* enrolment [per-hour=N] [limit=N] [at-once=N] [names=PATTERN] */
static void
cmd_enrolment(struct script *s, char **w, int n)
{
        struct enrol_limits *l = &s->world.config->enrolment;

        l->per_hour = (uint32_t)script_number(s, script_option(w, n, "per-hour", "60"));
        l->in_all = (uint32_t)script_number(s, script_option(w, n, "limit", "1000"));
        l->inspect_at_once = (uint32_t)script_number(s, script_option(w, n, "at-once", "8"));
        str_copy(l->names, sizeof(l->names), script_option(w, n, "names", "pc-{n:03}"));
}

static struct mac
mac_of(const struct script *s, const char *text)
{
        const struct config *c = s->world.config;
        struct mac mac;

        for (uint32_t i = 0; i < c->n_hosts; i++)
                if (strcmp(c->hosts[i].name, text) == 0)
                        return c->hosts[i].mac;
        if (parse_mac(text, &mac))
                script_fail(s, "'%s' is neither a configured host nor a MAC", text);
        return mac;
}

/* unknown MAC|HOST [count=N] [uuid=HEX] [network=N] [firmware=KINDS]: it asks for a boot. */
static void
cmd_unknown(struct script *s, char **w, int n)
{
        struct msg_machine_seen m = {.mac = mac_of(s, w[0]), .seen = {.arch = 7, .time_ms = clock_wall_ms(&s->world.clock)}};
        const char *uuid = script_option(w, n, "uuid", NULL);
        uint64_t count = script_number(s, script_option(w, n, "count", "1"));

        m.seen.network = (uint32_t)script_number(s, script_option(w, n, "network", "0"));
        if (parse_quirk_firmware(script_option(w, n, "firmware", "efi"), &m.seen.firmware) ||
            (uuid && parse_hex(uuid, m.seen.uuid, sizeof(m.seen.uuid))))
                script_fail(s, "no such firmware, or no UUID of 32 hex digits");
        for (uint64_t i = 0; i < count; i++) {
                if (count > 1) {
                        m.mac.b[4] = (uint8_t)(i >> 8);
                        m.mac.b[5] = (uint8_t)i;
                }
                world_from(&s->world, ROLE_BOOT, MSG_MACHINE_SEEN, &m);
        }
}

/* inspected TOKEN MANUFACTURER PRODUCT SERIAL [asset=] [uuid=HEX] [nic=MAC] */
static void
cmd_inspected(struct script *s, char **w, int n)
{
        struct msg_init_report m = {.stage = "inspect", .text = "4 CPUs", .time_ms = clock_wall_ms(&s->world.clock)};
        const char *uuid = script_option(w, n, "uuid", NULL), *nic = script_option(w, n, "nic", NULL);

        str_copy(m.token, sizeof(m.token), script_token(s, w[0]));
        str_copy(m.hardware.manufacturer, sizeof(m.hardware.manufacturer), w[1]);
        str_copy(m.hardware.product, sizeof(m.hardware.product), w[2]);
        str_copy(m.hardware.serial, sizeof(m.hardware.serial), w[3]);
        copy_option(m.hardware.asset, sizeof(m.hardware.asset), w, n, "asset");
        if (uuid && parse_hex(uuid, m.hardware.uuid, sizeof(m.hardware.uuid)))
                script_fail(s, "no UUID of 32 hex digits");
        if (nic && parse_mac(nic, &m.hardware.nics[m.hardware.n_nics++].mac))
                script_fail(s, "'%s' is no MAC", nic);
        world_from(&s->world, ROLE_FILES, MSG_INIT_REPORT, &m);
}

/* guest MAC yes|no: does the snapshot let it in for an inspection, and as nothing else? */
static void
cmd_guest(struct script *s, char **w, int n)
{
        struct mac mac = mac_of(s, w[0]);
        const struct policy_host *found;
        struct policy_host host;
        struct policy_chosen chosen;
        struct policy_time now;
        struct policy *policy = world_policy(&s->world);

        (void)n;
        found = policy_host_by_mac(policy, &mac, &host);
        policy_time_at(clock_wall_ms(&s->world.clock), &now);
        policy_choose(policy, found, &now, &chosen);
        if (found && !found->guest)
                found = NULL; /* a host */
        if (!found != !strcmp(w[1], "no"))
                script_fail(s, "it is %s guest in the snapshot", found ? "a" : "no");
        if (found && (chosen.profile->kind != PROFILE_INSPECT || !chosen.image || found->n_choices != 1))
                script_fail(s, "it boots %s", chosen.profile->name);
        policy_free(policy);
}

/* adopt MAC STATUS [name=] [profile=] [code=] [path=value ...] */
static void
cmd_adopt(struct script *s, char **w, int n)
{
        struct msg_api_host_put m = {.host.mac = mac_of(s, w[0]), .by = "uid:0"};

        copy_option(m.host.name, NAME_SIZE, w, n, "as");
        copy_option(m.host.profile, NAME_SIZE, w, n, "boots");
        script_request(s, MSG_API_UNKNOWN_ADOPT, &m, w[1], w + 2, n - 2);
}

static void
change(struct script *s, enum unknown_change change, char **w, int n)
{
        struct msg_api_unknown_change m = {.change = change, .by = "uid:0"};

        str_copy(m.name, NAME_SIZE, w[0]);
        script_request(s, MSG_API_UNKNOWN_CHANGE, &m, w[1], w + 2, n - 2);
}

static void
cmd_ignore(struct script *s, char **w, int n)
{
        change(s, UNKNOWN_IGNORE, w, n);
}

static void
cmd_forget(struct script *s, char **w, int n)
{
        change(s, UNKNOWN_FORGET, w, n);
}

const struct command scenario_enrol_commands[] = {
        {"enrol", 2, cmd_enrol},         {"enrolment", 0, cmd_enrolment}, {"unknown", 1, cmd_unknown},
        {"inspected", 4, cmd_inspected}, {"guest", 2, cmd_guest},         {"adopt", 2, cmd_adopt},
        {"ignore", 2, cmd_ignore},       {"forget", 2, cmd_forget},       {NULL, 0, NULL},
};
