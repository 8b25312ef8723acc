/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slow HTTP clients and a full server: which connections are cut. Decides only; httpd_uv.c tells it what happens and closes
 * sockets. Lists are ordered by time, so that all but making room costs the same however many connections there are. Runs in
 * files.
 */
#include "server/httpd_guard.h"

#include <assert.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#define STRIKES 2 /* slow windows in a row: one may be a client that unpacks what it got */

/* Closing takes its time, some 30 us each, and who is cut comes back: honest requests are served in between. */
#define FULL_BATCH 16 /* looking for the heaviest address pays for so many */
#define TICK_CUTS 6   /* a millisecond: 10,000 in 2 s */
#define TICK_LOOKS 32 /* asking TCP takes 1 or 2 us */

const char *const httpd_guard_why_names[GUARD_WHY_N] = {[GUARD_WHY_REQUEST] = "no request in time",
                                                        [GUARD_WHY_READING] = "reads too slowly",
                                                        [GUARD_WHY_FULL] = "the server is full"};

enum guard_state { GUARD_ASKS, GUARD_READS, GUARD_N_STATES, GUARD_CUT = GUARD_N_STATES };

/* A machine that holds connections. */
struct source {
        uint32_t address;
        unsigned n;
        struct httpd_guard_conn *connections; /* longest in its state first */
        UT_hash_handle hh;
};

struct httpd_guard_conn {
        void *who;
        enum guard_state state;
        int64_t since_ms;          /* in this state, or in this window */
        bool measured;             /* @last is of the window's start */
        bool written;              /* GUARD_READS: all of its answer; the kernel has the rest of it */
        unsigned strikes, stalled; /* windows in a row: slow by its own will; slow for whatever reason */
        struct tcp_progress last;
        struct source *source;                              /* NULL: cut */
        struct httpd_guard_conn *prev, *next;               /* of @lists */
        struct httpd_guard_conn *source_prev, *source_next; /* of @source */
};

struct httpd_guard {
        struct httpd_guard_limits limits;
        const struct httpd_guard_ops *ops;
        void *arg;
        struct httpd_guard_conn *lists[GUARD_N_STATES]; /* by since_ms */
        struct source *sources;
        unsigned n;
};

struct httpd_guard *
httpd_guard_new(const struct httpd_guard_limits *limits, const struct httpd_guard_ops *ops, void *arg)
{
        struct httpd_guard *g = calloc(1, sizeof(*g));

        if (g) {
                g->limits = *limits;
                g->ops = ops;
                g->arg = arg;
        }
        return g;
}

void
httpd_guard_free(struct httpd_guard *g)
{
        if (!g)
                return;
        assert(g->n == 0);
        free(g);
}

unsigned
httpd_guard_count(const struct httpd_guard *g)
{
        return g->n;
}

static struct source *
find_source(struct httpd_guard *g, uint32_t address)
{
        struct source *s;

        HASH_FIND(hh, g->sources, &address, sizeof(address), s);
        if (s)
                return s;
        s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        s->address = address;
        HASH_ADD(hh, g->sources, address, sizeof(s->address), s);
        return s;
}

/* Out of all lists; the record itself stays. */
static void
leave(struct httpd_guard *g, struct httpd_guard_conn *c)
{
        struct source *s = c->source;

        DL_DELETE(g->lists[c->state], c);
        DL_DELETE2(s->connections, c, source_prev, source_next);
        c->source = NULL;
        g->n--;
        if (--s->n == 0) {
                HASH_DEL(g->sources, s);
                free(s);
        }
}

static void
cut(struct httpd_guard *g, struct httpd_guard_conn *c, enum httpd_guard_why why)
{
        leave(g, c);
        c->state = GUARD_CUT;
        g->ops->cut(g->arg, c->who, why);
}

/* Changes state: last of its lists. */
static void
enter(struct httpd_guard *g, struct httpd_guard_conn *c, enum guard_state state, int64_t now_ms)
{
        DL_DELETE(g->lists[c->state], c);
        c->state = state;
        c->since_ms = now_ms;
        DL_APPEND(g->lists[state], c);
        DL_DELETE2(c->source->connections, c, source_prev, source_next);
        DL_APPEND2(c->source->connections, c, source_prev, source_next);
}

static struct source *
heaviest_source(struct httpd_guard *g)
{
        struct source *most = g->sources;

        for (struct source *s = g->sources; s; s = s->hh.next)
                if (s->n > most->n)
                        most = s;
        return most;
}

/* Who asks first, then who reads, until @wanted are cut or the source has its fair share only. */
static void
cut_of_source(struct httpd_guard *g, struct source *s, unsigned wanted)
{
        const unsigned surplus = s->n > g->limits.fair_share ? s->n - g->limits.fair_share : 0;
        unsigned left = surplus < wanted ? surplus : wanted;

        for (enum guard_state state = GUARD_ASKS; state <= GUARD_READS; state++) {
                struct httpd_guard_conn *c, *next;

                for (c = s->connections; c && left > 0; c = next) {
                        next = c->source_next;
                        if (c->state != state)
                                continue;
                        left--; /* the source outlives this: its fair share is at least 1 */
                        cut(g, c, GUARD_WHY_FULL);
                }
        }
}

