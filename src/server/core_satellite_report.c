/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What satellites report of their hosts: the same messages that boot and files send here, with a number, late perhaps. Each is
 * taken once, and for the satellite's own hosts only. Process: core.
 */
#include <string.h>

#include "server/core_private.h"

/* The speaker; one whose connection is not known (core was restarted) is told to come back. */
static struct core_satellite *
speaker(struct core *c, uint64_t conn)
{
        struct core_satellite *s = core_satellite_by_conn(c, conn);
        const struct msg_agent_conn drop = {.conn = conn};

        if (!s)
                core_send(c, ROLE_API, MSG_AGENT_DROP, &drop);
        return s;
}

/* The speaker of a report that is new; NULL: nothing is to be done with it. The acknowledgement leaves after the commit. */
static struct core_satellite *
take(struct core *c, uint64_t conn, uint64_t seq)
{
        struct core_satellite *s = speaker(c, conn);
        struct msg_satellite_ack ack = {.conn = conn};
        bool is_new;

        if (!s)
                return NULL;
        is_new = seq > s->row.last_seq;
        if (is_new) {
                s->row.last_seq = seq;
                core_satellite_changed(s);
        }
        ack.seq = s->row.last_seq;
        core_send(c, ROLE_API, MSG_SATELLITE_ACK, &ack);
        return is_new ? s : NULL;
}

/* Is it a host of the satellite? Otherwise that is worth a word, as with an agent that speaks for another host. */
static bool
owns(struct core *c, const struct core_satellite *s, const struct core_host *h)
{
        if (!h)
                return false;
        if (core_satellite_of(c, h) == s)
                return true;
        core_event_security(c, s->row.name, "not-its-host", "it reports of host '%s', which has not its label '%s'",
                            h->row.host.name, s->row.label);
        return false;
}

void
core_satellite_boot(struct core *c, const struct msg_satellite_boot *m)
{
        struct core_satellite *s = take(c, m->conn, m->seq);
        const struct msg_boot_event *e = &m->report;
        struct core_host *h;

        if (!s)
                return;
        h = mac_zero(&e->mac) ? core_host_by_address(c, e->address) : core_host_by_mac(c, &e->mac);
        if (!owns(c, s, h))
                return;
        c->told_ms = e->time_ms;
        core_boot_event(c, e);
        core_boot_via(c, h, s->row.name);
        c->told_ms = 0;
}

void
core_satellite_lease(struct core *c, const struct msg_satellite_lease *m)
{
        struct core_satellite *s = speaker(c, m->conn);

        if (s && owns(c, s, core_host_by_mac(c, &m->report.mac)))
                core_boot_lease(c, &m->report);
}

void
core_satellite_unknown(struct core *c, const struct msg_satellite_unknown *m)
{
        struct core_satellite *s = take(c, m->conn, m->seq);

        if (s)
                core_machine_seen_at(c, &m->report, s->row.name);
}

void
core_satellite_foreign(struct core *c, const struct msg_satellite_foreign *m)
{
        struct core_satellite *s = take(c, m->conn, m->seq);

        if (!s || !owns(c, s, core_host_by_mac(c, &m->report.mac)))
                return;
        c->told_ms = m->report.time_ms;
        core_boot_foreign(c, &m->report);
        c->told_ms = 0;
}

void
core_satellite_init(struct core *c, const struct msg_satellite_init *m)
{
        struct core_satellite *s = take(c, m->conn, m->seq);
        struct msg_init_report report = m->report;

        if (!s)
                return;
        report.address = m->address;
        report.time_ms = m->time_ms;
        c->told_ms = m->time_ms;
        core_boot_init_report_at(c, &report, m->time_ms, s);
        c->told_ms = 0;
}
