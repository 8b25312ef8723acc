/* SPDX-License-Identifier: Apache-2.0 */
/* The event log as core sees it: every event has the next number and is committed with what it tells of. Process: core. */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "server/core_private.h"
#include "server/core_text.h"

static void append(struct core *c, const char *kind, const char *subject, const char *what, uint64_t boot, const char *fmt,
                   va_list ap) __attribute__((format(printf, 6, 0)));

static void
append(struct core *c, const char *kind, const char *subject, const char *what, uint64_t boot, const char *fmt, va_list ap)
{
        struct event ev = {.id = c->last_event + 1, .time_ms = c->told_ms ? c->told_ms : core_wall(c), .boot = boot};
        struct error err;

        str_copy(ev.kind, sizeof(ev.kind), kind);
        str_copy(ev.subject, sizeof(ev.subject), subject);
        str_copy(ev.what, sizeof(ev.what), what);
        vsnprintf(ev.text, sizeof(ev.text), fmt, ap);
        core_text_clean(ev.text); /* it may have been cut within a character */
        if (store_event_append(c->store, &ev, &err)) {
                core_db_failed(c, &err);
                return;
        }
        c->last_event = ev.id;
        c->wake = true;
        log_info("event=%llu kind=%s subject=%s what=%s %s", (unsigned long long)ev.id, ev.kind, ev.subject, ev.what, ev.text);
}

void
core_event(struct core *c, const char *kind, const char *subject, const char *what, uint64_t boot, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        append(c, kind, subject, what, boot, fmt, ap);
        va_end(ap);
}

void
core_event_security(struct core *c, const char *subject, const char *what, const char *fmt, ...)
{
        va_list ap;

        if (core_mono(c) - c->security_mono_ms >= 60000) {
                if (c->security_count > CORE_SECURITY_PER_MINUTE)
                        core_event(c, "security", "server", "suppressed", 0,
                                   "%u more security events within a minute were not written",
                                   c->security_count - CORE_SECURITY_PER_MINUTE);
                c->security_mono_ms = core_mono(c);
                c->security_count = 0;
        }
        if (++c->security_count > CORE_SECURITY_PER_MINUTE)
                return;
        va_start(ap, fmt);
        append(c, "security", subject, what, 0, fmt, ap);
        va_end(ap);
}

void
core_event_role_ended(struct core *c, const struct msg_role_ended *m)
{
        const char *role = m->role < ROLE_N ? role_names[m->role] : "unknown";

        if (m->signal == SIGSYS)
                core_event_security(c, role, "role-ended", "killed: the sandbox forbids a system call that it made");
        else if (m->signal)
                core_event_security(c, role, "role-ended", "killed by signal %u", m->signal);
        else
                core_event_security(c, role, "role-ended", "ended with status %u", m->status);
}

int
core_event_load(struct core *c, struct error *err)
{
        return store_event_last(c->store, &c->last_event, err);
}
