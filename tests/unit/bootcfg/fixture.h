/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_BOOTCFG_FIXTURE_H
#define DOMPOOL_TESTS_BOOTCFG_FIXTURE_H
/* A small room as a policy: n1 pool with image and address from the range, n2 local with a fixed address, n3 pool without
 * image. */
#include <stdio.h>
#include <string.h>

#include "bootcfg/policy.h"

#define SERVER_ADDRESS 0x0a580001u /* 10.88.0.1 */
#define NET_ADDRESS 0x0a580000u
#define RANGE_FIRST 0x0a580064u /* .100 */
#define RANGE_LAST 0x0a580067u  /* .103 */
#define FIXED_ADDRESS 0x0a580032u
#define IMAGE_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct mac mac_pool = {{0x52, 0x54, 0, 0x88, 0, 1}};
static const struct mac mac_fixed = {{0x52, 0x54, 0, 0x88, 0, 2}};
static const struct mac mac_no_image = {{0x52, 0x54, 0, 0x88, 0, 3}};
static const struct mac mac_unknown = {{0x52, 0x54, 0, 0x88, 0, 0x99}};

static inline void
fixture_header(struct policy_header *h)
{
        memset(h, 0, sizeof(*h));
        h->generation = 1;
        h->default_image = 0;
        memset(h->token_key, 7, sizeof(h->token_key));
        memset(h->tls_fingerprint, 'f', 64);
        strcpy(h->console, "vga");
        h->agent_port = 8444;
        h->http_port = 8080;
        h->network = (struct config_network){.interface = "br0",
                                             .address = SERVER_ADDRESS,
                                             .net = NET_ADDRESS,
                                             .prefix = 24,
                                             .range_first = RANGE_FIRST,
                                             .range_last = RANGE_LAST,
                                             .router = SERVER_ADDRESS,
                                             .lease_seconds = 600};
}

static inline void
fixture_image(struct policy_image *i)
{
        memset(i, 0, sizeof(*i));
        strcpy(i->id, IMAGE_ID);
        strcpy(i->name, "micro");
        strcpy(i->xen_args, "dom0_mem=512M");
        strcpy(i->kernel_args, "quiet");
}

static inline void
fixture_host(struct policy_host *h, const char *name, const struct mac *mac, enum profile profile, uint32_t address,
             uint32_t image)
{
        memset(h, 0, sizeof(*h));
        h->mac = *mac;
        h->profile = (uint8_t)profile;
        h->address = address;
        h->image = image;
        snprintf(h->name, sizeof(h->name), "%s", name);
}

static inline void
fixture_hosts(struct policy_host hosts[3])
{
        /* not in the order of their MACs: policy_build sorts */
        fixture_host(&hosts[0], "n3", &mac_no_image, PROFILE_POOL, 0, UINT32_MAX);
        fixture_host(&hosts[1], "n1", &mac_pool, PROFILE_POOL, 0, 0);
        fixture_host(&hosts[2], "n2", &mac_fixed, PROFILE_LOCAL, FIXED_ADDRESS, 0);
}

static inline struct policy *
fixture_policy(void)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];
        struct policy *p = NULL;

        fixture_header(&header);
        fixture_image(&image);
        fixture_hosts(hosts);
        if (policy_build(&header, &image, 1, hosts, 3, &p) != 0)
                return NULL;
        return p;
}

#endif
