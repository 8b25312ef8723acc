/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an offer of the main server to a snapshot in force: its two texts are pulled and compared with the hashes of the offer,
 * the files that are missing are fetched one after the other, and when all are there the generation is published. Whatever goes
 * wrong leaves the old one in force, is told, and is tried again. Runs in: satellite.
 *
 *     idle --OFFER--> pulling --both whole--> checking --a file a turn--> fetching --all there--> idle
 *       ^                |                       |                           |
 *       +---- waiting ---+-----------------------+---------------------------+   trouble; a new offer begins anew
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/log.h"
#include "server/satellite.h"

#define FILES_SIZE_MAX (4u << 20)
#define RETRY_MS 15000

enum sync_state { SYNC_IDLE, SYNC_PULLING, SYNC_CHECKING, SYNC_FETCHING, SYNC_WAITING };

struct satellite_sync {
        struct satellite_role *s;
        enum sync_state state;
        uint64_t generation; /* in force */
        struct msg_satellite_offer offer;
        uint32_t what;                    /* that is being pulled */
        uint8_t *bytes[SATELLITE_WHAT_N]; /* of the offer's size; the first `have` are there */
        uint64_t have;
        struct satellite_file *files;
        size_t n_files, at;
        bool *missing; /* by file */
        uint32_t n_missing;
        uint64_t missing_size;
        struct fetch *fetch;
        char trouble[sizeof(((struct msg_satellite_state *)0)->trouble)];
        uv_timer_t timer; /* the next turn; or until it is tried again */
};

static void sync_next(struct satellite_sync *y);

static uint64_t
offered_size(const struct satellite_sync *y, uint32_t what)
{
        return what == SATELLITE_POLICY ? y->offer.policy_size : y->offer.files_size;
}

static void
tell(struct satellite_sync *y)
{
        struct msg_satellite_state m = {
                .generation = y->generation, .n_missing = y->n_missing, .missing_size = y->missing_size};

        if (!satellite_link_up(y->s->link))
                return;
        m.n_dropped = satellite_journal_take_dropped(y->s->journal);
        memcpy(m.trouble, y->trouble, sizeof(m.trouble));
        satellite_link_send(y->s->link, MSG_SATELLITE_STATE, &m);
}

/* Ends what is under way; the offer stays. */
static void
stop(struct satellite_sync *y)
{
        uv_timer_stop(&y->timer);
        fetch_cancel(y->fetch);
        y->fetch = NULL;
        for (int i = 0; i < SATELLITE_WHAT_N; i++) {
                free(y->bytes[i]);
                y->bytes[i] = NULL;
        }
        free(y->files);
        free(y->missing);
        y->files = NULL;
        y->missing = NULL;
        y->n_files = y->at = 0;
        y->n_missing = 0;
        y->missing_size = 0;
        y->state = SYNC_IDLE;
}

static void
ask(struct satellite_sync *y)
{
        const struct msg_satellite_get m = {.generation = y->offer.generation, .what = y->what, .offset = y->have};

        satellite_link_send(y->s->link, MSG_SATELLITE_GET, &m);
}

static void
begin(struct satellite_sync *y)
{
        stop(y);
        y->state = SYNC_PULLING;
        y->what = SATELLITE_POLICY;
        y->have = 0;
        for (uint32_t i = 0; i < SATELLITE_WHAT_N; i++)
                y->bytes[i] = malloc(offered_size(y, i) + 1);
        ask(y);
}

static void
retry_due(uv_timer_t *timer)
{
        struct satellite_sync *y = timer->data;

        if (satellite_link_up(y->s->link))
                begin(y);
}

/* The old generation stays in force. */
static void
fail(struct satellite_sync *y, const struct error *err)
{
        uint32_t n_missing = y->n_missing;
        uint64_t missing_size = y->missing_size;

        log_error("generation=%llu not in force, the old one stays: %s", (unsigned long long)y->offer.generation, err->message);
        snprintf(y->trouble, sizeof(y->trouble), "generation %llu is not in force there: %.200s",
                 (unsigned long long)y->offer.generation, err->message);
        stop(y);
        y->n_missing = n_missing;
        y->missing_size = missing_size;
        y->state = SYNC_WAITING;
        tell(y);
        uv_timer_start(&y->timer, retry_due, RETRY_MS, 0);
}

