/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with versions of images that are there. core decides - who uses a version is known here alone - and the role
 * work, which may write the store, carries it out and looks at the tags once more under the store's lock. Process: core.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "image/image_diff.h"
#include "image/image_gc.h"
#include "image/image_store.h"
#include "server/core_private.h"

#define SHORT_ID 16

/* --- who uses a version --- */

static void add_user(json_t *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add_user(json_t *list, const char *fmt, ...)
{
        char text[200];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        json_array_append_new(list, json_string(text));
}

/* By its id, not by a tag: what a tag names is kept for the tag's sake. */
static bool
names_version(const char *name, const struct image *im)
{
        size_t n = strlen(name);

        return n >= 8 && strspn(name, "0123456789abcdef") == n && strncmp(name, im->id, n) == 0;
}

/* Its dom0 said so, or its loader fetched files of this version in its last boot. */
static bool
host_runs(struct core *c, struct core_host *h, const struct image *im)
{
        struct host_inventory inventory;
        const struct boot *boot;
        char digits[SHORT_ID + 1];

        if (h->row.state == HOST_OFF)
                return false;
        if (strncmp(core_row_inventory(&h->row, &inventory)->image, im->id, SHORT_ID) == 0)
                return true;
        str_copy(digits, sizeof(digits), "");
        memcpy(digits, im->id, SHORT_ID);
        boot = core_boot_look(c, h);
        for (uint32_t i = 0; i < boot->n_steps; i++)
                if (strstr(boot->steps[i].text, digits))
                        return true;
        return false;
}

json_t *
core_image_users(struct core *c, const struct image *im)
{
        json_t *list = json_array();
        char tags[2 * NAME_SIZE + 32];
        struct core_host *h, *next;

        image_gc_tags(c->config->image_store, im, tags, sizeof(tags));
        if (*tags)
                add_user(list, "it is %s", tags);
        if (names_version(c->config->default_image, im))
                add_user(list, "the configuration names it as default image");
        for (uint32_t i = 0; i < c->config->n_profiles; i++)
                if (names_version(c->config->profiles[i].image, im))
                        add_user(list, "profile %s names it", c->config->profiles[i].name);
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        {
                const struct host_setting *s = &h->row.setting;

                if (names_version(h->row.host.image, im) || names_version(s->image, im) || names_version(s->once_image, im))
                        add_user(list, "host %s is to boot it", h->row.host.name);
                if (*s->fallback.failed && names_version(s->fallback.instead, im))
                        add_user(list, "host %s falls back to it", h->row.host.name);
                if (host_runs(c, h, im))
                        add_user(list, "host %s runs it", h->row.host.name);
        }
        core_canary_users(c, im, list);
        return list;
}

/* 0, or ERR_BUSY with the users' words, the first few of them. */
static int
check_unused(struct core *c, const struct image *im, struct error *err)
{
        json_t *users = core_image_users(c, im);
        char text[600] = "";
        const json_t *user;
        size_t i;

        json_array_foreach(users, i, user)
        {
                size_t n = strlen(text);

                if (n < sizeof(text) - 220)
                        snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "", json_string_value(user));
        }
        i = json_array_size(users);
        json_decref(users);
        return i ? error_set(err, ERR_BUSY, "version %.16s of image '%s' is in use: %s", im->id, im->name, text) : 0;
}

/* --- what GET shows --- */

json_t *
core_image_diff_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        const struct image *a, *b;
        json_t *json = NULL;

        core_policy_look(c);
        a = core_policy_image(c, m->name);
        b = *m->filter ? core_policy_image(c, m->filter) : NULL;
        if (!*m->filter)
                error_set(err, ERR_INVALID, "query to: the other image is wanted");
        else if (!a || !b)
                core_policy_no_image(a ? m->filter : m->name, err);
        else
                image_diff_json(c->config->image_store, a, b, &json, err);
        return json;
}

static bool
is_unused(struct core *c, const struct image *im)
{
        struct error ignored;

        return check_unused(c, im, &ignored) == 0;
}

json_t *
core_image_gc_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();
        uint64_t sum = 0;

        (void)m, (void)err;
        core_policy_look(c);
        for (size_t i = 0; i < c->n_images; i++) {
                const struct image *im = &c->images[i];
                uint64_t bytes;

                if (!is_unused(c, im))
                        continue;
                bytes = image_gc_size(c->config->image_store, im->id);
                sum += bytes;
                json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I}", "id", im->id, "name", im->name, "built_ms",
                                                      (json_int_t)im->built_ms, "bytes", (json_int_t)bytes));
        }
        return json_pack("{s:o,s:I}", "unused", list, "bytes", (json_int_t)sum);
}

