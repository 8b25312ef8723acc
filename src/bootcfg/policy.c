/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy snapshot as `boot`, `files` and `core` read it: mapped, checked once, used in place. After the check every string
 * ends, every index is in range and the hosts are sorted, so that readers need not look again; a sealed file stays as it was
 * checked. Building one is policy_build.c's; does not write files.
 */
#include "bootcfg/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/sealed.h"
#include "bootcfg/policy_format.h"

#define POLICY_MAX_IMAGES 100000u
#define POLICY_MAX_PROFILES (CONFIG_MAX_PROFILES + 16u) /* and the built-in ones */
#define CHECKED_FROM (offsetof(struct policy_header, checksum) + SHA256_SIZE)

const char *const policy_by_names[] = {
        [POLICY_BY_ONCE] = "once", [POLICY_BY_SETTING] = "setting", [POLICY_BY_RULE] = "rule",
        [POLICY_BY_HOST] = "host", [POLICY_BY_DEFAULT] = "default", [POLICY_BY_N] = NULL,
};

#define TABLE(NAME, COUNT, SIZE, MAX)                                                                                          \
        {                                                                                                                      \
                NAME, offsetof(struct policy_header, COUNT), SIZE, MAX                                                         \
        }

const struct policy_table policy_tables[PART_N] = {
        [PART_IMAGES] = TABLE("images", n_images, sizeof(struct policy_image), POLICY_MAX_IMAGES),
        [PART_PROFILES] = TABLE("profiles", n_profiles, sizeof(struct policy_profile), POLICY_MAX_PROFILES),
        [PART_RULES] = TABLE("rules", n_rules, sizeof(struct policy_rule), CONFIG_MAX_RULES),
        [PART_MENUS] = TABLE("menus", n_menus, sizeof(struct policy_menu), CONFIG_MAX_MENUS),
        [PART_QUIRKS] = TABLE("quirks", n_quirks, sizeof(struct quirk), CONFIG_MAX_QUIRKS),
        [PART_ENROLS] = TABLE("enrolment rules", n_enrols, sizeof(struct enrol_rule), CONFIG_MAX_ENROLS),
        [PART_SETTINGS] = TABLE("settings", n_settings, sizeof(struct policy_setting), POLICY_MAX_HOSTS),
        [PART_CHOICES] = TABLE("choices", n_choices, sizeof(struct policy_choice), POLICY_MAX_HOSTS *POLICY_MAX_CHOICES),
        [PART_QUIRK_REFS] = TABLE("quirk references", n_quirk_refs, sizeof(uint16_t), POLICY_MAX_HOSTS *POLICY_MAX_QUIRKS),
        [PART_HOSTS] = TABLE("hosts", n_hosts, sizeof(struct policy_row), POLICY_MAX_HOSTS),
        [PART_BY_MAC] = TABLE("slots", n_slots, sizeof(uint32_t), 4 * POLICY_MAX_HOSTS),
        [PART_BY_ADDRESS] = TABLE("slots", n_slots, sizeof(uint32_t), 4 * POLICY_MAX_HOSTS),
        [PART_BY_NAME] = TABLE("slots", n_slots, sizeof(uint32_t), 4 * POLICY_MAX_HOSTS),
        [PART_TEXTS] = TABLE("bytes of text", n_texts, 1, POLICY_MAX_SIZE),
};
static_assert(sizeof(struct policy_header) % 8 == 0, "the first table begins aligned");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are used as they stand in the file");

uint32_t
policy_count(const struct policy_header *h, enum policy_part part)
{
        return *(const uint32_t *)(const void *)((const uint8_t *)h + policy_tables[part].count_offset);
}

uint64_t
policy_layout(const struct policy_header *h, size_t at[PART_N])
{
        uint64_t end = sizeof(*h);

        for (int i = 0; i < PART_N; i++) {
                at[i] = end;
                end += ((uint64_t)policy_count(h, i) * policy_tables[i].size + 7) & ~7ull;
        }
        return end;
}

/* NULL behind the last. */
static const void *
item_at(const struct policy *p, enum policy_part part, uint32_t i)
{
        return i < policy_count(policy_header(p), part) ? p->bytes + p->at[part] + (size_t)i * policy_tables[part].size : NULL;
}

static const char *
text_at(const struct policy *p, uint32_t at)
{
        return (const char *)p->bytes + p->at[PART_TEXTS] + at;
}

