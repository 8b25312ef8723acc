/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet captures: whether one may begin, what its watcher is told of the boot, and when it is over. The packets themselves go
 * from capture to api. Process: core.
 *
 *     CAPTURE_OPEN --> CAPTURE_SOCKET to the parent --> boots are told by CAPTURE_NOTE --+--> CAPTURE_CLOSE to capture, which
 * says |                                                      |    good-bye to api with the last packets
 *                                +-- CAPTURE_CLOSE of the parent: on to api, over       +-- CAPTURE_CLOSE of api: over
 *
 * A boot is over when its host is ready; where nobody phones home (the local disk, another server), when it has been quiet for
 * a while; and in any case when the next one begins.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rec_json.h"
#include "server/core_private.h"
#include "server/core_text.h"

#define QUIET_MS 15000    /* of a boot of which nothing more is expected */
#define GOOD_BYE_MS 15000 /* capture and api have so long */

/* The host or the MAC that @name means. */
static int
find_machine(struct core *c, const char *name, struct mac *ret, struct core_host **ret_host, struct error *err)
{
        struct core_host *h = core_host_find(c, name);

        if (h)
                *ret = h->row.host.mac;
        else if (parse_mac(name, ret) < 0)
                return error_set(err, ERR_NOT_FOUND, "'%s' is neither a host nor a MAC address", name);
        *ret_host = h ? h : core_host_by_mac(c, ret);
        return 0;
}

static uint32_t
count(const struct core *c)
{
        const struct core_capture *k;
        uint32_t n = 0;

        DL_FOREACH(c->captures, k)
        n++;
        return n;
}

static int
check_free(const struct core *c, struct error *err)
{
        if (!c->peers[ROLE_CAPTURE])
                return error_set(err, ERR_UNREACHABLE,
                                 "the process that captures is being started again; try again in a moment");
        if (count(c) >= CORE_MAX_CAPTURES)
                return error_set(err, ERR_LIMIT, "%d captures run, the most at a time", CORE_MAX_CAPTURES);
        return 0;
}

json_t *
core_capture_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        struct core_host *h = NULL;
        char text[MAC_TEXT_SIZE];
        struct mac mac;

        if (find_machine(c, m->name, &mac, &h, err) || check_free(c, err))
                return NULL;
        return json_pack("{s:s,s:s}", "host", h ? h->row.host.name : "", "mac", mac_text(&mac, text));
}

/* --- to the others --- */

