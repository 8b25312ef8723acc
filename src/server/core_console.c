/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Console bytes between a client and an agent. Only here is it known which host a domain is on, and only here is it checked
 * that a host speaks in no other host's console. conn is 0 in what comes from and goes to a client. Process: core.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rec_json.h"
#include "server/core_private.h"

static struct core_console *
console_find(struct core *c, uint64_t session)
{
        struct core_console *k;

        HASH_FIND(hh, c->consoles, &session, sizeof(session), k);
        return k;
}

static void
console_remove(struct core *c, struct core_console *k)
{
        HASH_DEL(c->consoles, k);
        free(k);
}

static void
close_client(struct core *c, uint64_t session, enum error_code code, const char *text)
{
        struct msg_console_close m = {.session = session};

        str_copy(m.code, sizeof(m.code), error_text(code));
        str_copy(m.text, sizeof(m.text), text);
        core_send(c, ROLE_API, MSG_CONSOLE_CLOSE, &m);
}

static int
check_open(struct core *c, const struct msg_console_open *m, const struct core_domain *d, struct error *err)
{
        if (!d)
                return error_set(err, ERR_NOT_FOUND, "domain '%s' is not known; see 'dompool domain list'", m->domain);
        if (!d->on || !d->on->conn)
                return error_set(err, ERR_UNREACHABLE, "host '%s' of domain '%s' is not connected", d->row.host, m->domain);
        if (d->row.info.state == DOMAIN_GONE)
                return error_set(err, ERR_STATE, "domain '%s' does not run any more", m->domain);
        if (console_find(c, m->session))
                return error_set(err, ERR_PROTOCOL, "console session %llu is open already", (unsigned long long)m->session);
        if (HASH_COUNT(c->consoles) >= CORE_MAX_CONSOLES)
                return error_set(err, ERR_LIMIT, "%d consoles are open, the most a server takes", CORE_MAX_CONSOLES);
        return 0;
}

void
core_console_open(struct core *c, const struct msg_console_open *m)
{
        struct core_domain *d = core_domain_find(c, m->domain);
        struct msg_console_open down = *m;
        struct core_console *k;
        struct error err;

        if (check_open(c, m, d, &err)) {
                close_client(c, m->session, err.code, err.message);
                return;
        }
        k = calloc(1, sizeof(*k));
        if (!k) {
                close_client(c, m->session, ERR_NO_SPACE, "no memory");
                return;
        }
        k->session = m->session;
        k->conn = down.conn = d->on->conn;
        HASH_ADD(hh, c->consoles, session, sizeof(k->session), k);
        memcpy(down.uuid, d->row.info.uuid, sizeof(down.uuid));
        core_send(c, ROLE_API, MSG_CONSOLE_OPEN, &down);
}

/* True when a message with this conn may speak in console @k. */
static bool
may_speak(struct core *c, const struct core_console *k, uint64_t conn)
{
        struct core_host *h;

        if (conn == 0 || conn == k->conn)
                return true;
        h = core_host_by_conn(c, conn);
        core_event_security(c, h ? h->row.host.name : "agent", "console", "it spoke in a console of another host");
        return false;
}

void
core_console_data(struct core *c, const struct msg_console_data *m)
{
        struct core_console *k = console_find(c, m->session);
        struct msg_console_data to = *m; /* shares the blob; core_send copies it */

        if (!k || !may_speak(c, k, m->conn))
                return;
        to.conn = m->conn ? 0 : k->conn;
        core_send(c, ROLE_API, MSG_CONSOLE_DATA, &to);
}

void
core_console_close(struct core *c, const struct msg_console_close *m)
{
        struct core_console *k = console_find(c, m->session);
        struct msg_console_close to = *m;

        if (!k || !may_speak(c, k, m->conn))
                return;
        to.conn = m->conn ? 0 : k->conn;
        core_send(c, ROLE_API, MSG_CONSOLE_CLOSE, &to);
        console_remove(c, k);
}

void
core_console_drop(struct core *c, uint64_t conn)
{
        struct core_console *k, *next;

        HASH_ITER(hh, c->consoles, k, next)
        {
                if (conn && k->conn != conn)
                        continue;
                if (conn)
                        close_client(c, k->session, ERR_UNREACHABLE, "the host's connection is gone");
                console_remove(c, k);
        }
}
