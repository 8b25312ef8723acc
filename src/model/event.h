/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_EVENT_H
#define DOMPOOL_MODEL_EVENT_H
/* An entry of the numbered, append-only event log. */
#include "base/rec.h"
#include "model/host.h"

struct event {
        uint64_t id;             /* 1.. without gaps, in commit order */
        int64_t time_ms;         /* wall clock of what happened */
        char kind[32];           /* "boot", "host", "domain", "op", "server", "canary", "security" */
        char subject[NAME_SIZE]; /* host, domain or operation id */
        char what[32];           /* "dhcp", "ready", "lost", "created", ... */
        char text[512];          /* for people */
        uint64_t boot;           /* number of the host's boot it belongs to; 0 none */
};
extern const struct rec_desc event_desc;

#endif
