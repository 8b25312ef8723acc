/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hv's tasks: create, shutdown, destroy, restart. Each is idempotent: what is there already is not made again, what is gone
 * needs no end. One process, one operation, synchronous libxl. Runs in: dompool-hv --task NAME, as root.
 */
#include "hv/hv_task.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/paths.h"
#include "hv/hv_blob.h"
#include "hv/hv_bridges.h"
#include "hv/hv_domcfg.h"
#include "hv/hv_libxl.h"
#include "hv/hv_record.h"
#include "ipc/channel.h"

#define FD_PATH_SIZE 48

struct task {
        int fd; /* channel to hv */
        char blobs[PATH_SIZE], domains[PATH_SIZE];
        libxl_ctx *ctx;
        struct hv_libxl_log log;
        const struct msg_agent_op *op;
        struct domain_info info; /* of the domain, for the result */
};

static void
task_step(struct task *t, const char *step)
{
        struct msg_agent_op_progress p = {.id = t->op->id, .epoch = t->op->epoch};

        str_copy(p.step, sizeof(p.step), step);
        channel_write_blocking(t->fd, ROLE_HVTASK, ROLE_HV, MSG_AGENT_OP_PROGRESS, &p, -1);
}

/* What the operation's domain is running as: 1, and @ret and the result describe it; 0: nowhere; else negative with @err. */
static int
find_domain(struct task *t, libxl_dominfo *ret, struct error *err)
{
        int r = hv_libxl_find(t->ctx, t->op->config.uuid, ret);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return hv_libxl_error(err, &t->log, ERROR_FAIL, "listing domains");
        hv_libxl_info(ret, &t->info);
        return 1;
}

/* ---- destroy ---- */

static int
destroy_domid(struct task *t, uint32_t domid, struct error *err)
{
        int rc = libxl_domain_destroy(t->ctx, domid, NULL);

        if (rc && rc != ERROR_DOMAIN_NOTFOUND)
                return hv_libxl_error(err, &t->log, rc, "destroying domain '%s' (domid %u)", t->op->config.name, domid);
        return 0;
}

/* What this uuid is running as, if anything. */
static int
destroy_uuid(struct task *t, struct error *err)
{
        libxl_dominfo found;
        int r;

        libxl_dominfo_init(&found);
        r = find_domain(t, &found, err);
        if (r > 0)
                r = destroy_domid(t, found.domid, err);
        libxl_dominfo_dispose(&found);
        return r;
}

static int
task_destroy(struct task *t, struct error *err)
{
        int r = destroy_uuid(t, err);

        if (r < 0)
                return r;
        t->info.state = DOMAIN_GONE;
        hv_record_delete(t->domains, t->op->config.uuid);
        return 0;
}

/* ---- create ---- */

/* Kernel and ramdisk as paths that libxl can open and nobody can change. */
struct files {
        int kernel_fd, ramdisk_fd;
        char kernel[FD_PATH_SIZE], ramdisk[FD_PATH_SIZE], vif_script[PROGRAM_PATH_SIZE];
        struct hv_domcfg_files paths;
};

static void
files_close(struct files *f)
{
        cleanup_close(&f->kernel_fd);
        cleanup_close(&f->ramdisk_fd);
}

/* By the process's number, because the device model of an HVM domain opens it as well. */
static void
file_path(int fd, char ret[FD_PATH_SIZE])
{
        snprintf(ret, FD_PATH_SIZE, "/proc/%d/fd/%d", (int)getpid(), fd);
}