/* --- the check --- */

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
        for (size_t i = 0; i < ROOT_N; i++)
                if (!ENDS(h->root_patterns[i]))
                        return false;
        return ENDS(h->tls_fingerprint) && ENDS(h->console) && ENDS(h->xen_args) && ENDS(h->kernel_args) && networks_ok(h) &&
               index_ok(h->default_image, h->n_images);
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
               ENDS(p->kernel_args) && ENDS(p->layer) && ENDS(p->guest_nic) && ENDS(p->vlans) && ENDS(p->nfs_dirs) &&
               p->root <= ROOT_N && p->iscsi_hook <= 1 && image_index_ok(p->image, h) && index_ok(p->menu, h->n_menus);
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
enrol_ok(const struct enrol_rule *r)
{
        return ENDS(r->name) && name_ok(r->name) && ENDS(r->macs) && ENDS(r->networks) && ENDS(r->smbios) && ENDS(r->names) &&
               ENDS(r->profile) && ENDS(r->labels) && r->action < ENROL_N && r->from <= MINUTES_PER_DAY &&
               r->to <= MINUTES_PER_DAY;
}

static bool
choice_ok(const struct policy_choice *c, const struct policy_header *h)
{
        return c->profile < h->n_profiles && index_ok(c->rule, h->n_rules) && image_index_ok(c->image, h) &&
               c->by < POLICY_BY_N && c->from <= MINUTES_PER_DAY && c->to <= MINUTES_PER_DAY;
}

/* A text of less than @size bytes. The last byte of all texts is NUL, so each one ends. */
static bool
text_ok(const struct policy *p, uint32_t at, size_t size)
{
        return at < policy_header(p)->n_texts && strnlen(text_at(p, at), size) < size;
}

/* @n items from @first on, of @n_all. */
static bool
list_ok(uint32_t first, uint32_t n, uint32_t n_all)
{
        return n <= n_all && first <= n_all - n;
}

static bool
setting_ok(const struct policy *p, const struct policy_setting *s)
{
        const struct policy_header *h = policy_header(p);

        return index_ok(s->image, h->n_images) && text_ok(p, s->xen_args, ARGS_SIZE) && text_ok(p, s->kernel_args, ARGS_SIZE) &&
               text_ok(p, s->console, NAME_SIZE) && text_ok(p, s->loader, NAME_SIZE) && s->root < ROOT_N && s->n_choices > 0 &&
               s->n_choices <= POLICY_MAX_CHOICES && list_ok(s->choices, s->n_choices, h->n_choices) &&
               s->n_quirks <= POLICY_MAX_QUIRKS && list_ok(s->quirks, s->n_quirks, h->n_quirk_refs);
}

static bool
row_ok(const struct policy *p, const struct policy_row *row)
{
        return row->setting < policy_header(p)->n_settings && row->guest <= 1 && text_ok(p, row->name, NAME_SIZE) &&
               name_ok(text_at(p, row->name));
}

static bool
quirk_ref_ok(const struct policy *p, const uint16_t *ref)
{
        return *ref < policy_header(p)->n_quirks;
}

static bool
slot_ok(const struct policy *p, const uint32_t *slot)
{
        return *slot <= policy_header(p)->n_hosts;
}

/* May be asked for any item of a part; all of texts are looked at together. */
static bool
item_ok(const struct policy *p, enum policy_part part, uint32_t i)
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
        case PART_ENROLS:
                return enrol_ok(item);
        case PART_SETTINGS:
                return setting_ok(p, item);
        case PART_CHOICES:
                return choice_ok(item, h);
        case PART_QUIRK_REFS:
                return quirk_ref_ok(p, item);
        case PART_HOSTS:
                return row_ok(p, item) && (i == 0 || memcmp(&((const struct policy_row *)item - 1)->mac,
                                                            &((const struct policy_row *)item)->mac, sizeof(struct mac)) < 0);
        case PART_BY_MAC:
        case PART_BY_ADDRESS:
        case PART_BY_NAME:
                return slot_ok(p, item);
        default:
                return true;
        }
}

/* Of an index with hosts in it, at most three quarters are full: a search for what is not there ends soon. */
static bool
n_slots_ok(const struct policy_header *h)
{
        return (h->n_slots & (h->n_slots - 1)) == 0 && h->n_slots >= h->n_hosts + h->n_hosts / 3 &&
               (h->n_hosts == 0 || h->n_slots > h->n_hosts);
}

