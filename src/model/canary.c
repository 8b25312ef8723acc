/* SPDX-License-Identifier: Apache-2.0 */
/* Canaries as data, and what becomes of their hosts. No I/O; linked by core and by tests. */
#include "model/canary.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const canary_state_names[] = {
        [CANARY_TESTING] = "testing",
        [CANARY_GOING_BACK] = "going-back",
        [CANARY_PROMOTED] = "promoted",
        [CANARY_ROLLED_BACK] = "rolled-back",
        [CANARY_N] = NULL,
};

const char *const canary_host_state_names[] = {
        [CANARY_HOST_BOOTING] = "booting", [CANARY_HOST_WATCHED] = "watched", [CANARY_HOST_GOOD] = "good",
        [CANARY_HOST_FAILED] = "failed",   [CANARY_HOST_BACK] = "back",       [CANARY_HOST_GOING_BACK] = "going-back",
        [CANARY_HOST_AWAY] = "away",       [CANARY_HOST_LEFT] = "left",       [CANARY_HOST_N] = NULL,
};

static const struct rec_field canary_host_fields[] = {
        REC_STR(struct canary_host, host),           REC_STR(struct canary_host, version),
        REC_I64(struct canary_host, since_ms),       REC_ENUM(struct canary_host, state, canary_host_state_names),
        REC_I64(struct canary_host, attempt_ms),     REC_U64(struct canary_host, operation),
        REC_STR(struct canary_host, text),           REC_U64(struct canary_host, guest),
        REC_BOOL(struct canary_host, guest_started), REC_BOOL(struct canary_host, guest_gone),
        REC_I64(struct canary_host, guest_asked_ms),
};
const struct rec_desc canary_host_desc = REC_DESC(struct canary_host, canary_host_fields);

static const struct rec_field canary_fields[] = {
        REC_U64(struct canary, id),
        REC_ENUM(struct canary, state, canary_state_names),
        REC_STR(struct canary, profile),
        REC_STR(struct canary, image),
        REC_STR(struct canary, version),
        REC_STR(struct canary, by),
        REC_I64(struct canary, began_ms),
        REC_I64(struct canary, ended_ms),
        REC_I64(struct canary, back_ms),
        REC_U32(struct canary, ready_seconds),
        REC_U32(struct canary, watch_seconds),
        REC_STR(struct canary, text),
        REC_LIST(struct canary, hosts, canary_host_desc),
        REC_U32(struct canary, n_waiting),
        REC_BLOB(struct canary, waiting, CANARY_MAX_NAMES),
};
const struct rec_desc canary_desc = REC_DESC(struct canary, canary_fields);

