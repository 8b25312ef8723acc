/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What satellites are given: a snapshot with their own hosts, networks and token key, and the list of files that those hosts
 * may ask for. Made anew when the policy or a loader changes, told to those that are connected, handed out in parts.
 * Process: core.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/folder.h"
#include "base/log.h"
#include "bootcfg/bootfile.h"
#include "server/core_private.h"

#define LOADERS_DEPTH 6
#define SCAN_EVERY_MS 10000

DEFINE_CLEANUP(struct policy *, policy_free)

void
core_satellite_offer_clear(struct core_satellite *s)
{
        for (int i = 0; i < SATELLITE_WHAT_N; i++) {
                free(s->bytes[i]);
                s->bytes[i] = NULL;
        }
        s->offer = (struct msg_satellite_offer){0};
}

/* --- loaders --- */

/* The list that is made, and the one of before, whose hashes hold for files that have not changed. */
struct scan {
        struct core_loader_file *files;
        size_t n;
        const struct core *core;
};

static bool
same_file(const struct core_loader_file *f, const char *path, const struct stat *st)
{
        return strcmp(f->file.path, path) == 0 && f->inode == st->st_ino && f->file.size == (uint64_t)st->st_size &&
               f->mtime.tv_sec == st->st_mtim.tv_sec && f->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

static int
hash_loader(const struct scan *scan, int fd, const struct stat *st, struct core_loader_file *f)
{
        const struct core *c = scan->core;

        for (size_t i = 0; i < c->n_loader_files; i++)
                if (same_file(&c->loader_files[i], f->file.path, st)) {
                        memcpy(f->file.sha256, c->loader_files[i].file.sha256, sizeof(f->file.sha256));
                        return 0;
                }
        return digest_sha256_fd(fd, f->file.sha256, NULL);
}

/* What no list may name is left out with a word. */
static void
add_loader(void *arg, int dir, const char *name, const char *path)
{
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct scan *scan = arg;
        struct core_loader_file *f = &scan->files[scan->n];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return;
        if (!satellite_files_path_ok(path) || scan->n == SATELLITE_MAX_FILES / 2) {
                log_warning("loader is not for satellites file=%s", path);
                return;
        }
        *f = (struct core_loader_file){.inode = st.st_ino, .mtime = st.st_mtim, .file.size = (uint64_t)st.st_size};
        str_copy(f->file.path, sizeof(f->file.path), path);
        if (hash_loader(scan, fd, &st, f) == 0)
                scan->n++;
}

static int
by_path(const void *a, const void *b)
{
        const struct core_loader_file *x = a, *y = b;

        return strcmp(x->file.path, y->file.path);
}

/* True when they are others than before. */
static bool
scan_loaders(struct core *c)
{
        struct scan scan = {.core = c, .files = calloc(SATELLITE_MAX_FILES / 2, sizeof(*scan.files))};
        const struct folder_walk walk = {.links = true, .file = add_loader, .arg = &scan};
        char path[CONFIG_PATH_SIZE + 16];
        bool changed;

        if (!scan.files)
                return false;
        snprintf(path, sizeof(path), "%s/loaders", c->config->image_store);
        folder_walk(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "loaders", LOADERS_DEPTH, &walk);
        qsort(scan.files, scan.n, sizeof(*scan.files), by_path);
        changed = scan.n != c->n_loader_files;
        for (size_t i = 0; !changed && i < scan.n; i++)
                changed = strcmp(scan.files[i].file.path, c->loader_files[i].file.path) != 0 ||
                          memcmp(scan.files[i].file.sha256, c->loader_files[i].file.sha256, SHA256_SIZE) != 0;
        free(c->loader_files);
        c->loader_files = scan.files;
        c->n_loader_files = scan.n;
        return changed;
}

/* --- images --- */

/* Every image that a host of the snapshot may be sent: by its choices, and by the menus that these show. */
struct used {
        const struct policy *policy;
        bool *images; /* by index */
};

static void
use_profile(struct used *u, const struct policy_host *h, const struct policy_profile *p, uint32_t chosen)
{
        uint32_t image = chosen == POLICY_HOSTS_IMAGE ? p->image : chosen;

        if (image == POLICY_HOSTS_IMAGE)
                image = h->image;
        if (profile_kind_boots_image(p->kind) && image != POLICY_NONE)
                u->images[image] = true;
}

static void
use_menu(struct used *u, const struct policy_host *h, const struct policy_menu *m)
{
        for (uint32_t i = 0; m && i < m->n_entries; i++)
                use_profile(u, h, policy_profile_at(u->policy, m->entries[i].profile), POLICY_HOSTS_IMAGE);
}

static void
use_host(struct used *u, const struct policy_host *h)
{
        for (uint32_t i = 0; i < h->n_choices; i++) {
                const struct policy_choice *choice = &h->choices[i];
                const struct policy_profile *p = policy_profile_at(u->policy, choice->profile);
                const struct policy_rule *rule = policy_rule_at(u->policy, choice->rule);

                use_profile(u, h, p, choice->image);
                use_menu(u, h, policy_menu_at(u->policy, p->menu));
                use_menu(u, h, rule ? policy_menu_at(u->policy, rule->menu) : NULL);
        }
}

static const struct image *
image_of(const struct core *c, const struct policy_image *wanted)
{
        for (size_t i = 0; i < c->n_images; i++)
                if (strcmp(c->images[i].id, wanted->id) == 0)
                        return &c->images[i];
        return NULL;
}

/* --- the list of files --- */

struct list {
        char *text;
        size_t size, room;
};

static int
list_add(struct list *l, const struct satellite_file *f)
{
        size_t size;

        if (l->room - l->size < SATELLITE_FILE_LINE_MAX + 1) {
                size_t room = l->room * 2 + (16u << 10);
                char *text = realloc(l->text, room);

                if (!text)
                        return -ENOMEM;
                l->text = text;
                l->room = room;
        }
        size = satellite_files_add(l->text, l->size, l->room, f);
        if (size)
                l->size = size;
        return 0;
}

static int
list_image(struct list *l, const struct image *im)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < im->n_files; i++) {
                struct satellite_file f = {.size = im->files[i].size};

                if (!bootfile_image_has(im->files[i].name))
                        continue;
                memcpy(f.sha256, im->files[i].sha256, sizeof(f.sha256));
                snprintf(f.path, sizeof(f.path), "versions/%s/%s", im->id, im->files[i].name);
                r = list_add(l, &f);
        }
        return r;
}

