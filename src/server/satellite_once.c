/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Next boot only" of a satellite's hosts, ended here by the same signs as at the main server (core_profile.c), since that one
 * may be away: a dom0 or RAM image of ours by its first report, what never reports two minutes after its menu was sent. The
 * satellite's own copy of the snapshot is changed (policy_once.h); the main server comes to the same by the reports.
 * Runs in: satellite.
 *
 * A snapshot that was made before the main server had these reports has the order again: what was ended here, and what reports
 * that wait tell, is ended in it once more.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bootcfg/policy_once.h"
#include "bootcfg/token.h"
#include "server/satellite.h"

#define GRACE_MS (2 * 60000)
#define TICK_MS 1000
#define ORDERS_MAX 1024  /* remembered; the oldest falls out */
#define EDITION_SHIFT 44 /* generations are milliseconds: above them stands how often a snapshot was changed here */
#define EDITIONS (1u << 18)

struct order {
        struct mac mac;
        uint32_t set_s;
        int64_t sent_ms; /* its menu left; 0: not yet, or it does not count by that */
        bool over;
};

struct satellite_once {
        struct satellite_role *s;
        struct policy *policy; /* in force; NULL: none */
        uint32_t edition;
        struct order orders[ORDERS_MAX];
        size_t n_orders;
        uv_timer_t timer;
};

uint64_t
satellite_once_generation(uint64_t generation)
{
        return generation & ((UINT64_C(1) << EDITION_SHIFT) - 1);
}

/* The host's order in the snapshot in force, and the kind of profile that it names. */
static const struct policy_choice *
order_of(const struct satellite_once *o, const struct mac *mac, const struct policy_profile **ret_profile)
{
        const struct policy_choice *c;
        struct policy_host host;

        if (!o->policy || !policy_host_by_mac(o->policy, mac, &host))
                return NULL;
        c = policy_once_of(&host);
        if (c)
                *ret_profile = policy_profile_at(o->policy, c->profile);
        return c;
}

static struct order *
remember(struct satellite_once *o, const struct mac *mac, uint32_t set_s)
{
        for (size_t i = 0; i < o->n_orders; i++)
                if (mac_eq(&o->orders[i].mac, mac) && o->orders[i].set_s == set_s)
                        return &o->orders[i];
        if (o->n_orders == ORDERS_MAX)
                memmove(o->orders, o->orders + 1, --o->n_orders * sizeof(*o->orders));
        o->orders[o->n_orders] = (struct order){.mac = *mac, .set_s = set_s};
        return &o->orders[o->n_orders++];
}

static void
load(struct satellite_once *o)
{
        _cleanup_close_ int fd = satellite_disk_policy(o->s->disk);
        struct error err;

        policy_free(o->policy);
        o->policy = NULL;
        if (fd >= 0 && policy_map(fd, &o->policy, &err) < 0)
                o->policy = NULL;
}

/* Changes the snapshot in force; boot and files are not told yet. */
static bool
end_in_snapshot(struct satellite_once *o, const struct mac *mac)
{
        uint64_t generation = satellite_once_generation(policy_header(o->policy)->generation);
        _cleanup_free_ uint8_t *bytes = NULL;
        char text[MAC_TEXT_SIZE];
        struct error err = {0};
        size_t size;
        int r;

        o->edition = (o->edition + 1) % EDITIONS;
        r = policy_once_end(o->policy, mac, generation | (uint64_t)o->edition << EDITION_SHIFT, &bytes, &size);
        if (r < 0)
                error_errno_set(&err, -r, "the snapshot");
        else
                r = satellite_disk_replace_policy(o->s->disk, bytes, size, &err);
        if (r < 0) {
                log_error("host=%s boots once more as for one boot: %s", mac_text(mac, text), err.message);
                return false;
        }
        log_info("host=%s its profile for one boot is over", mac_text(mac, text));
        load(o);
        return o->policy != NULL;
}

static void
end(struct satellite_once *o, const struct mac *mac, uint32_t set_s)
{
        remember(o, mac, set_s)->over = true;
        if (end_in_snapshot(o, mac))
                satellite_policy_changed(o->s, policy_header(o->policy)->generation);
}

