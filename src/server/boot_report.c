/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the `boot` role tells core. Nothing depends on core's listening: boot events that find core away are kept, a bounded
 * number of them, the oldest given up first; leases are in the journal and told again as a whole.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bootcfg/enrol_choice.h"
#include "bootcfg/quirk_match.h"
#include "server/boot.h"

#define KEEP_EVENTS 2048
#define GATHER_MS 50       /* what core is told of within that time goes to it together, and is one commit there */
#define UNKNOWN_SLOTS 4096 /* direct-mapped by the MAC: a flood of invented ones overwrites, it does not grow */
#define UNKNOWN_REPEAT_MS 10000
#define UNKNOWN_PER_SECOND 50
#define BOOT_REPEAT_MS 3000 /* no machine gets to the same point again that fast */
#define FOREIGN_SLOTS 1024  /* likewise, by MAC and server */
#define FOREIGN_REPEAT_MS (60 * 60 * 1000)

struct unknown_slot {
        struct mac mac;
        int64_t told_ms;
};

struct foreign_slot {
        struct mac mac;
        uint32_t server; /* 0: free */
        int64_t told_ms;
};

/* What a host got last: firmware and its loaders ask for their address again and again, and a storm must not bury core. */
struct told {
        int64_t time_ms;
        uint32_t what; /* hash of a name */
        uint32_t seen; /* hash of what its firmware shows of itself; 0: nothing yet */
};

/* So many a second. */
struct rate {
        int64_t second_ms; /* start of the second that is counted */
        unsigned told;
};

struct boot_reports {
        struct role_ctx *ctx;
        uv_timer_t gather;
        struct msg_boot_event kept[KEEP_EVENTS]; /* ring */
        unsigned first, n_kept;
        struct unknown_slot unknown[UNKNOWN_SLOTS];
        struct rate refused, asking; /* unknown machines: those that no rule lets in, and the others */
        struct foreign_slot foreign[FOREIGN_SLOTS];
        struct told *told; /* for each host of the policy of `generation` */
        uint64_t generation;
};

struct boot_reports *
boot_reports_new(struct role_ctx *ctx)
{
        struct boot_reports *r = calloc(1, sizeof(*r));

        if (!r)
                return NULL;
        r->ctx = ctx;
        uv_timer_init(ctx->loop, &r->gather);
        r->gather.data = r;
        return r;
}

void
boot_reports_flush(struct boot_reports *r)
{
        uv_timer_stop(&r->gather);
        role_hold(r->ctx, role_home(r->ctx), false);
}

static void
on_gathered(uv_timer_t *timer)
{
        boot_reports_flush(timer->data);
}

/* All that core is told. Nobody waits for it to hear, and a storm of single messages would cost both sides more than the boots.
 */
static int
send_core(struct boot_reports *r, enum msg_type type, const void *payload)
{
        if (!uv_is_active((uv_handle_t *)&r->gather)) {
                role_hold(r->ctx, role_home(r->ctx), true);
                uv_timer_start(&r->gather, on_gathered, GATHER_MS, 0);
        }
        return role_send(r->ctx, role_home(r->ctx), type, payload, -1);
}

void
boot_reports_free(struct boot_reports *r)
{
        if (r)
                free(r->told);
        free(r);
}

static void
keep(struct boot_reports *r, const struct msg_boot_event *m)
{
        if (r->n_kept == KEEP_EVENTS) {
                r->first = (r->first + 1) % KEEP_EVENTS;
                r->n_kept--;
        }
        r->kept[(r->first + r->n_kept++) % KEEP_EVENTS] = *m;
}

static void
tell(struct boot_reports *r, struct msg_boot_event *m, const char *text)
{
        m->time_ms = clock_wall_ms(&r->ctx->clock);
        str_copy(m->text, sizeof(m->text), text);
        if (send_core(r, MSG_BOOT_EVENT, m) < 0)
                keep(r, m);
}

void
boot_report_stage(struct boot_reports *r, const struct mac *mac, uint32_t address, enum boot_stage stage, int64_t attempt_ms,
                  const char *text)
{
        tell(r, &(struct msg_boot_event){.mac = *mac, .address = address, .stage = stage, .attempt_ms = attempt_ms}, text);
}

