/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy snapshot, from which boot and files answer without core: built from hosts, images and configuration when one of
 * them has changed, written beside the database and replaced by rename, and handed to both as a sealed file. Process: core.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/rec_json.h"
#include "base/sealed.h"
#include "bootcfg/policy.h"
#include "bootcfg/quirk_match.h"
#include "image/image_store.h"
#include "server/core_private.h"

#define SCAN_EVERY_MS 10000
#define NO_INDEX UINT32_MAX

DEFINE_CLEANUP(struct policy *, policy_free)
DEFINE_CLEANUP(struct policy_builder *, policy_builder_free)

/* --- images --- */

/* An id, whole or its first eight digits and more, if it is only one's. */
static const struct image *
image_by_id(struct core *c, const char *id)
{
        const struct image *found = NULL;
        size_t n = strlen(id), i;

        if (n < 8 || strspn(id, "0123456789abcdef") != n)
                return NULL;
        for (i = 0; i < c->n_images; i++) {
                if (strncmp(c->images[i].id, id, n) != 0)
                        continue;
                if (found)
                        return NULL;
                found = &c->images[i];
        }
        return found;
}

const struct image *
core_policy_image(struct core *c, const char *name)
{
        const struct image *by_id = image_by_id(c, name);
        struct image found;
        struct error err;
        size_t i;

        if (by_id)
                return by_id;
        if (!c->n_images || image_store_find(c->config->image_store, name, &found, &err))
                return NULL;
        for (i = 0; i < c->n_images; i++)
                if (!strcmp(c->images[i].id, found.id))
                        return &c->images[i];
        return NULL; /* published since the last look */
}

int
core_policy_no_image(const char *name, struct error *err)
{
        return error_set(err, ERR_NOT_FOUND, "there is no image '%s'; see 'dompool image list'", name);
}

const struct image *
core_policy_image_asked(struct core *c, const char *name, struct error *err)
{
        const struct image *im;

        core_policy_look(c);
        im = core_policy_image(c, name);
        if (!im)
                core_policy_no_image(name, err);
        return im;
}

static void
add_tag(struct core *c, json_t *tags, const struct image *im, const char *tag)
{
        char name[NAME_SIZE + 16];
        const struct image *tagged;

        snprintf(name, sizeof(name), "%s:%s", im->name, tag);
        tagged = core_policy_image(c, name);
        if (tagged && !strcmp(tagged->id, im->id))
                json_array_append_new(tags, json_string(tag));
}

json_t *
core_policy_image_json(struct core *c, const struct image *im)
{
        json_t *json = rec_to_json(&image_desc, im);
        json_t *tags = json_array();

        add_tag(c, tags, im, "current");
        add_tag(c, tags, im, "previous");
        json_object_set_new(json, "tags", tags);
        json_object_set_new(json, "trouble", json_string(core_export_damage(c, im->id)));
        return json;
}

/* The folders change when a version is published, a tag moved, facts or loaders made anew (by rename); so a look costs a stat
 * call each. */
static bool
store_changed(struct core *c)
{
        static const char *const folders[N_ELEMENTS(c->images_mtime)] = {"versions", "tags", "facts", "loaders"};
        char path[CONFIG_PATH_SIZE + 16];
        bool changed = false;
        struct stat st;
        size_t i;

        for (i = 0; i < N_ELEMENTS(folders); i++) {
                snprintf(path, sizeof(path), "%s/%s", c->config->image_store, folders[i]);
                if (stat(path, &st))
                        st.st_mtim = (struct timespec){0};
                if (st.st_mtim.tv_sec != c->images_mtime[i].tv_sec || st.st_mtim.tv_nsec != c->images_mtime[i].tv_nsec) {
                        changed = true;
                        c->loaders_changed |= strcmp(folders[i], "loaders") == 0;
                }
                c->images_mtime[i] = st.st_mtim;
        }
        return changed;
}

void
core_policy_scan_images(struct core *c, bool force)
{
        struct image *images = NULL;
        struct error err;
        size_t n = 0;

        if (!force && core_mono(c) - c->images_checked_mono_ms < SCAN_EVERY_MS)
                return;
        c->images_checked_mono_ms = core_mono(c);
        if (!store_changed(c) && !force)
                return;
        if (image_store_list(c->config->image_store, &images, &n, &err)) {
                log_warning("images are not readable: %s", err.message); /* the ones known stay in force */
                return;
        }
        core_guard_free_facts(c);
        free(c->images);
        c->images = images;
        c->n_images = n;
        core_guard_load_facts(c);
        core_fallback_look(c);
        c->policy_dirty = true;
}

