/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy snapshot as a flat piece of memory: made by `core`, mapped and checked by `boot` and `files`. After the check
 * every string ends, every index is in range and the hosts are sorted, so that readers need not look again. Does not write
 * files.
 */
#include "bootcfg/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define POLICY_MAX_IMAGES 100000u
#define POLICY_MAX_HOSTS 100000u
#define POLICY_MAX_PROFILES (CONFIG_MAX_PROFILES + 16u) /* and the built-in ones */

const char *const policy_by_names[] = {
        [POLICY_BY_ONCE] = "once", [POLICY_BY_SETTING] = "setting", [POLICY_BY_RULE] = "rule",
        [POLICY_BY_HOST] = "host", [POLICY_BY_DEFAULT] = "default", [POLICY_BY_N] = NULL,
};

struct policy {
        const uint8_t *bytes;
        size_t size;
        bool mapped;    /* else malloc'ed */
        uint64_t *macs; /* the hosts' MACs as numbers, in order: a look-up touches no other host's page */
};

/* The tables behind the header, in the file's order. */
enum part { PART_IMAGES, PART_PROFILES, PART_RULES, PART_MENUS, PART_QUIRKS, PART_HOSTS, PART_N };

static const struct {
        const char *name;
        size_t count_offset; /* in the header */
        size_t size;         /* of one */
        uint32_t max;
} tables[PART_N] = {
        [PART_IMAGES] = {"images", offsetof(struct policy_header, n_images), sizeof(struct policy_image), POLICY_MAX_IMAGES},
        [PART_PROFILES] = {"profiles", offsetof(struct policy_header, n_profiles), sizeof(struct policy_profile),
                           POLICY_MAX_PROFILES},
        [PART_RULES] = {"rules", offsetof(struct policy_header, n_rules), sizeof(struct policy_rule), CONFIG_MAX_RULES},
        [PART_MENUS] = {"menus", offsetof(struct policy_header, n_menus), sizeof(struct policy_menu), CONFIG_MAX_MENUS},
        [PART_QUIRKS] = {"quirks", offsetof(struct policy_header, n_quirks), sizeof(struct quirk), CONFIG_MAX_QUIRKS},
        [PART_HOSTS] = {"hosts", offsetof(struct policy_header, n_hosts), sizeof(struct policy_host), POLICY_MAX_HOSTS},
};
static_assert(sizeof(struct policy_header) % 8 == 0 && sizeof(struct policy_image) % 8 == 0 &&
                      sizeof(struct policy_profile) % 8 == 0 && sizeof(struct policy_rule) % 8 == 0 &&
                      sizeof(struct policy_menu) % 8 == 0 && sizeof(struct quirk) % 8 == 0,
              "each table begins aligned");

static uint32_t
count_of(const struct policy_header *h, enum part part)
{
        return *(const uint32_t *)((const uint8_t *)h + tables[part].count_offset);
}

/* Where a table begins; PART_N: where the file ends. */
static uint64_t
offset_of(const struct policy_header *h, enum part part)
{
        uint64_t at = sizeof(*h);

        for (int i = 0; i < (int)part; i++)
                at += (uint64_t)count_of(h, i) * tables[i].size;
        return at;
}

/* NULL behind the last. */
static const void *
item_at(const struct policy *p, enum part part, uint32_t i)
{
        const struct policy_header *h = policy_header(p);

        return i < count_of(h, part) ? p->bytes + offset_of(h, part) + (size_t)i * tables[part].size : NULL;
}

static const struct policy_host *
hosts_of(const struct policy *p)
{
        return (const struct policy_host *)(p->bytes + offset_of(policy_header(p), PART_HOSTS));
}

#define ENDS(FIELD) (memchr((FIELD), '\0', sizeof(FIELD)) != NULL)

static bool
index_ok(uint32_t i, uint32_t n)
{
        return i == POLICY_NONE || i < n;
}

