/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots over the network (model/export.h): which known host may have which version by which transport, made from the policy and
 * from what hosts run; and how work's servers are. Process: core.
 *
 * A host that runs a version keeps its grant until it has booted another one, whatever its profile says meanwhile; that
 * outlives a restart of core in STATE/core/exports.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "bootcfg/policy.h"
#include "bootcfg/policy_choice.h"
#include "ipc/messages.h"
#include "server/core_private.h"

#define EVERY_MS 1000 /* leases of a whole room make one plan */
#define FILE_MAX (2u << 20)

DEFINE_CLEANUP(struct policy *, policy_free)

struct core_export {
        struct msg_export_plan plan; /* in force */
        struct msg_export_plan next; /* being made */
        struct msg_export_states states;
        struct export_check damaged[EXPORT_MAX_CHECKED]; /* an empty image: a free place */
        int64_t made_mono_ms;
        bool due;
        bool wanted; /* there is a host with such a root: leases matter */
        bool full;   /* told that there are too many */
        bool used;   /* there was a plan once, so work may have it */
};

/* --- the plan --- */

static void
add(struct core_export *x, enum root_kind root, const char *image, uint32_t address, const struct mac *mac)
{
        struct export_grant *g = &x->next.grants[x->next.n_grants];

        if (x->next.n_grants == EXPORT_MAX_GRANTS) {
                if (!x->full)
                        log_error("exports: more than %d hosts and versions have roots over the network; the others get none",
                                  EXPORT_MAX_GRANTS);
                x->full = true;
                return;
        }
        *g = (struct export_grant){.root = root, .address = address, .mac = *mac};
        str_copy(g->image, sizeof(g->image), image);
        x->next.n_grants++;
}

/* The host of a row of the policy, and where it is now. */
static uint32_t
address_of(struct core *c, const struct policy_host *p)
{
        const struct core_host *h = core_host_by_mac(c, &p->mac);

        return p->address ? p->address : h ? h->row.address_now : 0;
}

/* AoE does not leave our LAN: behind a satellite nobody would hear it. */
static bool
reaches(struct core *c, enum root_kind root, const struct mac *mac)
{
        const struct core_host *h = root == ROOT_AOE ? core_host_by_mac(c, mac) : NULL;

        return !h || !core_satellite_of(c, h);
}

static void
add_wishes(struct core *c, const struct policy *policy, const struct policy_host *host)
{
        struct policy_chosen all[POLICY_MAX_WAYS];
        uint32_t n = policy_choose_all(policy, host, all);

        for (uint32_t i = 0; i < n; i++)
                if (all[i].image && root_is_exported(all[i].root) && !config_root_is_foreign(c->config, all[i].root) &&
                    reaches(c, all[i].root, &host->mac))
                        add(c->exports, all[i].root, all[i].image->id, address_of(c, host), &host->mac);
}

/* Did its last boot take an initrd that has its root elsewhere? */
static bool
booted_over_network(struct core *c, struct core_host *h)
{
        const struct boot *boot = core_boot_look(c, h);

        for (uint32_t i = 0; i < boot->n_steps; i++)
                if (boot->steps[i].stage == STAGE_INITRD)
                        return strstr(boot->steps[i].text, "initrd-root") != NULL;
        return true; /* not known: it may */
}

/* Does the host run, or boot, what it was granted? */
static bool
in_use(struct core *c, const struct export_grant *g)
{
        struct core_host *h = core_host_by_mac(c, &g->mac);
        enum host_state state = h ? h->row.state : HOST_OFF;
        struct host_inventory inventory;

        if (state == HOST_OFF)
                return false;
        return state == HOST_BOOTING || (booted_over_network(c, h) && strncmp(core_row_inventory(&h->row, &inventory)->image,
                                                                              g->image, IMAGE_SHORT_SIZE - 1) == 0);
}

static void
keep_used(struct core *c)
{
        struct core_export *x = c->exports;

        for (uint32_t i = 0; i < x->plan.n_grants; i++) {
                const struct export_grant *g = &x->plan.grants[i];

                if (in_use(c, g))
                        add(x, g->root, g->image, g->address, &g->mac);
        }
}

static void
sort_out(struct msg_export_plan *p)
{
        uint32_t n = 0;

        qsort(p->grants, p->n_grants, sizeof(p->grants[0]), export_grant_compare);
        for (uint32_t i = 0; i < p->n_grants; i++)
                if (n == 0 || export_grant_compare(&p->grants[n - 1], &p->grants[i]) != 0)
                        p->grants[n++] = p->grants[i];
        p->n_grants = n;
}

