/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While TFTP waits for room on a full line, answers by HTTP that have not begun wait too: firmware gives up within seconds,
 * loaders and systems that ask by HTTP do not. (UEFI's HTTP boot is firmware: EDK2 waits for 5 s.) `boot` says so again and
 * again as long as it is the case. Who waits goes on in the order of coming, some at a time, and after MAX_WAIT_MS in any case.
 * Runs in files.
 */
#include <stdlib.h>
#include <utlist.h>

#include "server/role_files.h"

#define SAID_MS 250      /* boot's word counts for so long; it comes every 100 ms */
#define MAX_WAIT_MS 8000 /* GRUB waits for an answer's head for 30 s */
#define LOOK_MS 10
#define AT_ONCE 32 /* in a look: 3,200 a second */

struct files_waiting {
        struct MHD_Connection *connection;
        int64_t until_ms;
        struct files_waiting *prev, *next;
};

struct files_wait {
        struct files *f;
        uv_timer_t timer;
        int64_t crowded_until_ms;
        struct files_waiting *waiting; /* in the order of coming */
};

static void
go_on(struct files_wait *w)
{
        struct files_waiting *first = w->waiting;

        DL_DELETE(w->waiting, first);
        MHD_resume_connection(first->connection);
        free(first);
}

static void
on_look(uv_timer_t *timer)
{
        struct files_wait *w = timer->data;
        const int64_t now = clock_mono_ms(&w->f->ctx->clock);

        for (int i = 0; i < AT_ONCE && w->waiting && (now >= w->crowded_until_ms || now >= w->waiting->until_ms); i++) {
                go_on(w);
                httpd_uv_kick(w->f->http);
        }
        if (!w->waiting)
                uv_timer_stop(timer);
}

struct files_wait *
files_wait_new(struct files *f)
{
        struct files_wait *w = calloc(1, sizeof(*w));

        if (!w)
                return NULL;
        w->f = f;
        uv_timer_init(f->ctx->loop, &w->timer);
        w->timer.data = w;
        return w;
}

bool
files_may_wait(const struct files_path *path)
{
        return !path->is_boot || path->stage != STAGE_LOADER;
}

void
files_wait_crowded(struct files_wait *w)
{
        w->crowded_until_ms = clock_mono_ms(&w->f->ctx->clock) + SAID_MS;
}

bool
files_wait(struct files_wait *w, struct MHD_Connection *connection)
{
        const int64_t now = clock_mono_ms(&w->f->ctx->clock);
        struct files_waiting *p;

        if (!w->waiting && now >= w->crowded_until_ms)
                return false;
        p = calloc(1, sizeof(*p));
        if (!p)
                return false;
        *p = (struct files_waiting){.connection = connection, .until_ms = now + MAX_WAIT_MS};
        if (!w->waiting)
                uv_timer_start(&w->timer, on_look, LOOK_MS, LOOK_MS);
        DL_APPEND(w->waiting, p);
        MHD_suspend_connection(connection);
        return true;
}

void
files_wait_end(struct files_wait *w)
{
        while (w->waiting)
                go_on(w);
        uv_timer_stop(&w->timer);
}