void
boot_report_firmware(struct boot_reports *r, const struct mac *mac, uint32_t address, const struct firmware *f,
                     const char *text)
{
        tell(r,
             &(struct msg_boot_event){.mac = *mac,
                                      .address = address,
                                      .stage = STAGE_DHCP,
                                      .asked = {.client = f->client, .arch = f->arch, .features = f->features}},
             text);
}

#define HASH_START 2166136261u

/* FNV-1a, going on from @hash. */
static uint32_t
hash_more(uint32_t hash, const void *bytes, size_t size)
{
        const unsigned char *p = bytes;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * 16777619u;
        return hash;
}

/* What was told last of the host; NULL: it is none of the policy. */
static struct told *
told_of(struct boot_reports *r, const struct policy *p, const struct mac *mac)
{
        struct policy_host host;

        if (!p || !policy_host_by_mac(p, mac, &host))
                return NULL;
        if (!r->told || r->generation != policy_header(p)->generation) {
                free(r->told);
                r->told = calloc(policy_header(p)->n_hosts, sizeof(*r->told));
                r->generation = policy_header(p)->generation;
        }
        return r->told ? &r->told[host.index] : NULL;
}

bool
boot_report_due(struct boot_reports *r, const struct policy *p, const struct mac *mac, const char *what)
{
        struct told *last = told_of(r, p, mac);
        int64_t now_ms = clock_mono_ms(&r->ctx->clock);
        uint32_t hash = hash_more(HASH_START, what, strlen(what));

        if (!last)
                return true;
        if (last->time_ms != 0 && last->what == hash && now_ms - last->time_ms < BOOT_REPEAT_MS)
                return false;
        last->time_ms = now_ms;
        last->what = hash;
        return true;
}

void
boot_report_note(struct boot_reports *r, const struct mac *mac, uint32_t address, enum boot_stage stage,
                 enum boot_note_kind note, bool firmware, const char *text)
{
        tell(r, &(struct msg_boot_event){.mac = *mac, .address = address, .stage = stage, .note = note, .firmware = firmware},
             text);
}

static struct msg_lease_event
event_of(const struct lease *l)
{
        return (struct msg_lease_event){.mac = l->mac, .address = l->address, .state = l->state, .expiry_ms = lease_end(l)};
}

/* Who is away is told when it is up again. */
static void
tell_files(void *arg, const struct lease *l)
{
        const struct msg_lease_event m = event_of(l);
        struct boot_reports *r = arg;

        if (l->state != LEASE_OFFERED)
                role_send(r->ctx, ROLE_FILES, MSG_LEASE_EVENT, &m, -1);
}

static void
tell_core(void *arg, const struct lease *l)
{
        const struct msg_lease_event m = event_of(l);

        if (l->state != LEASE_OFFERED)
                send_core(arg, MSG_LEASE_EVENT, &m);
}

void
boot_report_lease(struct boot_reports *r, const struct lease *l)
{
        tell_files(r, l);
        tell_core(r, l);
}

static bool
rate_take(struct rate *rate, int64_t now_ms)
{
        if (now_ms - rate->second_ms >= 1000)
                *rate = (struct rate){.second_ms = now_ms};
        return rate->told < UNKNOWN_PER_SECOND && rate->told++ < UNKNOWN_PER_SECOND;
}

static bool
unknown_due(struct boot_reports *r, struct rate *rate, const struct mac *mac, int64_t now_ms)
{
        struct unknown_slot *s = &r->unknown[mac_hash(mac) % UNKNOWN_SLOTS];

        if (mac_eq(&s->mac, mac) && now_ms - s->told_ms < UNKNOWN_REPEAT_MS)
                return false;
        if (!rate_take(rate, now_ms))
                return false;
        *s = (struct unknown_slot){.mac = *mac, .told_ms = now_ms};
        return true;
}

static void
seen_of(struct boot_reports *r, const struct policy *policy, const struct dhcp_packet *p, const struct config_network *network,
        struct machine_seen *ret)
{
        struct firmware firmware;
        const uint8_t *uuid;
        size_t size;

