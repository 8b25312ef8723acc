/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_BOOTCFG_POLICY_H
#define DOMPOOL_BOOTCFG_POLICY_H
/*
 * The policy snapshot: all that `boot` and `files` need to answer without asking anybody. `core` writes it as a file
 * (STATE/policy.snap, replaced by rename), the roles map it read-only and swap pointers. Flat, fixed-size, little-endian, no
 * pointers inside; hosts are sorted by MAC so that a lookup is O(log n). A file that is cut or of another version is refused
 * and the old one kept.
 *
 *     struct policy_header | struct policy_image[n_images] | struct policy_host[n_hosts]
 */
#include "base/error.h"
#include "base/parse.h"
#include "model/config.h"
#include "model/host.h"
#include "model/image.h"

#define POLICY_MAGIC 0x50504d44u /* "DMPP" */
#define POLICY_VERSION 1

struct policy_header {
        uint32_t magic, version;
        uint64_t generation;
        uint64_t size;          /* of the whole file */
        uint32_t n_images, n_hosts;
        uint32_t default_image; /* index; UINT32_MAX none */
        uint32_t reserved;
        uint8_t token_key[32];  /* HMAC key of the per-boot tokens */
        char tls_fingerprint[65]; /* hex SHA-256 of the agent listener's certificate (DER) */
        char console[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        uint32_t agent_port, http_port;
        struct config_network network;
};

struct policy_image {
        char id[IMAGE_ID_SIZE];
        char name[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        uint64_t xen_size, kernel_size, initrd_size;
};

struct policy_host {
        struct mac mac;
        uint8_t profile;       /* enum profile */
        uint8_t pad;
        uint32_t address;      /* fixed; 0: pool */
        uint32_t image;        /* index; UINT32_MAX: none, then the profile is local */
        char name[NAME_SIZE];
        char xen_args[ARGS_SIZE];
        char kernel_args[ARGS_SIZE];
        char console[NAME_SIZE];
};

struct policy; /* a mapped or built snapshot */

/* Maps the file @fd (not consumed) read-only after checking it. */
int
policy_map(int fd, struct policy **ret, struct error *err);

/* Builds one in memory from arrays; hosts need not be sorted. For core and tests. */
int
policy_build(const struct policy_header *header, const struct policy_image *images, uint32_t n_images,
             const struct policy_host *hosts, uint32_t n_hosts, struct policy **ret);

/* The bytes to write to a file. */
const void *
policy_bytes(const struct policy *p, size_t *ret_size);

void
policy_free(struct policy *p);

const struct policy_header *
policy_header(const struct policy *p);

/* NULL: unknown MAC. */
const struct policy_host *
policy_host_by_mac(const struct policy *p, const struct mac *mac);

const struct policy_host *
policy_host_at(const struct policy *p, uint32_t i);

/* NULL when the index names none. */
const struct policy_image *
policy_image_at(const struct policy *p, uint32_t i);

#endif
