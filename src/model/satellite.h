/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOMPOOL_MODEL_SATELLITE_H
#define DOMPOOL_MODEL_SATELLITE_H
/*
 * A satellite: a second dompoold that serves another LAN from what the main server gave it (docs/decisions/0013-satellites.md).
 * What the main server keeps of it. The line that enrols it: enrolment.h. Pure.
 */
#include "base/error.h"
#include "model/config.h"

#define SATELLITE_MAX 64

struct satellite {
        char name[NAME_SIZE];
        char label[NAME_SIZE]; /* its hosts are those with this label */
        uint8_t secret_sha256[32];
        int64_t added_ms;
        int64_t seen_ms;   /* its last hello, or the end of its connection; 0: never */
        uint64_t journal;  /* whose numbers last_seq is one of: a satellite that lost its disk begins a new one */
        uint64_t last_seq; /* of the reports taken */
        char version[NAME_SIZE];
        uint32_t http_port;  /* there */
        uint32_t n_networks; /* as told at its last hello */
        struct config_network networks[CONFIG_MAX_NETWORKS];
};
extern const struct rec_desc satellite_desc;

/* The key of the boot tokens that the satellite's snapshot gives out: no other satellite's, and another one after it was
 * enrolled anew. */
void satellite_key(const uint8_t token_key[32], const struct satellite *s, uint8_t ret[32]);

#endif