static bool
networks_ok(const struct policy_header *h)
{
        if (h->n_networks == 0 || h->n_networks > CONFIG_MAX_NETWORKS)
                return false;
        for (uint32_t i = 0; i < h->n_networks; i++) {
                const struct config_network *n = &h->networks[i];

                if (!ENDS(n->name) || !ENDS(n->interface) || !ENDS(n->pxe_prompt) || n->prefix > 32 ||
                    n->mode >= NETWORK_MODE_N)
                        return false;
        }
        return true;
}

static bool
header_ok(const struct policy_header *h)
{
        return ENDS(h->tls_fingerprint) && ENDS(h->console) && ENDS(h->xen_args) && ENDS(h->kernel_args) &&
               networks_ok(h) && index_ok(h->default_image, h->n_images);
}

/* An id is also a folder's name and a part of menus: nothing but hex digits. */
static bool
image_ok(const struct policy_image *i)
{
        return ENDS(i->id) && ENDS(i->name) && ENDS(i->xen_args) && ENDS(i->kernel_args) &&
               strlen(i->id) == IMAGE_ID_SIZE - 1 && strspn(i->id, "0123456789abcdef") == IMAGE_ID_SIZE - 1;
}

static bool
image_index_ok(uint32_t i, const struct policy_header *h)
{
        return i == POLICY_HOSTS_IMAGE || index_ok(i, h->n_images);
}

static bool
profile_ok(const struct policy_profile *p, const struct policy_header *h)
{
        return ENDS(p->name) && name_ok(p->name) && p->kind < PROFILE_N && ENDS(p->file) && ENDS(p->xen_args) &&
               ENDS(p->kernel_args) && image_index_ok(p->image, h) &&
               index_ok(p->menu, h->n_menus);
}

static bool
rule_ok(const struct policy_rule *r, const struct policy_header *h)
{
        return ENDS(r->name) && name_ok(r->name) && index_ok(r->menu, h->n_menus);
}

static bool
menu_ok(const struct policy_menu *m, const struct policy_header *h)
{
        if (!ENDS(m->name) || !name_ok(m->name) || !ENDS(m->title) || m->n_entries > MENU_MAX_ENTRIES)
                return false;
        for (uint32_t i = 0; i < m->n_entries; i++) {
                const struct policy_entry *e = &m->entries[i];

                if (e->profile >= h->n_profiles || !ENDS(e->title) || !ENDS(e->password_grub) || !ENDS(e->password_syslinux) ||
                    !ENDS(e->password_pxegrub))
                        return false;
        }
        return true;
}

static bool
quirk_ok(const struct quirk *q)
{
        return ENDS(q->name) && name_ok(q->name) && ENDS(q->macs) && ENDS(q->pci) && ENDS(q->smbios) && ENDS(q->xen_args) &&
               ENDS(q->kernel_args) && ENDS(q->loader) && ENDS(q->why) && ENDS(q->source);
}

static bool
choice_ok(const struct policy_choice *c, const struct policy_header *h)
{
        return c->profile < h->n_profiles && index_ok(c->rule, h->n_rules) && image_index_ok(c->image, h) && c->by < POLICY_BY_N &&
               c->from <= MINUTES_PER_DAY && c->to <= MINUTES_PER_DAY;
}

static bool
host_ok(const struct policy_host *h, const struct policy_header *header)
{
        if (!ENDS(h->name) || !name_ok(h->name) || !ENDS(h->xen_args) || !ENDS(h->kernel_args) || !ENDS(h->console) || !ENDS(h->loader) ||
            !index_ok(h->image, header->n_images) || h->n_choices == 0 || h->n_choices > POLICY_MAX_CHOICES ||
            h->n_quirks > POLICY_MAX_QUIRKS)
                return false;
        for (uint32_t i = 0; i < h->n_quirks; i++)
                if (h->quirks[i] >= header->n_quirks)
                        return false;
        for (uint32_t i = 0; i < h->n_choices; i++)
                if (!choice_ok(&h->choices[i], header))
                        return false;
        return true;
}

