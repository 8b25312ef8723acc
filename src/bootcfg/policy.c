/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy snapshot as a flat piece of memory: made by `core`, mapped and checked by `boot` and `files`. After the check
 * every string ends, every index is in range and the hosts are sorted, so that readers need not look again. Does not write
 * files.
 */
#include "bootcfg/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define POLICY_MAX_IMAGES 100000u
#define POLICY_MAX_HOSTS 100000u

struct policy {
        const uint8_t *bytes;
        size_t size;
        bool mapped; /* else malloc'ed */
};

static uint64_t
policy_size(uint64_t n_images, uint64_t n_hosts)
{
        return sizeof(struct policy_header) + n_images * sizeof(struct policy_image) + n_hosts * sizeof(struct policy_host);
}

static const struct policy_image *
images_of(const struct policy *p)
{
        return (const struct policy_image *)(p->bytes + sizeof(struct policy_header));
}

static const struct policy_host *
hosts_of(const struct policy *p)
{
        return (const struct policy_host *)(p->bytes + policy_size(policy_header(p)->n_images, 0));
}

#define ENDS(FIELD) (memchr((FIELD), '\0', sizeof(FIELD)) != NULL)

static bool
header_ok(const struct policy_header *h)
{
        return ENDS(h->tls_fingerprint) && ENDS(h->console) && ENDS(h->xen_args) && ENDS(h->kernel_args) &&
               ENDS(h->network.interface) && (h->default_image == UINT32_MAX || h->default_image < h->n_images) &&
               h->network.prefix <= 32;
}

/* An id is also a folder's name and a part of menus: nothing but hex digits. */
static bool
image_ok(const struct policy_image *i)
{
        return ENDS(i->id) && ENDS(i->name) && ENDS(i->xen_args) && ENDS(i->kernel_args) &&
               strlen(i->id) == IMAGE_ID_SIZE - 1 && strspn(i->id, "0123456789abcdef") == IMAGE_ID_SIZE - 1;
}

static bool
host_ok(const struct policy_host *h, uint32_t n_images)
{
        return ENDS(h->name) && name_ok(h->name) && ENDS(h->xen_args) && ENDS(h->kernel_args) && ENDS(h->console) &&
               h->profile < PROFILE_N && (h->image == UINT32_MAX || h->image < n_images);
}

static int
check_contents(const struct policy *p, struct error *err)
{
        const struct policy_header *h = policy_header(p);
        const struct policy_image *images = images_of(p);
        const struct policy_host *hosts = hosts_of(p);

        if (!header_ok(h))
                return error_set(err, ERR_INVALID, "policy snapshot: its header is damaged");
        for (uint32_t i = 0; i < h->n_images; i++)
                if (!image_ok(&images[i]))
                        return error_set(err, ERR_INVALID, "policy snapshot: image %u is damaged", i);
        for (uint32_t i = 0; i < h->n_hosts; i++) {
                if (!host_ok(&hosts[i], h->n_images))
                        return error_set(err, ERR_INVALID, "policy snapshot: host %u is damaged", i);
                if (i > 0 && memcmp(&hosts[i - 1].mac, &hosts[i].mac, sizeof(struct mac)) >= 0)
                        return error_set(err, ERR_INVALID, "policy snapshot: host %u is not in order", i);
        }
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
        if (h->n_images > POLICY_MAX_IMAGES || h->n_hosts > POLICY_MAX_HOSTS)
                return error_set(err, ERR_INVALID, "policy snapshot: %u images, %u hosts; at most %u and %u", h->n_images,
                                 h->n_hosts, POLICY_MAX_IMAGES, POLICY_MAX_HOSTS);
        if (h->size != p->size || p->size != policy_size(h->n_images, h->n_hosts))
                return error_set(err, ERR_INVALID, "policy snapshot: it is cut (%zu bytes)", p->size);
        return check_contents(p, err);
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
        r = check(p, err);
        if (r < 0)
                policy_free(p);
        else
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
policy_build(const struct policy_header *header, const struct policy_image *images, uint32_t n_images,
             const struct policy_host *hosts, uint32_t n_hosts, struct policy **ret)
{
        uint64_t size = policy_size(n_images, n_hosts);
        _cleanup_free_ uint8_t *bytes = calloc(1, size);
        struct policy *p = calloc(1, sizeof(*p));
        struct policy_header *h = (struct policy_header *)bytes;
        uint8_t *to = bytes;
        struct error err;

        if (!bytes || !p) {
                free(p);
                return -ENOMEM;
        }
        *h = *header;
        h->magic = POLICY_MAGIC;
        h->version = POLICY_VERSION;
        h->size = size;
        h->n_images = n_images;
        h->n_hosts = n_hosts;
        to += sizeof(*h);
        if (n_images > 0)
                memcpy(to, images, n_images * sizeof(*images));
        to += n_images * sizeof(*images);
        if (n_hosts > 0) {
                memcpy(to, hosts, n_hosts * sizeof(*hosts));
                qsort(to, n_hosts, sizeof(*hosts), compare_hosts);
        }
        *p = (struct policy){.bytes = TAKE_PTR(bytes), .size = size};
        if (check(p, &err) < 0) {
                policy_free(p);
                return -EINVAL;
        }
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
        return (const struct policy_header *)p->bytes;
}

const struct policy_host *
policy_host_by_mac(const struct policy *p, const struct mac *mac)
{
        struct policy_host key = {.mac = *mac};

        return bsearch(&key, hosts_of(p), policy_header(p)->n_hosts, sizeof(key), compare_hosts);
}

const struct policy_host *
policy_host_at(const struct policy *p, uint32_t i)
{
        return i < policy_header(p)->n_hosts ? &hosts_of(p)[i] : NULL;
}

const struct policy_image *
policy_image_at(const struct policy *p, uint32_t i)
{
        return i < policy_header(p)->n_images ? &images_of(p)[i] : NULL;
}