static int
files_open(struct task *t, struct files *f, struct error *err)
{
        const struct domain_config *c = &t->op->config;

        f->kernel_fd = hv_blob_take(t->blobs, &c->kernel, err);
        if (f->kernel_fd < 0)
                return error_prefix(err, "kernel of domain '%s'", c->name);
        file_path(f->kernel_fd, f->kernel);
        f->paths.kernel = f->kernel;
        if (c->ramdisk.size > 0) {
                f->ramdisk_fd = hv_blob_take(t->blobs, &c->ramdisk, err);
                if (f->ramdisk_fd < 0)
                        return error_prefix(err, "ramdisk of domain '%s'", c->name);
                file_path(f->ramdisk_fd, f->ramdisk);
                f->paths.ramdisk = f->ramdisk;
        }
        if (c->n_vifs > 0 && paths_program("dompool-vif", f->vif_script) < 0)
                return error_set(err, ERR_TOOL, "dompool-vif is not in the host's image");
        f->paths.vif_script = f->vif_script;
        f->paths.device_model = hv_domcfg_device_model();
        return 0;
}

/* A clear answer instead of libxl's "unable to populate physmap". Xen needs a little for itself beside the guest's memory. */
static int
check_memory(struct task *t, struct error *err)
{
        const struct domain_config *c = &t->op->config;
        uint64_t need = (c->maxmem_kib ? c->maxmem_kib : c->memory_kib) + 4096, free_kib;
        libxl_physinfo info;
        int rc;

        libxl_physinfo_init(&info);
        rc = libxl_get_physinfo(t->ctx, &info);
        free_kib = (info.free_pages + info.scrub_pages) * 4;
        libxl_physinfo_dispose(&info);
        if (rc)
                return hv_libxl_error(err, &t->log, rc, "asking Xen for free memory");
        if (free_kib < need)
                return error_set(err, ERR_NO_SPACE, "domain '%s' needs %llu MiB; the host has %llu MiB free", c->name,
                                 (unsigned long long)(need >> 10), (unsigned long long)(free_kib >> 10));
        return 0;
}

/* Another domain of the same name would make every tool of Xen ambiguous. */
static int
check_name(struct task *t, struct error *err)
{
        uint32_t domid;

        if (libxl_name_to_domid(t->ctx, t->op->config.name, &domid) == 0)
                return error_set(err, ERR_EXISTS, "the host has another domain named '%s' (domid %u)", t->op->config.name,
                                 domid);
        return 0;
}

/* Here libxl is called: the domain exists, paused, when this returns 0. */
static int
build(struct task *t, const struct files *files, uint32_t *ret_domid, struct error *err)
{
        libxl_domain_config config;
        uint32_t domid = 0;
        int r;

        libxl_domain_config_init(&config);
        r = hv_domcfg_fill(&t->op->config, &files->paths, &config, err);
        if (r == 0) {
                int rc = libxl_domain_create_new(t->ctx, &config, &domid, NULL, NULL);

                if (rc)
                        r = hv_libxl_error(err, &t->log, rc, "creating domain '%s'", t->op->config.name);
        }
        libxl_domain_config_dispose(&config);
        if (r == 0)
                *ret_domid = domid;
        return r;
}

static int
start(struct task *t, uint32_t domid, struct error *err)
{
        libxl_dominfo found;
        int rc = libxl_domain_unpause(t->ctx, domid, NULL);

        if (rc)
                return hv_libxl_error(err, &t->log, rc, "starting domain '%s'", t->op->config.name);
        libxl_dominfo_init(&found);
        if (libxl_domain_info(t->ctx, &found, domid) == 0)
                hv_libxl_info(&found, &t->info);
        libxl_dominfo_dispose(&found);
        return 0;
}

/* From nothing to a running domain; @before is what is known of its life before, zero if it had none. What fails leaves nothing
 * behind. */
