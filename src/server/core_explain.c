/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dompool host explain`: the account of src/bootcfg/explain.c as JSON, on the policy in force, at any time of day. Process:
 * core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bootcfg/explain.h"
#include "bootcfg/guard.h"
#include "server/core_private.h"

DEFINE_CLEANUP(struct policy *, policy_free)

/* Loaders' menus are text; a packet is shown in hex. */
static void
add_item(void *arg, const char *kind, const char *title, const void *data, size_t size)
{
        json_t *item = json_pack("{s:s,s:s,s:[]}", "kind", kind, "title", title, "lines");

        if (data && strcmp(kind, "file") == 0) {
                json_object_set_new(item, "text", json_stringn(data, size));
        } else if (data) {
                _cleanup_free_ char *hex = malloc(2 * size + 1);

                if (hex)
                        json_object_set_new(item, "hex", json_string(hex_text(data, size, hex)));
        }
        if (data)
                json_object_set_new(item, "size", json_integer((json_int_t)size));
        json_array_append_new(arg, item);
}

static void
add_line(void *arg, const char *text, const char *why)
{
        json_t *item = json_array_get(arg, json_array_size(arg) - 1);

        json_array_append_new(json_object_get(item, "lines"), json_pack("{s:s,s:s}", "text", text, "why", why));
}

/* What stands against it, for the firmware that is asked about. */
static void
add_findings(struct core *c, const struct explain_request *r, const struct explain_sink *sink)
{
        struct policy_host known;
        const struct policy_host *host = policy_host_by_mac(r->policy, &r->mac, &known);
        struct guard_report report = {0};
        struct policy_chosen chosen;
        struct policy_time t;
        struct firmware fw;

        policy_time_at(r->now_ms, &t);
        policy_choose(r->policy, host, &t, &chosen);
        if (!chosen.image || !explain_firmware(r->firmware, &fw))
                return;
        core_guard_chosen(c, r->policy, host, &chosen, &fw, &report);
        sink->item(sink->arg, "guard", report.n_findings ? "what stands against it" : "nothing stands against it", NULL, 0);
        for (uint32_t i = 0; i < report.n_findings; i++) {
                const struct guard_finding *f = &report.findings[i];
                char text[400];

                snprintf(text, sizeof(text), "%s: %s [%s]", guard_level_names[f->level], f->text, guard_code_names[f->code]);
                sink->line(sink->arg, text, f->remedy);
        }
}

/* Its own server: that of a satellite's host is the satellite, once it has told of its LAN. */
static struct policy *
policy_of(struct core *c, struct core_host *h, struct explain_request *r, const struct explain_sink *sink)
{
        const struct core_satellite *s = h ? core_satellite_of(c, h) : NULL;
        char why[NAME_SIZE + 32], text[NAME_SIZE + 80];

        r->address = c->config->network.address;
        if (!s)
                return core_policy_now(c);
        snprintf(why, sizeof(why), "the host's label '%s'", s->row.label);
        sink->item(sink->arg, "decision", "who answers", NULL, 0);
        if (s->row.n_networks == 0) {
                snprintf(text, sizeof(text), "satellite '%s' has not told of its LAN yet: shown is this server's answer",
                         s->row.name);
                sink->line(sink->arg, text, why);
                return core_policy_now(c);
        }
        snprintf(text, sizeof(text), "satellite '%s', which is %s", s->row.name,
                 !s->conn                                     ? "away and goes on with what it has"
                 : s->state.generation == s->offer.generation ? "up to date"
                                                              : "fetching what follows");
        sink->line(sink->arg, text, why);
        r->address = s->row.networks[0].address;
        return core_policy_for(c, s);
}

json_t *
core_explain_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        CLEANUP(policy_free) struct policy *policy = NULL;
        struct explain_request r = {.firmware = *m->filter ? m->filter : explain_firmware_name(0),
                                    .now_ms = m->number ? (int64_t)m->number : core_wall(c)};
        struct core_host *h = core_host_find(c, m->name);
        json_t *items = json_array();
        const struct explain_sink sink = {.item = add_item, .line = add_line, .arg = items};
        struct core_unknown *u;
        char mac[MAC_TEXT_SIZE];
        int e = 0;

        if (h)
                r.mac = h->row.host.mac;
        else if (parse_mac(m->name, &r.mac) < 0)
                e = error_set(err, ERR_NOT_FOUND, "'%s' is neither a host nor a MAC address", m->name);
        else if ((h = core_host_by_mac(c, &r.mac)))
                r.mac = h->row.host.mac;
        u = e == 0 && !h ? core_unknown_find(c, &r.mac) : NULL;
        if (u) {
                r.hardware = &u->row.hardware;
                r.network = u->row.seen.network;
        }
        if (e == 0)
                r.policy = policy = policy_of(c, h, &r, &sink);
        if (e == 0 && !policy)
                e = error_set(err, ERR_NO_SPACE, "no memory for the policy");
        if (e == 0)
                e = explain_boot(&r, &sink, err);
        if (e == 0)
                add_findings(c, &r, &sink);
        if (e == 0)
                return json_pack("{s:s,s:s,s:s,s:I,s:o}", "host", h ? h->row.host.name : "", "mac", mac_text(&r.mac, mac),
                                 "firmware", r.firmware, "time_ms", (json_int_t)r.now_ms, "items", items);
        json_decref(items);
        return NULL;
}