/* --- requests --- */

/* What the request is about; *ret_image NULL for what is about none. */
static int
check_change(struct core *c, const struct msg_api_image_change *m, const struct image **ret_image, struct error *err)
{
        bool set = m->kind == OP_IMAGE_SET_DEFAULT;
        const char *name = set ? m->version : m->name;
        const struct image *im = m->kind == OP_IMAGE_GC ? NULL : core_policy_image(c, name);
        struct core_op *op = core_op_active(c, im ? im->name : WORK_GC_NAME, true);
        char id[IMAGE_ID_SIZE];

        *ret_image = im;
        if (!op_kind_is_works(m->kind) || m->kind == OP_IMAGE_BUILD)
                return error_set(err, ERR_UNSUPPORTED, "there is no such change of an image");
        if (!im && m->kind != OP_IMAGE_GC)
                return core_policy_no_image(name, err);
        if (op)
                return error_set(err, ERR_BUSY, "operation %" PRIu64 " (%s) on image '%s' is under way", op->row.op.id,
                                 op_kind_names[op->row.op.kind], op->row.op.target);
        if (set && im && strcmp(im->name, m->name) != 0)
                return error_set(err, ERR_INVALID, "version %.16s is one of image '%s', not of '%s'", im->id, im->name,
                                 m->name);
        if (m->kind == OP_IMAGE_ROLLBACK && !image_store_tagged(c->config->image_store, m->name, "previous", id))
                return error_set(err, ERR_STATE, "image '%s' has no previous version to go back to", m->name);
        return m->kind == OP_IMAGE_REMOVE ? check_unused(c, im, err) : 0;
}

void
core_image_change(struct core *c, const struct msg_api_image_change *m)
{
        const struct image *im;
        struct core_op *op;
        struct error err;

        if (core_op_by_key(c, m->request, m->by, m->key))
                return;
        core_policy_look(c);
        if (check_change(c, m, &im, &err) < 0) {
                core_reply_error(c, m->request, &err);
                return;
        }
        op = core_op_new(c, m->request, (enum op_kind)m->kind, im ? im->name : WORK_GC_NAME, "", m->by, m->key);
        if (!op)
                return;
        if (im && m->kind != OP_IMAGE_ROLLBACK) {
                memcpy(op->row.op.version, im->id, SHORT_ID);
                core_mark_op(c, op);
        }
        core_op_push(c, op);
}

/* --- for work --- */

static const enum work_kind tasks[OP_KIND_N] = {
        [OP_IMAGE_BUILD] = WORK_IMAGE_BUILD,       [OP_IMAGE_SET_DEFAULT] = WORK_IMAGE_SET_DEFAULT,
        [OP_IMAGE_ROLLBACK] = WORK_IMAGE_ROLLBACK, [OP_IMAGE_REMOVE] = WORK_IMAGE_REMOVE,
        [OP_IMAGE_GC] = WORK_IMAGE_REMOVE,         [OP_IMAGE_VERIFY] = WORK_IMAGE_VERIFY,
};

static void
add_version(struct msg_work_task *m, const char *id)
{
        size_t n = strlen(m->versions);

        if (n + SHORT_ID + 1 < sizeof(m->versions))
                snprintf(m->versions + n, sizeof(m->versions) - n, "%.16s ", id);
}

int
core_image_task(struct core *c, const struct core_op *op, struct msg_work_task *ret, struct error *err)
{
        const struct operation *o = &op->row.op;
        const struct image *im = *o->version ? core_policy_image(c, o->version) : NULL;
        int r = 0;

        *ret = (struct msg_work_task){.kind = tasks[o->kind]};
        str_copy(ret->name, sizeof(ret->name), o->target);
        if (*o->version)
                add_version(ret, o->version);
        /* It may have waited behind a build: hosts have come and gone. */
        if (o->kind == OP_IMAGE_REMOVE && im)
                r = check_unused(c, im, err);
        for (size_t i = 0; o->kind == OP_IMAGE_GC && i < c->n_images; i++)
                if (is_unused(c, &c->images[i]))
                        add_version(ret, c->images[i].id);
        return r;
}

void
core_image_done(struct core *c, const struct core_op *op, const char *text)
{
        if (op->row.op.kind != OP_IMAGE_BUILD)
                core_event(c, "server", op->row.op.target, op_kind_names[op->row.op.kind], 0, "%.300s, by %s", text,
                           op->row.op.by);
}