static void
make_room(struct httpd_guard *g, unsigned wanted, int64_t now_ms)
{
        struct httpd_guard_conn *c;
        unsigned n = 0;

        while (n < wanted && (c = g->lists[GUARD_ASKS]) && now_ms - c->since_ms >= g->limits.grace_ms) {
                cut(g, c, GUARD_WHY_FULL);
                n++;
        }
        if (n == 0 && g->sources)
                cut_of_source(g, heaviest_source(g), wanted);
}

struct httpd_guard_conn *
httpd_guard_add(struct httpd_guard *g, void *who, uint32_t address, int64_t now_ms)
{
        struct httpd_guard_conn *c;

        if (g->n >= g->limits.max_connections)
                make_room(g, FULL_BATCH, now_ms);
        c = calloc(1, sizeof(*c));
        if (!c)
                return NULL;
        c->source = find_source(g, address);
        if (!c->source) {
                free(c);
                return NULL;
        }
        c->who = who;
        c->since_ms = now_ms;
        c->source->n++;
        g->n++;
        DL_APPEND(g->lists[GUARD_ASKS], c);
        DL_APPEND2(c->source->connections, c, source_prev, source_next);
        return c;
}

void
httpd_guard_remove(struct httpd_guard *g, struct httpd_guard_conn *c)
{
        if (c && c->state != GUARD_CUT)
                leave(g, c);
        free(c);
}

static void
begin_reading(struct httpd_guard *g, struct httpd_guard_conn *c, bool written, int64_t now_ms)
{
        /* TCP is asked at the end of the first window only: most answers are gone long before. */
        c->measured = false;
        c->strikes = c->stalled = 0;
        c->written = written;
        enter(g, c, GUARD_READS, now_ms);
}

void
httpd_guard_answer(struct httpd_guard *g, struct httpd_guard_conn *c, int64_t now_ms)
{
        if (c && (c->state == GUARD_ASKS || (c->state == GUARD_READS && c->written)))
                begin_reading(g, c, false, now_ms);
}

void
httpd_guard_done(struct httpd_guard *g, struct httpd_guard_conn *c, int64_t now_ms)
{
        if (c && c->state == GUARD_READS && !c->written)
                enter(g, c, GUARD_ASKS, now_ms);
}

/* Counts what the window that ends with @p says of the client. */
static void
judge(const struct httpd_guard *g, struct httpd_guard_conn *c, const struct tcp_progress *p, int64_t passed_ms)
{
        const uint64_t bytes = p->acked_bytes - c->last.acked_bytes, held_up_ms = (p->held_up_us - c->last.held_up_us) / 1000;

        if (bytes * 1000 >= (uint64_t)g->limits.min_rate * (uint64_t)passed_ms) {
                c->strikes = c->stalled = 0;
                return;
        }
        c->stalled++;
        if (held_up_ms * 2 >= (uint64_t)passed_ms && p->repeated == c->last.repeated)
                c->strikes++;
        else
                c->strikes = 0;
}

/* The end of a window. true: one slow window too many. */
static bool
measure(struct httpd_guard *g, struct httpd_guard_conn *c, int64_t now_ms)
{
        struct tcp_progress p;

        if (!g->ops->progress(g->arg, c->who, &p))
                return false;
        if (c->measured)
                judge(g, c, &p, now_ms - c->since_ms);
        c->measured = true;
        c->last = p;
        return c->strikes >= STRIKES || c->stalled >= g->limits.stalled_windows;
}

/* Is it silent because it has not yet got all of the last answer? */
static bool
still_reads(const struct httpd_guard *g, const struct httpd_guard_conn *c)
{
        struct tcp_progress p;

        return g->ops->progress(g->arg, c->who, &p) && p.waiting_bytes > 0;
}

/* Those who should have asked by now. How many were cut. */
static unsigned
tick_asking(struct httpd_guard *g, int64_t now_ms)
{
        struct httpd_guard_conn *c;
        unsigned cuts = 0;

        for (unsigned looks = 0; looks < TICK_LOOKS && cuts < TICK_CUTS && (c = g->lists[GUARD_ASKS]) &&
                                 now_ms - c->since_ms >= g->limits.request_ms;
             looks++) {
                if (still_reads(g, c)) {
                        begin_reading(g, c, true, now_ms);
                        continue;
                }
                cut(g, c, GUARD_WHY_REQUEST);
                cuts++;
        }
        return cuts;
}

bool
httpd_guard_tick(struct httpd_guard *g, int64_t now_ms)
{
        struct httpd_guard_conn *c;
        unsigned cuts, looks = 0;

        if (g->n >= g->limits.max_connections)
                make_room(g, TICK_CUTS, now_ms);
        cuts = tick_asking(g, now_ms);
        for (; cuts < TICK_CUTS && looks < TICK_LOOKS && (c = g->lists[GUARD_READS]) &&
               now_ms - c->since_ms >= g->limits.window_ms;
             looks++) {
                if (measure(g, c, now_ms)) {
                        cut(g, c, GUARD_WHY_READING);
                        cuts++;
                        continue;
                }
                /* The next window. Its place among its source's connections is kept: that is by the age of the request. */
                DL_DELETE(g->lists[GUARD_READS], c);
                c->since_ms = now_ms;
                DL_APPEND(g->lists[GUARD_READS], c);
        }
        return cuts == TICK_CUTS || looks == TICK_LOOKS;
}