/* --- what outlives a restart --- */

static void
write_plan(struct core *c)
{
        const struct rec_desc *d = message_desc(MSG_EXPORT_PLAN);
        size_t size = rec_encoded_size(d, &c->exports->plan);
        _cleanup_free_ uint8_t *bytes = malloc(size);
        char path[CONFIG_PATH_SIZE + 64];
        int r;

        if (!bytes)
                return;
        rec_encode(d, &c->exports->plan, bytes);
        snprintf(path, sizeof(path), "%s/exports", c->params.state_dir);
        r = fd_replace_file(path, 0600, bytes, size);
        if (r < 0)
                log_error("exports are not on the disk: %s", strerror(-r));
}

static void
read_plan(struct core *c)
{
        _cleanup_free_ uint8_t *bytes = NULL;
        char path[CONFIG_PATH_SIZE + 64];
        size_t size = 0;
        int r;

        snprintf(path, sizeof(path), "%s/exports", c->params.state_dir);
        r = fd_read_file(AT_FDCWD, path, FILE_MAX, &bytes, &size);
        c->exports->used = size > 0;
        if (r < 0 || (size > 0 && rec_decode(message_desc(MSG_EXPORT_PLAN), bytes, size, &c->exports->plan) < 0))
                log_warning("file=%s is damaged, hosts that run an older version may lose their root", path);
}

/* --- told by others --- */

void
core_export_due(struct core *c)
{
        if (c->exports)
                c->exports->due = true;
}

void
core_export_lease(struct core *c)
{
        if (c->exports && c->exports->wanted)
                c->exports->due = true;
}

void
core_export_send(struct core *c)
{
        if (c->exports && c->exports->used && c->peers[ROLE_WORK])
                core_send(c, ROLE_WORK, MSG_EXPORT_PLAN, &c->exports->plan);
}

void
core_export_tick(struct core *c)
{
        struct core_export *x = c->exports;
        CLEANUP(policy_free) struct policy *policy = NULL;
        struct policy_host host;

        if (!x || !x->due || core_mono(c) - x->made_mono_ms < EVERY_MS)
                return;
        policy = core_policy_now(c);
        if (!policy)
                return;
        x->due = false;
        x->made_mono_ms = core_mono(c);
        x->next.n_grants = 0;
        for (uint32_t i = 0; policy_host_at(policy, i, &host); i++)
                add_wishes(c, policy, &host);
        keep_used(c);
        sort_out(&x->next);
        x->wanted = x->next.n_grants > 0;
        if (x->next.n_grants == x->plan.n_grants &&
            memcmp(x->next.grants, x->plan.grants, x->next.n_grants * sizeof(x->next.grants[0])) == 0)
                return;
        memcpy(x->plan.grants, x->next.grants, x->next.n_grants * sizeof(x->next.grants[0]));
        x->plan.n_grants = x->next.n_grants;
        x->used = true;
        write_plan(c);
        core_export_send(c);
}

static const struct export_state *
state_named(const struct msg_export_states *m, const char *name)
{
        for (uint32_t i = 0; i < m->n_states; i++)
                if (strcmp(m->states[i].name, name) == 0)
                        return &m->states[i];
        return NULL;
}

static struct export_check *
damage_of(struct core_export *x, const char *image)
{
        for (uint32_t i = 0; i < EXPORT_MAX_CHECKED; i++)
                if (strcmp(x->damaged[i].image, image) == 0)
                        return &x->damaged[i];
        return NULL;
}

/* A free place in the list, or that of a version that is gone from the store; NULL: there is none. */
static struct export_check *
damage_new(struct core *c)
{
        for (uint32_t i = 0; i < EXPORT_MAX_CHECKED; i++)
                if (!*c->exports->damaged[i].image)
                        return &c->exports->damaged[i];
        for (uint32_t i = 0; i < EXPORT_MAX_CHECKED; i++)
                if (!core_policy_image(c, c->exports->damaged[i].image))
                        return &c->exports->damaged[i];
        return NULL;
}

/* An event names a version by its image and the first digits of its id. */
static void
tell_damage(struct core *c, const char *id, const char *what, const char *text)
{
        const struct image *im = core_policy_image(c, id);

        core_event(c, "image", im ? im->name : id, what, 0, "version %.16s: %s", id, text);
}