static int
create_fresh(struct task *t, const struct hv_record *before, struct error *err)
{
        struct files files = {.kernel_fd = -1, .ramdisk_fd = -1};
        struct hv_record record = {
                .op = t->op->id, .restarting = before->restarting, .n_fast = before->n_fast, .config = t->op->config};
        struct clock clock;
        struct error ignored;
        int r;

        clock_init_real(&clock);
        r = hv_domcfg_supported(&t->op->config, hv_domcfg_device_model(), err);
        if (r == 0)
                r = check_name(t, err);
        if (r == 0)
                r = hv_bridges_check(HV_NET, &t->op->config, err);
        if (r == 0)
                r = check_memory(t, err);
        if (r == 0)
                r = files_open(t, &files, err);
        if (r == 0 && (r = hv_record_save(t->domains, &record)) < 0)
                error_errno_set(err, -r, "record of domain '%s'", t->op->config.name);
        if (r == 0) {
                task_step(t, "create");
                r = build(t, &files, &record.domid, err);
        }
        files_close(&files);
        if (r == 0) {
                record.complete = true;
                record.restarting = false;
                record.started_ms = clock_mono_ms(&clock);
                r = hv_record_save(t->domains, &record);
                if (r < 0)
                        error_errno_set(err, -r, "record of domain '%s'", t->op->config.name);
                else
                        r = start(t, record.domid, err);
        }
        if (r < 0) {
                destroy_uuid(t, &ignored);
                hv_record_delete(t->domains, t->op->config.uuid);
        }
        return r;
}

/* Was @found made by this operation before hv or its parent died, perhaps not yet started? */
static bool
made_before(const struct task *t, const libxl_dominfo *found)
{
        struct hv_record record;

        return hv_record_load(t->domains, t->op->config.uuid, &record) == 0 && record.complete && record.domid == found->domid;
}

static int
task_create(struct task *t, struct error *err)
{
        libxl_dominfo found;
        int r;

        libxl_dominfo_init(&found);
        r = find_domain(t, &found, err);
        if (r > 0 && made_before(t, &found)) {
                r = found.paused ? start(t, found.domid, err) : 0;
        } else {
                if (r > 0)
                        r = destroy_domid(t, found.domid, err);
                if (r == 0)
                        r = create_fresh(t, &(struct hv_record){0}, err);
        }
        libxl_dominfo_dispose(&found);
        return r;
}

/* ---- shutdown: only asked for here; hv waits for the end ---- */

static int
ask_to_shut_down(struct task *t, const libxl_dominfo *found, struct error *err)
{
        int rc = 0;

        if (found->paused)
                libxl_domain_unpause(t->ctx, found->domid, NULL);
        if (!found->shutdown)
                rc = libxl_domain_shutdown(t->ctx, found->domid, NULL);
        if (rc == ERROR_NOPARAVIRT) /* a guest that does not listen to Xen may still know a power button */
                rc = libxl_send_trigger(t->ctx, found->domid, LIBXL_TRIGGER_POWER, 0, NULL);
        return rc ? hv_libxl_error(err, &t->log, rc, "asking domain '%s' to shut down", t->op->config.name) : 0;
}

static int
task_shutdown(struct task *t, struct error *err)
{
        libxl_dominfo found;
        int r;

        libxl_dominfo_init(&found);
        r = find_domain(t, &found, err);
        if (r > 0)
                r = ask_to_shut_down(t, &found, err);
        else if (r == 0)
                t->info.state = DOMAIN_GONE;
        libxl_dominfo_dispose(&found);
        return r;
}

/* ---- a domain that ended and is to live again ---- */

static int
task_restart(struct task *t, struct error *err)
{
        struct hv_record record = {0};
        int r;

        hv_record_load(t->domains, t->op->config.uuid, &record);
        r = destroy_uuid(t, err);
        return r < 0 ? r : create_fresh(t, &record, err);
}