static bool
item_ok(const struct policy *p, enum part part, uint32_t i)
{
        const struct policy_header *h = policy_header(p);
        const void *item = item_at(p, part, i);

        switch (part) {
        case PART_IMAGES:
                return image_ok(item);
        case PART_PROFILES:
                return profile_ok(item, h);
        case PART_RULES:
                return rule_ok(item, h);
        case PART_MENUS:
                return menu_ok(item, h);
        case PART_QUIRKS:
                return quirk_ok(item);
        case PART_HOSTS:
                return host_ok(item, h);
        default:
                return false;
        }
}

static int
check_contents(const struct policy *p, struct error *err)
{
        const struct policy_header *h = policy_header(p);
        const struct policy_host *hosts = hosts_of(p);

        if (!header_ok(h))
                return error_set(err, ERR_INVALID, "policy snapshot: its header is damaged");
        for (int part = 0; part < PART_N; part++)
                for (uint32_t i = 0; i < count_of(h, part); i++)
                        if (!item_ok(p, part, i))
                                return error_set(err, ERR_INVALID, "policy snapshot: number %u of its %s is damaged", i,
                                                 tables[part].name);
        for (uint32_t i = 1; i < h->n_hosts; i++)
                if (memcmp(&hosts[i - 1].mac, &hosts[i].mac, sizeof(struct mac)) >= 0)
                        return error_set(err, ERR_INVALID, "policy snapshot: host %u is not in order", i);
        return 0;
}

static int
check(const struct policy *p, struct error *err)
{
        const struct policy_header *h = policy_header(p);

        if (p->size < sizeof(*h) || h->magic != POLICY_MAGIC)
                return error_set(err, ERR_INVALID, "policy snapshot: this is none");
        if (h->version != POLICY_VERSION)
                return error_set(err, ERR_INVALID, "policy snapshot: version %u, this program reads %u", h->version,
                                 POLICY_VERSION);
        for (int i = 0; i < PART_N; i++)
                if (count_of(h, i) > tables[i].max)
                        return error_set(err, ERR_INVALID, "policy snapshot: %u %s; at most %u", count_of(h, i), tables[i].name,
                                         tables[i].max);
        if (h->size != p->size || p->size != offset_of(h, PART_N))
                return error_set(err, ERR_INVALID, "policy snapshot: it is cut (%zu bytes)", p->size);
        return check_contents(p, err);
}

static uint64_t
mac_number(const struct mac *m)
{
        uint64_t n = 0;

        for (size_t i = 0; i < sizeof(m->b); i++)
                n = n << 8 | m->b[i];
        return n;
}

/* Checks, and makes what is not in the file. On failure the snapshot is freed. */
static int
complete(struct policy *p, struct error *err)
{
        int r = check(p, err);
        uint32_t n = r < 0 ? 0 : policy_header(p)->n_hosts;

        if (r == 0) {
                p->macs = calloc((size_t)n + 1, sizeof(*p->macs));
                if (!p->macs)
                        r = error_errno_set(err, ENOMEM, "policy snapshot");
        }
        if (r < 0) {
                policy_free(p);
                return r;
        }
        for (uint32_t i = 0; i < n; i++)
                p->macs[i] = mac_number(&hosts_of(p)[i].mac);
        if (p->mapped) /* the check has read every page: they need not stay ours until a host asks */
                madvise((void *)(uintptr_t)p->bytes, p->size, MADV_DONTNEED);
        return 0;
}

int
policy_map(int fd, struct policy **ret, struct error *err)
{
        struct policy *p;
        struct stat st;
        void *bytes;
        int r;

        if (fstat(fd, &st) < 0)
                return error_errno_set(err, errno, "policy snapshot: fstat");
        if (st.st_size < (off_t)sizeof(struct policy_header))
                return error_set(err, ERR_INVALID, "policy snapshot: it is cut (%lld bytes)", (long long)st.st_size);
        p = calloc(1, sizeof(*p));
        if (!p)
                return error_errno_set(err, ENOMEM, "policy snapshot");
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
                r = error_errno_set(err, errno, "policy snapshot: mmap");
                free(p);
                return r;
        }
        *p = (struct policy){.bytes = bytes, .size = (size_t)st.st_size, .mapped = true};
        r = complete(p, err);
        if (r == 0)
                *ret = p;
        return r;
}