/* As core_profile_phoned_home: a menu rendered before the order is of the boot before. */
static void
take_init(struct satellite_once *o, const struct msg_init_report *m)
{
        const struct policy_profile *profile;
        const struct policy_choice *order;
        struct token token;
        struct error err;

        if ((m->failed && strcmp(m->stage, INIT_ROOT_FAILED) != 0) || !o->policy ||
            token_verify(policy_header(o->policy)->token_key, m->token, INT64_MIN, &token, &err) < 0)
                return;
        order = order_of(o, &token.mac, &profile);
        if (order && profile_kind_boots_image(profile->kind) && token.attempt_ms / 1000 >= order->set_s)
                end(o, &token.mac, order->set_s);
}

/* As core_profile_delivered. */
static void
take_boot(struct satellite_once *o, const struct msg_boot_event *m)
{
        const struct policy_profile *profile;
        const struct policy_choice *order = m->note == BOOT_NOTE_NONE ? order_of(o, &m->mac, &profile) : NULL;
        struct order *known;

        if (!order || profile_kind_boots_image(profile->kind) || m->time_ms / 1000 < order->set_s)
                return;
        if (m->stage != STAGE_MENU && !(profile->kind == PROFILE_CHAIN && m->stage == STAGE_DHCP))
                return;
        known = remember(o, &m->mac, order->set_s);
        if (!known->sent_ms)
                known->sent_ms = m->time_ms;
}

void
satellite_once_report(struct satellite_once *o, enum msg_type type, const void *payload)
{
        if (type == MSG_INIT_REPORT)
                take_init(o, payload);
        else if (type == MSG_BOOT_EVENT)
                take_boot(o, payload);
}

static void
tick(uv_timer_t *timer)
{
        struct satellite_once *o = timer->data;
        int64_t now_ms = clock_wall_ms(&o->s->ctx->clock);
        const struct policy_profile *profile;

        for (size_t i = 0; i < o->n_orders; i++) {
                struct order *known = &o->orders[i];
                const struct policy_choice *order;

                if (known->over || !known->sent_ms || now_ms - known->sent_ms < GRACE_MS)
                        continue;
                known->over = true;
                order = order_of(o, &known->mac, &profile);
                if (order && order->set_s == known->set_s)
                        end(o, &known->mac, known->set_s);
        }
}

static void
replay(struct satellite_once *o)
{
        const struct satellite_report *r;

        for (uint64_t seq = 0; (r = satellite_journal_after(o->s->journal, seq)); seq = r->seq) {
                const struct rec_desc *d =
                        r->type == MSG_INIT_REPORT || r->type == MSG_BOOT_EVENT ? message_desc(r->type) : NULL;
                _cleanup_free_ void *payload = d ? calloc(1, d->size) : NULL;

                if (!payload || rec_decode(d, r->data, r->size, payload) < 0)
                        continue;
                satellite_once_report(o, r->type, payload);
                rec_clear(d, payload);
        }
}

void
satellite_once_published(struct satellite_once *o)
{
        const struct policy_profile *profile;
        const struct policy_choice *order;

        load(o);
        for (size_t i = 0; i < o->n_orders && o->policy; i++) {
                order = o->orders[i].over ? order_of(o, &o->orders[i].mac, &profile) : NULL;
                if (order && order->set_s == o->orders[i].set_s)
                        end_in_snapshot(o, &o->orders[i].mac);
        }
        replay(o);
}

struct satellite_once *
satellite_once_new(struct satellite_role *s)
{
        struct satellite_once *o = calloc(1, sizeof(*o));

        if (!o)
                return NULL;
        o->s = s;
        load(o);
        /* boot and files tell snapshots apart by their numbers: one changed before a restart has its own. */
        if (o->policy)
                o->edition = (uint32_t)(policy_header(o->policy)->generation >> EDITION_SHIFT) % EDITIONS;
        uv_timer_init(s->ctx->loop, &o->timer);
        o->timer.data = o;
        uv_timer_start(&o->timer, tick, TICK_MS, TICK_MS);
        return o;
}