void
core_policy_look(struct core *c)
{
        c->images_checked_mono_ms = core_mono(c) - SCAN_EVERY_MS;
        core_policy_scan_images(c, false);
}

/* --- the snapshot --- */

static uint64_t
file_size(const struct image *im, const char *name)
{
        const struct image_file *f = image_file_find(im, name);

        return f ? f->size : 0;
}

static void
fill_image(struct policy_image *p, const struct image *im)
{
        memcpy(p->id, im->id, sizeof(p->id));
        memcpy(p->name, im->name, sizeof(p->name));
        memcpy(p->xen_args, im->xen_args, sizeof(p->xen_args));
        memcpy(p->kernel_args, im->kernel_args, sizeof(p->kernel_args));
        p->xen_size = file_size(im, "xen.gz");
        p->kernel_size = file_size(im, "vmlinuz");
        p->initrd_size = file_size(im, "initrd");
}

/* Most hosts name the same image: its place is looked up once for each name, not once for each host. */
struct image_index {
        char name[NAME_SIZE];
        uint32_t index;
        UT_hash_handle hh;
};

static uint32_t
find_index(struct core *c, struct image_index **cache, const char *name)
{
        const struct image *im;
        struct image_index *e;

        HASH_FIND_STR(*cache, name, e);
        if (e)
                return e->index;
        im = core_policy_image(c, name);
        e = calloc(1, sizeof(*e));
        if (!e)
                return im ? (uint32_t)(im - c->images) : NO_INDEX;
        str_copy(e->name, sizeof(e->name), name);
        e->index = im ? (uint32_t)(im - c->images) : NO_INDEX;
        HASH_ADD_STR(*cache, name, e);
        return e->index;
}

static void
fill_quirks(const struct config *config, const struct core_row *row, const struct host_hardware *hw,
            uint16_t quirks[POLICY_MAX_QUIRKS], struct policy_host *p)
{
        for (uint32_t i = 0; i < config->n_quirks; i++) {
                if (!quirk_concerns(&config->quirks[i], &row->host.mac, hw))
                        continue;
                if (p->n_quirks < POLICY_MAX_QUIRKS)
                        quirks[p->n_quirks++] = (uint16_t)i;
                else
                        log_warning("host=%s quirk_left_out=%s reason=\"more than %d concern it\"", row->host.name,
                                    config->quirks[i].name, POLICY_MAX_QUIRKS);
        }
}

static int
add_host(struct core *c, const struct config *config, struct image_index **cache, struct policy_builder *b,
         const struct core_row *row)
{
        struct host_hardware hw;
        const struct profile_facts facts = core_row_facts(row, &hw);
        const struct host_brief *d = &row->host;
        struct policy_choice choices[POLICY_MAX_CHOICES];
        uint16_t quirks[POLICY_MAX_QUIRKS];
        struct policy_host p = {
                .mac = d->mac,
                .address = d->address,
                .image = find_index(c, cache, *d->image ? d->image : config->default_image),
                .name = d->name,
                .xen_args = d->xen_args,
                .kernel_args = d->kernel_args,
                .console = d->console,
                .loader = d->loader,
                .root = root_find(d->root) % ROOT_N,
                .choices = choices,
                .quirks = quirks,
        };
        uint32_t left_out;

        fill_quirks(config, row, &hw, quirks, &p);
        p.n_choices = (uint16_t)profile_choices(config, &facts, choices, &left_out);
        if (left_out > 0)
                log_warning("host=%s rules_left_out=%u reason=\"more than %d rules with a time match it\"", d->name, left_out,
                            POLICY_MAX_CHOICES - 1);
        /* Set together with the profile. */
        for (uint32_t i = 0; i < p.n_choices && choices[i].by <= POLICY_BY_SETTING; i++) {
                const char *image = choices[i].by == POLICY_BY_ONCE ? row->setting.once_image : row->setting.image;

                if (*image)
                        choices[i].image = find_index(c, cache, image);
        }
        for (uint32_t i = 0; i < p.n_choices; i++) {
                core_fallback_apply(c, config, row, &choices[i]);
                if (choices[i].fallen)
                        choices[i].image = find_index(c, cache, row->setting.fallback.instead);
        }
        return policy_builder_add(b, &p);
}