static void note(struct core *c, const struct core_capture *k, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
note(struct core *c, const struct core_capture *k, const char *fmt, ...)
{
        struct msg_capture_note m = {.session = k->session};
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(m.text, sizeof(m.text), fmt, ap);
        va_end(ap);
        core_text_clean(m.text);
        core_send(c, ROLE_API, MSG_CAPTURE_NOTE, &m);
}

static void
tell_close(struct core *c, enum role to, uint64_t session, enum error_code code, const char *text)
{
        struct msg_capture_close m = {.session = session};

        str_copy(m.code, sizeof(m.code), error_text(code));
        str_copy(m.text, sizeof(m.text), text);
        core_send(c, to, MSG_CAPTURE_CLOSE, &m);
}

static void
forget(struct core *c, struct core_capture *k, const char *why)
{
        core_event(c, "host", k->name, "capture-ended", 0, "%u boots seen to begin; %s", k->begun, *k->why ? k->why : why);
        DL_DELETE(c->captures, k);
        free(k);
}

/* It is over: capture sends api what it still has, and api's own good-bye ends it here. */
static void
end(struct core *c, struct core_capture *k, const char *text)
{
        if (k->ending_mono_ms)
                return;
        k->ending_mono_ms = core_mono(c);
        str_copy(k->why, sizeof(k->why), text);
        tell_close(c, ROLE_CAPTURE, k->session, ERR_NONE, text);
}

static struct core_capture *
find(struct core *c, uint64_t session)
{
        struct core_capture *k;

        DL_FOREACH(c->captures, k)
        if (k->session == session)
                return k;
        return NULL;
}

/* --- its beginning and end --- */

static int
check_open(struct core *c, const struct msg_capture_open *m, struct error *err)
{
        if (m->boots < 1 || m->boots > CAPTURE_MAX_BOOTS)
                return error_set(err, ERR_INVALID, "boots: 1 to %d", CAPTURE_MAX_BOOTS);
        if (m->seconds < 1 || m->seconds > CAPTURE_MAX_SECONDS)
                return error_set(err, ERR_INVALID, "seconds: 1 to %d", CAPTURE_MAX_SECONDS);
        if (m->snap != CAPTURE_WHOLE && (m->snap < CAPTURE_SNAP_MIN || m->snap > CAPTURE_SNAP_MAX))
                return error_set(err, ERR_INVALID, "snap: %d to %d, or 0 for whole packets", CAPTURE_SNAP_MIN,
                                 CAPTURE_SNAP_MAX);
        if (find(c, m->session))
                return error_set(err, ERR_PROTOCOL, "capture session %" PRIu64 " is there already", m->session);
        return check_free(c, err);
}

void
core_capture_open(struct core *c, const struct msg_capture_open *m)
{
        struct msg_capture_socket order = {.session = m->session, .snap = m->snap};
        struct core_capture *k = NULL;
        struct core_host *h = NULL;
        struct error err;
        int r = check_open(c, m, &err);

        if (r == 0)
                r = find_machine(c, m->name, &order.mac, &h, &err);
        if (r == 0 && !(k = calloc(1, sizeof(*k))))
                r = error_set(&err, ERR_NO_SPACE, "no memory for a capture");
        if (r < 0) {
                tell_close(c, ROLE_API, m->session, err.code, err.message);
                return;
        }
        *k = (struct core_capture){.session = m->session,
                                   .mac = order.mac,
                                   .boots = m->boots,
                                   .end_mono_ms = core_mono(c) + (int64_t)m->seconds * 1000};
        if (h)
                str_copy(k->name, sizeof(k->name), h->row.host.name);
        else
                mac_text(&order.mac, k->name);
        if (h) /* of a host with a fixed address behind a relay agent, this is all there is to know its packets by */
                order.address = h->row.host.address;
        DL_APPEND(c->captures, k);
        core_event(c, "host", k->name, "capture", 0, "packets of %u boots, %u s at most, by %s", m->boots, m->seconds, m->by);
        core_send(c, ROLE_PARENT, MSG_CAPTURE_SOCKET, &order);
}

void
core_capture_close(struct core *c, const struct msg_capture_close *m)
{
        struct core_capture *k = find(c, m->session);
        enum error_code code = m->code[0] ? error_from_text(m->code) : ERR_NONE;

        if (!k)
                return;
        if (code != ERR_NONE) /* the parent's word */
                tell_close(c, ROLE_API, m->session, code, m->text);
        tell_close(c, ROLE_CAPTURE, m->session, ERR_NONE, "");
        forget(c, k, m->text);
}

void
core_capture_drop(struct core *c)
{
        struct core_capture *k, *next;

        DL_FOREACH_SAFE(c->captures, k, next)
        {
                tell_close(c, ROLE_CAPTURE, k->session, ERR_NONE, "");
                forget(c, k, "a process of the server ended");
        }
}

void
core_capture_tick(struct core *c)
{
        const int64_t now = core_mono(c);
        struct core_capture *k, *next;

        DL_FOREACH_SAFE(c->captures, k, next)
        {
                if (k->ending_mono_ms && now - k->ending_mono_ms >= GOOD_BYE_MS) {
                        forget(c, k, "nobody said good-bye");
                        continue;
                }
                if (now >= k->end_mono_ms)
                        end(c, k, k->begun ? "the time is up" : "the time is up and no boot was seen");
                else if (k->word_mono_ms && now - k->word_mono_ms >= QUIET_MS && ++k->over >= k->boots)
                        end(c, k, "the boot goes on without this server");
                if (k->word_mono_ms && now - k->word_mono_ms >= QUIET_MS)
                        k->word_mono_ms = 0;
        }
}

/* --- boots --- */

static bool
is_of(const struct core_capture *k, const struct core_host *h)
{
        return memcmp(&k->mac, &h->row.host.mac, sizeof(k->mac)) == 0 && !k->ending_mono_ms;
}

static void
begin(struct core *c, struct core_capture *k, const struct core_host *h, int64_t since_ms)
{
        k->begun++;
        k->begun_ms = since_ms;
        k->word_mono_ms = 0;
        note(c, k, "boot %" PRIu64, h->boot->number);
}

void
core_capture_boot(struct core *c, const struct core_host *h)
{
        struct core_capture *k;

        DL_FOREACH(c->captures, k)
        {
                if (!is_of(k, h))
                        continue;
                if (k->begun > k->over)
                        k->over++;
                if (k->over >= k->boots)
                        end(c, k, "the next boot began");
                else
                        begin(c, k, h, h->boot->started_ms);
        }
}

void
core_capture_stage(struct core *c, const struct core_host *h, enum boot_stage stage, const char *text)
{
        struct policy_choice choice;
        struct core_capture *k;
        char over[80];

        DL_FOREACH(c->captures, k)
        {
                if (!is_of(k, h) || (k->begun == k->over && stage >= STAGE_AGENT))
                        continue;
                if (k->begun == k->over) /* it was reset within a boot: for the trace that one goes on */
                        begin(c, k, h, h->boot->last_ms);
                note(c, k, "%.3f s %s %s", (double)(h->boot->last_ms - k->begun_ms) / 1000, boot_stage_names[stage], text);
                if (stage == STAGE_READY && ++k->over >= k->boots) {
                        snprintf(over, sizeof(over), "boot %" PRIu64 " is ready", h->boot->number);
                        end(c, k, over);
                } else if (!profile_kind_boots_image(core_host_profile(c, h, &choice)->kind)) {
                        k->word_mono_ms = core_mono(c);
                }
        }
}

void
core_capture_unknown(struct core *c, const struct mac *mac)
{
        struct core_capture *k;

        DL_FOREACH(c->captures, k)
        {
                if (memcmp(&k->mac, mac, sizeof(k->mac)) == 0 && k->begun == 0 && ++k->begun)
                        note(c, k, "it asks for a boot; it is no host, so it gets no answer");
        }
}
