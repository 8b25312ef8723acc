/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the bytes of a version's root.squashfs those of its manifest? A block device is read here and there by its hosts, who
 * would notice damage only where they read; so the server looks at all of it before it gives any. Runs in role work.
 *
 *     asked --> unchecked --a child reads all of it--> good | damaged       one child at a time
 *                               ^-- the file is another one (inode, size, time) --'
 *
 * What was found counts until the next look has come to an end, so that a file that was put in its place anew disturbs nobody;
 * nor does one that is written while it is read, which is looked at again. What cannot be read is no damage: it is given as it
 * is, for its server may be able to read it, or will say so itself. What was found outlives a restart (role_work_verdicts.c).
 * What goes bad on the disk afterwards, below the file system, is not seen here; 'dompool image verify' reads it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "image/image_files.h"
#include "image/image_store.h"
#include "server/role_work_export.h"

#define FILE_NAME "root.squashfs"
#define AGAIN_MS 10000

/* A file as it was when it was read. */
struct identity {
        dev_t dev;
        ino_t ino;
        off_t size;
        struct timespec mtime;
};

enum finding { SAME, DIFFERS, NOT_NAMED, UNREADABLE, FINDING_N };

static const char *const finding_texts[FINDING_N] = {
        [SAME] = "",
        [DIFFERS] = "its " FILE_NAME " is not the one of its manifest; no host gets it by nbd, iscsi or aoe",
        [NOT_NAMED] = "its manifest names no " FILE_NAME "; no host gets it by nbd, iscsi or aoe",
        [UNREADABLE] = "its " FILE_NAME " or its manifest cannot be read, it is given unchecked",
};

struct entry {
        char image[IMAGE_ID_SIZE];
        struct identity file;      /* as it is or was looked at */
        bool asked;                /* since the last look: somebody is to have it */
        bool due;                  /* it is to be looked at */
        int64_t not_before_ms;     /* but not at once: the last look came to no end */
        enum work_verdict verdict; /* of the last look */
        enum finding finding;
};

struct work_check {
        struct role_ctx *ctx;
        struct entry *entries;
        size_t n;
        pid_t pid;    /* the child; 0: none */
        size_t which; /* that it reads */
};