/* A machine under inspection: the RAM image that reports, and nothing of anybody's settings. Its name is made of its MAC
 * address alone. */
static int
add_guest(struct core *c, const struct config *config, struct image_index **cache, struct policy_builder *b,
          const struct core_unknown *u)
{
        const struct policy_choice choice = {.profile = config_profile_index(config, profile_kind_names[PROFILE_INSPECT]),
                                             .rule = POLICY_NONE,
                                             .image = POLICY_HOSTS_IMAGE,
                                             .by = POLICY_BY_ONCE};
        char mac[2 * sizeof(u->row.mac.b) + 1], name[NAME_SIZE];
        const struct policy_host p = {.mac = u->row.mac,
                                      .guest = true,
                                      .name = name,
                                      .image = find_index(c, cache, config->default_image),
                                      .choices = &choice,
                                      .n_choices = 1};

        snprintf(name, sizeof(name), "guest-%s", hex_text(u->row.mac.b, sizeof(u->row.mac.b), mac));
        return policy_builder_add(b, &p);
}

static uint32_t
menu_index(const struct config *config, const char *name)
{
        const struct menu *m = config_menu(config, name);

        return m ? (uint32_t)(m - config->menus) : POLICY_NONE;
}

static void
fill_profile(struct core *c, const struct config *config, struct image_index **cache, struct policy_profile *to,
             const struct profile *p)
{
        to->kind = p->kind;
        to->image = *p->image ? find_index(c, cache, p->image) : POLICY_HOSTS_IMAGE;
        to->server = p->server;
        to->root = *p->root ? root_find(p->root) : ROOT_N;
        to->iscsi_hook = p->iscsi_hook;
        memcpy(to->layer, p->layer, sizeof(to->layer));
        memcpy(to->guest_nic, p->guest_nic, sizeof(to->guest_nic));
        memcpy(to->vlans, p->vlans, sizeof(to->vlans));
        memcpy(to->nfs_dirs, p->nfs_dirs, sizeof(to->nfs_dirs));
        to->menu = menu_index(config, p->menu);
        memcpy(to->name, p->name, sizeof(to->name));
        memcpy(to->file, p->file, sizeof(to->file));
        memcpy(to->xen_args, p->xen_args, sizeof(to->xen_args));
        memcpy(to->kernel_args, p->kernel_args, sizeof(to->kernel_args));
}

/* An entry whose profile does not exist is left out. */
static void
fill_menu(const struct config *config, struct policy_menu *to, const struct menu *m)
{
        memcpy(to->name, m->name, sizeof(to->name));
        memcpy(to->title, m->title, sizeof(to->title));
        to->timeout = m->timeout;
        for (uint32_t i = 0; i < m->n_entries; i++) {
                const struct menu_entry *from = &m->entries[i];
                struct policy_entry *e = &to->entries[to->n_entries];

                e->profile = config_profile_index(config, from->profile);
                if (e->profile == POLICY_NONE)
                        continue;
                memcpy(e->title, from->title, sizeof(e->title));
                memcpy(e->password_grub, from->password_grub, sizeof(e->password_grub));
                memcpy(e->password_syslinux, from->password_syslinux, sizeof(e->password_syslinux));
                memcpy(e->password_pxegrub, from->password_pxegrub, sizeof(e->password_pxegrub));
                to->n_entries++;
        }
}

static void
fill_header(struct core *c, const struct policy_source *from, struct image_index **cache, struct policy_header *p)
{
        const struct config *config = from->config;

        p->generation = from->generation;
        p->default_image = find_index(c, cache, config->default_image);
        memcpy(p->token_key, c->token_key, sizeof(p->token_key));
        memcpy(p->tls_fingerprint, c->params.tls_fingerprint, sizeof(p->tls_fingerprint));
        memcpy(p->console, config->console, sizeof(p->console));
        memcpy(p->xen_args, config->xen_args, sizeof(p->xen_args));
        memcpy(p->kernel_args, config->kernel_args, sizeof(p->kernel_args));
        p->agent_port = config->agent_port;
        p->http_port = config->http_port;
        for (enum root_kind i = 0; i < ROOT_N; i++)
                config_root_pattern(config, i, p->root_patterns[i]);
        for (const struct config_network *n; (n = config_network_at(config, p->n_networks)); p->n_networks++)
                p->networks[p->n_networks] = *n;
}