        *ret = (struct machine_seen){
                .time_ms = clock_wall_ms(&r->ctx->clock), .arch = UINT32_MAX, .network = MACHINE_NO_NETWORK};
        if (network)
                ret->network = (uint32_t)(network - policy_header(policy)->networks);
        if (firmware_parse(p, &firmware)) {
                ret->arch = firmware.arch;
                ret->firmware = quirk_firmware_of(&firmware);
        }
        uuid = dhcp_option(p, DHCP_OPT_CLIENT_UUID, &size);
        if (uuid && size == sizeof(ret->uuid) + 1) /* a type byte comes first */
                memcpy(ret->uuid, uuid + 1, sizeof(ret->uuid));
}

/* Whether a rule lets it in is core's to say; here it is sorted, so that each kind has its own rate. */
static bool
may_be_let_in(const struct policy *policy, const struct msg_machine_seen *m, const struct config_network *network)
{
        struct enrol_facts f = {.mac = m->mac, .network = network, .firmware = m->seen.firmware};

        if (!policy || policy_header(policy)->n_enrols == 0)
                return false;
        policy_time_at(m->seen.time_ms, &f.time);
        return enrol_may_let_in(policy_enrols(policy), policy_header(policy)->n_enrols, &f);
}

void
boot_report_unknown(struct boot_reports *r, const struct policy *policy, const struct dhcp_packet *p,
                    const struct config_network *network)
{
        struct msg_machine_seen m = {.mac = p->h.mac};

        seen_of(r, policy, p, network, &m.seen);
        if (!unknown_due(r, may_be_let_in(policy, &m, network) ? &r->asking : &r->refused, &p->h.mac,
                         clock_mono_ms(&r->ctx->clock)))
                return;
        dhcp_option_text(p, DHCP_OPT_VENDOR_CLASS, m.vendor_class, sizeof(m.vendor_class));
        send_core(r, MSG_MACHINE_SEEN, &m);
}

void
boot_report_seen(struct boot_reports *r, const struct policy *policy, const struct dhcp_packet *p,
                 const struct config_network *network)
{
        struct told *last = told_of(r, policy, &p->h.mac);
        struct msg_machine_seen m = {.mac = p->h.mac};
        uint32_t hash;

        seen_of(r, policy, p, network, &m.seen);
        if (!last || m.seen.firmware == 0)
                return; /* an operating system shows nothing */
        hash = hash_more(HASH_START, m.seen.uuid, sizeof(m.seen.uuid));
        hash = hash_more(hash, &m.seen.network, sizeof(m.seen.network)) | 1u; /* 0 means that nothing was told */
        if (last->seen == hash)
                return;
        last->seen = hash;
        send_core(r, MSG_MACHINE_SEEN, &m);
}

void
boot_report_foreign(struct boot_reports *r, const struct dhcp_decision *d)
{
        const struct mac *mac = &d->host->mac;
        struct foreign_slot *s = &r->foreign[(mac_hash(mac) ^ d->foreign) % FOREIGN_SLOTS];
        const struct msg_foreign_dhcp m = {.mac = *mac,
                                           .server = d->foreign,
                                           .address = d->wanted,
                                           .offered = d->offered,
                                           .time_ms = clock_wall_ms(&r->ctx->clock)};
        int64_t now_ms = clock_mono_ms(&r->ctx->clock);
        char ip[IP4_TEXT_SIZE];

        if (s->server == d->foreign && mac_eq(&s->mac, mac) && now_ms - s->told_ms < FOREIGN_REPEAT_MS)
                return;
        *s = (struct foreign_slot){.mac = *mac, .server = d->foreign, .told_ms = now_ms};
        log_warning("another DHCP server answers host=%s server=%s offered=%s", d->host->name, ip4_text(d->foreign, ip),
                    d->offered ? "yes" : "no");
        send_core(r, MSG_FOREIGN_DHCP, &m);
}

void
boot_reports_files_up(struct boot_reports *r, const struct lease_table *leases)
{
        role_hold(r->ctx, ROLE_FILES, true); /* a system call for each would keep the first machine waiting */
        lease_table_each(leases, tell_files, r);
        role_hold(r->ctx, ROLE_FILES, false);
}

void
boot_reports_core_up(struct boot_reports *r, const struct lease_table *leases)
{
        lease_table_each(leases, tell_core, r);
        while (r->n_kept > 0) {
                if (send_core(r, MSG_BOOT_EVENT, &r->kept[r->first]) < 0)
                        return;
                r->first = (r->first + 1) % KEEP_EVENTS;
                r->n_kept--;
        }
}