/* Of a version that work says nothing of - it was started anew, and nobody is to have it now - what was known goes on. */
static void
look_at_check(struct core *c, const struct export_check *now)
{
        struct export_check *known = damage_of(c->exports, now->image);

        if (*now->text && !known) {
                known = core_policy_image(c, now->image) ? damage_new(c) : NULL;
                if (!known) /* gone from the store, or one too many to keep in mind: not told again and again */
                        return;
                *known = *now;
                tell_damage(c, now->image, "root-damaged", now->text);
                c->policy_dirty = true; /* see core_fallback_look_damage() */
        } else if (!*now->text && known) {
                *known = (struct export_check){0};
                tell_damage(c, now->image, "root-whole", "its root.squashfs is whole again");
        }
}

const char *
core_export_damage(const struct core *c, const char *image)
{
        const struct export_check *known = c->exports ? damage_of(c->exports, image) : NULL;

        return known ? known->text : "";
}

bool
core_export_any_damage(const struct core *c)
{
        for (uint32_t i = 0; c->exports && i < EXPORT_MAX_CHECKED; i++)
                if (*c->exports->damaged[i].image)
                        return true;
        return false;
}

void
core_export_states(struct core *c, const struct msg_export_states *m)
{
        for (uint32_t i = 0; i < m->n_states; i++) {
                const struct export_state *now = &m->states[i], *was = state_named(&c->exports->states, now->name);

                if (was && was->run == now->run && was->restarts == now->restarts)
                        continue;
                if (now->run == EXPORT_WAITING || now->run == EXPORT_MISSING)
                        core_event(c, "server", now->name, "export-down", 0, "%s", now->text);
                else if (was && now->run == EXPORT_RUNNING && was->run != EXPORT_STARTING)
                        core_event(c, "server", now->name, "export-up", 0, "it runs again, pid %u", now->pid);
        }
        for (uint32_t i = 0; i < m->n_checked; i++)
                look_at_check(c, &m->checked[i]);
        c->exports->states = *m;
}

/* --- shown --- */

static json_t *
state_json(const struct export_state *s)
{
        json_t *json = rec_to_json(&export_state_desc, s);

        json_object_del(json, "run");
        json_object_set_new(json, "state", json_string(export_run_names[s->run]));
        return json;
}

json_t *
core_exports_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        json_t *list = json_array();

        (void)m, (void)err;
        for (uint32_t i = 0; i < c->exports->states.n_states; i++)
                json_array_append_new(list, state_json(&c->exports->states.states[i]));
        return json_pack("{s:o}", "exports", list);
}

/* Is the server the one that the grant is about? */
static bool
concerns(const char *name, const struct export_grant *g)
{
        const char *root = root_names[g->root];

        if (g->root == ROOT_AOE)
                return strncmp(name, "aoe-", 4) == 0 && strncmp(name + 4, g->image, 16) == 0;
        return strncmp(name, root, strlen(name)) == 0 || (strcmp(name, "nfs3") == 0 && g->root == ROOT_NFS);
}

json_t *
core_export_json(struct core *c, const struct msg_api_get *m, struct error *err)
{
        const struct export_state *s = state_named(&c->exports->states, m->name);
        json_t *json, *grants;

        if (!s) {
                error_set(err, ERR_NOT_FOUND, "no server '%s' gives roots; see 'dompool export list'", m->name);
                return NULL;
        }
        json = state_json(s);
        grants = json_array();
        for (uint32_t i = 0; i < c->exports->plan.n_grants; i++) {
                const struct export_grant *g = &c->exports->plan.grants[i];
                const struct core_host *h = core_host_by_mac(c, &g->mac);
                json_t *grant;

                if (!concerns(s->name, g))
                        continue;
                grant = rec_to_json(&export_grant_desc, g);
                json_object_set_new(grant, "host", json_string(h ? h->row.host.name : ""));
                json_array_append_new(grants, grant);
        }
        json_object_set_new(json, "grants", grants);
        return json;
}

/* --- life --- */

int
core_export_load(struct core *c, struct error *err)
{
        c->exports = calloc(1, sizeof(*c->exports));
        if (!c->exports)
                return error_errno_set(err, ENOMEM, "exports");
        read_plan(c);
        c->exports->due = true;
        c->exports->made_mono_ms = core_mono(c) - EVERY_MS;
        return 0;
}

void
core_export_free(struct core *c)
{
        free(c->exports);
        c->exports = NULL;
}