/* The tables that a snapshot is made from besides its hosts. */
struct parts {
        struct policy_image *images;
        struct policy_profile *profiles;
        struct policy_rule *rules;
        struct policy_menu *menus;
};

static void
free_parts(struct parts *p)
{
        free(p->images);
        free(p->profiles);
        free(p->rules);
        free(p->menus);
}

static bool
allocate_parts(struct parts *p, const struct policy_parts *n)
{
        p->images = calloc(n->n_images + 1u, sizeof(*p->images));
        p->profiles = calloc(n->n_profiles + 1u, sizeof(*p->profiles));
        p->rules = calloc(n->n_rules + 1u, sizeof(*p->rules));
        p->menus = calloc(n->n_menus + 1u, sizeof(*p->menus));
        return p->images && p->profiles && p->rules && p->menus;
}

static void
fill_parts(struct core *c, const struct policy_source *from, struct image_index **cache, struct parts *p,
           const struct policy_parts *n)
{
        const struct config *config = from->config;
        uint32_t i;

        for (i = 0; i < n->n_images; i++)
                fill_image(&p->images[i], &c->images[i]);
        for (i = 0; i < n->n_profiles; i++)
                fill_profile(c, config, cache, &p->profiles[i], config_profile_at(config, i));
        for (i = 0; i < n->n_rules; i++) {
                memcpy(p->rules[i].name, config->rules[i].name, sizeof(p->rules[i].name));
                p->rules[i].menu = menu_index(config, config->rules[i].menu);
        }
        for (i = 0; i < n->n_menus; i++)
                fill_menu(config, &p->menus[i], &config->menus[i]);
}

/* Also one that is to become a host, in a policy of what would be (core_what_if.c). */
static bool
is_host(const struct policy_source *from, const struct mac *mac)
{
        for (uint32_t i = 0; i < from->n_rows; i++)
                if (mac_eq(&from->rows[i]->host.mac, mac))
                        return true;
        return false;
}

static int
add_hosts(struct core *c, const struct policy_source *from, struct image_index **cache, const struct policy_parts *parts,
          struct policy **ret)
{
        CLEANUP(policy_builder_free) struct policy_builder *b = policy_builder_new(parts);
        struct core_unknown *u, *next;
        int r = b ? 0 : -ENOMEM;

        for (uint32_t i = 0; r == 0 && i < from->n_rows; i++)
                r = add_host(c, from->config, cache, b, from->rows[i]);
        HASH_ITER(hh, c->unknown, u, next)
        {
                if (r == 0 && !from->satellite && u->row.state == UNKNOWN_INSPECTING && !is_host(from, &u->row.mac))
                        r = add_guest(c, from->config, cache, b, u);
        }
        return r < 0 ? r : policy_builder_end(TAKE_PTR(b), ret);
}

/* A satellite's LAN and key instead of ours; agents come to us from there, too. */
static void
fill_satellite(struct core *c, const struct core_satellite *s, struct policy_header *p)
{
        satellite_key(c->token_key, &s->row, p->token_key);
        p->agent_address = c->config->network.address;
        p->http_port = s->row.http_port;
        p->n_networks = s->row.n_networks;
        memcpy(p->networks, s->row.networks, sizeof(p->networks));
}

static int
build(struct core *c, const struct policy_source *from, struct policy **ret)
{
        struct policy_parts parts = {
                .n_images = (uint32_t)c->n_images,
                .n_rules = from->config->n_rules,
                .n_menus = from->config->n_menus,
                .n_quirks = from->config->n_quirks,
                .quirks = from->config->quirks,
                .n_enrols = from->satellite ? 0 : from->config->n_enrols, /* rules let machines in at the main server only */
                .enrols = from->config->enrols,
        };
        struct image_index *cache = NULL, *e, *next_e;
        struct policy_header header = {0};
        struct parts p = {0};
        int r = -ENOMEM;

        while (config_profile_at(from->config, parts.n_profiles))
                parts.n_profiles++;
        if (allocate_parts(&p, &parts)) {
                fill_parts(c, from, &cache, &p, &parts);
                fill_header(c, from, &cache, &header);
                if (from->satellite)
                        fill_satellite(c, from->satellite, &header);
                parts.header = &header;
                parts.images = p.images;
                parts.profiles = p.profiles;
                parts.rules = p.rules;
                parts.menus = p.menus;
                r = add_hosts(c, from, &cache, &parts, ret);
        }
        HASH_ITER(hh, cache, e, next_e)
        {
                HASH_DEL(cache, e);
                free(e);
        }
        free_parts(&p);
        return r;
}

