/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_INIT_INIT_PLAN_H
#define DOMPOOL_INIT_INIT_PLAN_H
/*
 * What dompool-init decides, without doing it: which program is started when, what becomes of one that ends, what a change of
 * the lease means for the bridge, what is being waited for. Pure; times are milliseconds of one clock.
 *
 *   modules --> xenstored --socket--> xen-init-dom0 --ends---> xenconsoled
 *                                                       \     /
 *   card --> bridge --link--> dhcp --lease--> keep, dirs ---> agent
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rec.h"

enum init_condition {
        COND_XENBUS = 1 << 0,   /* Xen's devices are there */
        COND_XENSTORE = 1 << 1, /* xenstored answers */
        COND_DOM0 = 1 << 2,     /* xen-init-dom0 has run */
        COND_CARD = 1 << 3,     /* the network card is in its bridge */
        COND_LINK = 1 << 4,     /* it has a carrier */
        COND_LEASE = 1 << 5,    /* the bridge has an address */
        COND_KEPT = 1 << 6,     /* the host's kept files are put back, or will not be in this boot */
        COND_DIRS = 1 << 7,     /* its directories over NFS were tried once */
};

enum service_id {
        SERVICE_XENSTORED,
        SERVICE_INIT_DOM0,
        SERVICE_XENCONSOLED,
        SERVICE_DHCP,
        SERVICE_ROOT, /* the first stage of a root over the network: mounts it */
        SERVICE_KEEP, /* puts kept files back, before anything writes beside them */
        SERVICE_DIRS, /* mounts directories over NFS; again and again, until all are there */
        SERVICE_AGENT,
        SERVICE_SHELL,
        SERVICE_N
};

enum service_end {
        END_RESTART, /* started again, later and later */
        END_ONCE,    /* its success is a condition; a failure is tried again */
        END_FATAL,   /* cannot be replaced: the host must be restarted */
};

struct service_info {
        const char *name;
        unsigned needs; /* enum init_condition */
        enum service_end end;
        unsigned tries; /* END_ONCE: failures in a row that are fatal; 0: see limit_ms */
};
extern const struct service_info service_infos[SERVICE_N];

struct service {
        int pid; /* 0: does not run */
        bool wanted;
        bool done;         /* END_ONCE: has succeeded */
        unsigned failures; /* in a row */
        int64_t since_ms;  /* when it was started first; 0: it has not failed yet */
        int64_t limit_ms;  /* END_ONCE: a failure this long after that is fatal; 0: only a number of failures is */
        int64_t started_ms;
        int64_t not_before_ms;
};

#define SERVICE_BACKOFF_MIN_MS 200
#define SERVICE_BACKOFF_MAX_MS 10000
/* One that has run this long has not failed, it has ended. */
#define SERVICE_GOOD_MS 60000

/* Is it time to start it? */
bool service_due(enum service_id id, const struct service *s, unsigned conditions, int64_t now_ms);

enum service_verdict { VERDICT_RESTART, VERDICT_DONE, VERDICT_FATAL };

/* The program has ended, with success or not. Updates *s. */
enum service_verdict service_ended(enum service_id id, struct service *s, bool success, int64_t now_ms);

/* The earliest time at which one becomes due that is only waiting for time; INT64_MAX: none. */
int64_t service_next(const struct service s[SERVICE_N], unsigned conditions);

/* A change of the lease, from the DHCP child to init. address 0: there is none any more. */
struct init_lease {
        uint32_t address;
        uint32_t prefix;
        uint32_t router;
        uint32_t dns;
        uint32_t seconds;
};
extern const struct rec_desc init_lease_desc;
#define INIT_LEASE_WIRE_SIZE 20

/* Nobody leases such an address to a host: refused before it reaches the kernel. */
bool init_lease_ok(const struct init_lease *l);

enum net_action_kind { NET_ADDRESS_REMOVE, NET_ADDRESS_SET, NET_ROUTE_SET, NET_DNS_SET };
struct net_action {
        enum net_action_kind kind;
        uint32_t address;
        uint32_t prefix;
};
#define NET_MAX_ACTIONS 4

/* What to do when @was becomes @is: a renewal of the same values needs nothing. Returns the number. */
size_t init_lease_actions(const struct init_lease *was, const struct init_lease *is, struct net_action ret[NET_MAX_ACTIONS]);

/* A thing that init waits for. */
struct wait_info {
        unsigned needs;     /* counts from when these are met */
        unsigned condition; /* ends it */
        const char *what;
        uint32_t warn_ms;  /* said each time this passes */
        uint32_t fatal_ms; /* 0: waits forever, for it may come */
};
#define WAIT_N 5
extern const struct wait_info wait_infos[WAIT_N];

struct wait {
        int64_t since_ms; /* 0: not waited for */
        int64_t warned_ms;
};

enum wait_verdict { WAIT_QUIET, WAIT_SAY, WAIT_FATAL };

/* To be called now and then for each; *ret_seconds: how long it takes by now. */
enum wait_verdict wait_check(size_t i, struct wait *w, unsigned conditions, int64_t now_ms, unsigned *ret_seconds);

#endif