static int
compare_hosts(const void *a, const void *b)
{
        const struct policy_host *x = a, *y = b;

        return memcmp(&x->mac, &y->mac, sizeof(x->mac));
}

int
policy_build(const struct policy_parts *parts, struct policy **ret)
{
        const void *const items[PART_N] = {
                [PART_IMAGES] = parts->images, [PART_PROFILES] = parts->profiles, [PART_RULES] = parts->rules,
                [PART_MENUS] = parts->menus,   [PART_QUIRKS] = parts->quirks,     [PART_HOSTS] = parts->hosts,
        };
        struct policy_header header = *parts->header;
        _cleanup_free_ uint8_t *bytes = NULL;
        struct policy *p;
        struct error err;

        header.magic = POLICY_MAGIC;
        header.version = POLICY_VERSION;
        header.n_images = parts->n_images;
        header.n_profiles = parts->n_profiles;
        header.n_rules = parts->n_rules;
        header.n_menus = parts->n_menus;
        header.n_quirks = parts->n_quirks;
        header.n_hosts = parts->n_hosts;
        header.size = offset_of(&header, PART_N);
        bytes = calloc(1, header.size);
        p = calloc(1, sizeof(*p));
        if (!bytes || !p) {
                free(p);
                return -ENOMEM;
        }
        memcpy(bytes, &header, sizeof(header));
        for (int i = 0; i < PART_N; i++)
                if (count_of(&header, i) > 0)
                        memcpy(bytes + offset_of(&header, i), items[i], count_of(&header, i) * tables[i].size);
        qsort(bytes + offset_of(&header, PART_HOSTS), header.n_hosts, sizeof(struct policy_host), compare_hosts);
        *p = (struct policy){.bytes = TAKE_PTR(bytes), .size = header.size};
        if (complete(p, &err) < 0)
                return -EINVAL;
        *ret = p;
        return 0;
}

const void *
policy_bytes(const struct policy *p, size_t *ret_size)
{
        *ret_size = p->size;
        return p->bytes;
}

void
policy_free(struct policy *p)
{
        if (!p)
                return;
        if (p->mapped)
                munmap((void *)(uintptr_t)p->bytes, p->size);
        else
                free((void *)(uintptr_t)p->bytes);
        free(p->macs);
        free(p);
}

const struct policy_header *
policy_header(const struct policy *p)
{
        return (const struct policy_header *)p->bytes;
}

const struct policy_host *
policy_host_by_mac(const struct policy *p, const struct mac *mac)
{
        uint64_t key = mac_number(mac);
        uint32_t low = 0, high = policy_header(p)->n_hosts;

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (p->macs[middle] < key)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < policy_header(p)->n_hosts && p->macs[low] == key ? &hosts_of(p)[low] : NULL;
}

const struct policy_host *
policy_host_at(const struct policy *p, uint32_t i)
{
        return item_at(p, PART_HOSTS, i);
}

const struct policy_image *
policy_image_at(const struct policy *p, uint32_t i)
{
        return item_at(p, PART_IMAGES, i);
}

const struct policy_profile *
policy_profile_at(const struct policy *p, uint32_t i)
{
        return item_at(p, PART_PROFILES, i);
}

const struct policy_rule *
policy_rule_at(const struct policy *p, uint32_t i)
{
        return item_at(p, PART_RULES, i);
}

const struct policy_menu *
policy_menu_at(const struct policy *p, uint32_t i)
{
        return item_at(p, PART_MENUS, i);
}

const struct quirk *
policy_quirk_at(const struct policy *p, uint32_t i)
{
        return item_at(p, PART_QUIRKS, i);
}