void
satellite_sync_offer(struct satellite_sync *y, const struct msg_satellite_offer *m)
{
        struct error err;

        y->offer = *m;
        if (m->policy_size > POLICY_MAX_SIZE || m->files_size > FILES_SIZE_MAX) {
                error_set(&err, ERR_LIMIT, "the snapshot offered has %llu bytes and its list %llu; the limits are %u and %u",
                          (unsigned long long)m->policy_size, (unsigned long long)m->files_size, POLICY_MAX_SIZE,
                          FILES_SIZE_MAX);
                fail(y, &err);
                return;
        }
        log_info("offered generation=%llu bytes=%llu", (unsigned long long)m->generation, (unsigned long long)m->policy_size);
        begin(y);
}

/* --- files --- */

static void
publish(struct satellite_sync *y)
{
        struct error err = {0};

        if (satellite_disk_publish(y->s->disk, y->files, y->n_files, &err) < 0) {
                fail(y, &err);
                return;
        }
        y->files = NULL; /* the disk's now */
        y->generation = y->offer.generation;
        log_notice("in force generation=%llu files=%zu", (unsigned long long)y->generation, y->n_files);
        y->trouble[0] = '\0';
        stop(y);
        satellite_once_published(y->s->once);
        satellite_policy_changed(y->s, y->generation);
        tell(y);
}

static void
on_fetched(void *arg, const struct error *err)
{
        struct satellite_sync *y = arg;
        struct satellite_file *f = &y->files[y->at];
        struct error copy;

        y->fetch = NULL;
        if (err) {
                copy = *err;
                error_prefix(&copy, "file %s refused", f->path);
                fail(y, &copy);
                return;
        }
        log_info("fetched file=%s size=%llu", f->path, (unsigned long long)f->size);
        y->missing[y->at] = false;
        y->n_missing--;
        y->missing_size -= f->size;
        tell(y);
        sync_next(y);
}

static void
fetch_file(struct satellite_sync *y)
{
        const struct satellite_file *f = &y->files[y->at];
        struct fetch_what what = {.address = y->s->ctx->config->main_server.address,
                                  .port = satellite_link_http_port(y->s->link),
                                  .size = f->size,
                                  .resume = true};
        char url[SATELLITE_PATH_SIZE + 2];
        struct satellite_staged staged;
        struct error err = {0};
        int r = satellite_disk_stage(y->s->disk, f, &staged, &err);

        satellite_files_url(f, url);
        memcpy(what.sha256, f->sha256, sizeof(what.sha256));
        what.url = url;
        what.folder = staged.folder;
        what.name = staged.name;
        if (r == 0 && fetch_start(y->s->ctx->loop, &what, NULL, on_fetched, y, &y->fetch) < 0)
                r = error_errno_set(&err, ENOMEM, "fetching");
        if (r < 0)
                fail(y, &err);
}

/* A file a turn, so that reports go on meanwhile. */
static void
check_file(struct satellite_sync *y)
{
        const struct satellite_file *f = &y->files[y->at];

        if (!satellite_disk_has(y->s->disk, f)) {
                y->missing[y->at] = true;
                y->n_missing++;
                y->missing_size += f->size;
        }
        y->at++;
}

static void
checked(struct satellite_sync *y)
{
        struct error err = {0};

        tell(y);
        if (satellite_disk_room(y->s->disk, y->missing_size, &err) < 0) {
                fail(y, &err);
                return;
        }
        y->state = SYNC_FETCHING;
        y->at = 0;
        sync_next(y);
}

static void
turn_due(uv_timer_t *timer)
{
        sync_next(timer->data);
}

