/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests' kernels and ramdisks: from the guest-files directory into STATE/blobs/<sha256>, where files serves them to hosts. A
 * file is found below its directory only, whatever ".." and symbolic links say (openat2, RESOLVE_BENEATH), and opened here:
 * with core's rights, not with root's. Copying and hashing takes seconds, so the open file goes to work (guest_blob.c). What
 * was hashed before and has not changed is not read again. Process: core.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "server/core_private.h"
#include "server/core_trial.h"
#include "server/guest_blob.h"

#define GUEST_FILE_MAX (256ull << 20)
#define BLOB_PATH_SIZE (CONFIG_PATH_SIZE + 128)

/* The part of @path below the guest-files directory, or NULL when it is an absolute path to elsewhere. */
static const char *
below(const char *dir, const char *path)
{
        size_t n = strlen(dir);

        if (*path != '/')
                return path;
        while (n > 0 && dir[n - 1] == '/')
                n--;
        if (strncmp(path, dir, n) != 0 || path[n] != '/')
                return NULL;
        while (path[n] == '/')
                n++;
        return path + n;
}

static int
open_beneath(const char *dir, const char *path, int *ret, struct error *err)
{
        struct open_how how = {
                .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, /* a FIFO must not hold us up */
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        };
        const char *rel = below(dir, path);
        _cleanup_close_ int dir_fd = -1;
        int fd;

        if (!rel || !*rel)
                return error_set(err, ERR_DENIED, "'%s' is not below the guest-files directory %s", path, dir);
        dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return error_errno_set(err, errno, "guest-files directory %s", dir);
        fd = (int)syscall(SYS_openat2, dir_fd, rel, &how, sizeof(how));
        if (fd >= 0) {
                *ret = fd;
                return 0;
        }
        if (errno == ENOENT || errno == ENOTDIR)
                return error_set(err, ERR_NOT_FOUND, "there is no file %s/%s on the server", dir, rel);
        if (errno == EXDEV || errno == ELOOP)
                return error_set(err, ERR_DENIED, "%s/%s leads out of the guest-files directory", dir, rel);
        return error_errno_set(err, errno, "%s/%s", dir, rel);
}

static int
check_file(int fd, const char *path, struct store_guest_file *ret, struct error *err)
{
        struct stat st;

        if (fstat(fd, &st))
                return error_errno_set(err, errno, "%s", path);
        if (!S_ISREG(st.st_mode))
                return error_set(err, ERR_INVALID, "%s is not a regular file", path);
        if (st.st_size == 0)
                return error_set(err, ERR_INVALID, "%s is empty", path);
        if ((uint64_t)st.st_size > GUEST_FILE_MAX)
                return error_set(err, ERR_LIMIT, "%s has %lld MiB; at most %llu MiB are taken", path,
                                 (long long)st.st_size >> 20, GUEST_FILE_MAX >> 20);
        *ret = (struct store_guest_file){
                .dev = st.st_dev,
                .inode = st.st_ino,
                .size = (uint64_t)st.st_size,
                .mtime_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec,
                .ctime_ns = st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec,
        };
        return 0;
}

static bool
have_blob(const char *blob_dir, const struct store_guest_file *f)
{
        char path[BLOB_PATH_SIZE], hex[SHA256_TEXT_SIZE];
        struct stat st;

        snprintf(path, sizeof(path), "%s/%s", blob_dir, hex_text(f->sha256, sizeof(f->sha256), hex));
        return !stat(path, &st) && (uint64_t)st.st_size == f->size;
}

/* Is the blob of this name what a domain was, or is to be, started from? A configuration is JSON and has its hashes in hex. */
static bool
is_used(struct core *c, const char *hex)
{
        struct core_domain *d, *next;

        HASH_ITER(hh, c->domains, d, next)
        if (d->row.config && strstr(d->row.config, hex))
                return true;
        return false;
}

/* A blob without its name yet is left alone while one is being made. */
void
core_guest_sweep(struct core *c)
{
        _cleanup_closedir_ DIR *dir = c->guest_task.op ? NULL : opendir(c->params.blob_dir);
        struct dirent *e;

        while (dir && (e = readdir(dir)))
                if (strncmp(e->d_name, GUEST_BLOB_PART, strlen(GUEST_BLOB_PART)) == 0 ||
                    (strlen(e->d_name) == SHA256_TEXT_SIZE - 1 && !is_used(c, e->d_name)))
                        unlinkat(dirfd(dir), e->d_name, 0);
}

/* The one guest that comes with dompool. */
static int
find_trial(struct core *c, int *ret_fd, struct store_guest_file *file, struct error *err)
{
        int r = core_trial_open(ret_fd, err);

        return r < 0 ? r : have_blob(c->params.blob_dir, file);
}

/* Opens the file and looks up its hash: 1 it is a blob, 0 it is not yet. */
static int
find_file(struct core *c, const char *path, int *ret_fd, struct store_guest_file *ret, struct error *err)
{
        _cleanup_close_ int fd = -1;
        int r;

        if (core_trial_known(path, ret))
                return find_trial(c, ret_fd, ret, err);
        if ((r = open_beneath(c->config->guest_files, path, &fd, err)) || (r = check_file(fd, path, ret, err)))
                return r;
        r = store_guest_file_get(c->store, ret, err);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return r == 1 && have_blob(c->params.blob_dir, ret) ? 1 : 0;
}

