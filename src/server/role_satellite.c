/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role `satellite` of a dompoold --satellite: it stands in core's place for boot and files - takes what they tell and gives
 * them snapshots - and is the one that speaks to the main server. No root; of the disk it has its own folder and the image
 * store. Runs in: satellite.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "model/lease.h"
#include "server/satellite.h"

#define JOURNAL_EVERY_MS 100 /* what comes within this goes to the disk together */
#define MAX_LEASES 65536

struct satellite_lease {
        struct msg_lease_event m;
        UT_hash_handle hh; /* by MAC */
};

/* --- leases --- */

static void
take_lease(struct satellite_role *s, const struct msg_lease_event *m)
{
        const struct msg_satellite_lease out = {.report = *m};
        struct satellite_lease *l;

        HASH_FIND(hh, s->leases, m->mac.b, sizeof(m->mac.b), l);
        if (!l && HASH_COUNT(s->leases) < MAX_LEASES && (l = calloc(1, sizeof(*l)))) {
                l->m.mac = m->mac;
                HASH_ADD(hh, s->leases, m.mac.b, sizeof(l->m.mac.b), l);
        }
        if (l)
                l->m = *m;
        satellite_link_send(s->link, MSG_SATELLITE_LEASE, &out);
}

void
satellite_each_lease(struct satellite_role *s, void (*fn)(void *arg, const struct msg_lease_event *m), void *arg)
{
        struct satellite_lease *l, *next;

        HASH_ITER(hh, s->leases, l, next)
        fn(arg, &l->m);
}

/* --- reports --- */

static void
journal_due(uv_timer_t *timer)
{
        struct satellite_role *s = timer->data;
        int r = satellite_journal_sync(s->journal);

        if (r < 0 && !s->journal_failed)
                log_error("reports are kept in memory only: the journal cannot be written error=\"%s\"", strerror(-r));
        if (r == 0 && s->journal_failed)
                log_notice("the journal can be written again");
        s->journal_failed = r < 0;
}

static void
take_report(struct satellite_role *s, enum msg_type type, const void *payload)
{
        satellite_once_report(s->once, type, payload);
        if (!satellite_journal_add(s->journal, type, payload))
                return;
        if (!uv_is_active((uv_handle_t *)&s->journal_timer))
                uv_timer_start(&s->journal_timer, journal_due, JOURNAL_EVERY_MS, 0);
        satellite_link_report(s->link);
}

static void
role_satellite_message(struct role_ctx *ctx, enum role peer, enum msg_type type, void *payload, int fd)
{
        struct satellite_role *s = ctx->state;

        (void)peer; /* messages.def: boot and files alone speak to this role */
        cleanup_close(&fd);
        if (type == MSG_LEASE_EVENT)
                take_lease(s, payload);
        else
                take_report(s, type, payload);
}

/* --- to boot and files --- */

static void
send_policy(struct satellite_role *s, enum role to)
{
        const struct msg_policy m = {.generation = satellite_sync_generation(s->sync)};
        _cleanup_close_ int fd = satellite_disk_policy(s->disk);

        if (fd >= 0)
                role_send(s->ctx, to, MSG_POLICY, &m, fd);
}

void
satellite_policy_changed(struct satellite_role *s, uint64_t generation)
{
        log_debug("policy for boot and files generation=%llu", (unsigned long long)generation);
        send_policy(s, ROLE_BOOT);
        send_policy(s, ROLE_FILES);
}

void
satellite_token_used(struct satellite_role *s, const struct msg_token_used *m)
{
        role_send(s->ctx, ROLE_BOOT, MSG_TOKEN_USED, m, -1);
        role_send(s->ctx, ROLE_FILES, MSG_TOKEN_USED, m, -1);
}

static void
role_satellite_peer(struct role_ctx *ctx, enum role peer, bool up)
{
        if (up && (peer == ROLE_BOOT || peer == ROLE_FILES))
                send_policy(ctx->state, peer);
}

/* --- life --- */

static int
role_satellite_start(struct role_ctx *ctx, struct error *err)
{
        struct satellite_role *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return error_errno_set(err, ENOMEM, "satellite");
        ctx->state = s;
        s->ctx = ctx;
        s->state_dir = role_take_fd(ctx, FD_STATE_DIR);
        if (s->state_dir < 0)
                return error_set(err, ERR_INTERNAL, "satellite: the parent gave no state directory");
        uv_timer_init(ctx->loop, &s->journal_timer);
        s->journal_timer.data = s;
        r = satellite_journal_open(s->state_dir, &s->journal, err);
        if (r < 0)
                return r;
        journal_due(&s->journal_timer);
        s->disk = satellite_disk_new(ctx, s->state_dir);
        s->once = s->disk ? satellite_once_new(s) : NULL;
        s->sync = s->once ? satellite_sync_new(s) : NULL;
        s->link = s->sync ? satellite_link_new(s) : NULL;
        return s->link ? 0 : error_errno_set(err, ENOMEM, "satellite");
}

static void
role_satellite_stop(struct role_ctx *ctx)
{
        struct satellite_role *s = ctx->state;

        satellite_journal_sync(s->journal);
        satellite_link_free(s->link); /* says good-bye */
        satellite_sync_free(s->sync);
}

static const struct role_path_use role_satellite_paths[] = {
        {ROLE_PATH_STATE_OWN, true},
        {ROLE_PATH_IMAGE_STORE, true},
};

const struct role_def role_satellite_def = {
        .role = ROLE_SATELLITE,
        .sandbox =
                {
                        .syscalls = SYS_BASE | SYS_NET | SYS_FILES_READ | SYS_FILES_WRITE | SYS_FD_PASSING,
                        .max_files = 1024,
                        .max_memory = 1024ull << 20,
                        .no_new_processes = true,
                },
        .paths = role_satellite_paths,
        .n_paths = N_ELEMENTS(role_satellite_paths),
        .start = role_satellite_start,
        .message = role_satellite_message,
        .peer = role_satellite_peer,
        .stop = role_satellite_stop,
};
