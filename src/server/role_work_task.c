/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tasks that work carries out, as a table. Runs in a child of work, as root: one process for one task, which ends with it.
 * It speaks by blocking writes on a socket, as work would speak to core, and reads nothing.
 */
#include "server/role_work.h"

#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "image/facts_store.h"
#include "image/image_build.h"
#include "image/image_gc.h"
#include "image/image_key.h"
#include "image/image_lock.h"
#include "image/image_store.h"
#include "image/image_verify.h"
#include "server/guest_blob.h"

struct task_run {
        const struct config *config;
        const struct msg_work_task *task;
        int sock;
        int fd;                 /* that came with the task; -1: none */
        unsigned told;          /* percent */
        struct guest_file file; /* the result of a guest file's */
};

struct task_kind {
        int (*check)(const struct msg_work_task *task, int fd, struct error *err);
        int (*run)(struct task_run *t, char *text, size_t text_size, struct error *err); /* @text: for people, on success */
};

static void
tell_progress(void *arg, const char *step, unsigned percent, const char *text)
{
        struct msg_work_progress m = {.percent = percent};
        struct task_run *t = arg;

        m.op = t->task->op;
        str_copy(m.step, sizeof(m.step), step);
        log_info("task op=%llu step=%s percent=%u %s", (unsigned long long)m.op, m.step, percent, text ? text : "");
        channel_write_blocking(t->sock, ROLE_WORK, ROLE_CORE, MSG_WORK_PROGRESS, &m, -1);
}

static int
find_recipe(const char *name, char ret[PROGRAM_PATH_SIZE], struct error *err)
{
        char path[NAME_SIZE + 8];

        snprintf(path, sizeof(path), "images/%s", name);
        if (paths_data(path, ret) < 0)
                return error_set(err, ERR_NOT_FOUND, "there is no image recipe '%s' on the server", name);
        return 0;
}

static int
image_build_check(const struct msg_work_task *task, int fd, struct error *err)
{
        char recipe[PROGRAM_PATH_SIZE];

        (void)fd;
        if (!name_ok(task->name))
                return error_set(err, ERR_INVALID,
                                 "a recipe's name must be 1 to 63 of a-z A-Z 0-9 . _ -, the first a letter or digit");
        return find_recipe(task->name, recipe, err);
}

static int
image_build_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        char recipe[PROGRAM_PATH_SIZE], programs[PROGRAM_PATH_SIZE], key[CONFIG_PATH_SIZE + 16];
        struct image_build b = {
                .store = t->config->image_store,
                .recipe_dir = recipe,
                .program_dir = programs,
                .name = t->task->name,
                .key_file = key,
                .ssh_keys = t->config->ssh_keys,
                .progress = tell_progress,
                .arg = t,
        };
        struct image image;
        int r;

        snprintf(key, sizeof(key), "%s/" IMAGE_KEY_NAME, t->config->state_dir);
        r = find_recipe(t->task->name, recipe, err);
        if (r < 0)
                return r;
        if (paths_program("dompool-init", programs) < 0)
                return error_set(err, ERR_NOT_FOUND,
                                 "the node programs (dompool-init and its like) are not installed on the server");
        *strrchr(programs, '/') = '\0';
        tell_progress(t, "loaders", 0, NULL);
        r = loaders_build(t->config->image_store, err);
        if (r == 0)
                r = image_build(&b, &image, err);
        if (r == 0)
                snprintf(text, text_size, "image %s version %.16s", image.name, image.id);
        return r;
}

/* ---- versions that are there ---- */

static int
versions_check(const struct msg_work_task *task, int fd, struct error *err)
{
        (void)fd;
        if (!name_ok(task->name) || strspn(task->versions, "0123456789abcdef ") != strlen(task->versions))
                return error_set(err, ERR_INVALID, "a task on an image without a name, or with versions that are none");
        return 0;
}

/* The one version of the task. */
static int
the_version(const struct task_run *t, struct image *ret, struct error *err)
{
        char digits[IMAGE_ID_SIZE];

        str_copy(digits, sizeof(digits), t->task->versions);
        digits[strcspn(digits, " ")] = '\0';
        return image_store_find(t->config->image_store, digits, ret, err);
}

static int
set_default_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        struct image im;
        int r = the_version(t, &im, err);

        if (r == 0)
                r = image_store_set(t->config->image_store, t->task->name, im.id, &im, err);
        if (r == 0)
                snprintf(text, text_size, "image %s is version %.16s now", t->task->name, im.id);
        return r;
}

static int
rollback_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        struct image im;
        int r = image_store_rollback(t->config->image_store, t->task->name, &im, err);

        if (r == 0)
                snprintf(text, text_size, "image %s went back to version %.16s", t->task->name, im.id);
        return r;
}