/* The old one is kept under NAME-1 (the first number that is free) and a uuid of its own. */
static int
rename_domain(struct task *t, uint32_t old_domid, struct error *err)
{
        const struct domain_config *c = &t->op->config;
        libxl_domain_create_info info;
        libxl_uuid uuid;
        char suffix[16], name[NAME_SIZE + 16];
        uint32_t domid;
        int rc;

        for (unsigned i = 1;; i++) {
                snprintf(suffix, sizeof(suffix), "-%u", i);
                snprintf(name, sizeof(name), "%s%s", c->name, suffix);
                if (libxl_name_to_domid(t->ctx, name, &domid) != 0)
                        break;
        }
        libxl_domain_create_info_init(&info);
        info.name = strdup(c->name);
        memcpy(libxl_uuid_bytearray(&info.uuid), c->uuid, UUID_SIZE);
        info.type = hv_libxl_type(c->type);
        libxl_uuid_generate(&uuid);
        rc = libxl_domain_preserve(t->ctx, old_domid, &info, suffix, uuid);
        libxl_domain_create_info_dispose(&info);
        if (rc)
                return hv_libxl_error(err, &t->log, rc, "renaming domain '%s'", c->name);
        rc = hv_libxl_set_uuid(old_domid, &uuid);
        return rc < 0 ? error_errno_set(err, -rc, "a uuid of its own for domain '%s'", name) : 0;
}

static int
task_rename_restart(struct task *t, struct error *err)
{
        struct hv_record record = {0};
        libxl_dominfo found;
        int r;

        hv_record_load(t->domains, t->op->config.uuid, &record);
        libxl_dominfo_init(&found);
        r = find_domain(t, &found, err);
        if (r > 0)
                r = rename_domain(t, found.domid, err);
        libxl_dominfo_dispose(&found);
        return r < 0 ? r : create_fresh(t, &record, err);
}

/* ---- the process ---- */

static const struct {
        const char *name;
        int (*run)(struct task *t, struct error *err);
} tasks[] = {
        {"create", task_create},
        {"shutdown", task_shutdown},
        {"destroy", task_destroy},
        {"restart", task_restart},
        {"rename-restart", task_rename_restart},
};

static int
task_run(struct task *t, const char *name, struct error *err)
{
        int rc;

        hv_libxl_log_init(&t->log);
        rc = libxl_ctx_alloc(&t->ctx, LIBXL_VERSION, 0, &t->log.vtable);
        if (rc)
                return hv_libxl_error(err, &t->log, rc, "opening Xen");
        for (size_t i = 0; i < N_ELEMENTS(tasks); i++)
                if (strcmp(tasks[i].name, name) == 0)
                        return tasks[i].run(t, err);
        return error_set(err, ERR_INTERNAL, "no task '%s'", name);
}

static void
task_answer(struct task *t, const struct error *err)
{
        struct msg_agent_op_result r = {.id = t->op->id, .epoch = t->op->epoch, .domain = t->info};

        str_copy(r.code, sizeof(r.code), error_text(err->code));
        str_copy(r.text, sizeof(r.text), err->message);
        memcpy(r.domain.uuid, t->op->config.uuid, UUID_SIZE);
        str_copy(r.domain.name, sizeof(r.domain.name), t->op->config.name);
        r.domain.type = t->op->config.type;
        r.domain.op = t->op->id;
        channel_write_blocking(t->fd, ROLE_HVTASK, ROLE_HV, MSG_AGENT_OP_RESULT, &r, -1);
}

int
hv_task_main(const char *name, const char *run_dir, int fd)
{
        struct task t = {.fd = fd};
        struct error err = {0};
        void *op = NULL;
        int passed = -1, type;

        /* a task must not outlive hv, which alone knows of it */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        type = channel_read_blocking(fd, ROLE_HVTASK, ROLE_HV, &op, &passed);
        if (type != MSG_AGENT_OP) {
                log_error("no operation came type=%d", type);
                return 1;
        }
        t.op = op;
        snprintf(t.blobs, sizeof(t.blobs), "%s/blobs", run_dir);
        snprintf(t.domains, sizeof(t.domains), "%s/domains", run_dir);
        task_run(&t, name, &err);
        task_answer(&t, &err);
        if (t.ctx)
                libxl_ctx_free(t.ctx);
        free(op);
        return 0;
}