/* What lets dompool-init believe a root that it fetches by HTTP. A version of before there were signatures has none. */
static int
list_manifest(const struct core *c, struct list *l, const struct image *im)
{
        static const char *const names[] = {"manifest.json", "manifest.sig"};
        char path[CONFIG_PATH_SIZE + SATELLITE_PATH_SIZE];
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(names); i++) {
                struct satellite_file f = {.size = 0};
                _cleanup_close_ int fd = -1;

                snprintf(f.path, sizeof(f.path), "versions/%s/%s", im->id, names[i]);
                snprintf(path, sizeof(path), "%s/%s", c->config->image_store, f.path);
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                if (fd >= 0 && digest_sha256_fd(fd, f.sha256, &f.size) == 0)
                        r = list_add(l, &f);
        }
        return r;
}

static int
list_files(const struct core *c, const struct policy *p, struct list *l)
{
        struct used used = {.policy = p, .images = calloc(policy_header(p)->n_images + 1u, sizeof(bool))};
        struct policy_host h;
        const struct policy_image *image;
        int r = used.images ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < c->n_loader_files; i++)
                r = list_add(l, &c->loader_files[i].file);
        for (uint32_t i = 0; r == 0 && policy_host_at(p, i, &h); i++)
                use_host(&used, &h);
        for (uint32_t i = 0; r == 0 && (image = policy_image_at(p, i)); i++) {
                const struct image *im = used.images[i] ? image_of(c, image) : NULL;

                if (im)
                        r = list_image(l, im);
                if (im && r == 0)
                        r = list_manifest(c, l, im);
        }
        free(used.images);
        return r;
}

/* --- offers --- */

static int
make_offer(struct core *c, struct core_satellite *s)
{
        CLEANUP(policy_free) struct policy *p = core_policy_for(c, s);
        struct msg_satellite_offer offer = {.conn = s->conn, .generation = c->policy_generation};
        _cleanup_free_ uint8_t *policy = NULL;
        struct list list = {0};
        const void *bytes;
        size_t size;

        if (!p)
                return -ENOMEM;
        bytes = policy_bytes(p, &size);
        policy = malloc(size);
        if (!policy || list_files(c, p, &list) < 0) {
                free(list.text);
                return -ENOMEM;
        }
        memcpy(policy, bytes, size);
        offer.policy_size = size;
        offer.files_size = list.size;
        digest_sha256(policy, size, offer.policy_sha256);
        digest_sha256(list.text, list.size, offer.files_sha256);
        core_satellite_offer_clear(s);
        s->bytes[SATELLITE_POLICY] = TAKE_PTR(policy);
        s->bytes[SATELLITE_FILES] = (uint8_t *)list.text;
        s->offer = offer;
        s->offered_ms = core_wall(c);
        return 0;
}

void
core_satellite_offer(struct core *c, struct core_satellite *s)
{
        if (!c->loader_files)
                scan_loaders(c);
        if (make_offer(c, s) < 0)
                log_error("no snapshot for satellite=%s: out of memory, or its networks are none", s->row.name);
        else
                core_send(c, ROLE_API, MSG_SATELLITE_OFFER, &s->offer);
}

void
core_satellite_offer_all(struct core *c)
{
        struct core_satellite *s, *next;

        HASH_ITER(hh, c->satellites, s, next)
        if (s->conn)
                core_satellite_offer(c, s);
}

void
core_satellite_tick(struct core *c)
{
        struct core_satellite *s, *next;
        bool any = false;

        if (core_mono(c) - c->loaders_mono_ms < SCAN_EVERY_MS)
                return;
        c->loaders_mono_ms = core_mono(c);
        HASH_ITER(hh, c->satellites, s, next)
        any = any || s->conn;
        if (any && scan_loaders(c)) {
                c->policy_dirty = true; /* a new generation: its number tells the lists apart */
        }
}

void
core_satellite_get(struct core *c, const struct msg_satellite_get *m)
{
        struct core_satellite *s = core_satellite_by_conn(c, m->conn);
        struct msg_satellite_part part = {.conn = m->conn, .generation = m->generation, .what = m->what, .offset = m->offset};
        uint64_t size;

        /* One of an offer that was replaced meanwhile: the next offer is on its way. */
        if (!s || m->generation != s->offer.generation || m->what >= SATELLITE_WHAT_N)
                return;
        size = m->what == SATELLITE_POLICY ? s->offer.policy_size : s->offer.files_size;
        if (m->offset > size)
                return;
        part.data.data = s->bytes[m->what] ? s->bytes[m->what] + m->offset : NULL;
        part.data.size = size - m->offset < SATELLITE_PART_MAX ? (size_t)(size - m->offset) : SATELLITE_PART_MAX;
        core_send(c, ROLE_API, MSG_SATELLITE_PART, &part);
}