/* Two hosts in one slot less than hosts there are would let a search go round for ever. */
static bool
has_free_slot(const struct policy *p, enum policy_part part)
{
        const uint32_t *slots = item_at(p, part, 0);
        uint32_t n = policy_header(p)->n_slots;

        for (uint32_t i = 0; i < n; i++)
                if (slots[i] == 0)
                        return true;
        return n == 0;
}

static int
check_contents(const struct policy *p, struct error *err)
{
        const struct policy_header *h = policy_header(p);

        if (!header_ok(h) || !n_slots_ok(h))
                return error_set(err, ERR_INVALID, "policy snapshot: its header is damaged");
        if (h->n_texts == 0 || *text_at(p, 0) != '\0' || *text_at(p, h->n_texts - 1) != '\0')
                return error_set(err, ERR_INVALID, "policy snapshot: its texts are damaged");
        for (enum policy_part part = 0; part < PART_TEXTS; part++)
                for (uint32_t i = 0; i < policy_count(h, part); i++)
                        if (!item_ok(p, part, i))
                                return error_set(err, ERR_INVALID, "policy snapshot: number %u of its %s is damaged", i,
                                                 policy_tables[part].name);
        for (enum policy_part part = PART_BY_MAC; part <= PART_BY_NAME; part++)
                if (!has_free_slot(p, part))
                        return error_set(err, ERR_INVALID, "policy snapshot: an index is damaged");
        return 0;
}

/* Version and size, without which nothing else can be looked at. */
static int
check_header(struct policy *p, struct error *err)
{
        const struct policy_header *h = policy_header(p);

        if (p->size < sizeof(*h) || h->magic != POLICY_MAGIC)
                return error_set(err, ERR_INVALID, "policy snapshot: this is none");
        if (h->version != POLICY_VERSION)
                return error_set(err, ERR_INVALID, "policy snapshot: version %u, this program reads %u", h->version,
                                 POLICY_VERSION);
        for (int i = 0; i < PART_N; i++)
                if (policy_count(h, i) > policy_tables[i].max)
                        return error_set(err, ERR_INVALID, "policy snapshot: %u %s; at most %u", policy_count(h, i),
                                         policy_tables[i].name, policy_tables[i].max);
        if (h->size != p->size || p->size != policy_layout(h, p->at))
                return error_set(err, ERR_INVALID, "policy snapshot: it is cut (%zu bytes)", p->size);
        return 0;
}

static void
checksum(const void *bytes, size_t size, uint8_t ret[SHA256_SIZE])
{
        digest_sha256((const uint8_t *)bytes + CHECKED_FROM, size - CHECKED_FROM, ret);
}

void
policy_checksum(void *bytes, size_t size)
{
        if (size >= CHECKED_FROM)
                checksum(bytes, size, ((struct policy_header *)bytes)->checksum);
}

static int
check_sum(const struct policy *p, struct error *err)
{
        uint8_t sum[SHA256_SIZE];

        checksum(p->bytes, p->size, sum);
        if (memcmp(sum, policy_header(p)->checksum, sizeof(sum)) != 0)
                return error_set(err, ERR_INVALID, "policy snapshot: its checksum is wrong, it is damaged");
        return 0;
}

int
policy_check(struct policy *p, bool with_checksum, struct error *err)
{
        int r = check_header(p, err);

        if (r == 0 && with_checksum)
                r = check_sum(p, err);
        return r < 0 ? r : check_contents(p, err);
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
        if (!sealed_file_ok(fd))
                return error_set(err, ERR_INVALID, "policy snapshot: the file is not sealed");
        if (st.st_size < (off_t)sizeof(struct policy_header) || st.st_size > (off_t)POLICY_MAX_SIZE)
                return error_set(err, ERR_INVALID, "policy snapshot: it is cut, or none (%lld bytes)", (long long)st.st_size);
        p = calloc(1, sizeof(*p));
        if (!p)
                return error_errno_set(err, ENOMEM, "policy snapshot");
        bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED) {
                r = error_errno_set(err, errno, "policy snapshot: mmap");
                free(p);
                return r;
        }
        *p = (struct policy){.bytes = bytes, .size = (size_t)st.st_size, .mapped = true};
        r = policy_check(p, true, err);
        if (r < 0) {
                policy_free(p);
                return r;
        }
        madvise(bytes, p->size, MADV_DONTNEED); /* the check has read every page: they need not be ours until a host asks */
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
        free(p);
}

