/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_TESTS_BOOTCFG_FIXTURE_H
#define DOMPOOL_TESTS_BOOTCFG_FIXTURE_H
/* A small room as a policy: n1 pool with image and address from the range, n2 local with a fixed address, n3 pool without
 * image. */
#include <stdio.h>
#include <string.h>

#include "bootcfg/policy.h"
#include "bootcfg/policy_choice.h"

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
        strcpy(h->root_patterns[ROOT_NFS], "nfs:%a:/%i:4");
        strcpy(h->root_patterns[ROOT_ISCSI], "iscsi:%a:3260:1:" ROOT_IQN "%i");
        h->n_networks = 1;
        h->networks[0] = (struct config_network){.interface = "br0",
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

/* A profile of each kind, at the place of its kind's number, named after it. */
static inline void
fixture_profiles(struct policy_profile profiles[PROFILE_N])
{
        memset(profiles, 0, PROFILE_N * sizeof(*profiles));
        for (uint32_t i = 0; i < PROFILE_N; i++) {
                snprintf(profiles[i].name, sizeof(profiles[i].name), "%s", profile_kind_names[i]);
                profiles[i].kind = i;
                profiles[i].image = POLICY_HOSTS_IMAGE;
                profiles[i].menu = POLICY_NONE;
        }
        profiles[PROFILE_CHAIN].server = 0x0a5800fe;
        snprintf(profiles[PROFILE_CHAIN].file, sizeof(profiles[PROFILE_CHAIN].file), "ltsp/ltsp.ipxe");
}

/* The kind's profile, at any time. */
static inline const struct policy_choice *
fixture_always(enum profile_kind kind)
{
        static struct policy_choice choices[PROFILE_N];

        choices[kind] = (struct policy_choice){
                .profile = kind, .rule = POLICY_NONE, .image = POLICY_HOSTS_IMAGE, .by = POLICY_BY_HOST};
        return &choices[kind];
}

static inline void
fixture_host(struct policy_host *h, const char *name, const struct mac *mac, enum profile_kind kind, uint32_t address,
             uint32_t image)
{
        *h = (struct policy_host){.mac = *mac,
                                  .name = name,
                                  .address = address,
                                  .image = image,
                                  .choices = fixture_always(kind),
                                  .n_choices = 1};
}

static inline void
fixture_hosts(struct policy_host hosts[3])
{
        /* not in the order of their MACs: policy_build sorts */
        fixture_host(&hosts[0], "n3", &mac_no_image, PROFILE_POOL, 0, UINT32_MAX);
        fixture_host(&hosts[1], "n1", &mac_pool, PROFILE_POOL, 0, 0);
        fixture_host(&hosts[2], "n2", &mac_fixed, PROFILE_LOCAL, FIXED_ADDRESS, 0);
}

/* With the profiles of fixture_profiles(). NULL: refused. */
static inline struct policy *
fixture_build(const struct policy_header *header, const struct policy_image *images, uint32_t n_images,
              const struct policy_host *hosts, uint32_t n_hosts)
{
        struct policy_profile profiles[PROFILE_N];
        const struct policy_parts parts = {.header = header,
                                           .images = images,
                                           .n_images = n_images,
                                           .profiles = profiles,
                                           .n_profiles = PROFILE_N,
                                           .hosts = hosts,
                                           .n_hosts = n_hosts};
        struct policy *p = NULL;

        fixture_profiles(profiles);
        return policy_build(&parts, &p) == 0 ? p : NULL;
}

static inline struct policy *
fixture_policy(void)
{
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[3];

        fixture_header(&header);
        fixture_image(&image);
        fixture_hosts(hosts);
        return fixture_build(&header, &image, 1, hosts, 3);
}

/* A room where every machine that nobody knows is inspected, and the unknown one is so now. */
static inline struct policy *
fixture_guest_policy(void)
{
        static const struct enrol_rule rule = {.name = "look", .action = ENROL_INSPECT};
        struct policy_profile profiles[PROFILE_N];
        struct policy_header header;
        struct policy_image image;
        struct policy_host hosts[4];
        struct policy_parts parts = {.header = &header,
                                     .images = &image,
                                     .n_images = 1,
                                     .profiles = profiles,
                                     .n_profiles = PROFILE_N,
                                     .enrols = &rule,
                                     .n_enrols = 1,
                                     .hosts = hosts,
                                     .n_hosts = 4};
        struct policy *p = NULL;

        fixture_header(&header);
        fixture_image(&image);
        fixture_profiles(profiles);
        fixture_hosts(hosts);
        fixture_host(&hosts[3], "guest-525400880099", &mac_unknown, PROFILE_INSPECT, 0, 0);
        hosts[3].guest = true;
        header.networks[0].lease_seconds = 3600;
        return policy_build(&parts, &p) == 0 ? p : NULL;
}

/* The host of this MAC, for the rest of the test program; NULL: there is none. */
static inline const struct policy_host *
fixture_find(const struct policy *p, const struct mac *mac)
{
        static struct policy_host found[16]; /* several may be in use */
        static unsigned n;

        return policy_host_by_mac(p, mac, &found[n++ % 16]);
}

/* What the host boots at a moment when no timetable matters. */
static inline struct policy_chosen
fixture_choose(const struct policy *p, const struct policy_host *host)
{
        const struct policy_time monday = {0};
        struct policy_chosen chosen;

        policy_choose(p, host, &monday, &chosen);
        return chosen;
}

#endif