static bool become(struct canary_host *h, enum canary_host_state state, int64_t now_ms, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

static bool
become(struct canary_host *h, enum canary_host_state state, int64_t now_ms, const char *fmt, ...)
{
        va_list ap;

        h->state = state;
        h->since_ms = now_ms;
        va_start(ap, fmt);
        vsnprintf(h->text, sizeof(h->text), fmt, ap);
        va_end(ap);
        return true;
}

static bool
runs_version(const struct canary_host *h, const struct canary_sight *now)
{
        return strncmp(now->image, h->version, CANARY_VERSION_SIZE - 1) == 0;
}

/* Its menu was rendered before the trial as long as the boot is not a new one, so a word of the dom0 before counts for nothing.
 */
static bool
judge_booting(const struct canary *c, struct canary_host *h, const struct canary_sight *now, int64_t now_ms)
{
        bool came = now->attempt_ms > c->began_ms;

        if (came && now->ready && !runs_version(h, now))
                return become(h, CANARY_HOST_FAILED, now_ms, "it came up with image %.16s instead of %s",
                              *now->image ? now->image : "unknown", h->version);
        if (came && now->ready) {
                h->attempt_ms = now->attempt_ms;
                return become(h, CANARY_HOST_WATCHED, now_ms, "ready %lld s after it was told",
                              (long long)(now_ms - c->began_ms) / 1000);
        }
        if (!came && *now->refused)
                return become(h, CANARY_HOST_FAILED, now_ms, "it was not rebooted: %.160s", now->refused);
        if (now_ms - c->began_ms <= (int64_t)c->ready_seconds * 1000)
                return false;
        return become(h, CANARY_HOST_FAILED, now_ms, "not ready within %u s: it is %s, its boot got as far as '%s'",
                      c->ready_seconds, now->state, *now->stage ? now->stage : "nothing");
}

/* An agent that is away for a moment is not ill: core says of a host that it is lost. At the end it must be there. */
static bool
judge_watched(const struct canary *c, struct canary_host *h, const struct canary_sight *now, int64_t now_ms)
{
        long long seconds = (long long)(now_ms - h->since_ms) / 1000;

        if (now->attempt_ms != h->attempt_ms)
                return become(h, CANARY_HOST_FAILED, now_ms, "it was booted again %lld s after it was ready", seconds);
        if (!now->ready)
                return become(h, CANARY_HOST_FAILED, now_ms, "%lld s after it was ready it is %s", seconds, now->state);
        if (*now->guest_refused)
                return become(h, CANARY_HOST_FAILED, now_ms, "a guest does not start on it: %.150s", now->guest_refused);
        if (h->state == CANARY_HOST_GOOD || !now->connected || seconds < (long long)c->watch_seconds ||
            (now->takes_guest && !h->guest_started))
                return false;
        return become(h, CANARY_HOST_GOOD, now_ms, "ready for %lld s, %s", seconds,
                      now->takes_guest ? "a guest started on it" : "and it runs no PVH guests, so none was tried");
}

/* Does it run what was tried, from before it was told to go back? */
static bool
runs_trial(const struct canary *c, const struct canary_host *h, const struct canary_sight *now)
{
        return now->attempt_ms > c->began_ms && now->attempt_ms <= c->back_ms && runs_version(h, now);
}

static bool
judge_going_back(const struct canary *c, struct canary_host *h, const struct canary_sight *now, int64_t now_ms)
{
        if (now->ready && !runs_trial(c, h, now)) {
                h->state = CANARY_HOST_BACK; /* its text still says why */
                h->since_ms = now_ms;
                return true;
        }
        if (now->ready && now->n_domains)
                return become(h, CANARY_HOST_LEFT, now_ms, "it has %u domains; it has what it had when it is booted again",
                              now->n_domains);
        if (now_ms - c->back_ms <= (int64_t)c->ready_seconds * 1000)
                return false;
        return become(h, CANARY_HOST_AWAY, now_ms, "it has not come back within %u s: switch it off and on", c->ready_seconds);
}

bool
canary_judge(const struct canary *c, struct canary_host *h, const struct canary_sight *now, int64_t now_ms)
{
        bool ended = h->state == CANARY_HOST_FAILED || h->state >= CANARY_HOST_BACK;

        if (ended)
                return false;
        if (!now->known)
                return become(h, c->state == CANARY_TESTING ? CANARY_HOST_FAILED : CANARY_HOST_BACK, now_ms,
                              "it is no host any more");
        if (h->state == CANARY_HOST_BOOTING)
                return judge_booting(c, h, now, now_ms);
        if (h->state == CANARY_HOST_GOING_BACK)
                return judge_going_back(c, h, now, now_ms);
        return judge_watched(c, h, now, now_ms);
}

bool
canary_wants_reboot(const struct canary *c, const struct canary_host *h, const struct canary_sight *now)
{
        return h->state == CANARY_HOST_GOING_BACK && now->known && now->ready && !now->n_domains && runs_trial(c, h, now);
}

enum canary_state
canary_verdict(const struct canary *c)
{
        uint32_t good = 0, settled = 0;

        for (uint32_t i = 0; i < c->n_hosts; i++) {
                good += c->hosts[i].state == CANARY_HOST_GOOD;
                settled += c->hosts[i].state >= CANARY_HOST_BACK;
        }
        if (c->state == CANARY_TESTING && canary_failure(c))
                return CANARY_GOING_BACK;
        if (c->state == CANARY_TESTING && good == c->n_hosts)
                return CANARY_PROMOTED;
        if (c->state == CANARY_GOING_BACK && settled == c->n_hosts)
                return CANARY_ROLLED_BACK;
        return (enum canary_state)c->state;
}

const struct canary_host *
canary_failure(const struct canary *c)
{
        for (uint32_t i = 0; i < c->n_hosts; i++)
                if (c->hosts[i].state == CANARY_HOST_FAILED)
                        return &c->hosts[i];
        return NULL;
}