static int
remove_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        char ids[WORK_VERSIONS_MAX][IMAGE_ID_SIZE], words[sizeof(t->task->versions)], *save = NULL;
        struct image_gc_result done;
        size_t n = 0;
        int r;

        memcpy(words, t->task->versions, sizeof(words));
        for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                struct error ignored;
                struct image im;

                /* One that is not there any more was removed before work was restarted. */
                if (n < WORK_VERSIONS_MAX && image_store_find(t->config->image_store, word, &im, &ignored) == 0)
                        memcpy(ids[n++], im.id, IMAGE_ID_SIZE);
        }
        r = image_gc_remove(t->config->image_store, (const char(*)[IMAGE_ID_SIZE])ids, n, &done, err);
        if (r == 0)
                snprintf(text, text_size, "%u versions removed, %llu MiB free again", done.versions,
                         (unsigned long long)(done.bytes >> 20));
        return r;
}

static int
verify_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        struct image_verify v;
        struct image im;
        int r = the_version(t, &im, err);

        if (r == 0)
                r = image_verify(t->config->image_store, &im, &v, err);
        if (r < 0)
                return r;
        if (v.n_damaged)
                return image_verify_error(&im, &v, err);
        snprintf(text, text_size, "image %s version %.16s is what key %s signed: %u files, %llu MiB", im.name, im.id, v.key,
                 v.files, (unsigned long long)(v.bytes >> 20));
        return 0;
}

/* ---- facts of images and loaders ---- */

static int
facts_check(const struct msg_work_task *task, int fd, struct error *err)
{
        (void)fd;
        return strcmp(task->name, WORK_FACTS_NAME) == 0 ? 0 : error_set(err, ERR_INVALID, "facts have another name");
}

static int
facts_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        _cleanup_close_ int lock = image_lock_try(t->config->image_store, err);
        int r;

        /* It is the first task after a start: what a build that died has left goes now. One that lives has the lock. */
        if (lock >= 0 && image_sweep(t->config->image_store, err) < 0)
                log_error("left-over of a build cannot be removed: %s", err->message);
        if (lock >= 0)
                close(TAKE_FD(lock));
        r = facts_store_fill(t->config->image_store, err);
        snprintf(text, text_size, "facts of the image store");
        return r;
}

/* ---- a guest's kernel or ramdisk ---- */

static int
guest_file_check(const struct msg_work_task *task, int fd, struct error *err)
{
        struct stat st;

        if (!name_ok(task->name))
                return error_set(err, ERR_INVALID, "a guest file without a name");
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return error_set(err, ERR_INVALID, "no open file came with the task");
        return 0;
}

/* Each is a message and a line of the log: in steps. */
static void
guest_file_progress(void *arg, unsigned percent)
{
        struct task_run *t = arg;

        if (percent < t->told + 10)
                return;
        t->told = percent;
        tell_progress(t, t->task->name, percent, NULL);
}

static int
guest_file_run(struct task_run *t, char *text, size_t text_size, struct error *err)
{
        char dir[ROLE_PATH_SIZE], tag[NAME_SIZE + 24];
        int r;

        role_path_text(t->config, ROLE_WORK, ROLE_PATH_BLOBS, dir);
        snprintf(tag, sizeof(tag), "%llu-%s", (unsigned long long)t->task->op, t->task->name);
        r = guest_blob_make(dir, tag, t->fd, guest_file_progress, t, &t->file, err);
        if (r == 0)
                snprintf(text, text_size, "%llu bytes", (unsigned long long)t->file.size);
        return r;
}

static const struct task_kind task_kinds[WORK_KIND_N] = {
        [WORK_IMAGE_BUILD] = {image_build_check, image_build_run}, [WORK_FACTS] = {facts_check, facts_run},
        [WORK_GUEST_FILE] = {guest_file_check, guest_file_run},    [WORK_IMAGE_SET_DEFAULT] = {versions_check, set_default_run},
        [WORK_IMAGE_ROLLBACK] = {versions_check, rollback_run},    [WORK_IMAGE_REMOVE] = {versions_check, remove_run},
        [WORK_IMAGE_VERIFY] = {versions_check, verify_run},
};

int
work_task_check(const struct msg_work_task *task, int fd, struct error *err)
{
        if (task->kind >= WORK_KIND_N)
                return error_set(err, ERR_UNSUPPORTED, "there is no task number %u", task->kind);
        return task_kinds[task->kind].check(task, fd, err);
}

int
work_task_run(const struct config *config, const struct msg_work_task *task, int sock, int fd)
{
        struct task_run t = {.config = config, .task = task, .sock = sock, .fd = fd};
        struct msg_work_result m = {.op = task->op};
        struct error err = {0};
        int r;

        r = task_kinds[task->kind].run(&t, m.text, sizeof(m.text), &err);
        if (r < 0)
                str_copy(m.text, sizeof(m.text), err.message);
        memcpy(m.name, task->name, sizeof(m.name));
        memcpy(m.sha256, t.file.sha256, sizeof(m.sha256));
        m.size = t.file.size;
        str_copy(m.code, sizeof(m.code), error_text(r < 0 ? err.code : ERR_NONE));
        return channel_write_blocking(sock, ROLE_WORK, ROLE_CORE, MSG_WORK_RESULT, &m, -1) < 0 ? 1 : 0;
}