static void
fill_in(struct guest_file *f, const uint8_t sha256[SHA256_SIZE], uint64_t size)
{
        memcpy(f->sha256, sha256, sizeof(f->sha256));
        f->size = size;
}

int
core_guest_file(struct core *c, struct guest_file *f, struct error *err)
{
        _cleanup_close_ int fd = -1;
        struct store_guest_file known;
        int r = find_file(c, f->path, &fd, &known, err);

        if (r == 1)
                fill_in(f, known.sha256, known.size);
        return r < 0 ? r : 0;
}

struct guest_file *
core_guest_wanted(struct domain_config *config, const char **ret_name)
{
        if (*config->kernel.path && config->kernel.size == 0) {
                *ret_name = "kernel";
                return &config->kernel;
        }
        if (*config->ramdisk.path && config->ramdisk.size == 0) {
                *ret_name = "ramdisk";
                return &config->ramdisk;
        }
        return NULL;
}

/* --- taking in --- */

static struct core_op *
next_op(struct core *c)
{
        struct core_op *op, *next, *first = NULL;

        HASH_ITER(hh, c->ops, op, next)
        if (op->wants_files && (!first || op->row.op.id < first->row.op.id))
                first = op;
        return first;
}

static void
ask_work(struct core *c, struct core_op *op, const char *name, const struct store_guest_file *file, int fd)
{
        struct msg_work_task m = {.op = op->row.op.id, .kind = WORK_GUEST_FILE};

        c->guest_task = (struct core_guest_task){.op = op->row.op.id, .file = *file};
        str_copy(c->guest_task.name, sizeof(c->guest_task.name), name);
        str_copy(m.name, sizeof(m.name), name);
        str_copy(op->row.op.step, sizeof(op->row.op.step), name);
        op->row.op.percent = 0;
        op->row.op.updated_ms = core_wall(c);
        core_mark_op(c, op);
        core_send_fd(c, ROLE_WORK, MSG_WORK_TASK, &m, fd);
}

/* One file further with this operation: what has become a blob meanwhile is filled in, the next one goes to work, or the agent
 * is told. False: it has failed. */
static bool
go_on(struct core *c, struct core_op *op, struct error *err)
{
        struct core_domain *d = core_domain_by_uuid(c, op->row.uuid);
        struct domain_config config;
        struct store_guest_file file;
        struct guest_file *wanted;
        const char *name = "";
        bool changed = false;
        int fd = -1, r = 0;

        if (!d)
                error_set(err, ERR_INTERNAL, "domain '%s' is missing in the database", op->row.op.target);
        if (!d || core_domain_config(d, &config, err))
                return false;
        while (r >= 0 && (wanted = core_guest_wanted(&config, &name))) {
                r = find_file(c, wanted->path, &fd, &file, err);
                if (r <= 0)
                        break;
                cleanup_close(&fd);
                fd = -1;
                fill_in(wanted, file.sha256, file.size);
                changed = true;
        }
        if (r < 0) {
                error_prefix(err, "domain '%s': %s", config.name, name);
                return false;
        }
        if (changed)
                core_domain_set_config(c, d, &config);
        if (fd >= 0) {
                ask_work(c, op, name, &file, fd);
        } else {
                op->wants_files = false;
                core_op_push(c, op);
        }
        return true;
}

void
core_guest_push(struct core *c)
{
        struct core_op *op;
        struct error err;

        if (!c->guest_due)
                return;
        c->guest_due = false;
        while (c->peers[ROLE_WORK] && c->guest_task.op == 0 && (op = next_op(c)))
                if (!go_on(c, op, &err))
                        core_op_failed(c, op, err.code, err.message);
}

void
core_guest_result(struct core *c, struct core_op *op, const struct msg_work_result *m)
{
        struct core_guest_task *t = &c->guest_task;
        struct error err;
        char text[sizeof(m->text)];

        if (t->op != m->op || strcmp(t->name, m->name) != 0)
                return; /* of a task that was asked for twice, over a restart */
        t->op = 0;
        if (strcmp(m->code, error_text(ERR_NONE)) != 0) {
                snprintf(text, sizeof(text), "domain '%s': %s: %.800s", op->row.op.target, m->name, m->text);
                core_op_failed(c, op, error_from_text(m->code), text);
        } else {
                memcpy(t->file.sha256, m->sha256, sizeof(t->file.sha256));
                /* Another size than when it was opened: what was copied is not the file whose times we know. */
                if (t->file.size != m->size || !have_blob(c->params.blob_dir, &t->file))
                        core_op_failed(c, op, ERR_STATE, "its kernel or ramdisk changed while it was read; try again");
                else if (t->file.inode && store_guest_file_put(c->store, &t->file, &err)) /* 0: it is no file of a disk */
                        core_db_failed(c, &err);
        }
        c->guest_due = true;
}