static void
sync_next(struct satellite_sync *y)
{
        if (y->state == SYNC_CHECKING) {
                if (y->at == y->n_files) {
                        checked(y);
                        return;
                }
                check_file(y);
                uv_timer_start(&y->timer, turn_due, 0, 0);
                return;
        }
        while (y->at < y->n_files && !y->missing[y->at])
                y->at++;
        if (y->at == y->n_files)
                publish(y);
        else
                fetch_file(y);
}

/* --- the two texts --- */

static int
check_texts(struct satellite_sync *y, struct error *err)
{
        const uint8_t *const wanted[] = {y->offer.policy_sha256, y->offer.files_sha256};
        uint8_t sha256[SHA256_SIZE];
        uint64_t generation = 0;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < SATELLITE_WHAT_N; i++) {
                digest_sha256(y->bytes[i], offered_size(y, i), sha256);
                if (!digest_equal(sha256, wanted[i], sizeof(sha256)))
                        r = error_set(err, ERR_PROTOCOL, "the %s came with another SHA-256 than was offered",
                                      i == SATELLITE_POLICY ? "snapshot" : "list of files");
        }
        if (r == 0)
                r = satellite_disk_stage_policy(y->s->disk, y->bytes[SATELLITE_POLICY], y->offer.policy_size, &generation, err);
        if (r == 0 && generation != y->offer.generation)
                r = error_set(err, ERR_PROTOCOL, "the snapshot is of generation %llu", (unsigned long long)generation);
        if (r == 0)
                r = satellite_files_parse((const char *)y->bytes[SATELLITE_FILES], y->offer.files_size, &y->files, &y->n_files,
                                          err);
        return r;
}

static void
pulled(struct satellite_sync *y)
{
        struct error err = {0};
        int r = check_texts(y, &err);

        if (r == 0) {
                y->missing = calloc(y->n_files + 1, sizeof(*y->missing));
                if (!y->missing)
                        r = error_errno_set(&err, ENOMEM, "the list of files");
        }
        if (r < 0) {
                fail(y, &err);
                return;
        }
        y->state = SYNC_CHECKING;
        y->at = 0;
        uv_timer_start(&y->timer, turn_due, 0, 0);
}

void
satellite_sync_part(struct satellite_sync *y, const struct msg_satellite_part *m)
{
        struct error err;
        uint64_t size = offered_size(y, y->what);

        if (y->state != SYNC_PULLING || m->generation != y->offer.generation || m->what != y->what || m->offset != y->have)
                return; /* of an offer that was replaced */
        if (!y->bytes[y->what] || m->data.size > size - y->have || (m->data.size == 0 && y->have < size)) {
                error_set(&err, ERR_PROTOCOL, "a part of the snapshot has not the length that was offered");
                fail(y, &err);
                return;
        }
        if (m->data.size > 0)
                memcpy(y->bytes[y->what] + y->have, m->data.data, m->data.size);
        y->have += m->data.size;
        if (y->have == size) {
                y->what++;
                y->have = 0;
        }
        if (y->what < SATELLITE_WHAT_N)
                ask(y);
        else
                pulled(y);
}

void
satellite_sync_away(struct satellite_sync *y)
{
        stop(y);
}

/* --- life --- */

static uint64_t
generation_on_disk(const struct satellite_role *s)
{
        _cleanup_close_ int fd = satellite_disk_policy(s->disk);
        struct policy *policy = NULL;
        struct error err;
        uint64_t generation;

        if (fd < 0 || policy_map(fd, &policy, &err) < 0)
                return 0;
        generation = satellite_once_generation(policy_header(policy)->generation);
        policy_free(policy);
        return generation;
}

struct satellite_sync *
satellite_sync_new(struct satellite_role *s)
{
        struct satellite_sync *y = calloc(1, sizeof(*y));

        if (!y)
                return NULL;
        y->s = s;
        y->generation = generation_on_disk(s);
        uv_timer_init(s->ctx->loop, &y->timer);
        y->timer.data = y;
        return y;
}

uint64_t
satellite_sync_generation(const struct satellite_sync *y)
{
        return y->generation;
}

/* The process ends: the kernel frees the rest. */
void
satellite_sync_free(struct satellite_sync *y)
{
        if (y)
                stop(y);
}
