/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: numbered without gaps, appended to at one end and trimmed from the other. Process: core. */
#include "store/store_private.h"

int
store_event_append(struct store *s, const struct event *ev, struct error *err)
{
        return store_run(s, ST_EVENT_APPEND, err, "iitttti", (int64_t)ev->id, ev->time_ms, ev->kind, ev->subject, ev->what,
                         ev->text, (int64_t)ev->boot);
}

int
store_event_last(struct store *s, uint64_t *ret, struct error *err)
{
        sqlite3_stmt *stmt;
        int r;

        r = store_query(s, ST_EVENT_LAST, &stmt, err, "");
        if (r)
                return r;
        r = store_step(s, stmt, err);
        if (r == 1) {
                *ret = (uint64_t)sqlite3_column_int64(stmt, 0); /* null, an empty table: 0 */
                r = 0;
        }
        store_done(stmt);
        return r;
}

static void
event_row(sqlite3_stmt *stmt, struct event *ev)
{
        *ev = (struct event){
                .id = (uint64_t)sqlite3_column_int64(stmt, 0),
                .time_ms = sqlite3_column_int64(stmt, 1),
                .boot = (uint64_t)sqlite3_column_int64(stmt, 6),
        };
        str_copy(ev->kind, sizeof(ev->kind), store_text(stmt, 2));
        str_copy(ev->subject, sizeof(ev->subject), store_text(stmt, 3));
        str_copy(ev->what, sizeof(ev->what), store_text(stmt, 4));
        str_copy(ev->text, sizeof(ev->text), store_text(stmt, 5));
}

int
store_events(struct store *s, uint64_t after, const char *kind, uint32_t limit, int (*fn)(void *arg, const struct event *ev),
             void *arg, struct error *err)
{
        int64_t from = after > INT64_MAX ? INT64_MAX : (int64_t)after;
        struct event ev;
        sqlite3_stmt *stmt;
        int r;

        if (*kind)
                r = store_query(s, ST_EVENTS_KIND, &stmt, err, "tii", kind, from, (int64_t)limit);
        else
                r = store_query(s, ST_EVENTS, &stmt, err, "ii", from, (int64_t)limit);
        if (r)
                return r;
        while ((r = store_step(s, stmt, err)) == 1) {
                event_row(stmt, &ev);
                r = fn(arg, &ev);
                if (r)
                        break;
        }
        store_done(stmt);
        return r;
}

int
store_events_trim(struct store *s, uint64_t keep, struct error *err)
{
        return store_run(s, ST_EVENTS_TRIM, err, "i", (int64_t)(keep ? keep : 1));
}