const struct policy_header *
policy_header(const struct policy *p)
{
        return (const struct policy_header *)(const void *)p->bytes;
}

/* --- hosts --- */

/* The upper bits of a product with an odd number depend on all bits of the key. */
static uint32_t
slot_of(uint64_t key, uint32_t n_slots)
{
        return (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 32) & (n_slots - 1);
}

uint32_t
policy_slot_of_mac(const struct mac *mac, uint32_t n_slots)
{
        uint64_t key = 0;

        memcpy(&key, mac->b, sizeof(mac->b));
        return slot_of(key, n_slots);
}

uint32_t
policy_slot_of_address(uint32_t address, uint32_t n_slots)
{
        return slot_of(address, n_slots);
}

uint32_t
policy_slot_of_name(const char *name, uint32_t n_slots)
{
        uint64_t hash = 14695981039346656037ull; /* FNV-1a */

        for (; *name; name++)
                hash = (hash ^ (unsigned char)*name) * 1099511628211ull;
        return slot_of(hash, n_slots);
}

const struct policy_host *
policy_host_at(const struct policy *p, uint32_t i, struct policy_host *ret)
{
        const struct policy_row *row = item_at(p, PART_HOSTS, i);
        const struct policy_setting *s;

        if (!row)
                return NULL;
        s = item_at(p, PART_SETTINGS, row->setting);
        *ret = (struct policy_host){
                .mac = row->mac,
                .guest = row->guest,
                .index = i,
                .address = row->address,
                .image = s->image,
                .name = text_at(p, row->name),
                .xen_args = text_at(p, s->xen_args),
                .kernel_args = text_at(p, s->kernel_args),
                .console = text_at(p, s->console),
                .loader = text_at(p, s->loader),
                .root = s->root,
                .choices = item_at(p, PART_CHOICES, s->choices),
                .quirks = item_at(p, PART_QUIRK_REFS, s->quirks),
                .n_choices = s->n_choices,
                .n_quirks = s->n_quirks,
        };
        return ret;
}

static bool
row_has_mac(const struct policy *p, const struct policy_row *row, const void *key)
{
        (void)p;
        return mac_eq(&row->mac, key);
}

static bool
row_has_address(const struct policy *p, const struct policy_row *row, const void *key)
{
        (void)p;
        return row->address == *(const uint32_t *)key;
}

static bool
row_has_name(const struct policy *p, const struct policy_row *row, const void *key)
{
        return strcmp(text_at(p, row->name), (const char *)key) == 0;
}

/* @slot: where to begin. */
static const struct policy_host *
find(const struct policy *p, enum policy_part index, uint32_t slot, const void *key,
     bool (*is_it)(const struct policy *p, const struct policy_row *row, const void *key), struct policy_host *ret)
{
        const uint32_t *slots = item_at(p, index, 0);
        uint32_t n = policy_header(p)->n_slots;

        for (; n > 0 && slots[slot] != 0; slot = (slot + 1) & (n - 1)) /* there is a free one: policy_map has seen it */
                if (is_it(p, item_at(p, PART_HOSTS, slots[slot] - 1), key))
                        return policy_host_at(p, slots[slot] - 1, ret);
        return NULL;
}

const struct policy_host *
policy_host_by_mac(const struct policy *p, const struct mac *mac, struct policy_host *ret)
{
        return find(p, PART_BY_MAC, policy_slot_of_mac(mac, policy_header(p)->n_slots), mac, row_has_mac, ret);
}

const struct policy_host *
policy_host_by_address(const struct policy *p, uint32_t address, struct policy_host *ret)
{
        return find(p, PART_BY_ADDRESS, policy_slot_of_address(address, policy_header(p)->n_slots), &address, row_has_address,
                    ret);
}

const struct policy_host *
policy_host_by_name(const struct policy *p, const char *name, struct policy_host *ret)
{
        return find(p, PART_BY_NAME, policy_slot_of_name(name, policy_header(p)->n_slots), name, row_has_name, ret);
}

/* --- the other tables --- */

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

const struct enrol_rule *
policy_enrols(const struct policy *p)
{
        return (const struct enrol_rule *)(const void *)(p->bytes + p->at[PART_ENROLS]);
}