static struct identity
identity_of(const struct work_check *x, const char *image)
{
        char path[CONFIG_PATH_SIZE + IMAGE_ID_SIZE + 32];
        struct stat st;

        snprintf(path, sizeof(path), "%s/versions/%s/" FILE_NAME, x->ctx->config->image_store, image);
        if (stat(path, &st) < 0)
                return (struct identity){0};
        return (struct identity){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool
same(const struct identity *a, const struct identity *b)
{
        return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
               a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static struct entry *
entry_of(struct work_check *x, const char *image)
{
        struct entry *more;

        for (size_t i = 0; i < x->n; i++)
                if (strcmp(x->entries[i].image, image) == 0)
                        return &x->entries[i];
        more = realloc(x->entries, (x->n + 1) * sizeof(*more));
        if (!more)
                return NULL;
        x->entries = more;
        more[x->n] = (struct entry){.file = identity_of(x, image), .due = true};
        str_copy(more[x->n].image, sizeof(more->image), image);
        return &more[x->n++];
}

/* --- over a restart --- */

static bool
add_row(struct work_check *x, const struct verdict_row *row)
{
        struct entry *e = entry_of(x, row->image);

        if (!e)
                return false;
        e->file = (struct identity){.dev = (dev_t)row->dev,
                                    .ino = (ino_t)row->ino,
                                    .size = (off_t)row->size,
                                    .mtime = {.tv_sec = (time_t)row->mtime_s, .tv_nsec = (long)row->mtime_ns}};
        e->due = false; /* unless it is another file by now: work_check_ask() */
        e->finding = row->damaged ? DIFFERS : SAME;
        e->verdict = row->damaged ? WORK_DAMAGED : WORK_GOOD;
        return true;
}

struct work_check *
work_check_new(struct role_ctx *ctx)
{
        struct work_check *x = calloc(1, sizeof(*x));
        _cleanup_free_ struct work_verdicts *v = work_verdicts_read(ctx);

        if (!x || !v) {
                free(x);
                return NULL;
        }
        x->ctx = ctx;
        for (uint32_t i = 0; i < v->n_rows; i++)
                if (!add_row(x, &v->rows[i]))
                        break; /* no memory: the others are read once more */
        return x;
}

/* What was read to its end. That a manifest names no such file is found without reading, so it is not kept. */
static void
keep(const struct work_check *x)
{
        _cleanup_free_ struct work_verdicts *v = calloc(1, sizeof(*v));

        for (size_t i = 0; v && i < x->n && v->n_rows < WORK_MAX_VERDICTS; i++) {
                const struct entry *e = &x->entries[i];
                struct verdict_row *row = &v->rows[v->n_rows];

                if (e->due || e->verdict == WORK_UNCHECKED || (e->finding != SAME && e->finding != DIFFERS))
                        continue;
                *row = (struct verdict_row){.dev = e->file.dev,
                                            .ino = e->file.ino,
                                            .size = e->file.size,
                                            .mtime_s = e->file.mtime.tv_sec,
                                            .mtime_ns = e->file.mtime.tv_nsec,
                                            .damaged = e->verdict == WORK_DAMAGED};
                memcpy(row->image, e->image, sizeof(row->image));
                v->n_rows++;
        }
        if (v)
                work_verdicts_write(x->ctx, v);
}

/* --- looking --- */

static enum finding
look(const char *store, const char *id)
{
        const struct image_file *file;
        char path[IMAGE_PATH_SIZE];
        struct error err;
        struct image im;
        uint8_t sha256[32];
        uint64_t size;

        if (image_store_find(store, id, &im, &err) < 0)
                return UNREADABLE;
        file = image_file_find(&im, FILE_NAME);
        if (!file)
                return NOT_NAMED;
        if (image_path(path, &err, "%s/versions/%s/" FILE_NAME, store, id) < 0 || image_hash(path, sha256, &size, &err) < 0)
                return UNREADABLE;
        return size == file->size && memcmp(sha256, file->sha256, sizeof(sha256)) == 0 ? SAME : DIFFERS;
}

static void
start_next(struct work_check *x)
{
        int64_t now_ms = clock_mono_ms(&x->ctx->clock);
        size_t i = 0;

        while (i < x->n && !(x->entries[i].due && x->entries[i].not_before_ms <= now_ms))
                i++;
        if (x->pid > 0 || i == x->n)
                return;
        x->which = i;
        x->pid = export_process_fork();
        if (x->pid == 0)
                _exit(export_process_become(EXPORT_NBD) < 0 ? UNREADABLE
                                                            : (int)look(x->ctx->config->image_store, x->entries[i].image));
        if (x->pid < 0) { /* asked again */
                log_error("cannot check image=%.16s error=\"%s\"", x->entries[i].image, strerror(-x->pid));
                x->pid = 0;
        }
}

static void
look_if_changed(const struct work_check *x, struct entry *e)
{
        struct identity now = identity_of(x, e->image);

        if (!e->due && !same(&e->file, &now)) {
                e->file = now;
                e->due = true;
        }
}

enum work_verdict
work_check_ask(struct work_check *x, const char *image)
{
        struct entry *e = entry_of(x, image);

        if (!e)
                return WORK_UNCHECKED;
        e->asked = true;
        look_if_changed(x, e);
        start_next(x);
        return e->verdict;
}

uint32_t
work_check_found(const struct work_check *x, struct export_check *ret, uint32_t max)
{
        static const enum work_verdict order[] = {WORK_DAMAGED, WORK_GOOD};
        uint32_t n = 0;

        for (size_t k = 0; k < N_ELEMENTS(order); k++)
                for (size_t i = 0; i < x->n && n < max; i++) {
                        if (x->entries[i].verdict != order[k])
                                continue;
                        str_copy(ret[n].image, sizeof(ret[n].image), x->entries[i].image);
                        str_copy(ret[n].text, sizeof(ret[n].text),
                                 x->entries[i].verdict == WORK_DAMAGED ? finding_texts[x->entries[i].finding] : "");
                        n++;
                }
        return n;
}

static bool
in_store(const struct work_check *x, const char *image)
{
        char path[CONFIG_PATH_SIZE + IMAGE_ID_SIZE + 32];

        snprintf(path, sizeof(path), "%s/versions/%s", x->ctx->config->image_store, image);
        return access(path, F_OK) == 0 || errno != ENOENT;
}

/* Versions that are no longer in the store and that nobody has asked for since the last look. */
static void
drop_gone(struct work_check *x)
{
        size_t n = 0;

        for (size_t i = 0; i < x->n; i++) {
                bool read_now = x->pid > 0 && x->which == i;

                if (!x->entries[i].asked && !read_now && !in_store(x, x->entries[i].image))
                        continue;
                if (read_now)
                        x->which = n;
                x->entries[n] = x->entries[i];
                x->entries[n++].asked = false;
        }
        if (n == x->n)
                return;
        x->n = n;
        keep(x);
}

void
work_check_look(struct work_check *x)
{
        drop_gone(x);
        for (size_t i = 0; i < x->n; i++)
                if (x->entries[i].verdict == WORK_DAMAGED)
                        look_if_changed(x, &x->entries[i]);
        start_next(x);
}

static void
take(const struct work_check *x, struct entry *e, enum finding finding)
{
        struct identity now = identity_of(x, e->image);

        if (!same(&now, &e->file)) { /* somebody was writing it: due as before */
                e->file = now;
                return;
        }
        if (finding != e->finding || e->verdict == WORK_UNCHECKED)
                log_write(finding == SAME ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "root checked image=%.16s result=\"%s\"",
                          e->image, finding == SAME ? "as its manifest says" : finding_texts[finding]);
        e->finding = finding;
        e->due = finding == UNREADABLE;
        if (finding != UNREADABLE)
                e->verdict = finding == SAME ? WORK_GOOD : WORK_DAMAGED;
        else if (e->verdict == WORK_UNCHECKED)
                e->verdict = WORK_GOOD;
        keep(x);
}

/* A child that was killed has found nothing. */
bool
work_check_reap(struct work_check *x)
{
        struct entry *e;
        int status;

        if (x->pid <= 0 || waitpid(x->pid, &status, WNOHANG) != x->pid)
                return false;
        x->pid = 0;
        e = &x->entries[x->which];
        if (WIFEXITED(status) && WEXITSTATUS(status) < FINDING_N)
                take(x, e, (enum finding)WEXITSTATUS(status));
        e->not_before_ms = e->due ? clock_mono_ms(&x->ctx->clock) + AGAIN_MS : 0;
        start_next(x);
        return true;
}

void
work_check_stop(struct work_check *x)
{
        if (x->pid > 0) {
                kill(x->pid, SIGKILL);
                waitpid(x->pid, NULL, 0);
                x->pid = 0;
        }
}