int
core_policy_source_now(struct core *c, struct policy_source *ret)
{
        struct core_host *h, *next;

        *ret = (struct policy_source){.config = c->config, .generation = c->policy_generation};
        ret->rows = calloc(HASH_CNT(by_name, c->hosts_by_name) + 1u, sizeof(*ret->rows));
        if (!ret->rows)
                return -ENOMEM;
        HASH_ITER(by_name, c->hosts_by_name, h, next)
        ret->rows[ret->n_rows++] = &h->row;
        return 0;
}

/* What is in force. */
static int
build_now(struct core *c, struct policy **ret)
{
        struct policy_source from;
        int r = core_policy_source_now(c, &from);

        if (r == 0) {
                from.generation = ++c->policy_generation;
                r = build(c, &from, ret);
        }
        free(from.rows);
        return r;
}

struct policy *
core_policy_of(struct core *c, const struct policy_source *from)
{
        struct policy *p = NULL;

        return build(c, from, &p) < 0 ? NULL : p;
}

/* Of the generation in force: it is the same policy, seen from there. */
struct policy *
core_policy_for(struct core *c, const struct core_satellite *s)
{
        struct policy_source from = {0};
        struct core_host *h, *next;
        struct policy *p = NULL;

        if (core_policy_source_now(c, &from) == 0) {
                from.satellite = s;
                from.n_rows = 0;
                HASH_ITER(by_name, c->hosts_by_name, h, next)
                if (core_satellite_of(c, h) == s)
                        from.rows[from.n_rows++] = &h->row;
                p = core_policy_of(c, &from);
        }
        free(from.rows);
        return p;
}

struct policy *
core_policy_now(struct core *c)
{
        struct policy_source from;
        struct policy *p = core_policy_source_now(c, &from) == 0 ? core_policy_of(c, &from) : NULL;

        free(from.rows);
        return p;
}

/* Replaced by rename and on the disk before: a boot role that starts without core finds the old one or the new one, whole. */
static int
replace(struct core *c, const void *data, size_t size)
{
        char path[CONFIG_PATH_SIZE + 64];

        snprintf(path, sizeof(path), "%s/policy.snap", c->params.state_dir);
        return fd_replace_file(path, 0600, data, size);
}

void
core_policy_send(struct core *c, enum role to)
{
        struct msg_policy m = {.generation = c->policy_generation};

        if (c->policy_fd >= 0)
                core_send(c, to, MSG_POLICY, &m);
}

void
core_policy_flush(struct core *c)
{
        CLEANUP(policy_free) struct policy *p = NULL;
        const void *data;
        size_t size;
        int fd = -1, r;

        if (!c->policy_dirty)
                return;
        r = build_now(c, &p);
        if (!r) {
                data = policy_bytes(p, &size);
                r = replace(c, data, size);
                if (!r)
                        r = sealed_file_new("policy", data, size, &fd);
        }
        if (r) { /* boot and files go on with the last one; tried again at the next turn */
                log_error("policy snapshot not written: %s", strerror(-r));
                return;
        }
        if (c->policy_fd >= 0)
                close(c->policy_fd);
        c->policy_fd = fd;
        c->policy_dirty = false;
        core_policy_send(c, ROLE_BOOT);
        core_policy_send(c, ROLE_FILES);
        core_satellite_offer_all(c);
        core_export_due(c);
}

int
core_policy_load(struct core *c, struct error *err)
{
        (void)err;
        /* Grows over restarts without being stored: the wall clock does, and a snapshot is newer if its number is another. */
        c->policy_generation = (uint64_t)core_wall(c);
        c->policy_dirty = true;
        core_policy_scan_images(c, true);
        return 0;
}
